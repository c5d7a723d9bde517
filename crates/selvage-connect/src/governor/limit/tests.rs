//! Simulated servers with so many workers, and whether the limit finds them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    begun: Duration,
    under_way: usize,
    nth: u64,
    kind: &'static str,
}

/// A server with workers and a queue before them, that is asked for as much as the limit lets through.
struct Simulation {
    limit: Limit,
    now: Duration,
    workers: Vec<Duration>,
    takes: Duration,
    /// By which part a call takes longer or shorter.
    jitter: f64,
    under_way: usize,
    ends: BinaryHeap<Reverse<(Duration, Call)>>,
    begun: u64,
    random: u64,
    done: u64,
    seen: Vec<usize>,
}

impl Simulation {
    fn new(most: usize, workers: usize, jitter: f64) -> Self {
        Self {
            limit: Limit::new(most),
            now: Duration::ZERO,
            workers: vec![Duration::ZERO; workers],
            takes: Duration::from_millis(80),
            jitter,
            under_way: 0,
            ends: BinaryHeap::new(),
            begun: 0,
            random: 7,
            done: 0,
            seen: Vec::new(),
        }
    }

    fn chance(&mut self) -> f64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn begin(&mut self) {
        let chance = self.chance();
        // Two kinds of calls, one of which takes five times as long.
        let (kind, long) = if self.random >> 60 == 0 { ("order.button_mark_done", 5.0) } else { ("product.read", 1.0) };
        let takes = self.takes.mul_f64(long * (1.0 + self.jitter * (2.0 * chance - 1.0)));
        let worker = self.workers.iter_mut().min().unwrap();
        let end = self.now.max(*worker) + takes;
        *worker = end;
        self.under_way += 1;
        self.begun += 1;
        let call = Call { begun: self.now, under_way: self.under_way, nth: self.begun, kind };
        self.ends.push(Reverse((end, call)));
    }

    /// As much as is let through, for this long.
    fn run(&mut self, lasts: Duration) {
        let until = self.now + lasts;
        while self.now < until {
            while self.under_way < self.limit.allowed() {
                self.begin();
            }
            self.limit.wanted();
            let Some(Reverse((end, Call { begun, under_way, nth, kind }))) = self.ends.pop() else { return };
            let alone = under_way == 1 && nth == self.begun;
            self.now = end;
            self.under_way -= 1;
            self.done += 1;
            let sign = Sign::Took(end - begun);
            self.limit.ended(&Ended { kind, under_way, alone, begun, sign }, end);
            self.seen.push(self.limit.now());
        }
    }

