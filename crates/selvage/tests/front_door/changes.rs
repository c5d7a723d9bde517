//! A breaking change to a tier-1 interface of one plant, from its proposal to going back, through commands and HTTP: who would break is
//! found by what was used, whose approval it takes is computed, and the other plant keeps what it has.

use std::path::PathBuf;
use std::process::Output;

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use sqlx::Connection as _;

use crate::fixture::{Place, Process, eventually, selvage, stdout};

const GROUP: &str = "kind: Fabric
name: velo-works
environments:
  test: {}
  prod: {protected: true, after: [test], gates: {tests: true, budget: true}}
---
kind: Domain
name: group
board: {architecture: [a.lindqvist], security: [s.okafor], business: [b.novak], quorum: 2}
---
kind: Domain
name: plant-ghent
board: {operations: [p.moreau], integration: [i.haas], business: [g.business], quorum: 2}
---
kind: Domain
name: plant-brno
board: {operations: [k.dvorak], integration: [j.svoboda], quorum: 1}
---
kind: Team
name: erp-team
roles: {owner: [e.peeters], on_call: [e.peeters]}
---
kind: System
name: wms
connector: http
owner: erp-team
zone: cloud
environments: {test: {url: WMS}, prod: {url: WMS}}
---
kind: ApprovalRule
name: breaking-tier-1
when: \"change.breaking && interface.criticality == 'tier-1'\"
require: [owner, affected-consumers, board]
";

/// What a plant declares: a stock list that consumers of both plants read.
fn plant(plant: &str, owner: &str, other: &str) -> String {
    format!(
        "kind: Team
name: {plant}-it
roles: {{owner: [{owner}], on_call: [{plant}.desk]}}
---
kind: Interface
name: {plant}-stock
type: api
version: 1.0
owner: {plant}-it
description: What lies where in {plant}.
lifecycle: active
classification: {{criticality: tier-1, latency: near-real-time, recovery: {{rpo: 0s, rto: 1h}}, data: internal}}
control: direct
because: The warehouse system answers this itself.
contract: {{openapi: domains/plant-{plant}/contracts/stock.yaml}}
upstream: {{system: wms, path: /api/stock}}
slo: [{{availability: \"99.0%\", window: 30d}}]
limits: {{rate: 50/s, timeout: 5s}}
---
kind: Waiver
rule: FAB2107
on: {plant}-stock@1
because: The warehouse system has no paging
until: 2030-01-01
approved_by: [owner]
---
kind: Consumer
name: {plant}-mes
owner: {plant}-it
identity: {{api_key: {{}}}}
---
kind: Grant
consumer: {plant}-mes
interface: {plant}-stock@1
operations: [listStock, getStock]
purpose: Shows what is at the lines
until: 2030-01-01T00:00+02:00
on_end: alarm
---
kind: Consumer
name: {plant}-planning
owner: plant-{other}
identity: {{api_key: {{}}}}
---
kind: Grant
consumer: {plant}-planning
interface: {plant}-stock@1
operations: [listStock, getStock]
purpose: Plans with what is there
until: 2030-01-01T00:00+02:00
on_end: alarm
"
    )
}

/// A place with the fabric of two plants.
pub(crate) struct Plants {
    pub(crate) place: Place,
    pub(crate) store: Vec<String>,
    client: Client,
}

impl Plants {
    pub(crate) async fn new() -> Self {
        let place = Place::new().await;
        let store = place.data();
        let plants = Self { place, store, client: Client::new() };
        plants.write("fabric.yaml", &GROUP.replace("WMS", &format!("\"{}\"", plants.place.factory.wms_url())));
        let contract = std::fs::read_to_string(crate::fixture::sample().join("contracts/legacy-stock.yaml")).unwrap();
        for (name, owner, other) in [("ghent", "m.dewit", "brno"), ("brno", "l.kral", "ghent")] {
            plants.write(&format!("domains/plant-{name}/contracts/stock.yaml"), &contract);
            plants.write(&format!("domains/plant-{name}/stock.yaml"), &plant(name, owner, other));
        }
        plants
    }

    pub(crate) fn fabric(&self) -> PathBuf {
        self.place.path("plants")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.fabric().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let store: Vec<&str> = self.store.iter().map(String::as_str).collect();
        selvage(&[arguments, &store].concat())
    }

    pub(crate) fn well(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        stdout(&output)
    }

    pub(crate) fn refused(&self, arguments: &[&str], code: &str) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(code), "{arguments:?}: {said}{}", stdout(&output));
        said
    }

    fn told(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.well(&[arguments, &["--json"]].concat())).unwrap()
    }

    fn propose(&self, domain: &str, title: &str, by: &str, more: &[&str]) -> Value {
        let fabric = self.fabric();
        let arguments = ["propose", fabric.to_str().unwrap(), "--domain", domain, "--title", title, "--by", by];
        self.told(&[&arguments, more].concat())
    }

    /// Everybody who is waited for approves.
    pub(crate) fn approve(&self, change: &Value) -> Value {
        let id = change["id"].as_str().unwrap();
        let mut change = change.clone();
        while let Some(open) = change["open"].as_array().unwrap().first() {
            let person = open["people"][0].as_str().unwrap_or_else(|| panic!("nobody can give {open:#}")).to_owned();
            change = self.told(&["change", "approve", id, "--by", &person, "--because", "it is well"]);
        }
        change
    }

    fn release(&self, change: &Value, by: &str) -> String {
        self.well(&["change", "release", change["id"].as_str().unwrap(), "--by", by]);
        change["release"].as_str().unwrap().to_owned()
    }

    fn activate(&self, release: &str, environment: &str) {
        let said = ["--env", environment, "--by", "p.moreau", "--because", "it is time"];
        self.well(&[&["release", "activate", release], &said[..]].concat());
    }

    /// The releases that are active in prod, by domain.
    fn active(&self) -> Vec<(String, String)> {
        let listed = self.well(&["release", "list"]);
        let mut active: Vec<(String, String)> = listed
            .lines()
            .filter(|line| line.contains("prod since"))
            .map(|line| {
                let mut words = line.split_whitespace();
                let release = words.next().unwrap().to_owned();
                (words.next().unwrap().to_owned(), release)
            })
            .collect();
        active.sort();
        active
    }

    pub(crate) async fn status(&self, url: &str, key: &str) -> StatusCode {
        self.client.get(url).bearer_auth(key).send().await.unwrap().status()
    }

    /// Does harm to the store, as no command could.
    async fn alter(&self, sql: &'static str) {
        let url = format!("sqlite:{}", self.place.path("data/selvage.db").display());
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        assert!(sqlx::query(sql).execute(&mut connection).await.unwrap().rows_affected() > 0, "{sql}");
        connection.close().await.unwrap();
    }

    async fn decide(&self, console: &str, key: &str, id: &str, body: Value) -> (StatusCode, Value) {
        let url = format!("{console}/api/changes/{id}/decisions");
        let answer = self.client.post(url).bearer_auth(key).json(&body).send().await.unwrap();
        let status = answer.status();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }
}

