//! Deliveries to a receiver that refuses, fails, is away and comes back: each lane arrives in order, what is poisoned parks its own
//! lane alone, people decide about it with a command, and a killed node's share goes on elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use selvage_log::{EventLog as _, SqlLog};
use selvage_model::cloud_event::CloudEvent;
use selvage_model::event::NewRecord;
use selvage_model::name::InterfaceRef;
use selvage_store::Store;
use serde_json::{Value, json};
use sqlx::Connection as _;

use crate::fixture::{Place, Served, eventually, selvage, selvage_with, stdout};
use crate::two_nodes::database;

const STREAM: &str = "order-facts@1";
const KIND: &str = "manufacturing.work-order.completed";
/// How long a node has a subscription without a word of it.
const LEASE: Duration = Duration::from_secs(10);
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn manifests(receiver: &str) -> String {
    format!(
        r#"
kind: Interface
name: order-facts
type: event
version: 1.0
owner: manufacturing-it
lifecycle: active
classification: {{criticality: tier-2, latency: near-real-time, recovery: {{rpo: 0s, rto: 15m}}, data: internal}}
events:
  manufacturing.work-order.completed: {{object: work-order@1, when: "before.status != 'done' && after.status == 'done'"}}
produced_by: odoo
lane: data.id
retention: {{for: 30d}}
---
kind: System
name: board
connector: http
owner: manufacturing-it
zone: cloud
environments: {{dev: {{url: "{receiver}"}}, prod: {{url: "https://board.example.com"}}}}
---
kind: Grant
consumer: mes-ghent
interface: order-facts@1
operations: [subscribe]
purpose: Shows what is finished on the boards
until: 2028-06-30T18:00+02:00
---
kind: Subscription
consumer: mes-ghent
interface: order-facts@1
events: [manufacturing.work-order.completed]
from: oldest
deliver: {{system: board, path: /hooks, signing: standard-webhooks, secret: {{secret: board/hooks}}, timeout: 2s}}
"#
    )
}

/// How the receiver answers a message of this lane.
type Mood = Arc<Mutex<Box<dyn Fn(&str) -> u16 + Send>>>;

/// What a receiver took: per lane the numbers in the order in which they came, and the message ids of each number.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) lanes: BTreeMap<String, Vec<u64>>,
    pub(crate) ids: BTreeMap<(String, u64), BTreeSet<String>>,
    probes: usize,
    unsigned: usize,
    /// The events, as they came.
    pub(crate) events: Vec<Value>,
    /// What is marked as sent again.
    pub(crate) replayed: Vec<(String, u64)>,
    /// What came with messages about the end of their interface.
    announced: BTreeSet<[Option<String>; 3]>,
}

pub(crate) struct Receiver {
    url: String,
    mood: Mood,
    pub(crate) taken: Arc<Mutex<Taken>>,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mood: Mood = Arc::new(Mutex::new(Box::new(|_| 200)));
        let taken = Arc::new(Mutex::new(Taken::default()));
        let (moods, takes) = (Arc::clone(&mood), Arc::clone(&taken));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (mood, taken) = (Arc::clone(&moods), Arc::clone(&takes));
                std::thread::spawn(move || answer(stream, &mood, &taken));
            }
        });
        Self { url, mood, taken }
    }

    pub(crate) fn answers(&self, mood: impl Fn(&str) -> u16 + Send + 'static) {
        *self.mood.lock().unwrap() = Box::new(mood);
    }

    /// What it took of a lane, what came twice counted once.
    pub(crate) fn of(&self, lane: &str) -> Vec<u64> {
        let taken = self.taken.lock().unwrap();
        let mut seen = BTreeSet::new();
        let numbers = taken.lanes.get(lane).into_iter().flatten();
        numbers.copied().filter(|number| seen.insert(*number)).collect()
    }
}

