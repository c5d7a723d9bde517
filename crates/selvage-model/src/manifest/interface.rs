//! `kind: Interface`: the unit of governance, in its five types.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::manifest::api::Api;
use crate::manifest::event::{EventInterface, FileInterface};
use crate::manifest::webhook::WebhookInterface;
use crate::name::{DomainName, InterfaceName, InterfaceRef, SystemName, TeamName, Version};
use crate::scalar::{Percent, Quota, Rate};
use crate::source::{Place, Spanned};

/// One interface in one major version.
#[derive(Clone, Debug, PartialEq)]
pub struct Interface {
    /// Where it is declared.
    pub place: Place,
    /// Its name.
    pub name: InterfaceName,
    /// Its version.
    pub version: Version,
    /// The team that owns it.
    pub owner: Option<Spanned<TeamName>>,
    /// The domain that governs it, where not the only one.
    pub domain: Option<Spanned<DomainName>>,
    /// What it is, for people.
    pub description: Option<String>,
    /// Where it is in its life.
    pub lifecycle: Lifecycle,
    /// How much depends on it.
    pub classification: Option<Classification>,
    /// What it bears.
    pub limits: Limits,
    /// Whether messages are checked.
    pub validation: Validation,
    /// What it promises.
    pub slo: Vec<Slo>,
    /// What a node does with its requests that cannot hear the access state.
    pub on_partition: Option<OnPartition>,
    /// How often whoever uses it does at least, where it is said.
    pub used: Option<Used>,
    /// Why it is direct or mediated where the advice says otherwise.
    pub because: Option<String>,
    /// What it does, by type.
    pub body: InterfaceBody,
}

impl Interface {
    /// Name and major version.
    pub fn reference(&self) -> InterfaceRef {
        InterfaceRef { name: self.name.clone(), major: self.version.major }
    }

    /// Its api, where it is one.
    pub fn api(&self) -> Option<&Api> {
        match &self.body {
            InterfaceBody::Api(api) => Some(api),
            _ => None,
        }
    }

    /// The system behind it, where it has one: that answers, calls, produces, or holds the files.
    pub fn system(&self) -> Option<&SystemName> {
        match &self.body {
            InterfaceBody::Api(Api::Direct { upstream, .. }) => Some(&upstream.system.value),
            InterfaceBody::Api(Api::Mediated(serves)) => Some(&serves.system.value),
            InterfaceBody::Webhook(webhook) => webhook.source.as_ref().map(|source| &source.value),
            InterfaceBody::Event(event) => event.produced_by.as_ref().map(|system| &system.value),
            InterfaceBody::File(file) => Some(&file.source.system.value),
            InterfaceBody::Flow => None,
        }
    }
}

/// How often whoever uses an interface does at least: where no use is seen for longer, there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Used {
    /// Every working day.
    Daily,
    /// Every week.
    Weekly,
    /// Every month.
    Monthly,
    /// Every quarter of a year.
    Quarterly,
    /// Every year, as for the closing of the books.
    Yearly,
}

impl Used {
    /// Where nobody says anything.
    pub const DEFAULT: Self = Self::Monthly;
    /// Each with its word in manifests.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("daily", Self::Daily),
        ("weekly", Self::Weekly),
        ("monthly", Self::Monthly),
        ("quarterly", Self::Quarterly),
        ("yearly", Self::Yearly),
    ];

    /// Its word in manifests.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, used)| *used == self).map_or("", |(word, _)| word)
    }

    /// How long without any use says that there is none: the span itself, and as much again as days off, a late month's end or
    /// a late closing take.
    pub fn silence(self) -> Duration {
        let days = match self {
            Self::Daily => 14,
            Self::Weekly => 21,
            Self::Monthly => 45,
            Self::Quarterly => 120,
            Self::Yearly => 430,
        };
        Duration::from_secs(days * 86_400)
    }
}

/// What a node does with requests while it cannot hear whether a key or a grant was taken back.
/// INVARIANT: REVOKED-NOW: what a cut-off node may still serve is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnPartition {
    /// It refuses them.
    Refuse,
    /// It serves them for so long, by what it knew last.
    ServeFor(Duration),
}

impl OnPartition {
    /// Where nobody says anything: long enough for a database to come back and for a person to decide.
    pub const DEFAULT: Self = Self::ServeFor(Duration::from_secs(3600));

    /// How long a node goes on.
    pub fn serves_for(self) -> Duration {
        match self {
            Self::Refuse => Duration::ZERO,
            Self::ServeFor(time) => time,
        }
    }
}

/// The five types.
#[derive(Clone, Debug, PartialEq)]
pub enum InterfaceBody {
    /// Request and answer.
    Api(Api),
    /// Calls in from a system.
    Webhook(WebhookInterface),
    /// Facts in the event log.
    Event(EventInterface),
    /// Files in folders.
    File(FileInterface),
    /// A durable orchestration; its `kind: Flow` names this interface.
    Flow,
}

