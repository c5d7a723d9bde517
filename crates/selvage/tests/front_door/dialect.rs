//! An Odoo spoken to in the dialect that its environment names, through the front door: the same requests, the same answers.

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::fixture::{Place, selvage};

const ORDERS: &str = "/production-orders/v1/production-orders";

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_made_and_reported_in_every_dialect_of_the_server() {
    for dialect in ["json-rpc", "xml-rpc"] {
        let place = Place::new().await;
        place.edit("systems.yaml", "    database: velo\n", &format!("    database: velo\n    dialect: {dialect}\n"));
        let store = place.data();
        let (planning, ghent) = (place.key(&store, "planning"), place.key(&store, "mes-ghent"));
        let served = place.serve(&store, &[]);
        let orders = format!("{}{ORDERS}", served.base);
        let client = Client::new();
        let post = async |url: String, key: &str, idempotency: &str, body: Value| {
            let request = client.post(url).bearer_auth(key).header("idempotency-key", idempotency).json(&body);
            let answer = request.send().await.unwrap();
            (answer.status(), answer.json::<Value>().await.unwrap())
        };
        let quantity = |value: &str| json!({"value": value, "unit": "1"});
        // A text with everything that XML has to be careful with.
        let origin = "a <b> & \"c\" 'd' ü 漢";
        let body = json!({"product": "BIK-1", "quantity": quantity("4"), "site": "ghent", "origin": origin});
        let (status, made) = post(orders.clone(), &planning, "made", body).await;
        assert_eq!(status, StatusCode::CREATED, "{dialect}: {made}");
        assert_eq!((&made["origin"], &made["quantity"]["value"]), (&json!(origin), &json!("4")), "{dialect}");
        let id = made["id"].as_str().unwrap();
        let (status, released) = post(format!("{orders}/{id}/release"), &planning, "released", json!({})).await;
        assert_eq!(status, StatusCode::OK, "{dialect}: {released}");
        let report = json!({"quantity": quantity("3"), "lot": "DX-1", "remainder": "backorder"});
        let (status, reported) = post(format!("{orders}/{id}/report"), &ghent, "reported", report).await;
        assert_eq!((status, &reported["status"]), (StatusCode::OK, &json!("done")), "{dialect}: {reported}");
        let refused = json!({"product": "NO-SUCH", "quantity": quantity("1"), "site": "ghent"});
        let (status, problem) = post(orders.clone(), &planning, "refused", refused).await;
        assert!(status.is_client_error() && !problem.to_string().contains("Traceback"), "{dialect}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialect_that_odoo_does_not_have_is_told_with_those_that_it_has() {
    let place = Place::new().await;
    place.edit("systems.yaml", "    database: velo\n", "    database: velo\n    dialect: soap\n");
    let output = selvage(&["check", &place.fabric().display().to_string()]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success() && told.contains("json-rpc") && told.contains("xml-rpc"), "{told}");
}
