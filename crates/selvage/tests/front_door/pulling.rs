//! Events are pulled over HTTP: pages, waiting, a stream that goes on where it was, turns of groups; each consumer by its grant, for
//! as long as the grant lasts.

use std::time::{Duration, Instant};

use jiff::{Timestamp, ToSpan as _};
use reqwest::{Client, Response, StatusCode};
use selvage_store::Store;
use serde_json::{Value, json};

use crate::fixture::{Place, Served, eventually, selvage, stdout};

pub(crate) const READS: &str = "kind: Grant
consumer: shop-floor-board
interface: machine-states@1
operations: [read]
where: {site: ghent}
except: [cause]
purpose: Shows which machines stand still
until: 2028-06-30T18:00+02:00
---
kind: Consumer
name: planning
";

struct Board {
    place: Place,
    store: Vec<String>,
    served: Served,
    mes: String,
    key: String,
    client: Client,
}

impl Board {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    /// One whose node follows its manifests.
    async fn watching() -> Self {
        Self::with(&["--watch"]).await
    }

    async fn with(more: &[&str]) -> Self {
        let place = Place::new().await;
        place.edit("consumers.yaml", "kind: Consumer\nname: planning\n", READS);
        let store = place.data();
        let (mes, key) = (place.key(&store, "mes-ghent"), place.key(&store, "shop-floor-board"));
        let served = place.serve(&store, more);
        Self { place, store, served, mes, key, client: Client::new() }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/machine-states/v1/{path}", self.served.base)
    }

    /// Publishes; a node whose log is just being opened asks to be asked again.
    async fn happens(&self, id: &str, machine: &str) {
        let event = json!({
            "specversion": "1.0",
            "id": id,
            "source": "/mes-ghent/line-3",
            "type": "manufacturing.machine.stopped",
            "data": {"machine": machine, "site": "ghent", "state": "stopped", "cause": "fault", "since": "2026-11-26T06:30:00Z"},
        });
        eventually("the log is open", || async {
            let request = self.client.post(self.url("events")).bearer_auth(&self.mes);
            let request = request.header("content-type", "application/cloudevents+json").body(event.to_string());
            (request.send().await.unwrap().status() == StatusCode::ACCEPTED).then_some(())
        })
        .await;
    }

    async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).bearer_auth(&self.key).send().await.unwrap()
    }

    async fn page(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.unwrap()
    }

    async fn group(&self, path: &str, body: Value) -> (u16, Value) {
        let request =
            self.client.post(self.url(path)).bearer_auth(&self.key).header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
    }

    /// Deprecates what is pulled, with this beside.
    fn deprecate(&self, more: &str) {
        let active = "in Ghent tell.\nlifecycle: active\n";
        let deprecated = format!(
            "in Ghent tell.\nlifecycle: deprecated\ndeprecation: {{since: 2026-09-01, sunset: 2099-01-01, {more}}}\n"
        );
        self.place.edit("interfaces.yaml", active, &deprecated);
    }

    async fn asked_to_stream(&self, last: Option<&str>) -> Response {
        let request = self.client.get(self.url("events")).bearer_auth(&self.key).header("accept", "text/event-stream");
        let request = last.into_iter().fold(request, |request, last| request.header("last-event-id", last));
        request.send().await.unwrap()
    }

    async fn stream(&self, last: Option<&str>) -> Response {
        let answer = self.asked_to_stream(last).await;
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        answer
    }

    fn revoke(&self) {
        let id = self.id("key", &["shop-floor-board"]);
        self.well(&["key", "revoke", &id, "--because", "a test"]);
    }

    /// The first id that a command lists in a line with all of these.
    fn id(&self, noun: &str, with: &[&str]) -> String {
        let listed = self.well(&[noun, "list"]);
        let line = listed.lines().find(|line| with.iter().all(|one| line.contains(one))).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    }

    fn well(&self, arguments: &[&str]) -> String {
        let all: Vec<&str> = arguments.iter().copied().chain(self.store.iter().map(String::as_str)).collect();
        let output = selvage(&all);
        assert!(output.status.success(), "{all:?}: {}", String::from_utf8_lossy(&output.stderr));
        stdout(&output)
    }
}

