//! The demo's traffic: one order made ready for the things to try, then a shift that works through both plants.

use std::time::Duration;

use anyhow::Context;
use reqwest::Client;
use selvage_factory::RunningFactory;
use selvage_factory::mes::{Shift, ShiftConfig};
use serde_json::{Value, json};

use super::Keys;

/// What the things to try begin with.
pub(super) struct Prepared {
    /// The id of a released production order of 4 bicycles in Ghent.
    pub(super) order: String,
    /// The id of one that waits to be released.
    pub(super) draft: String,
}

/// Creates two orders and releases one, through the gateway like any consumer.
pub(super) async fn prepare(base: &str, keys: &Keys) -> anyhow::Result<Prepared> {
    let client = Client::builder().timeout(Duration::from_secs(10)).build()?;
    let orders = format!("{base}/production-orders/v1/production-orders");
    let body = json!({
        "product": "BIK-1",
        "quantity": {"value": "4", "unit": "1"},
        "site": "ghent",
        "origin": "demo",
    });
    let order = id(&send(&client, keys, &orders, "demo-order", &body).await?)?;
    let draft = id(&send(&client, keys, &orders, "demo-draft", &body).await?)?;
    send(&client, keys, &format!("{orders}/{order}/release"), "demo-release", &json!({})).await?;
    Ok(Prepared { order, draft })
}

fn id(created: &Value) -> anyhow::Result<String> {
    Ok(created.get("id").and_then(Value::as_str).context("the new order has no id")?.to_owned())
}

async fn send(client: &Client, keys: &Keys, url: &str, key: &str, body: &Value) -> anyhow::Result<Value> {
    let request = client.post(url).bearer_auth(keys.of("planning")).header("idempotency-key", key).json(body);
    let answer = request.send().await?;
    let status = answer.status();
    let text = answer.text().await?;
    anyhow::ensure!(status.is_success(), "{url} answered {status}: {text}");
    Ok(serde_json::from_str(&text)?)
}

/// The boards on the shop floor: they ask for stock in the new way and the old, and now and then for what they were
/// not granted or nobody declared. Works until it is aborted.
pub(super) async fn boards(base: String, key: String, pace: Duration) {
    let paths = [
        "/inventory/v2/inventory-positions?limit=20",
        "/legacy-stock/v1/",
        "/inventory/v2/inventory-positions?limit=5",
        "/legacy-stock/v1/FRM-1",
        "/production-orders/v1/production-orders",
        "/inventory/v2/inventory-positions?limit=20",
        "/stock-levels/v1/",
        "/stock/v1/all",
    ];
    let client = Client::new();
    for path in paths.into_iter().cycle() {
        // Refused or not, it is on the console; the boards do not mind.
        let _ = client.get(format!("{base}{path}")).bearer_auth(&key).send().await;
        tokio::time::sleep(pace * 2).await;
    }
}

/// Starts a shift in both plants; it works until the handles are dropped.
pub(super) fn start(
    factory: &RunningFactory,
    base: &str,
    keys: &Keys,
    prepared: &Prepared,
    pace: Duration,
) -> anyhow::Result<Vec<Shift>> {
    let plants = [("ghent", "mes-ghent"), ("brno", "mes-brno")];
    let shifts = plants.map(|(site, consumer)| {
        Ok(factory.mes.start_shift(ShiftConfig {
            base_url: base.to_owned(),
            api_key: keys.of(consumer).to_owned(),
            planning_key: Some(keys.of("planning").to_owned()),
            site: site.to_owned(),
            product: "BIK-1".to_owned(),
            leave_alone: vec![prepared.order.clone(), prepared.draft.clone()],
            pace,
        })?)
    });
    shifts.into_iter().collect()
}
