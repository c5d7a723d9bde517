//! What is stuck, cut off or urgent, in the matrix: dead letters with their messages, blocks, keys, emergencies, going back; and a node that
//! serves a directory, whose people are in the directory alone.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use selvage_control::desk::Activating;
use selvage_control::desk::lease::whole;
use selvage_model::access::{Blocked, KeyHash, Principal};
use selvage_model::change::{Change, DecisionVerdict, Delegation};
use selvage_model::delivery::Cause;
use selvage_model::event::Position;
use selvage_model::subscription::{Beginning, DeliveryTerms, SubscriptionTerms};
use selvage_store::{
    AskedSubscription, CursorMove, Deliveries, LaneTrouble, NewCursor, NewDeadLetter, NewKey, NewRelease,
    ParkedMessage, Store, SubscriptionStep, TakenCursor,
};
use serde_json::{Value, json};

use crate::leases::MORE;
use crate::{GHENT, ROLES, Stage, begin};

fn roles() -> impl Iterator<Item = &'static str> {
    ROLES.into_iter().chain(MORE)
}

/// What the shop asks for.
fn asked() -> AskedSubscription {
    let deliver = DeliveryTerms {
        system: "shop".parse().unwrap(),
        path: "/hook".to_owned(),
        secrets: Vec::new(),
        in_lanes: true,
        max_in_flight: 4,
        rate: None,
        timeout: Duration::from_secs(5),
        idempotent: false,
    };
    AskedSubscription {
        consumer: "web-shop".parse().unwrap(),
        name: "products".parse().unwrap(),
        interface: "products@1".parse().unwrap(),
        terms: SubscriptionTerms {
            events: vec!["a.b.made".to_owned()],
            from: Beginning::Newest,
            until: None,
            on_end: selvage_model::access::EndAction::End,
            lag: None,
            deliver: Some(deliver),
            replay: None,
        },
    }
}

/// A subscription to what Ghent owns, whose messages die.
struct Dying {
    none: Deliveries,
    died: u64,
}

impl Dying {
    async fn new(store: &Store) -> Self {
        let grant = (
            "web-shop".parse().unwrap(),
            "products@1".parse().unwrap(),
            whole(vec!["subscribe".to_owned()], None, None),
        );
        store.apply_manifest_grants(&[grant], "serve").await.unwrap();
        store.apply_manifest_subscriptions(&[asked()], true, "serve").await.unwrap();
        let subscription = store.subscriptions().await.unwrap().remove(0);
        store.open_event_stream(&subscription.interface, None).await.unwrap();
        for step in [SubscriptionStep::Probed, SubscriptionStep::Begun] {
            store.step_subscription(&subscription.id, step, "node-a", "so").await.unwrap();
        }
        let lease = Duration::from_secs(3_600);
        let new = NewCursor {
            stream: subscription.interface.clone(),
            reader: subscription.reader().unwrap(),
            start: Position::START,
            node: "node-a".to_owned(),
            lease,
        };
        let TakenCursor::Taken { position, fence } = store.take_cursor(&new).await.unwrap() else {
            panic!("it is held")
        };
        let moved = CursorMove { stream: new.stream, reader: new.reader, fence, to: position };
        let none = Deliveries {
            subscription: subscription.id,
            moved,
            lease,
            delivered: Vec::new(),
            troubles: Vec::new(),
            aside: Vec::new(),
            dead: Vec::new(),
            attempts: Vec::new(),
            drained: Vec::new(),
            held: None,
            withheld: Vec::new(),
            passed: Vec::new(),
            arrived: Vec::new(),
            forgets: false,
        };
        Self { none, died: 0 }
    }

    /// A dead letter in a lane of its own.
    async fn letter(&mut self, store: &Store) -> String {
        self.died += 1;
        let (at, id) = (Position::new(1, self.died).unwrap(), format!("dlt_{}", self.died));
        let (lane, event) = (format!("lane-{}", self.died), format!("e-{}", self.died));
        let now = Timestamp::now();
        let trouble = LaneTrouble {
            lane: lane.parse().unwrap(),
            through: at,
            cause: Cause::Refused,
            because: "422".to_owned(),
            attempts: 1,
            spent: Duration::ZERO,
            failed: now,
            due: None,
        };
        let message = ParkedMessage {
            is_damaged: false,
            position: at,
            event: event.parse().unwrap(),
            body: json!({"data": {"price": "secret"}}).to_string().into_bytes(),
            appended: now,
        };
        let dead = NewDeadLetter {
            id: id.clone(),
            lane: lane.parse().unwrap(),
            position: at,
            event: event.parse().unwrap(),
            cause: Cause::Refused,
            because: "422".to_owned(),
            attempts: 1,
            died: now,
        };
        let parked = Deliveries {
            moved: CursorMove { to: at, ..self.none.moved.clone() },
            troubles: vec![trouble],
            aside: vec![(lane.parse().unwrap(), message)],
            dead: vec![dead],
            ..self.none.clone()
        };
        store.record_deliveries(&[parked]).await.unwrap().remove(0).unwrap();
        id
    }
}

