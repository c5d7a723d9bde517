//! What grants let through: never more than the rate and the quota over all nodes, whoever gives back, ends without a word, or lets a
//! window pass.

use selvage_model::scalar::Window;

use super::*;

const LEASE: Duration = Duration::from_secs(6);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn later(now: Timestamp, millis: i64) -> Timestamp {
    now + jiff::SignedDuration::from_millis(millis)
}

fn quota(count: u64) -> Granted {
    Granted { grant: "grt_1".to_owned(), rate: None, quota: Some(Quota { count, window: Window::Hour }) }
}

fn rate(count: u64) -> Granted {
    let rate = Rate { count, per: Duration::from_secs(1) };
    Granted { grant: "grt_1".to_owned(), rate: Some(rate), quota: None }
}

/// The store's side of one limit, for nodes that do not end without a word.
#[derive(Default)]
struct Book {
    spent: u64,
    held: BTreeMap<&'static str, u64>,
}

impl Book {
    fn settle(&mut self, node: &'static str, rations: &Rations, now: Timestamp, last: bool) {
        let round = rations.round(now, last);
        let shares: Vec<BudgetShare> = round.asks.iter().map(|ask| self.share(node, ask)).collect();
        rations.settled(&round, &shares, now);
    }

    fn share(&mut self, node: &'static str, ask: &BudgetAsk) -> BudgetShare {
        self.spent += ask.spent;
        let others: u64 = self.held.iter().filter(|(of, _)| **of != node).map(|(_, held)| *held).sum();
        let held = ask.want.min(ask.limit.saturating_sub(self.spent).saturating_sub(others));
        self.held.insert(node, held);
        BudgetShare { held, spent: self.spent, lost: 0 }
    }
}

/// How many go now, of so many that want to.
fn pass(ration: &Ration, now: Timestamp, wanting: usize) -> usize {
    (0..wanting).take_while(|_| ration.take(now).is_ok()).count()
}

#[test]
fn what_has_no_limit_has_no_ration() {
    let granted = Granted { grant: "grt_1".to_owned(), ..Granted::default() };
    assert!(Rations::new(LEASE, true).of(&granted).is_none());
}

#[test]
fn a_quota_lets_its_count_arrive_in_each_window_over_all_nodes() {
    let mut book = Book::default();
    let nodes = [("a", Rations::new(LEASE, true)), ("b", Rations::new(LEASE, true))];
    let rations = nodes.each_ref().map(|(_, rations)| rations.of(&quota(100)).unwrap());
    let (mut now, mut passed) = (at("2027-03-01T08:58:00Z"), 0);
    for _ in 0..200 {
        for ((name, of), ration) in nodes.iter().zip(&rations) {
            passed += pass(ration, now, 7);
            book.settle(name, of, now, false);
        }
        now = later(now, 250);
    }
    assert_eq!(passed, 100);
    let waits = rations[0].take(now).unwrap_err();
    assert_eq!(
        (waits.what, waits.until),
        (Some(WaitsFor::Quota), later(now, 30_000)),
        "it is looked again before the window ends"
    );
    // The next window begins anew, and one that a clock goes back to does not.
    let mut next = Book::default();
    now = at("2027-03-01T09:00:01Z");
    assert_eq!(pass(&rations[0], now, 7), 0, "nothing is in hand yet");
    next.settle("a", &nodes[0].1, now, false);
    assert!(pass(&rations[0], now, 7) > 0);
    assert_eq!(pass(&rations[0], at("2027-03-01T08:59:59Z"), 200), 0);
}

#[test]
fn what_did_not_arrive_is_given_back() {
    let (rations, mut book, begun) = (Rations::new(LEASE, false), Book::default(), at("2027-03-01T08:00:00Z"));
    let ration = rations.of(&quota(1)).unwrap();
    let go = |book: &mut Book, now: Timestamp| {
        if let Ok(taken) = ration.take(now) {
            return taken;
        }
        book.settle("a", &rations, now, false);
        ration.take(now).expect("it did not arrive the last time")
    };
    for round in 0..5 {
        let taken = go(&mut book, later(begun, 5_000 * round));
        // The store is told of it before it comes back.
        book.settle("a", &rations, later(begun, 5_000 * round + 2_500), false);
        taken.give_back();
    }
    let _arrived = go(&mut book, later(begun, 25_000));
    let now = later(begun, 27_500);
    book.settle("a", &rations, now, false);
    assert!(ration.take(now).is_err());
    assert_eq!(book.spent, 1);
}

/// Whoever finds a quota used up looks again after a while: by then the store holds nothing for this node.
#[test]
fn what_was_given_back_goes_however_long_was_waited() {
    let (rations, mut book, begun) = (Rations::new(LEASE, false), Book::default(), at("2027-03-01T08:00:00Z"));
    let ration = rations.of(&quota(2)).unwrap();
    assert!(ration.take(begun).is_err());
    book.settle("a", &rations, begun, false);
    let mut under_way = vec![ration.take(begun).unwrap()];
    book.settle("a", &rations, begun, false);
    under_way.push(ration.take(begun).unwrap());
    for look in 1..8 {
        assert!(ration.take(later(begun, 250 * look)).is_err());
        book.settle("a", &rations, later(begun, 250 * look), false);
    }
    let waits = ration.take(later(begun, 2_000)).unwrap_err();
    assert_eq!((waits.what, book.spent), (Some(WaitsFor::Quota), 2));
    under_way.drain(..).for_each(Taken::give_back);
    for look in 9..140 {
        book.settle("a", &rations, later(begun, 250 * look), false);
    }
    let now = later(begun, 35_000);
    assert_eq!(pass(&ration, now, 5), 2, "neither of them arrived");
    book.settle("a", &rations, now, false);
    assert_eq!((pass(&ration, now, 5), book.spent), (0, 2));
}

