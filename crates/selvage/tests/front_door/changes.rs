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
evidence: {years: {tier-1: 12}}
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
slo: [{{availability: \"99.0%\", window: 30d}}, {{latency: {{quantile: 0.5, under: 30s}}, window: 30d}}]
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
    pub(crate) client: Client,
}

impl Plants {
    pub(crate) async fn new() -> Self {
        let place = Place::new().await;
        let store = place.data();
        Self::on(place, store)
    }

    /// The same in another store.
    pub(crate) fn on(place: Place, store: Vec<String>) -> Self {
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

    pub(crate) fn told(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.well(&[arguments, &["--json"]].concat())).unwrap()
    }

    pub(crate) fn propose(&self, domain: &str, title: &str, by: &str, more: &[&str]) -> Value {
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
            let version = change["version"].to_string();
            let approve = ["change", "approve", id, "--by", &person, "--because", "it is well", "--version", &version];
            change = self.told(&approve);
        }
        change
    }

    pub(crate) fn release(&self, change: &Value, by: &str) -> String {
        self.well(&["change", "release", change["id"].as_str().unwrap(), "--by", by]);
        change["release"].as_str().unwrap().to_owned()
    }

    pub(crate) fn activate(&self, release: &str, environment: &str) {
        let said = ["--env", environment, "--by", "a.lindqvist", "--because", "it is time"];
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
    pub(crate) async fn alter(&self, sql: &'static str) {
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
    serve_with(plants, &[])
}

/// The same with more options.
pub(crate) fn serve_with(plants: &Plants, more: &[&str]) -> (Process, String, String) {
    let mut arguments: Vec<String> = ["serve", "--env", "prod"].map(str::to_owned).into();
    arguments
        .extend(["--listen", "127.0.0.1:0", "--console", "127.0.0.1:0", "--admin", "127.0.0.1:0"].map(str::to_owned));
    arguments.extend(plants.store.iter().cloned());
    arguments.extend(more.iter().map(|more| (*more).to_owned()));
    let (process, said) = Process::start(&arguments, &["selvage: serving on ", "selvage: console on "]);
    (process, said["selvage: serving on "].clone(), said["selvage: console on "].clone())
}

/// What breaks: the records one by one are taken away.
fn without_one(contract: &str) -> String {
    let begin = contract.find("  /{sku}:").unwrap();
    let end = contract.find("components:").unwrap();
    format!("{}{}", &contract[..begin], &contract[end..])
}

/// What a consumer would lose of an operation.
fn loss_of<'a>(affected: &'a Value, operation: &str) -> &'a Value {
    let mut losses = affected["losses"].as_array().unwrap().iter();
    losses.find(|loss| loss["operation"] == operation).unwrap_or_else(|| panic!("{affected:#}"))
}

/// Who was seen to use an operation is asked when it goes, and who only uses another one is not.
#[tokio::test(flavor = "multi_thread")]
async fn who_uses_another_operation_is_not_asked_when_one_goes() {
    let plants = Plants::new().await;
    let fabric = plants.fabric();
    let board = "---
kind: Consumer
name: ghent-board
owner: plant-brno
identity: {api_key: {}}
---
kind: Grant
consumer: ghent-board
interface: ghent-stock@1
operations: [listStock]
purpose: Shows what there is on the wall
until: 2030-01-01T00:00+02:00
on_end: alarm
";
    plants.write("domains/plant-ghent/stock.yaml", &(plant("ghent", "m.dewit", "brno") + board));
    for (domain, by) in [("group", "a.lindqvist"), ("plant-ghent", "m.dewit"), ("plant-brno", "l.kral")] {
        let release = plants.release(&plants.approve(&plants.propose(domain, "The first of all", by, &[])), by);
        plants.activate(&release, "test");
        plants.activate(&release, "prod");
    }
    let (_node, base, _) = serve(&plants);
    let asked = [("ghent-mes", "getStock"), ("ghent-planning", "getStock"), ("ghent-board", "listStock")];
    for (consumer, operation) in asked {
        let key = plants.place.key(&plants.store, consumer);
        let path = if operation == "getStock" { "/FRM-TUBE" } else { "" };
        let url = format!("{base}/ghent-stock/v1{path}");
        let known = async || (plants.status(&url, &key).await != StatusCode::UNAUTHORIZED).then_some(());
        eventually("the key is known", known).await;
    }
    let used = async || {
        let usage = plants.told(&["usage", "ghent-stock@1"]);
        let rows = usage["usage"].as_array().unwrap();
        let by = |consumer: &str, operation: &str| {
            rows.iter().any(|row| row["consumer"] == consumer && row["operation"] == operation)
        };
        asked.into_iter().all(|(consumer, operation)| by(consumer, operation)).then_some(())
    };
    eventually("all are seen to use it", used).await;

    let contract = std::fs::read_to_string(fabric.join("domains/plant-ghent/contracts/stock.yaml")).unwrap();
    plants.write("domains/plant-ghent/contracts/stock.yaml", &without_one(&contract));
    let without = plant("ghent", "m.dewit", "brno").replace(", getStock]", "]") + board;
    plants.write("domains/plant-ghent/stock.yaml", &without);
    let change = plants.propose("plant-ghent", "One list is enough", "m.dewit", &[]);
    let affected = change["affected"].as_array().unwrap();
    let named: Vec<&str> = affected.iter().map(|it| it["consumer"].as_str().unwrap()).collect();
    assert_eq!(named, ["ghent-mes", "ghent-planning"], "{change:#}");
    for it in affected {
        assert_eq!(loss_of(it, "getStock")["unknown"], Value::Null, "{it:#}");
    }
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
        if domain != "group" {
            let early = |by| ["release", "activate", &release, "--env", "prod", "--by", by, "--because", "now"];
            plants.refused(&early("a.lindqvist"), "FAB7057");
            // In a protected environment it takes who sits on the board, by whatever way it is asked for.
            plants.refused(&early(by), "FAB8061");
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
        let by = |consumer: &str| {
            let is_its = |row: &&Value| row["consumer"] == consumer && row["operation"] == "getStock";
            rows.iter().filter(is_its).filter_map(|row| row["requests"].as_u64()).sum::<u64>() >= 3
        };
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
    // Both were seen to use what goes, and neither is named because nobody knows.
    for affected in change["affected"].as_array().unwrap() {
        assert!(affected["last_used"].is_string(), "{affected:#}");
        let loss = loss_of(affected, "getStock");
        assert!(loss["requests"].as_u64() >= Some(3) && loss["last_used"].is_string(), "{affected:#}");
        assert_eq!(loss["unknown"], Value::Null, "{affected:#}");
    }
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
        let word = || json!({"verdict": "comment", "because": "I look at it"});
        let (dvorak, _) = plants.decide(&console, &dvorak, id, word()).await;
        let (moreau, _) = plants.decide(&console, &moreau, id, word()).await;
        (dvorak == StatusCode::OK && moreau == StatusCode::OK).then_some(())
    };
    eventually("the operators are known", known).await;
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
    plants.refused(&["change", "approve", id, "--by", "k.dvorak", "--because", "as before"], "FAB7195");
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
    // It counts in both environments: it is judged by the one that takes nothing without approval.
    assert!(plants.well(&["grant", "show", grant]).contains("tier-1"));
    plants.refused(&["grant", "show", grant, "--env", "test"], "FAB8071");
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
    evidence_is_exported(&plants, id, &release);

    // What somebody alters in the store is found, and does not run.
    drop(node);
    plants
        .alter("UPDATE fabric_release SET content = replace(content, 'tier-1', 'tier-3') WHERE domain = 'plant-brno'")
        .await;
    let verified = plants.run(&["release", "verify"]);
    assert!(!verified.status.success() && stdout(&verified).contains("FAB7056"), "{}", stdout(&verified));
    // A node that starts serves what ran before it, without what was altered, and says so.
    let (node, base, _) = serve(&plants);
    let refuses = async || {
        let told = plants.run(&["nodes", "--env", "prod", "--json"]);
        (told.status.code() == Some(1) && stdout(&told).contains("FAB7056")).then_some(())
    };
    eventually("it says what it does not run", refuses).await;
    assert_eq!(plants.status(&format!("{base}/brno-stock/v1/"), &planning).await, StatusCode::NOT_FOUND);
    assert_ne!(plants.status(&format!("{base}/ghent-stock/v1/"), &mes).await, StatusCode::NOT_FOUND);
    drop(node);
    plants
        .alter("UPDATE fabric_release SET content = replace(content, 'tier-3', 'tier-1') WHERE domain = 'plant-brno'")
        .await;
    plants.well(&["release", "verify"]);
    plants.alter("UPDATE ledger SET subject = 'chg_0' WHERE action = 'change.decided'").await;
    let verified = plants.run(&["ledger", "verify"]);
    assert!(!verified.status.success(), "{}", stdout(&verified));
}

fn promises_are_measured(promises: &[Value]) {
    for promise in promises {
        assert!(promise["requests"].as_u64().unwrap() > 0 && promise["outcome"] != "not measured", "{promise:#}");
    }
    let latency = promises.iter().find(|it| it["promise"].to_string().contains("within 30s")).unwrap();
    assert_eq!(latency["outcome"], "kept", "{latency:#}");
}

/// What the story leaves behind is evidence that is checked without the store, and what is altered in it is found.
fn evidence_is_exported(plants: &Plants, change: &str, release: &str) {
    let out = plants.place.path("evidence");
    let out = out.to_str().unwrap();
    let written = plants.well(&["evidence", "interface", "ghent-stock@1", "--by", "auditor", "--out", out]);
    let (document, page) = (written.lines().next().unwrap(), written.lines().nth(1).unwrap());
    let text = std::fs::read_to_string(document).unwrap();
    let told: Value = serde_json::from_str(&text).unwrap();
    let package = &told["package"];
    let rows = |section: &str| -> Vec<Value> {
        let sections = package["sections"].as_array().unwrap();
        let found = sections.iter().find(|it| it["id"] == section).unwrap();
        found["rows"].as_array().unwrap().iter().map(|row| row["cells"].clone()).collect()
    };
    // Who approved what under which findings.
    let changes = rows("changes");
    let breaking = changes.iter().find(|it| it["change"] == change).unwrap();
    assert_eq!((&breaking["risk"], &breaking["author"]), (&json!("breaking"), &json!("m.dewit")), "{breaking:#}");
    let requires = breaking["requires"].to_string();
    assert!(requires.contains("who answers for ghent-planning"), "{breaking:#}");
    let said: Vec<(String, String, u64)> = rows("decisions")
        .iter()
        .filter(|it| it["change"] == change)
        .map(|it| (it["who"].to_string(), it["verdict"].to_string(), it["version"].as_u64().unwrap_or_default()))
        .collect();
    let has = |who: &str, what: &str, version| said.contains(&(format!("\"{who}\""), format!("\"{what}\""), version));
    assert!(has("k.dvorak", "reject", 1) && has("k.dvorak", "approve", 2), "{said:?}");
    let releases = rows("releases");
    let made = releases.iter().find(|it| it["release"] == release).unwrap();
    assert_eq!(made["signature"], "holds", "{made:#}");
    let activations = rows("activations");
    let of = |what: &str, environment: &str| {
        activations
            .iter()
            .any(|it| it["what"] == what && it["environment"] == environment && it["domain"] == "plant-ghent")
    };
    assert!(of("activated", "test") && of("activated", "prod") && of("went back", "prod"), "{activations:#?}");
    assert!(activations.iter().all(|it| it["domain"] != "plant-brno"), "{activations:#?}");
    let gates = rows("gates");
    assert!(gates.iter().any(|it| it["gate"] == "tests" && it["outcome"] == "open"), "{gates:#?}");
    assert_eq!(
        package["retention"]["because"],
        "evidence of the class tier-1 is kept for 12 years, as the fabric declares"
    );
    promises_are_measured(&rows("promises"));
    let grants = rows("grants");
    assert!(grants.iter().any(|it| it["consumer"] == "ghent-planning" && it["ended"] != "alive"), "{grants:#?}");
    assert_eq!(rows("waivers")[0]["rule"], "FAB2107");
    assert!(rows("incidents").iter().any(|it| it["because"] == "lines stand"));
    let verdict = |id: &str| {
        let controls = package["controls"].as_array().unwrap();
        controls.iter().find(|it| it["id"] == id).unwrap_or_else(|| panic!("{id}: {controls:#?}"))["verdict"].clone()
    };
    for id in ["signed-releases", "protected-environments", "gates", "approval:breaking-tier-1", "waivers"] {
        assert_eq!(verdict(id), "met", "{id}: {:#}", package["controls"]);
    }
    assert_eq!(verdict("four-eyes"), "not met");
    names_are_no_eyes(&package["controls"]);
    assert_eq!((verdict("ledger-integrity"), verdict("ledger-checkpoints")), (json!("met"), json!("met")));
    assert_eq!(verdict("access-recertification"), "not examined");
    let html = std::fs::read_to_string(page).unwrap();
    assert!(html.contains(told["digest"].as_str().unwrap()) && html.contains("One list is enough"), "{html}");

    evidence_is_checked_alone(plants, &text, out);
}

/// Not everybody had a key by then, and one person can write every name.
fn names_are_no_eyes(controls: &Value) {
    for says in ["was approved by names that nobody proved", "was written under a name that nobody proved"] {
        assert!(controls.to_string().contains(says), "{says}: {controls:#}");
    }
}

/// By nothing but the document and the public key.
fn evidence_is_checked_alone(plants: &Plants, text: &str, out: &str) {
    let key = plants.well(&["ledger", "key"]).trim().to_owned();
    let check = |text: &str, key: &str| {
        let file = plants.place.path("elsewhere.json");
        std::fs::write(&file, text).unwrap();
        let output = selvage(&["evidence", "verify", file.to_str().unwrap(), "--key", key]);
        (output.status.success(), stdout(&output) + &String::from_utf8_lossy(&output.stderr))
    };
    let (whole, said) = check(text, &key);
    assert!(whole && said.contains("signed with rk_"), "{said}");
    for (old, new) in [("\"k.dvorak\"", "\"s.okafor\""), ("\"not examined\"", "\"met\""), ("\"breaking\"", "\"safe\"")]
    {
        let (whole, said) = check(&text.replace(old, new), &key);
        assert!(!whole && said.contains("FAB7160") && said.contains("FAB7161"), "{old}: {said}");
    }
    // Whoever computes the digest anew has no signature for it, and an entry of the ledger does not fit its hash.
    let mut forged: Value = serde_json::from_str(&text.replace("\"k.dvorak\"", "\"s.okafor\"")).unwrap();
    forged["digest"] = json!(selvage_control::evidence::digest_of(&forged["package"]));
    let (whole, said) = check(&forged.to_string(), &key);
    assert!(!whole && said.contains("FAB7161") && said.contains("FAB7162") && !said.contains("FAB7160"), "{said}");
    let (whole, said) = check(text, &plants.well(&["release", "key"]));
    assert!(!whole && said.contains("FAB7161"), "{said}");
    assert!(check("{}", &key).1.contains("FAB7163"));
    let domain = plants.well(&["evidence", "domain", "plant-brno", "--out", out]);
    let brno = std::fs::read_to_string(domain.lines().next().unwrap()).unwrap();
    assert!(brno.contains("A word") && !brno.contains("\"title\": \"One list is enough\""), "it has its own changes");
    plants.well(&["evidence", "control", "all", "--out", out]);
    plants.refused(&["evidence", "interface", "ghent-stock@7", "--out", out], "FAB7164");
    plants.refused(&["evidence", "control", "four-eye", "--out", out], "FAB7164");
    // Nothing of it goes before its day.
    assert_eq!(stdout(&selvage(&["evidence", "prune", out])), "");
    assert_eq!(std::fs::read_dir(out).unwrap().count(), 6);
}

pub(crate) const PRODUCTS: &str = "kind: Fabric
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
    assert!(went.contains("tests: all hold"), "{went}");
    assert!(went.contains("faults: 3 hold, 0 cannot be tried"), "{went}");
    let ledger = plants.well(&["ledger", "list"]);
    assert!(ledger.contains("release.activated"), "{ledger}");
}
