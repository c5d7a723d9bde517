//! Decisions told stage by stage: the same as those that are made, and only to who may know.

use http::Method;
use selvage_gateway::{Explanation, Question, Stage, Verdict, explain_request};

use super::client::{Client, authorization};
use super::fabric::{key, snapshot};
use super::running::Running;

fn asked(consumer: &str, method: &str, path: &str) -> Question {
    Question {
        consumer: consumer.parse().unwrap(),
        method: Method::from_bytes(method.as_bytes()).unwrap(),
        path: path.to_owned(),
        at: "2026-06-01T00:00:00Z".parse().unwrap(),
    }
}

/// The stage that decided, and what it said.
fn decided_by(explanation: &Explanation) -> (Stage, Verdict, &str) {
    let last = explanation.stages.iter().rfind(|decided| decided.verdict != Verdict::NotReached).unwrap();
    (last.stage, last.verdict, last.because.as_str())
}

#[test]
fn the_stage_that_decides_is_named() {
    let snapshot = snapshot("127.0.0.1:1");
    let table = [
        ("shop", "GET", "/stock/v1/items", Stage::Plan, None, "goes to http://127.0.0.1:1/api/items"),
        ("shop", "GET", "/orders/v1/orders/o-1", Stage::Plan, None, "the engine does `get` on `o-1`"),
        ("shop", "POST", "/orders/v1/orders", Stage::Plan, None, "the engine does `create`"),
        ("shop", "OPTIONS", "/stock/v1/items", Stage::Plan, None, "methods"),
        ("shop", "GET", "/livez", Stage::Plan, None, "the node itself"),
        ("shop", "GET", "/nowhere/v1/items", Stage::Route, Some("FAB4001"), "no interface declares"),
        ("shop", "GET", "/stock/v1/nothing", Stage::Operation, Some("FAB4001"), "no interface declares"),
        ("shop", "GET", "/stock/v1/..", Stage::Operation, Some("FAB4005"), "dot segments"),
        ("shop", "POST", "/stock/v1/items", Stage::Operation, Some("FAB4002"), "other methods"),
        ("shop", "GET", "/gone-stock/v1/items", Stage::Lifecycle, Some("FAB4003"), "retired"),
        ("shop", "GET", "/shut-stock/v1/items", Stage::Lifecycle, Some("FAB4004"), "another site's stock"),
        ("nobody", "GET", "/stock/v1/items", Stage::Identity, Some("FAB4011"), "no consumer of this name"),
        ("stranger", "GET", "/stock/v1/items", Stage::Grant, Some("FAB4020"), "no grant for `stock@1`"),
        ("shop", "DELETE", "/stock/v1/items/1", Stage::Grant, Some("FAB4021"), "does not include"),
        ("past", "GET", "/stock/v1/items", Stage::Grant, Some("FAB4022"), "has ended"),
        ("shop", "GET", "/orders/v1/orders/%ff", Stage::Plan, Some("FAB4005"), "percent-encoded"),
    ];
    for (consumer, method, path, stage, code, says) in table {
        let explanation = explain_request(&snapshot, &asked(consumer, method, path));
        let (decided, verdict, because) = decided_by(&explanation);
        assert_eq!((decided, explanation.code.as_deref()), (stage, code), "{consumer}: {method} {path}");
        assert_eq!(verdict == Verdict::Refused, code.is_some(), "{consumer}: {method} {path}");
        assert!(because.contains(says), "{consumer}: {method} {path}: {because}");
        let mut stages: Vec<Stage> = explanation.stages.iter().map(|decided| decided.stage).collect();
        assert_eq!(stages.len(), Stage::ALL.len(), "{path}: each stage once");
        stages.dedup();
        assert_eq!(stages.len(), Stage::ALL.len());
    }
}

#[test]
fn what_passes_is_told_with_its_grant_limits_and_scope() {
    let explanation = explain_request(&snapshot("127.0.0.1:1"), &asked("past", "GET", "/orders/v1/orders"));
    let because = |stage: Stage| {
        let decided = explanation.stages.iter().find(|decided| decided.stage == stage).unwrap();
        decided.because.as_str()
    };
    assert!(because(Stage::Grant).contains("over since"), "INVARIANT: FAIL-SAFE: {}", because(Stage::Grant));
    assert_eq!(because(Stage::Identity), "`past`, taken for granted");
    assert_eq!(because(Stage::Route), "orders@1");
    assert_eq!(because(Stage::Limits), "none is declared");
    assert_eq!(because(Stage::Scope), "every row and attribute");
}

#[test]
fn an_operators_key_is_told_and_nobody_else() {
    let running = Running::start();
    let explained = |value: &str, path: &str| {
        let (by, ask) = (authorization("shop"), format!("Selvage-Explain: {value}"));
        running.client().request("GET", path, &[&by, &ask], b"")
    };
    let passed = explained(&key("operator"), "/stock/v1/items");
    assert_eq!(passed.status, 200);
    let told = passed.header("selvage-explain").unwrap();
    assert!(told.starts_with("hygiene: ") && told.contains("grant: grt_0 "), "{told}");
    assert!(!passed.text().to_ascii_lowercase().contains("selvage-explain"), "the upstream never sees the key");
    let refused = explained(&key("operator"), "/stock/v1/nothing");
    assert_eq!(refused.status, 404);
    assert!(refused.header("selvage-explain").unwrap().contains("operation refused: FAB4001"));

    // A consumer's key, one that is not known and one that is none: the answer is that of a request without the header.
    for value in [key("shop"), key("nobody"), "1".to_owned(), "x".repeat(4000), String::new()] {
        let answer = explained(&value, "/stock/v1/nothing");
        assert_eq!((answer.status, answer.header("selvage-explain")), (404, None));
        let names: Vec<&str> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
        let plain = running.client().get("shop", "/stock/v1/nothing");
        assert_eq!(names, plain.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
    }
}

#[test]
fn a_node_says_how_it_would_decide() {
    let running = Running::start();
    let ask = |question: &str| running.admin().request("GET", &format!("/decide?{question}"), &[], b"");
    let answer = ask("as=shop&method=GET&path=/stock/v1/items%3Flimit%3D2&at=2026-06-01T00:00:00Z");
    assert_eq!(answer.status, 200);
    let said: Explanation = serde_json::from_slice(&answer.body).unwrap();
    assert!(said.passes(), "{said:?}");
    assert_eq!((said.release.as_str(), said.access, said.stages.len()), ("rel_test", 1, 10));
    for wrong in ["", "as=shop", "as=shop&method=GET", "as=shop&method=GET&path=items", "as=A b&method=GET&path=/"] {
        assert_eq!(ask(wrong).status, 400, "{wrong}");
    }
    // The data path knows no such path.
    let outside = Client::connect(running.gateway.address()).request("GET", "/decide?as=shop", &[], b"");
    assert_eq!(outside.said(), (404, "FAB4001".to_owned()));
}
