//! Rate limits: the generic cell rate algorithm on one atomic per limit, exact over all threads of a node. The state
//! lives outside snapshots, keyed by grant and interface, so a swap neither forgives nor forgets.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::name::{InterfaceRef, SystemName};
use selvage_model::scalar::Rate;

use crate::admission::UpstreamState;
use crate::budget::LimitBooks;
use crate::config::Sharing;
use crate::gate::Gate;
use crate::quota::Counter;

/// Stands beside how many requests met a limit: the store has given this node a share of it.
const DEALS: u64 = 1 << 63;
/// How often it is looked at most for limits that nobody uses any more, in nanoseconds.
const PRUNES_EVERY: u64 = 10_000_000_000;

/// A rate as the algorithm needs it: `burst` at once, then one every `interval` nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    interval: u64,
    tolerance: u64,
    /// How many at once, which is also how many in the span.
    pub(crate) burst: u64,
    /// The span, whole seconds, at least 1.
    pub(crate) window: u64,
    per: u64,
}

impl Allowance {
    /// Of a declared rate. The interval is rounded up, so never more than declared passes.
    pub(crate) fn of(rate: Rate) -> Self {
        let per = u64::try_from(rate.per.as_nanos()).unwrap_or(u64::MAX);
        let allowance = Self::spread(per, rate.count.max(1), rate.per.as_secs().max(1));
        if rate.count == 0 { Self { interval: u64::MAX / 4, ..allowance } } else { allowance }
    }

    fn spread(per: u64, burst: u64, window: u64) -> Self {
        let interval = per.div_ceil(burst).max(1);
        let tolerance = interval.saturating_mul(burst - 1).min(u64::MAX / 4);
        Self { interval, tolerance, burst, window, per }
    }

    /// So much of it; nothing of nothing.
    fn part(self, held: u64) -> Option<Self> {
        if held >= self.burst {
            return Some(self);
        }
        (held > 0).then(|| Self::spread(self.per, held, self.window))
    }
}

/// What a limit said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spent {
    /// Passed; so many are left, and all are back after that time, which is then.
    Passed { left: u64, full_after: Duration, paid_at: u64 },
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

/// A node has the whole rate for itself.
const WHOLE: u64 = u64::MAX;
/// It has not heard yet what its share is.
const UNHEARD: u64 = u64::MAX - 1;
/// How soon to try again where a node has no share of a rate.
const SOON: Duration = Duration::from_secs(1);

/// How many of a limit a node may pass before it heard what it has of it.
pub(crate) fn ahead(limit: u64) -> u64 {
    (limit / 10).max(5).min(limit)
}

/// The state of one rate.
#[derive(Debug)]
pub(crate) struct Meter {
    arrival: AtomicU64,
    /// How many of the rate's burst this node may use, [`WHOLE`] or [`UNHEARD`].
    held: AtomicU64,
    /// Requests since the last look, where nodes share; [`DEALS`] is added while the store has given this node a share.
    asked: AtomicU64,
}

impl Default for Meter {
    fn default() -> Self {
        Self { arrival: AtomicU64::new(0), held: AtomicU64::new(WHOLE), asked: AtomicU64::new(0) }
    }
}