fn ids(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap()).collect()
}

/// What a stream says until it has said this.
async fn said(stream: &mut Response, what: &str) -> String {
    let mut text = String::new();
    while !text.contains(what) {
        let chunk = tokio::time::timeout(Duration::from_secs(30), stream.chunk()).await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_pulled_page_by_page_and_waited_for() {
    let board = Board::new().await;
    for (id, machine) in [("a", "press-4"), ("b", "press-5"), ("c", "press-4")] {
        board.happens(id, machine).await;
    }
    let answer = board.get("events?limit=2").await;
    let link = answer.headers()["link"].to_str().unwrap().to_owned();
    assert_eq!(link, "</machine-states/v1/events?after=1-2&limit=2>; rel=\"next\"");
    let first: Value = answer.json().await.unwrap();
    assert_eq!((ids(&first), &first["next"], &first["head"]), (vec!["a", "b"], &json!("1-2"), &json!("1-3")));
    let event = &first["items"][0];
    assert_eq!((&event["sequence"], &event["partitionkey"]), (&json!("0001000000000000001"), &json!("press-4")));
    assert!(
        event["data"].get("cause").is_none() && event["data"]["site"] == "ghent",
        "the grant leaves it out: {event}"
    );
    assert_eq!(ids(&board.page("events?after=1-2").await), ["c"]);
    assert_eq!(ids(&board.page("events?after=0001000000000000002").await), ["c"], "a sequence is a position, too");
    assert_eq!(ids(&board.page("events?limit=1&types=manufacturing.machine.stopped").await), ["a"]);
    // Who asks for another by mistake would walk past everything.
    let unknown = board.get("events?types=manufacturing.machine.stoped").await;
    assert_eq!(unknown.status(), StatusCode::BAD_REQUEST);
    let unknown: Value = unknown.json().await.unwrap();
    assert_eq!(
        (&unknown["code"], &unknown["errors"][0]["parameter"]),
        (&json!("FAB4220"), &json!("types")),
        "{unknown:#}"
    );
    let began = Instant::now();
    let (waited, ()) = tokio::join!(board.page("events?after=1-3&wait=30s"), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        board.happens("d", "press-4").await;
    });
    assert_eq!(ids(&waited), ["d"]);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    for (path, status, code) in [
        ("events?after=x", 400, "FAB4220"),
        ("events?limit=0", 400, "FAB4220"),
        ("events?cursor=1", 400, "FAB4220"),
        ("events?after=1-99", 409, "FAB7015"),
    ] {
        let answer = board.get(path).await;
        assert_eq!(answer.status().as_u16(), status, "{path}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["code"], code, "{path}: {problem}");
    }
    let publisher = board.client.get(board.url("events")).bearer_auth(&board.mes).send().await.unwrap();
    assert_eq!(publisher.status(), StatusCode::FORBIDDEN, "who may publish may not read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_where_it_was() {
    let board = Board::new().await;
    board.happens("a", "press-4").await;
    let mut stream = board.stream(None).await;
    let first = said(&mut stream, "\n\n").await;
    assert!(
        first.starts_with("id: 1-1\ndata: {\"specversion\":\"1.0\",\"id\":\"a\"") && !first.contains("cause"),
        "{first}"
    );
    board.happens("b", "press-5").await;
    assert!(said(&mut stream, "\n\n").await.starts_with("id: 1-2\ndata: "));
    drop(stream);
    board.happens("c", "press-4").await;
    let mut stream = board.stream(Some("1-2")).await;
    assert!(said(&mut stream, "\n\n").await.starts_with("id: 1-3\ndata: "), "it goes on behind what was had");
    assert!(said(&mut stream, "\n\n").await.starts_with(":\nid: 1-3\n"), "it says that it is alive, and where it is");
}

/// INVARIANT: REVOKED-NOW
#[tokio::test(flavor = "multi_thread")]
async fn what_is_pulled_ends_with_the_right_to_it() {
    let board = Board::new().await;
    board.happens("a", "press-4").await;
    let mut stream = board.stream(None).await;
    said(&mut stream, "\n\n").await;
    let waiting = board.get("events?after=1-1&wait=60s");
    let ending = async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        tokio::task::block_in_place(|| board.revoke());
        let revoked = Instant::now();
        while let Ok(Some(_)) = stream.chunk().await {}
        revoked
    };
    let (answer, revoked) = tokio::join!(waiting, ending);
    assert!(revoked.elapsed() < Duration::from_secs(5), "{:?}", revoked.elapsed());
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_group_take_turns() {
    let board = Board::new().await;
    for id in ["a", "b", "c"] {
        board.happens(id, "press-4").await;
    }
    let lease = |member: &str| json!({"member": member, "lease": "60s"});
    let (status, turn) = board.group("groups/boards/lease", lease("hall-1")).await;
    assert_eq!((status, &turn["position"], &turn["head"]), (200, &json!("0-0"), &json!("1-3")), "{turn}");
    let (status, held) = board.group("groups/boards/lease", lease("hall-2")).await;
    assert_eq!((status, &held["code"]), (409, &json!("FAB4221")), "{held}");
    let events = board.page("events?after=0-0&limit=2").await;
    let commit = |position: &Value| json!({"fence": turn["fence"], "position": position, "lease": "0s"});
    assert_eq!(board.group("groups/boards/commit", commit(&events["next"])).await.0, 204);
    let (status, next) = board.group("groups/boards/lease", lease("hall-2")).await;
    assert_eq!((status, &next["position"]), (200, &json!("1-2")), "{next}");
    let (status, late) = board.group("groups/boards/commit", commit(&json!("1-3"))).await;
    assert_eq!((status, &late["code"]), (409, &json!("FAB4222")), "{late}");
    for (path, body) in [("groups/Boards/lease", lease("a")), ("groups/boards/lease", json!({"member": "a"}))] {
        let (status, problem) = board.group(path, body).await;
        assert_eq!((status, &problem["code"]), (400, &json!("FAB4220")), "{problem}");
    }
    let forget = || board.client.delete(board.url("groups/boards")).bearer_auth(&board.key).send();
    assert_eq!(forget().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(forget().await.unwrap().status(), StatusCode::NOT_FOUND);
}

/// INVARIANT: LIVE-LIFECYCLE
#[tokio::test(flavor = "multi_thread")]
async fn in_a_brownout_nothing_is_pulled_and_positions_are_kept() {
    let board = Board::watching().await;
    board.happens("a", "press-4").await;
    let mut stream = board.stream(None).await;
    said(&mut stream, "\n\n").await;
    // The window begins while both wait: by the clock, whenever the node took the manifest.
    let now = Timestamp::now();
    let window = |from: Timestamp, to: Timestamp| format!("brownouts: [{{from: \"{from:.0}\", to: \"{to:.0}\"}}]");
    let on = window(now + 4.seconds(), now + 1.hours());
    let waiting = board.get("events?after=1-1&wait=60s");
    let ending = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        board.deprecate(&on);
        let mut text = String::new();
        while let Some(chunk) = stream.chunk().await.unwrap() {
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        text
    };
    let (answer, text) = tokio::join!(waiting, ending);
    let reason = text.split("event: problem\n").nth(1).unwrap_or_else(|| panic!("{text}"));
    assert!(reason.starts_with("id: 1-1\nretry: ") && reason.contains("FAB7153"), "{text}");
    let refused = async |answer: Response| {
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let retry: u64 = header("retry-after").unwrap().parse().unwrap();
        assert!(retry > 3_000 && retry <= 3_601, "{retry}");
        let status = answer.status();
        let problem: Value = answer.json().await.unwrap();
        assert_eq!((status, &problem["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("FAB7153")), "{problem}");
    };
    refused(answer).await;
    refused(board.get("events?after=1-1").await).await;
    refused(board.asked_to_stream(Some("1-1")).await).await;
    let (status, problem) = board.group("groups/boards/lease", json!({"member": "hall-1", "lease": "60s"})).await;
    assert_eq!((status, &problem["code"]), (503, &json!("FAB7153")), "{problem}");
    let metrics = Client::new().get(&board.served.metrics).send().await.unwrap().text().await.unwrap();
    let answers =
        metrics.lines().filter(|it| it.starts_with("selvage_gateway_requests_total{interface=\"machine-states@1\""));
    let mut of_reads = answers.filter(|it| it.contains("operation=\"read\""));
    assert!(of_reads.any(|it| it.contains("status=\"planned\"")), "what is planned is no failure: {metrics}");
    assert!(!metrics.contains("consumer=\"shop-floor-board\",operation=\"read\",status=\"5xx\""), "{metrics}");

    board.place.edit("interfaces.yaml", &on, &window(now - 2.hours(), now - 1.hours()));
    board.happens("b", "press-5").await;
    let goes_on =
        || async { Some(board.asked_to_stream(Some("1-1")).await).filter(|it| it.status() == StatusCode::OK) };
    let mut stream = eventually("the window is over", goes_on).await;
    assert!(said(&mut stream, "\n\n").await.starts_with("id: 1-2\ndata: "), "nothing was passed over");
    assert_eq!(ids(&board.page("events?after=1-1").await), ["b"]);
}

/// Where a grant ends, retention waits for its groups no longer, and a new grant revives none of them in silence.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_ends_with_its_grant_and_a_new_one_says_so() {
    let board = Board::watching().await;
    for id in ["a", "b", "c"] {
        board.happens(id, "press-4").await;
    }
    let lease = || json!({"member": "hall-1", "lease": "60s", "start": "newest"});
    let oldest = json!({"member": "hall-1", "lease": "60s"});
    let (_, turn) = board.group("groups/boards/lease", oldest).await;
    let commit = json!({"fence": turn["fence"], "position": "1-2"});
    assert_eq!(board.group("groups/boards/commit", commit.clone()).await.0, 204);
    let readers = || board.well(&["events", "readers", "machine-states@1"]);
    assert!(readers().contains("group/shop-floor-board/boards") && readers().contains("reads"), "{}", readers());
    let grant = board.id("grant", &["shop-floor-board", "machine-states@1"]);
    board.well(&["grant", "end", &grant, "--because", "the boards go"]);
    assert!(readers().contains("ended at") && readers().contains("its grant has ended"), "{}", readers());
    let listed: Value =
        serde_json::from_str(&board.well(&["events", "readers", "machine-states@1", "--json"])).unwrap();
    assert_eq!((&listed[0]["state"], &listed[0]["position"]), (&json!("ended"), &json!("1-2")), "{listed}");
    let ledger = board.well(&["ledger", "list"]);
    assert!(ledger.contains("group.ended"), "{ledger}");

    // What ended stays ended; other terms are another grant.
    board.place.edit("consumers.yaml", "Shows which machines stand still", "Shows again which machines stand still");
    let begun = eventually("a new grant opens it", || async {
        let (status, turn) = board.group("groups/boards/lease", lease()).await;
        (status == 200).then_some(turn)
    })
    .await;
    assert_eq!((&begun["position"], &begun["ended"]["position"]), (&json!("1-3"), &json!("1-2")), "{begun}");
    assert_eq!(begun["ended"]["because"], "its grant has ended");
    let (status, late) = board.group("groups/boards/commit", commit).await;
    assert_eq!((status, &late["code"]), (409, &json!("FAB4222")), "a turn of before moves nothing: {late}");
    let commit = json!({"fence": begun["fence"], "position": "1-3"});
    assert_eq!(board.group("groups/boards/commit", commit).await.0, 204);
    assert!(board.group("groups/boards/lease", lease()).await.1.get("ended").is_none());
}

/// Nobody probes who pulls. INVARIANT: DECLARED
#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_is_pulled_is_active_at_once() {
    let board = Board::watching().await;
    let place = &board.place;
    place.edit("consumers.yaml", "operations: [read]", "operations: [read, subscribe]");
    let asks = "kind: Subscription
consumer: shop-floor-board
interface: machine-states@1
events: [manufacturing.machine.stopped]
lag: 1s
";
    std::fs::write(place.fabric().join("pulled.yaml"), asks).unwrap();
    let listed = eventually("it is asked for", || async {
        Some(board.well(&["subscriptions", "list"])).filter(|listed| listed.contains("shop-floor-board/"))
    })
    .await;
    assert!(listed.contains("active") && listed.contains("pulled"), "{listed}");
    let shown = board.well(&["subscriptions", "show", "shop-floor-board/machine-states-v1"]);
    assert!(shown.contains("state      active") && shown.contains("its consumer keeps how far it is"), "{shown}");

    // How late it is is known where it commits.
    board.happens("a", "press-4").await;
    let (_, turn) = board.group("groups/boards/lease", json!({"member": "hall-1", "lease": "60s"})).await;
    let of = "selvage_delivery_lag_seconds{subscription=\"shop-floor-board/machine-states-v1\"} ";
    let lag = async || -> Option<f64> {
        let address = format!("{}/metrics", board.served.metrics.trim_end_matches("/metrics"));
        let text = board.client.get(address).send().await.unwrap().text().await.unwrap();
        text.lines().find_map(|line| line.strip_prefix(of)).map(|lag| lag.parse().unwrap())
    };
    eventually("it is late", || async { lag().await.filter(|lag| *lag > 1.0) }).await;
    let commit = json!({"fence": turn["fence"], "position": "1-1"});
    assert_eq!(board.group("groups/boards/commit", commit).await.0, 204);
    eventually("it is not late any more", || async { lag().await.filter(|lag| *lag == 0.0) }).await;
    let shown = board.well(&["subscriptions", "show", "shop-floor-board/machine-states-v1"]);
    assert!(shown.contains("1-1, by its groups; the stream ends at 1-1"), "{shown}");
}

/// A store that was put back lost what its producers had been told is safe. INVARIANT: NOTHING-LOST
#[tokio::test(flavor = "multi_thread")]
async fn who_pulls_past_what_a_restored_log_lost_is_told() {
    let mut board = Board::new().await;
    board.happens("A-1", "press-1").await;
    drop(board.served);
    let store = Store::open(&format!("sqlite:{}", board.place.path("data/selvage.db").display())).await.unwrap();
    let acknowledged = Some("1-7".parse().unwrap());
    store.open_event_stream(&"machine-states@1".parse().unwrap(), acknowledged).await.unwrap();
    store.close().await;
    board.served = board.place.serve(&board.store, &[]);
    board.happens("A-2", "press-1").await;
    let page = board.page("events?after=1-1").await;
    let lost = json!([{
        "code": "FAB7012", "after": "1-1", "until": 7, "epoch": 2,
        "detail": "`machine-states@1` lost the events after 1-1, at least up to offset 7; epoch 2 begins",
    }]);
    assert_eq!((ids(&page), &page["next"], &page["lost"]), (vec!["A-2"], &json!("2-8"), &lost));
    assert_eq!(board.page("events?after=2-8").await.get("lost"), None);
    let mut stream = board.stream(Some("1-1")).await;
    let told = said(&mut stream, "A-2").await;
    assert!(
        told.starts_with("event: lost\ndata: {\"code\":\"FAB7012\"") && told.contains("\n\nid: 2-8\ndata: "),
        "{told}"
    );
}
