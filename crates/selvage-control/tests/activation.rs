//! Activations that meet: what was judged is what runs, and the access is what all that is active asks for, whatever happens meanwhile.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

#[path = "activation/beside.rs"]
mod beside;
#[path = "activation/emergencies.rs"]
mod emergencies;
#[path = "activation/going_back.rs"]
mod going_back;
#[path = "activation/packages.rs"]
mod packages;
#[path = "stage/reading.rs"]
mod reading;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use beside::{Beside, Happens};
use futures_util::future::BoxFuture;
use reading::Reading;
use selvage_control::desk::{Activating, Deciding, Desk, DeskError, Files, GoingBack, Proposal, Seal, Went};
use selvage_model::change::DecisionVerdict;
use selvage_model::usage::{PromiseCount, PromiseKey, PromiseRow, Promised};
use selvage_store::{Store, UsageBatch};

// Written in another order than they come in.
const GROUP: &str = "kind: Fabric
name: velo-works
environments: {prod: {after: [test], protected: true}, dev: {}, test: {after: [dev], gates: {faults: true}}}
---
kind: Domain
name: group
board: {drafting: [eve], security: [ann], quorum: 1}
";

/// What a plant declares: who reads what lies there.
fn plant(name: &str, consumers: &[&str]) -> (String, String) {
    let grants = consumers.iter().map(|consumer| {
        format!("kind: Grant\nconsumer: {consumer}\ninterface: {name}-stock@1\noperations: [list, subscribe]\npurpose: Plans\n")
    });
    (format!("domains/plant-{name}/stock.yaml"), grants.collect::<Vec<_>>().join("---\n"))
}

fn subscribed(name: &str, events: &str) -> String {
    format!(
        "---\nkind: Subscription\nname: moved\nconsumer: mes\ninterface: {name}-stock@1\nevents: [{events}]\nfrom: oldest\n"
    )
}

/// Lets something else be activated while a release passes its gates.
struct Meanwhile {
    desk: Desk,
    releases: Vec<String>,
    looks: Arc<AtomicUsize>,
}

impl Happens for Meanwhile {
    fn at_faults(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Some(release) = self.releases.get(self.looks.fetch_add(1, Ordering::SeqCst)) {
                self.desk.activate(release, &activating("dev")).await.unwrap();
            }
        })
    }
}

struct Stage {
    store: Store,
    desk: Desk,
    seal: Seal,
    directory: tempfile::TempDir,
}

fn activating(environment: &str) -> Activating {
    Activating { environment: environment.parse().unwrap(), by: "ann".to_owned(), because: "it is time".to_owned() }
}

