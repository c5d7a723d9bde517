//! Two stores, since events of a store are one environment's: what is approved and tried in the one goes to the other as it was signed, opens
//! its gates there, and is believed for its signatures alone.

use std::path::PathBuf;
use std::process::Output;

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::changes::Plants;
use crate::fixture::{Process, eventually, selvage, stdout};
use crate::gates::{FABRIC, SCHEMA, place};

/// The test with its store, and the store of production beside it.
struct Two {
    test: Plants,
    /// The options that choose the store of production.
    prod: Vec<String>,
}

impl Two {
    async fn new() -> Self {
        let environments =
            "{test: {}, prod: {protected: true, after: [test], gates: {soak: 1s}}}\nevidence: {years: {tier-2: 3}}";
        let fabric = FABRIC.replace("{dev: {gates: {faults: true}}}", environments);
        let fabric = fabric.replace("{dev: {url", "{test: {url: \"https://board.example.com\"}, prod: {url");
        let (fabric, _) = fabric.split_once("---\nkind: Consumer").unwrap();
        let test = place(fabric, SCHEMA).await;
        let prod = vec!["--data".to_owned(), test.place.path("production").display().to_string()];
        Self { test, prod }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.test.place.path(name)
    }

    /// A release of the group, approved in the test.
    fn released(&self, title: &str) -> String {
        let change = self.test.approve(&self.test.propose("group", title, "a.lindqvist", &[]));
        self.test.release(&change, "a.lindqvist")
    }

    fn export(&self, release: &str, name: &str) -> (PathBuf, Value) {
        let file = self.file(name);
        self.test.well(&["release", "export", release, "--out", file.to_str().unwrap()]);
        let text = std::fs::read_to_string(&file).unwrap();
        (file, serde_json::from_str(&text).unwrap())
    }

    /// A command at the store of production.
    fn run(&self, arguments: &[&str]) -> Output {
        let store: Vec<&str> = self.prod.iter().map(String::as_str).collect();
        selvage(&[arguments, &store].concat())
    }

    #[track_caller]
    fn well(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        stdout(&output)
    }

    #[track_caller]
    fn refused(&self, arguments: &[&str], code: &str) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(code), "{arguments:?}: {said}{}", stdout(&output));
        said
    }

    fn import(&self, file: &std::path::Path) -> Vec<String> {
        ["release", "import", file.to_str().unwrap(), "--by", "a.lindqvist"].map(str::to_owned).into()
    }

    fn imported(&self, file: &std::path::Path) -> String {
        let arguments = self.import(file);
        self.well(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn not_imported(&self, file: &std::path::Path, code: &str) -> String {
        let arguments = self.import(file);
        self.refused(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), code)
    }
}

/// A node of an environment; the process, and where its console is.
fn serve(environment: &str, store: &[String], more: &[&str]) -> (Process, String) {
    let mut arguments: Vec<String> = ["serve", "--env", environment].map(str::to_owned).into();
    arguments
        .extend(["--listen", "127.0.0.1:0", "--console", "127.0.0.1:0", "--admin", "127.0.0.1:0"].map(str::to_owned));
    arguments.extend(store.iter().cloned());
    arguments.extend(more.iter().map(|more| (*more).to_owned()));
    let (process, said) = Process::start(&arguments, &["selvage: serving on ", "selvage: console on "]);
    (process, said["selvage: console on "].clone())
}

