//! Activations that meet: what was judged is what runs, and the access is what all that is active asks for, whatever happens meanwhile.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

#[path = "activation/emergencies.rs"]
mod emergencies;
#[path = "stage/reading.rs"]
mod reading;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use jiff::civil::Date;
use reading::Reading;
use selvage_control::desk::{Activating, Deciding, Desk, DeskError, Files, Look, Looked, Proposal, Seal, Tried, Went};
use selvage_model::change::DecisionVerdict;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::name::EnvironmentName;
use selvage_store::Store;

// Written in another order than they come in.
const GROUP: &str = "kind: Fabric
name: velo-works
environments: {prod: {after: [test], protected: true}, dev: {}, test: {after: [dev], gates: {faults: true}}}
---
kind: Domain
name: group
board: {security: [ann], quorum: 1}
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

/// Looks as the tests do, and lets something else be activated while a release passes its gates.
struct Meanwhile {
    desk: Desk,
    releases: Vec<String>,
    looks: Arc<AtomicUsize>,
}

impl Look for Meanwhile {
    fn read(&self, files: &Files) -> Fabric {
        Reading { judges: false }.read(files)
    }

    fn look(&self, files: &Files, today: Date) -> Looked {
        Reading { judges: false }.look(files, today)
    }

    fn trial(&self, _looked: &Looked, _environment: &EnvironmentName) -> Vec<Finding> {
        Vec::new()
    }

    fn tests(&self, _looked: &Looked) -> Vec<String> {
        Vec::new()
    }

    fn faults<'a>(&'a self, _looked: &'a Looked, _environment: &'a EnvironmentName) -> BoxFuture<'a, Tried> {
        Box::pin(async {
            if let Some(release) = self.releases.get(self.looks.fetch_add(1, Ordering::SeqCst)) {
                self.desk.activate(release, &activating("dev")).await.unwrap();
            }
            Tried::default()
        })
    }
}

struct Stage {
    store: Store,
    desk: Desk,
    seal: Seal,
    _directory: tempfile::TempDir,
}

fn activating(environment: &str) -> Activating {
    Activating { environment: environment.parse().unwrap(), by: "ann".to_owned(), because: "it is time".to_owned() }
}

impl Stage {
    /// A store in which the group has released, and runs everywhere.
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", directory.path().join("selvage.db").display())).await.unwrap();
        let desk = Desk::new(store.clone(), Arc::new(Reading { judges: false }));
        let seal = Seal::open(&directory.path().join("release.key")).unwrap();
        let stage = Self { store, desk, seal, _directory: directory };
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
        (Desk::new(self.store.clone(), Arc::new(look)), looks)
    }

    /// Who may do something, and whose access has ended.
    async fn access(&self) -> (Vec<String>, Vec<String>) {
        let grants = self.store.access_state().await.unwrap().grants;
        let (alive, ended): (Vec<_>, Vec<_>) = grants.into_iter().partition(|grant| grant.ended.is_none());
        let names = |grants: Vec<selvage_model::access::LiveGrant>| {
            let mut names: Vec<String> = grants.iter().map(|it| format!("{} {}", it.consumer, it.interface)).collect();
            names.sort();
            names
        };
        (names(alive), names(ended))
    }
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
    let all = ["mes brno-stock@1", "mes ghent-stock@1", "planning brno-stock@1"].map(str::to_owned).to_vec();
    assert_eq!(stage.access().await, (all, Vec::new()));
    assert_eq!(stage.store.active_domains().await.unwrap().len(), 6);

    // Going back ends what only the newer one asked for, with the same step.
    let less = stage.released("plant-brno", plant("brno", &["mes"])).await;
    let before = stage.store.access_revision().await.unwrap();
    stage.activated(&less, "dev").await;
    assert_eq!(stage.store.access_revision().await.unwrap(), before + 1);
    assert_eq!(stage.access().await.1, ["planning brno-stock@1"]);
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
