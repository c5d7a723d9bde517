//! Whose turn it is: tables for each rule, and properties over random crowds.

use proptest::prelude::*;

use super::*;

const LONG: Duration = Duration::from_secs(3_600);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn bounds(concurrency: u32, per_second: Option<u32>) -> Bounds {
    Bounds { concurrency, per_second }
}

/// A queue whose calls are known by name.
struct Crowd {
    queue: Queue,
    names: HashMap<Ticket, &'static str>,
}

impl Crowd {
    fn new(bounds: Bounds) -> Self {
        Self { queue: Queue::new(bounds, Duration::ZERO), names: HashMap::new() }
    }

    fn enter(&mut self, name: &'static str, priority: Priority, now: Duration) -> Ticket {
        self.enter_as("default", name, priority, now)
    }

    fn enter_as(&mut self, account: &str, name: &'static str, priority: Priority, now: Duration) -> Ticket {
        let (ticket, _) = self.queue.enter(account, priority, LONG, now).unwrap();
        self.names.insert(ticket, name);
        ticket
    }

    /// All who may begin now.
    fn begin(&mut self, now: Duration) -> Vec<&'static str> {
        let mut begun = Vec::new();
        while let Turn::Begun(ticket) = self.queue.turn(now) {
            begun.push(self.names[&ticket]);
        }
        begun
    }

    fn end(&mut self, name: &str, now: Duration) {
        let of_name = |ticket: &Ticket| self.names[ticket] == name;
        let ticket = self.queue.begun.keys().copied().find(of_name).unwrap();
        self.queue.end(ticket, "a.read", Outcome::Answered, now);
    }
}

#[test]
fn the_more_urgent_begins_first_and_equals_in_their_order() {
    let mut crowd = Crowd::new(bounds(1, None));
    for (name, priority) in [
        ("copy", Priority::Background),
        ("report", Priority::Third),
        ("order", Priority::First),
        ("stock", Priority::Second),
        ("order-2", Priority::First),
    ] {
        crowd.enter(name, priority, Duration::ZERO);
    }
    let mut order = Vec::new();
    for step in 0..5 {
        let begun = crowd.begin(ms(step));
        assert_eq!(begun.len(), 1);
        crowd.end(begun[0], ms(step));
        order.extend(begun);
    }
    assert_eq!(order, ["order", "order-2", "stock", "report", "copy"]);
}

#[test]
fn a_flood_of_what_can_wait_leaves_room_for_what_cannot() {
    let mut crowd = Crowd::new(bounds(8, None));
    let first = crowd.enter("order", Priority::First, Duration::ZERO);
    assert_eq!(crowd.begin(Duration::ZERO), ["order"]);
    crowd.queue.end(first, "a.read", Outcome::Answered, ms(10));
    for _ in 0..100 {
        crowd.enter("list", Priority::Third, ms(20));
        crowd.enter("copy", Priority::Background, ms(20));
    }
    assert_eq!(crowd.begin(ms(20)), ["list"; 6]);
    crowd.enter("order-2", Priority::First, ms(30));
    assert_eq!(crowd.begin(ms(30)), ["order-2"], "it does not wait at all");
    // Where nothing urgent was heard of for a minute, all of it is used.
    assert_eq!(crowd.begin(ms(30) + KEPT_FOR), ["list"]);
}

#[test]
fn background_leaves_a_half() {
    let mut crowd = Crowd::new(bounds(8, None));
    crowd.enter("list", Priority::Third, Duration::ZERO);
    for _ in 0..100 {
        crowd.enter("copy", Priority::Background, Duration::ZERO);
    }
    assert_eq!(crowd.begin(Duration::ZERO), ["list", "copy", "copy", "copy", "copy"]);
}

