//! Two nodes on one PostgreSQL: one key is one effect, whichever node it meets, and also when a node dies.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::fixture::{Place, eventually, selvage, selvage_with, stdout};

#[expect(clippy::disallowed_methods, reason = "the server that tests use is named by their runner")]
/// A database of its own on the server that `cargo xtask test` starts.
pub(crate) async fn database() -> Vec<String> {
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

/// The cookie of who logs in with a key, where the node lets them.
async fn log_in(client: &Client, console: &str, key: &str) -> Option<String> {
    let form = client.post(format!("{console}/login")).header("content-type", "application/x-www-form-urlencoded");
    let entered = form.body(format!("key={key}")).send().await.unwrap();
    let cookie = entered.headers().get("set-cookie")?.to_str().unwrap();
    Some(cookie.split(';').next().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_one_at_every_node_and_ends_at_every_node() {
    let place = Place::new().await;
    let store = database().await;
    let store_of: Vec<&str> = store.iter().map(String::as_str).collect();
    let added = selvage(&[&["operator", "add", "ann"], &store_of[..]].concat());
    let key = stdout(&added).trim().to_owned();
    let (first, second) = (place.serve(&store, &[]), place.serve(&store, &[]));
    let client = Client::builder().redirect(Policy::none()).build().unwrap();
    let status =
        async |console: &str, cookie: &str| client.get(console).header("cookie", cookie).send().await.unwrap().status();
    let cookie = log_in(&client, &first.console, &key).await.unwrap();
    for console in [&first.console, &second.console] {
        assert_eq!(status(console, &cookie).await, StatusCode::OK);
    }
    // Who logs out at one is out at the other.
    let out = client.post(format!("{}/logout", second.console)).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(out.status(), StatusCode::SEE_OTHER);
    for console in [&first.console, &second.console] {
        assert_eq!(status(console, &cookie).await, StatusCode::SEE_OTHER);
    }
    // A session outlives the node that it was begun at, and not its key.
    let cookie = log_in(&client, &first.console, &key).await.unwrap();
    drop(first);
    assert_eq!(status(&second.console, &cookie).await, StatusCode::OK);
    let listed = stdout(&selvage(&[&["key", "list"], &store_of[..]].concat()));
    let id = listed.lines().find(|line| line.contains("operator ann")).unwrap().split_whitespace().next().unwrap();
    let revoked = selvage_with(&[&["key", "revoke", id, "--because", "they left"], &store_of[..]].concat(), Some(&key));
    assert!(revoked.status.success(), "{}", String::from_utf8_lossy(&revoked.stderr));
    assert_eq!(status(&second.console, &cookie).await, StatusCode::SEE_OTHER);
    assert_eq!(log_in(&client, &second.console, &key).await, None);
}

/// How many of so many requests pass at a node.
async fn passed(client: &Client, base: &str, key: &str, requests: usize) -> usize {
    let mut passed = 0;
    for _ in 0..requests {
        let answer = client.get(format!("{base}/legacy-stock/v1/")).bearer_auth(key).send().await.unwrap();
        passed += usize::from(answer.status() == StatusCode::OK);
    }
    passed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_one_for_two_nodes_and_outlives_them() {
    let place = Place::new().await;
    place.edit("interfaces.yaml", "limits: {rate: 50/s, timeout: 5s}", "limits: {quota: 60/month, timeout: 5s}");
    place.edit("consumers.yaml", "2027-02-28T18:00+01:00\nlimits: {rate: 5/s}", "2027-02-28T18:00+01:00");
    let store = database().await;
    let board = place.key(&store, "shop-floor-board");
    let (client, mut total) = (Client::new(), 0);
    {
        let (first, second) = (place.serve(&store, &[]), place.serve(&store, &[]));
        for _ in 0..3 {
            let (here, there) =
                tokio::join!(passed(&client, &first.base, &board, 4), passed(&client, &second.base, &board, 4));
            total += here + there;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        assert!(total >= 12, "both serve: {total}");
    }
    // Both ended in order, so that nothing was lost; the next one goes on where they stopped.
    let third = place.serve(&store, &[]);
    for _ in 0..60 {
        total += passed(&client, &third.base, &board, 5).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        if total >= 60 {
            break;
        }
    }
    assert_eq!(total, 60, "never more, never less");
    let refused = client.get(format!("{}/legacy-stock/v1/", third.base)).bearer_auth(&board).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 1);
}

/// What a killed node had in hand is lost to the consumer and counts as used: never more passes than the quota, not even where nodes are killed
/// before they have told anything of what passed.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_forgives_nothing_of_a_quota() {
    const QUOTA: usize = 60;
    const KILLED: usize = 4;
    /// A fiftieth of the quota, five at least, or twice what passed in a quarter of a second: what a node takes in hand.
    const IN_HAND: usize = 6;
    let place = Place::new().await;
    place.edit("interfaces.yaml", "limits: {rate: 50/s, timeout: 5s}", "limits: {quota: 60/month, timeout: 5s}");
    place.edit("consumers.yaml", "2027-02-28T18:00+01:00\nlimits: {rate: 5/s}", "2027-02-28T18:00+01:00");
    let client = Client::new();
    for store in [place.data(), database().await] {
        let board = place.key(&store, "shop-floor-board");
        let mut total = 0;
        for _ in 0..KILLED {
            let mut node = place.serve(&store, &[]);
            total += passed(&client, &node.base, &board, 3).await;
            node.process.kill();
        }
        assert!(total > 0, "they serve from their first moment");
        let node = place.serve(&store, &[]);
        let used_up = async || {
            let answer =
                client.get(format!("{}/legacy-stock/v1/", node.base)).bearer_auth(&board).send().await.unwrap();
            if answer.status() == StatusCode::OK {
                return Some(false);
            }
            assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
            // More may come until the leases of what was killed are over.
            let again: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            (again > 1).then_some(true)
        };
        while !eventually("the quota is used up", used_up).await {
            total += 1;
        }
        let least = QUOTA - KILLED * IN_HAND;
        assert!((least..=QUOTA).contains(&total), "{total} of {QUOTA} on {store:?}");
    }
}
