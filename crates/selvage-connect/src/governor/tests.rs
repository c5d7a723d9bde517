//! The governor as its callers meet it: they wait, begin, give up and vanish.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn governor(concurrency: u32, per_second: Option<u32>) -> Governor {
    Governor::new(Bounds { concurrency, per_second })
}

fn wish(priority: Priority, patience: u64) -> Wish<'static> {
    Wish { account: "default", priority, patience: Duration::from_millis(patience) }
}

#[tokio::test]
async fn calls_wait_for_room_and_no_longer_than_their_patience() {
    let governor = governor(1, None);
    let held = governor.begin(wish(Priority::Second, 1_000)).await.unwrap();
    let busy = governor.begin(wish(Priority::First, 30)).await.err();
    assert_eq!(busy, Some(Busy { after: None, full: false, rests: false }));
    let waiting = tokio::spawn({
        let governor = governor.clone();
        async move { governor.begin(wish(Priority::Second, 5_000)).await.is_ok() }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    held.end("a.read", Outcome::Answered);
    assert!(tokio::time::timeout(Duration::from_secs(2), waiting).await.unwrap().unwrap());
    let report = governor.report();
    assert_eq!((report.limit, report.outcomes), (1, vec![(Outcome::Answered, 1), (Outcome::Dropped, 1)]));
    let first = report.priorities.first().unwrap();
    assert_eq!((first.priority, first.turned_away, first.waiting, first.under_way), (Priority::First, 1, 0, 0));
    // It is learnt how long calls take, so the next one that is turned away is told when.
    let _held = governor.begin(wish(Priority::Second, 1_000)).await.unwrap();
    assert!(governor.begin(wish(Priority::First, 10)).await.err().unwrap().after.is_some());
}

#[tokio::test]
async fn who_vanishes_while_waiting_or_calling_takes_nothing_with_it() {
    let governor = governor(1, None);
    let held = governor.begin(wish(Priority::Second, 1_000)).await.unwrap();
    let impatient = governor.begin(wish(Priority::First, 60_000));
    assert!(tokio::time::timeout(Duration::from_millis(20), impatient).await.is_err());
    assert_eq!(governor.report().priorities.first().map(|first| first.waiting), Some(0));
    drop(held);
    let next = governor.begin(wish(Priority::Background, 1_000));
    assert!(tokio::time::timeout(Duration::from_secs(1), next).await.unwrap().is_ok());
}

#[tokio::test]
async fn a_rate_wakes_those_who_wait_for_it_in_their_order() {
    let governor = governor(1, Some(20));
    let order = Arc::new(Mutex::new(Vec::new()));
    let began = Instant::now();
    let mut tasks = Vec::new();
    for (place, priority) in [(0, Priority::Third), (1, Priority::Third), (2, Priority::First), (3, Priority::Third)] {
        let (governor, order) = (governor.clone(), Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            let pass = governor.begin(wish(priority, 60_000)).await.unwrap();
            order.lock().unwrap().push(place);
            pass.end("a.read", Outcome::Answered);
        }));
        tokio::task::yield_now().await;
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), [0, 2, 1, 3]);
    assert!(began.elapsed() >= Duration::from_millis(150), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_callers_on_many_threads_all_come_to_their_turn_and_never_too_many() {
    let governor = governor(3, None);
    let under_way = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for nth in 0..400 {
        let (governor, under_way) = (governor.clone(), Arc::clone(&under_way));
        tasks.push(tokio::spawn(async move {
            let priority = Priority::ALL[nth % 4];
            let pass = governor.begin(wish(priority, 60_000)).await.unwrap();
            assert!(under_way.fetch_add(1, Ordering::SeqCst) < 3);
            tokio::task::yield_now().await;
            under_way.fetch_sub(1, Ordering::SeqCst);
            // Every seventh vanishes.
            if nth % 7 == 0 { drop(pass) } else { pass.end("a.read", Outcome::Answered) }
        }));
    }
    for task in tasks {
        tokio::time::timeout(Duration::from_secs(20), task).await.unwrap().unwrap();
    }
    let report = governor.report();
    assert!(report.priorities.iter().all(|priority| (priority.waiting, priority.under_way) == (0, 0)));
    assert_eq!(report.outcomes.iter().map(|(_, count)| count).sum::<u64>(), 400);
    assert!(governor.shared.lock().sleepers.is_empty());
}