impl Stage {
    /// A store in which nothing was released.
    async fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", directory.path().join("selvage.db").display())).await.unwrap();
        let desk = Desk::new(store.clone(), Arc::new(Reading { judges: false }));
        let seal = Seal::open(&directory.path().join("release.key")).unwrap();
        Self { store, desk, seal, directory }
    }

    /// A store in which the group has released, and runs everywhere.
    async fn new() -> Self {
        let stage = Self::empty().await;
        let group = stage.released("group", ("fabric.yaml".to_owned(), GROUP.to_owned())).await;
        for environment in ["dev", "test", "prod"] {
            stage.activated(&group, environment).await;
        }
        stage
    }

    async fn released(&self, domain: &str, (path, text): (String, String)) -> String {
        let proposal = Proposal {
            domain: Some(domain.parse().unwrap()),
            files: Files::from([(path, text)]),
            title: "more".to_owned(),
            author: "eve".to_owned(),
            emergency: false,
            amends: None,
        };
        let change = self.desk.propose(proposal).await.unwrap();
        while let Some(person) = self.waits_for(&change.id).await {
            let deciding = Deciding {
                change: change.id.clone(),
                version: None,
                person,
                verdict: DecisionVerdict::Approve,
                because: "well".to_owned(),
            };
            self.desk.decide(deciding).await.unwrap();
        }
        self.desk.release(&change.id, "ann", &self.seal).await.unwrap().id
    }

    /// Somebody who has to approve it still.
    async fn waits_for(&self, change: &str) -> Option<String> {
        let (_, standing) = self.desk.change(change).await.unwrap();
        let waiting = standing.open.first()?;
        Some(waiting.people.first().unwrap_or_else(|| panic!("nobody can give {:?}", waiting.requirement)).clone())
    }

    async fn activated(&self, release: &str, environment: &str) -> Went {
        self.desk.activate(release, &activating(environment)).await.unwrap()
    }

    /// A desk at which these are activated, one each time that gates are looked at.
    fn meanwhile(&self, releases: &[&String]) -> (Desk, Arc<AtomicUsize>) {
        let looks = Arc::new(AtomicUsize::new(0));
        let releases = releases.iter().map(|release| (*release).clone()).collect();
        let look = Meanwhile { desk: self.desk.clone(), releases, looks: Arc::clone(&looks) };
        (Desk::new(self.store.clone(), Arc::new(Beside(look))), looks)
    }

    /// Who may do something in an environment.
    async fn open(&self, environment: &str) -> String {
        let (environment, access) = (environment.parse().unwrap(), self.store.access_state().await.unwrap());
        let alive = access.grants_in(&environment).filter(|grant| grant.ended.is_none());
        let mut names: Vec<&str> = alive.map(|grant| grant.consumer.as_str()).collect();
        names.sort_unstable();
        names.join(" ")
    }

    /// Who may do something where, and whose access has ended.
    async fn access(&self) -> (Vec<String>, Vec<String>) {
        let grants = self.store.access_state().await.unwrap().grants;
        let (alive, ended): (Vec<_>, Vec<_>) = grants.into_iter().partition(|grant| grant.ended.is_none());
        let names = |grants: Vec<selvage_model::access::LiveGrant>| {
            let mut names: Vec<String> = grants.iter().map(written).collect();
            names.sort();
            names
        };
        (names(alive), names(ended))
    }
}