/// INVARIANT: APPROVED, NOTHING-LOST
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story")]
async fn a_release_is_tried_in_one_store_and_activated_in_another() {
    let two = Two::new().await;
    let release = two.released("The first of all");
    let (untried, _) = two.export(&release, "untried.json");

    // Production has a key of its own, and lets that of the test in by a word of its own.
    let own = two.file("production.key").display().to_string();
    let own_key = two.test.well(&["release", "key", "--signing-key", &own]).trim().to_owned();
    two.well(&["release", "trust", &own_key, "--by", "a.lindqvist", "--because", "it signs here"]);
    two.not_imported(&untried, "FAB7172");
    let key = two.test.well(&["release", "key"]).trim().to_owned();
    two.well(&["release", "trust", &key, "--by", "a.lindqvist", "--because", "the test approves"]);
    let said = two.imported(&untried);
    assert!(said.contains("is a release here") && said.contains("0 receipts"), "{said}");
    let activate = ["release", "activate", &release, "--env", "prod", "--by", "a.lindqvist", "--because", "tried"];
    let refused = two.refused(&activate, "FAB7057");
    assert!(refused.contains("never active in test"), "{refused}");

    // It runs in the test, until that is enough.
    two.test.activate(&release, "test");
    let (node, _) = serve("test", &two.test.store, &[]);
    let tried = eventually("the test ran it for a second", || async {
        let (file, package) = two.export(&release, "tried.json");
        let ran = &package["package"]["receipts"][0]["ran"]["seconds"];
        (ran.as_u64() >= Some(1)).then_some(file)
    })
    .await;
    drop(node);

    // What was altered is refused, and nothing of it is kept.
    let before = two.well(&["ledger", "list"]);
    let text = std::fs::read_to_string(&tried).unwrap();
    let altered = two.file("altered.json");
    std::fs::write(&altered, text.replace("\"gone_back_from\": false", "\"gone_back_from\": true")).unwrap();
    two.not_imported(&altered, "FAB7212");
    std::fs::write(&altered, "kind: Fabric\n").unwrap();
    two.not_imported(&altered, "FAB7211");
    assert_eq!(two.well(&["ledger", "list"]), before);
    let said = two.imported(&tried);
    assert!(said.contains("was a release here already") && said.contains("1 receipts"), "{said}");
    assert!(two.imported(&tried).contains("0 receipts"), "twice is no change");

    // Its gates are open by what the test saw, and its node has events of its own.
    let went = two.well(&activate);
    assert!(went.contains("after: active in test since") && went.contains("by the store of rk_"), "{went}");
    assert!(went.contains("soak: active in test for"), "{went}");
    let shown = two.well(&["release", "show", &release]);
    assert!(
        shown.contains("# taken over from the store of rk_") && shown.contains("# active in test since"),
        "{shown}"
    );
    let operator = two.well(&["operator", "add", "a.lindqvist"]).trim().to_owned();
    let (_node, console) = serve("prod", &two.prod, &["--signing-key", &own]);
    let client = Client::new();
    let url = format!("{console}/api/releases/{release}");
    let found = eventually("the operator is known", || async {
        let answer = client.get(&url).bearer_auth(&operator).send().await.unwrap();
        let is_there = answer.status() == StatusCode::OK;
        is_there.then_some(answer.text().await.unwrap())
    })
    .await;
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found["imported"]["by"], "a.lindqvist", "{found:#}");
    assert_eq!(found["receipts"][0]["environment"], "test", "{found:#}");
    let out = two.file("audit").display().to_string();
    let written = two.well(&["evidence", "domain", "group", "--out", &out]);
    let document = std::fs::read_to_string(written.lines().find(|line| line.ends_with(".json")).unwrap()).unwrap();
    for told in ["Receipts of other stores", "taken over from it by a.lindqvist", "approve in the store of rk_"] {
        assert!(document.contains(told), "{told}: {document}");
    }

    // Over HTTP it is the same; and what was taken over is passed on.
    let packages = format!("{console}/api/releases/packages");
    let post = async |body: String| {
        let answer = client.post(&packages).bearer_auth(&operator).header("content-type", "application/json");
        let answer = answer.body(body).send().await.unwrap();
        let status = answer.status();
        (status, serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap())
    };
    let (status, said) = post(text.clone()).await;
    assert_eq!((status, &said["released"], &said["receipts"]), (StatusCode::OK, &json!(false), &json!(0)), "{said:#}");
    let (status, said) = post(text.replace("The first of all", "The best of all")).await;
    assert_eq!((status, &said["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("FAB7212")), "{said:#}");
    let passed_on = client.get(format!("{url}/package")).bearer_auth(&operator).send().await.unwrap();
    assert_eq!(passed_on.status(), StatusCode::OK);
    let passed_on: Value = serde_json::from_str(&passed_on.text().await.unwrap()).unwrap();
    assert_eq!(passed_on["package"]["receipts"][0]["environment"], "prod", "what it saw itself: {passed_on:#}");
    two.well(&["ledger", "verify"]);
}

/// INVARIANT: APPROVED: what was approved is the difference to what it was compared with.
#[tokio::test(flavor = "multi_thread")]
async fn releases_are_taken_over_in_order() {
    let two = Two::new().await;
    let mut files = vec![two.export(&two.released("The first of all"), "first.json").0];
    let fabric = std::fs::read_to_string(two.test.fabric().join("fabric.yaml")).unwrap();
    for (title, days) in [("Kept for longer", "45d"), ("Kept for longer still", "60d")] {
        two.test.write("fabric.yaml", &fabric.replace("for: 30d", &format!("for: {days}")));
        files.push(two.export(&two.released(title), &format!("{days}.json")).0);
    }
    let key = two.test.well(&["release", "key"]).trim().to_owned();
    two.well(&["release", "trust", &key, "--by", "a.lindqvist", "--because", "the test approves"]);
    two.not_imported(&files[1], "FAB7213");
    two.imported(&files[0]);
    let refused = two.not_imported(&files[2], "FAB7213");
    assert!(refused.contains("import what is between, in order"), "{refused}");
    for file in [&files[1], &files[2], &files[0]] {
        two.imported(file);
    }
    assert!(two.well(&["release", "verify"]).starts_with("3 releases, 0 of them"));
    let stranger = ["release", "import", files[2].to_str().unwrap(), "--by", "v.isitor"];
    two.well(&["operator", "add", "a.lindqvist"]);
    two.refused(&stranger, "FAB8061");
}
