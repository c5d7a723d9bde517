//! The control API through its port: who may do what with changes of which domain, in which state. The whole matrix is a golden file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

#[path = "governance/brought.rs"]
mod brought;
#[path = "governance/described.rs"]
mod described;
#[path = "governance/leases.rs"]
mod leases;
#[path = "governance/order.rs"]
mod order;
#[path = "governance/paging.rs"]
mod paging;
#[path = "stage/reading.rs"]
mod reading;
#[path = "governance/sent.rs"]
mod sent;
#[path = "governance/stuck.rs"]
mod stuck;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use described::Described;
use reading::Reading;
use reqwest::{Client, Method};
use selvage_control::desk::{Desk, Seal, key_of};
use selvage_control::{Admitted, Console, ConsoleConfig, Governance};
use selvage_model::access::{KeyHash, Principal};
use selvage_model::change::{Change, ChangeState, DecisionVerdict, Need, Report, Requirement, Seat};
use selvage_model::name::DomainName;
use selvage_model::overview::{ContractsView, LanesView, Overview, UsageView};
use selvage_store::{NewChange, NewKey, NewRelease, SignedRelease, Store};
use serde_json::{Value, json};

const GROUP: &str = "kind: Fabric
name: velo-works
environments: {test: {}, stage: {after: [test]}, prod: {protected: true, after: [stage]}}
---
kind: Domain
name: group
board: {architecture: [group.board], security: [group.security], quorum: 1}
---
kind: Domain
name: plant-ghent
board: {security: [ghent.board], quorum: 1}
---
kind: Domain
name: plant-brno
board: {security: [brno.board], quorum: 1}
";
const GHENT: &str = "kind: Team
name: ghent-it
roles: {owner: [ghent.owner, ghent.author], on_call: [ghent.oncall]}
";
const BRNO: &str = "kind: Team
name: brno-it
roles: {owner: [brno.owner], on_call: [brno.oncall]}
";

/// Who asks, as the matrix calls them.
const ROLES: [&str; 9] = [
    "nobody",
    "a consumer",
    "stranger",
    "ghent.author",
    "ghent.owner",
    "ghent.oncall",
    "ghent.board",
    "brno.board",
    "group.board",
];

const DOMAINS: [&str; 3] = ["plant-ghent", "plant-brno", "group"];

/// A file of a domain's own, with what it says.
fn own_file(domain: &str) -> (String, &'static str) {
    match domain {
        "group" => ("fabric.yaml".to_owned(), GROUP),
        "plant-ghent" => (format!("domains/{domain}/teams.yaml"), GHENT),
        _ => (format!("domains/{domain}/teams.yaml"), BRNO),
    }
}

struct Stage {
    store: Store,
    desk: Desk,
    seal: Arc<Seal>,
    console: Console,
    client: Client,
    described: Described,
    _directory: tempfile::TempDir,
}

