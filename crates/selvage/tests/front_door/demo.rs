//! `selvage demo`: it comes up, and what it prints to try does what it says. How fast and how small:
//! `cargo xtask bench demo`.

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::fixture::Process;

#[tokio::test(flavor = "multi_thread")]
async fn everything_it_prints_to_try_does_what_it_says() {
    let arguments = ["demo", "--port", "0", "--console-port", "0", "--pace", "0.2"].map(str::to_owned);
    let prefixes = [
        "Gateway ",
        "Console ",
        "export PLANNING=",
        "export MES_GHENT=",
        "export MES_BRNO=",
        "export BOARD=",
        "curl -si 'http:",
        "Ctrl-c",
    ];
    let (_process, said) = Process::start(&arguments, &prefixes);
    let base = &said["Gateway "];
    let client = Client::new();
    let get = |key: &str, path: &str| client.get(format!("{base}{path}")).bearer_auth(&said[key]).send();
    let post = |key: &str, url: String, idempotency: &str, body: Value| {
        client.post(url).bearer_auth(&said[key]).header("idempotency-key", idempotency).json(&body).send()
    };

    let reads = [
        ("export BOARD=", "/inventory/v2/inventory-positions?limit=5", StatusCode::OK),
        ("export BOARD=", "/production-orders/v1/production-orders", StatusCode::FORBIDDEN),
        ("export MES_BRNO=", "/production-orders/v1/production-orders?limit=3", StatusCode::OK),
        ("export BOARD=", "/legacy-stock/v1/", StatusCode::OK),
        ("export BOARD=", "/stock-levels/v1/", StatusCode::GONE),
    ];
    for (key, path, status) in reads {
        assert_eq!(get(key, path).await.unwrap().status(), status, "{path}");
    }
    let stock: Value =
        get("export BOARD=", "/inventory/v2/inventory-positions?limit=500").await.unwrap().json().await.unwrap();
    let positions = stock["items"].as_array().unwrap();
    assert!(!positions.is_empty() && positions.iter().all(|position| position["site"] == "ghent"), "{stock}");
    let negative = |position: &&Value| position["quantity"]["value"].as_str().unwrap().starts_with('-');
    assert_eq!(positions.iter().find(negative), None, "only what really lies somewhere is stock");

    let orders = format!("{base}/production-orders/v1/production-orders");
    let order = json!({"product": "BIK-1", "quantity": {"value": "2", "unit": "1"}, "site": "ghent"});
    let first = post("export PLANNING=", orders.clone(), "my-first-order", order.clone()).await.unwrap();
    assert_eq!(first.status(), StatusCode::CREATED);
    let second = post("export PLANNING=", orders, "my-first-order", order).await.unwrap();
    assert_eq!(second.headers()["idempotency-replayed"], "true");
    assert_eq!(first.json::<Value>().await.unwrap(), second.json::<Value>().await.unwrap());

    let report = format!("http:{}", said["curl -si 'http:"].split('\'').next().unwrap());
    let body = json!({"quantity": {"value": "3", "unit": "1"}, "lot": "DEMO-1", "remainder": "backorder"});
    let reported = post("export MES_GHENT=", report, "my-first-report", body).await.unwrap();
    assert_eq!(reported.status(), StatusCode::OK);
    let reported: Value = reported.json().await.unwrap();
    assert_eq!(reported["report"]["produced_total"]["value"], "3");
    assert!(reported["report"]["backorder"].as_str().is_some_and(|id| id.starts_with("odoo-")), "{reported}");
}