/// Dead letters, and events with their data.
async fn letters(stage: &Stage, text: &mut String, state: &str) {
    let mut dying = Dying::new(&stage.store).await;
    let because = "the matrix";
    for role in roles() {
        let answer = stage.verdict(role, Method::GET, "/events/products@1?data=true", None).await;
        writeln!(text, "{role} | plant-ghent | {state} | events with data | {answer}").unwrap();
        let id = dying.letter(&stage.store).await;
        let (status, shown) = stage.ask(role, Method::GET, &format!("/dead-letters/{id}"), None).await;
        let seen = if shown["message"].is_null() { "" } else { " with its message" };
        writeln!(text, "{role} | plant-ghent | {state} | show a dead letter | {status}{seen}").unwrap();
        for (step, path, body) in [
            ("try redriving", "redrive", json!({"ids": [id], "dry_run": true, "because": because})),
            ("redrive", "redrive", json!({"ids": [id], "because": because})),
        ] {
            let answer = stage.verdict(role, Method::POST, &format!("/dead-letters/{path}"), Some(body)).await;
            writeln!(text, "{role} | plant-ghent | {state} | {step} | {answer}").unwrap();
        }
        let body = json!({"ids": [dying.letter(&stage.store).await], "because": because});
        let answer = stage.verdict(role, Method::POST, "/dead-letters/discard", Some(body)).await;
        writeln!(text, "{role} | plant-ghent | {state} | discard | {answer}").unwrap();
    }
}

/// What is cut off at once, and lifted again.
pub(crate) async fn cut(stage: &Stage, text: &mut String) {
    for path in ["/blocks", "/keys"] {
        for role in roles() {
            let answer = stage.verdict(role, Method::GET, path, None).await;
            writeln!(text, "{role} | | | GET {path} | {answer}").unwrap();
        }
    }
    let because = "the matrix";
    let lift = json!({"because": because});
    for (what, of, name) in [
        ("consumer of another plant", Blocked::Consumer("web-shop".parse().unwrap()), json!({"consumer": "web-shop"})),
        ("interface", Blocked::Interface("products@1".parse().unwrap()), json!({"interface": "products@1"})),
    ] {
        for role in roles() {
            let mut body = name.clone();
            body["because"] = because.into();
            let answer = stage.verdict(role, Method::POST, "/blocks", Some(body)).await;
            writeln!(text, "{role} | plant-ghent | {what} | block | {answer}").unwrap();
            let block = stage.store.block(&of, "group.board", because).await.unwrap();
            let path = format!("/blocks/{}/lift", block.id);
            let answer = stage.verdict(role, Method::POST, &path, Some(lift.clone())).await;
            writeln!(text, "{role} | plant-ghent | {what} | lift | {answer}").unwrap();
            stage.store.lift_block(&block.id, "group.board", because).await.unwrap();
        }
    }
    for (what, principal) in [
        ("key of a consumer of another plant", Principal::Consumer("web-shop".parse().unwrap())),
        ("key of ghent.oncall", Principal::Operator("ghent.oncall".to_owned())),
    ] {
        for role in roles() {
            let hash = KeyHash(*uuid::Uuid::new_v4().as_bytes().repeat(2).first_chunk().unwrap());
            let new = NewKey { principal: principal.clone(), hash, expires: None };
            let key = stage.store.issue_key(new, "group.board").await.unwrap();
            let path = format!("/keys/{}/revocation", key.id);
            let answer = stage.verdict(role, Method::POST, &path, Some(lift.clone())).await;
            writeln!(text, "{role} | plant-ghent | {what} | revoke | {answer}").unwrap();
        }
    }
}

/// A change of Ghent's author that cannot wait; released, it waits to be ratified.
async fn emergency(stage: &Stage, state: &str) -> Change {
    let open = stage.emergency("plant-ghent").await;
    if state == "emergency" {
        return open;
    }
    let (key, by) = (stage.seal.key().id.as_str(), "ghent.author");
    let new = NewRelease { change: &open, key, signature: &[0; 64], by, ratify_within_hours: Some(24) };
    stage.store.release_change(new).await.unwrap();
    let owner = stage.store.decide_change(&open.id, 1, "ghent.owner", DecisionVerdict::Approve, "well").await.unwrap();
    // Whose word lacks is the board's.
    assert!(owner.ratify_until.is_some());
    owner
}

