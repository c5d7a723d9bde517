//! Writes with keys and reads through the engine: orders are created, each with its own key, and looked at, while Odoo breaks off answers.
//! What was confirmed is compared with what Odoo has.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::client::Counts;
use crate::crash::client::{Terminal, Write};
use crate::crash::factory::Factory;
use crate::http;

/// How many write.
pub(super) const CLIENTS: usize = 2;
const PAUSE: Duration = Duration::from_millis(700);
const PATIENCE: Duration = Duration::from_secs(10);
pub(super) const PATH: &str = "/production-orders/v1/production-orders";
/// What the origins of all orders begin with.
pub(super) const ORIGIN: &str = "SOAK-";

/// Creates an order, looks at it and at a list, until it is over.
pub(super) async fn write_and_read(write: Write, number: usize, counts: Arc<Counts>, over: Arc<AtomicBool>) {
    let mut turn = 0_u64;
    while !over.load(Ordering::SeqCst) {
        turn += 1;
        let origin = format!("{ORIGIN}{number}-{turn}");
        let body = json!({
            "product": "BIK-1", "quantity": {"value": "1", "unit": "1"}, "site": "ghent", "origin": origin,
        });
        let write = Write { path: PATH.to_owned(), key: format!("soak-{number}-{turn}"), body, ..write.clone() };
        let ended = write.until_answered(0).await;
        counts.looked_up.fetch_add(u64::from(ended.operation.is_some()), Ordering::Relaxed);
        match ended.terminal {
            Terminal::Answer { status: 201, body } => {
                counts.writes.fetch_add(1, Ordering::Relaxed);
                let id = body.get("id").and_then(Value::as_str).unwrap_or_default();
                let reads = [
                    read(&write, &format!("{PATH}/{id}"), |body| is_of(body, &origin)).await,
                    read(&write, &format!("{PATH}?limit=5"), is_page).await,
                ];
                for is_read in reads {
                    let counter = if is_read { &counts.reads } else { &counts.mediated_failed };
                    counter.fetch_add(1, Ordering::Relaxed);
                }
                counts.confirmed.lock().into_iter().for_each(|mut confirmed| confirmed.push(origin.clone()));
            }
            other => {
                eprintln!("{origin}: {other:?}");
                counts.mediated_failed.fetch_add(1, Ordering::Relaxed);
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn is_of(body: &Value, origin: &str) -> bool {
    body.get("origin").and_then(Value::as_str) == Some(origin)
}

fn is_page(body: &Value) -> bool {
    body.get("items").and_then(Value::as_array).is_some_and(|items| !items.is_empty())
}

/// Whether it is answered, and as is right.
async fn read(write: &Write, path: &str, is_right: impl Fn(&Value) -> bool) -> bool {
    let Some(address) = write.gateways.first() else { return false };
    match http::get_with_key(*address, path, &write.credential, PATIENCE).await {
        Ok(answer) => answer.status == 200 && answer.json().is_ok_and(|body| is_right(&body)),
        Err(_) => false,
    }
}

/// Has Odoo break off the answer to a create, done and not done in turns, until it is over.
pub(super) async fn trouble(factory: Arc<Factory>, every: Duration, over: Arc<AtomicBool>) {
    for kind in ["reset-after", "reset-before"].iter().cycle() {
        tokio::time::sleep(every).await;
        if over.load(Ordering::SeqCst) {
            return;
        }
        let fault = json!({"kind": kind, "model": "mrp.production", "method": "load", "times": 1});
        if let Err(error) = factory.inject(&fault).await {
            return eprintln!("the simulated Odoo takes no faults: {error:#}");
        }
    }
}

/// The origins of the soak's orders, as Odoo has them.
pub(super) async fn made(factory: &Factory) -> Result<Vec<String>> {
    let orders = factory.raw("mrp.production").await?;
    let origins = orders.iter().filter_map(|order| order.get("origin")?.as_str());
    Ok(origins.filter(|origin| origin.starts_with(ORIGIN)).map(str::to_owned).collect())
}

/// How many orders are not as they were told: lost, made twice, or made though nobody was told so.
pub(super) fn wrong(confirmed: &[String], made: &[String]) -> usize {
    let mut times: BTreeMap<&str, usize> = confirmed.iter().map(|origin| (origin.as_str(), 0)).collect();
    let mut wrong = 0;
    for origin in made {
        match times.get_mut(origin.as_str()) {
            Some(times) => *times += 1,
            None => wrong += 1,
        }
    }
    wrong + times.values().filter(|times| **times != 1).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_confirmed_order_is_there_once_and_no_other() {
        let of = |names: &str| names.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for (confirmed, made, expected) in
            [("", "", 0), ("a b", "b a", 0), ("a b", "a", 1), ("a", "a a", 1), ("a", "a b", 1), ("a b", "b b c", 3)]
        {
            assert_eq!(wrong(&of(confirmed), &of(made)), expected, "{confirmed}: {made}");
        }
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        assert!(is_of(&json!({"origin": "SOAK-1"}), "SOAK-1"));
        assert!(!is_of(&json!({"origin": "SOAK-2"}), "SOAK-1") && !is_of(&json!({}), "SOAK-1"));
        assert!(is_page(&json!({"items": [1]})));
        assert!(!is_page(&json!({"items": []})) && !is_page(&json!({})));
    }
}