fn written(it: &selvage_model::access::LiveGrant) -> String {
    let environment = it.environment.as_ref().map_or("everywhere", |environment| environment.as_str());
    format!("{environment}: {} {}", it.consumer, it.interface)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_activated_meanwhile_keeps_what_it_asks_for() {
    let stage = Stage::new().await;
    let ghent = stage.released("plant-ghent", plant("ghent", &["mes"])).await;
    let brno = stage.released("plant-brno", plant("brno", &["mes", "planning"])).await;
    stage.activated(&ghent, "dev").await;
    let (desk, looks) = stage.meanwhile(&[&brno]);
    desk.activate(&ghent, &activating("test")).await.unwrap();
    assert_eq!(looks.load(Ordering::SeqCst), 2, "it was judged anew with what had come");
    let all =
        ["dev: mes brno-stock@1", "dev: mes ghent-stock@1", "dev: planning brno-stock@1", "test: mes ghent-stock@1"];
    let all = all.map(str::to_owned).to_vec();
    assert_eq!(stage.access().await, (all, Vec::new()));
    assert_eq!(stage.store.active_domains().await.unwrap().len(), 6);

    // Going back ends what only the newer one asked for, with the same step.
    let less = stage.released("plant-brno", plant("brno", &["mes"])).await;
    let before = stage.store.access_revision().await.unwrap();
    stage.activated(&less, "dev").await;
    assert_eq!(stage.store.access_revision().await.unwrap(), before + 1);
    assert_eq!(stage.access().await.1, ["dev: planning brno-stock@1"]);
}

/// INVARIANT: DECLARED, REVOKED-NOW
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_release_asks_for_is_open_where_it_is_active_and_nowhere_else() {
    let stage = Stage::new().await;
    let first = stage.released("plant-ghent", plant("ghent", &["mes"])).await;
    let more = stage.released("plant-ghent", plant("ghent", &["mes", "planning"])).await;
    for environment in ["dev", "test", "prod"] {
        stage.activated(&first, environment).await;
    }
    stage.activated(&more, "dev").await;
    assert_eq!((stage.open("dev").await, stage.open("prod").await), ("mes planning".into(), "mes".into()));
    stage.activated(&more, "test").await;
    stage.activated(&more, "prod").await;
    assert_eq!(stage.open("prod").await, "mes planning");

    // Going back ends it there alone, and going forward again does not revive it there, whatever others have open.
    let back = GoingBack { domain: "plant-ghent".parse().unwrap(), from: None, to: None };
    stage.desk.roll_back(&back, &activating("test")).await.unwrap();
    assert_eq!((stage.open("test").await, stage.open("prod").await), ("mes".into(), "mes planning".into()));
    let went = stage.activated(&more, "test").await;
    assert!(went.held_back.len() == 1 && went.held_back[0].starts_with("FAB7170"), "{:?}", went.held_back);
    assert_eq!((stage.open("test").await, stage.open("prod").await), ("mes".into(), "mes planning".into()));

    // What a person takes back ends where it was, and no release opens it in another environment either.
    let third = stage.released("plant-ghent", plant("ghent", &["board", "mes", "planning"])).await;
    stage.activated(&third, "dev").await;
    let leases = stage.store.access_state().await.unwrap().grants;
    let of_board = leases.iter().find(|it| it.consumer.as_str() == "board").unwrap();
    stage.store.end_grant(&of_board.id, "ann", "it leaks").await.unwrap();
    let went = stage.activated(&third, "test").await;
    assert_eq!(went.held_back.len(), 2, "{:?}", went.held_back);
    assert_eq!((stage.open("dev").await, stage.open("test").await), ("mes planning".into(), "mes".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_that_never_gets_its_turn_is_refused_and_changes_nothing() {
    let stage = Stage::new().await;
    let ghent = stage.released("plant-ghent", plant("ghent", &["mes"])).await;
    stage.activated(&ghent, "dev").await;
    let (one, two) = (
        stage.released("plant-brno", plant("brno", &["mes"])).await,
        stage.released("plant-brno", plant("brno", &["mes", "planning"])).await,
    );
    let (desk, looks) = stage.meanwhile(&[&one, &two, &one, &two, &one, &two]);
    let refused = desk.activate(&ghent, &activating("test")).await.unwrap_err();
    assert!(matches!(&refused, DeskError::Store(error) if error.code().as_str() == "FAB7070"), "{refused}");
    assert_eq!(looks.load(Ordering::SeqCst), 5);
    let active = stage.store.active_domains().await.unwrap();
    assert!(!active.iter().any(|it| it.release == ghent && it.environment.as_str() == "test"), "{active:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_subscription_in_two_environments_the_last_stage_counts() {
    let stage = Stage::new().await;
    let with = |events: &str| {
        let (path, text) = plant("ghent", &["mes"]);
        (path, text + &subscribed("ghent", events))
    };
    let events = || async {
        let subscriptions = stage.store.subscriptions().await.unwrap();
        assert_eq!(subscriptions.len(), 1);
        subscriptions[0].terms.events.clone()
    };
    let first = stage.released("plant-ghent", with("a.stock.moved")).await;
    for environment in ["dev", "test", "prod"] {
        stage.activated(&first, environment).await;
    }
    // `test` is the last by its name and `dev` is written behind `prod`; neither is the last stage.
    let second = stage.released("plant-ghent", with("a.stock.counted")).await;
    for environment in ["dev", "test"] {
        stage.activated(&second, environment).await;
        assert_eq!(events().await, ["a.stock.moved"], "{environment}");
    }
    stage.activated(&second, "prod").await;
    assert_eq!(events().await, ["a.stock.counted"]);
}

/// A plant with an interface that promises something.
fn promising(name: &str) -> (String, String) {
    let text = format!(
        "kind: Interface
name: {name}-orders
type: api
version: 1.0
owner: {name}-it
lifecycle: active
classification: {{criticality: tier-2, latency: near-real-time, recovery: {{rpo: 0s, rto: 1h}}, data: internal}}
control: mediated
serves: {{object: order@1, system: odoo, operations: [list]}}
slo: [{{availability: 99%, window: 30d}}, {{latency: {{quantile: 0.9, under: 1s}}, window: 30d}}]
"
    );
    (format!("domains/plant-{name}/orders.yaml"), text)
}

/// What nodes counted of a plant's interface in an environment: answers, and those that were as promised.
async fn counted(
    stage: &Stage,
    (node, environment): (&str, &str),
    name: &str,
    (promise, answers, kept): (Promised, u64, u64),
) {
    let key = PromiseKey { interface: format!("{name}-orders@1").parse().unwrap(), promise };
    let now = jiff::Timestamp::now();
    let batch = UsageBatch {
        number: 1,
        covers_until: now,
        environment: Some(environment.parse().unwrap()),
        promises: vec![PromiseRow { hour: now, key, count: PromiseCount { answers, kept } }],
        ..UsageBatch::default()
    };
    assert!(stage.store.add_usage(node, &batch).await.unwrap());
}

fn said(refused: &DeskError) -> String {
    let DeskError::Refused { code, message, .. } = refused else { panic!("{refused}") };
    format!("{code} {message}")
}

/// A stage whose group lets nothing in whose budget is spent.
async fn budgeted() -> Stage {
    let stage = Stage::new().await;
    let group = GROUP.replace("gates: {faults: true}", "gates: {budget: true}");
    let group = stage.released("group", ("fabric.yaml".to_owned(), group)).await;
    for environment in ["dev", "test"] {
        stage.activated(&group, environment).await;
    }
    stage
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_is_the_domains_own_and_of_its_environment() {
    let stage = budgeted().await;
    let ghent = stage.released("plant-ghent", promising("ghent")).await;
    let brno = stage.released("plant-brno", promising("brno")).await;
    for release in [&ghent, &brno] {
        stage.activated(release, "dev").await;
    }
    // What fails elsewhere, or comes late elsewhere, spends nothing here.
    counted(&stage, ("a", "dev"), "ghent", (Promised::Well, 100, 1)).await;
    counted(&stage, ("b", "test"), "ghent", (Promised::Well, 100, 99)).await;
    let second = Duration::from_secs(1);
    counted(&stage, ("c", "test"), "brno", (Promised::Within(second), 100, 89)).await;
    let went = stage.activated(&ghent, "test").await;
    let budget = went.gates.iter().find(|gate| gate.gate == "budget").unwrap();
    assert_eq!((budget.open, budget.saw.as_str()), (true, "1 kept, 1 not measured"), "and not what Brno promises");
    let refused = stage.desk.activate(&brno, &activating("test")).await.unwrap_err();
    let refused = said(&refused);
    assert!(
        refused.contains("FAB7057") && refused.contains("brno-orders@1: 11 of 100 came later than 1s, 10 may"),
        "{refused}"
    );
    counted(&stage, ("d", "test"), "ghent", (Promised::Well, 100, 98)).await;
    let again =
        stage.released("plant-ghent", (promising("ghent").0, promising("ghent").1 + "description: More\n")).await;
    stage.activated(&again, "dev").await;
    let refused = said(&stage.desk.activate(&again, &activating("test")).await.unwrap_err());
    assert!(refused.contains("ghent-orders@1: 3 of 200 failed, 2 may"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_does_not_open_its_own_budget() {
    let stage = budgeted().await;
    let (path, promised) = promising("ghent");
    let release = stage.released("plant-ghent", (path.clone(), promised.clone())).await;
    for environment in ["dev", "test"] {
        stage.activated(&release, environment).await;
    }
    counted(&stage, ("a", "test"), "ghent", (Promised::Well, 100, 95)).await;
    // One that promises less, one that promises it for another time, and one that promises nothing.
    let less = promised.replace("availability: 99%, window: 30d", "availability: 90%, window: 30d");
    let other = promised.replace("availability: 99%, window: 30d", "availability: 90%, window: 1d");
    let nothing =
        promised.lines().filter(|line| !line.starts_with("slo:")).fold(String::new(), |all, line| all + line + "\n");
    // A draft comes back by the next release.
    let draft = nothing.replace("lifecycle: active", "lifecycle: draft");
    for (text, others) in [(less, "0 kept"), (other, "1 kept"), (nothing, "0 kept"), (draft, "0 kept")] {
        assert_ne!(text, promised);
        let release = stage.released("plant-ghent", (path.clone(), text)).await;
        stage.activated(&release, "dev").await;
        let refused = said(&stage.desk.activate(&release, &activating("test")).await.unwrap_err());
        let spent = format!("ghent-orders@1: 5 of 100 failed, 1 may; {others}, 1 not measured");
        assert!(refused.contains("FAB7057") && refused.contains(&spent), "{refused}");
    }
}

/// What is taken away spends nobody's budget any more: its own does not keep it there. What stays is judged as before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_release_takes_away_waits_for_no_budget() {
    let stage = budgeted().await;
    let (path, promised) = promising("ghent");
    let two = format!("{promised}---\n{}", promised.replace("name: ghent-orders", "name: ghent-parts"));
    let release = stage.released("plant-ghent", (path.clone(), two.clone())).await;
    for environment in ["dev", "test"] {
        stage.activated(&release, environment).await;
    }
    counted(&stage, ("a", "test"), "ghent", (Promised::Well, 100, 95)).await;
    let retired = promised.replace("lifecycle: active", "lifecycle: retired");
    assert_ne!(retired, promised);
    let kept = promised.replace("name: ghent-orders", "name: ghent-parts");
    for text in [format!("{retired}---\n{kept}"), kept.clone()] {
        let release = stage.released("plant-ghent", (path.clone(), text)).await;
        stage.activated(&release, "dev").await;
        let went = stage.activated(&release, "test").await;
        let budget = went.gates.iter().find(|gate| gate.gate == "budget").unwrap();
        assert!(budget.open, "{budget:?}");
        assert!(budget.saw.starts_with("0 kept, 2 not measured"), "{budget:?}");
        let back = stage.released("plant-ghent", (path.clone(), two.clone())).await;
        for environment in ["dev", "test"] {
            let went = stage.desk.activate(&back, &activating(environment)).await;
            assert_eq!(went.is_ok(), environment == "dev", "what comes back has its budget spent: {went:?}");
        }
        // Nor does it help to promise less of what comes back than when it went, or nothing any more.
        let less = promised.replace("availability: 99%, window: 30d", "availability: 90%, window: 30d");
        let nothing = promised
            .lines()
            .filter(|line| !line.starts_with("slo:"))
            .fold(String::new(), |all, line| all + line + "\n");
        for weaker in [less, nothing] {
            assert_ne!(weaker, promised);
            let back = stage.released("plant-ghent", (path.clone(), format!("{weaker}---\n{kept}"))).await;
            stage.activated(&back, "dev").await;
            let refused = said(&stage.desk.activate(&back, &activating("test")).await.unwrap_err());
            assert!(refused.contains("ghent-orders@1: 5 of 100 failed, 1 may"), "{refused}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_node_ran_has_proven_nothing() {
    let stage = Stage::new().await;
    let ghent = stage.released("plant-ghent", plant("ghent", &["mes"])).await;
    for environment in ["dev", "test"] {
        stage.activated(&ghent, environment).await;
    }
    // Where an environment never had a node, that is said.
    let brno = stage.released("plant-brno", plant("brno", &["mes"])).await;
    stage.activated(&brno, "dev").await;
    let went = stage.activated(&brno, "test").await;
    assert!(went.gates[0].saw.ends_with("; it has no nodes"), "{:?}", went.gates);
    let parts = |release: &str| BTreeMap::from([("plant-ghent".parse().unwrap(), release.to_owned())]);
    let test = "test".parse().unwrap();
    stage.store.note_runs(&test, &parts("rel_of_before")).await.unwrap();
    let refused = said(&stage.desk.activate(&ghent, &activating("prod")).await.unwrap_err());
    assert!(refused.contains("FAB7057") && refused.contains("no node ran it there"), "{refused}");
    stage.store.note_runs(&test, &parts(&ghent)).await.unwrap();
    let went = stage.activated(&ghent, "prod").await;
    assert!(went.gates[0].saw.ends_with(", and ran there"), "{:?}", went.gates);
}
