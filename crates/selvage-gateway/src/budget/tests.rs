//! No run lets more through than a quota says: requests on several threads, of which some are given back after they waited, while a
//! node settles, its windows end, and it ends in order or is killed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Barrier, Mutex};

use selvage_model::budget::BudgetSlice;
use selvage_model::scalar::Window;

use super::*;
use crate::quota::{Counted, CountsIn};

const COUNT: u64 = 5;
const QUOTA: Quota = Quota { count: COUNT, window: Window::Hour };
const HOUR: i64 = 3_600;
const LEASE: Duration = Duration::from_secs(6);

/// What a store keeps of a quota, without one; never more is given out than there is.
#[derive(Default)]
struct Kept {
    spent: BTreeMap<i64, u64>,
    slices: BTreeMap<i64, BTreeMap<usize, u64>>,
}

impl Kept {
    fn give(&mut self, node: usize, ask: &BudgetAsk) -> BudgetShare {
        let spent = self.spent.entry(ask.begins).or_default();
        *spent += ask.spent;
        let slices = self.slices.entry(ask.begins).or_default();
        slices.remove(&node);
        let others: Vec<BudgetSlice> = slices.values().map(|held| BudgetSlice { held: *held, demand: 0 }).collect();
        let held = ask.held(*spent, &others);
        if ask.want > 0 {
            slices.insert(node, held);
        }
        BudgetShare { held, spent: *spent, lost: 0 }
    }
}

/// One node with one quota of a grant.
struct Node {
    number: usize,
    limits: Arc<GrantLimits>,
}

impl Node {
    fn settle(&self, kept: &Mutex<Kept>, books: &Books, now: i64, moment: BudgetMoment) {
        let wall = Timestamp::from_second(now).unwrap();
        let nanos = u64::try_from(now).unwrap() * 1_000_000_000;
        let lease = u64::try_from(LEASE.as_nanos()).unwrap();
        let shared = Shared {
            name: &"grt_1",
            limits: Limited::Grant(Arc::clone(&self.limits)),
            rate: None,
            quota: Some(QUOTA),
            refuses: false,
            is_delivered: false,
        };
        let mut round = BudgetRound { asks: Vec::new(), targets: Vec::new(), began: nanos, lease };
        let moment = Moment { nanos, wall, lease, round: moment, sharing: Sharing::Quotas };
        round.add_quota(&shared, QUOTA, moment);
        round.add_next(&shared, QUOTA, moment);
        let shares: Vec<BudgetShare> =
            round.asks.iter().map(|ask| kept.lock().unwrap().give(self.number, ask)).collect();
        std::thread::yield_now();
        round.settled(&shares, books);
    }
}

/// How many passed in each window.
type Passed = Mutex<BTreeMap<CountsIn, u64>>;

/// Takes again and again; every third time it waits a little for a place, gets none and gives back.
fn hammer(node: &Node, clock: &AtomicI64, over: &AtomicBool, passed: &Passed) {
    let mut turn = 0_u32;
    while !over.load(Ordering::SeqCst) {
        let now = clock.load(Ordering::SeqCst);
        let taken = node.limits.quota.take(Timestamp::from_second(now).unwrap(), QUOTA, false);
        let Counted::Passed { counts_in, .. } = taken else {
            std::thread::yield_now();
            continue;
        };
        turn += 1;
        if turn.is_multiple_of(3) {
            std::thread::yield_now();
            node.limits.quota.give_back(counts_in);
        } else {
            *passed.lock().unwrap().entry(counts_in).or_default() += 1;
        }
    }
}

/// One life of a node, every second one over the edge of a window; it ends in order, or not.
fn live(number: usize, kept: &Mutex<Kept>, clock: &AtomicI64, passed: &Passed) {
    let node = Node { number, limits: Arc::default() };
    let books = Books::new(1, Sharing::Quotas, 0);
    let over = AtomicBool::new(false);
    let settle = |moment: BudgetMoment| node.settle(kept, &books, clock.load(Ordering::SeqCst), moment);
    settle(BudgetMoment::First);
    let begun = Barrier::new(4);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                begun.wait();
                hammer(&node, clock, &over, passed);
            });
        }
        begun.wait();
        for tick in 0..30 {
            settle(BudgetMoment::Due);
            let next = if tick == 11 { HOUR / 2 } else { 1 };
            clock.fetch_add(next, Ordering::SeqCst);
        }
        settle(BudgetMoment::Due);
        over.store(true, Ordering::SeqCst);
    });
    if number.is_multiple_of(2) {
        settle(BudgetMoment::Last);
        let after = node.limits.quota.take(Timestamp::from_second(clock.load(Ordering::SeqCst)).unwrap(), QUOTA, false);
        assert!(matches!(after, Counted::Over { .. }), "what was given back passes no more: {after:?}");
    }
}

#[test]
fn no_run_lets_more_through_than_a_quota() {
    let (kept, passed, clock) = (Mutex::default(), Passed::default(), AtomicI64::new(480_000 * HOUR + HOUR - 20));
    for number in 0..300 {
        live(number, &kept, &clock, &passed);
    }
    let passed = passed.lock().unwrap();
    assert!(passed.len() > 50, "many windows were met: {}", passed.len());
    for (window, count) in &*passed {
        assert!(*count <= COUNT, "{count} of {COUNT} in window {window:?}");
    }
}

