//! Rate limits: the generic cell rate algorithm on one atomic per limit, exact over all threads of a node. The state
//! lives outside snapshots, keyed by grant and interface, so a swap neither forgives nor forgets.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use selvage_model::name::InterfaceRef;
use selvage_model::scalar::Rate;

/// A rate as the algorithm needs it: `burst` at once, then one every `interval` nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    interval: u64,
    tolerance: u64,
    /// How many at once, which is also how many in the span.
    pub(crate) burst: u64,
    /// The span, whole seconds, at least 1.
    pub(crate) window: u64,
}

impl Allowance {
    /// Of a declared rate. The interval is rounded up, so never more than declared passes.
    pub(crate) fn of(rate: Rate) -> Self {
        let per = u64::try_from(rate.per.as_nanos()).unwrap_or(u64::MAX);
        let burst = rate.count.max(1);
        let interval = if rate.count == 0 { u64::MAX / 4 } else { per.div_ceil(burst).max(1) };
        let tolerance = interval.saturating_mul(burst - 1).min(u64::MAX / 4);
        Self { interval, tolerance, burst, window: rate.per.as_secs().max(1) }
    }
}

/// What a limit said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spent {
    /// Passed; so many are left, and all are back after that time.
    Passed { left: u64, full_after: Duration },
    /// Not before that time.
    Wait(Duration),
}

/// The rule itself: the theoretical arrival time after one more at `now`, or how long to wait. Nanoseconds.
/// <https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm>
fn spend(arrival: u64, now: u64, allowance: Allowance) -> Result<u64, u64> {
    let due = arrival.max(now);
    match (due - now).checked_sub(allowance.tolerance) {
        Some(too_early) if too_early > 0 => Err(too_early),
        _ => Ok(due.saturating_add(allowance.interval)),
    }
}

/// The state of one limit.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    arrival: AtomicU64,
}

impl Meter {
    /// Takes one, `now` nanoseconds after the gateway's epoch.
    pub(crate) fn take(&self, now: u64, allowance: Allowance) -> Spent {
        let mut seen = self.arrival.load(Ordering::Relaxed);
        loop {
            let next = match spend(seen, now, allowance) {
                Ok(next) => next,
                Err(wait) => return Spent::Wait(Duration::from_nanos(wait)),
            };
            match self.arrival.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => {
                    let used = next - now.min(next);
                    let left = (allowance.tolerance + allowance.interval).saturating_sub(used) / allowance.interval;
                    return Spent::Passed { left, full_after: Duration::from_nanos(used) };
                }
                Err(other) => seen = other,
            }
        }
    }

    /// Gives one back that was taken for a request which another limit refused.
    pub(crate) fn give_back(&self, allowance: Allowance) {
        self.arrival.fetch_sub(allowance.interval, Ordering::Relaxed);
    }
}

/// All limits of a node, by what they limit.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    grants: HashMap<String, Arc<Meter>>,
    interfaces: HashMap<InterfaceRef, Arc<InterfaceLimits>>,
}

/// The limits of one interface, in one line of the processor's cache: the threads hand it to each other once a request.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct InterfaceLimits {
    /// Of its rate.
    pub(crate) rate: Meter,
    /// Of its quota.
    pub(crate) quota: Meter,
    /// Requests in hand.
    in_hand: AtomicU32,
}

impl Limits {
    /// The limit of a grant.
    pub(crate) fn grant(&self, id: &str) -> Arc<Meter> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(meter) = known.grants.get(id) {
            return Arc::clone(meter);
        }
        Arc::clone(known.grants.entry(id.to_owned()).or_default())
    }

    /// The limits of an interface.
    pub(crate) fn interface(&self, interface: &InterfaceRef) -> Arc<InterfaceLimits> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.interfaces.entry(interface.clone()).or_default())
    }

    /// Forgets limits that no snapshot uses any more and that have no debt left.
    pub(crate) fn prune(&self, now: u64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let settled = |meter: &Meter| meter.arrival.load(Ordering::Relaxed) <= now;
        known.grants.retain(|_, meter| Arc::strong_count(meter) > 1 || !settled(meter));
        known
            .interfaces
            .retain(|_, limits| Arc::strong_count(limits) > 1 || !settled(&limits.rate) || !settled(&limits.quota));
    }
}