/// One request of each connection.
fn answer(mut stream: TcpStream, mood: &Mood, taken: &Mutex<Taken>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut headers = BTreeMap::new();
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) && !line.trim().is_empty() {
        if let Some((name, value)) = line.trim().split_once(": ") {
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        line.clear();
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let Ok(event) = serde_json::from_slice::<Value>(&body) else { return };
    let lane = event["partitionkey"].as_str().unwrap_or_default().to_owned();
    let status = if event["type"] == "selvage.subscription.probed" { 204 } else { (*mood.lock().unwrap())(&lane) };
    let mut taken = taken.lock().unwrap();
    taken.unsigned += usize::from(!headers.contains_key("webhook-signature"));
    if event["type"] == KIND {
        taken.announced.insert(["deprecation", "sunset", "link"].map(|name| headers.get(name).cloned()));
    }
    if event["type"] == "selvage.subscription.probed" {
        taken.probes += 1;
    } else if status == 200 {
        let number = event["data"]["number"].as_u64().unwrap();
        taken.lanes.entry(lane.clone()).or_default().push(number);
        if headers.contains_key("selvage-replay") {
            taken.replayed.push((lane.clone(), number));
        }
        taken.ids.entry((lane, number)).or_default().insert(headers["webhook-id"].clone());
        taken.events.push(event);
    }
    drop(taken);
    let later = if status == 429 { "retry-after: 3600\r\n" } else { "" };
    let _ = write!(stream, "HTTP/1.1 {status} So\r\n{later}content-length: 0\r\nconnection: close\r\n\r\n");
}

pub(crate) async fn place(receiver: &Receiver) -> Place {
    let place = Place::new().await;
    std::fs::write(place.fabric().join("deliveries.yaml"), manifests(&receiver.url)).unwrap();
    place.edit("fabric.yaml", "packs: [odoo]", "packs: [odoo]\nnetworks: [127.0.0.0/8]");
    let mut secrets = std::fs::read_to_string(place.path("secrets")).unwrap();
    secrets.push_str(&format!("board/hooks={SECRET}\n"));
    std::fs::write(place.path("secrets"), secrets).unwrap();
    place
}

/// Appends the events with these numbers to each of four lanes, as another node of the same store would.
pub(crate) async fn append(url: &str, numbers: Range<u64>) {
    append_to(url, (STREAM, KIND), &LANES, numbers).await;
}

async fn append_to(url: &str, (stream, kind): (&str, &str), lanes: &[&str], numbers: Range<u64>) {
    let store = Store::open(url).await.unwrap();
    let log = SqlLog::new(store.clone(), None).unwrap();
    let stream: InterfaceRef = stream.parse().unwrap();
    log.open(&stream).await.unwrap();
    for number in numbers {
        let record = |lane: &str| {
            let id = format!("{lane}-{number}");
            let mut event = CloudEvent::new(id, "odoo", kind);
            event.lane = Some(lane.to_owned());
            event.data = Some(json!({"id": lane, "number": number}));
            NewRecord { id: event.record_id().unwrap(), lane: lane.parse().unwrap(), body: event.record() }
        };
        log.append(&stream, lanes.iter().map(|lane| record(lane)).collect()).await.unwrap();
    }
    log.end().await;
    store.close().await;
}

pub(crate) const LANES: [&str; 4] = ["wo-1", "wo-2", "wo-3", "wo-4"];

/// Somebody who is on call, at the control API.
pub(crate) struct Operator {
    key: String,
    console: String,
}

impl Operator {
    pub(crate) fn new(place: &Place, node: &Served) -> Self {
        Self { key: run(place, &["operator", "add", "ops.desk"]).trim().to_owned(), console: node.console.clone() }
    }

    /// Asks again for a while where the node has not heard of the key yet.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        for _ in 0..50 {
            let (status, answer) = self.ask_once(method.clone(), path, body.clone()).await;
            if status != 401 {
                return (status, answer);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.ask_once(method, path, body).await
    }

    async fn ask_once(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request =
            reqwest::Client::new().request(method, format!("{}/api{path}", self.console)).bearer_auth(&self.key);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }
}

pub(crate) fn run(place: &Place, arguments: &[&str]) -> String {
    let data = place.data();
    let mut all = arguments.to_vec();
    all.extend(data.iter().map(String::as_str));
    let output = selvage(&all);
    assert!(output.status.success(), "{all:?}: {}", String::from_utf8_lossy(&output.stderr));
    stdout(&output)
}

/// A command with a key or without.
fn by(place: &Place, arguments: &[&str], key: Option<&str>) -> Output {
    let data = place.data();
    let data: Vec<&str> = data.iter().map(String::as_str).collect();
    selvage_with(&[arguments, &data].concat(), key)
}

#[track_caller]
fn refused(place: &Place, arguments: &[&str], key: Option<&str>, code: &str) {
    let output = by(place, arguments, key);
    let said = stdout(&output) + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains(code), "{arguments:?}: {said}");
}

/// What a node says of itself.
async fn figures(metrics: &str) -> String {
    let address = format!("{}/metrics", metrics.trim_end_matches("/metrics"));
    reqwest::get(&address).await.unwrap().text().await.unwrap()
}

