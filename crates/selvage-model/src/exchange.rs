//! What passes between the gateway and the engine: a mediated request and its answer. Plain data, so that
//! both may stand in one process or on two machines.

use std::time::Duration;

use serde_json::Value;

use crate::access::GrantTerms;
use crate::class::Masked;
use crate::fabric::Fabric;
use crate::manifest::api::Operation;
use crate::manifest::interface::Interface;
use crate::manifest::object::Object;
use crate::name::{AttributeName, ConsumerName, InterfaceRef};
use crate::operation::OperationId;
use crate::problem::{FieldError, Problem};

/// A request that was authenticated, authorized and limited, on its way to an object.
#[derive(Clone, Debug, PartialEq)]
pub struct MediatedRequest {
    /// The interface.
    pub interface: InterfaceRef,
    /// What is to be done.
    pub operation: Operation,
    /// The record, for all but list and create; percent-decoded.
    pub id: Option<String>,
    /// Who asks.
    pub consumer: ConsumerName,
    /// What of it they may see and touch.
    pub scope: Scope,
    /// Query parameters, decoded, in order.
    pub query: Vec<(String, String)>,
    /// The body, for writes.
    pub body: Option<Value>,
    /// The caller's `Idempotency-Key`; required for writes.
    pub key: Option<String>,
    /// The caller's `If-Match`: a write is only for this state of the record.
    pub if_match: Option<String>,
    /// The exchange this belongs to.
    pub correlation: String,
    /// W3C trace context to hand on.
    pub traceparent: Option<String>,
    /// How long the caller waits. A write goes on after that and answers 202.
    pub patience: Duration,
}

/// Rows and attributes of a grant.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Scope {
    /// Each attribute has one of these values.
    pub rows: Vec<(AttributeName, Vec<Value>)>,
    /// These attributes are neither shown nor taken.
    pub except: Vec<AttributeName>,
    /// These are shown as `null`, and not taken: the grant does not see their class of data.
    pub masked: Vec<Masked>,
}

impl Scope {
    /// What these terms cover of this object; of none, where it is not declared, no attribute is known to be masked.
    pub fn of(terms: &GrantTerms, object: Option<&Object>) -> Self {
        let masked = object.map(|object| object.masked(&terms.classes)).unwrap_or_default();
        Self { rows: terms.rows.clone(), except: terms.except.clone(), masked }
    }

    /// What these terms cover of the objects that an interface carries, or of what the schemas of its events say: what is masked of
    /// one that its events carry is so in each of them. Of an object that is not declared no attribute is known to be masked.
    pub fn on(terms: &GrantTerms, fabric: &Fabric, interface: &InterfaceRef) -> Self {
        let interface = fabric.interfaces.get(interface);
        let objects =
            interface.into_iter().flat_map(Interface::objects).filter_map(|object| fabric.objects.get(object));
        let of_objects = objects.flat_map(|object: &Object| object.masked(&terms.classes));
        let schemas = interface.into_iter().flat_map(|interface| fabric.schemas_of(interface));
        let mut masked: Vec<Masked> = Vec::new();
        for found in of_objects.chain(schemas.flat_map(|schema| schema.masked(&terms.classes))) {
            if !masked.contains(&found) {
                masked.push(found);
            }
        }
        Self { masked, ..Self::of(terms, None) }
    }
}

/// What becomes of a mediated request.
#[derive(Clone, Debug, PartialEq)]
pub enum MediatedAnswer {
    /// 200 or 201 with a body.
    Done {
        /// 200, or 201 for a create.
        status: u16,
        /// The body.
        body: Value,
        /// Path of what was created, where something was.
        location: Option<String>,
        /// The tag of the object's content, for `ETag`; none for a list.
        etag: Option<String>,
        /// The query of the next page, where there is one (for the `Link` header).
        next: Option<String>,
        /// How many seconds old the copy is that it was read from; none where the system was asked.
        age: Option<u64>,
        /// The answer was given before, to the same key.
        replayed: bool,
        /// What of the body does not fit its object; none where nobody looked.
        found: Option<Vec<FieldError>>,
    },
    /// 202: the outcome is not known yet; `Location: /operations/{id}`.
    Accepted {
        /// Where to look.
        operation: OperationId,
    },
    /// Refused.
    Refused {
        /// Why.
        problem: Problem,
        /// The refusal was given before, to the same key.
        replayed: bool,
    },
}

impl MediatedAnswer {
    /// Why it was refused, where it was.
    pub fn refused(&self) -> Option<&Problem> {
        match self {
            Self::Refused { problem, .. } => Some(problem),
            Self::Done { .. } | Self::Accepted { .. } => None,
        }
    }
}
