//! A circuit breaker: an upstream that fails too often is left alone for a while, then tried by a few requests before
//! all may come back. It counts what the upstream did, never what a caller did wrong.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

const SLOTS: usize = 10;
/// Bits of a slot's counts; above them stands which slot of time it is.
const BITS: u32 = 20;
const COUNT: u64 = (1 << BITS) - 1;
/// How soon to try again where enough others are trying.
const SOON: u64 = 1_000_000_000;

/// When it opens, and how it closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BreakerRule {
    /// It opens when so many thousandths of the requests failed,
    pub(crate) failures: u32,
    /// of at least so many,
    pub(crate) least: u32,
    /// within this time, in nanoseconds.
    pub(crate) within: u64,
    /// Nanoseconds that it stays open.
    pub(crate) open: u64,
    /// So many requests try at a time then, and so many must succeed.
    pub(crate) probes: u32,
}

/// Whether requests pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Closed,
    HalfOpen,
    Open,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Well,
    Failed,
    /// Nothing that says how the upstream is.
    Nothing,
}

/// Since when those may try that do: what tells one time of trying from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Round(u64);

/// The state of one.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    /// 0 while it is closed; else when it may be tried, nanoseconds after the gateway's epoch.
    until: AtomicU64,
    trying: AtomicU32,
    tried_well: AtomicU32,
    opened: AtomicU64,
    /// By slot of time: which, how many went well, how many failed.
    slots: [AtomicU64; SLOTS],
}

impl Breaker {
    /// Lets a request pass, saying in which round it is one of those that try; or says how many nanoseconds to wait.
    pub(crate) fn admit(&self, now: u64, rule: BreakerRule) -> Result<Option<Round>, u64> {
        let until = self.until.load(Ordering::Acquire);
        if until == 0 {
            return Ok(None);
        }
        if now < until {
            return Err(until - now);
        }
        let one_more = |trying: u32| (trying < rule.probes).then_some(trying + 1);
        self.trying
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more)
            .map(|_| Some(Round(until)))
            .map_err(|_| SOON)
    }

    /// Takes in what came of a request; whether the upstream is left alone from now on.
    pub(crate) fn record(&self, now: u64, rule: BreakerRule, tried: Option<Round>, verdict: Verdict) -> bool {
        if let Some(round) = tried {
            return self.record_try(now, rule, (round, verdict));
        }
        // What went out before it opened says nothing about now.
        if verdict == Verdict::Nothing || self.until.load(Ordering::Acquire) != 0 {
            return false;
        }
        let slot = self.count(now, rule, verdict);
        if verdict == Verdict::Well {
            return false;
        }
        let (well, failed) = self.sums(slot);
        let total = well + failed;
        let too_often = total >= u64::from(rule.least) && failed * 1_000 >= total * u64::from(rule.failures);
        too_often && self.open(0, now, rule)
    }

    fn record_try(&self, now: u64, rule: BreakerRule, (Round(round), verdict): (Round, Verdict)) -> bool {
        self.trying.fetch_sub(1, Ordering::AcqRel);
        let until = self.until.load(Ordering::Acquire);
        // What went out before it opened anew, or closed, says nothing about now.
        if until != round {
            return false;
        }
        match verdict {
            Verdict::Nothing => false,
            Verdict::Failed => now >= until && self.open(until, now, rule),
            Verdict::Well => {
                if self.tried_well.fetch_add(1, Ordering::AcqRel) + 1 >= rule.probes {
                    self.slots.iter().for_each(|slot| slot.store(0, Ordering::Relaxed));
                    self.tried_well.store(0, Ordering::Relaxed);
                    let _ = self.until.compare_exchange(round, 0, Ordering::AcqRel, Ordering::Relaxed);
                }
                false
            }
        }
    }

    fn open(&self, before: u64, now: u64, rule: BreakerRule) -> bool {
        let until = now.saturating_add(rule.open).max(1);
        let opened = self.until.compare_exchange(before, until, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if opened {
            self.tried_well.store(0, Ordering::Relaxed);
            self.opened.fetch_add(1, Ordering::Relaxed);
        }
        opened
    }

    fn count(&self, now: u64, rule: BreakerRule, verdict: Verdict) -> u64 {
        let number = now / (rule.within / SLOTS as u64).max(1);
        let place = usize::try_from(number % SLOTS as u64).unwrap_or(0);
        let Some(slot) = self.slots.get(place) else { return number };
        let add = |state: u64| {
            let (mut well, mut failed) = if state >> (2 * BITS) == stamp(number) { counts(state) } else { (0, 0) };
            match verdict {
                Verdict::Well => well = (well + 1).min(COUNT),
                _ => failed = (failed + 1).min(COUNT),
            }
            Some((stamp(number) << (2 * BITS)) | (well << BITS) | failed)
        };
        let _ = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        number
    }

    fn sums(&self, number: u64) -> (u64, u64) {
        let recent = |state: &u64| {
            let age = stamp(number).wrapping_sub(state >> (2 * BITS));
            *state != 0 && age < SLOTS as u64
        };
        let states = self.slots.iter().map(|slot| slot.load(Ordering::Relaxed)).filter(recent);
        states.map(counts).fold((0, 0), |sums, slot| (sums.0 + slot.0, sums.1 + slot.1))
    }

    /// How it stands.
    pub(crate) fn state(&self, now: u64) -> State {
        match self.until.load(Ordering::Acquire) {
            0 => State::Closed,
            until if now < until => State::Open,
            _ => State::HalfOpen,
        }
    }

    /// How often it opened.
    pub(crate) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }
}

