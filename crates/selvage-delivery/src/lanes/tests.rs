//! Stories of lanes in simulated time: whatever fails, crashes or is redriven, each event arrives, in the order of its lane, and
//! what comes twice has one id.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use selvage_model::delivery::Cause;
use selvage_store::NewDeadLetter;

use super::*;

/// What the store would hold, with its own rules.
#[derive(Clone, Default)]
struct Shelf {
    cursor: u64,
    lanes: BTreeMap<LaneKey, LaneTrouble>,
    messages: BTreeMap<(LaneKey, u64), ParkedMessage>,
    letters: Vec<NewDeadLetter>,
    held: Option<Timestamp>,
    /// What is noted to have arrived.
    arrived: BTreeSet<Position>,
}

impl Shelf {
    /// As `Store::record_deliveries` does it.
    fn write(&mut self, progress: &Progress, arrived: &[KeptDelivery]) -> Vec<LaneKey> {
        assert!(progress.to.offset() >= self.cursor);
        self.arrived.extend(arrived.iter().map(|it| it.position));
        self.cursor = progress.to.offset();
        self.held = self.held.max(progress.held);
        for (lane, to) in &progress.delivered {
            self.messages.retain(|(of, offset), _| of != lane || *offset > to.offset());
        }
        for trouble in &progress.troubles {
            let through =
                self.lanes.get(&trouble.lane).map_or(trouble.through, |lane| lane.through.max(trouble.through));
            self.lanes.insert(trouble.lane.clone(), LaneTrouble { through, ..trouble.clone() });
        }
        for (lane, message) in &progress.aside {
            let row = self.lanes.get_mut(lane).expect("a message is set aside in a lane that is not");
            row.through = row.through.max(message.position);
            self.messages.entry((lane.clone(), message.position.offset())).or_insert_with(|| message.clone());
        }
        self.letters.extend(progress.dead.iter().cloned());
        let mut unparked = Vec::new();
        for lane in &progress.drained {
            let empty = !self.messages.keys().any(|(of, _)| of == lane);
            let past = self.lanes.get(lane).is_some_and(|row| row.due.is_some() && row.through.offset() <= self.cursor);
            if empty && past {
                self.lanes.remove(lane);
                unparked.push(lane.clone());
            }
        }
        unparked
    }

    fn messages(&self, lane: &LaneKey, after: Position, most: u32) -> Vec<ParkedMessage> {
        let of = self.messages.iter().filter(|((of, offset), _)| of == lane && *offset > after.offset());
        of.take(most as usize).map(|(_, message)| message.clone()).collect()
    }

    /// A person lets every dead letter be tried again.
    fn redrive(&mut self, now: Timestamp) {
        for letter in self.letters.drain(..) {
            if let Some(lane) = self.lanes.get_mut(&letter.lane).filter(|lane| lane.due.is_none()) {
                (lane.due, lane.attempts, lane.spent) = (Some(now), 0, Duration::ZERO);
            }
        }
    }
}

fn lane_of(offset: u64) -> LaneKey {
    // Uneven lanes: one is busy, others are not.
    format!("lane-{}", [0, 1, 0, 2, 0, 3][(offset % 6) as usize]).parse().unwrap()
}

fn record(offset: u64) -> Record {
    Record {
        position: Position::new(1, offset).unwrap(),
        id: format!("e-{offset}").parse().unwrap(),
        lane: lane_of(offset),
        appended_at: Timestamp::UNIX_EPOCH,
        body: b"{}".to_vec(),
    }
}

fn settings(in_lanes: bool, max_in_flight: usize) -> Settings {
    Settings { in_lanes, max_in_flight, rate: None, calendar: Calendar::default() }
}

fn attempt(sent: Sent) -> Attempt {
    let status = matches!(sent, Sent::Delivered).then_some(200);
    Attempt { at: Timestamp::UNIX_EPOCH, took: Duration::ZERO, status, excerpt: None, sent }
}

fn again(cause: Cause, retry_after: Option<Duration>) -> Sent {
    Sent::Again { cause, because: "later".to_owned(), retry_after }
}

