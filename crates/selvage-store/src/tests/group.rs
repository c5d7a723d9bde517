//! Groups of consumers that pull end with the right to it, by whatever way it ends: nothing waits for them any more, and none is revived.

use std::slice::from_ref;
use std::time::Duration;

use selvage_model::access::GrantTerms;
use selvage_model::event::{NewRecord, Position, ReaderName};
use selvage_model::manifest::event::Retention;
use selvage_model::name::{ConsumerName, InterfaceRef};

use super::both;
use super::stage::{Stage, tamper};
use super::subscription::asked_grant;
use crate::{CursorMove, EventBatch, NewCursor, Store, StoreError, TakenCursor};

both!(a_group_ends_with_its_grant_and_no_grant_revives_it, a_group_ends_when_its_grant_runs_out,);

const EVERYTHING: Retention = Retention { time: Duration::ZERO, at_least: None, at_most: None };

fn right(purpose: &str) -> (ConsumerName, InterfaceRef, GrantTerms) {
    let (consumer, interface, terms) = asked_grant();
    (consumer, interface, GrantTerms { operations: vec!["read".into()], purpose: Some(purpose.into()), ..terms })
}

fn stream() -> InterfaceRef {
    "orders@1".parse().unwrap()
}

fn reader() -> ReaderName {
    "group/wms/boards".parse().unwrap()
}

fn turn(start: Position) -> NewCursor {
    let lease = Duration::from_secs(60);
    NewCursor { stream: stream(), reader: reader(), start, node: "member/a".to_owned(), lease }
}

fn at(offset: u64) -> Position {
    Position::new(1, offset).unwrap()
}

/// A store with five events, a grant and a group that committed two of them; the grant's id, and the move.
async fn begun(stage: &Stage) -> (Store, String, CursorMove) {
    let store = stage.open().await;
    let grants = store.apply_manifest_grants(from_ref(&right("shows them")), "serve").await.unwrap();
    store.open_event_stream(&stream(), None).await.unwrap();
    let record = |number: u64| NewRecord {
        id: format!("e-{number}").parse().unwrap(),
        lane: "one".parse().unwrap(),
        body: b"{}".to_vec(),
    };
    let batch = EventBatch { stream: stream(), records: (0..5).map(record).collect(), acknowledged: Position::START };
    store.append_events(&[batch]).await.unwrap();
    let (taken, ended) = store.take_group(&turn(Position::START)).await.unwrap();
    let TakenCursor::Taken { fence, .. } = taken else { panic!("{taken:?}") };
    assert_eq!(ended, None);
    let moved = CursorMove { stream: stream(), reader: reader(), fence, to: at(2) };
    store.commit_group(&moved).await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(store.end_overdue_groups().await.unwrap(), []);
    assert_eq!(store.retire_events(&stream(), EVERYTHING, false).await.unwrap().behind.len(), 1, "it is waited for");
    (store, grants.granted[0].clone(), moved)
}

/// It is over: nothing waits for it, it is known how it ended, and nothing moves it.
async fn is_over(store: &Store, moved: &CursorMove) {
    assert!(store.cursors(&stream()).await.unwrap().is_empty());
    let [(ended, how)] = &store.ended_groups(&stream()).await.unwrap()[..] else { panic!("it is not there") };
    assert_eq!((ended, how.position, how.because.as_str()), (&reader(), at(2), "its grant has ended"));
    let late = store.commit_group(&CursorMove { to: at(4), ..moved.clone() }).await;
    assert!(matches!(late, Err(StoreError::CursorFenced { .. })), "{late:?}");
    let retired = store.retire_events(&stream(), EVERYTHING, false).await.unwrap();
    assert_eq!((retired.records, retired.behind.len()), (3, 0), "nothing is kept for it");
    let actions: Vec<String> = store.ledger(1, 100).await.unwrap().into_iter().map(|entry| entry.action).collect();
    assert_eq!(actions.iter().filter(|action| *action == "group.ended").count(), 1, "{actions:?}");
    assert!(store.verify_ledger().await.unwrap().is_whole());
}

async fn a_group_ends_with_its_grant_and_no_grant_revives_it(stage: &Stage) {
    let (store, grant, moved) = begun(stage).await;
    store.end_grant(&grant, "s.lead", "audit").await.unwrap();
    is_over(&store, &moved).await;

    // A new grant begins a new group, which is told how the one before it ended until it has committed something.
    store.apply_manifest_grants(from_ref(&right("shows them again")), "serve").await.unwrap();
    for _ in 0..2 {
        let (taken, ended) = store.take_group(&turn(Position::START)).await.unwrap();
        let TakenCursor::Taken { position, fence } = taken else { panic!("{taken:?}") };
        assert_eq!((position, ended.unwrap().position), (Position::START, at(2)));
        assert!(fence > moved.fence);
        assert!(store.ended_groups(&stream()).await.unwrap().is_empty(), "there is another");
        let late = store.commit_group(&moved).await;
        assert!(matches!(late, Err(StoreError::CursorFenced { .. })), "{late:?}");
    }
    let (taken, _) = store.take_group(&turn(Position::START)).await.unwrap();
    let TakenCursor::Taken { fence, .. } = taken else { panic!("{taken:?}") };
    store.commit_group(&CursorMove { fence, to: at(5), ..moved }).await.unwrap();
    assert_eq!(store.take_group(&turn(Position::START)).await.unwrap().1, None);
    assert_eq!(store.end_overdue_groups().await.unwrap(), []);
}

async fn a_group_ends_when_its_grant_runs_out(stage: &Stage) {
    let (store, _, moved) = begun(stage).await;
    let (_, interface, terms) = right("of another");
    let other = ("mes".parse().unwrap(), interface, terms);
    store.apply_manifest_grants(&[right("shows them"), other], "serve").await.unwrap();
    tamper(
        &store,
        "UPDATE lease SET terms = '{\"operations\":[\"read\"],\"rows\":[],\"except\":[],\"purpose\":null,\
         \"until\":\"2020-01-01T00:00:00Z\",\"on_end\":\"end\",\"rate\":null}' WHERE consumer = 'wms'",
    )
    .await;
    assert_eq!(store.end_overdue_groups().await.unwrap(), [(stream(), reader())]);
    assert_eq!(store.end_overdue_groups().await.unwrap(), []);
    is_over(&store, &moved).await;
    store.forget_cursor(&stream(), &reader()).await.unwrap();
    assert!(store.ended_groups(&stream()).await.unwrap().is_empty());
    let again = store.forget_cursor(&stream(), &reader()).await;
    assert!(matches!(again, Err(StoreError::NotFound { what: "reader", .. })), "{again:?}");
}
