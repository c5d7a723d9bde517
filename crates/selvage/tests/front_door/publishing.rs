//! Events come in over HTTP: taken in three modes, held to their contract and to the grant, acknowledged once they are in the log.

use reqwest::{Client, RequestBuilder, StatusCode};
use selvage_log::{EventLog as _, SqlLog};
use selvage_model::cloud_event::CloudEvent;
use selvage_model::event::Position;
use selvage_store::{ReadLimit, Store};
use serde_json::{Value, json};

use crate::fixture::{Place, Served, eventually, selvage, stdout};

pub(crate) const STRUCTURED: &str = "application/cloudevents+json";
pub(crate) const BATCH: &str = "application/cloudevents-batch+json";

pub(crate) struct Line {
    pub(crate) place: Place,
    pub(crate) store: Vec<String>,
    pub(crate) served: Served,
    key: String,
    pub(crate) client: Client,
}

impl Line {
    async fn new() -> Self {
        Self::of(Place::new().await)
    }

    pub(crate) fn of(place: Place) -> Self {
        let store = place.data();
        let key = place.key(&store, "mes-ghent");
        let served = place.serve(&store, &[]);
        Self { place, store, served, key, client: Client::new() }
    }

    fn post(&self) -> RequestBuilder {
        let address = format!("{}/machine-states/v1/events", self.served.base);
        self.client.post(address).bearer_auth(&self.key)
    }

    /// Sends; a node whose log is just being opened asks to be asked again.
    pub(crate) async fn send(&self, media_type: &str, body: &Value) -> (StatusCode, Value) {
        eventually("the log is open", || async {
            let request = self.post().header("content-type", media_type).body(body.to_string());
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let told: Value = answer.json().await.unwrap();
            (status != StatusCode::SERVICE_UNAVAILABLE).then_some((status, told))
        })
        .await
    }

    /// Everything that the log holds, once the node has ended.
    pub(crate) async fn held(self) -> Vec<(String, String, CloudEvent)> {
        let Self { place, served, .. } = self;
        drop(served);
        let store = Store::open(&format!("sqlite:{}", place.path("data/selvage.db").display())).await.unwrap();
        let log = SqlLog::new(store, Some(&place.path("data/selvage.marks"))).unwrap();
        let stream = "machine-states@1".parse().unwrap();
        log.open(&stream).await.unwrap();
        let batch = log.read(&stream, Position::START, ReadLimit { records: 500, bytes: 8_000_000 }).await.unwrap();
        let held = batch.records.into_iter();
        held.map(|record| {
            let event = CloudEvent::from_record(&record.body).unwrap();
            assert_eq!(event.record_id().unwrap(), record.id);
            (record.position.to_string(), record.lane.to_string(), event)
        })
        .collect()
    }
}

pub(crate) fn event(id: &str, machine: &str) -> Value {
    json!({
        "specversion": "1.0",
        "id": id,
        "source": "/mes-ghent/line-3",
        "type": "manufacturing.machine.stopped",
        "data": {"machine": machine, "site": "ghent", "state": "stopped", "cause": "fault", "since": "2026-11-26T06:30:00Z"},
    })
}