impl Meter {
    /// Takes one, `now` nanoseconds after the gateway's epoch.
    pub(crate) fn take(&self, now: u64, allowance: Allowance) -> Spent {
        let held = self.held.load(Ordering::Relaxed);
        if held == WHOLE {
            return self.spend(now, allowance);
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        if held == UNHEARD {
            let spent = allowance.part(ahead(allowance.burst)).map_or(Spent::Wait(SOON), |part| self.spend(now, part));
            return if matches!(spent, Spent::Wait(_)) { Spent::Wait(SOON) } else { spent };
        }
        allowance.part(held).map_or(Spent::Wait(SOON), |part| self.spend(now, part))
    }

    /// Begins to share, or to share anew: what this node has is not known until it is told.
    pub(crate) fn share(&self) {
        self.held.store(UNHEARD, Ordering::Relaxed);
    }

    /// From now on the node has so much of the rate's burst. What it may pass at once stays what it was, unless all is
    /// its own: a part that another had comes without that one's burst.
    pub(crate) fn hold(&self, now: u64, allowance: Allowance, held: u64) {
        let before = match self.held.swap(held.min(UNHEARD - 1), Ordering::Relaxed) {
            WHOLE => allowance.burst,
            UNHEARD => ahead(allowance.burst),
            before => before.min(allowance.burst),
        };
        let after = held.min(allowance.burst);
        if after <= before {
            return;
        }
        let (per, before, after) = (u128::from(allowance.per), u128::from(before), u128::from(after));
        let owed = |arrival: u64| {
            let debt = u128::from(arrival.saturating_sub(now)).min(per);
            let debt = if after == u128::from(allowance.burst) {
                debt * before / after
            } else {
                per - (per - debt) * before / after
            };
            Some(now.saturating_add(u64::try_from(debt).unwrap_or(u64::MAX)))
        };
        let _ = self.arrival.fetch_update(Ordering::Relaxed, Ordering::Relaxed, owed);
    }

    /// Whether nothing is owed for what passed.
    pub(crate) fn is_settled(&self, now: u64) -> bool {
        self.arrival.load(Ordering::Relaxed) <= now
    }

    /// What the node has, where it was told.
    pub(crate) fn held(&self) -> Option<u64> {
        Some(self.held.load(Ordering::Relaxed)).filter(|held| *held < UNHEARD)
    }

    /// The node counts alone, unless it knows its share.
    pub(crate) fn go_on_alone(&self) {
        let _ = self.held.compare_exchange(UNHEARD, WHOLE, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Requests since the last look.
    pub(crate) fn take_demand(&self) -> u64 {
        self.asked.fetch_and(DEALS, Ordering::Relaxed) & !DEALS
    }

    /// Whether requests have met it since the last look, or the store has given this node a share of it.
    pub(crate) fn is_awake(&self) -> bool {
        self.asked.load(Ordering::Relaxed) != 0
    }

    /// Whether the store has given this node a share.
    pub(crate) fn deals(&self, deals: bool) {
        if deals {
            self.asked.fetch_or(DEALS, Ordering::Relaxed);
        } else {
            self.asked.fetch_and(!DEALS, Ordering::Relaxed);
        }
    }

    fn spend(&self, now: u64, allowance: Allowance) -> Spent {
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
                    return Spent::Passed { left, full_after: Duration::from_nanos(used), paid_at: next };
                }
                Err(other) => seen = other,
            }
        }
    }

    /// Gives one back that was taken for a request which another limit refused. Once it is paid by time there is nothing to give
    /// back: it would be another's.
    pub(crate) fn give_back(&self, now: u64, allowance: Allowance, paid_at: u64) {
        if now >= paid_at {
            return;
        }
        // Meanwhile it may have been forgotten, or counted anew.
        let fewer = |arrival: u64| Some(arrival.saturating_sub(allowance.interval));
        let _ = self.arrival.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
    }
}

/// All limits of a node, by what they limit.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub(crate) sharing: Sharing,
    /// When the store was heard last, nanoseconds after the gateway's epoch.
    pub(crate) heard: AtomicU64,
    /// Requests that nodes held which ended without a word.
    pub(crate) lost: AtomicU64,
    /// Every lease ran out without a word from the store.
    pub(crate) cut_off: Arc<AtomicBool>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    grants: HashMap<String, Arc<GrantLimits>>,
    interfaces: HashMap<InterfaceRef, Arc<InterfaceLimits>>,
    upstreams: BTreeMap<SystemName, Arc<UpstreamState>>,
    /// When it was looked last for what nobody uses any more.
    pruned: Option<u64>,
}

/// The limits of one grant.
#[derive(Debug, Default)]
pub(crate) struct GrantLimits {
    pub(crate) rate: Meter,
    pub(crate) quota: Counter,
    /// Requests in hand, of what is bounded by consumer.
    pub(crate) gate: Arc<Gate>,
    pub(crate) books: Mutex<LimitBooks>,
}

