//! The event log's tables where harm is done to them: nothing is passed over. And what belongs to the store alone: cursors that move
//! with their fence, several streams in one transaction, a file without space.

use std::time::Duration;

use selvage_model::event::{EventId, NewRecord, Position};
use selvage_model::name::InterfaceRef;

use super::both;
use super::stage::{Stage, tamper};
use crate::{BrokerStream, CursorMove, EventBatch, NewCursor, ReadFault, ReadLimit, Store, StoreError, TakenCursor};

both!(
    batches_of_several_streams_are_one_transaction,
    a_damaged_record_ends_the_batch,
    a_record_that_is_gone_is_missed,
    a_tail_that_is_gone_begins_an_epoch,
    a_mark_ahead_begins_an_epoch_that_outlives_restarts,
    a_broker_that_is_behind_begins_an_epoch_at_what_it_has,
    a_cursor_is_one_nodes_and_moves_only_on,
    a_cursor_that_was_forgotten_takes_no_move_of_before,
    a_node_past_its_lease_moves_nothing,
    a_node_that_ended_is_waited_for_no_longer_and_moves_nothing,
    a_row_that_is_not_what_was_written_is_named,
    a_stream_that_the_broker_made_anew_begins_an_epoch,
    a_database_that_went_back_takes_nothing,
    ids_of_a_broker_are_found_until_it_has_them_no_more,
);

const ALL: ReadLimit = ReadLimit { records: 1_000, bytes: usize::MAX };

fn stream(name: &str) -> InterfaceRef {
    name.parse().unwrap()
}

fn batch(of: &str, ids: std::ops::Range<usize>) -> EventBatch {
    let record = |number: usize| NewRecord {
        id: format!("e-{number}").parse().unwrap(),
        lane: "one".parse().unwrap(),
        body: format!("body {number}").into_bytes(),
    };
    EventBatch { stream: stream(of), records: ids.map(record).collect(), acknowledged: Position::START }
}

fn at(epoch: u32, offset: u64) -> Position {
    Position::new(epoch, offset).unwrap()
}

/// A broker that has so much of the stream that it made first.
fn broker(last: u64) -> BrokerStream<'static> {
    BrokerStream { last, made: "2026-11-27T06:00:00Z" }
}

/// A store with 40 events in the stream `a@1`.
async fn filled(stage: &Stage) -> Store {
    let store = stage.open().await;
    store.open_event_stream(&stream("a@1"), None).await.unwrap();
    store.append_events(&[batch("a@1", 0..40)]).await.unwrap();
    store
}

/// How many records are read, and what stands behind them.
async fn read(store: &Store, after: Position) -> (usize, Option<ReadFault>) {
    let read = store.read_events(&stream("a@1"), after, ALL).await.unwrap();
    (read.records.len(), read.fault)
}

async fn batches_of_several_streams_are_one_transaction(stage: &Stage) {
    let store = filled(stage).await;
    store.open_event_stream(&stream("b@1"), None).await.unwrap();
    let batches = [batch("b@1", 0..2), batch("a@1", 38..42), batch("b@1", 1..3)];
    let appended = store.append_events(&batches).await.unwrap();
    let answers = appended.iter().flatten().map(|one| format!("{}{}", one.position, if one.known { "=" } else { "" }));
    assert_eq!(answers.collect::<Vec<_>>().join(" "), "1-1 1-2 1-39= 1-40= 1-41 1-42 1-2= 1-3");
    let unopened = [batch("a@1", 50..51), batch("c@1", 0..1)];
    let refused = store.append_events(&unopened).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotFound { what: "event stream", .. }), "{refused}");
    assert_eq!(store.event_stream(&stream("a@1")).await.unwrap().head, at(1, 42));
}

async fn a_damaged_record_ends_the_batch(stage: &Stage) {
    for harm in [
        "UPDATE event_record SET lane = 'two' WHERE id = 'e-30'",
        "UPDATE event_record SET appended_at = appended_at + 1 WHERE id = 'e-30'",
        "UPDATE event_record SET epoch = 0 WHERE id = 'e-30'",
        "UPDATE event_record SET body = (SELECT body FROM event_record WHERE id = 'e-31') WHERE id = 'e-30'",
        "UPDATE event_record SET id = 'e-77' WHERE id = 'e-30'",
    ] {
        let store = filled(stage).await;
        tamper(&store, harm).await;
        assert_eq!(
            read(&store, Position::START).await,
            (30, Some(ReadFault::Damaged { position: at(1, 31) })),
            "{harm}"
        );
        assert_eq!(read(&store, at(1, 31)).await, (9, None), "{harm}");
        tamper(&store, "DELETE FROM event_record").await;
        tamper(&store, "DELETE FROM event_stream").await;
    }
}