impl Stage {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", directory.path().join("selvage.db").display())).await.unwrap();
        let desk = Desk::new(store.clone(), Arc::new(Reading { judges: true }));
        let seal = Arc::new(Seal::open(&directory.path().join("release.key")).unwrap());
        let operators: BTreeSet<&str> = ROLES[2..].iter().chain(&leases::MORE).copied().collect();
        let console = Console::start(ConsoleConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            observe: Arc::new(|| Box::pin(async { Overview::default() })),
            usage: Arc::new(|| Box::pin(async { UsageView::default() })),
            contracts: Arc::new(|| Box::pin(async { ContractsView::default() })),
            lanes: Arc::new(|_| Box::pin(async { LanesView::default() })),
            catalogue: Arc::new(|| Box::pin(async { leases::runs() })),
            authenticate: Arc::new(move |key| {
                let name = key.strip_prefix("slv_").filter(|name| operators.contains(name)).map(str::to_owned);
                Box::pin(async move { name.map(|operator| Admitted { operator, credential: "key_1".to_owned() }) })
            }),
            store: store.clone(),
            governance: Some(Governance {
                desk: desk.clone(),
                seal: Some(Arc::clone(&seal)),
                ledger_seal: Some(Arc::clone(&seal)),
                acknowledge: Arc::new(|_, _| Box::pin(async { json!([]) })),
                store: store.clone(),
                log: Arc::new(selvage_log::SqlLog::new(store.clone(), None).unwrap()),
            }),
        })
        .await
        .unwrap();
        Self { store, desk, seal, console, client: Client::new(), described: Described::new(), _directory: directory }
    }

    /// What the API answers: the status, and the code of a problem.
    async fn ask(&self, role: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.client.request(method.clone(), format!("http://{}/api{path}", self.console.address()));
        if role != "nobody" {
            request = request.bearer_auth(format!("slv_{role}"));
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let media = answer.headers()["content-type"].to_str().unwrap().to_owned();
        let text = answer.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: {text}"));
        self.described.judge(&method, path, (status, &media), &body);
        (status, body)
    }

    async fn verdict(&self, role: &str, method: Method, path: &str, body: Option<Value>) -> String {
        let (status, answer) = self.ask(role, method, path, body).await;
        match answer["code"].as_str() {
            Some(code) => format!("{status} {code}"),
            None => status.to_string(),
        }
    }

    /// A release of a domain with these files, approved by one person.
    async fn released(&self, domain: &str, files: Value, approver: &str) -> Value {
        let body = json!({"domain": domain, "title": "more of it", "files": files});
        let (status, change) = self.ask("group.board", Method::POST, "/changes", Some(body)).await;
        assert_eq!(status, 201, "{change:#}");
        let deciding = selvage_control::desk::Deciding {
            change: change["id"].as_str().unwrap().to_owned(),
            version: None,
            person: approver.to_owned(),
            verdict: DecisionVerdict::Approve,
            because: "well".to_owned(),
        };
        let (approved, standing) = self.desk.decide(deciding).await.unwrap();
        assert!(standing.is_approved(), "{standing:#?}");
        let path = format!("/changes/{}/release", approved.id);
        let (status, release) = self.ask("group.board", Method::POST, &path, None).await;
        assert_eq!(status, 201, "{release:#}");
        release
    }

    /// An emergency of a domain that nobody has said anything about.
    async fn emergency(&self, domain: &str) -> Change {
        self.proposed(domain, true).await
    }

    async fn proposed(&self, domain: &str, emergency: bool) -> Change {
        let domain: DomainName = domain.parse().unwrap();
        let own = domain.as_str().trim_start_matches("plant-").to_owned();
        let seats = vec![Seat {
            name: "security".to_owned(),
            board: Some(domain.clone()),
            people: vec![format!("{own}.board")],
        }];
        let owner = vec![Seat { name: "owner".to_owned(), board: None, people: vec![format!("{own}.owner")] }];
        let need = |need, seats| Requirement { need, because: vec!["the matrix".to_owned()], seats };
        let new = NewChange {
            base: self.store.head(&domain).await.unwrap(),
            title: "a cell of the matrix".to_owned(),
            author: "ghent.author".to_owned(),
            release: format!("rel_{}", uuid::Uuid::new_v4().simple()),
            content: {
                let (path, file) = own_file(domain.as_str());
                json!({path: format!("{file}# another word\n")})
            },
            emergency,
            report: Report { risk: "none".to_owned(), ..Report::default() },
            requirements: vec![
                need(Need::Board { domain: domain.clone(), quorum: 1 }, seats),
                need(Need::Owner { team: format!("{own}-it").parse().unwrap() }, owner),
            ],
            domain,
        };
        self.store.propose(&new).await.unwrap()
    }

    /// A change of a domain that stands as the matrix wants it.
    async fn change(&self, domain: &str, state: &str) -> Change {
        let own = domain.trim_start_matches("plant-");
        let change = self.proposed(domain, false).await;
        if state == "open" {
            return change;
        }
        let mut approved = change.clone();
        for person in ["board", "owner"] {
            let person = format!("{own}.{person}");
            let approve = DecisionVerdict::Approve;
            approved = self.store.decide_change(&change.id, 1, &person, approve, "well").await.unwrap();
        }
        match state {
            "rejected" => {
                let person = format!("{own}.board");
                let reject = DecisionVerdict::Reject;
                let rejected = self.store.decide_change(&change.id, 1, &person, reject, "no").await.unwrap();
                self.store.settle_change(&rejected, ChangeState::Rejected, &person, "no").await.unwrap()
            }
            "withdrawn" => {
                self.store.settle_change(&approved, ChangeState::Withdrawn, "ghent.author", "no").await.unwrap()
            }
            "released" => {
                let (key, by) = (self.seal.key().id.as_str(), "ghent.board");
                let new = NewRelease { change: &approved, key, signature: &[0; 64], by, ratify_within_hours: None };
                self.store.release_change(new).await.unwrap();
                self.store.change(&change.id).await.unwrap()
            }
            _ => approved,
        }
    }
}

