//! Decisions told stage by stage: the same as those that are made, and only to who may know.

use http::Method;
use selvage_gateway::{Explanation, Question, Stage, Verdict, explain_request};
use selvage_model::access::Principal;

use super::client::{Client, authorization};
use super::contracts;
use super::fabric::{self, key, snapshot};
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

/// What is decided between two stages stands between them, whether or not anything was asked of it; and what was not asked stands
/// behind the refusal that ended it.
#[test]
fn stages_stand_in_the_order_in_which_they_are_made() {
    let snapshot = snapshot("127.0.0.1:1");
    let stages = |consumer: &str, method: &str, path: &str| {
        let explanation = explain_request(&snapshot, &asked(consumer, method, path));
        explanation.stages.into_iter().map(|decided| (decided.stage, decided.verdict)).collect::<Vec<_>>()
    };
    for (consumer, method, path) in [
        ("shop", "GET", "/stock/v1/items"),
        ("shop", "POST", "/orders/v1/orders"),
        ("stranger", "GET", "/stock/v1/items"),
        ("shop", "GET", "/nowhere/v1/items"),
        ("shop", "GET", "/livez"),
    ] {
        let order: Vec<Stage> = stages(consumer, method, path).into_iter().map(|(stage, _)| stage).collect();
        assert_eq!(order, Stage::ALL, "{consumer}: {method} {path}");
    }
    let passed = stages("shop", "GET", "/stock/v1/items");
    assert!(passed.contains(&(Stage::Condition, Verdict::NotReached)), "the grant has none: {passed:?}");
    // Whoever calls what is gone is known before it is told.
    let gone = stages("shop", "GET", "/gone-stock/v1/items");
    let refused = gone.iter().position(|(_, verdict)| *verdict == Verdict::Refused).unwrap();
    assert_eq!(gone[refused - 1].0, Stage::Identity);
    assert!(gone[refused + 1..].iter().all(|(_, verdict)| *verdict == Verdict::NotReached), "{gone:?}");
    assert_eq!(gone[refused + 1].0, Stage::Operation);
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
    assert!(because(Stage::Limits).starts_with("none is declared; refused where the node could not hear"));
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
    assert_eq!((said.release.as_str(), said.access, said.stages.len()), ("rel_test", 1, 11));
    for wrong in ["", "as=shop", "as=shop&method=GET", "as=shop&method=GET&path=items", "as=A b&method=GET&path=/"] {
        assert_eq!(ask(wrong).status, 400, "{wrong}");
    }
    // The data path knows no such path.
    let outside = Client::connect(running.gateway.address()).request("GET", "/decide?as=shop", &[], b"");
    assert_eq!(outside.said(), (404, "FAB4001".to_owned()));
}

#[test]
fn what_is_refused_behind_the_decision_is_told_as_far_as_the_head_tells_it() {
    let snapshot = contracts::snapshot("127.0.0.1:1");
    let table = [
        ("portal", "/free/v1/bins?plant=ghent", Stage::Plan, None, "goes to"),
        ("portal", "/free/v1/bins?plant=lyon", Stage::Scope, Some("FAB4128"), "the grant covers only some rows"),
        ("portal", "/free/v1/parts/7", Stage::Scope, Some("FAB4128"), "does not tell them apart"),
        ("supplier", "/free/v1/parts?sort=weight", Stage::Scope, Some("FAB4127"), "leaves out"),
        ("shop", "/new/v1/parts?limit=1", Stage::Plan, None, "goes to"),
        ("shop", "/new/v1/parts?limit=many", Stage::Contract, Some("FAB4120"), "in one place"),
        ("shop", "/told/v1/parts?limit=many", Stage::Plan, None, "goes to"),
    ];
    for (consumer, path, stage, code, says) in table {
        let explanation = explain_request(&snapshot, &asked(consumer, "GET", path));
        let (decided, verdict, because) = decided_by(&explanation);
        assert_eq!((decided, explanation.code.as_deref()), (stage, code), "{consumer}: {path}");
        assert_eq!((verdict == Verdict::Refused, explanation.passes()), (code.is_some(), code.is_none()), "{path}");
        assert!(because.contains(says), "{consumer}: {path}: {because}");
        assert_eq!(explanation.stages.len(), Stage::ALL.len(), "{path}: each stage once");
    }
    let told = explain_request(&snapshot, &asked("shop", "GET", "/told/v1/parts?limit=many"));
    let contract = told.stages.iter().find(|decided| decided.stage == Stage::Contract).unwrap();
    assert!(contract.because.starts_with("counted and not refused: `limit`"), "{contract:?}");
}