async fn a_record_that_is_gone_is_missed(stage: &Stage) {
    let store = filled(stage).await;
    tamper(&store, "DELETE FROM event_record WHERE id IN ('e-20', 'e-21')").await;
    let missing = Some(ReadFault::Missing { from: 21, to: 22 });
    assert_eq!(read(&store, Position::START).await, (20, missing.clone()));
    assert_eq!(read(&store, at(1, 20)).await, (0, missing));
    assert_eq!(read(&store, at(1, 22)).await, (18, None));
    tamper(&store, "DELETE FROM event_record WHERE id IN ('e-38', 'e-39')").await;
    assert_eq!(read(&store, at(1, 30)).await, (8, Some(ReadFault::Missing { from: 39, to: 40 })));
}

async fn a_tail_that_is_gone_begins_an_epoch(stage: &Stage) {
    let store = filled(stage).await;
    tamper(&store, "DELETE FROM event_record WHERE id IN ('e-37', 'e-38', 'e-39')").await;
    let opened = store.open_event_stream(&stream("a@1"), None).await.unwrap();
    let gap = opened.gap.unwrap();
    assert_eq!((gap.after, gap.until, gap.epoch), (at(1, 37), 40, 2));
    let again = store.open_event_stream(&stream("a@1"), None).await.unwrap();
    assert_eq!(again.gap.as_ref(), Some(&gap));
    store.tell_event_gap(&gap).await.unwrap();
    assert_eq!(read(&store, Position::START).await, (37, None));
    let appended = store.append_events(&[batch("a@1", 38..41)]).await.unwrap();
    assert_eq!(appended[0][0].position, at(2, 41));
    assert_eq!(read(&store, at(1, 40)).await, (3, None));
    assert_eq!(store.open_event_stream(&stream("a@1"), None).await.unwrap().gap, None);
}

/// As after a failover to a server that had not everything, or a restore under running nodes.
async fn a_database_that_went_back_takes_nothing(stage: &Stage) {
    let store = filled(stage).await;
    let known = EventBatch { acknowledged: at(1, 55), ..batch("a@1", 40..42) };
    let refused = store.append_events(&[known]).await.unwrap_err();
    assert!(matches!(&refused, StoreError::EventsBehind { stream, .. } if stream.to_string() == "a@1"), "{refused}");
    assert_eq!(store.event_stream(&stream("a@1")).await.unwrap().head, at(1, 40));
    let known = EventBatch { acknowledged: at(1, 40), ..batch("a@1", 40..42) };
    assert_eq!(store.append_events(&[known]).await.unwrap()[0][0].position, at(1, 41));
}

async fn a_mark_ahead_begins_an_epoch_that_outlives_restarts(stage: &Stage) {
    let store = filled(stage).await;
    for mark in [None, Some(at(1, 39)), Some(at(1, 40))] {
        assert_eq!(store.open_event_stream(&stream("a@1"), mark).await.unwrap().gap, None);
    }
    let opened = store.open_event_stream(&stream("a@1"), Some(at(1, 55))).await.unwrap();
    assert_eq!((opened.gap.as_ref().unwrap().until, opened.head), (55, at(2, 55)));
    store.tell_event_gap(&opened.gap.unwrap()).await.unwrap();
    // Nothing was appended in the new epoch yet.
    assert_eq!(read(&store, at(1, 40)).await, (0, None));
    for _ in 0..2 {
        let again = store.open_event_stream(&stream("a@1"), Some(at(2, 55))).await.unwrap();
        assert_eq!((again.gap, again.head), (None, at(2, 55)));
    }
    let later = store.open_event_stream(&stream("a@1"), Some(at(4, 60))).await.unwrap();
    assert_eq!((later.gap.unwrap().epoch, later.head), (5, at(5, 60)));
    store.append_events(&[batch("a@1", 40..42)]).await.unwrap();
    assert_eq!(read(&store, at(1, 38)).await, (4, None));
    assert_eq!(read(&store, at(3, 58)).await, (2, None));
}