/// A node that serves what is active in prod.
pub(crate) fn serve(plants: &Plants) -> (Process, String, String) {
    let mut arguments: Vec<String> = ["serve", "--env", "prod"].map(str::to_owned).into();
    arguments
        .extend(["--listen", "127.0.0.1:0", "--console", "127.0.0.1:0", "--admin", "127.0.0.1:0"].map(str::to_owned));
    arguments.extend(plants.store.iter().cloned());
    let (process, said) = Process::start(&arguments, &["selvage: serving on ", "selvage: console on "]);
    (process, said["selvage: serving on "].clone(), said["selvage: console on "].clone())
}

/// What breaks: the records one by one are taken away.
fn without_one(contract: &str) -> String {
    let begin = contract.find("  /{sku}:").unwrap();
    let end = contract.find("components:").unwrap();
    format!("{}{}", &contract[..begin], &contract[end..])
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story")]
async fn a_breaking_change_of_one_plant_from_proposal_to_going_back() {
    let plants = Plants::new().await;
    let fabric = plants.fabric();
    plants.refused(&["propose", fabric.to_str().unwrap(), "--title", "x", "--by", "a.lindqvist"], "FAB7062");
    plants.refused(&["serve", "--env", "prod"], "FAB7059");
    // Each domain is released by itself, and activated in order.
    for (domain, by) in [("group", "a.lindqvist"), ("plant-ghent", "m.dewit"), ("plant-brno", "l.kral")] {
        let change = plants.propose(domain, "The first of all", by, &[]);
        plants.refused(&["change", "release", change["id"].as_str().unwrap(), "--by", by], "FAB7055");
        let release = plants.release(&plants.approve(&change), by);
        let early = ["release", "activate", &release, "--env", "prod", "--by", by, "--because", "now"];
        if domain != "group" {
            plants.refused(&early, "FAB7057");
        }
        plants.activate(&release, "test");
        plants.activate(&release, "prod");
    }
    let first = plants.active();
    assert_eq!(first.len(), 3, "{first:?}");
    let (node, base, console) = serve(&plants);
    let [mes, planning] = ["ghent-mes", "ghent-planning"].map(|consumer| plants.place.key(&plants.store, consumer));
    let one = format!("{base}/ghent-stock/v1/FRM-TUBE");
    for key in [&mes, &planning] {
        let known = async || (plants.status(&one, key).await != StatusCode::UNAUTHORIZED).then_some(());
        eventually("the key is known", known).await;
        for _ in 0..3 {
            let status = plants.status(&one, key).await;
            assert!(status.is_success() || status == StatusCode::NOT_FOUND, "{status}");
        }
    }
    let used = async || {
        let usage = plants.told(&["usage", "ghent-stock@1"]);
        let rows = usage["usage"].as_array().unwrap();
        let by = |consumer: &str| rows.iter().any(|row| row["consumer"] == consumer && row["operation"] == "getStock");
        (by("ghent-mes") && by("ghent-planning")).then_some(())
    };
    eventually("both are seen to use it", used).await;

    // The change is proposed: who would break is found, and whose approval it takes.
    let contract = std::fs::read_to_string(fabric.join("domains/plant-ghent/contracts/stock.yaml")).unwrap();
    let broken = without_one(&contract)
        .replace("        uom: {type: string, enum: [EA, KGM], description: Pieces or kilograms}\n", "");
    plants.write("domains/plant-ghent/contracts/stock.yaml", &broken.replace(", uom]", "]"));
    // Grants name operations that there are.
    plants.write("domains/plant-ghent/stock.yaml", &plant("ghent", "m.dewit", "brno").replace(", getStock]", "]"));
    let change = plants.propose("plant-ghent", "One list is enough", "m.dewit", &[]);
    let id = change["id"].as_str().unwrap();
    assert_eq!(change["risk"], "breaking", "{change:#}");
    let affected: Vec<&str> =
        change["affected"].as_array().unwrap().iter().map(|it| it["consumer"].as_str().unwrap()).collect();
    assert_eq!(affected, ["ghent-mes", "ghent-planning"], "{change:#}");
    assert!(change["affected"][0]["last_used"].is_string(), "{change:#}");
    let needs: Vec<&str> = change["open"].as_array().unwrap().iter().map(|it| it["need"].as_str().unwrap()).collect();
    // The author alone could sign as the owner and for `ghent-mes`: the board does in their place.
    assert_eq!(needs, ["who answers for ghent-planning", "2 disciplines of the board of plant-ghent"], "{change:#}");
    plants.refused(&["change", "approve", id, "--by", "m.dewit", "--because", "mine"], "FAB7054");
    let board = plants.well(&["board", "--person", "k.dvorak"]);
    assert!(board.contains("One list is enough"), "{board}");

    // It is rejected over HTTP by who answers for a consumer, and proposed otherwise.
    let operator = |name: &str| plants.well(&["operator", "add", name]).trim().to_owned();
    let (dvorak, moreau) = (operator("k.dvorak"), operator("p.moreau"));
    let known = async || {
        let (status, _) =
            plants.decide(&console, &dvorak, id, json!({"verdict": "comment", "because": "I look at it"})).await;
        (status == StatusCode::OK).then_some(())
    };
    eventually("the operator is known", known).await;
    let no = json!({"verdict": "reject", "because": "planning needs the unit", "version": 1});
    let (status, rejected) = plants.decide(&console, &dvorak, id, no.clone()).await;
    assert_eq!((status, &rejected["state"]), (StatusCode::OK, &json!("rejected")), "{rejected:#}");
    plants.refused(&["change", "release", id, "--by", "m.dewit"], "FAB7050");
    plants.write("domains/plant-ghent/contracts/stock.yaml", &without_one(&contract));
    let second = plants.propose("plant-ghent", "One list is enough, with units", "m.dewit", &["--change", id]);
    assert_eq!(
        (&second["version"], &second["state"], &second["risk"]),
        (&json!(2), &json!("open"), &json!("breaking"))
    );
    let (status, stale) = plants.decide(&console, &dvorak, id, no).await;
    assert_eq!((status, &stale["code"]), (StatusCode::CONFLICT, &json!("FAB7050")), "{stale:#}");
    let yes = json!({"verdict": "approve", "because": "planning reads the list", "version": 2});
    assert_eq!(plants.decide(&console, &dvorak, id, yes.clone()).await.0, StatusCode::OK);
    let (status, _) = plants.decide(&console, &moreau, id, yes).await;
    assert_eq!(status, StatusCode::OK);
    let approved = plants.approve(&plants.told(&["change", "show", id]));
    assert_eq!(approved["approved"], true, "{approved:#}");

    // Released, tried, activated: the node refuses what is gone within a second, and the other plant goes its own way.
    let release = plants.release(&approved, "m.dewit");
    plants
        .refused(&["release", "activate", &release, "--env", "prod", "--by", "p.moreau", "--because", "x"], "FAB7057");
    plants.activate(&release, "test");
    plants.activate(&release, "prod");
    assert_eq!(plants.status(&one, &mes).await, StatusCode::NOT_FOUND, "it is active when the command returns");
    plants.write("domains/plant-brno/stock.yaml", &format!("# A list of Brno.\n{}", plant("brno", "l.kral", "ghent")));
    let brno = plants.release(&plants.approve(&plants.propose("plant-brno", "A word", "l.kral", &[])), "l.kral");
    plants.activate(&brno, "test");
    plants.activate(&brno, "prod");

    // Ghent goes back; Brno stays, and so does the end of a grant.
    let grants = plants.well(&["grant", "list"]);
    let mut planning_grants =
        grants.lines().filter(|line| line.contains("ghent-planning") && line.contains("ghent-stock"));
    let grant = planning_grants.find(|line| line.contains("until ")).unwrap();
    let grant = grant.split_whitespace().next().unwrap();
    plants.well(&["grant", "end", grant, "--because", "planning has moved"]);
    let went = plants.told(&[
        "release",
        "rollback",
        "--domain",
        "plant-ghent",
        "--env",
        "prod",
        "--by",
        "p.moreau",
        "--because",
        "lines stand",
    ]);
    let acknowledged = went["nodes"][0]["acknowledged_ms"].as_u64();
    assert!(acknowledged.is_some(), "{went:#}");
    assert_ne!(plants.status(&one, &mes).await.as_u16(), 403, "what was there is there again");
    let list = format!("{base}/ghent-stock/v1/");
    assert_eq!(plants.status(&list, &planning).await, StatusCode::FORBIDDEN, "what ended is not revived");
    let now = plants.active();
    let of = |active: &[(String, String)], domain: &str| active.iter().find(|it| it.0 == domain).unwrap().1.clone();
    assert_eq!(of(&now, "plant-ghent"), of(&first, "plant-ghent"));
    assert_eq!(of(&now, "plant-brno"), brno);
    plants.well(&["release", "verify"]);
    plants.well(&["ledger", "verify"]);

    // What somebody alters in the store is found, and does not run.
    drop(node);
    plants
        .alter("UPDATE fabric_release SET content = replace(content, 'tier-1', 'tier-3') WHERE domain = 'plant-brno'")
        .await;
    let verified = plants.run(&["release", "verify"]);
    assert!(!verified.status.success() && stdout(&verified).contains("FAB7056"), "{}", stdout(&verified));
    plants.refused(&["serve", "--env", "prod"], "FAB7056");
    plants
        .alter("UPDATE fabric_release SET content = replace(content, 'tier-3', 'tier-1') WHERE domain = 'plant-brno'")
        .await;
    plants.well(&["release", "verify"]);
    plants.alter("UPDATE ledger SET actor = 's.okafor' WHERE action = 'change.decided' AND actor = 'k.dvorak'").await;
    let verified = plants.run(&["ledger", "verify"]);
    assert!(!verified.status.success(), "{}", stdout(&verified));
}

const PRODUCTS: &str = "kind: Fabric
name: velo-works
environments: {dev: {gates: {faults: true, tests: true}}}
packs: [odoo]
---
kind: Domain
name: group
board: {architecture: [a.lindqvist, s.okafor], quorum: 1}
---
kind: Team
name: master-data
roles: {owner: [d.claes], steward: [d.claes], on_call: [d.claes]}
---
kind: Site
name: ghent
time_zone: Europe/Brussels
binds: {company: {odoo: BE01}}
---
kind: System
name: odoo
connector: odoo
owner: master-data
zone: cloud
environments:
  dev:
    url: \"http://127.0.0.1:9\"
    accounts: {default: {login: somebody, api_key: {secret: odoo/read}}}
---
kind: Interface
name: products
type: api
version: 1.0
owner: master-data
lifecycle: active
classification: {criticality: tier-2, latency: near-real-time, recovery: {rpo: 0s, rto: 4h}, data: internal}
control: mediated
serves: {object: product@1, system: odoo, operations: [list, get, create]}
";

/// The gate of faults tries what the release maps against a simulated Odoo, wherever the real one is.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_release_maps_is_tried_under_faults_before_it_is_active() {
    let plants = Plants::new().await;
    std::fs::remove_dir_all(plants.fabric()).unwrap();
    plants.write("fabric.yaml", PRODUCTS);
    let release = plants
        .release(&plants.approve(&plants.propose("group", "The first of all", "a.lindqvist", &[])), "a.lindqvist");
    let went = plants.well(&["release", "activate", &release, "--env", "dev", "--by", "d.claes", "--because", "tried"]);
    assert!(went.contains("tests: all hold") && went.contains("faults: 2 hold, 0 cannot be tried"), "{went}");
    let ledger = plants.well(&["ledger", "list"]);
    assert!(ledger.contains("release.activated"), "{ledger}");
}
