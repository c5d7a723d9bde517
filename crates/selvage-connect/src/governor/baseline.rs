//! How long calls take while the server has little else to do, by what is called. It moves slowly, so that an hour of load
//! does not pass for the server's nature; never a figure to show to anybody.

use std::collections::HashMap;
use std::time::Duration;

/// The most kinds of calls that are told apart; more than an Odoo is asked by one fabric. Then it learns anew.
const MOST: usize = 512;
/// Differences below this are the network's and the scheduler's, not the server's load.
const GRAIN: f64 = 0.025;
/// Calls of a kind after which its baseline is known well.
const LEARNT: u32 = 16;
/// By which part of the difference one call moves the baseline before and after that.
const STEPS: (f64, f64) = (0.10, 0.02);
/// A call counts as no longer than so many times the baseline: at rest, and under load. One that hangs says little.
const OUTLIERS: (f64, f64) = (4.0, 10.0);

/// Baselines by kind of call.
#[derive(Default)]
pub(super) struct Baselines(HashMap<String, Baseline>);

struct Baseline {
    seconds: f64,
    /// Calls at rest that it rests on; none where only a busy server was measured.
    seen: u32,
}

impl Baselines {
    /// How many seconds a call took, and how many it takes at rest: the same for the first of a kind. A call that was made at
    /// rest moves the baseline towards itself.
    pub(super) fn compare(&mut self, kind: &str, took: Duration, at_rest: bool) -> (f64, f64) {
        let seconds = took.as_secs_f64().max(GRAIN);
        let Some(baseline) = self.0.get_mut(kind) else {
            if self.0.len() >= MOST {
                self.0.clear();
            }
            self.0.insert(kind.to_owned(), Baseline { seconds, seen: u32::from(at_rest) });
            return (seconds, seconds);
        };
        if at_rest {
            baseline.see(seconds);
        } else if baseline.seen == 0 {
            // Nobody has measured it at rest yet: the quickest is the nearest to that.
            baseline.seconds = baseline.seconds.min(seconds);
        }
        (seconds.min(baseline.seconds * OUTLIERS.1), baseline.seconds)
    }
}

impl Baseline {
    fn see(&mut self, seconds: f64) {
        if self.seen == 0 {
            self.seconds = seconds;
        }
        let step = if self.seen < LEARNT { STEPS.0 } else { STEPS.1 };
        self.seen = self.seen.saturating_add(1);
        self.seconds += step * (seconds.min(self.seconds * OUTLIERS.0) - self.seconds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// How many times longer than at rest.
    fn ratio(baselines: &mut Baselines, kind: &str, millis: u64, at_rest: bool) -> f64 {
        let (took, alone) = baselines.compare(kind, ms(millis), at_rest);
        (took / alone * 100.0).round() / 100.0
    }

    #[test]
    fn kinds_are_compared_with_themselves() {
        let mut baselines = Baselines::default();
        for (kind, millis, at_rest, expected) in [
            ("a.read", 100, true, 1.0),
            ("b.action_confirm", 2_000, true, 1.0),
            ("a.read", 300, false, 3.0),
            ("b.action_confirm", 3_000, false, 1.5),
            // What hangs is an outlier, and what is quick anyway is never slow.
            ("a.read", 100_000, false, 10.0),
            ("c.read", 1, true, 1.0),
            ("c.read", 24, false, 1.0),
            // A first measurement under load is replaced by the first at rest.
            ("d.read", 900, false, 1.0),
            ("d.read", 100, true, 1.0),
            ("d.read", 200, false, 2.0),
        ] {
            let found = ratio(&mut baselines, kind, millis, at_rest);
            assert!((found - expected).abs() < 1e-9, "{kind} {millis}: {found}");
        }
    }

    #[test]
    fn a_busy_hour_moves_nothing_and_a_slower_server_is_accepted_in_time() {
        let mut baselines = Baselines::default();
        for _ in 0..40 {
            ratio(&mut baselines, "a.read", 100, true);
        }
        for _ in 0..10_000 {
            ratio(&mut baselines, "a.read", 500, false);
        }
        assert!(ratio(&mut baselines, "a.read", 500, false) > 4.9);
        assert!(ratio(&mut baselines, "a.read", 200, true) > 1.9, "one call is chance");
        for _ in 0..300 {
            ratio(&mut baselines, "a.read", 200, true);
        }
        assert!(ratio(&mut baselines, "a.read", 200, false) < 1.02);
    }

    #[test]
    fn only_so_many_kinds_are_kept() {
        let mut baselines = Baselines::default();
        for kind in 0..2 * MOST {
            baselines.compare(&kind.to_string(), ms(100), true);
        }
        assert!(baselines.0.len() <= MOST);
    }
}
