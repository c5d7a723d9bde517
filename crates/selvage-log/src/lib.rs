//! The event log: one trait, over the store's own tables (SQLite or PostgreSQL) and over brokers. Streams, one for each interface,
//! are appended to durably, read in order from any position, waited at, and retired. It never looks into an event, decides
//! nothing about it, and keeps no cursor: cursors are in the store, and move in the transaction of what reading caused.

mod error;
mod heads;
mod jetstream;
mod lanes;
mod mark;
mod moment;
mod queue;
mod sql;
mod standing;

use std::future::Future;
use std::pin::Pin;

use selvage_model::event::{Appended, EventId, Gap, NewRecord, Position, Record};
use selvage_model::manifest::event::Retention;
use selvage_model::name::InterfaceRef;
pub use selvage_store::{Behind, OpenedStream, ReadLimit, Retired};

pub use error::LogError;
pub use jetstream::{BrokerCredentials, BrokerTls, JetStreamConfig, JetStreamLog};
pub use lanes::lanes_absent;
pub use mark::marks;
pub use moment::{Edge, NotAnEdge, last_before};
pub use sql::SqlLog;
pub use standing::Standing;

/// What an operation of the log answers.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, LogError>> + Send + 'a>>;

/// An event log. Every implementation passes one suite, `tests/conformance`.
pub trait EventLog: Send + Sync + 'static {
    /// Opens an interface's stream, and makes it where there is none. A stream that is behind what it had acknowledged begins a new
    /// epoch, and the gap is told to whoever opens, until [`EventLog::told`]. Nothing else is done with a stream before it is open.
    fn open<'a>(&'a self, stream: &'a InterfaceRef) -> Answer<'a, OpenedStream>;

    /// Notes that the alarm for a gap was raised: it is told no more.
    fn told<'a>(&'a self, gap: &'a Gap) -> Answer<'a, ()>;

    /// Appends records in this order, all of them or none. The answer comes when they are on stable storage, and says where each
    /// is; an id that the stream has is answered with where it was first.
    /// INVARIANT: DURABLE-ACK
    ///
    /// After [`LogError::Unavailable`] they may have been appended: appending them again is safe.
    fn append<'a>(&'a self, stream: &'a InterfaceRef, records: Vec<NewRecord>) -> Answer<'a, Vec<Appended>>;

    /// Reads what comes after a position, in order and without a hole, up to a limit. Of what is damaged or missing everything before
    /// is read first; reading on from there is an error that names it. [`Position::START`] reads from the oldest that is kept.
    fn read<'a>(&'a self, stream: &'a InterfaceRef, after: Position, limit: ReadLimit) -> Answer<'a, Batch>;

    /// Waits until there is something after a position, and says the last position then.
    fn wait<'a>(&'a self, stream: &'a InterfaceRef, after: Position) -> Answer<'a, Position>;

    /// The event with this id, where the stream still knows it.
    fn find<'a>(&'a self, stream: &'a InterfaceRef, id: &'a EventId) -> Answer<'a, Option<Record>>;

    /// Takes some of what retention does not keep, oldest first; again as long as [`Retired::more`]. What a reader's cursor
    /// has not passed stays, and the reader is named; with `insist` it goes, and the reader is named all the same.
    fn retire<'a>(&'a self, stream: &'a InterfaceRef, retention: Retention, insist: bool) -> Answer<'a, Retired>;

    /// What retention counts for an event of this body, where an event of the stream takes `average` bytes: no more than that.
    fn counts(&self, body: usize, average: u64) -> u64;

    /// Finishes what was begun and ends; later calls are unavailable.
    fn end(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// In order, without a hole; empty where the stream has nothing more.
    pub records: Vec<Record>,
    /// The last position of the stream.
    pub head: Position,
}