/// One of an interface's requests in hand; gives its place back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    limits: Arc<InterfaceLimits>,
}

impl Place {
    /// A place among `most`, where one is free.
    pub(crate) fn take(limits: &Arc<InterfaceLimits>, most: u32) -> Option<Self> {
        let before = limits.in_hand.fetch_add(1, Ordering::Relaxed);
        let place = Self { limits: Arc::clone(limits) };
        (before < most).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.limits.in_hand.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn rate(count: u64, seconds: u64) -> Allowance {
        Allowance::of(Rate { count, per: Duration::from_secs(seconds) })
    }

    #[test]
    fn a_burst_then_an_even_flow() {
        let (meter, allowance) = (Meter::default(), rate(3, 1));
        let now = 5 * SECOND;
        assert!(matches!(meter.take(now, allowance), Spent::Passed { left: 2, .. }));
        assert!(matches!(meter.take(now, allowance), Spent::Passed { left: 1, .. }));
        assert!(matches!(meter.take(now, allowance), Spent::Passed { left: 0, .. }));
        assert_eq!(meter.take(now, allowance), Spent::Wait(Duration::from_nanos(333_333_334)));
        assert!(matches!(meter.take(now + SECOND / 3, allowance), Spent::Wait(_)));
        assert!(matches!(meter.take(now + SECOND / 3 + 1, allowance), Spent::Passed { left: 0, .. }));
        assert!(matches!(meter.take(now + 10 * SECOND, allowance), Spent::Passed { left: 2, .. }));
    }

    #[test]
    fn what_is_given_back_can_be_taken() {
        let (meter, allowance) = (Meter::default(), rate(1, 60));
        assert!(matches!(meter.take(SECOND, allowance), Spent::Passed { left: 0, .. }));
        assert!(matches!(meter.take(SECOND, allowance), Spent::Wait(_)));
        meter.give_back(allowance);
        assert!(matches!(meter.take(SECOND, allowance), Spent::Passed { .. }));
    }

    #[test]
    fn exact_over_threads() {
        let (meter, allowance) = (Meter::default(), rate(1000, 3600));
        let passed: usize = std::thread::scope(|scope| {
            let takers: Vec<_> = (0..8)
                .map(|_| {
                    let take = || (0..500).filter(|_| matches!(meter.take(SECOND, allowance), Spent::Passed { .. }));
                    scope.spawn(move || take().count())
                })
                .collect();
            takers.into_iter().map(|taker| taker.join().unwrap()).sum()
        });
        assert_eq!(passed, 1000);
    }

    #[test]
    fn a_rate_of_nothing_passes_one_and_no_more() {
        let (meter, allowance) = (Meter::default(), rate(0, 1));
        meter.take(SECOND, allowance);
        assert!(matches!(meter.take(1000 * SECOND, allowance), Spent::Wait(_)));
    }

    #[test]
    fn places_are_given_back() {
        let limits = Arc::new(InterfaceLimits::default());
        let first = Place::take(&limits, 1);
        assert!(first.is_some());
        assert!(Place::take(&limits, 1).is_none());
        drop(first);
        assert!(Place::take(&limits, 1).is_some());
    }

    #[test]
    fn limits_outlive_what_uses_them_while_in_debt() {
        let limits = Limits::default();
        let allowance = rate(1, 60);
        assert!(matches!(limits.grant("grt_1").take(SECOND, allowance), Spent::Passed { .. }));
        limits.prune(2 * SECOND);
        assert!(matches!(limits.grant("grt_1").take(2 * SECOND, allowance), Spent::Wait(_)));
        limits.prune(100 * SECOND);
        assert!(limits.known.lock().unwrap().grants.is_empty());
    }
}
