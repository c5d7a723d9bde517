//! Judges every answer of these tests by the description of the control API: its status, its media type, and its body, in which nothing
//! is that the description does not name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::{Stage, begin};

/// What every route has in common, and no operation says.
const EVERYWHERE: [&str; 2] = ["404 FAB8063", "405 FAB8080"];

/// The description, ready to judge.
pub(crate) struct Described {
    document: Value,
    components: Value,
    compiled: Mutex<BTreeMap<String, Validator>>,
    /// Operations that were done.
    done: Mutex<BTreeSet<String>>,
}

impl Described {
    pub(crate) fn new() -> Self {
        let document = selvage_control::description("/");
        let mut components = document["components"].clone();
        close(&mut components["schemas"]);
        Self { document, components, compiled: Mutex::default(), done: Mutex::default() }
    }

    pub(crate) fn judge(&self, method: &Method, path: &str, (status, media): (u16, &str), body: &Value) {
        let told = format!("{method} {path} -> {status} {media} {body:#}");
        let said = format!("{status} {}", body["code"].as_str().unwrap_or_default());
        let (path, _) = path.split_once('?').unwrap_or((path, ""));
        let Some((template, item)) = self.item(path) else {
            assert!(EVERYWHERE.contains(&said.as_str()) || status == 401, "it is not described: {told}");
            return;
        };
        let method = method.as_str().to_lowercase();
        let answer = item.get(&method).map_or(&Value::Null, |operation| &operation["responses"][status.to_string()]);
        if answer.is_null() && (EVERYWHERE.contains(&said.as_str()) || (status == 401 && !item.contains_key(&method))) {
            return;
        }
        let answer = match answer["$ref"].as_str() {
            Some(place) => self.document.pointer(place.trim_start_matches('#')).unwrap(),
            None => answer,
        };
        let schema = &answer["content"][media]["schema"];
        assert!(schema.is_object(), "no such answer is described: {told}");
        let key = format!("{method} {template} {status}");
        let mut compiled = self.compiled.lock().unwrap();
        let validator = compiled.entry(key).or_insert_with(|| {
            jsonschema::validator_for(&json!({"components": self.components, "allOf": [schema]})).unwrap()
        });
        let errors: Vec<String> =
            validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}\n{told}");
        if status < 300 {
            self.done.lock().unwrap().insert(format!("{method} {template}"));
        }
    }

    /// The path's item; spelled out comes before a parameter.
    fn item(&self, path: &str) -> Option<(&str, &Map<String, Value>)> {
        let fits = |template: &&String| {
            let (parts, names): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), template.split('/').collect());
            parts.len() == names.len()
                && parts.iter().zip(names).all(|(part, name)| part == &name || name.starts_with('{'))
        };
        let paths = self.document["paths"].as_object().unwrap();
        let found = paths.keys().filter(fits).min_by_key(|template| template.matches('{').count())?;
        Some((found, paths[found].as_object().unwrap()))
    }
}

/// Lets objects have nothing that their schema does not name.
fn close(schema: &mut Value) {
    match schema {
        Value::Array(schemas) => schemas.iter_mut().for_each(close),
        Value::Object(members) => {
            members.values_mut().for_each(close);
            if members.contains_key("required") && members.contains_key("properties") {
                members.entry("additionalProperties").or_insert_with(|| json!(false));
            }
        }
        _ => {}
    }
}

/// Of these there is nothing here; tests of the binary have them.
const ELSEWHERE: [&str; 3] =
    ["get /dead-letters/{id}", "get /evidence/interfaces/{interface}", "get /catalogue/{interface}/contract"];

const LISTS: [&str; 8] = [
    "/changes?state=released",
    "/board",
    "/releases?domain=group",
    "/lanes?cause=refused",
    "/dead-letters",
    "/parked-records?cause=code",
    "/parked-operations?cause=mapping",
    "/subscriptions",
];