#[test]
fn the_lowest_comes_to_its_turn_under_a_flood_of_the_highest() {
    let mut crowd = Crowd::new(bounds(1, None));
    crowd.enter("copy", Priority::Background, Duration::ZERO);
    crowd.enter("list", Priority::Third, Duration::ZERO);
    let mut order = Vec::new();
    for step in 0..20 {
        crowd.enter("order", Priority::First, ms(step));
        crowd.enter("order", Priority::First, ms(step));
        let begun = crowd.begin(ms(step));
        assert_eq!(begun.len(), 1);
        crowd.end(begun[0], ms(step));
        order.extend(begun);
    }
    assert_eq!(order.iter().position(|name| *name == "list"), Some(8));
    assert_eq!(order.iter().position(|name| *name == "copy"), Some(16));
}

#[test]
fn a_rate_is_kept_and_the_next_is_told_when() {
    let mut crowd = Crowd::new(bounds(1, Some(1)));
    let first = crowd.enter("a", Priority::Second, Duration::ZERO);
    assert_eq!(crowd.queue.turn(Duration::ZERO), Turn::Begun(first));
    crowd.queue.end(first, "a.read", Outcome::Answered, ms(100));
    let second = crowd.enter("b", Priority::Second, ms(200));
    assert_eq!(crowd.queue.turn(ms(200)), Turn::At(second, ms(1_000)));
    let urgent = crowd.enter("c", Priority::First, ms(300));
    assert_eq!(crowd.queue.turn(ms(300)), Turn::At(urgent, ms(1_000)));
    assert_eq!(crowd.queue.turn(ms(1_000)), Turn::Begun(urgent));
    assert_eq!(crowd.queue.turn(ms(1_000)), Turn::Nobody, "one at a time");
}

#[test]
fn an_account_with_less_does_not_hold_up_others() {
    let mut crowd = Crowd::new(bounds(4, None));
    let own = AccountLimits { concurrency: Some(1), per_second: None };
    crowd.queue.declare_account("reports", own, Duration::ZERO);
    for name in ["r1", "r2", "r3"] {
        crowd.enter_as("reports", name, Priority::Second, Duration::ZERO);
    }
    crowd.enter_as("orders", "o1", Priority::Second, Duration::ZERO);
    assert_eq!(crowd.begin(Duration::ZERO), ["r1", "o1"]);
    crowd.end("r1", ms(5));
    assert_eq!(crowd.begin(ms(5)), ["r2"]);
    let own = AccountLimits { concurrency: None, per_second: Some(2) };
    crowd.queue.declare_account("reports", own, ms(5));
    assert_eq!(crowd.begin(ms(5)), ["r3"]);
}

#[test]
fn what_cannot_begin_in_time_is_turned_away_at_once_with_when() {
    let mut queue = Queue::new(bounds(1, Some(1)), Duration::ZERO);
    let patience = Duration::from_secs(3);
    let mut enter = |priority| queue.enter("default", priority, patience, Duration::ZERO).map(|(ticket, _)| ticket);
    // One token is there, and three come within its patience.
    for _ in 0..4 {
        assert!(enter(Priority::Third).is_ok());
    }
    assert_eq!(enter(Priority::Third), Err(Busy { after: Some(Duration::from_secs(4)), full: false, rests: false }));
    // Who is more urgent does not stand behind them.
    assert!(enter(Priority::First).is_ok());
    assert_eq!(queue.counts.turned_away.get(&Priority::Third), Some(&1));
}

#[test]
fn a_full_queue_turns_the_least_urgent_away() {
    let mut queue = Queue::new(bounds(1, None), Duration::ZERO);
    let mut last = 0;
    for _ in 0..MOST_WAITING {
        last = queue.enter("default", Priority::Third, LONG, Duration::ZERO).unwrap().0;
    }
    let full = queue.enter("default", Priority::Third, LONG, Duration::ZERO);
    assert_eq!(full, Err(Busy { after: None, full: true, rests: false }));
    let (ticket, shed) = queue.enter("default", Priority::Second, LONG, Duration::ZERO).unwrap();
    assert_eq!(shed, Some(last));
    assert_eq!(queue.standing(last), Standing::TurnedAway);
    assert_eq!(queue.standing(ticket), Standing::Waiting);
}