fn refused() -> Sent {
    Sent::Refused { cause: Cause::Refused, because: "no".to_owned() }
}

/// One step of a story.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The n-th send under way arrives.
    Arrives(usize),
    /// It is received, and the answer is lost.
    AnswerLost(usize),
    /// It fails for now.
    Fails(usize),
    /// The receiver asks to wait.
    PutOff(usize),
    /// A limit stands in the way.
    NotSent(usize),
    /// It is refused for good.
    Refused(usize),
    /// What came of it is written.
    Writes,
    /// Time goes on by so many seconds.
    Waits(u16),
    /// The node dies; another begins from the store. What was under way may arrive or not.
    Crashes(bool),
    /// A person redrives everything.
    Redrives,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => any::<usize>().prop_map(Step::Arrives),
        1 => any::<usize>().prop_map(Step::AnswerLost),
        3 => any::<usize>().prop_map(Step::Fails),
        1 => any::<usize>().prop_map(Step::PutOff),
        1 => any::<usize>().prop_map(Step::NotSent),
        1 => any::<usize>().prop_map(Step::Refused),
        4 => Just(Step::Writes),
        3 => (1..4_000u16).prop_map(Step::Waits),
        1 => any::<bool>().prop_map(Step::Crashes),
        1 => Just(Step::Redrives),
    ]
}

struct Story {
    lanes: Lanes,
    shelf: Shelf,
    settings: Settings,
    total: u64,
    /// So many are read at once.
    batch: u64,
    now: Timestamp,
    flying: Vec<Parcel>,
    /// Offsets as the receiver got them, per lane of the log, and everything that it got before the node died last.
    received: BTreeMap<LaneKey, Vec<u64>>,
}

impl Story {
    fn new(total: u64, settings: Settings) -> Self {
        let lanes = Lanes::new(settings.clone(), Position::START, Vec::new(), None);
        let now = "2027-03-01T08:00:00Z".parse().unwrap();
        let (shelf, received) = (Shelf::default(), BTreeMap::new());
        Self { lanes, shelf, settings, total, batch: 1, now, flying: Vec::new(), received }
    }

    fn pump(&mut self) {
        while let Some(after) = self.lanes.wants(self.now).filter(|after| after.offset() < self.total) {
            let last = (after.offset() + self.batch).min(self.total);
            for next in after.offset() + 1..=last {
                // Every tenth is of a type that nobody wants.
                self.lanes.take(record(next), next % 10 != 0);
            }
            self.lanes.has_read(self.now);
        }
        while let Some(next) = self.lanes.next(self.now) {
            match next {
                Next::Send(parcel) => {
                    self.same_lane_is_not_under_way(&parcel);
                    self.flying.push(parcel);
                }
                Next::Load(lane, after, most) => {
                    let messages = self.shelf.messages(&lane, after, most);
                    self.lanes.loaded(&lane, messages);
                }
            }
        }
    }

    fn same_lane_is_not_under_way(&self, parcel: &Parcel) {
        assert!(self.flying.iter().all(|other| other.lane != parcel.lane), "{parcel:?}");
        assert!(self.flying.len() < self.settings.max_in_flight);
        // Also where what came before it kept the cursor from passing it.
        assert!(!self.shelf.arrived.contains(&parcel.message.position), "it is noted that {parcel:?} has arrived");
    }

    fn receive(&mut self, parcel: &Parcel) {
        let offset = parcel.message.position.offset();
        self.received.entry(lane_of(offset)).or_default().push(offset);
    }

    fn end(&mut self, which: usize, sent: Sent, arrives: bool) {
        if self.flying.is_empty() {
            return;
        }
        let parcel = self.flying.remove(which % self.flying.len());
        if arrives {
            self.receive(&parcel);
        }
        self.lanes.sent(&parcel, &attempt(sent), self.now, 0.5);
    }

    fn write(&mut self) {
        if let Some(progress) = self.lanes.progress() {
            let unparked = self.shelf.write(&progress, &self.lanes.take_arrived());
            self.lanes.written(&progress, &unparked, self.now);
        }
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now.checked_add(time).unwrap();
    }