async fn a_broker_that_is_behind_begins_an_epoch_at_what_it_has(stage: &Stage) {
    let store = stage.open().await;
    let name = stream("a@1");
    assert_eq!(store.open_broker_stream(&name, broker(0), None).await.unwrap().head, at(1, 0));
    for offset in [20, 30, 25] {
        store.mark_broker_stream(&name, at(1, offset)).await.unwrap();
    }
    let mark = store.broker_mark(&name).await.unwrap();
    assert_eq!(mark, Some(at(1, 30)));
    assert_eq!(store.open_broker_stream(&name, broker(30), mark).await.unwrap().gap, None);
    // Another node marks what was appended after the broker was asked.
    assert_eq!(store.open_broker_stream(&name, broker(27), Some(at(1, 26))).await.unwrap().gap, None);
    let opened = store.open_broker_stream(&name, broker(12), mark).await.unwrap();
    let gap = opened.gap.unwrap();
    assert_eq!((gap.after, gap.until, gap.epoch, opened.head), (at(1, 12), 30, 2, at(2, 12)));
    store.tell_event_gap(&gap).await.unwrap();
    // A mark of the epoch before is of no use any more.
    store.mark_broker_stream(&name, at(1, 31)).await.unwrap();
    assert_eq!(
        store.open_broker_stream(&name, broker(12), Some(at(1, 31))).await.unwrap(),
        crate::OpenedStream { head: at(2, 12), last: at(1, 12), gap: None }
    );
}

fn new_cursor(node: &str, lease: Duration) -> NewCursor {
    let reader = "copy/work-order".parse().unwrap();
    NewCursor { stream: stream("a@1"), reader, start: at(1, 3), node: node.to_owned(), lease }
}

fn moved(fence: i64, to: u64) -> CursorMove {
    CursorMove { stream: stream("a@1"), reader: "copy/work-order".parse().unwrap(), fence, to: at(1, to) }
}

/// Takes the cursor and gives the position and the fence.
async fn taken(store: &Store, node: &str, lease: Duration) -> (Position, i64) {
    match store.take_cursor(&new_cursor(node, lease)).await.unwrap() {
        TakenCursor::Taken { position, fence } => (position, fence),
        held @ TakenCursor::Held { .. } => panic!("{held:?}"),
    }
}

async fn a_cursor_is_one_nodes_and_moves_only_on(stage: &Stage) {
    let store = filled(stage).await;
    let lease = Duration::from_secs(60);
    let (position, first) = taken(&store, "node-a", lease).await;
    assert_eq!(position, at(1, 3));
    let held = store.take_cursor(&new_cursor("node-b", lease)).await.unwrap();
    assert!(matches!(&held, TakenCursor::Held { by, .. } if by == "node-a"), "{held:?}");
    store.move_cursor(&moved(first, 9)).await.unwrap();
    let back = store.move_cursor(&moved(first, 8)).await.unwrap_err();
    assert!(matches!(back, StoreError::CursorFenced { .. }), "{back}");
    store.extend_cursor(&moved(first, 9), lease).await.unwrap();
    assert_eq!(taken(&store, "node-a", lease).await, (at(1, 9), first + 1));
    let cursors = store.cursors(&stream("a@1")).await.unwrap();
    assert_eq!((cursors.len(), cursors[0].position, cursors[0].node.as_str()), (1, at(1, 9), "node-a"));
}

async fn a_cursor_that_was_forgotten_takes_no_move_of_before(stage: &Stage) {
    let store = filled(stage).await;
    let (_, before) = taken(&store, "node-a", Duration::from_secs(60)).await;
    let reader = "copy/work-order".parse().unwrap();
    store.forget_cursor(&stream("a@1"), &reader).await.unwrap();
    let (position, after) = taken(&store, "node-b", Duration::from_secs(60)).await;
    assert_eq!(position, at(1, 3));
    let refused = store.move_cursor(&moved(before, 9)).await.unwrap_err();
    assert!(matches!(refused, StoreError::CursorFenced { .. }), "{refused}");
    store.move_cursor(&moved(after, 9)).await.unwrap();
}

async fn a_node_past_its_lease_moves_nothing(stage: &Stage) {
    let store = filled(stage).await;
    let (_, first) = taken(&store, "node-a", Duration::ZERO).await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    // Nobody took it meanwhile: it may go on.
    store.move_cursor(&moved(first, 5)).await.unwrap();
    let (position, second) = taken(&store, "node-b", Duration::from_secs(60)).await;
    assert_eq!(position, at(1, 5));
    for refused in [
        store.move_cursor(&moved(first, 6)).await.unwrap_err(),
        store.extend_cursor(&moved(first, 6), Duration::from_secs(60)).await.unwrap_err(),
    ] {
        assert!(matches!(refused, StoreError::CursorFenced { .. }), "{refused}");
    }
    store.move_cursor(&moved(second, 6)).await.unwrap();
}

