//! Transactions whose statements wait for one that is answered: they do what others do, and leave nothing behind them, wherever they are cut
//! off.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use selvage_model::event::{NewRecord, Position};
use selvage_model::name::InterfaceRef;

use super::both;
use super::stage::{Stage, tamper};
use crate::statement::Sql;
use crate::value::bind;
use crate::{EventBatch, ReadLimit, Store, StoreError};

both!(an_append_that_is_cut_off_anywhere_is_there_whole_or_not_and_once_when_it_is_repeated);

const fn sqlite(sqlite: &'static str) -> Sql {
    Sql { sqlite, postgres: "SELECT 1" }
}

const SET: Sql = sqlite("UPDATE event_stream SET retired_to = ? WHERE next_offset = ?");
const GET: Sql = sqlite("SELECT retired_to FROM event_stream WHERE name = ?");
const GET_BY_NUMBER: Sql = sqlite("SELECT retired_to FROM event_stream WHERE name = $1");
const NO_SUCH: Sql = sqlite("INSERT INTO event_epoch (stream) VALUES (?)");

async fn opened(stage: &Stage) -> Store {
    let store = stage.open().await;
    store.open_event_stream(&name(), None).await.unwrap();
    store
}

fn name() -> InterfaceRef {
    "a@1".parse().unwrap()
}

async fn retired_to(store: &Store) -> i64 {
    let rows = store.database.look(GET, bind!["a@1"]).await.unwrap();
    rows[0].integer("retired_to").unwrap()
}

#[tokio::test]
async fn what_waits_is_done_before_what_is_answered_and_with_the_commit() {
    let stage = Stage::sqlite();
    let store = opened(&stage).await;
    let mut transaction = store.database.write_in_turns().await.unwrap();
    for (number, get) in [(7, GET), (8, GET_BY_NUMBER)] {
        transaction.later(SET, bind![number, 1_i64]).await.unwrap();
        assert_eq!(transaction.only(get, bind!["a@1"]).await.unwrap().integer("retired_to").unwrap(), number);
    }
    transaction.later(SET, bind![9_i64, 1_i64]).await.unwrap();
    assert_eq!(retired_to(&store).await, 0);
    transaction.commit().await.unwrap();
    assert_eq!(retired_to(&store).await, 9);
}

/// INVARIANT: NOTHING-LOST
#[tokio::test]
async fn without_a_commit_nothing_was_done_and_the_next_one_may() {
    let stage = Stage::sqlite();
    let store = opened(&stage).await;
    for _ in 0..3 {
        let mut transaction = store.database.write_in_turns().await.unwrap();
        transaction.later(SET, bind![7_i64, 1_i64]).await.unwrap();
        transaction.only(GET, bind!["a@1"]).await.unwrap();
        drop(transaction);
        drop(store.database.write_in_turns().await.unwrap());
        assert_eq!(retired_to(&store).await, 0);
    }
    let mut transaction = store.database.write_in_turns().await.unwrap();
    transaction.later(SET, bind![7_i64, 1_i64]).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(retired_to(&store).await, 7);
}

/// INVARIANT: DURABLE-ACK: that a commit was answered means that all of it is there.
#[tokio::test]
async fn where_one_of_what_waits_fails_all_of_it_does() {
    let stage = Stage::sqlite();
    let store = opened(&stage).await;
    let mut transaction = store.database.write_in_turns().await.unwrap();
    transaction.later(SET, bind![7_i64, 1_i64]).await.unwrap();
    transaction.later(NO_SUCH, bind![1_i64]).await.unwrap();
    transaction.later(SET, bind![8_i64, 1_i64]).await.unwrap();
    let refused: StoreError = transaction.commit().await.unwrap_err();
    assert!(refused.to_string().contains("NOT NULL"), "{refused}");
    assert_eq!(retired_to(&store).await, 0);
    let transaction = store.database.write().await.unwrap();
    transaction.commit().await.unwrap();
}

/// A batch of so many; its ids say which.
fn batch(which: &str, size: usize) -> EventBatch {
    let record = |number: usize| NewRecord {
        id: format!("{which}-{number}").parse().unwrap(),
        lane: "one".parse().unwrap(),
        body: vec![b'x'; 900],
    };
    EventBatch { stream: name(), records: (0..size).map(record).collect(), acknowledged: Position::START }
}

/// Polls so often and drops it, so long after it was last polled.
async fn cut_off<T>(work: impl Future<Output = T>, polls: usize, after: Duration) -> Option<T> {
    let mut work = pin!(work);
    let mut left = polls;
    let done = poll_fn(|context| match left.checked_sub(1) {
        None => Poll::Ready(None),
        Some(fewer) => {
            left = fewer;
            match work.as_mut().poll(context) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending if left == 0 => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        }
    });
    let done = done.await;
    let since = Instant::now();
    while done.is_none() && since.elapsed() < after {
        std::hint::spin_loop();
    }
    done
}

/// How often each id is in the log; and that no offset is missing or given twice.
async fn in_the_log(store: &Store) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let mut after = Position::START;
    loop {
        let limit = ReadLimit { records: 500, bytes: usize::MAX };
        let read = store.read_events(&name(), after, limit).await.unwrap();
        assert_eq!(read.fault, None);
        let Some(last) = read.records.last() else { return found };
        let first = after.offset() + 1;
        let offsets: Vec<u64> = read.records.iter().map(|record| record.position.offset()).collect();
        assert_eq!(offsets, (first..first + offsets.len() as u64).collect::<Vec<_>>());
        after = last.position;
        for record in &read.records {
            *found.entry(record.id.to_string()).or_default() += 1;
        }
    }
}