pub(crate) fn with(pointer: &str, value: Value) -> Value {
    let mut event = event("w", "press-4");
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    event.pointer_mut(parent).unwrap()[name] = value;
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_taken_in_three_modes_and_kept_once() {
    let line = Line::new().await;
    let (status, told) = line.send(STRUCTURED, &event("a", "press-4")).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{told}");
    let first = json!({"id": "a", "position": "1-1", "sequence": "0001000000000000001", "known": false});
    assert_eq!(told, json!({"events": [first]}));
    let batch = json!([event("b", "press-5"), event("a", "press-4"), event("c", "press-4")]);
    let (status, told) = line.send(BATCH, &batch).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{told}");
    let positions: Vec<(&str, bool)> = told["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["position"].as_str().unwrap(), event["known"].as_bool().unwrap()))
        .collect();
    assert_eq!(positions, [("1-2", false), ("1-1", true), ("1-3", false)]);
    let binary = line
        .post()
        .header("content-type", "application/json")
        .header("ce-specversion", "1.0")
        .header("ce-id", "d")
        .header("ce-source", "/mes-ghent/line-3")
        .header("ce-type", "manufacturing.machine.started")
        .header("ce-subject", "press%204")
        .header("correlation-id", "shift-7")
        .body(
            json!({"machine": "press-4", "site": "ghent", "state": "running", "since": "2026-11-26T06:31:00Z"})
                .to_string(),
        );
    let answer = binary.send().await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()["correlation-id"]),
        (StatusCode::ACCEPTED, &"shift-7".parse().unwrap())
    );
    let (status, told) = line.send(STRUCTURED, &event("a", "press-4")).await;
    assert_eq!((status, &told["events"][0]["known"]), (StatusCode::OK, &json!(true)), "a repeated event is no other");
    assert_eq!(line.send(BATCH, &json!([])).await.0, StatusCode::OK);

    let held = line.held().await;
    let seen: Vec<(&str, &str)> = held.iter().map(|(at, lane, _)| (at.as_str(), lane.as_str())).collect();
    assert_eq!(seen, [("1-1", "press-4"), ("1-2", "press-5"), ("1-3", "press-4"), ("1-4", "press-4")]);
    let last = &held[3].2;
    assert_eq!((last.subject.as_deref(), last.correlation.as_deref()), (Some("press 4"), Some("shift-7")));
    assert!(last.time.is_some() && last.release.as_ref().is_some_and(|release| release.starts_with("rel_")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_says_where_and_leaves_nothing() {
    let line = Line::new().await;
    let large = with("/note", json!("x".repeat(1_000_001)));
    let table: Vec<(&str, Value, u16, &str, &str)> = vec![
        (STRUCTURED, json!([]), 400, "FAB4182", ""),
        (STRUCTURED, with("/id", Value::Null), 400, "FAB4182", "/id"),
        (STRUCTURED, with("/specversion", json!("0.3")), 400, "FAB4182", "/specversion"),
        (STRUCTURED, with("/datacontenttype", json!("text/xml")), 400, "FAB4182", "/datacontenttype"),
        (BATCH, json!([event("x", "p"), with("/source", json!("a b"))]), 400, "FAB4182", "/1/source"),
        (BATCH, event("x", "p"), 400, "FAB4182", ""),
        ("application/json", event("x", "p"), 415, "FAB4183", ""),
        (BATCH, Value::Array((0..501).map(|n| event(&n.to_string(), "p")).collect()), 413, "FAB4184", ""),
        (STRUCTURED, with("/type", json!("manufacturing.machine.moved")), 422, "FAB5051", "/type"),
        (STRUCTURED, with("/data/machine", Value::Null), 422, "FAB5051", "/data/machine"),
        (STRUCTURED, with("/partitionkey", json!("press-9")), 422, "FAB5051", "/partitionkey"),
        (BATCH, json!([event("x", "p"), event("x", "p")]), 422, "FAB5051", "/1/id"),
        (STRUCTURED, with("/data/site", json!("brno")), 403, "FAB5011", "/data/site"),
        (STRUCTURED, with("/data/state", json!("broken")), 422, "FAB5050", "/data/state"),
        (STRUCTURED, with("/data/colour", json!("red")), 422, "FAB5050", "/data/colour"),
        (BATCH, json!([event("x", "p"), with("/data/since", json!("now"))]), 422, "FAB5050", "/1/data/since"),
        (STRUCTURED, large, 413, "FAB7011", ""),
    ];
    for (media_type, body, status, code, pointer) in table {
        let (answered, problem) = line.send(media_type, &body).await;
        let shown = body.to_string().chars().take(300).collect::<String>();
        assert_eq!((answered.as_u16(), problem["code"].as_str()), (status, Some(code)), "{shown}: {problem}");
        let at = problem["errors"][0]["pointer"].as_str().unwrap_or_default();
        assert_eq!(at, pointer, "{shown}: {problem}");
    }
    let twice = r#"{"specversion": "1.0", "id": "1", "id": "2", "source": "/a", "type": "t"}"#;
    let answer = line.post().header("content-type", STRUCTURED).body(twice).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "an object that has a key twice can be read in two ways");
    let address = format!("{}/machine-states/v1/events", line.served.base);
    assert_eq!(line.client.get(&address).bearer_auth(&line.key).send().await.unwrap().status().as_u16() / 100, 4);
    let board = line.place.key(&line.store, "shop-floor-board");
    eventually("who has no grant is told so", || async {
        let others = line.client.post(&address).bearer_auth(&board).header("content-type", STRUCTURED);
        let status = others.body(event("x", "p").to_string()).send().await.unwrap().status();
        (status == StatusCode::FORBIDDEN).then_some(())
    })
    .await;
    let found = eventually("what did not fit is counted", || async {
        let mut arguments = vec!["violations", "machine-states@1"];
        arguments.extend(line.store.iter().map(String::as_str));
        let text = stdout(&selvage(&arguments));
        ["/data/state", "/*/data/since", "/type"].iter().all(|field| text.contains(field)).then_some(text)
    })
    .await;
    assert!(found.contains("mes-ghent"), "{found}");
    assert_eq!(line.held().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_of_one_event_for_ever() {
    let line = Line::new().await;
    assert_eq!(line.send(STRUCTURED, &event("a", "press-4")).await.0, StatusCode::ACCEPTED);
    let other = json!([event("b", "press-4"), event("a", "press-5")]);
    let (status, problem) = line.send(BATCH, &other).await;
    assert_eq!((status, problem["code"].as_str()), (StatusCode::CONFLICT, Some("FAB5052")), "{problem}");
    assert_eq!(problem["errors"][0]["pointer"], "/1/id");
    let held = line.held().await;
    assert_eq!(held.iter().map(|(_, _, event)| event.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_only_reported_is_kept_and_counted() {
    let place = Place::new().await;
    place.edit("interfaces.yaml", "lane: data.machine", "lane: data.machine\nvalidation: {request: report}");
    let line = Line::of(place);
    let (status, told) = line.send(STRUCTURED, &with("/data/state", json!("broken"))).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{told}");
    eventually("it is counted", || async {
        let mut arguments = vec!["violations", "machine-states@1"];
        arguments.extend(line.store.iter().map(String::as_str));
        stdout(&selvage(&arguments)).contains("/data/state").then_some(())
    })
    .await;
    assert_eq!(line.held().await.len(), 1);
}

/// INVARIANT: DURABLE-ACK
#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_event_survives_a_kill() {
    let mut line = Line::new().await;
    assert_eq!(line.send(STRUCTURED, &event("a", "press-4")).await.0, StatusCode::ACCEPTED);
    line.served.process.kill();
    assert_eq!(line.held().await.len(), 1);
}

/// `data.id` is which record it is, also where the object has no attribute of that name.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_without_an_id_is_ordered_by_its_identity() {
    let place = Place::new().await;
    place.edit("interfaces.yaml", "lane: data.machine", "lane: data.id");
    let line = Line::of(place);
    let mut of_row = event("b", "press-5");
    of_row["partitionkey"] = json!("row-2");
    let (status, told) = line.send(BATCH, &json!([event("a", "press-4"), of_row])).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{told}");
    let held = line.held().await;
    assert_eq!(held.iter().map(|(_, lane, _)| lane.as_str()).collect::<Vec<_>>(), ["press-4", "row-2"]);
}
