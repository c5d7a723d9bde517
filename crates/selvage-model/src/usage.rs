//! Who uses what: counts per consumer, interface, operation and attribute, and the requests that nothing declares, as plain
//! data between the gateway that counts, the store that keeps, and whoever shows them.

use jiff::Timestamp;

use crate::name::{ConsumerName, InterfaceRef};

/// What is counted by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsageKey {
    /// The interface.
    pub interface: InterfaceRef,
    /// Who asked; nobody where the caller is not known.
    pub consumer: Option<ConsumerName>,
    /// The operation as grants name it; empty where nothing declared was asked for.
    pub operation: String,
    /// One attribute of it; none for the requests as such.
    pub attribute: Option<AttributeUse>,
}

/// How an attribute takes part in a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeUse {
    /// Which way it goes.
    pub way: Way,
    /// Its name; `*` where a whole object is asked for.
    pub attribute: String,
}

/// Which way an attribute goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// Asked for, or searched by.
    Asked,
    /// Sent in a body.
    Sent,
}

impl Way {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Sent => "sent",
        }
    }
}

/// How often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageCount {
    /// Requests.
    pub requests: u64,
    /// Of them, answered 4xx.
    pub refused: u64,
    /// Of them, answered 5xx, but for those that were planned.
    pub failed: u64,
    /// Of them, refused by a declared brownout: nobody promised them anything.
    pub planned: u64,
}

impl UsageCount {
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            refused: self.refused.saturating_add(other.refused),
            failed: self.failed.saturating_add(other.failed),
            planned: self.planned.saturating_add(other.planned),
        }
    }

    /// What came since then.
    pub fn since(self, before: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(before.requests),
            refused: self.refused.saturating_sub(before.refused),
            failed: self.failed.saturating_sub(before.failed),
            planned: self.planned.saturating_sub(before.planned),
        }
    }

    /// Those that a promise is about: all but what was refused as planned.
    pub fn promised(self) -> u64 {
        self.requests.saturating_sub(self.planned)
    }

    /// Whether it counts nothing.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// What proves or opens something, for its last use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Used {
    /// A grant, by its id.
    Grant(String),
    /// A key, by its id.
    Key(String),
}

/// Requests that nothing declares and that look alike: numbers, ids and whatever may be a secret are folded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShadowShape {
    /// The method.
    pub method: String,
    /// The path, folded: `/stock/v1/items/{number}`.
    pub path: String,
}

/// Such requests, as they are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowGroup {
    /// How they look.
    pub shape: ShadowShape,
    /// The interface that was probably meant.
    pub likely: Option<InterfaceRef>,
    /// How many.
    pub requests: u64,
    /// The first.
    pub first: Timestamp,
    /// The last.
    pub last: Timestamp,
}

/// Counts of one minute, on their way to be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct UsageRow {
    /// The minute's beginning.
    pub minute: Timestamp,
    /// What.
    pub key: UsageKey,
    /// How often.
    pub count: UsageCount,
}

/// Counts over a span.
#[derive(Clone, Debug, PartialEq)]
pub struct UsageTotal {
    /// What.
    pub key: UsageKey,
    /// How often.
    pub count: UsageCount,
    /// The beginning of the last minute, hour or day that has any.
    pub last: Timestamp,
}

/// Counts that are missing: a node ended without having written its last ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageGap {
    /// The node.
    pub node: String,
    /// What it counted until here is written.
    pub from: Timestamp,
    /// Its last sign of life.
    pub until: Timestamp,
}