/// How many events a node says that it delivered, or did not, by whether they fit their contract.
pub(crate) async fn handed_out(metrics: &str, interface: &str, consumer: &str, found: &str) -> f64 {
    let text = figures(metrics).await;
    let labels = format!("interface=\"{interface}\",consumer=\"{consumer}\",operation=\"subscribe\",found=\"{found}\"");
    let of = format!("selvage_events_handed_out_total{{{labels}}} ");
    text.lines().find_map(|line| line.strip_prefix(&of)).map_or(0.0, |count| count.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_message_parks_its_own_lane_until_a_person_decides() {
    let receiver = Receiver::start();
    receiver.answers(|lane| if lane == "wo-1" { 422 } else { 200 });
    let place = place(&receiver).await;
    let node = place.serve(&place.data(), &[]);
    append(&format!("sqlite:{}", place.path("data/selvage.db").display()), 0..20).await;
    eventually("the other lanes arrive", || async {
        LANES[1..].iter().all(|lane| receiver.of(lane).len() == 20).then_some(())
    })
    .await;
    for lane in &LANES[1..] {
        assert_eq!(receiver.of(lane), (0..20).collect::<Vec<_>>());
    }
    assert!(receiver.of("wo-1").is_empty());
    let lanes = eventually("the lane is parked", || async {
        Some(run(&place, &["lanes", STREAM])).filter(|lanes| lanes.contains("dlt_"))
    })
    .await;
    assert!(lanes.contains("wo-1") && lanes.contains("refused") && !lanes.contains("wo-2"), "{lanes}");
    let letters = run(&place, &["dead-letters", "list"]);
    let id = letters.split_whitespace().find(|word| word.starts_with("dlt_")).unwrap().to_owned();
    let shown = run(&place, &["dead-letters", "show", &id]);
    assert!(shown.contains("422") && shown.contains("19 more behind it") && shown.contains("wo-1-0"), "{shown}");

    receiver.answers(|_| 200);
    let dry = run(&place, &["dead-letters", "redrive", "--cause", "refused", "--dry-run"]);
    assert!(dry.contains("1 would be tried again, and 19 behind them follow in order"), "{dry}");
    assert!(receiver.of("wo-1").is_empty());
    run(&place, &["dead-letters", "redrive", &id, "--by", "ops.desk", "--because", "the board was mended"]);
    eventually("the parked lane arrives", || async { (receiver.of("wo-1").len() == 20).then_some(()) }).await;
    assert_eq!(receiver.of("wo-1"), (0..20).collect::<Vec<_>>());
    eventually("nothing is parked", || async { run(&place, &["lanes"]).starts_with("none").then_some(()) }).await;
    let ledger = run(&place, &["ledger", "list"]);
    assert!(ledger.contains("dead-letter.redriven") && ledger.contains("ops.desk"), "{ledger}");
    eventually("the metrics say so", || async {
        let metrics = figures(&node.metrics).await;
        metrics.contains("selvage_delivery_lanes_parked{subscription=\"mes-ghent/order-facts-v1\"} 0").then_some(())
    })
    .await;
    let taken = receiver.taken.lock().unwrap();
    assert!(taken.probes >= 1 && taken.unsigned == 0);
    assert!(taken.ids.values().all(|ids| ids.len() == 1), "what comes again has the same id");
}

/// How late a node says that the subscription is, where it says so.
async fn lag(metrics: &str) -> Option<f64> {
    let text = figures(metrics).await;
    let of = "selvage_delivery_lag_seconds{subscription=\"mes-ghent/order-facts-v1\"} ";
    text.lines().find_map(|line| line.strip_prefix(of)).map(|lag| lag.parse().unwrap())
}

/// A lane that waits for a person is late, and so is what nobody can deliver: one node says so of each subscription that is alive.
#[tokio::test(flavor = "multi_thread")]
async fn how_late_a_subscription_is_counts_what_is_set_aside_and_what_nobody_reads() {
    let receiver = Receiver::start();
    receiver.answers(|lane| if lane == "wo-1" { 422 } else { 200 });
    let place = place(&receiver).await;
    let node = place.serve(&place.data(), &[]);
    append(&format!("sqlite:{}", place.path("data/selvage.db").display()), 0..1).await;
    eventually("the lane is parked", || async { run(&place, &["lanes", STREAM]).contains("dlt_").then_some(()) }).await;
    eventually("it is late", || async { lag(&node.metrics).await.filter(|lag| *lag > 1.0) }).await;
    receiver.answers(|_| 200);
    let letters = run(&place, &["dead-letters", "list"]);
    let id = letters.split_whitespace().find(|word| word.starts_with("dlt_")).unwrap().to_owned();
    run(&place, &["dead-letters", "redrive", &id, "--by", "ops.desk", "--because", "the board was mended"]);
    eventually("nothing waits", || async { lag(&node.metrics).await.filter(|lag| *lag == 0.0) }).await;
    // Nobody asks for what is delivered, and it is used all the same.
    let shown = run(&place, &["catalogue", "show", STREAM, "--env", "dev", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let consumers = shown["consumers"].as_array().unwrap();
    let mes = consumers.iter().find(|it| it["consumer"] == "mes-ghent").unwrap();
    assert!(mes["last_used"].is_string(), "{shown:#}");
    drop(node);

    // Its secret is gone: no node can deliver it.
    let secrets = std::fs::read_to_string(place.path("secrets")).unwrap();
    let without: Vec<&str> = secrets.lines().filter(|line| !line.starts_with("board/hooks")).collect();
    std::fs::write(place.path("secrets"), without.join("\n") + "\n").unwrap();
    append(&format!("sqlite:{}", place.path("data/selvage.db").display()), 1..2).await;
    let node = place.serve(&place.data(), &[]);
    eventually("it is late all the same", || async { lag(&node.metrics).await.filter(|lag| *lag > 1.0) }).await;
}

/// The events say less than their object has to have. INVARIANT: PARKED-LANE
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_its_contract_is_not_sent_until_a_person_decides() {
    let receiver = Receiver::start();
    receiver.answers(|_| 200);
    let place = place(&receiver).await;
    place.edit("deliveries.yaml", "retention: {for: 30d}", "retention: {for: 30d}\nvalidation: {response: enforce}");
    let node = place.serve(&place.data(), &[]);
    append(&format!("sqlite:{}", place.path("data/selvage.db").display()), 0..3).await;
    let lanes = eventually("every lane is parked", || async {
        Some(run(&place, &["lanes", STREAM])).filter(|lanes| LANES.iter().all(|lane| lanes.contains(lane)))
    })
    .await;
    assert!(lanes.contains("contract"), "{lanes}");
    let letters = run(&place, &["dead-letters", "list"]);
    let id = letters.split_whitespace().find(|word| word.starts_with("dlt_")).unwrap().to_owned();
    let shown = run(&place, &["dead-letters", "show", &id]);
    assert!(shown.contains("FAB5170") && shown.contains("/data/") && shown.contains("2 more behind it"), "{shown}");
    eventually("it is counted for who subscribed", || async {
        let told = run(&place, &["violations", STREAM]);
        (told.contains("mes-ghent") && told.contains("subscribe")).then_some(())
    })
    .await;
    assert!(LANES.iter().all(|lane| receiver.of(lane).is_empty()), "nothing was sent");
    let withheld = handed_out(&node.metrics, "order-facts@1", "mes-ghent", "unfit").await;
    assert!(withheld >= LANES.len() as f64, "{withheld}");

    drop(node);
    place.edit("deliveries.yaml", "{response: enforce}", "{response: report}");
    let _node = place.serve(&place.data(), &[]);
    let decided = ["--cause", "contract", "--by", "ops.desk", "--because", "the contract takes them now"];
    run(&place, &[&["dead-letters", "redrive"], &decided[..]].concat());
    eventually("everything arrives", || async { LANES.iter().all(|lane| receiver.of(lane).len() == 3).then_some(()) })
        .await;
    for lane in LANES {
        assert_eq!(receiver.of(lane), [0, 1, 2], "in order");
    }
}

/// What a steward has to mend is told apart from what its producer has to.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_parked_by_the_class_of_what_is_wrong() {
    let receiver = Receiver::start();
    let place = place(&receiver).await;
    place.edit("deliveries.yaml", "retention: {for: 30d}", "retention: {for: 30d}\nvalidation: {response: enforce}");
    let _node = place.serve(&place.data(), &[]);
    let store = Store::open(&format!("sqlite:{}", place.path("data/selvage.db").display())).await.unwrap();
    let log = SqlLog::new(store.clone(), None).unwrap();
    let stream: InterfaceRef = STREAM.parse().unwrap();
    log.open(&stream).await.unwrap();
    for (lane, unit, status) in [("wo-1", "stone", "done"), ("wo-2", "kg", "over"), ("wo-3", "stone", "over")] {
        let mut event = CloudEvent::new(lane, "odoo", KIND);
        let amount = |unit: &str| json!({"value": "1", "unit": unit});
        event.data = Some(json!({
            "id": lane, "name": "Weld", "production_order": "WH/MO/1", "work_center": "W1", "status": status, "site": "ghent",
            "quantity": amount(unit), "produced": amount("kg"), "updated_at": "2027-03-01T08:00:00Z",
        }));
        let record = NewRecord { id: event.record_id().unwrap(), lane: lane.parse().unwrap(), body: event.record() };
        log.append(&stream, vec![record]).await.unwrap();
    }
    log.end().await;
    store.close().await;
    eventually("all of them are parked", || async {
        let lanes = run(&place, &["lanes", STREAM]);
        (lanes.matches("dlt_").count() == 3).then_some(())
    })
    .await;
    for (cause, lanes) in [("unit", &["wo-1"][..]), ("contract", &["wo-2", "wo-3"]), ("code", &[])] {
        let listed = run(&place, &["dead-letters", "list", "--cause", cause]);
        for lane in ["wo-1", "wo-2", "wo-3"] {
            assert_eq!(listed.contains(lane), lanes.contains(&lane), "{cause} {lane}: {listed}");
        }
    }
}

/// Whoever is on call sees events, each as it was delivered, over HTTP.
async fn events_are_shown(operator: &Operator) {
    let (_, events) = operator.ask(Method::GET, &format!("/events/{STREAM}?limit=3&data=true"), None).await;
    assert_eq!(events["items"].as_array().unwrap().len(), 3, "{events:#}");
    let at = events["items"][0]["position"].as_str().unwrap();
    let (status, one) = operator.ask(Method::GET, &format!("/events/{STREAM}/{at}?data=true"), None).await;
    let told = (status, &one["event"], one["deliveries"].is_array());
    assert_eq!(told, (200, &events["items"][0]["event"], true), "{one:#}");
}

/// The command line is no way round who may; the key of somebody who may not.
fn nothing_is_given_up_past_who_may(place: &Place, operator: &Operator, letter: &str) -> String {
    let outsider = stdout(&by(place, &["operator", "add", "o.outsider"], Some(&operator.key))).trim().to_owned();
    for command in [["dead-letters", "discard", letter, ""], ["events", "forget", STREAM, "group/mes-ghent/boards"]] {
        let command = command.into_iter().filter(|word| !word.is_empty());
        let command: Vec<_> = command.chain(["--because", "the order was scrapped"]).collect();
        refused(place, &command, None, "FAB7203");
        refused(place, &command, Some(&outsider), "FAB8061");
    }
    outsider
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discarded_message_lets_the_rest_go_on_and_a_suspended_subscription_skips_nothing() {
    let receiver = Receiver::start();
    let place = place(&receiver).await;
    let first = Arc::new(Mutex::new(true));
    let poisoned = Arc::clone(&first);
    receiver.answers(move |lane| if lane == "wo-2" && *poisoned.lock().unwrap() { 422 } else { 200 });
    let node = place.serve(&place.data(), &[]);
    let url = format!("sqlite:{}", place.path("data/selvage.db").display());
    append(&url, 0..3).await;
    // Whoever is on call does it over HTTP.
    let operator = Operator::new(&place, &node);
    let letter = eventually("a dead letter", || async {
        let (_, letters) = operator.ask(Method::GET, "/dead-letters?cause=refused", None).await;
        letters["items"].get(0).cloned()
    })
    .await;
    let id = letter["id"].as_str().unwrap();
    assert_eq!((&letter["lane"], &letter["behind"]), (&json!("wo-2"), &json!(2)), "{letter:#}");
    let (_, lanes) = operator.ask(Method::GET, &format!("/lanes?interface={STREAM}"), None).await;
    let first_lane = &lanes["items"][0];
    assert_eq!((&first_lane["state"], &first_lane["waiting"]), (&json!("parked"), &json!(3)), "{lanes:#}");
    let (_, shown) = operator.ask(Method::GET, &format!("/dead-letters/{id}"), None).await;
    let met = (&shown["tried"][0]["status"], &shown["message"]["partitionkey"]);
    assert_eq!(met, (&json!(422), &json!("wo-2")), "{shown:#}");
    events_are_shown(&operator).await;
    *first.lock().unwrap() = false;
    let dry = json!({"which": {"lane": "wo-2"}, "dry_run": true, "because": "to see"});
    let (status, dry) = operator.ask(Method::POST, "/dead-letters/redrive", Some(dry)).await;
    assert_eq!((status, &dry["items"][0]["id"]), (200, &letter["id"]), "{dry:#}");
    let outsider = nothing_is_given_up_past_who_may(&place, &operator, id);
    let discard = json!({"ids": [id], "because": "the order was scrapped"});
    let (status, discarded) = operator.ask(Method::POST, "/dead-letters/discard", Some(discard)).await;
    assert_eq!((status, &discarded["items"][0]["settled"]["by"]), (200, &json!("ops.desk")), "{discarded:#}");
    eventually("the rest arrives", || async { (receiver.of("wo-2") == [1, 2]).then_some(()) }).await;

    let name = "mes-ghent/order-facts-v1";
    let (_, all) = operator.ask(Method::GET, "/subscriptions", None).await;
    let subscription = all["items"].as_array().unwrap().iter().find(|it| it["subscription"] == name).unwrap();
    let act = |act: &str| format!("/subscriptions/{}/{act}", subscription["id"].as_str().unwrap());
    let moved = json!({"because": "the board is moved"});
    let (status, suspended) = operator.ask(Method::POST, &act("suspend"), Some(moved)).await;
    let stands = (status, &suspended["state"], suspended["nodes"].is_array());
    assert_eq!(stands, (200, &json!("suspended"), true), "{suspended:#}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    append(&url, 3..6).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(receiver.of("wo-1"), [0, 1, 2], "nothing is sent while it is suspended");
    let back = json!({"because": "the board is back"});
    assert_eq!(operator.ask(Method::POST, &act("resume"), Some(back)).await.0, 200);
    eventually("it goes on", || async { (receiver.of("wo-1") == [0, 1, 2, 3, 4, 5]).then_some(()) }).await;
    let shown = run(&place, &["subscriptions", "show", name]);
    assert!(shown.contains("state      active"), "{shown}");
    let end = ["subscriptions", "end", name, "--because", "not needed any more"];
    refused(&place, &end, None, "FAB7203");
    refused(&place, &end, Some(&outsider), "FAB8061");
    assert!(by(&place, &end, Some(&operator.key)).status.success());
    assert!(run(&place, &["subscriptions", "list"]).starts_with("none"));
    assert!(run(&place, &["subscriptions", "list", "--ended"]).contains("ended"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_was_away_catches_up_in_order_also_from_another_node() {
    let receiver = Receiver::start();
    receiver.answers(|_| 503);
    let place = place(&receiver).await;
    let store = database().await;
    let mut first = place.serve(&store, &["--lease", "2s"]);
    append(&store[1], 0..10).await;
    // Long enough that its endpoint is found to be down.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let _second = place.serve(&store, &["--lease", "2s"]);
    first.process.kill();
    receiver.answers(|_| 200);
    append(&store[1], 10..15).await;
    eventually("everything arrives", || async { LANES.iter().all(|lane| receiver.of(lane).len() == 15).then_some(()) })
        .await;
    for lane in LANES {
        assert_eq!(receiver.of(lane), (0..15).collect::<Vec<_>>(), "{lane}");
    }
    let taken = receiver.taken.lock().unwrap();
    assert!(taken.ids.values().all(|ids| ids.len() == 1), "what comes again has the same id");
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_of_what_ends_say_so_and_wait_while_it_refuses_everything() {
    let receiver = Receiver::start();
    let place = place(&receiver).await;
    let now = jiff::Timestamp::now();
    let hours = jiff::SignedDuration::from_hours;
    let window = format!("brownouts: [{{from: \"{:.0}\", to: \"{:.0}\"}}]", now - hours(1), now + hours(20));
    let ends = "deprecation: {since: 2026-09-01, sunset: 2099-03-01, successor: other-facts@1";
    let lives = "owner: manufacturing-it\nlifecycle: active\n";
    place.edit(
        "deliveries.yaml",
        lives,
        &format!("owner: manufacturing-it\nlifecycle: deprecated\n{ends}, {window}}}\n"),
    );
    // Another stream beside it, which lives.
    let other = manifests(&receiver.url).replace("order-facts", "other-facts").replace(KIND, OTHER);
    let (first, rest) = other.split_once("---\nkind: System").unwrap();
    let (_, rest) = rest.split_once("---\n").unwrap();
    std::fs::write(place.fabric().join("other.yaml"), format!("{first}---\n{rest}")).unwrap();
    let store = database().await;
    let _node = place.serve(&store, &["--watch"]);
    append(&store[1], 0..3).await;
    append_to(&store[1], ("other-facts@1", OTHER), &["ot-1"], 0..20).await;
    let others: Vec<u64> = (0..20).collect();
    eventually("the other is delivered", || async { (receiver.of("ot-1") == others).then_some(()) }).await;
    assert!(LANES.iter().all(|lane| receiver.of(lane).is_empty()), "who only listens learns of a brownout as well");
    place.edit("deliveries.yaml", &format!(", {window}"), "");
    let all = || LANES.iter().all(|lane| receiver.of(lane) == [0, 1, 2]);
    eventually("what waited comes in its order", || async { all().then_some(()) }).await;
    let sunset = "Sun, 01 Mar 2099 00:00:00 GMT";
    let told = ["@1788220800", sunset, "</other-facts/v1>; rel=\"successor-version\""].map(|it| Some(it.to_owned()));
    assert_eq!(receiver.taken.lock().unwrap().announced, BTreeSet::from([told]), "and says that it ends");
}

const OTHER: &str = "manufacturing.work-order.closed";

/// What a receiver asks for outlives the node that it was said to.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_asks_to_be_left_alone_is_so_after_a_restart() {
    let receiver = Receiver::start();
    receiver.answers(|_| 429);
    let place = place(&receiver).await;
    let name = "mes-ghent/order-facts-v1";
    let url = format!("sqlite:{}", place.path("data/selvage.db").display());
    let mut first = place.serve(&place.data(), &[]);
    append(&url, 0..3).await;
    let waits = || run(&place, &["subscriptions", "show", name]).contains("waits      until");
    eventually("it waits", || async { waits().then_some(()) }).await;
    // Also where somebody looks first.
    eventually("it is listed so", || async {
        let list = run(&place, &["subscriptions", "list"]);
        (list.contains("waiting: receiver asked for it") && list.contains("left alone until")).then_some(())
    })
    .await;
    let gauge = format!("selvage_delivery_waiting{{subscription=\"{name}\",for=\"receiver\"}} 1");
    assert!(figures(&first.metrics).await.contains(&gauge));
    first.process.kill();
    receiver.answers(|_| 200);

    let second = place.serve(&place.data(), &[]);
    append(&url, 3..4).await;
    eventually("the other node has it", || async {
        let metrics = figures(&second.metrics).await;
        metrics.contains(&format!("selvage_delivery_lanes_retrying{{subscription=\"{name}\"}} 0")).then_some(())
    })
    .await;
    assert!(waits(), "it goes on to wait");
    assert!(LANES.iter().all(|lane| receiver.of(lane).is_empty()), "nothing was sent");
    // Whoever answers for it knows better.
    for act in ["suspend", "resume"] {
        run(&place, &["subscriptions", act, name, "--because", "the board was mended"]);
    }
    eventually("everything arrives", || async { LANES.iter().all(|lane| receiver.of(lane).len() == 4).then_some(()) })
        .await;
    for lane in LANES {
        assert_eq!(receiver.of(lane), [0, 1, 2, 3], "{lane}: in order");
    }
    assert!(!waits());
    eventually("it is listed so no more", || async {
        (!run(&place, &["subscriptions", "list"]).contains("waiting:")).then_some(())
    })
    .await;
}

/// Who lifts it lifts it where it was said, too.
#[tokio::test(flavor = "multi_thread")]
async fn who_resumes_goes_on_before_the_receiver_said_on_the_node_that_heard_it() {
    let receiver = Receiver::start();
    receiver.answers(|_| 429);
    let place = place(&receiver).await;
    let name = "mes-ghent/order-facts-v1";
    let _node = place.serve(&place.data(), &[]);
    append(&format!("sqlite:{}", place.path("data/selvage.db").display()), 0..3).await;
    let shown = || run(&place, &["subscriptions", "show", name]);
    eventually("it waits", || async { shown().contains("waits      until").then_some(()) }).await;
    receiver.answers(|_| 200);
    let probes = receiver.taken.lock().unwrap().probes;
    for act in ["suspend", "resume"] {
        run(&place, &["subscriptions", act, name, "--because", "the board was mended"]);
    }
    eventually("everything arrives", || async { LANES.iter().all(|lane| receiver.of(lane).len() == 3).then_some(()) })
        .await;
    assert!(receiver.taken.lock().unwrap().probes > probes, "it was probed");
    assert!(!shown().contains("waits      until"), "{}", shown());
}

/// What a disk made of a message is not what was published. INVARIANT: PARKED-LANE
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_damaged_while_it_waits_is_a_dead_letter_and_is_not_sent() {
    let receiver = Receiver::start();
    receiver.answers(|lane| if lane == "wo-1" { 422 } else { 200 });
    let place = place(&receiver).await;
    let node = place.serve(&place.data(), &[]);
    let url = format!("sqlite:{}", place.path("data/selvage.db").display());
    append(&url, 0..3).await;
    let waits = |letter: &'static str| {
        let place = &place;
        eventually("a dead letter", move || async move {
            Some(run(place, &["dead-letters", "list"])).filter(|letters| letters.contains(letter))
        })
    };
    waits("422").await;
    drop(node);
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let damage = "UPDATE parked_message SET body = CAST(REPLACE(CAST(body AS TEXT), '\"number\":1', '\"number\":7') AS BLOB) \
                  WHERE lane = 'wo-1' AND event LIKE '%wo-1-1'";
    assert_eq!(sqlx::query(damage).execute(&mut connection).await.unwrap().rows_affected(), 1);
    connection.close().await.unwrap();
    receiver.answers(|_| 200);
    let _node = place.serve(&place.data(), &[]);
    let because = ["--cause", "refused", "--because", "the board was mended"];
    run(&place, &[&["dead-letters", "redrive"], &because[..]].concat());
    let letters = waits("FAB5223").await;
    assert_eq!(receiver.of("wo-1"), [0], "what stood before it arrived, and nothing of it");
    let letter = letters.split_whitespace().find(|word| word.starts_with("dlt_")).unwrap().to_owned();
    run(&place, &["dead-letters", "discard", &letter, "--because", "the disk was exchanged"]);
    eventually("the lane goes on", || async { (receiver.of("wo-1") == [0, 2]).then_some(()) }).await;
}

/// What the log lost is not had by whoever it was for, and that stands where people look. INVARIANT: NOTHING-LOST
#[tokio::test(flavor = "multi_thread")]
async fn what_deliveries_went_on_behind_stands_with_the_subscription() {
    let receiver = Receiver::start();
    let place = place(&receiver).await;
    let node = place.serve(&place.data(), &[]);
    let url = format!("sqlite:{}", place.path("data/selvage.db").display());
    append(&url, 0..1).await;
    eventually("the first arrive", || async { (receiver.of("wo-4") == [0]).then_some(()) }).await;
    assert!(!run(&place, &["lanes"]).contains("has not had all"));
    drop(node);
    append(&url, 1..4).await;
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    for damage in [
        "UPDATE event_record SET body = CAST('{}' AS BLOB) WHERE id LIKE '%wo-2-1'",
        "DELETE FROM event_record WHERE id LIKE '%wo-3-2'",
    ] {
        assert_eq!(sqlx::query(damage).execute(&mut connection).await.unwrap().rows_affected(), 1, "{damage}");
    }
    connection.close().await.unwrap();
    let node = place.serve(&place.data(), &[]);
    for (lane, numbers) in [("wo-3", [0, 1, 3]), ("wo-2", [0, 2, 3])] {
        let receiver = &receiver;
        eventually("what is behind it arrives", || async move { (receiver.of(lane) == numbers).then_some(()) }).await;
    }
    // Also once nobody who met it is there any more.
    drop(node);
    let node = place.serve(&place.data(), &[]);
    let lanes = run(&place, &["lanes", STREAM]);
    let says = "`mes-ghent/order-facts-v1` has not had all: it went on at 2 places behind what the log does not have; the last: ";
    assert!(lanes.starts_with("none: every lane goes on") && lanes.contains(says), "{lanes}");
    assert!(lanes.contains("(FAB7014)") && !run(&place, &["lanes", "work-order-events@1"]).contains("has not had all"));
    let shown = run(&place, &["subscriptions", "show", "mes-ghent/order-facts-v1"]);
    assert!(shown.contains("passed     2 places") && shown.contains("(FAB7014)"), "{shown}");
    let operator = Operator::new(&place, &node);
    let (_, list) = operator.ask(Method::GET, "/subscriptions?interface=order-facts@1", None).await;
    assert_eq!(list["items"][0]["places_passed"], 2, "{list}");
    let path = format!("/subscriptions/{}", list["items"][0]["id"].as_str().unwrap());
    let (_, one) = operator.ask(Method::GET, &path, None).await;
    let codes: Vec<&Value> = one["passed"].as_array().unwrap().iter().map(|passed| &passed["code"]).collect();
    assert_eq!(codes, ["FAB7014", "FAB7013"], "{one}");
    eventually("the metrics say so", || async {
        let metrics = figures(&node.metrics).await;
        metrics.contains("selvage_delivery_events_passed{subscription=\"mes-ghent/order-facts-v1\"} 2").then_some(())
    })
    .await;
}

/// What arrived is noted once the store is back, before anything is sent again.
#[tokio::test(flavor = "multi_thread")]
async fn what_arrived_while_the_store_was_away_for_longer_than_a_lease_is_not_sent_again() {
    let receiver = Receiver::start();
    // Four lanes, and one message at a time.
    receiver.answers(|_| {
        std::thread::sleep(Duration::from_millis(100));
        200
    });
    let place = place(&receiver).await;
    let url = format!("sqlite:{}", place.path("data/selvage.db").display());
    let node = place.serve(&place.data(), &[]);
    append(&url, 0..1).await;
    eventually("the first arrive", || async { (receiver.of("wo-4") == [0]).then_some(()) }).await;
    append(&url, 1..60).await;
    eventually("they come", || async { (receiver.of("wo-4").len() > 3).then_some(()) }).await;
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
    let before = receiver.of("wo-4").len();
    tokio::time::sleep(LEASE + Duration::from_secs(4)).await;
    let meanwhile = receiver.of("wo-4").len();
    assert!(before + 3 < meanwhile && meanwhile < 60, "{before} and {meanwhile} have arrived");
    sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    eventually("the rest arrives", || async { LANES.iter().all(|lane| receiver.of(lane).len() == 60).then_some(()) })
        .await;
    eventually("nothing waits", || async { lag(&node.metrics).await.filter(|lag| *lag == 0.0) }).await;
    for (lane, numbers) in &receiver.taken.lock().unwrap().lanes {
        assert_eq!(*numbers, (0..60).collect::<Vec<u64>>(), "{lane}");
    }
}

/// A store that was put back has no place that is damaged or missing, and yet the subscription was not sent all that was acknowledged.
/// INVARIANT: NOTHING-LOST
#[tokio::test(flavor = "multi_thread")]
async fn what_a_restored_log_lost_stands_with_the_subscription() {
    let receiver = Receiver::start();
    let place = place(&receiver).await;
    let url = format!("sqlite:{}", place.path("data/selvage.db").display());
    let node = place.serve(&place.data(), &[]);
    append(&url, 0..1).await;
    let has = |lane: &'static str, numbers: &'static [u64]| {
        let receiver = &receiver;
        eventually("they arrive", move || async move { (receiver.of(lane) == numbers).then_some(()) })
    };
    has("wo-4", &[0]).await;
    drop(node);
    let store = Store::open(&url).await.unwrap();
    store.open_event_stream(&STREAM.parse().unwrap(), Some("1-9".parse().unwrap())).await.unwrap();
    store.close().await;
    append(&url, 1..2).await;
    let node = place.serve(&place.data(), &[]);
    has("wo-4", &[0, 1]).await;
    let says = "went on at 1 places behind what the log does not have; the last: `order-facts@1` lost the events after 1-4, at least up to \
                offset 9; epoch 2 begins (FAB7012)";
    eventually("it says so", || async { run(&place, &["lanes", STREAM]).contains(says).then_some(()) }).await;
    eventually("the metrics say so", || async {
        let metrics = figures(&node.metrics).await;
        metrics.contains("selvage_delivery_events_passed{subscription=\"mes-ghent/order-facts-v1\"} 1").then_some(())
    })
    .await;
}

/// A store that was moved by a backup says that something may be lost, and of each subscription only what is known.
#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_been_lost_stands_with_no_subscription() {
    let receiver = Receiver::start();
    let place = place(&receiver).await;
    let url = format!("sqlite:{}", place.path("data/selvage.db").display());
    let node = place.serve(&place.data(), &[]);
    append(&url, 0..1).await;
    eventually("the first arrive", || async { (receiver.of("wo-4") == [0]).then_some(()) }).await;
    drop(node);
    let backup = place.path("moved").display().to_string();
    let taken: Value = serde_json::from_str(&run(&place, &["backup", &backup, "--json"])).unwrap();
    std::fs::remove_dir_all(place.path("data")).unwrap();
    run(&place, &["restore", &backup, "--by", "ann", "--accept-access-of", taken["taken_at"].as_str().unwrap()]);
    let node = place.serve(&place.data(), &[]);
    append(&url, 1..2).await;
    eventually("the next arrive", || async { (receiver.of("wo-4") == [0, 1]).then_some(()) }).await;
    assert!(run(&place, &["events", "tail", STREAM, "--last", "1"]).contains("11-8"), "another epoch has begun");
    eventually("the cursor is noted", || async { lag(&node.metrics).await.filter(|lag| *lag == 0.0) }).await;
    assert!(!run(&place, &["lanes", STREAM]).contains("has not had all"));
}

/// A process that was killed holds its lease no longer than it lived.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_costs_no_lease_where_the_store_is_a_file() {
    let receiver = Receiver::start();
    let place = place(&receiver).await;
    let url = format!("sqlite:{}", place.path("data/selvage.db").display());
    let mut first = place.serve(&place.data(), &[]);
    append(&url, 0..3).await;
    let all = |count: usize| {
        let receiver = &receiver;
        eventually("everything arrives", move || async move {
            LANES.iter().all(|lane| receiver.of(lane).len() == count).then_some(())
        })
    };
    all(3).await;
    let shows = || {
        let files = std::fs::read_dir(place.path("data")).unwrap();
        files.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().starts_with("selvage.node-")).count()
    };
    assert_eq!(shows(), 1);
    first.process.kill();
    append(&url, 3..4).await;
    let second = place.serve(&place.data(), &[]);
    let began = std::time::Instant::now();
    all(4).await;
    // A lease is ten seconds, and a node that shares deliveries is known for five.
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(shows(), 1, "nothing is left of the first");
    drop(second);
    assert_eq!(shows(), 0, "one that ends in order leaves nothing");
}

/// One rule for the log, for dead letters, and for both over HTTP: what has a class is there as nothing, and it is said where.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_a_class_is_masked_wherever_somebody_looks() {
    let receiver = Receiver::start();
    receiver.answers(|_| 422);
    let place = place(&receiver).await;
    let carried = "{object: work-order@1, when: \"before.status != 'done' && after.status == 'done'\"}";
    place.edit("deliveries.yaml", carried, "{object: supplier@1}");
    place.edit("deliveries.yaml", "data: internal", "data: confidential");
    place.edit("deliveries.yaml", "lane: data.id", "lane: data.code");
    let node = place.serve(&place.data(), &[]);
    let operator = Operator::new(&place, &node);
    let store = Store::open(&format!("sqlite:{}", place.path("data/selvage.db").display())).await.unwrap();
    let log = SqlLog::new(store.clone(), None).unwrap();
    let stream: InterfaceRef = STREAM.parse().unwrap();
    log.open(&stream).await.unwrap();
    let mut event = CloudEvent::new("c-1", "odoo", KIND);
    event.data = Some(json!({"code": "c-1", "number": 0, "email": "lena@acme-metals.example"}));
    let record = NewRecord { id: event.record_id().unwrap(), lane: "c-1".parse().unwrap(), body: event.record() };
    log.append(&stream, vec![record]).await.unwrap();
    log.end().await;
    store.close().await;
    let letter = eventually("it is parked", || async {
        let listed = run(&place, &["dead-letters", "list"]);
        listed.split_whitespace().find(|word| word.starts_with("dlt_")).map(str::to_owned)
    })
    .await;
    let fabric = place.fabric().display().to_string();
    let elsewhere = place.path("data").display().to_string();
    for (command, masks) in [
        (&["events", "show", STREAM, "1-1"][..], true),
        (&["dead-letters", "show", &letter], true),
        (&["events", "show", STREAM, "1-1", "--unmasked"], false),
        (&["dead-letters", "show", &letter, "--unmasked"], false),
    ] {
        let shown = run(&place, &[command, &["--fabric", &fabric]].concat());
        let told = (shown.contains("lena@"), shown.contains("/data/email"), shown.contains("\"number\": 0"));
        assert_eq!(told, (!masks, masks, true), "{command:?}: {shown}");
    }
    let shown = run(&place, &["dead-letters", "show", &letter, "--fabric", &elsewhere]);
    assert!(shown.contains("withheld") && !shown.contains("number"), "nobody says which has a class: {shown}");

    let (_, events) = operator.ask(Method::GET, &format!("/events/{STREAM}?data=true"), None).await;
    assert_eq!(events["items"].as_array().map(Vec::len), Some(1), "{events:#}");
    let (_, letter) = operator.ask(Method::GET, &format!("/dead-letters/{letter}"), None).await;
    for (answer, event) in [(&events["items"][0], &events["items"][0]["event"]), (&letter, &letter["message"])] {
        let data = json!({"code": "c-1", "number": 0, "email": null});
        assert_eq!((&event["data"], &answer["masked"]), (&data, &json!(["/data/email"])), "{answer:#}");
    }
}

/// What was set aside and is granted no longer is not sent, and nobody takes it for delivered. INVARIANT: REVOKED-NOW
#[tokio::test(flavor = "multi_thread")]
async fn what_a_narrowed_grant_does_not_cover_is_withheld_and_counted_apart() {
    let receiver = Receiver::start();
    receiver.answers(|_| 422);
    let place = place(&receiver).await;
    let node = place.serve(&place.data(), &[]);
    append(&format!("sqlite:{}", place.path("data/selvage.db").display()), 0..2).await;
    eventually("every lane is parked", || async {
        (run(&place, &["lanes", STREAM]).matches("dlt_").count() == LANES.len()).then_some(())
    })
    .await;
    drop(node);
    place.edit("deliveries.yaml", "operations: [subscribe]", "operations: [subscribe]\nwhere: {id: wo-1}");
    receiver.answers(|_| 200);
    let name = "mes-ghent/order-facts-v1";
    let decided = ["--cause", "refused", "--by", "ops.desk", "--because", "the board was mended"];
    run(&place, &[&["dead-letters", "redrive"], &decided[..]].concat());
    let node = place.serve(&place.data(), &[]);
    eventually("nothing is set aside", || async { run(&place, &["lanes"]).starts_with("none").then_some(()) }).await;
    assert_eq!(receiver.of("wo-1"), [0, 1]);
    assert!(LANES[1..].iter().all(|lane| receiver.of(lane).is_empty()), "nothing else was sent");
    let shown = run(&place, &["subscriptions", "show", name]);
    assert!(
        shown.contains("withheld   6 in 30 days") && shown.contains("the grant does not cover it any more"),
        "{shown}"
    );
    let metrics = figures(&node.metrics).await;
    let of = |figure: &str| format!("selvage_delivery_{figure}{{subscription=\"{name}\"}}");
    assert!(metrics.contains(&format!("{} 6", of("withheld_total"))), "{metrics}");
    assert!(metrics.contains(&format!("{} 2", of("messages_total"))), "{metrics}");
}
