//! Lanes that are set aside: each waits for its clock, or for a person, with its messages in the store. A few of them are in memory
//! while the lane is worked on; names of lanes always are, up to a bound.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::delivery::Cause;
use selvage_model::event::{EventId, LaneKey, Position};
use selvage_store::{LaneTrouble, NewDeadLetter, ParkedMessage};
use uuid::Uuid;

use super::progress::Progress;
use super::{Next, Parcel};
use crate::retry::{Calendar, PATIENCE};

/// So many lanes are set aside at most, the parked ones counted.
const MOST_LANES: usize = 100_000;
/// So many messages of lanes that are tried again are fetched at once.
const MOST_LOADED: usize = 16;
/// Within so long after an endpoint is back, every lane is tried again.
const HASTE: Duration = Duration::from_secs(5);

/// How a send failed, and what follows.
pub(super) struct Failure<'a> {
    pub(super) cause: Cause,
    pub(super) because: &'a str,
    pub(super) attempts: u32,
    pub(super) at: Timestamp,
    /// When it is tried again; never by itself where none.
    pub(super) due: Option<Timestamp>,
}

/// Whether a message belongs to a lane that is set aside.
pub(super) enum Joined {
    /// No.
    Not,
    /// It does, and has to be copied.
    Behind,
    /// It does, and is in the store, or was delivered from there.
    Known,
}

#[derive(Default)]
pub(super) struct Asides {
    lanes: HashMap<LaneKey, Aside>,
    due: BTreeSet<(Timestamp, LaneKey)>,
    dirty: BTreeSet<LaneKey>,
    /// Drained, and the cursor has not passed everything that was in them.
    passing: BTreeSet<LaneKey>,
    dead: Vec<NewDeadLetter>,
}

struct Aside {
    trouble: LaneTrouble,
    state: State,
    /// The next messages, where they are loaded.
    messages: VecDeque<ParkedMessage>,
    /// Everything up to here arrived, and the store does not know yet.
    delivered: Option<Position>,
    /// Where loading goes on.
    loaded: Position,
    /// Nothing waits in the store.
    drained: bool,
    /// The trouble has changed since it was written.
    changed: bool,
    /// The store has the lane.
    known: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Loading,
    Flying,
}

impl Aside {
    fn new(trouble: LaneTrouble) -> Self {
        Self {
            trouble,
            state: State::Idle,
            messages: VecDeque::new(),
            delivered: None,
            loaded: Position::START,
            drained: false,
            changed: false,
            known: true,
        }
    }
}

impl Asides {
    pub(super) fn new(lanes: Vec<LaneTrouble>) -> Self {
        let mut asides = Self::default();
        for trouble in lanes {
            asides.insert(Aside::new(trouble));
        }
        asides
    }

    fn insert(&mut self, aside: Aside) {
        let lane = aside.trouble.lane.clone();
        if let Some(due) = aside.trouble.due {
            self.due.insert((due, lane.clone()));
        }
        self.lanes.insert(lane, aside);
    }

    /// How many lanes wait for their next attempt.
    pub(super) fn waiting(&self) -> usize {
        self.due.len()
    }

    pub(super) fn are_full(&self) -> bool {
        self.lanes.len() >= MOST_LANES
    }

    pub(super) fn are_dirty(&self) -> bool {
        !self.dirty.is_empty() || !self.dead.is_empty()
    }

    pub(super) fn counts(&self) -> (usize, usize) {
        let parked = self.lanes.values().filter(|aside| aside.trouble.due.is_none() && !aside.drained).count();
        (self.lanes.len() - parked, parked)
    }

