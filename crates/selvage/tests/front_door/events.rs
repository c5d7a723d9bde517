//! The event log of a node: a store that was restored from a backup is found behind, and said so, when the node starts. And what the log
//! has is listed and shown beside the nodes.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use selvage_log::{EventLog as _, SqlLog};
use selvage_model::cloud_event::CloudEvent;
use selvage_model::event::NewRecord;
use selvage_model::name::InterfaceRef;
use selvage_store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Place, copy, sample, selvage, stdout};

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

const SUPPLIERS: &str = "
kind: Interface
name: supplier-changes
type: event
version: 1.0
owner: master-data
lifecycle: active
classification: {criticality: tier-2, latency: near-real-time, recovery: {rpo: 0s, rto: 15m}, data: confidential}
events:
  purchasing.supplier.changed: {object: supplier@1}
produced_by: odoo
lane: data.code
retention: {for: 30d}
";

/// A log with events, and a fabric that says what they are.
struct Kept {
    place: TempDir,
}

impl Kept {
    async fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        copy(&sample(), &place.path().join("fabric"));
        std::fs::write(place.path().join("fabric/supplier-changes.yaml"), SUPPLIERS).unwrap();
        std::fs::create_dir(place.path().join("data")).unwrap();
        let kept = Self { place };
        kept.append((1..=4).map(|number| change(number, "purchasing.supplier.changed")).collect()).await;
        kept
    }

    async fn append(&self, records: Vec<NewRecord>) {
        let data = self.place.path().join("data");
        let store = Store::open(&format!("sqlite:{}", data.join("selvage.db").display())).await.unwrap();
        let log = SqlLog::new(store.clone(), Some(&data.join("selvage.marks"))).unwrap();
        let stream: InterfaceRef = "supplier-changes@1".parse().unwrap();
        log.open(&stream).await.unwrap();
        log.append(&stream, records).await.unwrap();
        log.end().await;
        store.close().await;
    }

    fn arguments(&self, arguments: &[&str]) -> Vec<String> {
        let data = self.place.path().join("data").display().to_string();
        let mut all: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        all.insert(0, "events".to_owned());
        all.insert(2, "supplier-changes@1".to_owned());
        all.extend(["--data".to_owned(), data]);
        all
    }

    fn ask(&self, fabric: &Path, arguments: &[&str]) -> Output {
        let mut all = self.arguments(arguments);
        all.extend(["--fabric".to_owned(), fabric.display().to_string()]);
        selvage(&all.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn fabric(&self) -> std::path::PathBuf {
        self.place.path().join("fabric")
    }

    fn said(&self, arguments: &[&str]) -> String {
        let output = self.ask(&self.fabric(), arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        stdout(&output)
    }
}

fn change(number: u32, kind: &str) -> NewRecord {
    let mut event = CloudEvent::new(format!("c-{number}"), "/odoo", kind);
    event.lane = Some(format!("S-{number}"));
    event.data = Some(json!({"code": format!("S-{number}"), "name": "Bolt \u{202e}Ltd", "email": "ann@bolt.example"}));
    let lane = event.lane.as_ref().unwrap().parse().unwrap();
    NewRecord { id: event.record_id().unwrap(), lane, body: event.record() }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_listed_from_the_newest_or_a_position() {
    let kept = Kept::new().await;
    let positions = |arguments: &[&str]| -> Vec<String> {
        let text = kept.said(arguments);
        assert!(!text.contains("bolt.example"), "the list has no data");
        text.lines().skip(1).map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
    };
    for (arguments, expected) in [
        (&["tail"][..], &["1-1", "1-2", "1-3", "1-4"][..]),
        (&["tail", "--last", "2"], &["1-3", "1-4"]),
        (&["tail", "--last", "0"], &[]),
        (&["tail", "--from", "oldest"], &["1-1", "1-2", "1-3", "1-4"]),
        (&["tail", "--from", "1-4"], &["1-4"]),
        (&["tail", "--from", "0001000000000000003"], &["1-3", "1-4"]),
        (&["tail", "--from", "1-5"], &[]),
    ] {
        assert_eq!(positions(arguments), expected, "{arguments:?}");
    }
    let row = kept.said(&["tail", "--last", "1"]);
    for column in ["POSITION", "purchasing.supplier.changed", "S-4", "/odoo#c-4"] {
        assert!(row.contains(column), "{column}: {row}");
    }
    let ahead = kept.ask(&kept.fabric(), &["tail", "--from", "1-9"]);
    assert_eq!(ahead.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ahead.stderr).contains("FAB7015"), "{ahead:?}");
    for wrong in
        [&["tail", "--from", "0-0"][..], &["tail", "--from", "yesterday"], &["tail", "--last", "1", "--from", "1-1"]]
    {
        assert_eq!(kept.ask(&kept.fabric(), wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_is_shown_as_far_as_the_fabric_says_that_it_has_no_class() {
    let kept = Kept::new().await;
    let line = |output: String| -> Value { serde_json::from_str(&output).unwrap() };
    let masked = line(kept.said(&["show", "1-2", "--json"]));
    assert_eq!((&masked["event"]["data"]["code"], &masked["masked"]), (&json!("S-2"), &json!(["/data/email"])));
    assert_eq!(masked["event"]["data"]["email"], Value::Null);
    assert_eq!(masked["event"]["sequence"], "0001000000000000002");
    let nowhere = tempfile::tempdir().unwrap();
    let withheld = line(stdout(&kept.ask(nowhere.path(), &["show", "1-2", "--json"])));
    assert!(withheld["event"].get("data").is_none() && withheld["withheld"].is_string(), "{withheld}");
    let whole = line(stdout(&kept.ask(nowhere.path(), &["show", "1-2", "--json", "--unmasked"])));
    assert_eq!(whole["event"]["data"]["email"], "ann@bolt.example");
    // What the fabric does not declare any more has no classes that are known.
    kept.append(vec![change(5, "purchasing.supplier.left")]).await;
    kept.append(vec![NewRecord { body: b"{}".to_vec(), ..change(6, "purchasing.supplier.changed") }]).await;
    let lines: Vec<Value> =
        kept.said(&["tail", "--last", "3", "--json"]).lines().map(|text| line(text.to_owned())).collect();
    assert!(lines[0]["masked"].is_array() && lines[1]["withheld"].is_string(), "{lines:?}");
    assert!(lines[2]["unreadable"].is_array() && lines[2].get("event").is_none(), "{lines:?}");
    assert!(!json!(lines).to_string().contains("bolt.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_is_shown_by_its_place_or_its_id() {
    let kept = Kept::new().await;
    let shown = kept.said(&["show", "1-3"]);
    for part in ["1-3", "/odoo#c-3", "purchasing.supplier.changed", "S-3", "\"email\": null", "Bolt \u{fffd}Ltd"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    for arguments in
        [&["show", "0001000000000000003"][..], &["show", "/odoo#c-3"], &["show", "c-3", "--source", "/odoo"]]
    {
        assert_eq!(kept.said(arguments), shown, "{arguments:?}");
    }
    for arguments in [
        &["show", "1-9"][..],
        &["show", "0-0"],
        &["show", "2-3"],
        &["show", "c-3"],
        &["show", "c-3", "--source", "/mes"],
    ] {
        let output = kept.ask(&kept.fabric(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("FAB8030"), "{output:?}");
    }
    let data = kept.place.path().join("data").display().to_string();
    let unknown = selvage(&["events", "tail", "no-such@1", "--data", &data]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("FAB7017"), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_is_followed_until_it_is_stopped() {
    let kept = Kept::new().await;
    let mut tail = Following(
        Command::new(env!("CARGO_BIN_EXE_selvage"))
            .args(kept.arguments(&["tail", "--last", "1", "--follow"]))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut lines = BufReader::new(tail.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.next().unwrap().contains("POSITION"));
    assert!(lines.next().unwrap().contains("/odoo#c-4"));
    kept.append(vec![change(5, "purchasing.supplier.changed")]).await;
    assert!(lines.next().unwrap().contains("/odoo#c-5"));
    assert!(Command::new("kill").arg(tail.0.id().to_string()).status().unwrap().success());
    assert!(tail.0.wait().unwrap().success());
}

/// Ends with the test.
struct Following(Child);

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_are_listed_with_how_far_they_are() {
    let kept = Kept::new().await;
    let data = kept.place.path().join("data");
    let stream: InterfaceRef = "supplier-changes@1".parse().unwrap();
    let ask = |more: &[&str]| {
        let data = data.display().to_string();
        let all = ["events", "readers", "supplier-changes@1", "--data", &data];
        selvage(&all.iter().chain(more).copied().collect::<Vec<_>>())
    };
    assert!(stdout(&ask(&[])).contains("nobody reads it by a cursor"));
    let store = Store::open(&format!("sqlite:{}", data.join("selvage.db").display())).await.unwrap();
    for (reader, start) in [("group/planning/boards", "1-2"), ("copy/suppliers@1", "1-4")] {
        let cursor = selvage_store::NewCursor {
            stream: stream.clone(),
            reader: reader.parse().unwrap(),
            start: start.parse().unwrap(),
            node: "member/hall-1".to_owned(),
            lease: std::time::Duration::from_secs(60),
        };
        store.take_cursor(&cursor).await.unwrap();
    }
    store.close().await;
    let listed = stdout(&ask(&[]));
    let line = |reader: &str| listed.lines().find(|line| line.contains(reader)).unwrap().to_owned();
    assert!(line("group/planning/boards").contains("1-2") && line("group/planning/boards").contains("1-4"), "{listed}");
    assert!(line("copy/suppliers@1").contains(" - "), "{listed}");
    let told: Value = serde_json::from_str(&stdout(&ask(&["--json"]))).unwrap();
    assert_eq!((&told[0]["reader"], &told[0]["unread_since"]), (&json!("copy/suppliers@1"), &Value::Null));
    assert_eq!((&told[1]["position"], &told[1]["head"]), (&json!("1-2"), &json!("1-4")));
    assert!(told[1]["unread_since"].is_string(), "{told}");

    let path = data.display().to_string();
    let forget = |reader: &str| {
        let group = ["events", "forget", "supplier-changes@1", reader, "--because", "the boards are gone"];
        selvage(&[&group[..], &["--by", "ops.desk", "--data", &path]].concat())
    };
    assert!(String::from_utf8_lossy(&forget("copy/suppliers@1").stderr).contains("is no group"));
    let forgotten = forget("group/planning/boards");
    assert!(stdout(&forgotten).contains("is forgotten"), "{forgotten:?}");
    assert!(!forget("group/planning/boards").status.success(), "it is not there any more");
    assert!(!stdout(&ask(&[])).contains("group/planning/boards"));
    let ledger = stdout(&selvage(&["ledger", "list", "--data", &path]));
    assert!(ledger.contains("reader.forgotten") && ledger.contains("ops.desk"), "{ledger}");
}
