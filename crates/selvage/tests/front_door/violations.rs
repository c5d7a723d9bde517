//! What does not fit a contract, from a consumer's request to the owner's table.

use reqwest::{Client, StatusCode};
use serde_json::Value;

use crate::fixture::{Place, eventually, selvage, stdout};
use crate::publishing::{Line, STRUCTURED, with};

#[tokio::test(flavor = "multi_thread")]
async fn violations_are_counted_by_consumer_and_field_and_masked() {
    let place = Place::new().await;
    // The warehouse says how much as a number.
    place.edit("contracts/legacy-stock.yaml", "qty: {type: integer, minimum: 0,", "qty: {type: string,");
    let store = place.data();
    let board = place.key(&store, "shop-floor-board");
    let served = place.serve(&store, &["--watch"]);
    let client = Client::new();
    let get = |path: &'static str| client.get(format!("{}{path}", served.base)).bearer_auth(&board).send();
    assert_eq!(get("/legacy-stock/v1/").await.unwrap().status(), StatusCode::OK, "a report lets pass");

    let ask = |more: &[&str]| {
        let mut arguments = vec!["violations", "legacy-stock@1"];
        arguments.extend(more);
        arguments.extend(store.iter().map(String::as_str));
        let output = selvage(&arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        stdout(&output)
    };
    let rows: Value = eventually("the violation is in the store", || async {
        let rows: Value = serde_json::from_str(&ask(&["--json"])).unwrap();
        rows.as_array().is_some_and(|rows| !rows.is_empty()).then_some(rows)
    })
    .await;
    let row = &rows[0];
    assert_eq!((row["consumer"].as_str(), row["side"].as_str()), (Some("shop-floor-board"), Some("response")));
    assert_eq!((row["field"].as_str(), row["rule"].as_str()), (Some("/*/qty"), Some("type")));
    assert!(row["sample"].as_str().unwrap().starts_with("a number of "), "the value itself is internal: {row}");
    assert!(ask(&[]).contains("body /*/qty"), "{}", ask(&[]));
    let readiness: Value = serde_json::from_str(&ask(&["--readiness", "--json"])).unwrap();
    let of = |side: &str| readiness.as_array().unwrap().iter().find(|row| row["side"] == side).unwrap().clone();
    assert!(of("response")["verdict"].as_str().unwrap().starts_with("not yet: violated until"), "{readiness}");
    assert_eq!(of("response")["breaks"], serde_json::json!(["shop-floor-board"]));
    assert!(of("request")["verdict"].as_str().unwrap().starts_with("not yet: seen only since"), "{readiness}");
    assert!(ask(&["--readiness"]).contains("shop-floor-board"));

    // The same on the console, for whoever has no shell.
    let operator =
        selvage(&[&["operator", "add", "ann"], &store.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat());
    let form = format!("key={}", stdout(&operator).trim());
    let browser = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let cookie = eventually("the operator may come in", || async {
        let login = browser.post(format!("{}/login", served.console));
        let entered =
            login.header("content-type", "application/x-www-form-urlencoded").body(form.clone()).send().await.unwrap();
        entered.headers().get("set-cookie").map(|cookie| cookie.to_str().unwrap().to_owned())
    })
    .await;
    let page = browser.get(format!("{}/contracts", served.console)).header("cookie", cookie).send().await.unwrap();
    let page = page.text().await.unwrap();
    for expected in
        ["body /*/qty", "shop-floor-board", "a number of ", "let through", "violated until", "legacy-stock@1"]
    {
        assert!(page.contains(expected), "{expected} is missing: {page}");
    }

    // Enforced, the caller does not see what does not fit, and learns that alone.
    place.edit("interfaces.yaml", "validation: {request: report, response: report}", "validation: {response: enforce}");
    let problem = eventually("answers are enforced", || async {
        let answer = get("/legacy-stock/v1/").await.unwrap();
        (answer.status() == StatusCode::BAD_GATEWAY).then_some(answer)
    })
    .await;
    let problem: Value = problem.json().await.unwrap();
    assert_eq!((problem["code"].as_str(), problem.get("errors")), (Some("FAB4124"), None));
}

/// What an event or a write sent that does not fit is shown by what it looks like: the interfaces are internal.
#[tokio::test(flavor = "multi_thread")]
async fn what_events_and_writes_sent_is_shown_masked() {
    let line = Line::of(Place::new().await);
    assert_eq!(line.send(STRUCTURED, &with("/data/state", "broken".into())).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let planning = line.place.key(&line.store, "planning");
    let address = format!("{}/production-orders/v1/production-orders", line.served.base);
    eventually("the write is refused for what it says", || async {
        let write = line.client.post(&address).bearer_auth(&planning).header("idempotency-key", "k-1");
        let answer = write.json(&serde_json::json!({"product": 12345})).send().await.unwrap();
        let status = answer.status();
        let told: Value = answer.json().await.unwrap();
        assert!(status != StatusCode::FORBIDDEN, "{told}");
        (status == StatusCode::UNPROCESSABLE_ENTITY).then_some(())
    })
    .await;
    for (interface, field, sample) in [
        ("machine-states@1", "/data/state", "text of 6 characters"),
        ("production-orders@1", "/product", "a number of 5 digits"),
    ] {
        eventually("it is in the store with a sample", || async {
            let mut arguments = vec!["violations", interface, "--json"];
            arguments.extend(line.store.iter().map(String::as_str));
            let rows: Value = serde_json::from_str(&stdout(&selvage(&arguments))).unwrap();
            rows.as_array().unwrap().iter().any(|row| row["field"] == field && row["sample"] == sample).then_some(())
        })
        .await;
    }
}

/// A query that a list does not take is one of the query, by its name where that is declared.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_list_does_not_take_is_told_as_of_the_query() {
    let place = Place::new().await;
    let store = place.data();
    let board = place.key(&store, "shop-floor-board");
    let served = place.serve(&store, &[]);
    let client = Client::new();
    for query in ["limit=x&limits=1", "another=1"] {
        let address = format!("{}/inventory/v2/inventory-positions?{query}", served.base);
        let answer = client.get(address).bearer_auth(&board).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        let problem: Value = answer.json().await.unwrap();
        assert_eq!((problem["code"].as_str(), problem["errors"][0]["in"].as_str()), (Some("FAB5006"), Some("query")));
    }
    let found = eventually("both are in the store", || async {
        let mut arguments = vec!["violations", "inventory@2"];
        arguments.extend(store.iter().map(String::as_str));
        let text = stdout(&selvage(&arguments));
        (text.contains("query limit") && text.contains("query *")).then_some(text)
    })
    .await;
    assert!(!found.contains("limits") && !found.contains("another"), "the sender chose these names: {found}");
}
