//! The demo's traffic: one order made ready for the things to try, then a shift that works through both plants.

use std::time::Duration;

use anyhow::Context;
use reqwest::Client;
use serde_json::{Value, json};

use super::Keys;

/// What the things to try begin with.
pub(super) struct Prepared {
    /// The id of a released production order of 4 bicycles in Ghent.
    pub(super) order: String,
}

/// Creates and releases one order, through the gateway like any consumer.
pub(super) async fn prepare(base: &str, keys: &Keys) -> anyhow::Result<Prepared> {
    let client = Client::builder().timeout(Duration::from_secs(10)).build()?;
    let orders = format!("{base}/production-orders/v1/production-orders");
    let body = json!({
        "product": "BIK-1",
        "quantity": {"value": "4", "unit": "1"},
        "site": "ghent",
        "origin": "demo",
    });
    let created = send(&client, keys, &orders, "demo-order", &body).await?;
    let order = created.get("id").and_then(Value::as_str).context("the new order has no id")?.to_owned();
    send(&client, keys, &format!("{orders}/{order}/release"), "demo-release", &json!({})).await?;
    Ok(Prepared { order })
}

async fn send(client: &Client, keys: &Keys, url: &str, key: &str, body: &Value) -> anyhow::Result<Value> {
    let request = client.post(url).bearer_auth(keys.of("planning")).header("idempotency-key", key).json(body);
    let answer = request.send().await?;
    let status = answer.status();
    let text = answer.text().await?;
    anyhow::ensure!(status.is_success(), "{url} answered {status}: {text}");
    Ok(serde_json::from_str(&text)?)
}

pub(super) fn start(_base: &str, _keys: &Keys, _pace: Duration) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async {})
}