    fn crash(&mut self, arrives: bool) {
        for parcel in std::mem::take(&mut self.flying) {
            if arrives {
                self.receive(&parcel);
            }
        }
        let cursor =
            if self.shelf.cursor == 0 { Position::START } else { Position::new(1, self.shelf.cursor).unwrap() };
        let aside = self.shelf.lanes.values().cloned().collect();
        let beyond = self.shelf.arrived.iter().copied().filter(|position| *position > cursor).collect();
        self.lanes = Lanes::new(self.settings.clone(), cursor, aside, self.shelf.held).behind(beyond);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Arrives(which) => self.end(which, Sent::Delivered, true),
            Step::AnswerLost(which) => self.end(which, again(Cause::Timeout, None), true),
            Step::Fails(which) => self.end(which, again(Cause::Timeout, None), false),
            Step::PutOff(which) => self.end(which, again(Cause::Timeout, Some(Duration::from_secs(30))), false),
            Step::NotSent(which) => {
                let sent = Sent::NotSent { because: "limit".to_owned(), retry_after: Duration::from_secs(2) };
                self.end(which, sent, false);
            }
            Step::Refused(which) => self.end(which, refused(), false),
            Step::Writes => self.write(),
            Step::Waits(seconds) => self.wait(Duration::from_secs(seconds.into())),
            Step::Crashes(arrives) => self.crash(arrives),
            Step::Redrives => {
                self.write();
                self.shelf.redrive(self.now);
                self.lanes.acted(self.shelf.lanes.values().cloned().collect());
            }
        }
        self.pump();
    }

    /// From now on everything goes well.
    fn come_to_an_end(&mut self) {
        for _ in 0..10_000 {
            self.step(Step::Redrives);
            if self.flying.is_empty() {
                self.write();
                let done = self.shelf.cursor == self.total && self.shelf.lanes.is_empty();
                if done && self.lanes.aside() == (0, 0) {
                    return;
                }
                self.wait(Duration::from_secs(60));
                self.pump();
            }
            self.step(Step::Arrives(0));
        }
        panic!(
            "it does not end: cursor {} of {}, lanes {:?}, {:?}, due {:?}",
            self.shelf.cursor,
            self.total,
            self.shelf.lanes,
            self.lanes.aside(),
            self.lanes.due(self.now)
        );
    }

    /// Each event arrived. In a lane what came first is in order; what came again repeats an earlier stretch, in order.
    fn everything_arrived_in_order(&self) {
        let wanted: Vec<u64> = (1..=self.total).filter(|offset| offset % 10 != 0).collect();
        let mut got = BTreeSet::new();
        for (lane, offsets) in &self.received {
            got.extend(offsets.iter().copied());
            if !self.settings.in_lanes {
                continue;
            }
            let mut firsts = BTreeSet::new();
            let mut highest = 0;
            for offset in offsets {
                if firsts.insert(*offset) {
                    assert!(*offset > highest, "{lane}: {offset} came first after {highest}: {offsets:?}");
                    highest = *offset;
                }
            }
        }
        assert_eq!(got.into_iter().collect::<Vec<_>>(), wanted);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_event_arrives_in_the_order_of_its_lane(
        steps in proptest::collection::vec(step(), 0..250),
        in_lanes in any::<bool>(),
        max_in_flight in 1..6usize,
        total in 1..120u64,
    ) {
        let mut story = Story::new(total, settings(in_lanes, max_in_flight));
        story.pump();
        for step in steps {
            story.step(step);
        }
        story.come_to_an_end();
        story.everything_arrived_in_order();
    }
}