fn stamp(number: u64) -> u64 {
    number & ((1 << (64 - 2 * BITS)) - 1)
}

fn counts(state: u64) -> (u64, u64) {
    ((state >> BITS) & COUNT, state & COUNT)
}

/// Nanoseconds of a declared duration.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const RULE: BreakerRule = BreakerRule { failures: 500, least: 4, within: 10 * SECOND, open: 5 * SECOND, probes: 2 };

    fn fail(breaker: &Breaker, now: u64) -> bool {
        breaker.record(now, RULE, None, Verdict::Failed)
    }

    #[test]
    fn it_opens_by_share_and_never_by_few() {
        let breaker = Breaker::default();
        assert!(!fail(&breaker, SECOND) && !fail(&breaker, SECOND) && !fail(&breaker, SECOND), "too few");
        assert!(fail(&breaker, SECOND));
        assert_eq!(breaker.admit(2 * SECOND, RULE), Err(4 * SECOND));
        assert_eq!((breaker.state(2 * SECOND), breaker.state(6 * SECOND)), (State::Open, State::HalfOpen));

        let breaker = Breaker::default();
        for _ in 0..5 {
            breaker.record(SECOND, RULE, None, Verdict::Well);
        }
        for _ in 0..4 {
            assert!(!fail(&breaker, SECOND), "not half of them");
        }
        assert!(fail(&breaker, SECOND));
        assert_eq!(breaker.opened(), 1);
    }

    #[test]
    fn what_is_long_ago_does_not_count() {
        let breaker = Breaker::default();
        for second in [1, 2, 3] {
            assert!(!fail(&breaker, second * SECOND));
        }
        assert!(!fail(&breaker, 12 * SECOND), "two of them are forgotten");
        assert!(!fail(&breaker, 12 * SECOND), "those of 3 and 12");
        assert!(fail(&breaker, 12 * SECOND));
    }

    #[test]
    fn a_few_try_before_all_come_back() {
        let breaker = Breaker::default();
        for _ in 0..4 {
            fail(&breaker, SECOND);
        }
        let later = 7 * SECOND;
        let first = Some(Round(6 * SECOND));
        assert_eq!((breaker.admit(later, RULE), breaker.admit(later, RULE)), (Ok(first), Ok(first)));
        assert_eq!(breaker.admit(later, RULE), Err(SOON), "enough are trying");
        // One goes away without an outcome: another may try.
        breaker.record(later, RULE, first, Verdict::Nothing);
        assert_eq!(breaker.admit(later, RULE), Ok(first));
        breaker.record(later, RULE, first, Verdict::Well);
        assert!(breaker.record(later, RULE, first, Verdict::Failed), "opens again");
        assert!(breaker.admit(later + SECOND, RULE).is_err());
        let (again, second) = (later + 6 * SECOND, Some(Round(12 * SECOND)));
        for _ in 0..2 {
            assert_eq!(breaker.admit(again, RULE), Ok(second));
            assert_eq!(breaker.state(again), State::HalfOpen);
            breaker.record(again, RULE, second, Verdict::Well);
        }
        assert_eq!((breaker.state(again), breaker.admit(again, RULE)), (State::Closed, Ok(None)));
        assert!(!fail(&breaker, again), "it begins anew");
    }

    #[test]
    fn who_tried_before_it_opened_again_says_nothing_of_now() {
        let breaker = Breaker::default();
        for _ in 0..4 {
            fail(&breaker, SECOND);
        }
        let (later, first) = (7 * SECOND, Some(Round(6 * SECOND)));
        assert_eq!((breaker.admit(later, RULE), breaker.admit(later, RULE)), (Ok(first), Ok(first)));
        assert!(breaker.record(later, RULE, first, Verdict::Failed), "opens again");
        let again = later + 6 * SECOND;
        let second = breaker.admit(again, RULE).unwrap();
        breaker.record(again, RULE, first, Verdict::Well);
        breaker.record(again, RULE, second, Verdict::Well);
        assert_eq!(breaker.state(again), State::HalfOpen, "one of two has succeeded");
        assert_eq!(breaker.admit(again, RULE), Ok(second));
        assert!(!breaker.record(again, RULE, first, Verdict::Failed), "nor does its failure");
        breaker.record(again, RULE, second, Verdict::Well);
        assert_eq!(breaker.state(again), State::Closed);
    }
}
