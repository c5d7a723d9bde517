//! Captures: what changes in the simulated Odoo is in the log once, whatever goes wrong in between.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use selvage_engine::{CaptureTask, Engine};
use selvage_factory::odoo::{CommitAt, Fault, FaultKind};
use selvage_log::{EventLog, ReadLimit, SqlLog};
use selvage_model::delivery::Cause;
use selvage_model::event::Position;
use selvage_model::fabric::Fabric;
use selvage_store::{CapturePause, CaptureStage, LaneChoice, Store, Word};
use serde_json::{Map, Value, json};

use crate::bench::{Bench, create, done, fabric_with, list, node, verb};
use selvage_model::manifest::api::Operation;

const PRODUCTS: &str = "kind: Interface
name: product-events
type: event
version: 1.0
owner: it
lifecycle: active
events:
  masterdata.product.created: {object: product@1, when: \"before == null\"}
  masterdata.product.changed: {object: product@1, when: \"before != null && after != null\"}
  masterdata.product.deleted: {object: product@1, when: \"after == null\"}
produced_by: odoo
lane: data.code
retention: {for: 30d}
capture: {record: product.product, poll: 200ms, overlap: 4s, reconcile_deletes: 1s, start: events}
---
kind: Interface
name: order-events
type: event
version: 1.0
owner: it
lifecycle: active
events:
  manufacturing.production-order.released:
    {object: production-order@1, when: \"before.status == 'draft' && after.status == 'confirmed'\"}
  manufacturing.production-order.created: {object: production-order@1, when: \"before == null\"}
produced_by: odoo
lane: data.id
retention: {for: 30d}
capture: {record: mrp.production, poll: 200ms, overlap: 4s}
---
";

/// An engine that captures, with its log.
pub(crate) struct Capturing {
    pub(crate) engine: Engine,
    pub(crate) task: CaptureTask,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) store: Store,
}

pub(crate) fn capturing(url: &str, changes: &[(&str, &str)]) -> Arc<Fabric> {
    let before = "kind: Interface\nname: production-orders\n";
    let declared = format!("{PRODUCTS}{before}");
    let changes: Vec<(&str, &str)> = [(before, declared.as_str())].into_iter().chain(changes.iter().copied()).collect();
    fabric_with(url, &changes)
}

impl Capturing {
    pub(crate) async fn start(bench: &Bench, name: &str, fabric: Arc<Fabric>) -> Self {
        let engine = node(name, &bench.store_url, fabric).await.engine;
        let store = bench.store().await;
        let log: Arc<dyn EventLog> = Arc::new(SqlLog::new(store.clone(), None).unwrap());
        for stream in ["product-events@1", "order-events@1"] {
            log.open(&stream.parse().unwrap()).await.unwrap();
        }
        let task = engine.run_captures(Arc::clone(&log));
        Self { engine, task, log, store }
    }

    pub(crate) async fn end(self) {
        self.task.shutdown().await;
        self.log.end().await;
    }

    /// Everything in the stream, in order.
    pub(crate) async fn events(&self, stream: &str) -> Vec<Value> {
        let stream = stream.parse().unwrap();
        let (mut after, mut found) = (Position::START, Vec::new());
        loop {
            let limit = ReadLimit { records: 500, bytes: 4_000_000 };
            let batch = self.log.read(&stream, after, limit).await.unwrap();
            let Some(last) = batch.records.last() else { return found };
            after = last.position;
            found.extend(batch.records.iter().map(|record| serde_json::from_slice::<Value>(&record.body).unwrap()));
        }
    }

    pub(crate) async fn events_of(&self, stream: &str, name: &str) -> Vec<Value> {
        let mut events = self.events(stream).await;
        events.retain(|event| event["type"].as_str().unwrap().ends_with(name));
        events
    }

    /// Why the capture of these records stands still, where it does.
    async fn paused(&self, record: &str) -> Option<CapturePause> {
        let captures = self.store.captures().await.unwrap();
        captures.into_iter().find(|of| of.record == record).unwrap().paused
    }

    /// Waits until a capture follows what changes and has nothing to do.
    pub(crate) async fn following(&self, interface: &str) {
        until(async || {
            let captures = self.store.captures().await.unwrap();
            let of = captures.iter().find(|of| of.interface.to_string() == interface);
            of.is_some_and(|of| of.state.stage == CaptureStage::Following && of.waiting == 0)
        })
        .await;
    }
}

pub(crate) async fn until(met: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !met().await {
        assert!(begun.elapsed() < Duration::from_secs(40), "it never came to that");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) fn call(bench: &Bench, model: &str, method: &str, args: &[Value]) -> Value {
    bench.factory.odoo.call(model, method, args, &Map::new()).unwrap()
}

pub(crate) fn new_product(bench: &Bench, code: &str) -> i64 {
    let made = call(bench, "product.product", "create", &[json!([{"name": code, "default_code": code}])]);
    made.as_i64().or_else(|| made[0].as_i64()).unwrap()
}

/// What the events say that there is, by the system's record.
pub(crate) fn replayed(events: &[Value]) -> BTreeMap<String, Value> {
    let mut table = BTreeMap::new();
    for event in events {
        let subject = event["subject"].as_str().unwrap().to_owned();
        match event["type"].as_str().unwrap().ends_with(".deleted") {
            true => assert!(table.remove(&subject).is_some(), "{event:#}"),
            false => drop(table.insert(subject, event["data"].clone())),
        }
    }
    table
}

/// The products as a list shows them, archived or not, by code.
async fn listed(capturing: &Capturing) -> BTreeMap<String, Value> {
    let (mut found, mut cursor) = (BTreeMap::new(), None::<String>);
    loop {
        let mut query = vec![("limit", "500")];
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let (_, body) = done(capturing.engine.execute(list("products@1", &query)).await);
        for item in body["items"].as_array().unwrap() {
            found.insert(item["code"].as_str().unwrap().to_owned(), item.clone());
        }
        cursor = body["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return found;
        }
    }
}

/// Numbers that are the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

#[expect(clippy::disallowed_methods, reason = "how deep a run goes is said by whoever starts it")]
fn changes() -> usize {
    std::env::var("SELVAGE_TEST_CAPTURE_CHANGES").ok().and_then(|text| text.parse().ok()).unwrap_or(600)
}

/// Makes, changes, deletes and hints at products, as chance has it.
async fn disturb(bench: &Bench, capturing: &Capturing, changes: usize) {
    let (mut chance, mut alive, mut made) = (Chance(7), Vec::new(), 0);
    for step in 0..changes {
        match chance.below(10) {
            0..=4 => {
                made += 1;
                alive.push(new_product(bench, &format!("NEW-{made}")));
            }
            5..=7 if !alive.is_empty() => {
                let id = alive[chance.below(alive.len())];
                let values = json!({"name": format!("name {step}"), "weight": chance.below(9)});
                call(bench, "product.product", "write", &[json!([id]), values]);
            }
            8 if !alive.is_empty() => {
                let id = alive.swap_remove(chance.below(alive.len()));
                call(bench, "product.product", "unlink", &[json!([id])]);
            }
            _ if !alive.is_empty() => {
                let id = alive[chance.below(alive.len())];
                assert!(
                    capturing.engine.hint(&"odoo".parse().unwrap(), "product.product", id).await.unwrap() || step < 50
                );
            }
            _ => {}
        }
        if step % 20 == 0 {
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    }
}

/// Random creations, changes and deletions while calls fail in many ways: the events replayed onto an empty table give exactly the
/// records that there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_replayed_onto_an_empty_table_are_the_records() {
    let bench = Bench::new().await;
    let odoo = &bench.factory.odoo;
    let capturing = Capturing::start(&bench, "a", capturing(&bench.factory.odoo_url(), &[])).await;
    for (kind, seed) in [
        (FaultKind::ResetAfter, 1),
        (FaultKind::Serialization, 2),
        (FaultKind::Status(502), 3),
        (FaultKind::Jitter(Duration::from_millis(20)), 4),
    ] {
        odoo.inject(Fault { probability: 0.1, seed, ..Fault::always(kind) });
    }
    let changes = changes();
    disturb(&bench, &capturing, changes).await;
    // It goes on asking, so that faults strike on any machine, however few calls it made until here.
    until(async || odoo.faults().iter().map(|(_, _, strikes)| strikes).sum::<u64>() > 5).await;
    odoo.clear_faults();
    let expected: BTreeMap<String, Value> = listed(&capturing).await;
    assert!(expected.len() > changes / 5, "{}", expected.len());
    until(async || {
        let table = replayed(&capturing.events("product-events@1").await);
        let by_code: BTreeMap<String, Value> =
            table.into_values().map(|object| (object["code"].as_str().unwrap().to_owned(), object)).collect();
        by_code == expected
    })
    .await;
    // Nothing is told twice.
    let events = capturing.events("product-events@1").await;
    let ids: std::collections::BTreeSet<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), events.len());
    for event in &events {
        assert_eq!(event["partitionkey"], event["data"]["code"]);
        assert_eq!((&event["specversion"], &event["source"]), (&json!("1.0"), &json!("/odoo/product.product")));
    }
    capturing.end().await;
}

/// Odoo told a webhook of one product twelve times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twelve_hints_for_one_create_are_one_event() {
    let bench = Bench::new().await;
    let fabric = capturing(&bench.factory.odoo_url(), &[("poll: 200ms", "poll: 1h")]);
    let capturing = Capturing::start(&bench, "a", fabric).await;
    capturing.following("product-events@1").await;
    let before = capturing.events("product-events@1").await.len();
    let id = new_product(&bench, "NEW-1");
    for _ in 0..12 {
        assert!(capturing.engine.hint(&"odoo".parse().unwrap(), "product.product", id).await.unwrap());
    }
    assert!(!capturing.engine.hint(&"odoo".parse().unwrap(), "res.partner", 1).await.unwrap());
    let begun = Instant::now();
    until(async || capturing.events("product-events@1").await.len() > before).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    // The same value again is no change, though Odoo says that it was written.
    call(&bench, "product.product", "write", &[json!([id]), json!({"name": "NEW-1"})]);
    for _ in 0..3 {
        capturing.engine.hint(&"odoo".parse().unwrap(), "product.product", id).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let events = capturing.events("product-events@1").await;
    assert_eq!(events.len(), before + 1, "{:#?}", events.last());
    let told = events.last().unwrap();
    assert_eq!((&told["type"], &told["subject"]), (&json!("masterdata.product.created"), &json!(format!("odoo-{id}"))));
    // One that is deleted is told by a hint as well.
    call(&bench, "product.product", "unlink", &[json!([id])]);
    capturing.engine.hint(&"odoo".parse().unwrap(), "product.product", id).await.unwrap();
    until(async || capturing.events_of("product-events@1", ".deleted").await.len() == 1).await;
    let told = capturing.events_of("product-events@1", ".deleted").await;
    assert_eq!(told[0]["data"]["code"], "NEW-1");
    capturing.end().await;
}

/// A baseline tells nothing; what happened while nothing ran is told when it runs again, each record once with what changed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_while_nothing_ran_is_told_once() {
    let bench = Bench::new().await;
    let fabric =
        capturing(&bench.factory.odoo_url(), &[("reconcile_deletes: 1s, start: events", "reconcile_deletes: 1s")]);
    let first = Capturing::start(&bench, "a", Arc::clone(&fabric)).await;
    first.following("product-events@1").await;
    first.following("order-events@1").await;
    let kept = new_product(&bench, "NEW-0");
    until(async || first.events("product-events@1").await.len() == 1).await;
    assert!(first.events("order-events@1").await.is_empty());
    first.end().await;

    // A week of it: many records of many seconds would take long to make, so there are few of them.
    let ids: Vec<i64> = (1..=450).map(|number| new_product(&bench, &format!("NEW-{number}"))).collect();
    for id in &ids[..30] {
        call(&bench, "product.product", "write", &[json!([id]), json!({"name": "renamed"})]);
    }
    call(&bench, "product.product", "unlink", &[json!(ids[440..])]);
    call(&bench, "product.product", "unlink", &[json!([kept])]);
    let second = Capturing::start(&bench, "b", fabric).await;
    until(async || second.events("product-events@1").await.len() == 1 + 440 + 1).await;
    second.following("product-events@1").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let table = replayed(&second.events("product-events@1").await);
    assert_eq!(table.len(), 440);
    assert_eq!(table.values().filter(|object| object["name"] == "renamed").count(), 30);
    second.end().await;
}

/// A record that is no object is parked with its cause, and nothing waits for it; when it maps again it is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_does_not_map_parks_itself_alone() {
    let bench = Bench::new().await;
    let capturing = Capturing::start(&bench, "a", capturing(&bench.factory.odoo_url(), &[])).await;
    capturing.following("product-events@1").await;
    let units = bench.factory.odoo.records("uom.uom");
    let unit = |name: &str| units.iter().find(|unit| unit["name"] == name).unwrap()["id"].clone();
    let values = json!([{"name": "Rent", "default_code": "RENT-1", "uom_id": unit("Days"), "uom_po_id": unit("Days")}]);
    let rent = call(&bench, "product.product", "create", &[values]);
    let rent = rent.as_i64().or_else(|| rent[0].as_i64()).unwrap();
    new_product(&bench, "NEW-1");
    let id = capturing.store.captures().await.unwrap().iter().find(|of| of.record == "product.product").unwrap().id;
    until(async || {
        let told = capturing.events("product-events@1").await.iter().any(|event| event["data"]["code"] == "NEW-1");
        told && !capturing.store.parked_captures(id, 0, 9).await.unwrap().is_empty()
    })
    .await;
    let parked = capturing.store.parked_captures(id, 0, 9).await.unwrap();
    assert_eq!((parked.len(), parked[0].record, parked[0].code.as_str()), (1, rent, "FAB3101"));
    assert_eq!(parked[0].cause, Cause::Code);
    let values = json!({"uom_id": unit("Units"), "uom_po_id": unit("Units")});
    call(&bench, "product.product", "write", &[json!([rent]), values]);
    until(async || {
        let told = capturing.events("product-events@1").await.iter().any(|event| event["data"]["code"] == "RENT-1");
        told && capturing.store.parked_captures(id, 0, 9).await.unwrap().is_empty()
    })
    .await;
    capturing.end().await;
}

/// A system that lost many of its records, or was put back in time, stops its capture until a person says how it goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_that_lost_its_records_is_named_and_tells_nothing() {
    let bench = Bench::new().await;
    let capturing = Capturing::start(&bench, "a", capturing(&bench.factory.odoo_url(), &[])).await;
    let ids: Vec<i64> = (1..=60).map(|number| new_product(&bench, &format!("NEW-{number}"))).collect();
    until(async || capturing.events("product-events@1").await.len() >= 64).await;
    call(&bench, "product.product", "unlink", &[json!(ids[..40])]);
    let paused = async || capturing.paused("product.product").await;
    until(async || paused().await.is_some()).await;
    let why = paused().await.unwrap();
    assert_eq!(why.code, "FAB5141", "{}", why.because);
    assert!(capturing.events_of("product-events@1", ".deleted").await.is_empty());
    let word = Word { by: "m.ops", because: "they were cleaned up" };
    let interface = "product-events@1".parse().unwrap();
    capturing.store.resume_capture(&interface, CaptureStage::Telling, word).await.unwrap();
    until(async || capturing.events_of("product-events@1", ".deleted").await.len() == 40).await;
    capturing.following("product-events@1").await;
    assert_eq!(replayed(&capturing.events("product-events@1").await).len(), 24);

    // All of the newest are gone at once: an older database answers.
    let more: Vec<i64> = (100..=145).map(|number| new_product(&bench, &format!("NEW-{number}"))).collect();
    call(&bench, "product.product", "unlink", &[json!(ids[40..])]);
    until(async || capturing.events_of("product-events@1", ".created").await.len() == 64 + 46).await;
    let told = capturing.events_of("product-events@1", ".deleted").await.len();
    call(&bench, "product.product", "unlink", &[json!(more)]);
    until(async || paused().await.is_some()).await;
    assert_eq!(paused().await.unwrap().code, "FAB5140");
    assert!(capturing.events_of("product-events@1", ".deleted").await.len() - told <= 20);
    capturing.store.resume_capture(&interface, CaptureStage::Baseline, word).await.unwrap();
    capturing.following("product-events@1").await;
    assert!(capturing.events_of("product-events@1", ".deleted").await.len() - told <= 20);
    capturing.end().await;
}

