//! The description of the control API, judged by those who judge OpenAPI, and held against a node by schemathesis: everything that is
//! read and everything that is done, with what fits the description and what does not. No 5xx, nothing outside of it.

use std::collections::BTreeMap;

use reqwest::Client;
use serde_json::{Value, json};

use crate::fixture::{Place, Served, selvage, stdout};
use crate::openapi::{linted, validated};
use crate::schemathesis::{Asked, Run, judged};

fn description(more: &[&str]) -> String {
    let output = selvage(&[&["openapi", "--control-api"], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    stdout(&output)
}

#[test]
fn its_judges_find_nothing() {
    let place = tempfile::tempdir().unwrap();
    let files = ["yaml", "json"].map(|format| {
        let path = place.path().join(format!("control.{format}"));
        std::fs::write(&path, description(&["--format", format, "--server", "https://console.example.net/"])).unwrap();
        path
    });
    validated(&files);
    linted(&files);
}

#[test]
fn an_interface_or_the_control_api_is_described() {
    let both = selvage(&["openapi", "products@1", "--control-api"]);
    let neither = selvage(&["openapi"]);
    assert_eq!((both.status.code(), neither.status.code()), (Some(2), Some(2)));
    let described: Value = serde_json::from_str(&description(&["--format", "json"])).unwrap();
    assert_eq!(described["servers"][0]["url"], "/api");
}

struct Judge {
    place: Place,
    node: Served,
    key: String,
    contract: Value,
}

impl Judge {
    /// A node in which there is one of most things.
    async fn new() -> Self {
        let place = Place::new().await;
        let store = place.data();
        let key = operator(&place, "w.svoboda");
        let node = place.serve(&store, &[]);
        let client = Client::new();
        let contract = client.get(format!("{}/api/openapi.json", node.console)).bearer_auth(&key).send().await.unwrap();
        let contract: Value = contract.json().await.unwrap();
        assert_eq!(contract, serde_json::from_str::<Value>(&description(&["--format", "json"])).unwrap());
        let judge = Self { place, node, key, contract };
        let fabric = "kind: Fabric\nname: velo-works\nenvironments: {dev: {}}\n";
        let asked = json!({
            "consumer": "mes-ghent", "interface": "inventory@2", "operations": ["list"], "where": {"site": "ghent"},
            "purpose": "Shows what lies beside the line", "until": "2028-06-30",
        });
        let opened = json!({
            "consumer": "mes-ghent", "interface": "inventory@2", "operations": ["list"], "for": "1h", "because": "it stands",
        });
        for (path, body) in [
            ("/changes", json!({"domain": "group", "title": "the first", "files": {"fabric.yaml": fabric}})),
            ("/access/requests", asked),
            ("/break-glass", opened),
            ("/recertifications", json!({"interface": "inventory@2", "until": "2090-01-01"})),
        ] {
            let url = format!("{}/api{path}", judge.node.console);
            let answer = client.post(url).bearer_auth(&judge.key).json(&body).send().await.unwrap();
            assert_eq!(answer.status(), 201, "{path}: {}", answer.text().await.unwrap());
        }
        judge
    }

    /// What is there, by the path and the parameter.
    async fn known(&self) -> Value {
        let mut known = BTreeMap::new();
        for (list, id) in [
            ("/changes", "id"),
            ("/access/requests", "request"),
            ("/grants", "grant"),
            ("/recertifications", "campaign"),
            ("/catalogue", "interface"),
        ] {
            let url = format!("{}/api{list}", self.node.console);
            let found = Client::new().get(url).bearer_auth(&self.key).send().await.unwrap();
            let found: Value = found.json().await.unwrap();
            let ids: Vec<Value> = found["items"].as_array().unwrap().iter().map(|item| item[id].clone()).collect();
            assert!(!ids.is_empty(), "{list}");
            known.insert(list, ids);
        }
        json!(known)
    }

    async fn run(&self, contract: &Value, more: &[&str]) -> Run {
        let directory = self.place.path("");
        std::fs::write(directory.join("known.json"), self.known().await.to_string()).unwrap();
        judged(&Asked {
            hooks: "control_api",
            directory: &directory,
            contract,
            url: &format!("{}/api", self.node.console),
            key: &self.key,
            more: &[&["--max-examples", "6", "--phases", "examples,coverage,fuzzing"], more].concat(),
        })
    }
}

fn operator(place: &Place, name: &str) -> String {
    let store = place.data();
    let arguments: Vec<&str> = ["operator", "add", name].into_iter().chain(store.iter().map(String::as_str)).collect();
    let output = selvage(&arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    stdout(&output).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing_outside_what_is_read() {
    let judge = Judge::new().await;
    let Run { well, said, answered } = judge.run(&judge.contract, &["--include-method", "GET"]).await;
    assert!(well, "{said}");
    // What was only ever refused has not shown what it answers. Nothing is released, dead or on the log of this node.
    let elsewhere = [
        "/releases/{id}",
        "/releases/{id}/package",
        "/environments/{environment}/plan",
        "/dead-letters/{id}",
        "/events/{interface}",
        "/events/{interface}/{position}/deliveries",
        "/events/{interface}/{position}",
        "/events/{interface}/by-id",
        "/events/{interface}/readers",
        "/subscriptions/{id}",
        "/replays/{id}",
        "/captures/{interface}",
    ];
    let is_here = |path: &&str| !elsewhere.contains(path) && !path.starts_with("/evidence/");
    let of_all = judge.contract["paths"].as_object().unwrap().iter().filter(|(_, item)| item["get"].is_object());
    for path in of_all.map(|(path, _)| path.as_str()).filter(is_here) {
        let label = format!("GET {path}");
        assert!(answered[&label].contains_key("GET 200"), "{label}: {answered:#?}\n{said}");
    }
    // A planted fault shows that the judge sees them.
    let mut altered = judge.contract.clone();
    altered["components"]["schemas"]["CatalogueEntry"]["properties"]["domain"] = json!({"type": "integer"});
    let Run { well, said, .. } = judge.run(&altered, &["--include-name", "GET /catalogue"]).await;
    assert!(!well && said.contains("Response violates schema"), "{said}");
}

/// What fits a schema may name nothing that is there; what does not is refused, and neither breaks anything.
#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing_outside_what_is_done() {
    let judge = Judge::new().await;
    let more = ["--include-method", "POST", "--exclude-checks", "positive_data_acceptance"];
    let Run { well, said, .. } = judge.run(&judge.contract, &more).await;
    assert!(well, "{said}");
}
