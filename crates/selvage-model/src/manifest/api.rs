//! The `api` type of interface: direct to an upstream by its OpenAPI contract, or mediated over an object.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::name::{ClassName, InterfaceRef, ObjectRef, SystemName};
use crate::source::Spanned;

/// What an api does with a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Api {
    /// Passes it to the upstream, by the operations of its OpenAPI contract.
    Direct {
        /// Path of the contract, relative to the fabric's directory.
        openapi: Spanned<String>,
        /// Classes of data of members by their names, besides those that the contract marks itself.
        classes: Vec<(Spanned<String>, Spanned<ClassName>)>,
        /// Where it goes.
        upstream: Upstream,
        /// How its answers are kept, where they are.
        cache: Option<Cache>,
    },
    /// Serves an object of a system through its mapping.
    Mediated(Serves),
}

/// Where a direct api goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Upstream {
    /// The system.
    pub system: Spanned<SystemName>,
    /// The path there that the contract's paths hang below; begins with `/`, no slash at the end; empty for the root.
    pub path: String,
    /// Whether requests may become WebSockets there.
    pub websocket: bool,
}

/// How the answers of a direct api are kept by a node, to be given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cache {
    /// Whose an answer is.
    pub answers: Answers,
    /// Bytes that are kept.
    pub size: u64,
    /// Bytes of the largest answer that is kept.
    pub largest: u64,
    /// How old an answer may become, whatever it says itself.
    pub max_age: Option<Duration>,
}

impl Cache {
    /// Bytes that are kept where nothing is said.
    pub const SIZE: u64 = 16_000_000;
    /// Bytes of the largest answer where nothing is said.
    pub const LARGEST: u64 = 1_000_000;
}

/// Whose a kept answer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answers {
    /// Of the grant that asked for it.
    #[default]
    OfEachGrant,
    /// Of all who have a grant that shows as much.
    SameForAll,
}

impl Answers {
    /// Its word in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OfEachGrant => "of-each-grant",
            Self::SameForAll => "same-for-all",
        }
    }
}

/// What a mediated api serves.
#[derive(Clone, Debug, PartialEq)]
pub struct Serves {
    /// The object.
    pub object: Spanned<ObjectRef>,
    /// The system.
    pub system: Spanned<SystemName>,
    /// What may be done.
    pub operations: Vec<Spanned<Operation>>,
    /// The system's technical account, where not its default one.
    pub account: Option<Spanned<String>>,
    /// Where lists and gets are answered from, where not from the system.
    pub reads: Option<Reads>,
}

/// A copy that lists and gets are answered from.
#[derive(Clone, Debug, PartialEq)]
pub struct Reads {
    /// The event interface that keeps it.
    pub copy: Spanned<InterfaceRef>,
    /// What becomes of a read while the copy is older than it may be.
    pub older: Older,
}

/// What becomes of a read while its copy is older than it may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Older {
    /// It is refused, with a time to come again.
    #[default]
    Refuse,
    /// The system is asked.
    Live,
}

/// What can be done to an object through a mediated api.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// `GET …/{plural}`.
    List,
    /// `GET …/{plural}/{id}`.
    Get,
    /// `POST …/{plural}`.
    Create,
    /// `PATCH …/{plural}/{id}`: a JSON merge of attributes.
    Update,
    /// `POST …/{plural}/{id}/archive`.
    Archive,
    /// `POST …/{plural}/{id}/release`: a production, purchase or sales order, or a lot out of quarantine.
    Release,
    /// `POST …/{plural}/{id}/start`: a work order.
    Start,
    /// `POST …/{plural}/{id}/pause`: a work order.
    Pause,
    /// `POST …/{plural}/{id}/finish`: a work order.
    Finish,
    /// `POST …/{plural}/{id}/report`: production of a production order, as a total.
    Report,
    /// `POST …/{plural}/{id}/consume`: of a component of a production order, as a total.
    Consume,
    /// `POST …/{plural}/{id}/cancel`: a production order.
    Cancel,
    /// `POST …/{plural}/{id}/revise`: a bill of materials, by another in its place.
    Revise,
    /// `POST …/{plural}/{id}/close`: a maintenance request.
    Close,
    /// `POST …/{plural}/{id}/receive`: goods of a purchase order, as totals.
    Receive,
    /// `POST …/{plural}/{id}/ship`: goods of a sales order or of its shipment, as totals.
    Ship,
    /// `POST …/{plural}/{id}/adjust`: what was counted at an inventory position.
    Adjust,
    /// `POST …/{plural}/{id}/scrap`: from an inventory position.
    Scrap,
    /// `POST …/{plural}/{id}/quarantine`: a lot.
    Quarantine,
}

impl Operation {
    /// Every operation.
    pub const ALL: &'static [Self] = &[
        Self::List,
        Self::Get,
        Self::Create,
        Self::Update,
        Self::Archive,
        Self::Release,
        Self::Start,
        Self::Pause,
        Self::Finish,
        Self::Report,
        Self::Consume,
        Self::Cancel,
        Self::Revise,
        Self::Close,
        Self::Receive,
        Self::Ship,
        Self::Adjust,
        Self::Scrap,
        Self::Quarantine,
    ];

    /// Its word in manifests and paths.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Get => "get",
            Self::Create => "create",
            Self::Update => "update",
            Self::Archive => "archive",
            Self::Release => "release",
            Self::Start => "start",
            Self::Pause => "pause",
            Self::Finish => "finish",
            Self::Report => "report",
            Self::Consume => "consume",
            Self::Cancel => "cancel",
            Self::Revise => "revise",
            Self::Close => "close",
            Self::Receive => "receive",
            Self::Ship => "ship",
            Self::Adjust => "adjust",
            Self::Scrap => "scrap",
            Self::Quarantine => "quarantine",
        }
    }

    /// Whether it changes the system, so that it needs an idempotency key.
    pub fn writes(self) -> bool {
        !matches!(self, Self::List | Self::Get)
    }

    /// Whether it brings one record to a target.
    pub fn is_verb(self) -> bool {
        !matches!(self, Self::List | Self::Get | Self::Create)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Operation {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|operation| operation.as_str() == text).ok_or(())
    }
}