/// Another database answers, in which an id that is known was given again: nothing is told of it, not even what a hint names, until
/// a person has looked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_was_given_again_is_a_database_that_was_put_back() {
    let bench = Bench::new().await;
    let first = Capturing::start(&bench, "a", capturing(&bench.factory.odoo_url(), &[])).await;
    first.following("product-events@1").await;
    let id = new_product(&bench, "NEW-1");
    until(async || first.events("product-events@1").await.iter().any(|event| event["data"]["code"] == "NEW-1")).await;
    let told = first.events("product-events@1").await.len();
    first.end().await;

    // Its records were made in other seconds.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let restored = Bench::new().await;
    assert_eq!(new_product(&restored, "OTHER-1"), id);
    bench.store().await.hint_capture(&"odoo".parse().unwrap(), "product.product", id).await.unwrap();
    let second = Capturing::start(&bench, "b", capturing(&restored.factory.odoo_url(), &[])).await;
    until(async || second.paused("product.product").await.is_some()).await;
    let why = second.paused("product.product").await.unwrap();
    assert_eq!(why.code, "FAB5140");
    assert!(why.because.contains("was made at"), "{}", why.because);
    assert_eq!(second.events("product-events@1").await.len(), told);
    // After their word the ids are what they are now.
    let word = Word { by: "m.ops", because: "restored on purpose" };
    second.store.resume_capture(&"product-events@1".parse().unwrap(), CaptureStage::Baseline, word).await.unwrap();
    second.following("product-events@1").await;
    new_product(&restored, "OTHER-2");
    until(async || second.events("product-events@1").await.len() == told + 1).await;
    second.end().await;
}