/// The limits of one interface, in one line of the processor's cache: the threads hand it to each other once a request.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct InterfaceLimits {
    /// Of its rate.
    pub(crate) rate: Meter,
    /// Of its quota.
    pub(crate) quota: Counter,
    /// Requests in hand.
    pub(crate) gate: Arc<Gate>,
    pub(crate) books: Mutex<LimitBooks>,
}

impl Limits {
    /// None yet, of a node that shares these.
    pub(crate) fn new(sharing: Sharing) -> Self {
        Self { sharing, ..Self::default() }
    }

    /// Limits of this node's own, which it shares with no other.
    pub(crate) fn own(&self, id: &str) -> Arc<GrantLimits> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(limits) = known.grants.get(id) {
            return Arc::clone(limits);
        }
        Arc::clone(known.grants.entry(id.to_owned()).or_default())
    }

    /// The limits of a grant.
    pub(crate) fn grant(&self, id: &str) -> Arc<GrantLimits> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(limits) = known.grants.get(id) {
            return Arc::clone(limits);
        }
        let limits = known.grants.entry(id.to_owned()).or_default();
        self.begin(&limits.rate);
        Arc::clone(limits)
    }

    /// The limits of an interface.
    pub(crate) fn interface(&self, interface: &InterfaceRef) -> Arc<InterfaceLimits> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(limits) = known.interfaces.get(interface) {
            return Arc::clone(limits);
        }
        let limits = known.interfaces.entry(interface.clone()).or_default();
        self.begin(&limits.rate);
        Arc::clone(limits)
    }

    /// The state of a system that direct interfaces go to.
    pub(crate) fn upstream(&self, system: &SystemName) -> Arc<UpstreamState> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.upstreams.entry(system.clone()).or_default())
    }

    /// Every such system with its state.
    pub(crate) fn upstreams(&self) -> BTreeMap<SystemName, Arc<UpstreamState>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).upstreams.clone()
    }

    fn begin(&self, rate: &Meter) {
        if self.sharing == Sharing::All {
            rate.share();
        }
    }

    /// Forgets limits that no snapshot uses any more and that have no debt left, where it was not looked lately: there may be thousands.
    pub(crate) fn prune(&self, now: u64, wall: Timestamp) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.pruned.is_some_and(|pruned| now.saturating_sub(pruned) < PRUNES_EVERY) {
            return;
        }
        known.pruned = Some(now);
        // What is in hand of a quota is given back, or told: forgotten, it would count as used when it runs out.
        let deals = |books: &Mutex<LimitBooks>| books.lock().unwrap_or_else(PoisonError::into_inner).deals(now);
        let settled = |rate: &Meter, quota: &Counter, books: &Mutex<LimitBooks>| {
            rate.is_settled(now) && !rate.is_awake() && quota.is_over(wall) && !deals(books)
        };
        known.grants.retain(|_, limits| {
            let is_used = Arc::strong_count(limits) > 1 || limits.gate.in_hand() > 0;
            is_used || !settled(&limits.rate, &limits.quota, &limits.books)
        });
        known.interfaces.retain(|_, limits| {
            let is_used = Arc::strong_count(limits) > 1 || limits.gate.in_hand() > 0;
            is_used || !settled(&limits.rate, &limits.quota, &limits.books)
        });
    }
}

#[cfg(test)]
mod tests {
    use selvage_model::scalar::{Quota, Window};

