//! What is sent, sent again and captured, in the matrix: subscriptions and replays with what people do to them, captures and copies, and
//! single events.

use std::fmt::Write as _;
use std::time::Duration;

use reqwest::Method;
use selvage_control::desk::lease::whole;
use selvage_log::{EventLog as _, SqlLog};
use selvage_model::access::EndAction;
use selvage_model::delivery::Cause;
use selvage_model::event::{NewRecord, Position};
use selvage_model::name::InterfaceRef;
use selvage_model::subscription::{Beginning, DeliveryTerms, LiveSubscription, SubscriptionTerms};
use selvage_store::{
    AskedSubscription, CaptureHold, CapturePause, CaptureStage, CaptureStep, HeldCapture, NewCapture, NewCursor,
    NewReplay, ParkedCapture, Store, SubscriptionStep, TakenCapture,
};
use serde_json::{Value, json};

use crate::leases::MORE;
use crate::{ROLES, Stage, begin};

const WHY: &str = "the matrix";

fn roles() -> impl Iterator<Item = &'static str> {
    ROLES.into_iter().chain(MORE)
}

fn facts() -> InterfaceRef {
    "product-facts@1".parse().unwrap()
}

/// What the shop asks for, under a name that nothing had before.
fn asked() -> AskedSubscription {
    let deliver = DeliveryTerms {
        system: "shop".parse().unwrap(),
        path: "/hook".to_owned(),
        secrets: Vec::new(),
        in_lanes: true,
        max_in_flight: 4,
        rate: None,
        timeout: Duration::from_secs(5),
        idempotent: true,
    };
    AskedSubscription {
        consumer: "web-shop".parse().unwrap(),
        name: format!("s-{}", uuid::Uuid::new_v4().simple()).parse().unwrap(),
        interface: facts(),
        terms: SubscriptionTerms {
            events: vec!["a.b.made".to_owned()],
            from: Beginning::Newest,
            until: None,
            on_end: EndAction::End,
            lag: None,
            deliver: Some(deliver),
            replay: None,
        },
    }
}

/// Ten events, and the right to be sent them.
async fn stream(store: &Store) {
    let subject = ("web-shop".parse().unwrap(), facts(), whole(vec!["subscribe".to_owned()], None, None));
    store.apply_manifest_grants(&[subject], "serve").await.unwrap();
    let log = SqlLog::new(store.clone(), None).unwrap();
    log.open(&facts()).await.unwrap();
    let event = |number: u64| {
        let body = json!({
            "specversion": "1.0", "id": number.to_string(), "source": "/odoo", "type": "a.b.made", "data": {"code": "A", "price": "9"},
        });
        let id = format!("/odoo#{number}").parse().unwrap();
        NewRecord { id, lane: "A".parse().unwrap(), body: body.to_string().into_bytes() }
    };
    log.append(&facts(), (1..=10).map(event).collect()).await.unwrap();
    log.end().await;
}

/// A subscription that stands so.
async fn subscribed(store: &Store, state: &str) -> LiveSubscription {
    let new = asked();
    let name = new.name.clone();
    store.apply_manifest_subscriptions(&[new], state != "requested", "serve").await.unwrap();
    let all = store.subscriptions().await.unwrap();
    let made = all.into_iter().find(|it| it.name == name).unwrap();
    let steps: &[SubscriptionStep] = match state {
        "active" => &[SubscriptionStep::Probed, SubscriptionStep::Begun],
        "suspended" => &[SubscriptionStep::Suspend],
        _ => &[],
    };
    for step in steps {
        store.step_subscription(&made.id, *step, "node-a", "so").await.unwrap();
    }
    made
}

/// A replay that nodes let be, or one that is paused.
async fn replayed(store: &Store, state: &str) -> String {
    let new = NewReplay {
        of: subscribed(store, "active").await.id,
        target: None,
        after: Position::START,
        through: None,
        lanes: Vec::new(),
        rate: Some("5/s".parse().unwrap()),
        by: "ghent.oncall".to_owned(),
        because: "the shop lost its disk".to_owned(),
    };
    let replay = store.ask_for_replay(&new).await.unwrap();
    store.step_subscription(&replay.id, SubscriptionStep::Approve, "node-a", "so").await.unwrap();
    if state == "paused" {
        store.step_subscription(&replay.id, SubscriptionStep::Suspend, "ghent.oncall", "so").await.unwrap();
    }
    replay.id
}