/// What was made after the backup is gone, and nothing else tells that the database is an older one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_made_last_is_not_deleted_all_at_once() {
    let bench = Bench::new().await;
    let fabric =
        capturing(&bench.factory.odoo_url(), &[("poll: 200ms, overlap: 4s, rec", "poll: 1h, overlap: 4s, rec")]);
    let capturing = Capturing::start(&bench, "a", fabric).await;
    capturing.following("product-events@1").await;
    let ids: Vec<i64> = (1..=40).map(|number| new_product(&bench, &format!("NEW-{number}"))).collect();
    until(async || capturing.events_of("product-events@1", ".created").await.len() == 44).await;
    call(&bench, "product.product", "unlink", &[json!(ids[25..])]);
    for id in &ids[25..] {
        capturing.engine.hint(&"odoo".parse().unwrap(), "product.product", *id).await.unwrap();
    }
    until(async || capturing.paused("product.product").await.is_some()).await;
    let why = capturing.paused("product.product").await.unwrap();
    assert_eq!(why.code, "FAB5140", "{}", why.because);
    assert!(capturing.events_of("product-events@1", ".deleted").await.is_empty());
    capturing.end().await;
}

/// A method called over the network, where faults strike.
fn over_the_network(url: &str, method: &str, args: &Value) {
    let address = url.strip_prefix("http://").unwrap();
    let ask = |service: &str, method: &str, args: Value| {
        let params = json!({"service": service, "method": method, "args": args});
        let body = json!({"jsonrpc": "2.0", "method": "call", "id": 1, "params": params}).to_string();
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!("POST /jsonrpc HTTP/1.0\r\nhost: {address}\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].clone()
    };
    let user = ask("common", "login", json!(["velo", "admin", "admin"]));
    ask("object", "execute_kw", json!(["velo", user, "admin", "product.product", method, args, {}]));
}

/// A transaction that is committed after others which began later: its records carry the second in which it began, and stand behind what
/// was seen meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_long_transaction_wrote_is_told_though_newer_records_were_seen_before() {
    let bench = Bench::new().await;
    let capturing = Capturing::start(&bench, "a", capturing(&bench.factory.odoo_url(), &[])).await;
    let late = new_product(&bench, "LATE");
    let subject = json!(format!("odoo-{late}"));
    let of_late = async |fact: &str| {
        let events = capturing.events_of("product-events@1", fact).await;
        events.into_iter().filter(|event| event["subject"] == subject).collect::<Vec<_>>()
    };
    until(async || of_late(".created").await.len() == 1).await;
    let hang = FaultKind::Hang { answer_after: Duration::from_secs(3), commit: CommitAt::After };
    bench.factory.odoo.inject(Fault::once(hang, "product.product", "write"));
    let (url, args) = (bench.factory.odoo_url(), json!([[late], {"name": "late"}]));
    let writing = tokio::task::spawn_blocking(move || over_the_network(&url, "write", &args));
    let mut newer = 0;
    while !writing.is_finished() {
        newer += 1;
        new_product(&bench, &format!("NEW-{newer}"));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    writing.await.unwrap();
    until(async || of_late(".changed").await.iter().any(|event| event["data"]["name"] == "late")).await;
    assert_eq!(of_late(".changed").await.len(), 1, "once");
    until(async || {
        let told = replayed(&capturing.events("product-events@1").await);
        told.values().filter(|object| object["code"].as_str().unwrap().starts_with("NEW-")).count() == newer
    })
    .await;
    capturing.end().await;
}

/// What Selvage itself wrote is known, and makes no event; where it is declared so, it does, with its operation as the cause.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_selvage_wrote_does_not_echo_unless_it_shall() {
    for (declared, told) in [("overlap: 4s}", 0), ("overlap: 4s, own_writes: told}", 1)] {
        let bench = Bench::new().await;
        let changes =
            [("record: mrp.production, poll: 200ms, overlap: 4s}", "record: mrp.production, poll: 5s, overlap: 4s}")];
        let fabric = capturing(
            &bench.factory.odoo_url(),
            &[changes[0], ("poll: 5s, overlap: 4s}", &format!("poll: 5s, {declared}"))],
        );
        let capturing = Capturing::start(&bench, "a", fabric).await;
        capturing.following("order-events@1").await;
        let (_, made) = done(capturing.engine.execute(create("key-1", "shop-1")).await);
        let id: i64 = made["id"].as_str().unwrap().strip_prefix("odoo-").unwrap().parse().unwrap();
        until(async || {
            let captures = capturing.store.captures().await.unwrap();
            let of = captures.iter().find(|of| of.record == "mrp.production").unwrap().id;
            !capturing.store.captured(of, &[id]).await.unwrap().is_empty()
        })
        .await;
        done(capturing.engine.execute(verb(Operation::Release, id, "key-2", json!({}))).await);
        // Somebody else's order is told in any case.
        let other = bench.order_in(1, "draft");
        call(&bench, "mrp.production", "action_confirm", &[json!([other])]);
        let subject = json!(format!("odoo-{other}"));
        until(async || {
            let events = capturing.events("order-events@1").await;
            events.iter().any(|event| event["subject"] == subject)
        })
        .await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let events = capturing.events_of("order-events@1", ".released").await;
        let own: Vec<&Value> = events.iter().filter(|event| event["subject"] == json!(format!("odoo-{id}"))).collect();
        assert_eq!(own.len(), told, "{events:#?}");
        for event in own {
            assert!(event["causationid"].as_str().is_some_and(|cause| !cause.is_empty()), "{event:#}");
        }
        capturing.end().await;
    }
}

