//! What passes between the gateway and the engine when a system calls in: a call that was proven to be its sender's, and what
//! becomes of it. Plain data, so that both may stand in one process or on two machines.

use jiff::Timestamp;
use serde_json::Value;

use crate::name::{InterfaceRef, SystemName};
use crate::problem::{FieldError, Problem};

/// A call of a webhook that was proven to be its sender's.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookCall {
    /// The interface.
    pub interface: InterfaceRef,
    /// What tells it from any other call of the interface.
    pub name: CallName,
    /// When it was made, where the sender says so.
    pub time: Option<Timestamp>,
    /// What it says.
    pub body: Value,
    /// The release that it was let pass by.
    pub release: String,
    /// The exchange this belongs to.
    pub correlation: String,
}

/// What tells a call from any other of its interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallName {
    /// An id of the sender's, of 1 to 256 bytes.
    Own(String),
    /// One that nothing proves, and the hash of what is proven: who replays a call may have given it another id.
    Unproven {
        /// The id.
        id: String,
        /// The hash.
        signed: [u8; 32],
    },
    /// It has no id: the hash of its body.
    Content([u8; 32]),
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrival {
    /// It is an event on stable storage.
    Kept {
        /// The event's id.
        event: String,
        /// It was one already: the sender repeated it.
        known: bool,
        /// What does not fit its contract, where that is only counted.
        found: Vec<FieldError>,
    },
    /// It is a hint, which those that capture the system were told.
    Hinted(Hint),
    /// It is none of both.
    Refused(Problem),
}

/// A record that may have changed, as its system says without having to be believed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hint {
    /// Whose record.
    pub system: SystemName,
    /// What kind of record, as the system calls it: `mrp.workorder`.
    pub record: String,
    /// Which.
    pub id: i64,
}