    fn settled(&mut self, lasts: Duration) -> (usize, usize, f64) {
        self.seen.clear();
        let before = self.done;
        self.run(lasts);
        let (least, most) = (self.seen.iter().min().unwrap(), self.seen.iter().max().unwrap());
        (*least, *most, (self.done - before) as f64 / lasts.as_secs_f64())
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn the_workers_of_a_server_are_found_and_kept() {
    for workers in [1, 2, 3, 4, 6, 8, 12, 16] {
        for jitter in [0.0, 0.3] {
            let mut simulation = Simulation::new(32, workers, jitter);
            simulation.run(MINUTE);
            let (least, most, rate) = simulation.settled(5 * MINUTE);
            let label = format!("{workers} workers, jitter {jitter}: {least} to {most}, {rate:.1}/s");
            assert!(least >= workers && most <= workers + 2.max(workers / 2), "{label}");
            // It has come to rest.
            assert!(most - least <= 1.max(workers / 4), "{label}");
            // As much as the workers can do, but for a moment in each half minute in which they are measured.
            let mean = 0.080 * (1.0 + 4.0 / 16.0);
            assert!(rate > 0.95 * workers as f64 / mean, "{label}");
        }
    }
}

#[test]
fn a_server_that_loses_workers_is_relieved_and_one_that_gets_them_back_is_used_again() {
    let mut simulation = Simulation::new(32, 8, 0.2);
    simulation.run(MINUTE);
    simulation.workers.truncate(2);
    simulation.run(MINUTE / 2);
    let (least, most, _) = simulation.settled(MINUTE);
    assert!(least >= 2 && most <= 4, "{least} to {most}");
    simulation.workers = vec![simulation.now; 8];
    simulation.run(MINUTE);
    let (least, most, _) = simulation.settled(2 * MINUTE);
    assert!(least >= 8 && most <= 12, "{least} to {most}");
}

#[test]
fn a_server_that_is_slower_for_good_is_accepted() {
    let mut simulation = Simulation::new(8, 8, 0.2);
    simulation.run(MINUTE);
    assert_eq!(simulation.limit.now(), 8);
    simulation.takes *= 3;
    simulation.run(20 * MINUTE);
    assert_eq!(simulation.limit.now(), 8);
}

#[test]
fn what_is_declared_is_never_exceeded_and_one_is_the_least() {
    let mut simulation = Simulation::new(4, 16, 0.3);
    simulation.run(MINUTE);
    assert_eq!(simulation.settled(MINUTE).1, 4);
    let mut limit = Limit::new(1);
    limit.wanted();
    for sign in [Sign::Conflict, Sign::Overload, Sign::Took(MINUTE)] {
        for round in 0..100 {
            let begun = MINUTE * round;
            limit.ended(&Ended { kind: "a.b", under_way: 1, alone: true, begun, sign }, begun + MINUTE);
            assert_eq!((limit.now(), limit.allowed()), (1, 1));
        }
    }
}

fn ended(sign: Sign, begun: u64) -> Ended<'static> {
    Ended { kind: "a.write", under_way: 1, alone: true, begun: Duration::from_millis(begun), sign }
}

#[test]
fn conflicts_lower_it_once_for_all_calls_that_ran_together() {
    let at = Duration::from_millis;
    let mut limit = Limit::new(8);
    limit.ended(&ended(Sign::Conflict, 0), at(100));
    assert_eq!(limit.now(), 6);
    for begun in [10, 50, 99] {
        limit.ended(&ended(Sign::Conflict, begun), at(120));
    }
    assert_eq!(limit.now(), 6);
    limit.ended(&ended(Sign::Conflict, 130), at(200));
    assert_eq!(limit.now(), 4);
    limit.ended(&ended(Sign::Nothing, 210), at(220));
    assert_eq!(limit.now(), 4);
    limit.ended(&ended(Sign::Overload, 210), at(230));
    assert_eq!(limit.now(), 2);
}

#[test]
fn where_there_was_trouble_it_does_not_go_again_at_once() {
    let mut limit = Limit::new(8);
    limit.ended(&ended(Sign::Conflict, 0), Duration::from_millis(1));
    let mut at = Duration::from_millis(2);
    let mut grow = |limit: &mut Limit, until: Duration| {
        while at < until {
            limit.wanted();
            let begun = at;
            at += Duration::from_millis(50);
            let sign = Sign::Took(Duration::from_millis(50));
            limit.ended(&Ended { kind: "a.write", under_way: limit.now(), alone: false, begun, sign }, at);
        }
        limit.now()
    };
    assert_eq!(grow(&mut limit, WARY_FOR), 7);
    assert_eq!(grow(&mut limit, WARY_FOR * 2), 8);
}

#[test]
fn nobody_waits_so_nothing_grows() {
    let mut limit = Limit::new(8);
    limit.ended(&ended(Sign::Overload, 0), Duration::from_millis(1));
    for round in 0..1_000 {
        limit.ended(
            &ended(Sign::Took(Duration::from_millis(30)), 10 + round * 100),
            Duration::from_millis(60 + round * 100),
        );
    }
    assert_eq!(limit.now(), 4);
    limit.declare(2);
    assert_eq!(limit.now(), 2);
    limit.declare(8);
    assert_eq!(limit.now(), 8, "at its declared limit it follows the declaration");
}
