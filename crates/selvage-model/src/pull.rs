//! What passes between the gateway and what reads the event log for consumers: events from a position on, and groups whose members
//! take turns. Plain data, so that both may stand in one process or on two machines.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::event::{Gap, Position};
use crate::exchange::Scope;
use crate::name::{ConsumerName, InterfaceRef};
use crate::problem::Problem;

/// The most events of one answer.
pub const MOST_EVENTS: usize = 500;
/// The longest that an answer waits for events.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The longest lease of a group.
pub const LONGEST_LEASE: Duration = Duration::from_secs(3_600);

/// What a consumer asks of an event interface, authenticated, granted and limited.
#[derive(Clone, Debug, PartialEq)]
pub struct Pull {
    /// The event interface.
    pub interface: InterfaceRef,
    /// Who asks.
    pub consumer: ConsumerName,
    /// What of it they may see.
    pub scope: Scope,
    /// What is asked.
    pub ask: PullAsk,
}

/// What is asked of an event interface.
#[derive(Clone, Debug, PartialEq)]
pub enum PullAsk {
    /// The events after a position.
    Events(Events),
    /// The turn of a group, for one of its members.
    Lease {
        /// Which group.
        group: String,
        /// Who of it; whoever has the turn may ask again.
        member: String,
        /// For how long.
        lease: Duration,
        /// Where a group begins that is new.
        start: Start,
    },
    /// Everything up to a position was worked on.
    Commit {
        /// Which group.
        group: String,
        /// What the turn was given with.
        fence: i64,
        /// Up to here.
        position: Position,
        /// How much longer the turn lasts; nothing ends it.
        lease: Option<Duration>,
    },
    /// There is no such group any more.
    Forget {
        /// Which.
        group: String,
    },
}

/// Events that are asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Events {
    /// After this position.
    pub after: Position,
    /// At most so many.
    pub limit: usize,
    /// For so long, where there are none.
    pub wait: Duration,
    /// Of these types; of all where none is named.
    pub types: Vec<String>,
}

/// Where a new group begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the oldest event that is kept.
    Oldest,
    /// With what comes from now on.
    Newest,
    /// After this position.
    After(Position),
}

/// A group that ended with the right to pull.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedGroup {
    /// How far it was.
    pub position: Position,
    /// When it ended.
    pub at: Timestamp,
    /// Why.
    pub because: String,
}

/// What becomes of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Pulled {
    /// Events.
    Page(Page),
    /// The turn is the member's.
    Leased {
        /// Everything up to here was worked on.
        position: Position,
        /// What each commit of this turn names.
        fence: i64,
        /// How long it lasts.
        lease: Duration,
        /// The last position that there is.
        head: Position,
        /// How a group of this name ended, where the new one has committed nothing yet.
        ended: Option<EndedGroup>,
    },
    /// It is done.
    Done,
    /// It is refused.
    Refused {
        /// Why.
        problem: Problem,
        /// After which position to go on, where what comes next is not there any more.
        next: Option<Position>,
    },
}

/// Events in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Each with its position.
    pub events: Vec<(Position, Value)>,
    /// After which position to go on: past what was not asked for and what the grant does not cover.
    pub next: Position,
    /// The last position that there is.
    pub head: Position,
    /// What the log lost of what it had acknowledged, where the page goes past it.
    pub lost: Vec<Gap>,
}