/// The capture of products, which stands still where that is wanted.
async fn captured(store: &Store, state: &str) -> CaptureHold {
    let new = NewCapture {
        interface: facts(),
        system: "odoo".parse().unwrap(),
        record: "product.product".to_owned(),
        begin: CaptureStage::Following,
        node: "node-a".to_owned(),
        lease: Duration::from_secs(3_600),
    };
    let TakenCapture::Taken(HeldCapture { hold, .. }) = store.take_capture(&new).await.unwrap() else {
        panic!("it is held")
    };
    if state == "paused" {
        let why = CapturePause { code: "FAB5140".to_owned(), because: "it was restored".to_owned() };
        store.pause_capture(hold, &why).await.unwrap();
    }
    hold
}

async fn acts(stage: &Stage, text: &mut String) {
    let because = Some(json!({"because": WHY}));
    for (state, step) in [
        ("requested", "approve"),
        ("active", "suspend"),
        ("suspended", "resume"),
        ("active", "end"),
        ("ended", "resume"),
    ] {
        for role in roles() {
            let id = subscribed(&stage.store, state).await.id;
            if state == "ended" {
                stage.store.step_subscription(&id, SubscriptionStep::End, "shop.owner", "over").await.unwrap();
            }
            let path = format!("/subscriptions/{id}/{step}");
            let answer = stage.verdict(role, Method::POST, &path, because.clone()).await;
            writeln!(text, "{role} | plant-ghent | subscription of another plant, {state} | {step} | {answer}")
                .unwrap();
        }
    }
    for role in roles() {
        let of = subscribed(&stage.store, "active").await.id;
        let body = json!({"subscription": of, "from": "oldest", "because": WHY});
        let answer = stage.verdict(role, Method::POST, "/replays", Some(body)).await;
        writeln!(text, "{role} | plant-ghent | | begin a replay | {answer}").unwrap();
    }
    for (state, step) in [("approved", "pause"), ("paused", "resume"), ("approved", "cancel")] {
        for role in roles() {
            let path = format!("/replays/{}/{step}", replayed(&stage.store, state).await);
            let answer = stage.verdict(role, Method::POST, &path, because.clone()).await;
            writeln!(text, "{role} | plant-ghent | replay, {state} | {step} | {answer}").unwrap();
        }
    }
    for (state, path, body) in [
        ("paused", "captures/product-facts@1/resume", json!({"how": "tell", "because": WHY})),
        ("following", "captures/product-facts@1/resume", json!({"how": "baseline", "because": WHY})),
        ("following", "copies/product-facts@1/rebuild", json!({"because": WHY})),
    ] {
        for role in roles() {
            captured(&stage.store, state).await;
            let answer = stage.verdict(role, Method::POST, &format!("/{path}"), Some(body.clone())).await;
            writeln!(text, "{role} | plant-ghent | capture, {state} | POST {path} | {answer}").unwrap();
            // Whoever may not leaves it as it was.
            let _ = stage.store.resume_capture(&facts(), CaptureStage::Following, word()).await;
        }
    }
}

fn word() -> selvage_store::Word<'static> {
    selvage_store::Word { by: "group.board", because: WHY }
}

/// The rows of who reads by a cursor, and of groups that are forgotten.
async fn readers(stage: &Stage, text: &mut String) {
    let path = "/events/product-facts@1/readers";
    for role in roles() {
        group(&stage.store).await;
        let listed = stage.verdict(role, Method::GET, path, None).await;
        writeln!(text, "{role} | plant-ghent | | list readers | {listed}").unwrap();
        for (what, reader) in [
            ("a group of another plant", "group/web-shop/boards"),
            ("a group that there is none of", "group/web-shop/nothing"),
            ("a subscription as a group", "subscription/web-shop/facts"),
        ] {
            let body = json!({"reader": reader, "because": WHY});
            let answer = stage.verdict(role, Method::POST, &format!("{path}/forget"), Some(body)).await;
            writeln!(text, "{role} | plant-ghent | {what} | forget a reader | {answer}").unwrap();
        }
    }
}