/// A poison message parks its own lane: everything else arrives meanwhile, and the cursor goes on.
#[test]
fn a_poison_message_parks_its_own_lane_alone() {
    let mut story = Story::new(60, settings(true, 4));
    story.pump();
    while !(story.flying.is_empty() && story.shelf.cursor == 60) {
        match story.flying.iter().position(|parcel| parcel.lane == lane_of(1)) {
            Some(poisoned) => story.step(Step::Refused(poisoned)),
            None => story.step(Step::Arrives(0)),
        }
        story.step(Step::Writes);
    }
    let parked: Vec<&LaneKey> = story.shelf.lanes.keys().collect();
    assert_eq!(parked, [&lane_of(1)]);
    assert_eq!((story.shelf.letters.len(), story.shelf.letters[0].position.offset()), (1, 1));
    assert_eq!(story.shelf.messages.len(), 10, "the head and all behind it are kept");
    assert!(!story.received.contains_key(&lane_of(1)));
    story.come_to_an_end();
    story.everything_arrived_in_order();
}

/// Who discards the head lets the rest go on in order.
#[test]
fn what_is_behind_a_discarded_message_goes_on() {
    let mut story = Story::new(20, settings(true, 1));
    story.pump();
    story.step(Step::Refused(0));
    story.step(Step::Writes);
    let letter = story.shelf.letters.remove(0);
    story.shelf.messages.remove(&(letter.lane.clone(), letter.position.offset()));
    let lane = story.shelf.lanes.get_mut(&letter.lane).unwrap();
    lane.due = Some(story.now);
    story.lanes.acted(story.shelf.lanes.values().cloned().collect());
    story.come_to_an_end();
    assert_eq!(story.received[&lane_of(1)], [7, 13, 19]);
}

/// A message is given up after three days of its clock, and not before.
#[test]
fn a_message_is_given_up_after_three_days_without_maintenance() {
    let day = |text: &str| text.parse::<Timestamp>().unwrap();
    for (calendar, days) in [
        (Calendar::default(), 3),
        (Calendar::new(vec![(day("2027-03-02T00:00:00Z"), day("2027-03-12T00:00:00Z"))]), 13),
    ] {
        let mut story = Story::new(1, Settings { calendar, ..settings(true, 1) });
        let begun = story.now;
        story.pump();
        while story.shelf.letters.is_empty() {
            story.step(Step::Fails(0));
            story.step(Step::Writes);
            let due = story.lanes.due(story.now);
            if let Some(due) = due.filter(|due| *due > story.now) {
                story.now = due;
            }
            story.pump();
        }
        let took = story.now.duration_since(begun).as_hours();
        assert!((days * 24..days * 24 + 2).contains(&took), "{took} hours");
        assert_eq!(story.shelf.letters[0].cause, Cause::Timeout);
    }
}

/// Not what comes first, not what is tried again, and not what asks whether an endpoint is back.
#[test]
fn nothing_is_sent_during_maintenance() {
    let day = |text: &str| text.parse::<Timestamp>().unwrap();
    let (begins, ends) = (day("2027-03-01T09:00:00Z"), day("2027-03-01T17:00:00Z"));
    let calendar = Calendar::new(vec![(begins, ends)]);
    for (fails, now) in [(0, "2027-03-01T09:00:00Z"), (3, "2027-03-01T08:59:59Z"), (40, "2027-03-01T08:00:00Z")] {
        let mut story = Story::new(200, Settings { calendar: calendar.clone(), ..settings(true, 4) });
        story.now = day(now);
        story.pump();
        for _ in 0..fails {
            story.step(Step::Fails(0));
            story.step(Step::Writes);
            story.step(Step::Waits(1));
        }
        while !story.flying.is_empty() {
            story.step(Step::Arrives(0));
        }
        story.now = story.now.max(begins);
        story.pump();
        assert!(story.flying.is_empty(), "{:?} is sent during maintenance", story.flying);
        assert_eq!(story.lanes.due(story.now), Some(ends), "after {fails} failures");
        story.now = ends;
        story.pump();
        assert!(!story.flying.is_empty(), "after {fails} failures");
        story.come_to_an_end();
        story.everything_arrived_in_order();
    }
}

