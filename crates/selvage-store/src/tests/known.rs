//! Which ids a SQLite store knows, wherever it has them: in memory, in the table, or in records that another process appended.

use std::collections::HashMap;
use std::time::Duration;

use selvage_model::event::{NewRecord, Position};
use selvage_model::manifest::event::Retention;
use selvage_model::name::InterfaceRef;

use super::stage::{Stage, tamper};
use crate::event::known::NewestIds;
use crate::{EventBatch, Store};

/// How many ids of a stream are in memory here.
const FEW: u64 = 8;

fn stream() -> InterfaceRef {
    "a@1".parse().unwrap()
}

async fn opened(stage: &Stage) -> Store {
    let store = Store { newest_ids: NewestIds::of(FEW), ..stage.open().await };
    store.open_event_stream(&stream(), None).await.unwrap();
    store
}

fn batch(ids: impl Iterator<Item = u64>) -> EventBatch {
    let record = |number: u64| NewRecord {
        // So that their order is another one than that of the events.
        id: format!("{:03}", number * 577 % 997).parse().unwrap(),
        lane: "one".parse().unwrap(),
        body: b"body".to_vec(),
    };
    EventBatch { stream: stream(), records: ids.map(record).collect(), acknowledged: Position::START }
}

/// Appends, and compares each answer with what every store before was told.
async fn append(store: &Store, told: &mut HashMap<u64, Position>, ids: &[u64]) {
    let appended = store.append_events(&[batch(ids.iter().copied())]).await.unwrap();
    for (id, at) in ids.iter().zip(&appended[0]) {
        assert_eq!(at.known, told.contains_key(id), "{id}");
        assert_eq!(*told.entry(*id).or_insert(at.position), at.position, "{id}");
    }
}

async fn find(store: &Store, id: u64) -> Option<Position> {
    let id = batch(std::iter::once(id)).records.remove(0).id;
    store.find_event(&stream(), &id).await.unwrap().map(|record| record.position)
}

async fn retire(store: &Store, told: &mut HashMap<u64, Position>, at_most: u64) {
    let retention = Retention { time: Duration::from_secs(3_600), at_least: None, at_most: Some(at_most) };
    let retired = store.retire_events(&stream(), retention, false).await.unwrap();
    assert!(retired.records > 0);
    let to = store.event_stream(&stream()).await.unwrap().retired_to;
    told.retain(|_, position| position.offset() > to);
}

/// INVARIANT: NOTHING-LOST: an id is known exactly where its event is.
#[tokio::test]
async fn an_id_is_known_wherever_it_is() {
    let stage = Stage::sqlite();
    let mut told = HashMap::new();
    let (one, other) = (opened(&stage).await, opened(&stage).await);
    let mut next = 0;
    for round in 0..60_u64 {
        // New ones and old ones, now by the one and now by the other, in groups of every size.
        let new: Vec<u64> = (next..next + round % 11).collect();
        next += round % 11;
        let old = (0..round % 5).map(|number| (round * 31 + number * 7) % next.max(1));
        let mut ids: Vec<u64> = old.chain(new).filter(|id| *id < next).collect();
        ids.sort_unstable_by_key(|id| id * 7_919 % 101);
        ids.dedup();
        append(if round % 3 == 0 { &other } else { &one }, &mut told, &ids).await;
        if round == 40 {
            retire(&one, &mut told, 400).await;
        }
    }
    for id in 0..next {
        let known = told.get(&id).copied();
        assert_eq!((find(&one, id).await, find(&other, id).await), (known, known), "{id}");
    }
    for store in [one, other] {
        store.close().await;
    }
    let again = opened(&stage).await;
    for id in 0..next {
        assert_eq!(find(&again, id).await, told.get(&id).copied(), "{id}");
    }
    let all: Vec<u64> = (0..next).collect();
    append(&again, &mut told, &all).await;
}

/// INVARIANT: NOTHING-LOST: what memory or the table says of a record that is not there is not believed.
#[tokio::test]
async fn an_id_without_its_record_is_not_known() {
    let stage = Stage::sqlite();
    let store = opened(&stage).await;
    store.append_events(&[batch(0..20)]).await.unwrap();
    store.append_events(&[batch(20..23)]).await.unwrap();
    tamper(&store, "DELETE FROM event_record WHERE place & 17592186044415 IN (3, 22)").await;
    let appended = store.append_events(&[batch([2, 3, 21].into_iter())]).await.unwrap();
    let known: Vec<bool> = appended[0].iter().map(|at| at.known).collect();
    assert_eq!(known, [false, true, false]);
}

/// What was not committed is not remembered.
#[tokio::test]
async fn a_group_that_fails_is_known_by_nobody() {
    let stage = Stage::sqlite();
    let store = opened(&stage).await;
    store.append_events(&[batch(0..30)]).await.unwrap();
    let unopened = EventBatch { stream: "b@1".parse().unwrap(), ..batch(0..1) };
    store.append_events(&[batch(30..50), unopened]).await.unwrap_err();
    let appended = store.append_events(&[batch(25..50)]).await.unwrap();
    let known = appended[0].iter().filter(|at| at.known).count();
    assert_eq!((known, appended[0].last().unwrap().position.offset()), (5, 50));
}