impl InterfaceBody {
    /// The type's word.
    pub fn type_word(&self) -> &'static str {
        match self {
            Self::Api(_) => "api",
            Self::Webhook(_) => "webhook",
            Self::Event(_) => "event",
            Self::File(_) => "file",
            Self::Flow => "flow",
        }
    }
}

/// Where an interface is in its life. INVARIANT: LIVE-LIFECYCLE: it acts on traffic.
#[derive(Clone, Debug, PartialEq)]
pub enum Lifecycle {
    /// Declared, not served.
    Draft,
    /// Served.
    Active,
    /// Served, announcing its end.
    Deprecated(Deprecation),
    /// Answers 410.
    Retired {
        /// What to use instead.
        successor: Option<Spanned<InterfaceRef>>,
    },
    /// Cut off.
    Blocked {
        /// Why, where said.
        because: Option<String>,
    },
}

impl Lifecycle {
    /// The word in manifests and the console.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Deprecated(_) => "deprecated",
            Self::Retired { .. } => "retired",
            Self::Blocked { .. } => "blocked",
        }
    }
}

/// How an interface ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Deprecation {
    /// Deprecated since this day.
    pub since: Date,
    /// Gone from this day.
    pub sunset: Option<Date>,
    /// What to use instead.
    pub successor: Option<Spanned<InterfaceRef>>,
    /// When it refuses everything, so that who still uses it is found before it is gone.
    pub brownouts: Vec<Brownout>,
}

/// A window in which a deprecated interface refuses everything.
#[derive(Clone, Debug, PartialEq)]
pub struct Brownout {
    /// Where it is declared.
    pub place: Place,
    /// From then on.
    pub from: Timestamp,
    /// Until then.
    pub to: Timestamp,
}

/// How much depends on an interface.
#[derive(Clone, Debug, PartialEq)]
pub struct Classification {
    /// How critical it is.
    pub criticality: Criticality,
    /// How fast it has to be.
    pub latency: Option<Latency>,
    /// Recovery: how much may be lost.
    pub recovery_point: Option<Duration>,
    /// Recovery: how long it may be gone.
    pub recovery_time: Option<Duration>,
    /// What data it carries.
    pub data: Option<DataClass>,
}

/// Tier 1 is what stops a plant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Criticality {
    /// Stops a plant.
    Tier1,
    /// Hurts within a day.
    Tier2,
    /// Can wait.
    Tier3,
}

impl Criticality {
    /// Its word in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tier1 => "tier-1",
            Self::Tier2 => "tier-2",
            Self::Tier3 => "tier-3",
        }
    }
}

/// How fast an interface has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latency {
    /// Somebody or something waits.
    RealTime,
    /// Minutes.
    NearRealTime,
    /// Hours.
    Batch,
}

impl Latency {
    /// Its word in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RealTime => "real-time",
            Self::NearRealTime => "near-real-time",
            Self::Batch => "batch",
        }
    }
}

/// What data an interface carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DataClass {
    /// For anyone.
    Public,
    /// For the company.
    Internal,
    /// For those who need it.
    Confidential,
    /// For those named.
    Restricted,
}

impl DataClass {
    /// Its word in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Confidential => "confidential",
            Self::Restricted => "restricted",
        }
    }
}

/// What an interface bears.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Limits {
    /// Requests in a span, over all consumers.
    pub rate: Option<Rate>,
    /// Requests in each hour, day or month of UTC.
    pub quota: Option<Quota>,
    /// What a node does that cannot reach the store which its limits are shared out from.
    pub cut_off: CutOff,
    /// How long until the answer begins.
    pub timeout: Option<Duration>,
    /// How long connecting to the upstream may take.
    pub connect: Option<Duration>,
    /// How long until the answer is given, with its body.
    pub total: Option<Duration>,
    /// How many at a time.
    pub concurrency: Option<u32>,
    /// Bytes the body of one may have, where not what the node lets pass.
    pub body: Option<u64>,
    /// How long one waits for its place; not at all where not said.
    pub wait: Option<Duration>,
}

/// What a node does about limits whose store it cannot reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum CutOff {
    /// Goes on and counts alone.
    #[default]
    Serve,
    /// Refuses, so that never more than the limit passes over all nodes.
    Refuse,
}

/// Whether messages are checked against the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validation {
    /// What comes in.
    pub request: Check,
    /// What goes out.
    pub response: Check,
    /// Bodies are checked up to this many bytes.
    pub up_to: u64,
}

impl Validation {
    /// How large a checked body may be where the interface says nothing.
    pub const UP_TO: u64 = 1_000_000;
}

/// How a check acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Not at all.
    Off,
    /// Counts.
    Report,
    /// Refuses.
    Enforce,
}

/// What an interface promises over a window.
#[derive(Clone, Debug, PartialEq)]
pub struct Slo {
    /// The promise.
    pub objective: Objective,
    /// Over what window.
    pub window: Duration,
}

/// The promise itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Objective {
    /// This share of requests is answered.
    Availability(Percent),
    /// This quantile (0 to 1) of answers comes faster.
    Latency {
        /// The quantile, 0 to 1.
        quantile: rust_decimal::Decimal,
        /// The bound.
        under: Duration,
    },
}
