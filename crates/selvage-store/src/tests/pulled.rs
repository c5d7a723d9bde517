//! How far consumers have read that pull without a group: the furthest is kept, and nothing is held back by it.

use std::time::Duration;

use selvage_model::event::{NewRecord, Position};
use selvage_model::manifest::event::Retention;
use selvage_model::name::{ConsumerName, InterfaceRef};

use super::both;
use super::stage::Stage;
use crate::EventBatch;

both!(the_furthest_is_kept_and_holds_nothing_back);

async fn the_furthest_is_kept_and_holds_nothing_back(stage: &Stage) {
    let store = stage.open().await;
    let stream: InterfaceRef = "orders@1".parse().unwrap();
    let at = |offset| Position::new(1, offset).unwrap();
    let consumer = |name: &str| name.parse::<ConsumerName>().unwrap();
    let note = |name: &str, offset| (stream.clone(), consumer(name), at(offset));
    store.note_pulled(&[note("wms", 3)]).await.unwrap();
    store.open_event_stream(&stream, None).await.unwrap();
    assert!(store.pulled(&stream).await.unwrap().is_empty(), "there was no such stream");
    let record = |number: u64| NewRecord {
        id: format!("e-{number}").parse().unwrap(),
        lane: "one".parse().unwrap(),
        body: b"{}".to_vec(),
    };
    let records = (0..5).map(record).collect();
    let batch = EventBatch { stream: stream.clone(), records, acknowledged: Position::START };
    store.append_events(&[batch]).await.unwrap();
    store.note_pulled(&[note("wms", 3), note("board", 1)]).await.unwrap();
    store.note_pulled(&[note("wms", 2), note("board", 4)]).await.unwrap();
    let seen = store.pulled(&stream).await.unwrap();
    let seen: Vec<_> = seen.iter().map(|it| (it.consumer.as_str(), it.position)).collect();
    assert_eq!(seen, [("board", at(4)), ("wms", at(3))]);
    tokio::time::sleep(Duration::from_millis(5)).await;
    let everything = Retention { time: Duration::ZERO, at_least: None, at_most: None };
    let retired = store.retire_events(&stream, everything, false).await.unwrap();
    assert_eq!((retired.records, retired.behind), (5, Vec::new()));
    store.forget_pulled(&stream, &consumer("wms")).await.unwrap();
    assert_eq!(store.pulled(&stream).await.unwrap().len(), 1);
}
