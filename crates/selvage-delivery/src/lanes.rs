//! The lanes of one subscription, as a state machine: what is sent next, and what is to be written, given what came of each send.
//! Within a lane one message at a time and in order, lanes beside each other. A lane whose head failed is set aside with everything
//! behind it, and others go on. Pure: time, chance and outcomes are arguments; it sends, reads and writes nothing.
//! INVARIANT: LANE-ORDER, PARKED-LANE

mod aside;
mod crowd;
mod health;
mod progress;
#[cfg(test)]
mod tests;
mod window;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::event::{LaneKey, Position, Record};
use selvage_model::scalar::Rate;
use selvage_store::{AttemptRecord, KeptDelivery, LaneTrouble, ParkedMessage, PassedEvents, WithheldMessage};

use crate::pace::Pace;
use crate::retry::Calendar;
use crate::{Attempt, Sent};
use aside::Asides;
use crowd::Crowd;
use health::Health;
pub(crate) use progress::Progress;
use window::Window;

/// How often a receiver may put a message off before its lane is set aside.
const PUT_OFF: u32 = 3;
/// The longest that a receiver may let everything wait.
pub const LONGEST_HOLD: Duration = Duration::from_secs(86_400);
/// What a receiver asks for beyond what is noted, and is not noted yet.
const SLIGHTLY: Duration = Duration::from_secs(1);

/// How the lanes of a subscription are worked on.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// In order per lane, or each message by itself.
    pub(crate) in_lanes: bool,
    /// How many sends at a time.
    pub(crate) max_in_flight: usize,
    /// How fast.
    pub(crate) rate: Option<Rate>,
    /// When the receiving system stands still.
    pub(crate) calendar: Calendar,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send this.
    Send(Parcel),
    /// Fetch messages of a lane that is set aside, from behind this position, so many at most.
    Load(LaneKey, Position, u32),
}

/// A message to be sent, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parcel {
    /// Its lane.
    pub(crate) lane: LaneKey,
    /// The message.
    pub(crate) message: ParkedMessage,
    /// How often it was sent before.
    pub(crate) attempts: u32,
    /// Whether its lane is set aside.
    pub(crate) aside: bool,
}

/// The lanes of one subscription.
pub(crate) struct Lanes {
    settings: Settings,
    window: Window,
    asides: Asides,
    health: Health,
    crowd: Crowd,
    /// Everything up to here was read.
    read: Position,
    /// Where the cursor stands.
    committed: Position,
    in_flight: usize,
    /// Nothing is sent before this time: the receiver asked for it, or a limit stands in the way.
    held_until: Option<Timestamp>,
    /// Before which time the receiver asked to be left alone, and what of that the store knows.
    asked_until: Option<Timestamp>,
    noted_until: Option<Timestamp>,
    pace: Pace,
    /// Whose turn it is where both have something.
    asides_turn: bool,
    attempts: Vec<AttemptRecord>,
    withheld: Vec<WithheldMessage>,
    passed: Vec<PassedEvents>,
    /// What arrived and was not handed out yet to be kept.
    arrived: Vec<KeptDelivery>,
    /// What had arrived behind the cursor when this began.
    known: BTreeSet<Position>,
    gone: bool,
}

impl Lanes {
    /// From where the cursor stands, with the lanes that are set aside, and the time before which the receiver asked to be left alone.
    pub(crate) fn new(
        settings: Settings,
        cursor: Position,
        aside: Vec<LaneTrouble>,
        held_until: Option<Timestamp>,
    ) -> Self {
        Self {
            pace: Pace::new(settings.rate),
            settings,
            window: Window::default(),
            asides: Asides::new(aside),
            health: Health::default(),
            crowd: Crowd::default(),
            read: cursor,
            committed: cursor,
            in_flight: 0,
            held_until,
            asked_until: held_until,
            noted_until: held_until,
            asides_turn: false,
            attempts: Vec::new(),
            withheld: Vec::new(),
            passed: Vec::new(),
            arrived: Vec::new(),
            known: BTreeSet::new(),
            gone: false,
        }
    }

    /// The same, and these have arrived already: others before them kept the cursor from passing them.
    pub(crate) fn behind(self, known: BTreeSet<Position>) -> Self {
        Self { known, ..self }
    }

