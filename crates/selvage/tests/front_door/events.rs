//! The event log of a node: a store that was restored from a backup is found behind, and said so, when the node starts.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use selvage_log::{EventLog as _, SqlLog};
use selvage_model::event::NewRecord;
use selvage_model::name::InterfaceRef;
use selvage_store::Store;

use crate::fixture::Place;

const INTERFACE: &str = r#"
kind: Interface
name: work-order-events
type: event
version: 1.0
owner: manufacturing-it
lifecycle: active
classification: {criticality: tier-2, latency: near-real-time, recovery: {rpo: 0s, rto: 15m}, data: internal}
events:
  manufacturing.work-order.completed: {object: work-order@1, when: "before.status != 'done' && after.status == 'done'"}
produced_by: odoo
lane: data.id
retention: {for: 30d}
"#;

/// Appends events as a node of this place would, and ends.
async fn append(place: &Place, ids: std::ops::Range<usize>) {
    let store = Store::open(&format!("sqlite:{}", place.path("data/selvage.db").display())).await.unwrap();
    let log = SqlLog::new(store.clone(), Some(&place.path("data/selvage.marks"))).unwrap();
    let stream: InterfaceRef = "work-order-events@1".parse().unwrap();
    log.open(&stream).await.unwrap();
    let record = |number| NewRecord {
        id: format!("e-{number}").parse().unwrap(),
        lane: "wo-1".parse().unwrap(),
        body: b"{}".to_vec(),
    };
    log.append(&stream, ids.map(record).collect()).await.unwrap();
    log.end().await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_store_is_found_behind_when_the_node_starts() {
    let place = Place::new().await;
    std::fs::write(place.fabric().join("work-order-events.yaml"), INTERFACE).unwrap();
    std::fs::create_dir(place.path("data")).unwrap();
    append(&place, 0..5).await;
    std::fs::copy(place.path("data/selvage.db"), place.path("backup")).unwrap();
    append(&place, 5..9).await;
    std::fs::copy(place.path("backup"), place.path("data/selvage.db")).unwrap();

    let mut node = Command::new(env!("CARGO_BIN_EXE_selvage"))
        .args(["serve", "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        .args([
            "--fabric".as_ref(),
            place.fabric().as_os_str(),
            "--secrets".as_ref(),
            place.path("secrets").as_os_str(),
        ])
        .args(place.data())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(node.stderr.take().unwrap()).lines().map(Result::unwrap);
    let alarm = lines.find(|line| line.contains("FAB7012"));
    node.kill().unwrap();
    node.wait().unwrap();
    let told = "`work-order-events@1` lost the events after 1-5, at least up to offset 9; epoch 2 begins";
    assert!(alarm.as_ref().is_some_and(|alarm| alarm.contains(told)), "{alarm:?}");
}
