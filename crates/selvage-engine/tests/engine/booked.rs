//! What was booked is never told as refused, nor kept from its caller: whatever is in the way of the rest, and whatever the fabric
//! has no words for.

use std::path::Path;
use std::sync::Arc;

use selvage_factory::odoo::{Fault, FaultKind};
use selvage_model::exchange::MediatedRequest;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::Operation;
use selvage_model::read::{self, Sources};
use serde_json::{Value, json};

use crate::bench::{Bench, accepted, amount, done, node, request, verb};

/// Orders without their products: an object of the fabric's own, and nothing of the pack but its units.
const WITHOUT_PRODUCTS: &str = "
---
kind: Object
name: job
version: 1.0
owner: it
description: Something to be made
identity: [id]
attributes:
  id: {type: string, read_only: true}
  quantity: {type: quantity, description: How much of it}
  status: {type: enum, values: [draft, confirmed, progress, to_close, done, cancelled], read_only: true}
  site: {type: string, description: Where}
authority:
  - {attributes: \"*\", record: odoo}
stewards: it
---
kind: Mapping
name: job-odoo
object: job@1
system: odoo
record: mrp.production
versions: \"16..19\"
fields:
  id: {at: id, record: true}
  quantity: {at: product_qty, quantity: {unit: product_uom_id, code: uom, by: external-id}}
  status:
    at: state
    enum: {draft: draft, confirmed: confirmed, progress: progress, to_close: to_close, done: done, cancel: cancelled}
  site: {at: company_id, site: true}
---
kind: Interface
name: jobs
type: api
version: 1.0
owner: it
lifecycle: active
control: mediated
serves: {object: job@1, system: odoo, account: production, operations: [get, release, report]}
";

fn without_products(url: &str) -> Arc<Fabric> {
    let declared = include_str!("fabric.yaml").replace("ODOO_URL", url);
    let own: Vec<&str> = declared.split("---\n").filter(|part| !part.starts_with("kind: Interface")).collect();
    let codes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/odoo/codes/uom.yaml");
    let mut sources = Sources::new();
    sources.insert("codes/uom.yaml", std::fs::read(codes).unwrap());
    sources.insert("fabric.yaml", format!("{}{WITHOUT_PRODUCTS}", own.join("---\n")));
    let reading = read::read(&sources);
    assert!(reading.is_clean(), "{:#?}", reading.findings);
    Arc::new(reading.fabric)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fabric_without_products_is_told_what_was_booked() {
    let bench = Bench::new().await;
    let node = node("a", &bench.store_url, without_products(&bench.factory.odoo_url())).await;
    let order = bench.order_in(1, "draft");
    let job = |operation, key: &str, body: Value| MediatedRequest {
        id: Some(format!("odoo-{order}")),
        key: Some(key.to_owned()),
        body: Some(body),
        ..request("jobs@1", operation)
    };
    done(node.ask(job(Operation::Release, "k-1", json!({}))).await);
    let report = json!({"quantity": {"value": "1", "unit": "1"}, "lot": "T-1"});
    let (status, body) = done(node.ask(job(Operation::Report, "k-2", report)).await);
    assert_eq!((status, &body["report"]["produced_total"]), (200, &json!({"value": "1", "unit": "1"})));
    let used = &body["report"]["components"][0];
    assert_eq!((&used["product"], &used["quantity"]["unit"]), (&Value::Null, &json!("1")), "{body:#}");
    assert!(node.engine.unresolved().await.is_empty(), "{:?}", node.engine.unresolved().await);
}

fn scrapping(order: i64) -> MediatedRequest {
    let body = json!({
        "quantity": {"value": "3", "unit": "1"}, "lot": "B-1", "remainder": "close", "scrapped": {"value": "1", "unit": "1"},
    });
    verb(Operation::Report, order, "r-1", body)
}

/// A released order of three bicycles in Ghent.
async fn released(bench: &Bench, node: &crate::bench::Node) -> i64 {
    done(node.ask(crate::bench::create("o-1", "booked")).await);
    let order = bench.orders("booked")[0]["id"].as_i64().unwrap();
    done(node.ask(verb(Operation::Release, order, "l-1", json!({}))).await);
    order
}

fn made(bench: &Bench) -> Vec<String> {
    let quants =
        bench.read("stock.quant", &json!([["lot_id.name", "=", "B-1"], ["location_id.usage", "=", "internal"]]));
    quants.iter().map(|quant| amount(&quant["quantity"])).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_whose_scrap_is_refused_goes_to_a_person() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let order = released(&bench, &node).await;
    bench.factory.odoo.inject(Fault::once(FaultKind::Refused, "stock.scrap", "action_validate"));
    let operation = accepted(node.ask(scrapping(order)).await);
    let (body, _) = node.until(&operation, "stuck").await;
    assert!(body.to_string().contains("is done already"), "{body:#}");
    assert_eq!(made(&bench), ["3"]);
}

/// The second send is refused; what the first one did, of which no answer came, it does not say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_after_an_outcome_that_is_not_known_goes_to_a_person() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let order = released(&bench, &node).await;
    bench.factory.odoo.inject(Fault::once(FaultKind::ResetBefore, "stock.scrap", "load"));
    bench.factory.odoo.inject(Fault::once(FaultKind::Refused, "stock.scrap", "action_validate"));
    let operation = accepted(node.ask(scrapping(order)).await);
    let (body, _) = node.until(&operation, "stuck").await;
    assert!(body.to_string().contains("sent 2 times"), "{body:#}");
    assert_eq!(made(&bench), ["3"]);
}