async fn urgent(stage: &Stage, text: &mut String) {
    let said = |verdict: &str| Some(json!({"verdict": verdict, "because": "the matrix", "version": 1}));
    for (state, step, path, body) in [
        ("emergency", "release", "/release", None),
        ("emergency", "reject", "/decisions", said("reject")),
        ("emergency, released", "ratify", "/decisions", said("approve")),
        ("emergency, released", "reject", "/decisions", said("reject")),
    ] {
        for role in roles() {
            let change = emergency(stage, state).await;
            let answer =
                stage.verdict(role, Method::POST, &format!("/changes/{}{path}", change.id), body.clone()).await;
            writeln!(text, "{role} | plant-ghent | {state} | {step} | {answer}").unwrap();
        }
    }
}

/// Emergencies from their proposal to going back from them, by each who may raise one alone.
async fn raised(stage: &Stage, text: &mut String) {
    let proposal = |word: &str| {
        let files = json!({"domains/plant-ghent/teams.yaml": format!("{GHENT}# {word}\n")});
        json!({"domain": "plant-ghent", "title": "the line stands", "files": files, "emergency": true})
    };
    for role in roles() {
        let answer = stage.verdict(role, Method::POST, "/changes", Some(proposal(role))).await;
        writeln!(text, "{role} | plant-ghent | none | propose an emergency | {answer}").unwrap();
    }
    let who = "ghent.oncall";
    let (status, change) = stage.ask(who, Method::POST, "/changes", Some(proposal("a shift at night"))).await;
    assert_eq!(status, 201, "{change:#}");
    let path = format!("/changes/{}/release", change["id"].as_str().unwrap());
    let (status, release) = stage.ask(who, Method::POST, &path, None).await;
    assert_eq!(status, 201, "{release:#}");
    let activate = json!({"release": release["release"], "because": "the matrix"});
    for role in roles() {
        let path = "/environments/test/activations";
        let answer = stage.verdict(role, Method::POST, path, Some(activate.clone())).await;
        writeln!(text, "{role} | plant-ghent | emergency, released | activate | {answer}").unwrap();
    }
    for role in roles() {
        let environment = "test".parse().unwrap();
        let activating = Activating { environment, by: who.to_owned(), because: "the matrix".to_owned() };
        stage.desk.activate(release["release"].as_str().unwrap(), &activating).await.unwrap();
        let body = json!({"domain": "plant-ghent", "because": "the matrix"});
        let answer = stage.verdict(role, Method::POST, "/environments/test/rollbacks", Some(body)).await;
        writeln!(text, "{role} | plant-ghent | emergency, active in test | roll back | {answer}").unwrap();
    }
}