/// A release as a package, and back.
async fn packages(stage: &Stage, release: &str) {
    let who = "group.board";
    let (status, package) = stage.ask(who, Method::GET, &format!("/releases/{release}/package"), None).await;
    assert_eq!(status, 200, "{package:#}");
    assert_eq!(stage.ask(who, Method::POST, "/releases/packages", Some(package.clone())).await.0, 200);
    let mut altered = package;
    altered["signature"] = json!("AAAA");
    assert_eq!(stage.verdict(who, Method::POST, "/releases/packages", Some(altered)).await, "422 FAB7212");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_is_described_and_answers_so() {
    let stage = Stage::new().await;
    begin(&stage).await;
    let who = "group.board";
    let get = async |path: &str| stage.ask(who, Method::GET, path, None).await;
    let (status, served) = get("/openapi.json").await;
    assert_eq!((status, &served), (200, &stage.described.document), "it is what the command prints");
    let mut text = String::new();
    crate::leases::rows(&stage, &mut text).await;
    crate::stuck::cut(&stage, &mut text).await;
    crate::stuck::deputies(&stage, &mut text).await;
    crate::sent::rows(&stage, &mut text).await;
    for path in LISTS {
        assert_eq!(get(path).await.0, 200, "{path}");
    }
    let (_, releases) = get("/releases").await;
    get(&format!("/releases/{}", releases["items"][0]["release"].as_str().unwrap())).await;
    packages(&stage, releases["items"][0]["release"].as_str().unwrap()).await;
    let planned = format!(
        "/environments/test/plan?going_back=true&release={}",
        releases["items"][0]["release"].as_str().unwrap()
    );
    assert_eq!(get(&planned).await.0, 200, "{planned}");
    let (_, campaigns) = get("/recertifications").await;
    get(&format!("/recertifications/{}?open=true", campaigns["items"][0]["campaign"].as_str().unwrap())).await;
    let change = stage.change("plant-ghent", "open").await;
    let because = Some(json!({"because": "it is done"}));
    get(&format!("/changes/{}", change.id)).await;
    let word = Some(json!({"verdict": "comment", "because": "look at the line"}));
    stage.ask("stranger", Method::POST, &format!("/changes/{}/decisions", change.id), word).await;
    stage.ask("ghent.author", Method::POST, &format!("/changes/{}/withdrawal", change.id), because).await;
    let none = Some(json!({"ids": [], "because": "nothing is stuck"}));
    for step in ["redrive", "discard"] {
        stage.ask(who, Method::POST, &format!("/dead-letters/{step}"), none.clone()).await;
    }
    let (_, releases) = get("/releases?domain=group").await;
    let first = releases["items"][0]["release"].clone();
    let group =
        stage.released("group", json!({"fabric.yaml": format!("{}# more\n", crate::GROUP)}), "group.security").await;
    for (release, step) in [(&group["release"], "activations"), (&first, "rollbacks")] {
        let body = match step {
            "activations" => json!({"release": release, "because": "in order"}),
            _ => json!({"domain": "group", "to": release, "because": "it is doubled"}),
        };
        let (status, went) = stage.ask(who, Method::POST, &format!("/environments/test/{step}"), Some(body)).await;
        assert_eq!(status, 200, "{went:#}");
    }
    for path in ["/evidence/domains/group?from=2026-01-01", "/evidence/controls", "/evidence/controls/four-eyes"] {
        assert_eq!(get(path).await.0, 200, "{path}");
    }
    assert_eq!(get("/release-keys").await.0, 200);
    crate::keys_of_releases(&stage, &mut text).await;
    let done = stage.described.done.lock().unwrap().clone();
    let paths = stage.described.document["paths"].as_object().unwrap();
    let all =
        paths.iter().flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |it| format!("{it} {path}")));
    let not_done: Vec<String> = all.filter(|it| !done.contains(it) && !ELSEWHERE.contains(&it.as_str())).collect();
    assert!(not_done.is_empty(), "never done: {not_done:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evidence_is_a_document_that_is_checked_alone_or_its_page() {
    let stage = Stage::new().await;
    begin(&stage).await;
    let url = format!("http://{}/api/evidence/domains/plant-ghent", stage.console.address());
    let answer = stage.client.get(&url).bearer_auth("slv_ghent.owner").send().await.unwrap();
    let saved = answer.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert!(saved.starts_with("attachment; filename=\"evidence-domain-plant-ghent-2"), "{saved}");
    let document = answer.text().await.unwrap();
    let checked = selvage_control::evidence::verify(&document, Some(stage.seal.key().public)).unwrap();
    assert!(checked.faults.is_empty() && checked.signed_with.is_some(), "{:?}", checked.faults);
    assert_eq!((checked.package.name.as_str(), checked.package.by.as_deref()), ("plant-ghent", Some("ghent.owner")));
    let page = stage.client.get(format!("{url}?page=true")).bearer_auth("slv_ghent.owner").send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("style-src 'sha256-"));
    let page = page.text().await.unwrap();
    assert!(page.contains("data:application/json;base64,") && page.contains("Evidence of the domain plant-ghent"));
    for (query, expected) in [
        ("from=soon", "400 FAB8062"),
        ("from=2027-02-01&to=2027-01-01", "400 FAB8062"),
        ("environment=nowhere", "404 FAB7164"),
        ("keep=1", "400 FAB8062"),
    ] {
        let path = format!("/evidence/domains/plant-ghent?{query}");
        assert_eq!(stage.verdict("ghent.owner", Method::GET, &path, None).await, expected, "{query}");
    }
    let nothing = stage.verdict("group.board", Method::GET, "/evidence/controls/nothing", None).await;
    assert_eq!(nothing, "404 FAB7164");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_a_problem_of_its_own() {
    let stage = Stage::new().await;
    begin(&stage).await;
    for (method, path, expected) in [
        (Method::DELETE, "/changes", "405 FAB8080"),
        (Method::PUT, "/openapi.json", "405 FAB8080"),
        (Method::GET, "/changes?domian=group", "400 FAB8062"),
        (Method::GET, "/environments/test/plan", "400 FAB8062"),
        (Method::GET, "/changes?state=lost", "400 FAB8062"),
        (Method::GET, "/grants?all=perhaps", "400 FAB8062"),
        (Method::GET, "/grants/grt_1?since=9999w", "400 FAB8062"),
        (Method::GET, "/access/review?unused=soon", "400 FAB8062"),
        (Method::GET, "/lanes?cause=boredom", "400 FAB8062"),
        (Method::GET, "/events/products@1?limit=0", "400 FAB8062"),
        (Method::GET, "/events/products@1?limit=201", "400 FAB8062"),
        (Method::GET, "/events/products", "404 FAB8063"),
        (Method::GET, "/catalogue/no%00thing", "404 FAB8063"),
        (Method::GET, "/grants/no%00thing", "404 FAB8063"),
        (Method::GET, "/changes/%FF", "404 FAB8063"),
    ] {
        let told = format!("{method} {path}");
        assert_eq!(stage.verdict("stranger", method.clone(), path, None).await, expected, "{told}");
        assert_eq!(stage.verdict("nobody", method, path, None).await, "401 FAB8060", "{told}");
    }
    // A list of values is no object, in whatever order they stand.
    for (path, body) in [
        ("/changes/chg_1/withdrawal", json!(["it is over"])),
        ("/dead-letters/redrive", json!([[], null, false, "it is mended"])),
        ("/dead-letters/redrive", json!({"which": [null, null, null, null, false], "because": "it is mended"})),
    ] {
        let told = format!("{path} {body}");
        assert_eq!(stage.verdict("stranger", Method::POST, path, Some(body)).await, "400 FAB8062", "{told}");
    }
    let url = format!("http://{}/api/changes", stage.console.address());
    let answer = stage.client.put(&url).bearer_auth("slv_stranger").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["allow"]), (405, &"GET,HEAD,POST".parse().unwrap()));
    let answer = stage.client.get(&url).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["www-authenticate"]), (401, &"Bearer".parse().unwrap()));
}
