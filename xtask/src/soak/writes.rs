//! Writes with keys and reads through the engine: orders are created, each with its own key, and looked at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::Full;
use hyper::Request;
use serde_json::json;

use super::client::Counts;
use crate::crash::client::{Terminal, Write};
use crate::http;

/// How many write.
pub(super) const CLIENTS: usize = 2;
const PAUSE: Duration = Duration::from_millis(700);
const PATIENCE: Duration = Duration::from_secs(10);
const PATH: &str = "/production-orders/v1/production-orders";

/// Creates an order, looks at it and at a list, until it is over.
pub(super) async fn write_and_read(write: Write, number: usize, counts: Arc<Counts>, over: Arc<AtomicBool>) {
    let mut turn = 0_u64;
    while !over.load(Ordering::SeqCst) {
        turn += 1;
        let body = json!({
            "product": "BIK-1", "quantity": {"value": "1", "unit": "1"}, "site": "ghent",
            "origin": format!("SOAK-{number}-{turn}"),
        });
        let write = Write { path: PATH.to_owned(), key: format!("soak-{number}-{turn}"), body, ..write.clone() };
        let ended = write.until_answered(0).await;
        let Terminal::Answer { status: 201, body } = ended.terminal else {
            counts.mediated_failed.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        counts.writes.fetch_add(1, Ordering::Relaxed);
        let id = body.get("id").and_then(|id| id.as_str()).unwrap_or_default();
        for path in [format!("{PATH}/{id}"), format!("{PATH}?limit=5")] {
            let counter = if read(&write, &path).await { &counts.reads } else { &counts.mediated_failed };
            counter.fetch_add(1, Ordering::Relaxed);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn read(write: &Write, path: &str) -> bool {
    let Some(address) = write.gateways.first() else { return false };
    let request = Request::get(path).header("authorization", format!("Bearer {}", write.credential));
    let Ok(request) = request.body(Full::default()) else { return false };
    matches!(http::send(*address, request, PATIENCE).await, Ok(answer) if answer.status == 200)
}