/// INVARIANT: NOTHING-LOST, DURABLE-ACK: whoever was given no answer repeats, and others who append meanwhile notice nothing.
async fn an_append_that_is_cut_off_anywhere_is_there_whole_or_not_and_once_when_it_is_repeated(stage: &Stage) {
    let store = opened(stage).await;
    let beside = tokio::spawn({
        let store = store.clone();
        async move {
            for number in 0..150 {
                store.append_events(&[batch(&format!("beside-{number}"), 1)]).await.unwrap();
            }
        }
    });
    let mut cut = 0;
    let mut repeated = Vec::new();
    let mut not_repeated = Vec::new();
    for polls in 1..=8 {
        for after in [0, 30, 80, 150, 300, 600, 1_200, 2_500, 5_000] {
            for size in [1, 70] {
                let which = format!("{polls}-{after}-{size}");
                let batches = [batch(&which, size)];
                let done = cut_off(store.append_events(&batches), polls, Duration::from_micros(after)).await;
                cut += usize::from(done.is_none());
                if done.is_none() && after == 80 {
                    not_repeated.push((which, size));
                    continue;
                }
                let appended = store.append_events(&batches).await.unwrap();
                assert!(done.is_none() || appended[0].iter().all(|one| one.known), "{which}");
                repeated.push((which, size));
            }
        }
    }
    beside.await.unwrap();
    assert!(cut > 40, "{cut} were cut off");
    let mut found = in_the_log(&store).await;
    let mut take = |which: &str, size: usize| -> usize {
        let of = (0..size).map(|number| found.remove(&format!("{which}-{number}")).unwrap_or_default());
        let times: Vec<usize> = of.collect();
        assert!(times.iter().all(|one| *one == times[0]), "{which}: {times:?}");
        times[0]
    };
    for (which, size) in repeated {
        assert_eq!(take(&which, size), 1, "{which}");
    }
    for (which, size) in not_repeated {
        assert!(take(&which, size) <= 1, "{which}");
    }
    for number in 0..150 {
        assert_eq!(take(&format!("beside-{number}"), 1), 1, "{number}");
    }
    assert!(found.is_empty(), "{found:?}");
}

/// Marks the connection that writes: what is temporary goes with it.
async fn mark(store: &Store) {
    tamper(store, "CREATE TEMP TABLE marked (x)").await;
}

async fn is_marked(store: &Store) -> bool {
    let mut transaction = store.database.write().await.unwrap();
    !transaction
        .all(sqlite("SELECT 1 FROM temp.sqlite_schema WHERE name = 'marked'"), bind![])
        .await
        .unwrap()
        .is_empty()
}

async fn works(store: &Store, number: i64) {
    let mut transaction = store.database.write_in_turns().await.unwrap();
    transaction.later(SET, bind![number, 1_i64]).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(retired_to(store).await, number);
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_begun_is_kept() {
    let stage = Stage::sqlite();
    let [store, other] = [opened(&stage).await, stage.open().await];
    mark(&store).await;
    // Others have the file for longer than this one waits.
    let held = other.database.write().await.unwrap();
    let mut busy = store.database.write_in_turns().await.unwrap();
    let refused = busy.only(GET, bind!["a@1"]).await.map(drop).unwrap_err();
    assert!(refused.is_held(), "{refused}");
    drop((busy, held));
    works(&store, 7).await;
    assert!(is_marked(&store).await);
    // What ended by itself has nothing left that could be taken back either.
    let mut over = store.database.write().await.unwrap();
    over.script("COMMIT").await.unwrap();
    drop(over);
    works(&store, 8).await;
    assert!(is_marked(&store).await);
}

/// INVARIANT: NOTHING-LOST
#[tokio::test]
async fn what_is_dropped_where_nobody_can_take_it_back_costs_the_connection_and_nothing_else() {
    let stage = Stage::sqlite();
    let store = opened(&stage).await;
    mark(&store).await;
    let mut transaction = store.database.write().await.unwrap();
    transaction.run(SET, bind![7_i64, 1_i64]).await.unwrap();
    std::thread::spawn(move || drop(transaction)).join().unwrap();
    let after = store.database.write().await.unwrap();
    assert_eq!(retired_to(&store).await, 0);
    after.commit().await.unwrap();
    assert!(!is_marked(&store).await);
    works(&store, 8).await;
}

/// So many steps of SQLite's, which answer when all are done.
const STEPS: Sql = sqlite(
    "WITH RECURSIVE step (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM step WHERE x < ?) SELECT count(*) AS steps FROM step",
);

/// INVARIANT: NOTHING-LOST: what is not taken back in time is not worked on in.
#[tokio::test]
async fn a_connection_that_does_not_take_back_in_time_is_closed_and_another_one_opened() {
    const MEASURED: i64 = 1_000_000;
    let stage = Stage::sqlite();
    let store = opened(&stage).await;
    mark(&store).await;
    let since = Instant::now();
    let mut transaction = store.database.write().await.unwrap();
    transaction.only(STEPS, bind![MEASURED]).await.unwrap();
    // Twice as long as is waited for.
    let steps = MEASURED * 10_000 / i64::try_from(since.elapsed().as_millis()).unwrap().max(1);
    transaction.run(SET, bind![7_i64, 1_i64]).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(50), transaction.only(STEPS, bind![steps])).await.is_err());
    drop(transaction);
    let since = Instant::now();
    while let Err(error) = store.database.write().await.map(drop) {
        assert!(since.elapsed() < Duration::from_mins(1), "{error}");
    }
    assert_eq!(retired_to(&store).await, 0);
    assert!(!is_marked(&store).await);
    works(&store, 8).await;
}