/// Every step with a change, as the API takes it.
fn steps() -> Vec<(&'static str, Method, &'static str, Option<Value>)> {
    let said = |verdict: &str| Some(json!({"verdict": verdict, "because": "the matrix", "version": 1}));
    vec![
        ("show", Method::GET, "", None),
        ("comment", Method::POST, "/decisions", said("comment")),
        ("approve", Method::POST, "/decisions", said("approve")),
        ("reject", Method::POST, "/decisions", said("reject")),
        ("withdraw", Method::POST, "/withdrawal", Some(json!({"because": "the matrix"}))),
        ("release", Method::POST, "/release", None),
    ]
}

/// The fabric is proposed, approved and released through the API, domain by domain, and activated.
async fn begin(stage: &Stage) {
    for (domain, path, text, who) in [
        ("group", "fabric.yaml", GROUP, "group.security"),
        ("plant-ghent", "domains/plant-ghent/teams.yaml", GHENT, "ghent.board"),
        ("plant-brno", "domains/plant-brno/teams.yaml", BRNO, "brno.board"),
    ] {
        let release = stage.released(domain, json!({path: text}), who).await;
        let environments: &[&str] = if domain == "group" { &["test", "stage", "prod"] } else { &["test"] };
        for environment in environments {
            let body = json!({"release": release["release"], "because": "the first of all"});
            let path = format!("/environments/{environment}/activations");
            let (status, went) = stage.ask("group.board", Method::POST, &path, Some(body)).await;
            assert_eq!(status, 200, "{went:#}");
        }
    }
}

/// What is read of no domain, or of one by its name.
fn reads(release: &str) -> Vec<(&'static str, String)> {
    let mut reads = vec![
        ("plan an activation", format!("/environments/test/plan?release={release}")),
        ("show a release", format!("/releases/{release}")),
    ];
    let others = [
        ("the description", "/openapi.json"),
        ("list changes", "/changes"),
        ("list releases", "/releases"),
        ("list keys of releases", "/release-keys"),
        ("board", "/board?person=me"),
        ("list lanes", "/lanes"),
        ("list subscriptions", "/subscriptions"),
        ("a subscription that is not there", "/subscriptions/sub_none"),
        ("list dead letters", "/dead-letters"),
        ("list parked records", "/parked-records"),
        ("list parked operations", "/parked-operations"),
        ("a dead letter that is not there", "/dead-letters/dl_none"),
        ("events without data", "/events/nothing@1"),
        ("deliveries of an event", "/events/nothing@1/1-1/deliveries"),
        ("events with data", "/events/nothing@1?data=true"),
        ("evidence of plant-ghent", "/evidence/domains/plant-ghent"),
        ("evidence of plant-brno", "/evidence/domains/plant-brno"),
        ("evidence of what no domain governs", "/evidence/interfaces/products@1"),
        ("evidence of every control", "/evidence/controls"),
        ("evidence of a control", "/evidence/controls/four-eyes"),
        ("the contract of an interface", "/catalogue/old@1/contract"),
    ];
    reads.extend(others.map(|(step, path)| (step, path.to_owned())));
    reads
}

