//! Two nodes on one PostgreSQL: one key is one effect, whichever node it meets, and also when a node dies.

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::fixture::{Place, eventually};

#[expect(clippy::disallowed_methods, reason = "the server that tests use is named by their runner")]
/// A database of its own on the server that `cargo xtask test` starts.
async fn database() -> Vec<String> {
    let server = std::env::var("SELVAGE_TEST_POSTGRES").expect(
        "SELVAGE_TEST_POSTGRES is not set: run the tests with `cargo xtask test`, or see `cargo xtask services`",
    );
    let name = format!("front_door_{}", uuid::Uuid::new_v4().simple());
    let mut connection = PgConnection::connect(&server).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
    let (base, _) = server.rsplit_once('/').unwrap();
    vec!["--store".to_owned(), format!("{base}/{name}")]
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_on_two_nodes_is_one_order_and_survives_a_killed_node() {
    let place = Place::new().await;
    let store = database().await;
    let planning = place.key(&store, "planning");
    let mut first = place.serve(&store, &["--lease", "2s"]);
    let second = place.serve(&store, &["--lease", "2s"]);
    let client = Client::new();
    let body =
        json!({"product": "BIK-1", "quantity": {"value": "1", "unit": "1"}, "site": "ghent", "origin": "two-nodes"});
    let send = |base: String| {
        let request = client
            .post(format!("{base}/production-orders/v1/production-orders"))
            .bearer_auth(&planning)
            .header("idempotency-key", "two-nodes")
            .json(&body);
        async move { request.send().await }
    };
    let both: Vec<_> = (0..10)
        .map(|n| tokio::spawn(send(if n % 2 == 0 { first.base.clone() } else { second.base.clone() })))
        .collect();
    first.process.kill();
    for answer in both {
        // Whatever they got, the second node knows in the end.
        let _ = answer.await.unwrap();
    }
    let order = eventually("the key has its answer", || async {
        let answer = send(second.base.clone()).await.unwrap();
        match answer.status() {
            StatusCode::CREATED => Some(answer.json::<Value>().await.unwrap()),
            _ => None,
        }
    })
    .await;
    let orders = place.factory.odoo.orders_with_origin("two-nodes");
    assert_eq!(orders.len(), 1, "one key, one order");
    assert_eq!(order["id"].as_str().unwrap(), format!("odoo-{}", orders[0]["id"]));
}