/// What it leads to has no key that anybody could know it by: somebody has to mend that, and it is told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_leads_nowhere_is_parked_for_its_reference() {
    let bench = Bench::new().await;
    let capturing = Capturing::start(&bench, "a", capturing(&bench.factory.odoo_url(), &[])).await;
    capturing.following("order-events@1").await;
    let made = |made: Value| made.as_i64().or_else(|| made[0].as_i64()).unwrap();
    let nameless = made(call(&bench, "product.product", "create", &[json!([{"name": "Nameless"}])]));
    let order = json!([{"product_id": nameless, "product_qty": 1}]);
    let order = made(call(&bench, "mrp.production", "create", &[order]));
    let parked = async || {
        let records = capturing.store.chosen_records(&LaneChoice::default()).await.unwrap();
        let of_orders = records.into_iter().filter(|it| it.interface.to_string() == "order-events@1");
        of_orders.map(|it| (it.parked.record, it.parked.code, it.parked.cause)).collect::<Vec<_>>()
    };
    until(async || !parked().await.is_empty()).await;
    assert_eq!(parked().await, [(order, "FAB3102".to_owned(), Cause::Reference)]);
    call(&bench, "product.product", "write", &[json!([nameless]), json!({"default_code": "NAMED-1"})]);
    call(&bench, "mrp.production", "write", &[json!([order]), json!({"origin": "named"})]);
    until(async || parked().await.is_empty()).await;
    capturing.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_names_the_release_that_it_was_made_under() {
    let bench = Bench::new().await;
    let fabric = capturing(&bench.factory.odoo_url(), &[]);
    let capturing = Capturing::start(&bench, "node-a", Arc::clone(&fabric)).await;
    capturing.following("product-events@1").await;
    let of = async |code: &str| {
        let mut events = capturing.events_of("product-events@1", ".created").await;
        events.retain(|event| event["data"]["code"] == code);
        events
    };
    for (code, release) in [("ONE", "rel_1"), ("TWO", "rel_2")] {
        capturing.engine.activate_release(Arc::clone(&fabric), release).unwrap();
        new_product(&bench, code);
        until(async || !of(code).await.is_empty()).await;
    }
    assert_eq!((&of("ONE").await[0]["release"], &of("TWO").await[0]["release"]), (&json!("rel_1"), &json!("rel_2")));
    capturing.end().await;
}