    pub(super) fn due(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Whether a message that was read belongs to a lane that is set aside.
    pub(super) fn join(&mut self, lane: &LaneKey, position: Position) -> Joined {
        let Some(aside) = self.lanes.get_mut(lane) else { return Joined::Not };
        if position <= aside.trouble.through {
            return Joined::Known;
        }
        aside.trouble.through = position;
        Joined::Behind
    }

    /// Sets a lane aside whose head failed.
    pub(super) fn set_aside(
        &mut self,
        lane: &LaneKey,
        through: Position,
        message: &ParkedMessage,
        failure: &Failure<'_>,
    ) {
        let mut aside = Aside::new(LaneTrouble {
            lane: lane.clone(),
            through,
            cause: failure.cause,
            because: failure.because.to_owned(),
            attempts: failure.attempts,
            spent: Duration::ZERO,
            failed: failure.at,
            due: failure.due,
        });
        // Its turn comes when the store has its messages.
        (aside.changed, aside.known) = (true, false);
        if failure.due.is_none() {
            self.bury(lane, message.position, &message.event, failure);
        }
        self.dirty.insert(lane.clone());
        self.lanes.insert(lane.clone(), aside);
    }

    /// The next thing that may be done for a lane: its clock has run out, or `early` says that clocks do not count.
    pub(super) fn next(&mut self, now: Timestamp, early: bool) -> Option<Next> {
        let first = self.due.first().filter(|(due, _)| early || *due <= now)?;
        let lane = first.1.clone();
        self.due.pop_first();
        let aside = self.lanes.get_mut(&lane)?;
        let Some(message) = aside.messages.front() else {
            aside.state = State::Loading;
            let few = u32::try_from(MOST_LOADED / (self.due.len() + 1)).unwrap_or(1).max(1);
            return Some(Next::Load(lane, aside.loaded, few));
        };
        aside.state = State::Flying;
        let (message, attempts) = (message.clone(), aside.trouble.attempts);
        Some(Next::Send(Parcel { lane, message, attempts, aside: true }))
    }

    pub(super) fn loaded(&mut self, lane: &LaneKey, messages: Vec<ParkedMessage>) {
        let Some(aside) = self.lanes.get_mut(lane).filter(|aside| aside.state == State::Loading) else { return };
        aside.state = State::Idle;
        if messages.is_empty() {
            // What was read meanwhile is copied first; then it is looked again.
            aside.drained = true;
            aside.trouble.due = None;
            self.dirty.insert(lane.clone());
            return;
        }
        aside.loaded = messages.last().map_or(aside.loaded, |message| message.position);
        aside.messages = messages.into();
        self.due.insert((aside.trouble.due.unwrap_or(Timestamp::MIN), lane.clone()));
    }

    pub(super) fn unloaded(&mut self, lane: &LaneKey, again: Timestamp) {
        let Some(aside) = self.lanes.get_mut(lane).filter(|aside| aside.state == State::Loading) else { return };
        aside.state = State::Idle;
        self.due.insert((again, lane.clone()));
    }

    /// The head arrived: the next one goes at once.
    pub(super) fn delivered(&mut self, lane: &LaneKey, now: Timestamp) {
        let Some(aside) = self.lanes.get_mut(lane) else { return };
        aside.state = State::Idle;
        aside.delivered = aside.messages.pop_front().map(|message| message.position).or(aside.delivered);
        aside.trouble.attempts = 0;
        aside.trouble.spent = Duration::ZERO;
        aside.trouble.failed = now;
        aside.trouble.due = Some(now);
        aside.changed = true;
        self.due.insert((now, lane.clone()));
        self.dirty.insert(lane.clone());
    }

    pub(super) fn put_back(&mut self, lane: &LaneKey) {
        let Some(aside) = self.lanes.get_mut(lane) else { return };
        aside.state = State::Idle;
        self.due.insert((aside.trouble.due.unwrap_or(Timestamp::MIN), lane.clone()));
    }

    pub(super) fn failed_again(&mut self, lane: &LaneKey, failure: &Failure<'_>, calendar: &Calendar) {
        let Some(aside) = self.lanes.get_mut(lane) else { return };
        aside.state = State::Idle;
        let trouble = &mut aside.trouble;
        if failure.attempts > 1 {
            trouble.spent += calendar.running(trouble.failed, failure.at);
        }
        let due = failure.due.filter(|_| trouble.spent < PATIENCE);
        trouble.cause = failure.cause;
        failure.because.clone_into(&mut trouble.because);
        trouble.attempts = failure.attempts;
        trouble.failed = failure.at;
        trouble.due = due;
        aside.changed = true;
        let head = aside.messages.front().map(|message| (message.position, message.event.clone()));
        // They are fetched again: what waits for its clock takes no memory, and a person may give the head up.
        aside.messages.clear();
        aside.loaded = aside.delivered.unwrap_or(Position::START);
        self.dirty.insert(lane.clone());
        match (due, head) {
            (Some(due), _) => {
                self.due.insert((due, lane.clone()));
            }
            (None, Some((position, event))) => self.bury(lane, position, &event, failure),
            (None, None) => {}
        }
    }

    fn bury(&mut self, lane: &LaneKey, position: Position, event: &EventId, failure: &Failure<'_>) {
        self.dead.push(NewDeadLetter {
            id: format!("dlt_{:032x}", Uuid::now_v7().as_u128()),
            lane: lane.clone(),
            position,
            event: event.clone(),
            cause: failure.cause,
            because: failure.because.to_owned(),
            attempts: failure.attempts,
            died: failure.at,
        });
    }

    /// Lets every lane that waits for its clock go soon.
    pub(super) fn hasten(&mut self, now: Timestamp, chance: f64) {
        let waiting = std::mem::take(&mut self.due);
        let count = waiting.len().max(1);
        for (place, (due, lane)) in waiting.into_iter().enumerate() {
            let share = (place as f64 + chance.clamp(0.0, 1.0)) / count as f64;
            let soon = now.checked_add(HASTE.mul_f64(share.min(1.0))).unwrap_or(now);
            let soon = due.min(soon);
            if let Some(aside) = self.lanes.get_mut(&lane) {
                aside.trouble.due = Some(soon);
            }
            self.due.insert((soon, lane));
        }
    }

    /// Adds what is to be written.
    pub(super) fn add_to(&self, progress: &mut Progress, moves: bool) {
        progress.dead.clone_from(&self.dead);
        if moves {
            progress.drained.extend(self.passing.iter().cloned());
        }
        for aside in self.dirty.iter().filter_map(|lane| self.lanes.get(lane)) {
            let lane = &aside.trouble.lane;
            progress.delivered.extend(aside.delivered.map(|position| (lane.clone(), position)));
            if aside.drained {
                progress.drained.push(lane.clone());
            } else if aside.changed {
                progress.troubles.push(aside.trouble.clone());
            }
        }
    }

    pub(super) fn written(&mut self, progress: &Progress, unparked: &[LaneKey], now: Timestamp) {
        self.dead.clear();
        for lane in unparked {
            self.lanes.remove(lane);
            self.passing.remove(lane);
            self.dirty.remove(lane);
        }
        let (lanes, due) = (&mut self.lanes, &mut self.due);
        let mut look_again = |lane: &LaneKey| {
            let Some(aside) = lanes.get_mut(lane).filter(|aside| aside.state == State::Idle) else { return };
            if aside.trouble.due.is_none() && aside.drained {
                aside.drained = false;
                aside.trouble.due = Some(now);
                due.insert((now, lane.clone()));
            }
        };
        // Something was copied behind what had drained.
        let copied: BTreeSet<&LaneKey> = progress.aside.iter().map(|(lane, _)| lane).collect();
        copied.into_iter().for_each(&mut look_again);
        for lane in std::mem::take(&mut self.dirty) {
            let Some(aside) = self.lanes.get_mut(&lane) else { continue };
            (aside.delivered, aside.changed) = (None, false);
            if !std::mem::replace(&mut aside.known, true) {
                self.due.extend(aside.trouble.due.map(|due| (due, lane.clone())));
            }
            if aside.drained {
                self.passing.insert(lane);
            } else {
                self.passing.remove(&lane);
            }
        }
    }

    /// Takes over what people did to lanes that were parked here.
    pub(super) fn acted(&mut self, lanes: Vec<LaneTrouble>) {
        for trouble in lanes {
            let Some(aside) = self.lanes.get_mut(&trouble.lane) else { continue };
            let was_parked = aside.trouble.due.is_none() && !aside.drained && aside.state == State::Idle;
            if let (true, Some(due)) = (was_parked, trouble.due) {
                aside.trouble = LaneTrouble { through: aside.trouble.through, ..trouble };
                aside.messages.clear();
                aside.loaded = Position::START;
                self.due.insert((due, aside.trouble.lane.clone()));
            }
        }
    }
}
