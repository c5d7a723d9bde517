//! Conditions of grants: what holds passes, what does not is refused, and so is what cannot be judged.

use http::{HeaderMap, HeaderValue, Method, Version};
use selvage_gateway::{Head, KeysOfIssuers, Plan, Question, Stage, Verdict, decide, explain_request};

use super::fabric::key;
use super::token::{compile, fabric};

#[test]
fn a_grant_opens_nothing_while_its_condition_does_not_hold() {
    let snapshot = compile(&fabric("127.0.0.1:1"), &KeysOfIssuers::new(), "dev");
    let decided = |consumer: &str, method: &str, path: &str, now: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("gateway.test"));
        headers.insert("x-api-key", HeaderValue::try_from(key(consumer)).unwrap());
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let head = Head {
            method: &method,
            authority: None,
            path,
            query,
            version: Version::HTTP_11,
            headers: &headers,
            client: None,
        };
        match decide(&snapshot, &head, now.parse().unwrap()) {
            Plan::Proxy { .. } => "passes".to_owned(),
            Plan::Refuse(refusal) => refusal.problem.code.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let (night, day) = ("2026-06-01T03:59:59Z", "2026-06-01T04:00:00Z");
    let rows = [
        ("night", "GET", "/stock/v1/items", night, "passes"),
        ("night", "GET", "/stock/v1/items", day, "FAB4090"),
        ("night", "GET", "/stock/v1/items?all", night, "FAB4090"),
        ("night", "GET", "/stock/v1/items?a=1&a=2", night, "FAB4091"),
        ("night", "GET", "/stock/v1/items?%ff", night, "FAB4091"),
        ("night", "GET", "/stock/v1/items/42", day, "passes"),
        ("night", "GET", "/stock/v1/items/%34%32", day, "passes"),
        ("night", "GET", "/stock/v1/items/43", day, "FAB4090"),
        ("night", "PUT", "/stock/v1/items/42?site=ghent", day, "passes"),
        ("night", "PUT", "/stock/v1/items/42?site=brno", day, "FAB4090"),
        // The parameter is missing: that cannot be judged.
        ("night", "PUT", "/stock/v1/items/42", day, "FAB4091"),
        ("night", "DELETE", "/stock/v1/items/42", day, "FAB4021"),
        ("broken", "GET", "/stock/v1/items", day, "FAB4091"),
        // It is remembered for this minute, this operation and this method only.
        ("by-day", "GET", "/stock/v1/items", night, "FAB4090"),
        ("by-day", "GET", "/stock/v1/items", day, "passes"),
        ("by-day", "GET", "/stock/v1/items?all&all", day, "passes"),
        ("by-day", "PUT", "/stock/v1/items/42", day, "FAB4090"),
        // One operation, judged by two methods, in either order.
        ("by-day", "HEAD", "/stock/v1/items", day, "FAB4090"),
        ("by-day", "GET", "/stock/v1/items", day, "passes"),
        ("by-day", "HEAD", "/stock/v1/items", day, "FAB4090"),
        ("by-day", "GET", "/stock/v1/items", "2026-06-01T19:59:59Z", "passes"),
        ("by-day", "GET", "/stock/v1/items", "2026-06-01T20:00:00Z", "FAB4090"),
        ("by-day", "GET", "/stock/v1/items", night, "FAB4090"),
        // Another grant without a condition opens it.
        ("broken", "GET", "/stock/v1/items/1", day, "passes"),
    ];
    for (consumer, method, path, now, expected) in rows {
        assert_eq!(decided(consumer, method, path, now), expected, "{consumer}: {method} {path} at {now}");
    }
}

#[test]
fn a_condition_is_a_stage_of_its_own() {
    let snapshot = compile(&fabric("127.0.0.1:1"), &KeysOfIssuers::new(), "dev");
    for (at, verdict, says) in [
        ("2026-06-01T03:59:59Z", Verdict::Passed, "`time.hour < 6 && !has(request.query.all)` holds"),
        ("2026-06-01T04:00:00Z", Verdict::Refused, "FAB4090 the grant for `stock@1` holds only while"),
    ] {
        let question = Question {
            consumer: "night".parse().unwrap(),
            method: Method::GET,
            path: "/stock/v1/items".to_owned(),
            at: at.parse().unwrap(),
        };
        let explanation = explain_request(&snapshot, &question);
        let stage = explanation.stages.iter().find(|decided| decided.stage == Stage::Condition).unwrap();
        assert!(stage.verdict == verdict && stage.because.contains(says), "{at}: {stage:?}");
    }
}
