//! Who uses what: counts per consumer, interface, operation and attribute, and the requests that nothing declares, as plain
//! data between the gateway that counts, the store that keeps, and whoever shows them.

use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::name::{ConsumerName, EnvironmentName, InterfaceRef};

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

/// What an interface may promise of its answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PromiseKey {
    /// The interface.
    pub interface: InterfaceRef,
    /// What.
    pub promise: Promised,
}

/// What is promised of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Promised {
    /// That it is none of the statuses 5xx.
    Well,
    /// That it comes within this time.
    Within(Duration),
}

/// How many answers were as promised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PromiseCount {
    /// Answers.
    pub answers: u64,
    /// Of them, those that were as promised.
    pub kept: u64,
}

impl PromiseCount {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let (answers, kept) = (self.answers.saturating_add(other.answers), self.kept.saturating_add(other.kept));
        Self { answers, kept }
    }

    /// What came since then.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        let (answers, kept) = (self.answers.saturating_sub(before.answers), self.kept.saturating_sub(before.kept));
        Self { answers, kept }
    }

    /// How many may be otherwise, where this share (0 to 1) is promised; and how many were.
    pub fn broken(self, share: Decimal) -> (Decimal, Decimal) {
        let may = Decimal::from(self.answers) * (Decimal::ONE - share);
        (may, Decimal::from(self.answers.saturating_sub(self.kept)))
    }
}

/// Counts of one hour, on their way to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromiseRow {
    /// The hour's beginning.
    pub hour: Timestamp,
    /// What.
    pub key: PromiseKey,
    /// What came of it.
    pub count: PromiseCount,
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

impl ShadowShape {
    /// The method of an event of a type that its interface does not declare; the path is the interface's, with the type below it.
    pub const PUBLISH: &str = "PUBLISH";
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

/// When something that is counted was used last in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedIn {
    /// Where; none where nobody kept that, and it may have been in any.
    pub environment: Option<EnvironmentName>,
    /// What.
    pub key: UsageKey,
    /// The beginning of the last minute that has any; of the last hour or day, where nobody kept the environment.
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
