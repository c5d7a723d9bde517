//! What a governor counts, for `/metrics` and the console. Counters only grow; nothing here decides anything.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Outcome, Priority};

/// Upper bounds of the waiting times that are counted, in milliseconds.
pub const WAITS: [u64; 6] = [1, 10, 100, 1_000, 5_000, 30_000];

/// How long calls of a priority waited before they began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// Calls that waited no longer than the bound of the same place in [`WAITS`] and longer than the one before; the last
    /// counts the rest.
    pub buckets: [u64; WAITS.len() + 1],
    /// All their waiting.
    pub sum: Duration,
}

/// The counters.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) waits: BTreeMap<Priority, Waits>,
    pub(super) turned_away: BTreeMap<Priority, u64>,
    pub(super) outcomes: BTreeMap<Outcome, u64>,
}

impl Counts {
    pub(super) fn began(&mut self, priority: Priority, waited: Duration) {
        let waits = self.waits.entry(priority).or_default();
        let place = WAITS.iter().position(|bound| waited <= Duration::from_millis(*bound)).unwrap_or(WAITS.len());
        if let Some(bucket) = waits.buckets.get_mut(place) {
            *bucket += 1;
        }
        waits.sum += waited;
    }

    pub(super) fn turned_away(&mut self, priority: Priority) {
        *self.turned_away.entry(priority).or_default() += 1;
    }

    pub(super) fn ended(&mut self, outcome: Outcome) {
        *self.outcomes.entry(outcome).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_counted_where_they_belong() {
        let mut counts = Counts::default();
        for millis in [0, 1, 2, 5_000, 31_000] {
            counts.began(Priority::First, Duration::from_millis(millis));
        }
        let waits = counts.waits.get(&Priority::First).copied().unwrap_or_default();
        assert_eq!(waits.buckets, [2, 1, 0, 0, 1, 0, 1]);
        assert_eq!(waits.sum, Duration::from_millis(36_003));
    }
}
