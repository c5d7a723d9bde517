//! What the lanes of a subscription came to since the last time, to be written in one transaction.

use selvage_model::event::{LaneKey, Position};
use selvage_store::{AttemptRecord, LaneTrouble, NewDeadLetter, ParkedMessage};

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
}

pub(super) fn of(lanes: &Lanes) -> Option<Progress> {
    let mut progress = Progress {
        to: lanes.window.reach().unwrap_or(lanes.committed).max(lanes.committed),
        delivered: Vec::new(),
        troubles: Vec::new(),
        aside: lanes.window.aside().map(|(lane, message)| (lane.clone(), message.clone())).collect(),
        dead: Vec::new(),
        attempts: lanes.attempts.clone(),
        drained: Vec::new(),
    };
    let moves = progress.to > lanes.committed;
    lanes.asides.add_to(&mut progress, moves);
    let writes = !(progress.delivered.is_empty()
        && progress.troubles.is_empty()
        && progress.aside.is_empty()
        && progress.dead.is_empty()
        && progress.attempts.is_empty());
    (moves || writes || !progress.drained.is_empty()).then_some(progress)
}
