//! The events after the cursor that are in memory: a bounded stretch of the log, each event waiting, under way, or done. The cursor
//! may pass what is done, and what is copied to the store in the same transaction.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;
use selvage_model::event::{LaneKey, Position};
use selvage_store::ParkedMessage;

/// So many events of a subscription are in memory at most.
const MOST: usize = 512;
/// So many bytes of them, and one event.
const MOST_BYTES: usize = 2_000_000;

#[derive(Default)]
pub(super) struct Window {
    slots: VecDeque<Slot>,
    /// The number of the first slot: numbers go on for ever.
    first: u64,
    bytes: usize,
    asides: usize,
    /// Per lane, its slots that have not arrived, in order.
    lanes: HashMap<LaneKey, VecDeque<u64>>,
    /// Lanes whose head may be sent.
    ready: VecDeque<LaneKey>,
    /// What was passed over behind the last slot.
    passed: Option<Position>,
}

struct Slot {
    position: Position,
    lane: LaneKey,
    /// Until it has arrived.
    message: Option<ParkedMessage>,
    put_off: u32,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// To be copied to the store.
    Aside,
    Done,
}

impl Window {
    pub(super) fn has_room(&self) -> bool {
        self.slots.len() < MOST && self.bytes < MOST_BYTES
    }

    pub(super) fn has_aside(&self) -> bool {
        self.asides > 0
    }

    /// Whether some message may be sent.
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether some message has neither arrived nor is set aside.
    pub(super) fn has_open(&self) -> bool {
        !self.lanes.is_empty()
    }

    /// Passes over an event that nobody wants.
    pub(super) fn pass(&mut self, position: Position) {
        self.passed = self.passed.max(Some(position));
    }

    pub(super) fn push(&mut self, lane: LaneKey, message: ParkedMessage) {
        let number = self.add(lane.clone(), message, State::Open);
        let queue = self.lanes.entry(lane.clone()).or_default();
        queue.push_back(number);
        if queue.len() == 1 {
            self.ready.push_back(lane);
        }
    }

    pub(super) fn push_aside(&mut self, lane: LaneKey, message: ParkedMessage) {
        self.asides += 1;
        self.add(lane, message, State::Aside);
    }

    fn add(&mut self, lane: LaneKey, message: ParkedMessage, state: State) -> u64 {
        self.bytes += message.body.len();
        let number = self.first + self.slots.len() as u64;
        self.slots.push_back(Slot { position: message.position, lane, message: Some(message), put_off: 0, state });
        number
    }

    fn slot(&mut self, number: u64) -> Option<&mut Slot> {
        self.slots.get_mut(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// The next message that may be sent, and how often it was put off.
    pub(super) fn next(&mut self) -> Option<(LaneKey, ParkedMessage, u32)> {
        loop {
            let lane = self.ready.pop_front()?;
            let number = self.lanes.get(&lane).and_then(|queue| queue.front().copied());
            let head = number.and_then(|number| self.slot(number));
            if let Some((message, put_off)) = head.and_then(|slot| Some((slot.message.clone()?, slot.put_off))) {
                return Some((lane, message, put_off));
            }
        }
    }

    /// The head of this lane has arrived.
    pub(super) fn delivered(&mut self, lane: &LaneKey) {
        let Some(queue) = self.lanes.get_mut(lane) else { return };
        let number = queue.pop_front();
        if queue.is_empty() {
            self.lanes.remove(lane);
        } else {
            self.ready.push_back(lane.clone());
        }
        let mut freed = 0;
        if let Some(slot) = number.and_then(|number| self.slot(number)) {
            slot.state = State::Done;
            freed = slot.message.take().map_or(0, |message| message.body.len());
        }
        self.bytes -= freed;
    }

    /// The head of this lane is to be sent again; `counts` where it was sent at all.
    pub(super) fn put_back(&mut self, lane: &LaneKey, counts: bool) {
        let number = self.lanes.get(lane).and_then(|queue| queue.front().copied());
        if let Some(slot) = number.and_then(|number| self.slot(number)) {
            slot.put_off += u32::from(counts);
            self.ready.push_front(lane.clone());
        }
    }

    /// Everything of this lane is to be copied to the store; gives the last of it.
    pub(super) fn set_aside(&mut self, lane: &LaneKey) -> Option<Position> {
        let numbers = self.lanes.remove(lane)?;
        let mut last = None;
        for number in numbers {
            if let Some(slot) = self.slot(number) {
                slot.state = State::Aside;
                last = Some(slot.position);
                self.asides += 1;
            }
        }
        last
    }

    /// What is to be copied, and where the cursor may go with it.
    pub(super) fn aside(&self) -> impl Iterator<Item = (&LaneKey, &ParkedMessage)> {
        let aside = self.slots.iter().filter(|slot| slot.state == State::Aside);
        aside.filter_map(|slot| Some((&slot.lane, slot.message.as_ref()?)))
    }

    /// Where the cursor may go: behind everything that is done or copied; none where it cannot move.
    pub(super) fn reach(&self) -> Option<Position> {
        let open = self.slots.iter().position(|slot| slot.state == State::Open);
        match open {
            None => self.passed.max(self.slots.back().map(|slot| slot.position)),
            Some(0) => None,
            Some(open) => self.slots.get(open - 1).map(|slot| slot.position),
        }
    }

    /// The cursor stands here, and what was to be copied is copied.
    pub(super) fn written(&mut self, cursor: Position) {
        let mut freed = 0;
        for slot in self.slots.iter_mut().filter(|slot| slot.state == State::Aside) {
            slot.state = State::Done;
            freed += slot.message.take().map_or(0, |message| message.body.len());
        }
        self.bytes -= freed;
        self.asides = 0;
        self.moved(cursor);
    }

    /// The cursor stands here, and nothing else was written.
    pub(super) fn moved(&mut self, cursor: Position) {
        while self.slots.front().is_some_and(|slot| slot.position <= cursor && slot.state == State::Done) {
            self.slots.pop_front();
            self.first += 1;
        }
        if self.passed.is_some_and(|passed| passed <= cursor) {
            self.passed = None;
        }
    }

    /// When the oldest that has not arrived was appended.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        let open = self.slots.iter().find(|slot| slot.state == State::Open)?;
        open.message.as_ref().map(|message| message.appended)
    }
}