#[test]
fn what_is_in_hand_is_given_back_at_the_end_and_is_nobodys_after_its_lease() {
    let (rations, mut book, now) = (Rations::new(LEASE, false), Book::default(), at("2027-03-01T08:00:00Z"));
    let ration = rations.of(&quota(500)).unwrap();
    assert!(ration.take(now).is_err());
    book.settle("a", &rations, now, false);
    assert_eq!((pass(&ration, now, 3), book.held["a"]), (3, 10));
    assert_eq!(pass(&ration, later(now, 6_001), 3), 0, "others may have it by now");
    book.settle("a", &rations, now, true);
    assert_eq!((book.spent, book.held["a"]), (3, 0));
    assert_eq!(pass(&ration, now, 3), 0);
}

#[test]
fn another_quota_counts_what_went_in_this_window() {
    let (rations, mut book, now) = (Rations::new(LEASE, false), Book::default(), at("2027-03-01T08:00:00Z"));
    let passed = |ration: &Ration, book: &mut Book| {
        let mut passed = 0;
        for round in 0..40 {
            passed += pass(ration, later(now, round), 5);
            book.settle("a", &rations, later(now, round), false);
        }
        passed
    };
    assert_eq!(passed(&rations.of(&quota(10)).unwrap(), &mut book), 10);
    assert_eq!(passed(&rations.of(&quota(25)).unwrap(), &mut book), 15);
}

#[test]
fn a_rate_is_one_for_all_who_take_of_it_and_the_nodes_part_where_it_is_shared() {
    let now = at("2027-03-01T08:00:00Z");
    let alone = Rations::new(LEASE, false);
    let both = [alone.of(&rate(4)).unwrap(), alone.of(&rate(4)).unwrap()];
    assert_eq!(pass(&both[0], now, 3) + pass(&both[1], now, 9), 4);
    let waits = both[0].take(now).unwrap_err();
    assert_eq!((waits.what, waits.until), (Some(WaitsFor::Rate), later(now, 250)));
    assert_eq!(pass(&both[1], later(now, 500), 9), 2);
    assert!(alone.round(now, false).asks.is_empty(), "one node has it all");

    let shared = Rations::new(LEASE, true);
    let ration = shared.of(&rate(100)).unwrap();
    assert_eq!(ration.take(now).unwrap_err().what, None, "its part is not known yet");
    let round = shared.round(now, false);
    assert_eq!((round.asks[0].name.as_str(), round.asks[0].limit), ("rate of grt_1", 100));
    shared.settled(&round, &[BudgetShare { held: 40, spent: 0, lost: 0 }], now);
    assert_eq!(pass(&ration, now, 200), 40);
    // What it does not renew in time is others'.
    assert!(!shared.round(later(now, 6_000), false).asks.is_empty());
    assert_eq!(pass(&ration, later(now, 6_000), 200), 0);
}

/// A shared rate is spent by who is let through alone, and a slow one is not one node's for as long as that has something to send.
#[test]
fn replays_have_the_rate_of_their_interface_together_also_over_nodes() {
    let (now, stream) = (at("2027-03-01T08:00:00Z"), "orders@1".parse().unwrap());
    let one_a_second = Granted::to_replays(&stream, Rate { count: 1, per: Duration::from_secs(1) });
    let alone = Rations::new(LEASE, false);
    let both = [alone.of(&one_a_second).unwrap(), alone.of(&one_a_second).unwrap()];
    let spent = alone.of(&quota(1)).unwrap();
    let passes = |ration: &Ration, granted: Option<&Ration>, now| Ration::take_with(Some(ration), granted, now);
    assert!(passes(&both[0], Some(&spent), now).is_err(), "its quota is not in hand");
    assert!(passes(&both[0], None, now).is_ok(), "and the rate is as it was");
    let wait = passes(&both[1], None, now).unwrap_err();
    assert_eq!((wait.what, wait.until), (None, later(now, 1_000)), "nobody is told that it is used up");
    assert!(passes(&both[1], None, later(now, 1_000)).is_ok());

    let shared = Rations::new(LEASE, true);
    let ration = shared.of(&one_a_second).unwrap();
    let _ = ration.take(now);
    let round = shared.round(now, false);
    assert_eq!((round.asks[0].name.as_str(), round.asks[0].limit), ("rate of replays of orders@1", 100));
    shared.settled(&round, &[BudgetShare { held: 50, spent: 0, lost: 0 }], now);
    assert!(passes(&ration, None, now).is_ok());
    assert_eq!(passes(&ration, None, now).unwrap_err().until, later(now, 2_000), "the other half is another node's");
}