/// A group of the shop that has read nothing.
async fn group(store: &Store) {
    let new = NewCursor {
        stream: facts(),
        reader: "group/web-shop/boards".parse().unwrap(),
        start: Position::START,
        node: "member/a".to_owned(),
        lease: Duration::from_secs(30),
    };
    store.take_cursor(&new).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_is_shown_with_how_far_it_is_and_forgotten_by_who_answers_for_it() {
    let stage = Stage::new().await;
    begin(&stage).await;
    stream(&stage.store).await;
    group(&stage.store).await;
    let path = "/events/product-facts@1/readers";
    let (_, shown) = stage.ask("stranger", Method::GET, path, None).await;
    let one = &shown["items"][0];
    let told = ["reader", "state", "position", "head", "node"].map(|name| one[name].clone());
    assert_eq!(told, ["group/web-shop/boards", "reads", "0-0", "1-10", "member/a"].map(Value::from), "{shown:#}");
    assert!(one["unread_since"].is_string(), "{shown:#}");
    let body = json!({"reader": "group/web-shop/boards", "because": "the boards are gone"});
    let forget = async || stage.ask("ghent.oncall", Method::POST, &format!("{path}/forget"), Some(body.clone())).await;
    assert_eq!(forget().await, (200, json!({"items": []})));
    assert_eq!(forget().await.1["code"], "FAB7006", "it is forgotten already");
    let ledger = stage.store.ledger(1, 1_000).await.unwrap();
    let entry = ledger.iter().find(|entry| entry.action == "reader.forgotten").unwrap();
    assert_eq!((entry.actor.as_str(), &entry.detail["because"]), ("ghent.oncall", &json!("the boards are gone")));
}

/// The rows of what is sent, and of what is looked at.
pub(crate) async fn rows(stage: &Stage, text: &mut String) {
    stream(&stage.store).await;
    captured(&stage.store, "following").await;
    acts(stage, text).await;
    readers(stage, text).await;
    let replay = replayed(&stage.store, "approved").await;
    let subscription = subscribed(&stage.store, "active").await.id;
    for (what, path) in [
        ("list replays", "/replays?ended=true"),
        ("show a replay", &*format!("/replays/{replay}")),
        ("show what is no replay", &*format!("/replays/{subscription}")),
        ("show a subscription", &*format!("/subscriptions/{subscription}")),
        ("list captures", "/captures"),
        ("show a capture", "/captures/product-facts@1"),
        ("show a capture that there is none of", "/captures/nothing@1"),
        ("list copies", "/copies"),
        ("an event", "/events/product-facts@1/1-3"),
        ("an event with its data", "/events/product-facts@1/1-3?data=true"),
        ("an event that is not there", "/events/product-facts@1/1-11"),
        ("an event by its id", "/events/product-facts@1/by-id?id=7&source=/odoo"),
        ("an event by its id, with its data", "/events/product-facts@1/by-id?id=%2Fodoo%237&data=true"),
        ("an event by an id that nothing has", "/events/product-facts@1/by-id?id=77"),
        ("events with data of a stream that is there", "/events/product-facts@1?data=true"),
        ("deliveries of an event that is there", "/events/product-facts@1/1-3/deliveries"),
    ] {
        for role in roles() {
            let answer = stage.verdict(role, Method::GET, path, None).await;
            writeln!(text, "{role} | plant-ghent | | {what} | {answer}").unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_matrix_of_what_is_sent_and_captured() {
    let stage = Stage::new().await;
    begin(&stage).await;
    let mut text = String::from("who | domain | state | step | answer\n");
    rows(&stage, &mut text).await;
    insta::assert_snapshot!("control_api_matrix_of_what_is_sent", text);
}

/// As fast as the interface lets, once a node has said how fast that is.
async fn tells_its_rate(stage: &Stage, whole: &Value) {
    stage.store.note_replay_rate(whole["id"].as_str().unwrap(), Some("20/s".parse().unwrap())).await.unwrap();
    let (_, noted) =
        stage.ask("stranger", Method::GET, &format!("/replays/{}", whole["id"].as_str().unwrap()), None).await;
    let told = ["rate", "asked_rate", "interface_rate", "shared_by"].map(|name| noted[name].clone());
    assert_eq!(told, [json!("20/s"), json!("50/s"), json!("20/s"), json!(0)], "{noted:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_is_asked_for_with_its_range_lanes_rate_and_reason() {
    let stage = Stage::new().await;
    begin(&stage).await;
    stream(&stage.store).await;
    let of = subscribed(&stage.store, "active").await;
    let begin = async |more: Value| {
        let mut body = json!({"subscription": of.id, "from": "oldest", "because": "the shop lost its disk"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        stage.ask("ghent.oncall", Method::POST, "/replays", Some(body)).await
    };
    let (status, whole) = begin(json!({"from": "1-3", "to": "1-8", "lanes": ["A"], "rate": "50/s"})).await;
    assert_eq!(status, 201, "{whole:#}");
    for (member, expected) in [
        ("of", json!(of.id)),
        ("subscription", json!(of.label())),
        ("interface", json!("product-facts@1")),
        ("to", json!({"system": "shop", "path": "/hook"})),
        ("after", json!("1-2")),
        ("through", json!("1-8")),
        ("lanes", json!(["A"])),
        ("rate", json!("50/s")),
        ("by", json!("ghent.oncall")),
        ("reason", json!("the shop lost its disk")),
        ("state", json!("requested")),
        ("done_percent", json!(0)),
    ] {
        assert_eq!(whole[member], expected, "{member}: {whole:#}");
    }
    // A range by time: everything came before tomorrow, and nothing before yesterday.
    let day = |days: i64| (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days)).to_string();
    let (_, all) = begin(json!({"from": day(-1), "to": day(1)})).await;
    assert_eq!((&all["after"], &all["through"]), (&json!("0-0"), &json!("1-10")), "{all:#}");
    for (more, expected) in [
        (json!({"from": day(1)}), "FAB7032"),
        (json!({"to": day(-1)}), "FAB7032"),
        (json!({"from": "1-11"}), "FAB7032"),
        (json!({"from": "yesterday"}), "FAB8062"),
        (json!({"from": "2027-01-15"}), "FAB8062"),
        (json!({"rate": "fast"}), "FAB8062"),
        (json!({"lanes": [""]}), "FAB8062"),
        (json!({"lanes": ["A", "Z"]}), "FAB7032"),
        (json!({"subscription": "sub_none"}), "FAB7006"),
        (json!({"subscription": "web-shop/nothing"}), "FAB7006"),
    ] {
        let told = more.to_string();
        assert_eq!(begin(more).await.1["code"], expected, "{told}");
    }
    // By name as by id, and to the newest event where that comes before the end that was said.
    let (_, short) = begin(json!({"subscription": of.label(), "to": "1-900"})).await;
    assert_eq!((&short["of"], &short["through"]), (&json!(of.id), &json!("1-10")), "{short:#}");
    assert_eq!(short["notes"], json!(["the newest event is 1-10: the replay ends there, and not at 1-900"]));
    assert_eq!(whole["notes"], json!([]), "it ends where it was asked to");
    tells_its_rate(&stage, &whole).await;
    // A replay is approved by nodes alone, and a subscription is no replay.
    let because = Some(json!({"because": WHY}));
    for path in
        [format!("/subscriptions/{}/approve", whole["id"].as_str().unwrap()), format!("/replays/{}/pause", of.id)]
    {
        let refused = stage.verdict("ghent.oncall", Method::POST, &path, because.clone()).await;
        assert!(refused.starts_with('4'), "{path}: {refused}");
    }
    assert!(stage.store.verify_ledger().await.unwrap().faults.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_capture_is_shown_with_what_is_parked_and_goes_on_by_a_persons_word() {
    let stage = Stage::new().await;
    begin(&stage).await;
    let hold = captured(&stage.store, "following").await;
    let parked = ParkedCapture {
        record: 7,
        code: "FAB3101".to_owned(),
        cause: Cause::Reference,
        reason: "no such unit".to_owned(),
    };
    stage.store.capture(hold, 1, &CaptureStep { parked: vec![parked], ..CaptureStep::default() }).await.unwrap();
    let copies = async || stage.ask("stranger", Method::GET, "/copies", None).await.1;
    assert_eq!(copies().await, json!({"items": []}), "no copy is kept from it");
    stage.store.captured_found_by(hold, Some("code")).await.unwrap();
    assert_eq!(copies().await["items"][0]["kept_by"], "product-facts@1");
    captured(&stage.store, "paused").await;
    let (_, shown) = stage.ask("stranger", Method::GET, "/captures/product-facts@1", None).await;
    assert_eq!((&shown["state"], &shown["paused"]["code"]), (&json!("paused"), &json!("FAB5140")), "{shown:#}");
    let parked = &shown["records_parked"][0];
    assert_eq!((&parked["record"], &parked["cause"]), (&json!("odoo-7"), &json!("reference")), "{shown:#}");
    let body = json!({"how": "tell", "because": "restored on purpose"});
    let (status, goes_on) =
        stage.ask("ghent.oncall", Method::POST, "/captures/product-facts@1/resume", Some(body)).await;
    assert_eq!((status, &goes_on["state"]), (200, &json!("telling")), "{goes_on:#}");
    let ledger = stage.store.ledger(1, 1_000).await.unwrap();
    let entry = ledger.iter().find(|entry| entry.action == "capture.resumed").unwrap();
    assert_eq!((entry.actor.as_str(), &entry.detail["because"]), ("ghent.oncall", &json!("restored on purpose")));
}
