//! What the lanes of a subscription came to since the last time, to be written in one transaction.

use jiff::Timestamp;
use selvage_model::event::{LaneKey, Position};
use selvage_store::{AttemptRecord, LaneTrouble, NewDeadLetter, ParkedMessage, PassedEvents, WithheldMessage};

use super::Lanes;

/// What is to be written.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    /// Where the cursor goes.
    pub(crate) to: Position,
    /// Set aside messages that arrived: of each lane, everything up to here.
    pub(crate) delivered: Vec<(LaneKey, Position)>,
    /// Lanes as they stand.
    pub(crate) troubles: Vec<LaneTrouble>,
    /// What is copied.
    pub(crate) aside: Vec<(LaneKey, ParkedMessage)>,
    /// What is not tried again.
    pub(crate) dead: Vec<NewDeadLetter>,
    /// Sends of what is set aside.
    pub(crate) attempts: Vec<AttemptRecord>,
    /// Lanes in which nothing waits.
    pub(crate) drained: Vec<LaneKey>,
    /// Before which time the receiver asked to be left alone, where it has.
    pub(crate) held: Option<Timestamp>,
    /// What is not sent, since the grant does not cover it any more.
    pub(crate) withheld: Vec<WithheldMessage>,
    /// What it goes on behind, since the log does not have it.
    pub(crate) passed: Vec<PassedEvents>,
}

impl Progress {
    /// The cursor goes there, and nothing else.
    pub(crate) fn to(to: Position) -> Self {
        Self {
            to,
            delivered: Vec::new(),
            troubles: Vec::new(),
            aside: Vec::new(),
            dead: Vec::new(),
            attempts: Vec::new(),
            drained: Vec::new(),
            held: None,
            withheld: Vec::new(),
            passed: Vec::new(),
        }
    }

    /// Whether the cursor moves, and nothing else is written.
    pub(crate) fn is_move(&self) -> bool {
        !self.writes() && self.drained.is_empty()
    }

    fn writes(&self) -> bool {
        !(self.held.is_none()
            && self.withheld.is_empty()
            && self.passed.is_empty()
            && self.delivered.is_empty()
            && self.troubles.is_empty()
            && self.aside.is_empty()
            && self.dead.is_empty()
            && self.attempts.is_empty())
    }
}

pub(super) fn of(lanes: &Lanes) -> Option<Progress> {
    let to = lanes.window.reach().unwrap_or(lanes.committed).max(lanes.committed);
    let mut progress = Progress {
        aside: lanes.window.aside().map(|(lane, message)| (lane.clone(), message.clone())).collect(),
        attempts: lanes.attempts.clone(),
        held: lanes.unnoted(),
        withheld: lanes.withheld.clone(),
        passed: lanes.passed.clone(),
        ..Progress::to(to)
    };
    let moves = progress.to > lanes.committed;
    lanes.asides.add_to(&mut progress, moves);
    let some = moves || progress.writes() || !progress.drained.is_empty() || !lanes.arrived.is_empty();
    some.then_some(progress)
}
