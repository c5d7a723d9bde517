//! Judges what was acknowledged and what was delivered. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use super::wire::Event;

/// What was seen from outside.
#[derive(Clone, Default)]
pub(super) struct Observed {
    /// Every number that a producer was told is kept.
    pub(super) acknowledged: BTreeSet<(usize, u64)>,
    /// What each reader was given, in order, again where its cursor had not moved.
    pub(super) delivered: BTreeMap<usize, Vec<Event>>,
    /// What went wrong and may not.
    pub(super) faults: Vec<String>,
    /// How often a node was killed.
    pub(super) kills: usize,
    /// How much a reader may be given again after each.
    pub(super) at_once: usize,
    /// How much each reader may be given again beside that.
    pub(super) again: BTreeMap<usize, usize>,
    /// When each reader was given something, of the last time.
    pub(super) lately: BTreeMap<usize, VecDeque<Instant>>,
    /// How many appends and deliveries have begun and not ended.
    pub(super) in_flight: usize,
    /// What has happened since the last end of a node or a server.
    pub(super) round: Round,
}

/// The work of a round.
#[derive(Clone, Default)]
pub(super) struct Round {
    pub(super) acknowledged: usize,
    given: BTreeSet<usize>,
}

/// So many events are acknowledged in a round, or it shows nothing.
pub(super) const ENOUGH: usize = 64;
/// What was given so long ago is noted as given, or its node has lost its lease of a second: one write may be under way for as long, and what
/// came meanwhile waits for the next one.
const NOTED_WITHIN: Duration = Duration::from_millis(2_500);

impl Observed {
    /// A producer was told that its event is kept.
    pub(super) fn acknowledge(&mut self, event: (usize, u64)) {
        self.acknowledged.insert(event);
        self.round.acknowledged += 1;
    }

    /// A reader was given something.
    pub(super) fn give(&mut self, reader: usize) {
        self.round.given.insert(reader);
        let (lately, now) = (self.lately.entry(reader).or_default(), Instant::now());
        lately.push_back(now);
        while lately.front().is_some_and(|first| now.duration_since(*first) > NOTED_WITHIN) {
            lately.pop_front();
        }
    }

    /// Whether this round has shown something, and does: enough was acknowledged, everybody was given something, and something is under way.
    pub(super) fn is_at_work(&self) -> bool {
        self.round.acknowledged >= ENOUGH && self.round.given.len() >= self.delivered.len() && self.in_flight > 0
    }

    /// What each reader was given lately may come again, and so much that was under way to it.
    pub(super) fn may_come_again(&mut self, under_way: usize) {
        let now = Instant::now();
        for reader in self.delivered.keys() {
            let lately = self.lately.get(reader).into_iter().flatten();
            let lately = lately.filter(|given| now.duration_since(**given) <= NOTED_WITHIN).count();
            *self.again.entry(*reader).or_default() += lately + under_way;
        }
    }

    /// A node or a server ends now: another round begins. Says how much was acknowledged in this one.
    pub(super) fn end_round(&mut self) -> usize {
        self.kills += 1;
        std::mem::take(&mut self.round).acknowledged
    }

    /// How much a reader may be given again.
    pub(super) fn may_repeat(&self, reader: usize) -> usize {
        self.at_once * (self.kills + 1) + self.again.get(&reader).copied().unwrap_or_default()
    }
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Broken {
    /// It was acknowledged, and this reader never got it.
    Lost { reader: usize, producer: usize, number: u64 },
    /// One event is at two places.
    Doubled { producer: usize, number: u64 },
    /// A lane's event came before an earlier one.
    Reordered { reader: usize, producer: usize, number: u64 },
    /// A reader was given more again than was under way when nodes were killed.
    Repeated { reader: usize, times: usize },
    /// Something else that may not be.
    Fault(String),
}

/// Everything that was broken.
pub(super) fn check(observed: &Observed) -> Vec<Broken> {
    let mut broken: Vec<Broken> = observed.faults.iter().cloned().map(Broken::Fault).collect();
    let mut doubled = BTreeSet::new();
    for (reader, events) in &observed.delivered {
        broken.extend(of_reader(*reader, events, observed, &mut doubled));
    }
    broken.extend(doubled.into_iter().map(|(producer, number)| Broken::Doubled { producer, number }));
    broken
}

fn of_reader(
    reader: usize,
    events: &[Event],
    observed: &Observed,
    doubled: &mut BTreeSet<(usize, u64)>,
) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut places: BTreeMap<(usize, u64), &str> = BTreeMap::new();
    let mut lanes: BTreeMap<usize, u64> = BTreeMap::new();
    let mut times = 0;
    for event in events {
        let (producer, number) = (event.producer, event.number);
        match places.insert((producer, number), &event.position) {
            Some(before) if before == event.position => times += 1,
            Some(_) => {
                doubled.insert((producer, number));
            }
            None if lanes.get(&producer).is_some_and(|last| *last > number) => {
                broken.push(Broken::Reordered { reader, producer, number });
            }
            None => {
                lanes.insert(producer, number);
            }
        }
    }
    if times > observed.may_repeat(reader) {
        broken.push(Broken::Repeated { reader, times });
    }
    let lost = observed.acknowledged.iter().filter(|event| !places.contains_key(event));
    broken.extend(lost.map(|(producer, number)| Broken::Lost { reader, producer: *producer, number: *number }));
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(delivered: &[(u64, &str)]) -> Observed {
        let event =
            |(number, position): &(u64, &str)| Event { position: (*position).to_owned(), producer: 7, number: *number };
        let acknowledged = (0..3).map(|number| (7, number)).collect();
        Observed {
            acknowledged,
            delivered: BTreeMap::from([(0, delivered.iter().map(event).collect())]),
            kills: 0,
            at_once: 5,
            again: BTreeMap::from([(0, 1)]),
            ..Observed::default()
        }
    }

    #[test]
    fn each_broken_promise_is_named() {
        let good = [(0, "1-1"), (1, "1-2"), (1, "1-2"), (2, "1-3"), (3, "1-4")];
        assert_eq!(check(&observed(&good)), []);
        let lost = check(&observed(&[(0, "1-1"), (2, "1-3")]));
        assert_eq!(lost, [Broken::Lost { reader: 0, producer: 7, number: 1 }]);
        let doubled = check(&observed(&[(0, "1-1"), (1, "1-2"), (1, "1-3"), (2, "1-4")]));
        assert_eq!(doubled, [Broken::Doubled { producer: 7, number: 1 }]);
        let reordered = check(&observed(&[(1, "1-1"), (0, "1-2"), (2, "1-3")]));
        assert_eq!(reordered, [Broken::Reordered { reader: 0, producer: 7, number: 0 }]);
        let again: Vec<(u64, &str)> = std::iter::repeat_n((2, "1-3"), 8).collect();
        let repeated = check(&observed(&[&[(0, "1-1"), (1, "1-2")], &again[..]].concat()));
        assert_eq!(repeated, [Broken::Repeated { reader: 0, times: 7 }]);
    }
}