#[test]
fn who_leaves_gives_its_place_back() {
    let mut crowd = Crowd::new(bounds(1, None));
    let first = crowd.enter("a", Priority::Second, Duration::ZERO);
    let second = crowd.enter("b", Priority::Second, Duration::ZERO);
    crowd.enter("c", Priority::Second, Duration::ZERO);
    assert_eq!(crowd.begin(Duration::ZERO), ["a"]);
    crowd.queue.leave(second, ms(1));
    crowd.queue.leave(first, ms(1));
    assert_eq!(crowd.begin(ms(1)), ["c"]);
}

#[derive(Clone, Debug)]
enum Step {
    Enter(Priority, bool),
    End(usize),
    Leave(usize),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let priority =
        prop_oneof![Just(Priority::First), Just(Priority::Second), Just(Priority::Third), Just(Priority::Background)];
    prop_oneof![
        3 => (priority, any::<bool>()).prop_map(|(priority, own)| Step::Enter(priority, own)),
        2 => any::<usize>().prop_map(Step::End),
        1 => any::<usize>().prop_map(Step::Leave),
        2 => (0_u64..700).prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn bounds_hold_and_nobody_is_forgotten(
        concurrency in 1_u32..6,
        rate in proptest::option::of(1_u32..20),
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let mut queue = Queue::new(bounds(concurrency, rate), Duration::ZERO);
        let own = AccountLimits { concurrency: Some(1), per_second: Some(3) };
        queue.declare_account("own", own, Duration::ZERO);
        let mut now = Duration::ZERO;
        let (mut waiting, mut begun, mut moments) = (Vec::new(), Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Enter(priority, own) => {
                    let account = if own { "own" } else { "other" };
                    let (ticket, _) = queue.enter(account, priority, LONG, now).unwrap();
                    waiting.push((ticket, own));
                }
                Step::End(which) if !begun.is_empty() => {
                    let (ticket, _) = begun.swap_remove(which % begun.len());
                    queue.end(ticket, "a.read", Outcome::Answered, now);
                }
                Step::Leave(which) if !waiting.is_empty() => {
                    let (ticket, _) = waiting.swap_remove(which % waiting.len());
                    queue.leave(ticket, now);
                }
                Step::Pass(millis) => now += ms(millis),
                Step::End(_) | Step::Leave(_) => {}
            }
            while let Turn::Begun(ticket) = queue.turn(now) {
                let at = waiting.iter().position(|(known, _)| *known == ticket).unwrap();
                begun.push(waiting.swap_remove(at));
                moments.push(now);
            }
            prop_assert!(begun.len() <= concurrency as usize);
            prop_assert!(begun.iter().filter(|(_, own)| *own).count() <= 1);
        }
        if let Some(rate) = rate {
            let burst = concurrency.min(rate) as f64;
            for (first, since) in moments.iter().enumerate() {
                let span = (now - *since).as_secs_f64();
                prop_assert!((moments.len() - first) as f64 <= burst + span * f64::from(rate) + 1e-9);
            }
        }
        // Everybody who waits begins in the end.
        while !waiting.is_empty() {
            for (ticket, _) in begun.drain(..) {
                queue.end(ticket, "a.read", Outcome::Answered, now);
            }
            match queue.turn(now) {
                Turn::Begun(ticket) => {
                    let at = waiting.iter().position(|(known, _)| *known == ticket).unwrap();
                    begun.push(waiting.swap_remove(at));
                }
                Turn::At(_, at) => {
                    prop_assert!(at > now);
                    now = at;
                }
                Turn::Nobody => prop_assert!(false, "{} wait for nothing", waiting.len()),
            }
        }
    }
}