/// A dead endpoint is asked by one message at a time, the log is not copied meanwhile, and it catches up soon after it is back.
#[test]
fn a_dead_endpoint_copies_little_and_catches_up() {
    let mut story = Story::new(5_000, settings(false, 8));
    story.pump();
    for _ in 0..500 {
        story.step(Step::Fails(0));
        story.step(Step::Writes);
        story.step(Step::Waits(30));
    }
    assert!(story.lanes.is_down());
    assert!(story.lanes.in_flight() <= 1);
    assert!(story.shelf.messages.len() <= 300, "{} are copied", story.shelf.messages.len());
    let back = story.now;
    story.come_to_an_end();
    story.everything_arrived_in_order();
    assert!(story.now.duration_since(back).as_mins() < 60);
}

/// Messages at which the receiver breaks do not keep it from what others wait for, however many they are.
#[test]
fn messages_that_break_their_receiver_stop_no_other_lane() {
    let mut story = Story::new(200, settings(false, 4));
    story.pump();
    for _ in 0..2_000 {
        match story.flying.iter().position(|parcel| parcel.message.position.offset() <= 60) {
            Some(breaks) => story.step(Step::Fails(breaks)),
            None => story.step(Step::Arrives(0)),
        }
        story.step(Step::Writes);
        story.step(Step::Waits(10));
    }
    let arrived: usize = story.received.values().map(Vec::len).sum();
    assert_eq!((arrived, story.shelf.cursor), (126, 200));
    story.come_to_an_end();
    story.everything_arrived_in_order();
}

/// Thousands of lanes in a row of which the receiver takes nothing for now, though it answers: what comes behind them goes all the same.
#[test]
fn lanes_that_wait_in_thousands_stop_no_others() {
    let (bad, total) = (2_500, 2_700);
    let mut story = Story { batch: 256, ..Story::new(total, settings(false, 100)) };
    story.pump();
    let unauthorized = || again(Cause::Unknown, None);
    let begun = story.now;
    let arrived = |story: &Story| story.received.values().map(Vec::len).sum::<usize>();
    while arrived(&story) < 180 {
        assert!(story.now.duration_since(begun).as_secs() < 300, "{} arrived", arrived(&story));
        for which in (0..story.flying.len()).rev() {
            match story.flying[which].message.position.offset() <= bad {
                true => story.end(which, unauthorized(), false),
                false => story.end(which, Sent::Delivered, true),
            }
        }
        story.step(Step::Writes);
        story.step(Step::Waits(1));
    }
    assert!(story.lanes.is_crowded());
    // What waits is in the store, and the cursor is past it.
    story.write();
    assert_eq!((story.shelf.cursor, story.shelf.messages.len()), (total, 2_250));
}

/// An endpoint that takes nothing of anything is not read into the store as fast as the log goes.
#[test]
fn where_nothing_arrives_the_log_is_read_in_steps() {
    let mut story = Story { batch: 256, ..Story::new(50_000, settings(false, 100)) };
    story.pump();
    for _ in 0..120 {
        for which in (0..story.flying.len()).rev() {
            story.end(which, again(Cause::Unknown, None), false);
        }
        story.step(Step::Writes);
        story.step(Step::Waits(1));
    }
    let read = story.lanes.read_to().offset();
    assert!((1_000..5_000).contains(&read), "{read}");
    assert!(story.lanes.reads_at(story.now).is_some());
}

/// What a receiver asks for holds its own endpoint, and nothing is set aside for it at once.
#[test]
fn a_receiver_that_asks_to_wait_is_waited_for() {
    let mut story = Story::new(4, settings(true, 2));
    story.pump();
    story.step(Step::PutOff(0));
    story.step(Step::Arrives(0));
    assert!(story.flying.is_empty());
    assert_eq!(story.lanes.aside(), (0, 0));
    assert_eq!(story.lanes.due(story.now), Some(story.now.checked_add(Duration::from_secs(30)).unwrap()));
    story.step(Step::Waits(30));
    assert_eq!(story.flying.len(), 2);
    story.come_to_an_end();
    story.everything_arrived_in_order();
}

#[test]
fn no_more_go_than_the_rate_allows() {
    let rate = Some("10/s".parse().unwrap());
    let mut story = Story::new(200, Settings { rate, ..settings(false, 100) });
    story.pump();
    assert_eq!(story.flying.len(), 10);
    story.wait(Duration::from_millis(100));
    story.pump();
    assert_eq!(story.flying.len(), 11);
    story.come_to_an_end();
}

