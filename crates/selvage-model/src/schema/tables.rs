//! The kinds of manifests as tables of fields. What stands here is what the reader takes and what editors complete.

pub(crate) mod access;
pub(crate) mod extension;
pub(crate) mod flow;
pub(crate) mod governance;
pub(crate) mod interface;
pub(crate) mod issuer;
pub(crate) mod mapping;
pub(crate) mod object;
pub(crate) mod organisation;
pub(crate) mod system;
pub(crate) mod webhook;

use super::format::Format;
use super::shape::{Record, Shape};
use crate::manifest::kind::Kind;

/// The record of this kind, without its `kind` field.
pub(crate) fn of(kind: Kind) -> &'static Record {
    match kind {
        Kind::Fabric => &organisation::FABRIC,
        Kind::Domain => &organisation::DOMAIN,
        Kind::Site => &organisation::SITE,
        Kind::Team => &organisation::TEAM,
        Kind::System => &system::SYSTEM,
        Kind::Rule => &governance::RULE,
        Kind::Object => &object::OBJECT,
        Kind::CodeSet => &object::CODE_SET,
        Kind::Mapping => &mapping::MAPPING,
        Kind::Interface => &interface::INTERFACE,
        Kind::Issuer => &issuer::ISSUER,
        Kind::Consumer => &access::CONSUMER,
        Kind::Grant => &access::GRANT,
        Kind::Subscription => &access::SUBSCRIPTION,
        Kind::Flow => &flow::FLOW,
        Kind::ApprovalRule => &governance::APPROVAL_RULE,
        Kind::Waiver => &governance::WAIVER,
    }
}

const TEXT: Shape = Shape::Text(Format::Text);
const NAME: Shape = Shape::Text(Format::Name);
const WORD: Shape = Shape::Text(Format::Word);
const VERSION: Shape = Shape::Text(Format::Version);
const BOOLEAN: Shape = Shape::Text(Format::Boolean);
const DURATION: Shape = Shape::Text(Format::Duration);
const RATE: Shape = Shape::Text(Format::Rate);
const QUOTA: Shape = Shape::Text(Format::Quota);
const OBJECT_REF: Shape = Shape::Text(Format::ObjectRef);
const INTERFACE_REF: Shape = Shape::Text(Format::InterfaceRef);
const EVENT_TYPE: Shape = Shape::Text(Format::EventType);
const DATE: Shape = Shape::Text(Format::Date);
/// A number of things at a time, or in a second.
const SOME: Shape = Shape::Text(Format::Integer(1, 1_000_000));
/// A list of texts.
const TEXTS: Shape = Shape::List(&TEXT, false);
/// A list of names.
const NAMES: Shape = Shape::List(&NAME, false);