async fn a_node_that_ended_is_waited_for_no_longer_and_moves_nothing(stage: &Stage) {
    let (store, lease) = (filled(stage).await, Duration::from_secs(60));
    let (_, first) = taken(&store, "node-a", lease).await;
    store.release_node("node-c").await.unwrap();
    let held = store.take_cursor(&new_cursor("node-b", lease)).await.unwrap();
    assert!(matches!(held, TakenCursor::Held { .. }), "another one ended: {held:?}");
    store.release_node("node-a").await.unwrap();
    // Where it lives after all it goes on until it is taken over, and no longer.
    store.move_cursor(&moved(first, 5)).await.unwrap();
    let (position, second) = taken(&store, "node-b", lease).await;
    assert_eq!(position, at(1, 5));
    let refused = store.move_cursor(&moved(first, 6)).await.unwrap_err();
    assert!(matches!(refused, StoreError::CursorFenced { .. }), "{refused}");
    store.move_cursor(&moved(second, 6)).await.unwrap();
}

/// INVARIANT: DURABLE-ACK: where there is no space, that is said, and what was acknowledged is there.
#[tokio::test]
async fn a_file_without_space_takes_nothing_and_loses_nothing() {
    let stage = Stage::sqlite();
    let store = filled(&stage).await;
    tamper(&store, "PRAGMA max_page_count = 1").await;
    let mut next = 40;
    let full = loop {
        match store.append_events(&[batch("a@1", next..next + 50)]).await {
            Ok(_) => next += 50,
            Err(error) => break error,
        }
    };
    assert!(full.is_full() && full.is_transient(), "{full}");
    assert_eq!(read(&store, Position::START).await, (next, None));
    tamper(&store, "PRAGMA max_page_count = 1000000").await;
    let appended = store.append_events(&[batch("a@1", next..next + 50)]).await.unwrap();
    assert_eq!(appended[0][0].position, at(1, next as u64 + 1));
}

async fn a_row_that_is_not_what_was_written_is_named(stage: &Stage) {
    let store = filled(stage).await;
    let name = stream("a@1");
    store.open_event_stream(&name, Some(at(1, 45))).await.unwrap();
    let cursor = NewCursor {
        stream: name.clone(),
        reader: "wms".parse().unwrap(),
        start: Position::START,
        node: "node-a".to_owned(),
        lease: Duration::from_secs(60),
    };
    store.take_cursor(&cursor).await.unwrap();
    let other = NewCursor { reader: "mes".parse().unwrap(), ..cursor.clone() };
    let limit = ReadLimit { records: 10, bytes: 1_000 };
    let table: [(&'static str, &'static str); 9] = [
        (
            "UPDATE event_stream SET next_offset = next_offset + 64",
            "UPDATE event_stream SET next_offset = next_offset - 64",
        ),
        ("UPDATE event_stream SET epoch = 3", "UPDATE event_stream SET epoch = 2"),
        ("UPDATE event_stream SET retired_to = 8", "UPDATE event_stream SET retired_to = 0"),
        ("UPDATE event_stream SET name = 'c@1'", "UPDATE event_stream SET name = 'a@1'"),
        ("UPDATE event_epoch SET lost_to = 47", "UPDATE event_epoch SET lost_to = 45"),
        ("UPDATE event_epoch SET epoch = 66", "UPDATE event_epoch SET epoch = 2"),
        ("UPDATE event_cursor SET position = 32", "UPDATE event_cursor SET position = 0"),
        (
            "UPDATE event_cursor SET fence_number = fence_number + 256",
            "UPDATE event_cursor SET fence_number = fence_number - 256",
        ),
        ("UPDATE event_cursor SET reader = 'vms'", "UPDATE event_cursor SET reader = 'wms'"),
    ];
    for (harm, back) in table {
        tamper(&store, harm).await;
        let outcome = match harm.split(' ').nth(1).unwrap() {
            "event_cursor" => store.take_cursor(&cursor).await.map(drop),
            _ if harm.contains("name") => store.open_event_stream(&name, None).await.map(drop),
            _ => store.read_events(&name, Position::START, limit).await.map(drop),
        };
        let damaged = outcome.unwrap_err();
        assert_eq!(damaged.code().as_str(), "FAB7002", "{harm}: {damaged}");
        assert!(damaged.to_string().contains("event_"), "{harm}: {damaged}");
        tamper(&store, back).await;
        store.take_cursor(&cursor).await.unwrap();
        store.read_events(&name, Position::START, limit).await.unwrap();
    }
    tamper(&store, "DELETE FROM event_epoch").await;
    let damaged = store.read_events(&name, Position::START, limit).await.unwrap_err();
    assert_eq!(damaged.code().as_str(), "FAB7002", "{damaged}");
    // What is whole stays readable beside it: another reader's cursor is not asked for.
    store.take_cursor(&other).await.unwrap();
}