#[test]
fn the_header_has_the_code_that_really_refused() {
    let contracts = contracts::running();
    let explained = |running: &Running, consumer: &str, method: &str, path: &str, body: &str| {
        let (by, ask) = (authorization(consumer), format!("Selvage-Explain: {}", key("operator")));
        let headers: [&str; 3] = [&by, &ask, "Content-Type: application/json"];
        let answer = running.client().request(method, path, &headers, body.as_bytes());
        let told = answer.header("selvage-explain").unwrap_or_else(|| panic!("{path}: nothing is told")).to_owned();
        (answer.said().1, told)
    };
    for (consumer, method, path, body, code, stage) in [
        ("portal", "GET", "/free/v1/bins?plant=lyon", "", "FAB4128", "scope"),
        ("shop", "GET", "/new/v1/parts?limit=many", "", "FAB4120", "contract"),
        // Only the body tells.
        ("shop", "POST", "/new/v1/parts?day=2026-11-23", "{}", "FAB4120", "contract"),
        ("supplier", "POST", "/free/v1/parts?day=2026-11-23", r#"{"weight": 1}"#, "FAB4127", "scope"),
        ("shop", "GET", "/kept/v1/parts", "", "FAB4124", "contract"),
    ] {
        let (said, told) = explained(&contracts, consumer, method, path, body);
        assert_eq!(said, code, "{path}: {told}");
        assert!(told.contains(&format!("; {stage} refused: {code} ")), "{path}: {told}");
        assert!(!told.contains("plan: "), "{path}: {told}");
    }
    let running = Running::start();
    for _ in 0..3 {
        assert_eq!(running.client().get("shop", "/shared-stock/v1/items").status, 200);
    }
    let (said, told) = explained(&running, "shop", "GET", "/shared-stock/v1/items", "");
    assert_eq!(said, "FAB4041");
    assert!(told.contains("; limits refused: FAB4041 "), "{told}");
    let (said, told) = explained(&running, "shop", "GET", "/stock/v1/items/reset-now", "");
    assert_eq!(said, "FAB4052");
    assert!(told.contains("; plan refused: FAB4052 "), "{told}");
}

#[test]
fn only_who_answers_for_something_is_told_about_it() {
    let served_to = |person: &str| {
        let snapshot = |upstream: &str| {
            let fabric = fabric::fabric(upstream);
            let mut access = fabric::access(&fabric);
            for credential in &mut access.credentials {
                if let Principal::Operator(name) = &mut credential.principal {
                    person.clone_into(name);
                }
            }
            fabric::try_compile(&fabric, &access, "dev").unwrap()
        };
        let running = Running::serving(snapshot, |_| {});
        let (by, ask) = (authorization("shop"), format!("Selvage-Explain: {}", key("operator")));
        let told = |path: &str| {
            let answer = running.client().request("GET", path, &[&by, &ask], b"");
            answer.header("selvage-explain").is_some()
        };
        (told("/stock/v1/items"), told("/nowhere/v1/items"))
    };
    // The team's owner and who is on call; its steward, the board of another domain and somebody whom the fabric does not name.
    assert_eq!(served_to("o.wner"), (true, true));
    assert_eq!(served_to("o.call"), (true, true));
    for person in ["s.desk", "a.lead", "passer.by"] {
        assert_eq!(served_to(person), (false, true), "{person}: what is nobody's is told");
    }
}
