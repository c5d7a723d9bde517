//! schemathesis (PyPI) over every mediated api of the sample fabric: what fits the contract and what does not, sent to a node and
//! judged by the contract. No 5xx, no status, media type, header or body outside of it; nothing taken that it forbids, nothing
//! refused that it allows. Every operation is asked and done at least once, and planted faults show that the judge sees them.

mod contracts;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use reqwest::{Client, StatusCode};
use selvage_factory::odoo::{Fault, FaultKind};
use serde_json::{Map, Value, json};

use self::contracts::{CONSUMER, contracts, exemplify, grants, label, merge, operations};
use crate::fixture::{EVENTS, Place, Served, eventually, sample, stdout};
use crate::openapi::{FROM_A_COPY, MEDIATED};

/// How many contracts are judged beside each other: a test each, so that they share the machine.
const PARTS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing_outside_the_first_third_of_the_contracts() {
    finds_nothing(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing_outside_the_second_third_of_the_contracts() {
    finds_nothing(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing_outside_the_last_third_of_the_contracts() {
    finds_nothing(2).await;
}

async fn finds_nothing(part: usize) {
    let judge = Judge::new(part).await;
    let run = judge.run(&judge.contract, &["--phases", "examples,coverage,fuzzing"]);
    assert!(run.well, "{}", run.said);
    let of_all: Vec<String> = operations(&judge.contract).map(|(path, method, _)| label(method, path)).collect();
    assert!(run.said.contains(&format!("Tested: {}", of_all.len())), "{}", run.said);
    // An operation that was only ever refused has not shown what it answers.
    let not_done: Vec<&String> = of_all.iter().filter(|label| !run.did(label)).collect();
    assert!(not_done.is_empty(), "never done: {not_done:?}\n{:#?}\n{}", run.answered, run.said);
    let metrics = reqwest::get(&judge.node.metrics).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("FAB4001"), "nobody tried without a key: {metrics}");
}

struct Judge {
    place: Place,
    node: Served,
    key: String,
    contract: Value,
}

/// What a run came to.
pub(crate) struct Run {
    pub(crate) well: bool,
    pub(crate) said: String,
    /// How often each operation was asked, by method and status.
    pub(crate) answered: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Run {
    /// Whether the operation was done, by its own method.
    fn did(&self, label: &str) -> bool {
        let method = label.split(' ').next().unwrap();
        let done = |answer: &String| answer.starts_with(&format!("{method} 2"));
        self.answered.get(label).is_some_and(|answers| answers.keys().any(done))
    }
}

impl Judge {
    /// A node with the sample fabric, and the contracts of this part of it.
    async fn new(part: usize) -> Self {
        let place = Place::new().await;
        with_a_copy(&place);
        unlimited(&place);
        let mut all = contracts(&place, MEDIATED);
        std::fs::write(place.fabric().join("tester.yaml"), grants(&all)).unwrap();
        let key = place.key(&place.data(), CONSUMER);
        let node = place.serve(&place.data(), &[]);
        let part: Vec<&str> = MEDIATED.iter().copied().skip(part).step_by(PARTS).collect();
        all.retain(|interface, _| part.contains(interface));
        let mut contract = merge(&all);
        let under_way = under_way(&place, &node.base, &key).await;
        exemplify(&mut contract, &under_way);
        let client = Client::new();
        let copied = format!("{}/stock-board/v1/inventory-positions", node.base);
        eventually("the copy is whole", || async {
            client.get(&copied).bearer_auth(&key).send().await.unwrap().status().is_success().then_some(())
        })
        .await;
        let known = known(&contract, &node.base, &key).await;
        std::fs::write(place.path("known.json"), known.to_string()).unwrap();
        Self { place, node, key, contract }
    }

    /// Lets the node be judged by this contract.
    fn run(&self, contract: &Value, more: &[&str]) -> Run {
        judged(&Asked {
            hooks: "schemathesis",
            directory: &self.place.path(""),
            contract,
            url: &self.node.base,
            key: &self.key,
            more: &[&["--max-examples", "4"], more].concat(),
        })
    }
}

/// What schemathesis is asked.
pub(crate) struct Asked<'a> {
    /// The directory beside this file that has its settings and its hooks.
    pub(crate) hooks: &'a str,
    /// Where its files are; `known.json` of them is what the hooks are told.
    pub(crate) directory: &'a Path,
    pub(crate) contract: &'a Value,
    pub(crate) url: &'a str,
    pub(crate) key: &'a str,
    pub(crate) more: &'a [&'a str],
}

/// Lets schemathesis judge a node by a contract, the same in each run.
pub(crate) fn judged(asked: &Asked<'_>) -> Run {
    let at = |name: &str| asked.directory.join(name);
    std::fs::write(at("contract.json"), asked.contract.to_string()).unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/front_door").join(asked.hooks);
    let output = Command::new(crate::peers::python())
        .args(["-m", "schemathesis.cli", "--config-file"])
        .arg(here.join("schemathesis.toml"))
        .arg("run")
        .arg(at("contract.json"))
        .args(["--url", asked.url, "--header", &format!("Authorization: Bearer {}", asked.key)])
        .args(["--generation-deterministic", "--continue-on-failure", "--no-shrink", "--no-color"])
        .args(asked.more)
        .env("PYTHONPATH", &here)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("SELVAGE_KNOWN", at("known.json"))
        .env("SELVAGE_ANSWERED", at("answered.json"))
        .current_dir(asked.directory)
        .output()
        .unwrap();
    let said = format!("{}{}", stdout(&output), String::from_utf8_lossy(&output.stderr));
    let short: Vec<String> = said.lines().map(|line| line.chars().take(400).collect()).collect();
    let answered = std::fs::read_to_string(at("answered.json")).unwrap_or_else(|error| panic!("{error}: {said}"));
    Run { well: output.status.success(), said: short.join("\n"), answered: serde_json::from_str(&answered).unwrap() }
}

/// The interface of the sample that reads a copy, and the events that keep it: nothing else is captured, so that no more is asked
/// of Odoo. A busy machine makes no copy too old: that would be a refusal by declaration.
fn with_a_copy(place: &Place) {
    let text = std::fs::read_to_string(sample().join(EVENTS)).unwrap();
    let is_of_it = |manifest: &&str| {
        let named = |name: &str| manifest.lines().any(|line| line == format!("name: {name}"));
        named("stock-events") || FROM_A_COPY.split('@').next().is_some_and(named)
    };
    let kept: Vec<&str> = text.split("\n---\n").filter(is_of_it).collect();
    assert_eq!(kept.len(), 2, "{kept:?}");
    let kept = kept.join("\n---\n") + "\n";
    assert!(kept.contains("copy: {max_age: 60s}"));
    std::fs::write(place.fabric().join(COPY), kept.replace("copy: {max_age: 60s}", "copy: {max_age: 1h}")).unwrap();
}

/// Where the manifests of the copy stand.
const COPY: &str = "stock-board.yaml";

/// What the test is not about would only end it early: rates and quotas.
fn unlimited(place: &Place) {
    for file in ["interfaces.yaml", "library.yaml", COPY] {
        let path = place.fabric().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with("limits: {rate")).collect();
        std::fs::write(&path, kept.join("\n") + "\n").unwrap();
    }
}

/// What the hooks are told: the keys of some records of each list, words that are known, and which examples are meant to be done.
async fn known(contract: &Value, base: &str, key: &str) -> Value {
    let client = Client::new();
    let (mut records, mut examples) = (Map::new(), Vec::new());
    for (path, method, operation) in operations(contract) {
        if operation.to_string().contains("\"example\"") {
            examples.push(label(method, path));
        }
        if path.contains('{') || method != "get" {
            continue;
        }
        let url = format!("{base}{path}?limit=20");
        let page: Value = client.get(url).bearer_auth(key).send().await.unwrap().json().await.unwrap();
        let items = page["items"].as_array().unwrap_or_else(|| panic!("{path}: {page}"));
        let id_of = |item: &Value| ["id", "code"].iter().find_map(|name| item.get(name).cloned());
        records.insert(path.to_owned(), items.iter().filter_map(id_of).collect());
    }
    json!({"records": records, "examples": examples, "attributes": {"product": "BIK-1", "site": "ghent"}})
}

/// The id of a write whose outcome was not known in time.
async fn under_way(place: &Place, base: &str, key: &str) -> String {
    place.factory.odoo.inject(Fault::once(FaultKind::ResetAfter, "mrp.production", "load"));
    let order = json!({"product": "BIK-1", "quantity": {"value": "1", "unit": "1"}, "site": "ghent", "origin": "late"});
    let url = format!("{base}/production-orders/v1/production-orders");
    let send = Client::new().post(url).bearer_auth(key).header("idempotency-key", "under-way").json(&order);
    let answer = send.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let location = answer.headers()["location"].to_str().unwrap();
    location.strip_prefix("/operations/").unwrap().to_owned()
}

/// What is planted into the contract, at which operation, and what schemathesis calls it.
struct Planted {
    at: &'static str,
    called: &'static str,
    pointer: &'static str,
    value: Value,
}

fn planted() -> Vec<Planted> {
    let plant = |at, called, pointer, value| Planted { at, called, pointer, value };
    let limit = |maximum: u64, example: u64| {
        let schema = json!({"type": "integer", "minimum": 1, "maximum": maximum});
        json!([{"name": "limit", "in": "query", "schema": schema, "example": example}])
    };
    vec![
        plant(
            "GET /equipment/v1/equipment",
            "Schema-violating request accepted",
            "/paths/~1equipment~1v1~1equipment/get/parameters",
            limit(50, 20),
        ),
        plant(
            "GET /equipment/v1/equipment/{id}",
            "Response violates schema",
            "/components/schemas/Equipment/properties/name",
            json!({"type": "integer"}),
        ),
        plant(
            "GET /maintenance/v1/maintenance-events",
            "Response header does not conform to the schema",
            "/paths/~1maintenance~1v1~1maintenance-events/get/responses/200/headers",
            json!({"Correlation-Id": {"required": true, "schema": {"type": "integer"}}}),
        ),
        // Ids of four letters are left as they are: nothing is called so.
        plant(
            "GET /maintenance/v1/maintenance-events/{id}",
            "Undocumented status code",
            "/paths/~1maintenance~1v1~1maintenance-events~1{id}/get",
            json!({
                "operationId": "one",
                "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}, "example": "none"}],
                "responses": {"200": {"description": "The only answer."}},
            }),
        ),
        plant(
            "POST /maintenance/v1/maintenance-events/{id}/close",
            "Undocumented Content-Type",
            "/paths/~1maintenance~1v1~1maintenance-events~1{id}~1close/post/responses/200/content",
            json!({"application/xml": {}}),
        ),
        plant(
            "GET /purchase-orders/v1/purchase-orders",
            "Schema-valid request rejected",
            "/paths/~1purchase-orders~1v1~1purchase-orders/get/parameters",
            limit(5000, 600),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_objects_to_each_fault_that_is_planted() {
    let judge = Judge::new(1).await;
    let (mut altered, planted) = (judge.contract.clone(), planted());
    for Planted { pointer, value, .. } in &planted {
        *altered.pointer_mut(pointer).unwrap_or_else(|| panic!("the contract has no {pointer}")) = value.clone();
    }
    let broken = Fault { model: Some("stock.quant".to_owned()), ..Fault::always(FaultKind::Status(502)) };
    judge.place.factory.odoo.inject(broken);
    let mut expected: Vec<(&str, &str)> = planted.iter().map(|it| (it.at, it.called)).collect();
    expected.push(("GET /stock-keeping/v1/inventory-positions", "Server error"));

    let mut more = vec!["--phases", "examples,coverage"];
    more.extend(expected.iter().flat_map(|(at, _)| ["--include-name", at]));
    let run = judge.run(&altered, &more);
    assert!(!run.well, "{}", run.said);
    for (at, called) in expected {
        let is_of_it = |part: &&str| part.lines().next().is_some_and(|line| line.trim_matches(['_', ' ']) == at);
        let found = run.said.split("\n____").find(is_of_it);
        assert!(found.is_some_and(|found| found.contains(called)), "{at} is to have `{called}`:\n{}", run.said);
    }
}
