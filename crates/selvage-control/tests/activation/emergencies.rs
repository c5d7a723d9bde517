//! Emergencies, and other ways around what protects who uses an interface: each is closed where something is proposed or activated.

use selvage_control::desk::lease::Counted;
use selvage_control::desk::{GoingBack, Look as _};
use selvage_model::access::{GrantTerms, LiveGrant};
use selvage_model::change::Change;
use selvage_model::event::{NewRecord, Position};
use selvage_model::name::InterfaceRef;
use selvage_model::usage::{UsageCount, UsageKey, UsageRow};
use selvage_store::{CursorMove, EventBatch, NewCursor, NewRelease, TakenCursor, UsageBatch};

use super::*;

const STOCK: &str = "kind: Team
name: ghent-it
roles: {owner: [gus], on_call: [gus]}
---
kind: Interface
name: stock
version: 1.0
owner: ghent-it
type: event
description: what is there
lifecycle: active
events: {a.stock.moved: {object: item@1}}
";
const WAIVER: &str = "---
kind: Waiver
rule: FAB7151
on: stock@1
because: whoever asks is told
until: 2099-01-01
approved_by: [board]
";

const PUSHED: &str = "---
kind: Grant
consumer: mes
interface: stock@1
operations: [subscribe]
purpose: Plans
---
kind: Subscription
name: moved
consumer: mes
interface: stock@1
events: [a.stock.moved]
";

fn file(text: &str) -> (String, String) {
    ("domains/plant-ghent/stock.yaml".to_owned(), text.to_owned())
}

impl Stage {
    async fn proposed(&self, (path, text): (String, String), emergency: bool) -> Result<Change, DeskError> {
        let domain = selvage_model::domain::domain_of(&path);
        let (files, title, author) = (Files::from([(path, text)]), "it cannot wait".to_owned(), "eve".to_owned());
        self.desk.propose(Proposal { domain: Some(domain), files, title, author, emergency, amends: None }).await
    }

    /// Proposes it, and says why not.
    async fn refused(&self, file: (String, String), emergency: bool) -> String {
        self.proposed(file, emergency).await.unwrap_err().code().as_str().to_owned()
    }

    async fn emergency(&self, file: (String, String)) -> Change {
        let change = self.proposed(file, true).await.unwrap();
        self.desk.release(&change.id, "eve", &self.seal).await.unwrap();
        change
    }

    async fn decided(&self, change: &Change, verdict: DecisionVerdict) {
        let (change, because) = (change.id.clone(), "looked at".to_owned());
        let deciding = Deciding { change, version: None, person: "ann".to_owned(), verdict, because };
        self.desk.decide(deciding).await.unwrap();
    }

    async fn not_activated(&self, release: &str, environment: &str) -> (String, String) {
        let refused = self.desk.activate(release, &activating(environment)).await.unwrap_err();
        (refused.code().as_str().to_owned(), refused.to_string())
    }

    /// An event is delivered to the subscription that there is.
    async fn delivered(&self, stream: &InterfaceRef) {
        let record = NewRecord { id: "e-1".parse().unwrap(), lane: "one".parse().unwrap(), body: b"{}".to_vec() };
        let records = vec![record];
        let batch = EventBatch { stream: stream.clone(), records, acknowledged: Position::START };
        self.store.append_events(&[batch]).await.unwrap();
        let subscription = self.store.subscriptions().await.unwrap().remove(0);
        let (reader, start) = (subscription.reader().unwrap(), subscription.begins);
        let (node, lease) = ("node-a".to_owned(), Duration::from_secs(10));
        let new = NewCursor { stream: stream.clone(), reader, start, node, lease };
        let TakenCursor::Taken { position, fence } = self.store.take_cursor(&new).await.unwrap() else {
            panic!("it is nobody else's")
        };
        let to = Position::new(position.epoch(), position.offset() + 1).unwrap();
        let moved = CursorMove { stream: new.stream, reader: new.reader, fence, to };
        self.store.move_cursor(&moved).await.unwrap();
    }

    /// Somebody asks for the stock now.
    async fn used(&self) {
        self.used_in("node-a", None).await;
    }