/// Boards, seats that are lent, and seats that are taken back.
pub(crate) async fn deputies(stage: &Stage, text: &mut String) {
    for role in roles() {
        let answer = stage.verdict(role, Method::GET, "/boards", None).await;
        writeln!(text, "{role} | | | list boards | {answer}").unwrap();
    }
    let body = json!({"discipline": "security", "to": "a.deputy", "until": "2099-12-31"});
    for (domain, discipline, from) in [
        ("plant-ghent", "security", "ghent.board"),
        ("plant-brno", "security", "brno.board"),
        ("group", "architecture", "group.board"),
    ] {
        for role in roles() {
            let mut body = body.clone();
            body["discipline"] = discipline.into();
            let path = format!("/boards/{domain}/delegations");
            let answer = stage.verdict(role, Method::POST, &path, Some(body)).await;
            writeln!(text, "{role} | {domain} | {discipline} | lend a seat | {answer}").unwrap();
            let lent = Delegation {
                id: String::new(),
                domain: domain.parse().unwrap(),
                discipline: discipline.to_owned(),
                from: from.to_owned(),
                to: "ghent.oncall".to_owned(),
                until: Timestamp::now() + jiff::SignedDuration::from_hours(1),
                unproven: false,
            };
            let lent = stage.desk.lend(&lent).await.unwrap();
            let answer = stage.verdict(role, Method::POST, &format!("/delegations/{}/end", lent.id), None).await;
            writeln!(text, "{role} | {domain} | lent to ghent.oncall | take a seat back | {answer}").unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_is_lent_over_http_for_a_time_and_taken_back() {
    let stage = Stage::new().await;
    begin(&stage).await;
    let path = "/boards/plant-ghent/delegations";
    let body = |until: &str| Some(json!({"discipline": "security", "to": "stranger", "until": until}));
    assert_eq!(stage.verdict("ghent.board", Method::POST, path, body("2001-01-01")).await, "422 FAB7209");
    assert_eq!(stage.verdict("ghent.board", Method::POST, path, body("soon")).await, "400 FAB8062");
    let (status, lent) = stage.ask("ghent.board", Method::POST, path, body("2099-12-31")).await;
    assert_eq!((status, &lent["until"]), (201, &json!("2100-01-01T00:00:00Z")), "{lent:#}");
    let listed = async || {
        let (_, boards) = stage.ask("stranger", Method::GET, "/boards", None).await;
        let boards = boards["items"].as_array().unwrap().clone();
        boards.into_iter().find(|board| board["domain"] == "plant-ghent").unwrap()["seats"][0]["lent"].clone()
    };
    assert_eq!(listed().await[0]["to"], "stranger");
    let end = format!("/delegations/{}/end", lent["id"].as_str().unwrap());
    // A deputy lends a seat no further, and gives it back.
    assert_eq!(stage.verdict("stranger", Method::POST, path, body("2099-12-31")).await, "403 FAB7061");
    assert_eq!(stage.verdict("brno.board", Method::POST, &end, None).await, "403 FAB7061");
    assert_eq!(stage.verdict("stranger", Method::POST, &end, None).await, "200");
    assert_eq!(stage.verdict("stranger", Method::POST, &end, None).await, "404 FAB7006");
    assert_eq!(listed().await, json!([]));
}

/// Going back, where there is something to go back to.
async fn back(stage: &Stage, text: &mut String) {
    let body = |text: &str| json!({"domains/plant-ghent/teams.yaml": format!("{GHENT}# {text}\n")});
    let mut ids = Vec::new();
    for word in ["one", "two"] {
        let release = stage.released("plant-ghent", body(word), "ghent.board").await;
        ids.push(release["release"].as_str().unwrap().to_owned());
    }
    let environment: selvage_model::name::EnvironmentName = "test".parse().unwrap();
    for role in roles() {
        for id in &ids {
            let because = "the matrix".to_owned();
            let activating = Activating { environment: environment.clone(), by: "group.board".to_owned(), because };
            stage.desk.activate(id, &activating).await.unwrap();
        }
        let body = json!({"domain": "plant-ghent", "because": "the matrix"});
        let answer = stage.verdict(role, Method::POST, "/environments/test/rollbacks", Some(body)).await;
        writeln!(text, "{role} | plant-ghent | two in test | roll back | {answer}").unwrap();
    }
    for role in roles() {
        let answer = stage.verdict(role, Method::GET, &format!("/releases/{}", ids[0]), None).await;
        writeln!(text, "{role} | plant-ghent | two in test | show a release | {answer}").unwrap();
    }
}

/// A file of its own, since each cell takes its time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_matrix_of_what_is_stuck_cut_off_and_urgent() {
    let stage = Stage::new().await;
    begin(&stage).await;
    let mut text = String::from("who | domain | state | step | answer\n");
    back(&stage, &mut text).await;
    urgent(&stage, &mut text).await;
    raised(&stage, &mut text).await;
    letters(&stage, &mut text, "released").await;
    // Nothing was released to this node: it serves a directory, which names people all the same.
    let served = Stage::new().await;
    letters(&served, &mut text, "served from a directory").await;
    let propose = json!({"domain": "group", "title": "the first of all", "files": {"fabric.yaml": crate::GROUP}});
    for role in roles() {
        let answer = served.verdict(role, Method::POST, "/changes", Some(propose.clone())).await;
        writeln!(text, "{role} | group | served from a directory | propose | {answer}").unwrap();
    }
    cut(&stage, &mut text).await;
    deputies(&stage, &mut text).await;
    insta::assert_snapshot!("control_api_matrix_of_what_is_stuck", text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nothing_declares_is_blocked_only_where_that_is_said() {
    let stage = Stage::new().await;
    begin(&stage).await;
    let block = |name: &str, more: Value| {
        let mut body = json!({"consumer": name, "because": "a leak"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Some(body)
    };
    let (status, refused) = stage.ask("group.board", Method::POST, "/blocks", block("web-shp", json!({}))).await;
    assert_eq!((status, &refused["code"]), (422, &json!("FAB7193")), "{refused:#}");
    assert!(refused["detail"].as_str().unwrap().contains("did you mean `web-shop`?"), "{refused:#}");
    let (status, blocked) =
        stage.ask("group.board", Method::POST, "/blocks", block("web-shp", json!({"anyway": true}))).await;
    assert_eq!((status, &blocked["nodes"]), (201, &json!([])), "{blocked:#}");
    let both = Some(json!({"consumer": "web-shop", "interface": "products@1", "because": "x"}));
    assert_eq!(stage.verdict("group.board", Method::POST, "/blocks", both).await, "400 FAB8062");
    let (_, blocks) = stage.ask("stranger", Method::GET, "/blocks", None).await;
    assert_eq!(blocks["items"].as_array().unwrap().len(), 1, "{blocks:#}");
    for (path, code) in [("/blocks/blk_none/lift", "404 FAB7006"), ("/keys/key_none/revocation", "404 FAB7006")] {
        let because = Some(json!({"because": "x"}));
        assert_eq!(stage.verdict("group.board", Method::POST, path, because).await, code);
    }
}
