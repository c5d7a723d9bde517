//! The `event` and `file` types of interface, as declared. Files are checked now and carried by later rooms.

use std::time::Duration;

use crate::manifest::compatibility::CompatibilityPromise;
use crate::name::{AttributeName, ObjectRef, SystemName};
use crate::scalar::Rate;
use crate::source::Spanned;

/// The operation of an event interface by which events come to the log, as grants name it.
pub const PUBLISH: &str = "publish";

/// The operation of an event interface by which its events are pulled, as grants name it.
pub const READ: &str = "read";

/// The operation of an event interface by which its events are sent to who subscribed.
pub const SUBSCRIBE: &str = "subscribe";

/// What grants on event interfaces can name: bring events, ask for them, have them sent.
pub const EVENT_OPERATIONS: [&str; 3] = [PUBLISH, READ, SUBSCRIBE];

/// Facts in the event log.
#[derive(Clone, Debug, PartialEq)]
pub struct EventInterface {
    /// The types, `<domain>.<object>.<fact>`.
    pub events: Vec<EventType>,
    /// The system that produces them.
    pub produced_by: Option<Spanned<SystemName>>,
    /// What orders them, as `data.id`.
    pub lane: Option<String>,
    /// How long they are kept.
    pub retention: Option<Retention>,
    /// Who may replay.
    pub replay: Option<ReplayPolicy>,
    /// How they are captured from a system.
    pub capture: Option<Capture>,
    /// A read model kept from them: the oldest it may be.
    pub copy_max_age: Option<Duration>,
    /// What is promised of what they carry later.
    pub compatibility: Option<Spanned<CompatibilityPromise>>,
}

/// One event type.
#[derive(Clone, Debug, PartialEq)]
pub struct EventType {
    /// Its name.
    pub name: Spanned<String>,
    /// What its data is.
    pub carried: Carried,
    /// When a change is this fact: CEL over `before` and `after`, as written.
    pub when: Option<Spanned<String>>,
}

/// What the data of an event is.
#[derive(Clone, Debug, PartialEq)]
pub enum Carried {
    /// An object.
    Object(Spanned<ObjectRef>),
    /// What fits the JSON Schema in the file at this path.
    Schema(Spanned<String>),
}

impl EventType {
    /// The object that it carries, where it is one.
    pub fn object(&self) -> Option<&Spanned<ObjectRef>> {
        match &self.carried {
            Carried::Object(object) => Some(object),
            Carried::Schema(_) => None,
        }
    }

    /// The file with the schema that its data fits, where there is one.
    pub fn schema(&self) -> Option<&Spanned<String>> {
        match &self.carried {
            Carried::Object(_) => None,
            Carried::Schema(file) => Some(file),
        }
    }
}

/// How long events are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retention {
    /// At least so long.
    pub time: Duration,
    /// And at least so many bytes.
    pub at_least: Option<u64>,
    /// But at most so many bytes, whoever has not read them.
    pub at_most: Option<u64>,
}

impl Retention {
    /// The most bytes that are kept, where that is said: never less than what is kept at least.
    pub fn ceiling(&self) -> Option<u64> {
        self.at_most.map(|most| most.max(self.at_least.unwrap_or(0)))
    }
}

/// Who may replay, and how fast.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayPolicy {
    /// Roles of the owning team.
    pub by: Vec<Spanned<String>>,
    /// At most.
    pub max_rate: Option<Rate>,
}

/// How changes are captured from a system.
#[derive(Clone, Debug, PartialEq)]
pub struct Capture {
    /// The system's record.
    pub record: String,
    /// Whether its webhooks give hints.
    pub webhook: bool,
    /// How often it is asked.
    pub poll: Option<Duration>,
    /// How far back each time.
    pub overlap: Option<Duration>,
    /// How often deletes are looked for.
    pub reconcile_deletes: Option<Duration>,
    /// The first capture is a baseline and no event.
    pub baseline: bool,
    /// What Selvage itself wrote makes events too, with the operation as their cause.
    pub own_writes: bool,
}

/// Files in folders.
#[derive(Clone, Debug, PartialEq)]
pub struct FileInterface {
    /// Their format.
    pub format: FileFormat,
    /// The transaction or message type, as `856`.
    pub transaction: Option<String>,
    /// Where they lie.
    pub source: FileSource,
    /// What they become.
    pub into: Into,
}

/// A file's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Comma-separated values.
    Csv,
    /// XML.
    Xml,
    /// JSON.
    Json,
    /// ASC X12.
    X12,
    /// UN/EDIFACT.
    Edifact,
}

/// Where files lie, and where they go.
#[derive(Clone, Debug, PartialEq)]
pub struct FileSource {
    /// The system.
    pub system: Spanned<SystemName>,
    /// The folder.
    pub folder: String,
    /// How often it is looked at.
    pub poll: Option<Duration>,
    /// Where the good ones go.
    pub archive: Option<String>,
    /// Where the bad ones go.
    pub quarantine: Option<String>,
}

/// What a webhook or a file becomes.
#[derive(Clone, Debug, PartialEq)]
pub struct Into {
    /// The event type.
    pub event: Spanned<String>,
    /// The object.
    pub object: Option<Spanned<ObjectRef>>,
    /// The attribute that makes the lane, where not the identity.
    pub lane: Option<Spanned<AttributeName>>,
}