/// A release goes to another store, and comes back to where it is already.
async fn packages(stage: &Stage, releases: &[SignedRelease], text: &mut String) {
    for domain in ["plant-ghent", "plant-brno"] {
        let release = &releases.iter().find(|release| release.domain.as_str() == domain).unwrap().id;
        let package = stage.desk.export(release, &stage.seal, None).await.unwrap().text;
        let package: Value = serde_json::from_str(&package).unwrap();
        for role in ROLES {
            let export = format!("/releases/{release}/package");
            let exported = stage.verdict(role, Method::GET, &export, None).await;
            writeln!(text, "{role} | {domain} | active in test | export | {exported}").unwrap();
            let imported = stage.verdict(role, Method::POST, "/releases/packages", Some(package.clone())).await;
            writeln!(text, "{role} | {domain} | active in test | import | {imported}").unwrap();
        }
    }
}

/// Keys that sign releases: another one each time, none of which this store signs with.
async fn keys_of_releases(stage: &Stage, text: &mut String) {
    // As long as nobody of the group's board has a key, whoever has one begins.
    let principal = Principal::Operator("group.board".to_owned());
    let key = NewKey { principal, hash: KeyHash([7; 32]), expires: None };
    stage.store.issue_key(key, "cli").await.unwrap();
    for (number, role) in (0_u8..).zip(ROLES) {
        let public = STANDARD.encode([number; 32]);
        let trust = json!({"public": public, "because": "the matrix"});
        let trusted = stage.verdict(role, Method::POST, "/release-keys", Some(trust)).await;
        writeln!(text, "{role} | group | | trust a key of releases | {trusted}").unwrap();
        let key = key_of([number; 32]);
        stage.store.keep_release_key(&key, "group.board", "the matrix").await.unwrap();
        let path = format!("/release-keys/{}/distrust", key.id);
        let distrusted = stage.verdict(role, Method::POST, &path, Some(json!({"because": "the matrix"}))).await;
        writeln!(text, "{role} | group | | distrust a key of releases | {distrusted}").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_matrix_of_the_control_api() {
    let stage = Stage::new().await;
    begin(&stage).await;
    let (releases, _) = stage.desk.releases().await.unwrap();
    let mut text = String::from("who | domain | state | step | answer\n");
    // What concerns releases, before the changes of the matrix make others.
    for domain in DOMAINS {
        let release = &releases.iter().find(|release| release.domain.as_str() == domain).unwrap().id;
        let (path, file) = own_file(domain);
        for role in ROLES {
            let files = json!({path.clone(): format!("{file}# {role} in {domain}\n")});
            let propose = json!({"domain": domain, "title": "a cell of the matrix", "files": files});
            let activate = json!({"release": release, "because": "the matrix"});
            let roll_back = json!({"domain": domain, "because": "the matrix"});
            for (step, path, body) in [
                ("propose", "/changes", propose),
                ("activate", "/environments/test/activations", activate.clone()),
                ("activate out of turn", "/environments/prod/activations", activate),
                ("roll back", "/environments/test/rollbacks", roll_back),
            ] {
                let answer = stage.verdict(role, Method::POST, path, Some(body)).await;
                writeln!(text, "{role} | {domain} | active in test | {step} | {answer}").unwrap();
            }
        }
    }
    packages(&stage, &releases, &mut text).await;
    for (step, path) in reads(&releases[0].id) {
        for role in ROLES {
            let answer = stage.verdict(role, Method::GET, &path, None).await;
            writeln!(text, "{role} | | | {step} | {answer}").unwrap();
        }
    }
    for domain in DOMAINS {
        for state in ["open", "approved", "rejected", "withdrawn", "released"] {
            for (step, method, suffix, body) in steps() {
                for role in ROLES {
                    let change = stage.change(domain, state).await;
                    let path = format!("/changes/{}{suffix}", change.id);
                    let answer = stage.verdict(role, method.clone(), &path, body.clone()).await;
                    writeln!(text, "{role} | {domain} | {state} | {step} | {answer}").unwrap();
                }
            }
        }
    }
    leases::rows(&stage, &mut text).await;
    keys_of_releases(&stage, &mut text).await;
    insta::assert_snapshot!("control_api_matrix", text);
    assert!(stage.store.verify_ledger().await.unwrap().faults.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_requests_are_problems() {
    let stage = Stage::new().await;
    begin(&stage).await;
    let who = "group.board";
    let cases: Vec<(Method, &str, Option<Value>, &str)> = vec![
        (Method::GET, "/nothing", None, "404 FAB8063"),
        (Method::GET, "/changes/chg_none", None, "404 FAB7006"),
        (Method::GET, "/releases/rel_none", None, "404 FAB7006"),
        (Method::POST, "/changes", Some(json!({"domain": "group"})), "400 FAB8062"),
        (Method::POST, "/changes", Some(json!({"domain": "group", "title": "\n", "files": {}})), "400 FAB8062"),
        (
            Method::POST,
            "/changes",
            Some(json!({"domain": "group", "title": "x", "files": {}, "more": 1})),
            "400 FAB8062",
        ),
        (
            Method::POST,
            "/changes",
            Some(json!({"domain": "group", "title": "x", "files": {"fabric.yaml": "kind: Nothing\n"}})),
            "422 FAB7051",
        ),
        (
            Method::POST,
            "/changes",
            Some(json!({"domain": "group", "title": "x", "files": {"fabric.yaml": GROUP}})),
            "422 FAB7052",
        ),
        (
            Method::POST,
            "/changes",
            Some(json!({"domain": "group", "title": "x", "files": {"domains/plant-ghent/teams.yaml": GHENT}})),
            "422 FAB7062",
        ),
        (
            Method::POST,
            "/changes",
            Some(json!({"domain": "group", "title": "x", "files": {"pack:odoo/product.yaml": "kind: Team\n"}})),
            "422 FAB7062",
        ),
        (
            Method::POST,
            "/changes",
            Some(json!({"domain": "group", "title": "x", "files": {"domains/../fabric.yaml": GROUP}})),
            "422 FAB7062",
        ),
        (
            Method::POST,
            "/environments/nowhere/rollbacks",
            Some(json!({"domain": "group", "because": "x"})),
            "404 FAB7060",
        ),
    ];
    for (method, path, body, expected) in cases {
        let told = format!("{method} {path} {body:?}");
        assert_eq!(stage.verdict(who, method, path, body).await, expected, "{told}");
    }
    // What stops a change is named with its place.
    let body = json!({"domain": "group", "title": "x", "files": {"fabric.yaml": "kind: Nothing\n"}});
    let (_, problem) = stage.ask(who, Method::POST, "/changes", Some(body)).await;
    assert_eq!(problem["findings"][0]["place"], "fabric.yaml:1:7", "{problem:#}");
}

/// Who wrote one version must not approve the next as if another had written it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_but_its_author_alters_a_change() {
    let stage = Stage::new().await;
    begin(&stage).await;
    let (_, change) = propose(&stage, "a word", json!({})).await;
    let files = json!({"domains/plant-ghent/teams.yaml": format!("{GHENT}# taken over\n")});
    let body = json!({"domain": "plant-ghent", "title": "x", "files": files, "amends": change["id"]});
    assert_eq!(stage.verdict("ghent.owner", Method::POST, "/changes", Some(body)).await, "403 FAB7054");
}

/// What another domain released since a change was approved may need somebody else: it is not released by what was asked before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn approvals_are_of_what_the_others_released_by_then() {
    let stage = Stage::new().await;
    begin(&stage).await;
    let (_, change) = propose(&stage, "a word", json!({})).await;
    let path = format!("/changes/{}", change["id"].as_str().unwrap());
    assert_eq!(stage.verdict("ghent.board", Method::POST, &format!("{path}/decisions"), approve()).await, "200");
    let rule =
        "---\nkind: ApprovalRule\nname: all-by-security\nwhen: \"change.differences >= 0\"\nrequire: [security]\n";
    stage.released("group", json!({"fabric.yaml": format!("{GROUP}{rule}")}), "group.security").await;
    let (status, late) = stage.ask("ghent.owner", Method::POST, &format!("{path}/release"), None).await;
    assert_eq!((status, &late["code"]), (409, &json!("FAB7055")), "{late:#}");
    assert!(late["detail"].as_str().unwrap().contains("since it was proposed"), "{late:#}");
}

/// An emergency does not wait for what came since it was proposed, and is ratified by whom that asks for, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emergency_is_ratified_by_what_the_others_released_by_then() {
    let rule = "---\nkind: ApprovalRule\nname: all-by-architecture\nwhen: \"change.differences >= 0\"\nrequire: [architecture]\n";
    for is_approved in [true, false] {
        let stage = Stage::new().await;
        begin(&stage).await;
        let (_, change) = propose(&stage, "the line stands", json!({"emergency": true})).await;
        let path = format!("/changes/{}", change["id"].as_str().unwrap());
        let decisions = format!("{path}/decisions");
        if is_approved {
            assert_eq!(stage.verdict("ghent.board", Method::POST, &decisions, approve()).await, "200");
        }
        stage.released("group", json!({"fabric.yaml": format!("{GROUP}{rule}")}), "group.security").await;
        assert_eq!(stage.verdict("ghent.author", Method::POST, &format!("{path}/release"), None).await, "201");
        let (_, early) = stage.ask("group.board", Method::GET, &path, None).await;
        assert!(early["ratify_until"].is_string(), "{early:#}");
        let open = early["open"].as_array().unwrap();
        assert!(open.iter().any(|it| it["need"].as_str().unwrap().contains("board of group")), "{early:#}");
        assert_eq!(open.len(), if is_approved { 1 } else { 2 }, "{early:#}");
        if !is_approved {
            let (status, half) = stage.ask("ghent.board", Method::POST, &decisions, approve()).await;
            assert_eq!(status, 200);
            assert!(half["ratify_until"].is_string(), "architecture has not said anything: {half:#}");
        }
        let (status, ratified) = stage.ask("group.board", Method::POST, &decisions, approve()).await;
        assert_eq!((status, &ratified["ratify_until"]), (200, &Value::Null), "{ratified:#}");
    }
}

/// A change of Ghent through the API, by its author.
async fn propose(stage: &Stage, title: &str, more: Value) -> (u16, Value) {
    let text = format!("{GHENT}# {title}\n");
    let mut body = json!({
        "domain": "plant-ghent", "title": title, "files": {"domains/plant-ghent/teams.yaml": text},
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    stage.ask("ghent.author", Method::POST, "/changes", Some(body)).await
}

fn approve() -> Option<Value> {
    Some(json!({"verdict": "approve", "because": "well", "version": 1}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emergency_is_released_by_one_and_ratified_by_others() {
    let stage = Stage::new().await;
    begin(&stage).await;
    let (_, plain) = propose(&stage, "not so urgent", json!({})).await;
    let path = format!("/changes/{}", plain["id"].as_str().unwrap());
    let early = stage.verdict("ghent.owner", Method::POST, &format!("{path}/release"), None).await;
    assert_eq!(early, "409 FAB7055");
    let (status, change) = propose(&stage, "the line stands", json!({"emergency": true})).await;
    assert_eq!(status, 201, "{change:#}");
    let path = format!("/changes/{}", change["id"].as_str().unwrap());
    assert_eq!(stage.verdict("ghent.author", Method::POST, &format!("{path}/release"), None).await, "201");
    let (_, board) = stage.ask("ghent.board", Method::GET, "/board?person=me", None).await;
    let first = &board["items"][0];
    assert_eq!((&first["change"]["id"], &first["breach"]), (&change["id"], &json!(false)), "{board:#}");
    assert!(first["change"]["ratify_until"].is_string());
    // What the emergency moved on has to be proposed again.
    let approved = stage
        .verdict(
            "ghent.board",
            Method::POST,
            &format!("/changes/{}/decisions", plain["id"].as_str().unwrap()),
            approve(),
        )
        .await;
    assert_eq!(approved, "200");
    let stale = stage
        .verdict("ghent.owner", Method::POST, &format!("/changes/{}/release", plain["id"].as_str().unwrap()), None)
        .await;
    assert_eq!(stale, "409 FAB7053");
    let (status, ratified) = stage.ask("ghent.board", Method::POST, &format!("{path}/decisions"), approve()).await;
    assert_eq!((status, &ratified["ratify_until"]), (200, &Value::Null), "{ratified:#}");
    let actions: Vec<String> =
        stage.store.ledger(1, 1000).await.unwrap().into_iter().map(|entry| entry.action).collect();
    for action in ["release.made-in-emergency", "change.ratified"] {
        assert!(actions.iter().any(|known| known == action), "{action}: {actions:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lent_seat_decides_until_it_is_over() {
    let stage = Stage::new().await;
    begin(&stage).await;
    let (now, _) = stage.store.delegations().await.unwrap();
    let lent = |from: &str, discipline: &str| selvage_model::change::Delegation {
        id: String::new(),
        domain: "plant-ghent".parse().unwrap(),
        discipline: discipline.to_owned(),
        from: from.to_owned(),
        to: "stranger".to_owned(),
        until: now + jiff::SignedDuration::from_hours(1),
        unproven: false,
    };
    for (from, discipline) in [("ghent.owner", "security"), ("ghent.board", "business")] {
        let refused = stage.desk.lend(&lent(from, discipline)).await.err().unwrap();
        assert_eq!(refused.code().as_str(), "FAB7061", "{refused}");
    }
    let (_, change) = propose(&stage, "a word", json!({})).await;
    let path = format!("/changes/{}/decisions", change["id"].as_str().unwrap());
    assert_eq!(stage.verdict("stranger", Method::POST, &path, approve()).await, "403 FAB7054");
    let lent = stage.desk.lend(&lent("ghent.board", "security")).await.unwrap();
    let (status, approved) = stage.ask("stranger", Method::POST, &path, approve()).await;
    assert_eq!((status, &approved["approved"]), (200, &json!(true)), "{approved:#}");
    // What a deputy said counts while the seat is lent, and no longer.
    stage.store.end_delegation(&lent.id, "ghent.board").await.unwrap();
    let (_, after) =
        stage.ask("stranger", Method::GET, &format!("/changes/{}", change["id"].as_str().unwrap()), None).await;
    assert_eq!(after["approved"], false, "{after:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_tried_before_it_goes_on_and_going_back_is_of_one_domain() {
    let stage = Stage::new().await;
    let soaking = GROUP.replace("stage: {after: [test]}", "stage: {after: [test], gates: {soak: 1h}}");
    let body = json!({"domain": "group", "title": "the first of all", "files": {"fabric.yaml": soaking}});
    let (_, change) = stage.ask("group.board", Method::POST, "/changes", Some(body)).await;
    let path = format!("/changes/{}", change["id"].as_str().unwrap());
    assert_eq!(
        stage.verdict("group.security", Method::POST, &format!("{path}/decisions"), approve()).await,
        "401 FAB8060"
    );
    let deciding = selvage_control::desk::Deciding {
        change: change["id"].as_str().unwrap().to_owned(),
        version: Some(1),
        person: "group.security".to_owned(),
        verdict: DecisionVerdict::Approve,
        because: "well".to_owned(),
    };
    stage.desk.decide(deciding).await.unwrap();
    let (_, release) = stage.ask("group.board", Method::POST, &format!("{path}/release"), None).await;
    let activate = json!({"release": release["release"], "because": "in order"});
    let (status, went) =
        stage.ask("group.board", Method::POST, "/environments/test/activations", Some(activate.clone())).await;
    assert_eq!((status, &went["activated"]), (200, &json!(true)), "{went:#}");
    let (status, again) =
        stage.ask("group.board", Method::POST, "/environments/test/activations", Some(activate.clone())).await;
    assert_eq!((status, &again["activated"]), (200, &json!(false)), "{again:#}");
    let (status, early) =
        stage.ask("group.board", Method::POST, "/environments/stage/activations", Some(activate.clone())).await;
    assert_eq!((status, &early["code"]), (409, &json!("FAB7057")), "{early:#}");
    assert!(early["detail"].as_str().unwrap().contains("soak: active in test for"), "{early:#}");
    let unknown = stage.verdict("group.board", Method::POST, "/environments/moon/activations", Some(activate)).await;
    assert_eq!(unknown, "422 FAB8002");
}
