//! What happens to products in the simulated Odoo meanwhile: made, changed, deleted, as chance has it. Calls of whoever does it fail as
//! the node's do; what came of them is asked of the records at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::checker::Table;
use crate::crash::factory::Factory;
use crate::crash::random::Random;

/// What the codes of these products begin with.
pub(super) const OURS: &str = "CAP-";
/// So many are made before any is deleted, so that a few deletions are not a fifth of them.
const FIRST: u64 = 60;
/// Between two looks at which there are.
const LOOK_EVERY: u64 = 50;

/// Makes so many changes, with this pause between two; how many there were is told meanwhile.
pub(super) async fn make(
    factory: Arc<Factory>,
    (count, pause): (u64, Duration),
    seed: u64,
    made: Arc<AtomicU64>,
) -> Result<()> {
    let (mut random, mut alive) = (Random::from_seed(seed), Vec::new());
    for number in 0..count {
        if number % LOOK_EVERY == 0 {
            let records = factory.raw("product.product").await?;
            alive = records.iter().filter_map(ours).filter_map(|record| record.get("id")?.as_i64()).collect();
        }
        let place = usize::try_from(random.next()).unwrap_or(0) % alive.len().max(1);
        let (method, args) = match (random.within(0..20), alive.get(place).copied()) {
            (12..=18, Some(id)) => ("write", json!([[id], {"name": format!("part {}", random.within(0..5))}])),
            (19, Some(id)) if number > FIRST => {
                alive.swap_remove(place);
                ("unlink", json!([[id]]))
            }
            _ => ("create", json!([[{"name": "part", "default_code": format!("{OURS}{number}")}]])),
        };
        // It may fail, and it may have been done all the same.
        let _ = factory.admin("product.product", method, args, json!({})).await;
        made.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(pause).await;
    }
    Ok(())
}

/// The products of ours, by the subject of their events.
pub(super) async fn records(factory: &Factory) -> Result<Table> {
    let templates = factory.raw("product.template").await?;
    let text = |record: &Value, name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = |id: &Value| templates.iter().find(|template| template.get("id") == Some(id));
    let products = factory.raw("product.product").await?;
    let rows = products.iter().filter_map(ours).filter_map(|record| {
        let id = record.get("id")?.as_i64()?;
        let named = name(record.get("product_tmpl_id")?)?;
        Some((format!("odoo-{id}"), (text(record, "default_code"), text(named, "name"))))
    });
    Ok(rows.collect())
}

/// Whether an event is about a product of ours.
pub(super) fn is_ours(code: &str) -> bool {
    code.starts_with(OURS)
}

fn ours(record: &Value) -> Option<&Value> {
    record.get("default_code")?.as_str().filter(|code| is_ours(code)).map(|_| record)
}