    /// The same, at a node of an environment.
    async fn used_in(&self, node: &str, environment: Option<&str>) {
        let key = UsageKey {
            interface: "stock@1".parse().unwrap(),
            consumer: Some("mes".parse().unwrap()),
            operation: "read".to_owned(),
            attribute: None,
        };
        let now = jiff::Timestamp::now();
        let count = UsageCount { requests: 500, ..UsageCount::default() };
        let rows = vec![UsageRow { minute: now, key, count }];
        let environment = environment.map(|name| name.parse().unwrap());
        let batch = UsageBatch { number: 1, covers_until: now, rows, environment, ..UsageBatch::default() };
        assert!(self.store.add_usage(node, &batch).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejected_emergency_is_activated_nowhere_anew() {
    let stage = Stage::new().await;
    let first = stage.released("plant-ghent", plant("ghent", &["mes"])).await;
    stage.activated(&first, "dev").await;
    let more = || plant("ghent", &["mes", "planning"]);
    let change = stage.emergency(more()).await;
    // While it waits, it may go on: that is what it is for.
    stage.activated(&change.release, "dev").await;
    assert_eq!(stage.desk.ways_back(&change).await.unwrap().len(), 1);
    stage.decided(&change, DecisionVerdict::Reject).await;
    let (code, said) = stage.not_activated(&change.release, "test").await;
    assert!(code == "FAB7180" && said.contains("`ann` rejected"), "{code}: {said}");
    // It runs until somebody goes back from it, and nobody goes back to it.
    let back = |to: Option<String>| GoingBack { domain: "plant-ghent".parse().unwrap(), from: None, to };
    let went = stage.desk.roll_back(&back(None), &activating("dev")).await.unwrap();
    assert_eq!(went.release, first);
    let refused = stage.desk.roll_back(&back(Some(change.release.clone())), &activating("dev")).await.unwrap_err();
    assert_eq!(refused.code().as_str(), "FAB7180", "{refused}");
    // Nor does it slip in with the next change: that is compared with what was approved.
    let (path, text) = more();
    let next = stage.proposed((path, format!("{text}# a word\n")), false).await.unwrap();
    let added = next.report.differences.iter().any(|it| it["code"] == "access.grant.added");
    assert!(added, "{:#?}", next.report.differences);
    let back = stage.proposed(plant("ghent", &["mes"]), false).await.unwrap();
    assert!(back.report.differences.is_empty(), "{:#?}", back.report.differences);
    // Who rejected it may think better of it.
    stage.decided(&change, DecisionVerdict::Approve).await;
    stage.activated(&change.release, "dev").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emergency_that_nobody_ratified_in_time_goes_no_further() {
    let stage = Stage::new().await;
    let change = stage.proposed(plant("ghent", &["mes"]), true).await.unwrap();
    let signature = stage.seal.sign(&change.release, &change.domain, &change.id);
    let key = &stage.seal.key().id;
    let (change, signature, by) = (&change, &signature[..], "eve");
    stage.store.release_change(NewRelease { change, key, signature, by, ratify_within_hours: Some(0) }).await.unwrap();
    let (code, said) = stage.not_activated(&change.release, "dev").await;
    assert!(code == "FAB7180" && said.contains("was to be ratified"), "{code}: {said}");
    stage.decided(change, DecisionVerdict::Approve).await;
    stage.activated(&change.release, "dev").await;
}

/// INVARIANT: LIVE-LIFECYCLE: nobody asks for what is pushed, and no gateway counts it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_delivered_is_used_and_not_retired() {
    let stage = Stage::new().await;
    let stream: InterfaceRef = "stock@1".parse().unwrap();
    stage.store.open_event_stream(&stream, None).await.unwrap();
    let pushed = |stock: &str| file(&format!("{stock}{PUSHED}"));
    let first = stage.released("plant-ghent", pushed(STOCK)).await;
    stage.activated(&first, "dev").await;
    let span = Duration::from_secs(90 * 86_400);
    let grant = stage.store.access_state().await.unwrap().grants.remove(0);
    assert_eq!(Counted::read(&stage.store, span).await.unwrap().last_use(&grant), None);
    stage.proposed(pushed(&retired()), false).await.unwrap();

    stage.delivered(&stream).await;
    assert_eq!(stage.refused(pushed(&retired()), false).await, "FAB7151");
    let counted = Counted::read(&stage.store, span).await.unwrap();
    assert!(counted.last_use(&grant).is_some());
    let used = counted.totals.iter().find(|total| total.key.interface == stream).unwrap();
    assert_eq!((used.key.operation.as_str(), used.count.requests), ("subscribe", 0));
}

/// Environments share this store: what one of them asks for is no use of another's grant, and each stands in the way of a retirement.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn use_is_told_apart_by_environment() {
    let stage = Stage::new().await;
    let first = stage.released("plant-ghent", file(STOCK)).await;
    stage.activated(&first, "dev").await;
    stage.activated(&first, "test").await;
    stage.used_in("node-a", Some("test")).await;
    let counted = Counted::read(&stage.store, Duration::from_secs(90 * 86_400)).await.unwrap();
    let fabric = Reading { judges: true }.read(&Files::from([file(STOCK)]));
    let used = |counted: &Counted, environment: Option<&str>| {
        let grant = LiveGrant {
            id: "grt_1".to_owned(),
            consumer: "mes".parse().unwrap(),
            interface: "stock@1".parse().unwrap(),
            terms: GrantTerms::whole(["read"]).into(),
            environment: environment.map(|name| name.parse().unwrap()),
            ended: None,
        };
        counted.breadth(&fabric, &grant).is_used()
    };
    let environments = [Some("test"), Some("dev"), None];
    assert_eq!(environments.map(|it| used(&counted, it)), [true, false, true]);
    let refused = stage.proposed(file(&retired()), false).await.unwrap_err();
    let DeskError::Refused { findings, .. } = &refused else { panic!("{refused}") };
    assert!(findings[0].message.contains(": in test at "), "{findings:?}");
    // What no node says where it was may have been anywhere.
    stage.used_in("node-b", None).await;
    let counted = Counted::read(&stage.store, Duration::from_secs(90 * 86_400)).await.unwrap();
    assert_eq!(counted.totals.len(), 1);
    assert_eq!(environments.map(|it| used(&counted, it)), [true, true, true]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_detour_retires_what_is_used() {
    let stage = Stage::new().await;
    let first = stage.released("plant-ghent", file(STOCK)).await;
    stage.activated(&first, "dev").await;
    stage.used().await;
    let gone = || file(STOCK.split("---").next().unwrap());
    assert_eq!(stage.refused(gone(), true).await, "FAB7151");
    // Blocked for a while is not gone.
    let blocked = STOCK.replace("lifecycle: active", "lifecycle: blocked");
    stage.released("plant-ghent", file(&blocked)).await;
    assert_eq!(stage.refused(gone(), false).await, "FAB7151");
    // Nobody waives it alone, neither before nor with what it is for.
    assert_eq!(stage.refused(file(&format!("{STOCK}{WAIVER}")), true).await, "FAB7025");
    assert_eq!(stage.refused(file(&format!("{}{WAIVER}", retired())), true).await, "FAB7151");
    // A waiver that was approved and is active counts, though it goes with what it was for.
    let waived = stage.released("plant-ghent", file(&format!("{STOCK}{WAIVER}"))).await;
    stage.activated(&waived, "dev").await;
    let without = stage.released("plant-ghent", gone()).await;
    assert_eq!(stage.activated(&without, "dev").await.release, without);
}

fn retired() -> String {
    STOCK.replace("lifecycle: active", "lifecycle: retired")
}

/// INVARIANT: APPROVED: it comes round nobody whom the waiver would have needed by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiver_that_comes_with_what_it_waives_takes_the_approvals_of_both() {
    let stage = Stage::new().await;
    let boards = "---\nkind: Domain\nname: plant-ghent\nboard: {operations: [oda], security: [sam], legal: [lea], quorum: 2}\n\
                  ---\nkind: Domain\nname: plant-brno\nboard: {operations: [bea], security: [bob], quorum: 2}\n";
    stage.released("group", ("fabric.yaml".to_owned(), format!("{GROUP}{boards}"))).await;
    let first = stage.released("plant-ghent", file(STOCK)).await;
    stage.activated(&first, "dev").await;
    stage.used().await;
    assert_eq!(stage.refused(file(&retired()), false).await, "FAB7151");

    let needs = |change: &Change| {
        let needs = change.requirements.iter().map(|it| it.need.to_string());
        needs.collect::<std::collections::BTreeSet<String>>()
    };
    for approved_by in ["[owner]", "[legal]", "[board, legal]"] {
        let waiver = WAIVER.replace("[board]", approved_by);
        let alone = stage.proposed(file(&format!("{STOCK}{waiver}")), false).await.unwrap();
        let both = stage.proposed(file(&format!("{}{waiver}", retired())), false).await.unwrap();
        let (alone, of_both) = (needs(&alone), needs(&both));
        assert!(alone.is_subset(&of_both), "{approved_by}: {alone:?}, {of_both:?}");
        for need in ["an owner in ghent-it", "2 disciplines of the board of plant-ghent"] {
            assert!(of_both.contains(need), "{approved_by}: {of_both:?}");
        }
        let named = of_both.contains("legal on the board of plant-ghent");
        assert_eq!(named, approved_by.contains("legal"), "{of_both:?}");
        // And it has to have them.
        let early = stage.desk.release(&both.id, "ann", &stage.seal).await.unwrap_err();
        assert_eq!(early.code().as_str(), "FAB7055", "{early}");
    }
    // What is over waives nothing, and neither does what is about something else.
    for waiver in [WAIVER.replace("2099", "2020"), WAIVER.replace("FAB7151", "FAB7143")] {
        assert_eq!(stage.refused(file(&format!("{}{waiver}", retired())), false).await, "FAB7151");
    }

    // Another domain's waiver of what ends here is for the board and the owner of here.
    let ending = STOCK
        .replace("lifecycle: active", "lifecycle: deprecated\ndeprecation: {since: 2026-11-01, sunset: 2099-11-01}");
    stage.released("plant-ghent", file(&ending)).await;
    let grant = "kind: Grant\nconsumer: newbie\ninterface: stock@1\noperations: [list]\npurpose: Plans\n";
    let there = |text: String| ("domains/plant-brno/stock.yaml".to_owned(), text);
    assert_eq!(stage.refused(there(grant.to_owned()), false).await, "FAB7143");
    let waiver = WAIVER.replace("FAB7151", "FAB7143").replace("[board]", "[operations]");
    let both = stage.proposed(there(format!("{grant}{waiver}")), false).await.unwrap();
    for need in ["an owner in ghent-it", "the board of plant-ghent", "2 disciplines of the board of plant-brno"] {
        assert!(needs(&both).contains(need), "{:?}", needs(&both));
    }

    // Approved together, they are released and activated together.
    let both = stage.released("plant-ghent", file(&format!("{}{WAIVER}", retired()))).await;
    assert_eq!(stage.activated(&both, "dev").await.release, both);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_give_no_new_access_to_what_ends() {
    let stage = Stage::new().await;
    let (path, granted) = plant("ghent", &["mes"]);
    let declared = |lifecycle: &str| {
        let ends = STOCK.replace("name: stock", "name: ghent-stock").replace("lifecycle: active", lifecycle);
        (path.clone(), format!("{ends}---\n{granted}"))
    };
    let ending = "lifecycle: deprecated\ndeprecation: {since: 2026-11-01, sunset: 2099-11-01}";
    stage.released("plant-ghent", declared("lifecycle: active")).await;
    stage.released("plant-ghent", declared(ending)).await;
    // What is there stays as it is.
    let (path, text) = declared(ending);
    let longer = text.replace("purpose: Plans", "purpose: Plans what is made");
    stage.released("plant-ghent", (path.clone(), longer)).await;
    let more = "---\nkind: Grant\nconsumer: newbie\ninterface: ghent-stock@1\noperations: [list]\npurpose: Plans\n";
    for added in [more.to_owned(), subscribed("ghent", "a.stock.moved")] {
        assert_eq!(stage.refused((path.clone(), format!("{text}{added}")), false).await, "FAB7143", "{added}");
    }
    let wider = text.replace("[list, subscribe]", "[list, get, subscribe]");
    assert_eq!(stage.refused((path.clone(), wider), true).await, "FAB7143");
    // Another domain neither, unless that was waived.
    let other = || ("domains/plant-brno/stock.yaml".to_owned(), more.trim_start_matches("---\n").to_owned());
    assert_eq!(stage.refused(other(), false).await, "FAB7143");
    let waiver = WAIVER.replace("FAB7151", "FAB7143").replace("stock@1", "ghent-stock@1");
    stage.released("plant-ghent", (path, format!("{text}{waiver}"))).await;
    stage.released("plant-brno", other()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emergency_passes_what_only_says_that_it_is_early_and_that_is_on_record() {
    let stage = Stage::new().await;
    let strict = GROUP.replace("gates: {faults: true}", "gates: {faults: true, soak: 24h}");
    let group = stage.released("group", ("fabric.yaml".to_owned(), strict)).await;
    stage.activated(&group, "dev").await;
    assert_eq!(stage.not_activated(&group, "test").await.0, "FAB7057");
    // What is released in an emergency passes it, loudly.
    let change = stage
        .emergency((
            "fabric.yaml".to_owned(),
            format!("{}# now\n", GROUP.replace("faults: true", "faults: true, soak: 24h")),
        ))
        .await;
    assert_eq!(stage.not_activated(&change.release, "test").await.0, "FAB7057", "what comes before comes before");
    stage.activated(&change.release, "dev").await;
    let went = stage.activated(&change.release, "test").await;
    let gate = went.gates.iter().find(|gate| gate.gate == "soak").unwrap();
    assert!(!gate.open && gate.passed_in_emergency, "{:#?}", went.gates);
    let entries = stage.store.ledger(1, 1000).await.unwrap();
    let passed: Vec<_> = entries.iter().filter(|entry| entry.action == "gates.passed-in-emergency").collect();
    assert_eq!(passed.len(), 1);
    assert_eq!(
        (passed[0].subject.as_str(), &passed[0].detail["gates"][0]["gate"]),
        ("test", &serde_json::json!("soak"))
    );
    // What waits like any other waits there.
    let plain = stage.released("plant-ghent", plant("ghent", &["mes"])).await;
    stage.activated(&plain, "dev").await;
    assert_eq!(stage.not_activated(&plain, "test").await.0, "FAB7057");
}
