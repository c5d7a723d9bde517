//! What passes between the gateway and the engine when somebody publishes events: the events of one request, and what becomes of
//! them. Plain data, so that both may stand in one process or on two machines.

use std::time::Duration;

use crate::cloud_event::CloudEvent;
use crate::event::Position;
use crate::exchange::Scope;
use crate::name::{ConsumerName, InterfaceRef};
use crate::problem::{FieldError, Problem};

/// Events that a consumer may publish, on their way to the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Publication {
    /// The event interface.
    pub interface: InterfaceRef,
    /// Who publishes.
    pub consumer: ConsumerName,
    /// What of it they may touch.
    pub scope: Scope,
    /// The events, in order; none of them or all are kept.
    pub events: Vec<CloudEvent>,
    /// Whether they came as a list, so that errors are told by their places in it.
    pub is_batch: bool,
    /// The release that they were let pass by.
    pub release: String,
    /// The exchange this belongs to.
    pub correlation: String,
    /// How long the caller waits.
    pub patience: Duration,
}

impl Publication {
    /// The JSON Pointer of an event in the request's body.
    pub fn pointer(&self, index: usize) -> String {
        if self.is_batch { format!("/{index}") } else { String::new() }
    }
}

/// What becomes of published events.
#[derive(Clone, Debug, PartialEq)]
pub enum Published {
    /// All of them are on stable storage.
    Kept {
        /// Where, in the order in which they came.
        events: Vec<Kept>,
        /// What does not fit their contract, where that is only counted.
        found: Vec<FieldError>,
    },
    /// None of them was kept, or the problem says which.
    Refused(Problem),
}

/// A published event in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its id, as its producer gave it.
    pub id: String,
    /// Where it is.
    pub position: Position,
    /// It was there already: the producer repeated it.
    pub known: bool,
}
