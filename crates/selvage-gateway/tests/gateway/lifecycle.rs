//! LIVE-LIFECYCLE at the port: deprecated announces itself, retired and blocked say why.

use super::running::Running;

#[test]
fn deprecated_announces_its_end_on_every_answer() {
    let running = Running::start();
    let mut client = running.client();
    for (path, status) in [("/old-stock/v1/items", 200), ("/old-stock/v1/items/1", 403), ("/old-stock/v1/none", 404)] {
        let answer = client.get("shop", path);
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("deprecation"), Some("@1788220800"));
        assert_eq!(answer.header("sunset"), Some("Mon, 01 Mar 2027 00:00:00 GMT"));
        assert_eq!(answer.header("link"), Some("</stock/v1>; rel=\"successor-version\""));
    }
    let answer = client.get("shop", "/stock/v1/items");
    assert!(answer.header("deprecation").is_none());
}

#[test]
fn retired_answers_410_and_names_its_successor() {
    let running = Running::start();
    let answer = running.client().get("shop", "/gone-stock/v1/items");
    assert_eq!(answer.said(), (410, "FAB4003".to_owned()));
    assert_eq!(answer.header("link"), Some("</stock/v1>; rel=\"successor-version\""));
    assert_eq!(running.upstream.requests(), 0);
}

#[test]
fn blocked_says_why() {
    let running = Running::start();
    let answer = running.client().get("shop", "/shut-stock/v1/items");
    assert_eq!(answer.said(), (403, "FAB4004".to_owned()));
    assert_eq!(answer.json()["detail"], "the interface is blocked: It returned another site's stock.");
}

#[test]
fn a_refusal_is_a_problem_with_its_correlation_id() {
    let running = Running::start();
    let answer = running.client().request("GET", "/stock/v1/items", &["Correlation-Id: c-1"], b"");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"selvage\""));
    let problem = answer.json();
    assert!(problem["type"].as_str().unwrap().ends_with("/errors/FAB4010"));
    assert_eq!(problem["status"], 401);
    assert_eq!(problem["correlation_id"], "c-1");
    let answer = running.client().get("expired", "/stock/v1/items");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"selvage\", error=\"invalid_token\""));
}