    /// From where on the log is to be read; none while there is no room, or the endpoint takes nothing. Lanes that wait for their
    /// next attempt, however many, keep nobody from reading on behind them (INVARIANT: PARKED-LANE).
    pub(crate) fn wants(&self, now: Timestamp) -> Option<Position> {
        let waiting = self.asides.waiting();
        let steps = self.crowd.may_read(waiting, now) && (!self.crowd.steps(waiting) || !self.window.has_open());
        let room = self.window.has_room() && !self.asides.are_full() && !self.gone && steps;
        // An endpoint that takes nothing is read for a little with each probe: what others wait for may be why it takes nothing.
        let calm = !self.health.is_down() || (self.health.may_read() && !self.window.has_open());
        (room && calm).then_some(self.read)
    }

    /// Notes that something was read.
    pub(crate) fn has_read(&mut self, now: Timestamp) {
        self.crowd.has_read(self.asides.waiting(), now);
    }

    /// When [`Self::wants`] may want something although nothing came in.
    pub(crate) fn reads_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.crowd.next(now)
    }

    /// Whether so many lanes wait for their next attempt that somebody should know.
    pub(crate) fn is_crowded(&self) -> bool {
        self.asides.waiting() >= crowd::MANY
    }

    /// Takes what was read. `wanted` says whether the subscription has the event at all.
    pub(crate) fn take(&mut self, record: Record, wanted: bool) {
        let position = record.position;
        self.read = self.read.max(position);
        self.health.has_read();
        if self.known.remove(&position) || !wanted {
            return self.window.pass(position);
        }
        let own = || record.id.as_str().parse().unwrap_or_else(|_| record.lane.clone());
        let lane = if self.settings.in_lanes { record.lane.clone() } else { own() };
        let message = ParkedMessage {
            position,
            event: record.id,
            body: record.body,
            appended: record.appended_at,
            is_damaged: false,
        };
        match self.asides.join(&lane, position) {
            // It was copied before the cursor could pass it.
            aside::Joined::Known => self.window.pass(position),
            aside::Joined::Behind => self.window.push_aside(lane, message),
            aside::Joined::Not => self.window.push(lane, message),
        }
    }

    /// Goes on behind what the log does not have, and notes that it was not had.
    pub(crate) fn pass(&mut self, events: PassedEvents) {
        self.read = self.read.max(events.position);
        self.window.pass(events.position);
        self.passed.push(events);
    }

    /// Notes of a record, which was read, that it is no event.
    pub(crate) fn not_had(&mut self, events: PassedEvents) {
        self.passed.push(events);
    }

    /// What may be done now: nothing while the receiving system is in maintenance. Each send counts as in flight until [`Self::sent`].
    pub(crate) fn next(&mut self, now: Timestamp) -> Option<Next> {
        if self.settings.calendar.open(now) > now {
            return None;
        }
        // What a node whose clock was ahead has noted holds no longer than any receiver may ask for.
        let longest = now.checked_add(LONGEST_HOLD).unwrap_or(now);
        self.held_until = self.held_until.filter(|until| now < *until).map(|until| until.min(longest));
        let down = self.health.is_down();
        if self.gone || self.held_until.is_some() || self.in_flight >= self.places() || !self.pace.allows(now) {
            return None;
        }
        if down && !self.health.may_probe(now) {
            return None;
        }
        let next = match self.asides_turn {
            true => self.next_aside(now, down).or_else(|| self.next_fresh()),
            false => self.next_fresh().or_else(|| self.next_aside(now, down)),
        }?;
        if let Next::Send(parcel) = &next {
            self.asides_turn = !parcel.aside;
            self.in_flight += 1;
            self.pace.spend(now);
        }
        Some(next)
    }

    fn places(&self) -> usize {
        if self.health.is_down() { 1 } else { self.settings.max_in_flight }
    }

    fn next_fresh(&mut self) -> Option<Next> {
        let (lane, message, attempts) = self.window.next()?;
        Some(Next::Send(Parcel { lane, message, attempts, aside: false }))
    }

    fn next_aside(&mut self, now: Timestamp, early: bool) -> Option<Next> {
        self.asides.next(now, early)
    }

    /// Takes the messages that [`Next::Load`] asked for; none means that nothing waits in the store.
    pub(crate) fn loaded(&mut self, lane: &LaneKey, messages: Vec<ParkedMessage>) {
        self.asides.loaded(lane, messages);
    }

    /// The messages cannot be fetched now: again at this time.
    pub(crate) fn unloaded(&mut self, lane: &LaneKey, again: Timestamp) {
        self.asides.unloaded(lane, again);
    }

    /// Takes what came of a send.
    pub(crate) fn sent(&mut self, parcel: &Parcel, attempt: &Attempt, now: Timestamp, chance: f64) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let because = match &attempt.sent {
            Sent::Delivered => "delivered",
            Sent::Gone => "the endpoint wants nothing more",
            Sent::NotSent { retry_after, .. } => return self.not_sent(parcel, *retry_after, now),
            Sent::Withheld { because } => return self.withhold(parcel, because, now),
            Sent::Again { because, .. } | Sent::Refused { because, .. } => because,
        };
        if parcel.aside || !matches!(attempt.sent, Sent::Delivered) {
            self.attempts.push(AttemptRecord {
                position: parcel.message.position,
                number: parcel.attempts + 1,
                at: attempt.at,
                took: attempt.took,
                status: attempt.status,
                because: because.to_owned(),
                excerpt: attempt.excerpt.clone(),
            });
        }
        // Without an answer nothing was sent.
        if let (Sent::Delivered, Some(_)) = (&attempt.sent, attempt.status) {
            self.arrived.push(KeptDelivery {
                position: parcel.message.position,
                at: attempt.at,
                took: attempt.took,
                status: attempt.status,
                attempts: parcel.attempts + 1,
            });
        }
        match &attempt.sent {
            Sent::NotSent { .. } | Sent::Withheld { .. } => {}
            Sent::Delivered => self.delivered(parcel, now, chance),
            Sent::Gone => {
                self.gone = true;
                self.put_back(parcel);
            }
            Sent::Again { cause, because, retry_after } => {
                if self.health.failed(*cause, now) {
                    tracing::debug!("an endpoint takes nothing any more: {because}");
                }
                if let Some(asked) = *retry_after {
                    self.asked_until = self.asked_until.max(Some(self.hold(asked, now)));
                    if !parcel.aside && parcel.attempts < PUT_OFF {
                        return self.put_back(parcel);
                    }
                }
                let due = crate::retry::next(parcel.attempts + 1, *retry_after, now, chance, &self.settings.calendar);
                self.trouble(parcel, (*cause, because), now, Some(due));
            }
            Sent::Refused { cause, because } => {
                // Whoever answers is there.
                self.health.answered();
                self.trouble(parcel, (*cause, because), now, None);
            }
        }
    }

    /// Nothing was sent: it is as if nobody had tried.
    fn not_sent(&mut self, parcel: &Parcel, pause: Duration, now: Timestamp) {
        self.hold(pause, now);
        self.pace.give_back();
        if parcel.aside {
            self.asides.put_back(&parcel.lane);
        } else {
            self.window.put_back(&parcel.lane, false);
        }
    }

    /// Its lane goes on behind it, and it is noted that it did not arrive. Of the endpoint that says nothing.
    fn withhold(&mut self, parcel: &Parcel, because: &str, now: Timestamp) {
        let ParkedMessage { position, event, .. } = &parcel.message;
        self.withheld.push(WithheldMessage {
            position: *position,
            lane: parcel.lane.clone(),
            event: event.clone(),
            because: because.to_owned(),
            at: now,
        });
        self.done(parcel, now);
    }

    /// Until when the receiver asked to be left alone, where that may still be.
    pub(crate) fn held_until(&self) -> Option<Timestamp> {
        self.held_until
    }

    fn hold(&mut self, pause: Duration, now: Timestamp) -> Timestamp {
        let until = now.checked_add(pause.min(LONGEST_HOLD)).unwrap_or(now);
        self.held_until = self.held_until.max(Some(until));
        until
    }

    /// What the receiver asked for, where the store does not know it: whoever goes on from there is to wait, too.
    fn unnoted(&self) -> Option<Timestamp> {
        let noted = self.noted_until.map(|noted| noted.checked_add(SLIGHTLY).unwrap_or(noted));
        self.asked_until.filter(|asked| Some(*asked) > noted)
    }

    /// Nothing is sent until then, and no message's clock runs: it is not the receiver that keeps them waiting.
    pub(crate) fn stand_still(&mut self, now: Timestamp, until: Timestamp) {
        self.settings.calendar.stand_still(now, until);
    }

    fn delivered(&mut self, parcel: &Parcel, now: Timestamp, chance: f64) {
        self.crowd.arrived();
        if self.health.answered() {
            // It is back: what waited for its clock goes soon, and not all at once.
            self.asides.hasten(now, chance);
        }
        self.done(parcel, now);
    }

    fn done(&mut self, parcel: &Parcel, now: Timestamp) {
        if parcel.aside {
            self.asides.delivered(&parcel.lane, now);
        } else {
            self.window.delivered(&parcel.lane);
        }
    }

    fn put_back(&mut self, parcel: &Parcel) {
        if parcel.aside {
            self.asides.put_back(&parcel.lane);
        } else {
            self.window.put_back(&parcel.lane, true);
        }
    }

    fn trouble(
        &mut self,
        parcel: &Parcel,
        (cause, because): (selvage_model::delivery::Cause, &str),
        now: Timestamp,
        due: Option<Timestamp>,
    ) {
        let failure = aside::Failure { cause, because, attempts: parcel.attempts + 1, at: now, due };
        if parcel.aside {
            self.asides.failed_again(&parcel.lane, &failure, &self.settings.calendar);
        } else {
            if due.is_some() {
                self.crowd.set_aside();
            }
            let through = self.window.set_aside(&parcel.lane);
            self.asides.set_aside(&parcel.lane, through.unwrap_or(parcel.message.position), &parcel.message, &failure);
        }
    }

    /// What is to be written now; none where nothing is. The same until [`Self::written`].
    pub(crate) fn progress(&self) -> Option<Progress> {
        progress::of(self)
    }

    /// What arrived since the last time.
    pub(crate) fn take_arrived(&mut self) -> Vec<KeptDelivery> {
        std::mem::take(&mut self.arrived)
    }

    /// It was not written: with the next.
    pub(crate) fn keep_arrived(&mut self, mut arrived: Vec<KeptDelivery>) {
        arrived.append(&mut self.arrived);
        self.arrived = arrived;
    }

    /// Whether something is to be written.
    pub(crate) fn has_progress(&self) -> bool {
        self.is_urgent()
            || !self.attempts.is_empty()
            || !self.withheld.is_empty()
            || !self.passed.is_empty()
            || !self.arrived.is_empty()
            || self.window.reach().is_some_and(|to| to > self.committed)
    }

    /// Whether something should be written soon, and not only at the next turn.
    pub(crate) fn is_urgent(&self) -> bool {
        self.window.has_aside() || self.asides.are_dirty() || self.unnoted().is_some()
    }

    /// Notes that this progress was written, and which lanes are not set aside any more.
    pub(crate) fn written(&mut self, progress: &Progress, unparked: &[LaneKey], now: Timestamp) {
        self.committed = progress.to;
        self.noted_until = self.noted_until.max(progress.held);
        self.window.written(progress.to);
        self.attempts.clear();
        self.withheld.clear();
        self.passed.clear();
        self.asides.written(progress, unparked, now);
    }

    /// Notes that the cursor stands here now, where nothing else was to be written with it. What came in meanwhile is still to be.
    pub(crate) fn moved(&mut self, to: Position) {
        self.committed = to;
        self.window.moved(to);
    }

    /// Takes what people did to lanes that are parked. Only those: the others are this node's.
    pub(crate) fn acted(&mut self, lanes: Vec<LaneTrouble>) {
        self.asides.acted(lanes);
    }

    /// When [`Self::next`] may have something although nothing came in.
    pub(crate) fn due(&self, now: Timestamp) -> Option<Timestamp> {
        if self.gone || self.in_flight >= self.places() {
            return None;
        }
        let waits = self.window.is_ready() || self.asides.due().is_some();
        let work = match self.health.is_down() {
            true => self.health.probe_at().filter(|_| waits),
            false if self.window.is_ready() => Some(Timestamp::MIN),
            false => self.asides.due(),
        }?;
        let open = self.held_until.max(self.pace.next()).unwrap_or(Timestamp::MIN);
        Some(self.settings.calendar.open(work.max(open).max(now)))
    }

    /// Whether the endpoint said that it wants nothing more.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone
    }

    /// Whether the endpoint takes nothing at the moment.
    pub(crate) fn is_down(&self) -> bool {
        self.health.is_down()
    }

    /// How many sends are under way.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How many lanes wait for their next attempt, and how many for a person.
    pub(crate) fn aside(&self) -> (usize, usize) {
        self.asides.counts()
    }

    /// Whether so many lanes are set aside that no more are.
    pub(crate) fn is_full(&self) -> bool {
        self.asides.are_full()
    }

    /// When the oldest message that has not arrived and is not set aside was appended.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.window.oldest()
    }

    /// Everything up to here was read.
    pub(crate) fn read_to(&self) -> Position {
        self.read
    }
}