#[test]
fn a_node_that_is_killed_when_a_window_has_just_begun_forgives_nothing() {
    let (kept, edge) = (Mutex::default(), 480_000 * HOUR + HOUR);
    let mut passed = 0;
    for number in 0..5 {
        let node = Node { number, limits: Arc::default() };
        let books = Books::new(1, Sharing::Quotas, 0);
        node.settle(&kept, &books, edge - 20, BudgetMoment::First);
        for before in [19, 9, 1] {
            node.settle(&kept, &books, edge - before, BudgetMoment::Due);
        }
        // Nothing of the window that has begun is settled, and nothing will be.
        passed += passes(&node, edge, 10);
    }
    assert_eq!(passed, usize::try_from(COUNT).unwrap(), "what the first had in hand is its own");
}

#[test]
fn what_was_taken_of_the_next_window_is_settled_in_it_or_given_back() {
    let (kept, edge) = (Mutex::<Kept>::default(), 480_000 * HOUR + HOUR);
    let books = Books::new(1, Sharing::Quotas, 0);
    let begin = |number| {
        let node = Node { number, limits: Arc::default() };
        node.settle(&kept, &books, edge - 20, BudgetMoment::First);
        node.settle(&kept, &books, edge - 5, BudgetMoment::Due);
        node
    };
    let held = || kept.lock().unwrap().slices.get(&edge).map_or(0, |slices| slices.values().sum::<u64>());
    let spent = || kept.lock().unwrap().spent[&edge];
    let ends = begin(1);
    assert_eq!(held(), COUNT);
    ends.settle(&kept, &books, edge - 4, BudgetMoment::Last);
    assert_eq!(held(), 0, "it ended in order");
    let goes_on = begin(2);
    assert_eq!(passes(&goes_on, edge, 2), 2);
    goes_on.settle(&kept, &books, edge, BudgetMoment::Due);
    assert_eq!((spent(), held()), (2, COUNT - 2));
    assert_eq!(passes(&goes_on, edge + 1, 10), 3);
    goes_on.settle(&kept, &books, edge + 2, BudgetMoment::Last);
    assert_eq!((spent(), held()), (COUNT, 0));
}

#[test]
fn what_passes_unheard_after_a_pause_is_what_a_node_would_have_in_hand() {
    const NOW: i64 = 480_000 * HOUR + HOUR / 2;
    for (count, part) in [(1_000, 20), (100, 5), (3, 3)] {
        let (mut kept, limits) = (Kept::default(), Arc::<GrantLimits>::default());
        let quota = Quota { count, ..QUOTA };
        let mut settle = |now: i64, moment: BudgetMoment| {
            let shared = Shared {
                name: &"grt_1",
                limits: Limited::Grant(Arc::clone(&limits)),
                rate: None,
                quota: Some(quota),
                refuses: false,
                // On PostgreSQL nothing else is done for what others may draw on.
                is_delivered: true,
            };
            let (nanos, lease) = (u64::try_from(now).unwrap() * 1_000_000_000, 6_000_000_000);
            let wall = Timestamp::from_second(now).unwrap();
            let mut round = BudgetRound { asks: Vec::new(), targets: Vec::new(), began: nanos, lease };
            round.add_quota(&shared, quota, Moment { nanos, wall, lease, round: moment, sharing: Sharing::Quotas });
            let shares: Vec<BudgetShare> = round.asks.iter().map(|ask| kept.give(0, ask)).collect();
            round.settled(&shares, &Books::new(1, Sharing::Quotas, 0));
            kept.slices.values().flat_map(BTreeMap::values).sum::<u64>()
        };
        let passes = |now: i64| {
            let take = || limits.quota.take(Timestamp::from_second(now).unwrap(), quota, false);
            (0..count).filter(|_| matches!(take(), Counted::Passed { .. })).count()
        };
        assert_eq!(settle(NOW, BudgetMoment::First), part, "{count}");
        let held = (NOW + 1..NOW + 20).map(|now| settle(now, BudgetMoment::Due)).last();
        assert_eq!(held, Some(0), "nobody asks: what {count} have in hand is given back");
        assert_eq!(passes(NOW + 30), usize::try_from(part).unwrap(), "of {count}");
    }
}

/// How many of so many requests pass at this moment.
fn passes(node: &Node, now: i64, requests: usize) -> usize {
    let take = || node.limits.quota.take(Timestamp::from_second(now).unwrap(), QUOTA, false);
    (0..requests).filter(|_| matches!(take(), Counted::Passed { .. })).count()
}

#[test]
fn a_node_that_is_killed_after_a_pause_forgives_nothing() {
    let (kept, books, now) = (Mutex::default(), Books::new(1, Sharing::Quotas, 0), 480_000 * HOUR);
    let [first, second] = [0, 1].map(|number| Node { number, limits: Arc::default() });
    first.settle(&kept, &books, now, BudgetMoment::First);
    assert_eq!(passes(&first, now, 1), 1);
    for pause in 1..30 {
        first.settle(&kept, &books, now + pause, BudgetMoment::Due);
    }
    // It is killed before it tells of these.
    let mut passed = 1 + passes(&first, now + 30, 2);
    second.settle(&kept, &books, now + 31, BudgetMoment::First);
    for later in 32..60 {
        passed += passes(&second, now + later, 3);
        second.settle(&kept, &books, now + later, BudgetMoment::Due);
    }
    assert!(passed <= 5, "{passed}");
}

#[test]
fn a_node_that_has_given_back_passes_no_more_and_another_one_the_rest() {
    let (kept, books, now) = (Mutex::default(), Books::new(1, Sharing::Quotas, 0), 480_000 * HOUR);
    let [first, second] = [0, 1].map(|number| Node { number, limits: Arc::default() });
    first.settle(&kept, &books, now, BudgetMoment::First);
    assert_eq!(passes(&first, now, 1), 1);
    first.settle(&kept, &books, now, BudgetMoment::Last);
    assert_eq!(passes(&first, now, 9), 0);
    second.settle(&kept, &books, now, BudgetMoment::First);
    assert_eq!(passes(&second, now, 9), 4);
}