    use super::*;
    use crate::quota::Counted;

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
    fn a_node_that_shares_uses_its_share() {
        let (meter, allowance) = (Meter::default(), rate(100, 1));
        meter.share();
        let pass = |now: u64| (0..200).take_while(|_| !matches!(meter.take(now, allowance), Spent::Wait(_))).count();
        assert_eq!(pass(SECOND), 10, "before it heard");
        // All is its own: what was used counts as what it is.
        meter.hold(SECOND, allowance, 100);
        assert_eq!(pass(SECOND), 90);
        // Less from now on, and owed as before.
        meter.hold(SECOND, allowance, 30);
        assert_eq!(pass(SECOND), 0);
        assert_eq!(pass(SECOND + SECOND / 2), 15);
        assert_eq!(pass(10 * SECOND), 30);
        // A part that another had comes without its burst.
        meter.hold(10 * SECOND, allowance, 60);
        assert_eq!(pass(10 * SECOND), 0);
        assert_eq!(pass(10 * SECOND + SECOND / 2), 30);
        assert!(meter.take_demand() > 0 && meter.take_demand() == 0);
        meter.hold(20 * SECOND, allowance, 0);
        assert_eq!(meter.take(20 * SECOND, allowance), Spent::Wait(SOON));
        meter.go_on_alone();
        assert_eq!(meter.held(), Some(0), "it knows its share");
        meter.share();
        meter.go_on_alone();
        assert_eq!(pass(30 * SECOND), 100);
    }

    #[test]
    fn what_is_given_back_can_be_taken() {
        let (meter, allowance) = (Meter::default(), rate(1, 60));
        let Spent::Passed { left: 0, paid_at, .. } = meter.take(SECOND, allowance) else { panic!("it passes") };
        assert!(matches!(meter.take(SECOND, allowance), Spent::Wait(_)));
        meter.give_back(SECOND, allowance, paid_at);
        assert!(matches!(meter.take(SECOND, allowance), Spent::Passed { .. }));
        // Once it is paid by time, what is owed is another's.
        let later = paid_at + SECOND;
        assert!(matches!(meter.take(later, allowance), Spent::Passed { .. }));
        meter.give_back(later, allowance, paid_at);
        assert!(matches!(meter.take(later, allowance), Spent::Wait(_)));
        // More than was taken is nothing, and no wait of centuries.
        let fresh = Meter::default();
        fresh.give_back(0, allowance, SECOND);
        assert!(matches!(fresh.take(SECOND, allowance), Spent::Passed { left: 0, .. }));
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
    fn a_shared_limit_is_awake_while_it_is_met_or_a_share_of_it_is_dealt() {
        let (meter, allowance) = (Meter::default(), rate(4, 60));
        assert!(!meter.is_awake());
        meter.share();
        meter.take(SECOND, allowance);
        assert!(meter.is_awake());
        meter.deals(true);
        assert_eq!(meter.take_demand(), 1);
        assert!(meter.is_awake(), "it has a share, and has to give it back");
        meter.take(SECOND, allowance);
        assert_eq!(meter.take_demand(), 1, "a share that is dealt is no request");
        meter.deals(false);
        assert!(!meter.is_awake());
    }

    #[test]
    fn limits_outlive_what_uses_them_while_in_debt() {
        let limits = Limits::default();
        let allowance = rate(1, 60);
        let now: Timestamp = "2026-11-27T12:00:00Z".parse().unwrap();
        assert!(matches!(limits.grant("grt_1").rate.take(SECOND, allowance), Spent::Passed { .. }));
        limits.prune(2 * SECOND, now);
        assert!(matches!(limits.grant("grt_1").rate.take(2 * SECOND, allowance), Spent::Wait(_)));
        limits.prune(100 * SECOND, now);
        assert!(limits.known.lock().unwrap().grants.is_empty());
        // A quota counts until its window is over.
        let quota = Quota { count: 5, window: Window::Day };
        assert!(matches!(limits.grant("grt_2").quota.take(now, quota, true), Counted::Passed { .. }));
        limits.prune(200 * SECOND, now);
        assert_eq!(limits.known.lock().unwrap().grants.len(), 1);
        limits.prune(300 * SECOND, "2026-11-28T01:00:00Z".parse().unwrap());
        assert!(limits.known.lock().unwrap().grants.is_empty());
        // A part of a quota that nobody used is still this node's to give back, until it has run out.
        limits.grant("grt_3").books.lock().unwrap().renewed(400 * SECOND);
        limits.prune(411 * SECOND, now);
        assert!(limits.grant("grt_3").books.lock().unwrap().deals(411 * SECOND));
        limits.prune(500 * SECOND, now);
        assert!(limits.known.lock().unwrap().grants.is_empty());
    }
}