async fn a_stream_that_the_broker_made_anew_begins_an_epoch(stage: &Stage) {
    let store = stage.open().await;
    let name = stream("a@1");
    let anew = |last| BrokerStream { last, made: "2026-11-27T07:00:00Z" };
    store.open_broker_stream(&name, broker(0), None).await.unwrap();
    // Nothing was in it yet, so that nothing is lost with it.
    let opened = store.open_broker_stream(&name, anew(0), None).await.unwrap();
    assert_eq!((opened.gap, opened.head), (None, at(1, 0)));
    store.mark_broker_stream(&name, at(1, 20)).await.unwrap();
    store.note_retired(&name, 4).await.unwrap();
    // More than there was before, and all of it somebody else's.
    let mark = store.broker_mark(&name).await.unwrap();
    let opened = store.open_broker_stream(&name, broker(50), mark).await.unwrap();
    let gap = opened.gap.unwrap();
    assert_eq!((gap.after, gap.until, gap.epoch, opened.last), (Position::START, 20, 2, at(2, 50)));
    store.tell_event_gap(&gap).await.unwrap();
    let epochs = store.event_epochs(&name).await.unwrap();
    assert!(epochs.are_of("2026-11-27T06:00:00Z") && !epochs.are_of("2026-11-27T07:00:00Z"));
    assert_eq!((epochs.position(7).unwrap(), epochs.retired_to()), (at(2, 7), 0));
    assert_eq!([at(1, 3), at(1, 20), at(2, 3)].map(|position| epochs.read_up_to(position)), [0, 0, 3]);
    assert_eq!(store.open_broker_stream(&name, broker(51), Some(at(2, 50))).await.unwrap().gap, None);
}

async fn ids_of_a_broker_are_found_until_it_has_them_no_more(stage: &Stage) {
    let store = stage.open().await;
    let name = stream("a@1");
    store.open_broker_stream(&name, broker(0), None).await.unwrap();
    let id = |number: u64| format!("/mes#e-{number}").parse::<EventId>().unwrap();
    let ids = |numbers: std::ops::RangeInclusive<u64>| numbers.map(|number| (id(number), number)).collect::<Vec<_>>();
    let found = async |numbers: std::ops::RangeInclusive<u64>| {
        let asked: Vec<EventId> = numbers.map(id).collect();
        let mut places = store.broker_places(&name, &asked).await.unwrap();
        places.sort_by_key(|(_, sequence)| *sequence);
        places
    };
    assert_eq!(store.broker_indexed(&name).await.unwrap(), None);
    assert!(store.index_broker_ids(&name, 1, &ids(1..=100), 100).await.unwrap());
    assert_eq!(found(1..=200).await, ids(1..=100));
    // Another node writes some of them again, and an id that was there keeps its first place.
    let mut again = ids(50..=120);
    again.push((id(3), 121));
    assert!(store.index_broker_ids(&name, 1, &again, 121).await.unwrap());
    assert!(store.index_broker_ids(&name, 1, &ids(1..=7), 7).await.unwrap());
    assert_eq!((found(1..=200).await, store.broker_indexed(&name).await.unwrap()), (ids(1..=120), Some(121)));

    store.note_retired(&name, 10).await.unwrap();
    assert_eq!(found(1..=200).await, ids(11..=120));
    // It lost its end: a new epoch begins, in which sequences are given again.
    store.mark_broker_stream(&name, at(1, 121)).await.unwrap();
    let opened = store.open_broker_stream(&name, broker(60), store.broker_mark(&name).await.unwrap()).await.unwrap();
    assert_eq!(opened.gap.unwrap().epoch, 2);
    assert_eq!((found(1..=200).await, store.broker_indexed(&name).await.unwrap()), (ids(11..=60), Some(60)));
    assert!(!store.index_broker_ids(&name, 1, &ids(61..=70), 70).await.unwrap(), "by a node that does not know it");
    assert!(store.index_broker_ids(&name, 2, &[(id(121), 61)], 61).await.unwrap());
    assert_eq!(found(61..=200).await, [(id(121), 61)]);
}
