//! Counters merged from several threads: nothing is lost, nothing is counted twice.

use super::*;

#[test]
fn minutes_fall_out_after_an_hour() {
    let shard = Shard::new();
    for (minute, requests) in [(1000, 2), (1001, 1), (1059, 3)] {
        for _ in 0..requests {
            shard.in_minute(7, minute);
        }
    }
    let sums = |now: u64| {
        let mut sums = [0_u32; MINUTES];
        shard.minutes.seen(7).unwrap().add_to(&mut sums, now);
        sums
    };
    let at_1059 = sums(1059);
    assert_eq!((at_1059[0], at_1059[1], at_1059[59]), (2, 1, 3));
    assert_eq!(at_1059.iter().sum::<u32>(), 6);
    assert_eq!(sums(1060).iter().sum::<u32>(), 4);
    assert_eq!(sums(1200).iter().sum::<u32>(), 0);
    shard.in_minute(7, 1060);
    assert_eq!(sums(1060).iter().sum::<u32>(), 5, "the slot of minute 1000 is taken over");
}

#[test]
fn answers_are_counted_by_class() {
    let shard = Shard::new();
    for status in [200, 204, 301, 404, 429, 502] {
        shard.answered(3, StatusCode::from_u16(status).unwrap());
    }
    shard.gone(3);
    shard.planned(3);
    let counts = shard.answers.seen(3).unwrap().0.each_ref().map(|counter| counter.load(Ordering::Relaxed));
    assert_eq!(counts, [2, 1, 2, 1, 1, 1]);
    assert!(shard.answers.seen(5000).is_none());
}

#[test]
fn latencies_fall_into_their_buckets() {
    let shard = Shard::new();
    for micros in [1, 250, 251, 20_000_000] {
        shard.took(0, Duration::from_micros(micros));
    }
    let latency = shard.latencies.seen(0).unwrap();
    let bucket = |place: usize| latency.buckets[place].load(Ordering::Relaxed);
    assert_eq!((bucket(0), bucket(1), bucket(15)), (2, 1, 1));
    assert_eq!(latency.sum_micros.load(Ordering::Relaxed), 20_000_502);
}

#[test]
fn a_latency_is_counted_by_itself_from_when_it_is_promised() {
    let shard = Shard::new();
    shard.took(0, Duration::from_millis(1));
    let latency = shard.latencies.seen(0).unwrap();
    assert_eq!(latency.kept().count(), 0);
    latency.promise(300_000);
    latency.promise(300_000);
    for micros in [299_999, 300_000, 300_001] {
        shard.took(0, Duration::from_micros(micros));
    }
    assert_eq!(latency.kept().collect::<Vec<_>>(), [(300_000, 2, 3)]);
    // More than there are places for are not known.
    (1..10).for_each(|under| latency.promise(under));
    shard.took(0, Duration::from_micros(2));
    assert_eq!(latency.kept().collect::<Vec<_>>(), [(300_000, 3, 4), (1, 0, 1), (2, 1, 1), (3, 1, 1)]);
}

#[test]
fn shadow_samples_are_bounded() {
    let shard = Shard::new();
    for number in 0..200 {
        shard.shadow("GET", &format!("/{number}/{}", "x".repeat(500)), number);
    }
    let rare = shard.rare();
    assert_eq!((rare.shadow, rare.samples.len()), (200, SAMPLES));
    assert!(rare.samples.iter().all(|sample| sample.path.len() == SAMPLE_PATH));
    assert!(rare.samples.back().unwrap().path.starts_with("/199/"));
}