/// 410: nothing more is sent, and nothing is skipped.
#[test]
fn an_endpoint_that_is_gone_is_sent_nothing() {
    let mut story = Story::new(10, settings(true, 1));
    story.pump();
    story.end(0, Sent::Gone, false);
    story.pump();
    assert!(story.lanes.is_gone() && story.flying.is_empty() && story.lanes.wants(story.now).is_none());
    story.write();
    assert_eq!(story.shelf.cursor, 0);
}

/// What a receiver asks for outlives the node that it was said to, also where it is long, and is not written for every answer.
#[test]
fn a_receiver_is_left_alone_also_after_a_crash() {
    for (asked, heeded) in [(90, 90), (7_200, 7_200), (10_000_000, 86_400)] {
        let mut story = Story::new(12, settings(true, 4));
        story.pump();
        let (begun, pause) = (story.now, Duration::from_secs(asked));
        story.end(0, again(Cause::Timeout, Some(pause)), false);
        assert!(story.lanes.is_urgent(), "{asked}");
        story.write();
        story.wait(Duration::from_millis(100));
        story.end(0, again(Cause::Timeout, Some(pause)), false);
        assert!(!story.lanes.is_urgent(), "the same again is not written again");
        story.crash(false);
        story.pump();
        assert!(story.flying.is_empty(), "{asked}: nothing is sent");
        let due = story.lanes.due(story.now).unwrap();
        assert_eq!(due.duration_since(begun).as_secs(), heeded);
        story.now = due;
        story.pump();
        assert!(!story.flying.is_empty(), "{asked}: it is over");
        story.come_to_an_end();
        story.everything_arrived_in_order();
    }
}

/// A node whose clock is a year ahead notes a time that no receiver asked for: others heed it for a day at most.
#[test]
fn nobody_is_left_alone_for_longer_than_they_may_ask() {
    let mut story = Story::new(3, settings(true, 4));
    story.shelf.held = Some(story.now.checked_add(Duration::from_secs(365 * 86_400)).unwrap());
    let begun = story.now;
    story.crash(false);
    story.pump();
    assert!(story.flying.is_empty());
    let due = story.lanes.due(story.now).unwrap();
    assert_eq!(due.duration_since(begun).as_secs(), 86_400);
    story.now = due;
    story.pump();
    assert!(!story.flying.is_empty());
}

/// What the grant covers no longer did not arrive, and keeps nothing behind it from arriving.
#[test]
fn what_is_withheld_is_noted_and_its_lane_goes_on() {
    let mut story = Story::new(12, settings(true, 1));
    let withheld = || Sent::Withheld { because: "the grant does not cover it any more".to_owned() };
    story.pump();
    let fresh = story.flying[0].message.position;
    story.end(0, withheld(), false);
    story.pump();
    story.step(Step::Fails(0));
    story.step(Step::Writes);
    story.wait(Duration::from_secs(2));
    while !story.flying[0].aside {
        story.step(Step::Arrives(0));
    }
    let parcel = story.flying[0].clone();
    story.end(0, withheld(), false);
    let progress = story.lanes.progress().unwrap();
    let noted: Vec<Position> = progress.withheld.iter().map(|message| message.position).collect();
    assert_eq!(noted, [parcel.message.position]);
    assert!(progress.attempts.is_empty() && progress.dead.is_empty(), "nothing was sent");
    assert!(!progress.is_move(), "it is written with the cursor");
    assert!(story.received.values().flatten().all(|offset| *offset != fresh.offset()));
    story.come_to_an_end();
    let got: BTreeSet<u64> = story.received.values().flatten().copied().collect();
    let wanted = (1..=12).filter(|offset| offset % 10 != 0);
    let sent = wanted.filter(|offset| ![fresh.offset(), parcel.message.position.offset()].contains(offset));
    assert_eq!(got, sent.collect::<BTreeSet<_>>());
}
