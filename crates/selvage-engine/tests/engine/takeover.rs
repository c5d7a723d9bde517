//! Nodes that die with work in their hands: another one finishes it, once. Where a node died, the store says as that
//! node would have left it; where it is killed for real, it is killed by ending its runtime.

use std::sync::Arc;
use std::time::Duration;

use selvage_connect::odoo::{Odoo, OdooConfig, OdooTls, Scope, Secret};
use selvage_factory::odoo::{Fault, FaultKind};
use selvage_model::manifest::api::Operation;
use selvage_model::operation::OperationId;
use selvage_store::{Claim, NewClaim, NewEffect, Store, StoreError};
use serde_json::{Map, Value, json};

use crate::bench::{self, Bench, LONGEST, Node, create, done};

/// How far the dead node came.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Died {
    Claimed,
    Intended,
    Sent,
    Committed,
}

/// What a node leaves behind that died there.
async fn leave(bench: &Bench, store: &Store, origin: &str, died: Died) -> (OperationId, i64) {
    let body = create(origin, origin).body.unwrap();
    let claim = NewClaim {
        consumer: "planning".parse().unwrap(),
        interface: "production-orders@1".parse().unwrap(),
        operation: Operation::Create,
        key: origin.to_owned(),
        payload_hash: [0; 32],
        request: json!({"id": null, "body": body, "rows": [], "except": [], "correlation": "c"}),
        node: "dead".to_owned(),
        lease: Duration::from_millis(300),
    };
    let Claim::New { operation, epoch } = store.claim(&claim).await.unwrap() else { panic!("not new") };
    if died == Died::Claimed {
        return (operation, epoch);
    }
    let products = bench.factory.odoo.records("product.product");
    let bicycle = products.iter().find(|product| product["default_code"] == "BIK-1").unwrap()["id"].clone();
    let values =
        json!({"product_id": bicycle, "product_qty": 3, "product_uom_id": 1, "company_id": 1, "origin": origin});
    let external_id = format!("__selvage__.{operation}");
    let effect = NewEffect {
        system: "odoo".parse().unwrap(),
        verb: "create".to_owned(),
        target: json!({"record": "mrp.production", "values": values, "companies": [1]}),
        external_id: Some(external_id.clone()),
    };
    let id = store.intend(&operation, epoch, &effect).await.unwrap();
    if died == Died::Intended {
        return (operation, epoch);
    }
    store.sent(&id, epoch).await.unwrap();
    if died == Died::Committed {
        let odoo = Odoo::new(config(bench)).unwrap();
        let values: Map<String, Value> = values.as_object().unwrap().clone();
        odoo.create("mrp.production", &external_id, &values, &Scope::company(1)).await.unwrap();
    }
    (operation, epoch)
}

fn config(bench: &Bench) -> OdooConfig {
    OdooConfig {
        system: "odoo".to_owned(),
        url: bench.factory.odoo_url(),
        database: Some("velo".to_owned()),
        dialect: None,
        login: "svc-mrp".to_owned(),
        secret: Secret::new("demo-mrp-key"),
        next: None,
        lang: "en_US".to_owned(),
        timeout: Duration::from_secs(2),
        longest_transaction: LONGEST,
        concurrency: 1,
        tls: OdooTls::default(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_of_a_dead_node_is_finished_once_wherever_it_died() {
    for died in [Died::Claimed, Died::Intended, Died::Sent, Died::Committed] {
        let bench = Bench::new().await;
        let store = bench.store().await;
        let (operation, epoch) = leave(&bench, &store, "orphan", died).await;
        let node = bench.node("b").await;
        let (body, waited) = node.until(&operation, "done").await;
        assert_eq!(bench.orders("orphan").len(), 1, "{died:?}");
        assert_eq!(body["answer"]["body"]["origin"], "orphan", "{died:?}");
        assert_eq!(bench.committed("mrp.production", "load"), 1, "{died:?}");
        // Nothing on record was surely not sent; anything else may be on its way.
        assert_eq!(waited > LONGEST, died != Died::Claimed, "{died:?} after {waited:?}");
        // Should the dead node wake up, it is too late for everything.
        let zombie = store.extend(&operation, epoch, Duration::from_secs(1)).await;
        assert!(matches!(zombie, Err(StoreError::Fenced { .. })), "{died:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_another_environment_leaves_the_work_of_a_dead_one_alone() {
    let (here, there) = (Bench::new().await, Bench::new().await);
    let environment = format!(
        "  test:\n    url: {:?}\n    database: velo\n    accounts:\n      default: {{login: svc-read, api_key: {{secret: odoo/read}}}}\n      \
         production: {{login: svc-mrp, api_key: {{secret: odoo/mrp}}}}\nlimits: {{concurrency: 8, ",
        there.factory.odoo_url()
    );
    let changes =
        [("environments: {dev: {}}", "environments: {dev: {}, test: {}}"), ("limits: {concurrency: 8, ", &environment)];
    let fabric = bench::fabric_with(&here.factory.odoo_url(), &changes);
    let store = here.store_of("test").await;
    let (operation, epoch) = leave(&there, &store, "orphan", Died::Claimed).await;

    let other = bench::node_of("dev", "other", &here.store_url, Arc::clone(&fabric)).await;
    // Long past the lease of the one that died, the other has looked for what is due more than once.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let record = store.operation(&operation).await.unwrap().unwrap();
    assert_eq!((record.epoch, record.node.as_str()), (epoch, "dead"));
    assert_eq!((here.orders("orphan").len(), there.orders("orphan").len()), (0, 0));
    let consumer = "planning".parse().unwrap();
    assert_eq!(other.engine.operation(&consumer, &operation).await, None, "an operation of the test");

    let heir = bench::node_of("test", "heir", &here.store_url, fabric).await;
    heir.until(&operation, "done").await;
    assert_eq!((here.orders("orphan").len(), there.orders("orphan").len()), (0, 1));
    // The key that was used in the test is another write here.
    let (status, body) = done(other.ask(create("orphan", "orphan")).await);
    assert_eq!((status, &body["origin"]), (201, &json!("orphan")));
    assert_eq!((here.orders("orphan").len(), there.orders("orphan").len()), (1, 1));
}

#[test]
fn a_node_killed_in_the_middle_of_any_call_leaves_one_order() {
    let calls = [
        ("product.product", "search_read"),
        ("ir.model.data", "search_read"),
        ("mrp.production", "load"),
        ("mrp.production", "read"),
    ];
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let outer = runtime();
    for (model, method) in calls {
        let bench = outer.block_on(Bench::new());
        let doomed = runtime();
        let node: Node = doomed.block_on(bench.node("doomed"));
        // What it asks once and keeps, it has asked before it is killed.
        done(doomed.block_on(node.ask(bench::get("products@1", "BIK-1"))));
        bench.factory.odoo.inject(Fault::once(FaultKind::Latency(Duration::from_millis(600)), model, method));
        let engine = node.engine.clone();
        doomed.spawn(async move { engine.execute(create("k-1", "killed")).await });
        std::thread::sleep(Duration::from_millis(300));
        doomed.shutdown_timeout(Duration::ZERO);
        drop(node);
        let survivor = outer.block_on(bench.node("survivor"));
        let (status, body) = done(outer.block_on(survivor.insist(&create("k-1", "killed"))));
        assert_eq!((status, &body["origin"]), (201, &json!("killed")), "{model} {method}");
        assert_eq!(bench.orders("killed").len(), 1, "{model} {method}");
    }
}

#[test]
fn a_verb_whose_node_is_killed_in_any_call_comes_to_its_target_once() {
    let paint = |lot: &str| json!({"component": "PNT-1", "lot": lot, "quantity": {"value": "0.25", "unit": "kg"}});
    let quantity = |_: &str| json!({"quantity": {"value": "5", "unit": "1"}});
    let report = |_: &str| json!({"quantity": {"value": "4", "unit": "1"}, "lot": "K-1", "scrapped": {"value": "1", "unit": "1"}});
    type Body<'a> = &'a dyn Fn(&str) -> Value;
    let table: [(Operation, Body<'_>, &str, &str); 5] = [
        (Operation::Consume, &paint, "stock.move.line", "write"),
        (Operation::Consume, &paint, "stock.move.line", "load"),
        (Operation::Update, &quantity, "change.production.qty", "create"),
        (Operation::Update, &quantity, "change.production.qty", "change_prod_qty"),
        (Operation::Report, &report, "stock.scrap", "action_validate"),
    ];
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let outer = runtime();
    for (kind, body, model, method) in table {
        let bench = outer.block_on(Bench::new());
        let doomed = runtime();
        let node: Node = doomed.block_on(bench.node("doomed"));
        let mut request = create("k-0", "killed");
        request.body.as_mut().unwrap()["quantity"]["value"] = json!("4");
        done(doomed.block_on(node.ask(request)));
        let order = bench.orders("killed")[0]["id"].as_i64().unwrap();
        done(doomed.block_on(node.ask(bench::verb(Operation::Release, order, "k-1", json!({})))));
        let reserved = json!([["move_id.raw_material_production_id", "=", order], ["lot_id", "!=", false]]);
        let lot = bench.read("stock.move.line", &reserved)[0]["lot_id"][1].as_str().unwrap().to_owned();
        let verb = bench::verb(kind, order, "k-2", body(&lot));
        bench.factory.odoo.inject(Fault::once(FaultKind::Latency(Duration::from_millis(1500)), model, method));
        let (engine, asked) = (node.engine.clone(), verb.clone());
        doomed.spawn(async move { engine.execute(asked).await });
        std::thread::sleep(Duration::from_millis(1000));
        doomed.shutdown_timeout(Duration::ZERO);
        drop(node);
        let survivor = outer.block_on(bench.node("survivor"));
        let (_, body) = done(outer.block_on(survivor.insist(&verb)));
        let found = match kind {
            Operation::Consume => body["consumption"]["component_total"]["value"].clone(),
            Operation::Update => body["quantity"]["value"].clone(),
            _ => body["report"]["scrapped_total"]["value"].clone(),
        };
        let meant = match kind {
            Operation::Consume => "0.25",
            Operation::Update => "5",
            _ => "1",
        };
        assert_eq!(found, meant, "{model} {method}");
        assert!(bench.committed("stock.scrap", "action_validate") <= 1, "{model} {method}");
        let picked = bench.read("stock.move.line", &reserved);
        let noted = picked.iter().filter(|line| kind == Operation::Consume && line["picked"] == true);
        assert!(noted.count() <= 1, "{model} {method}");
    }
}

#[test]
fn a_node_that_slept_beyond_its_lease_writes_nothing_when_it_wakes() {
    let outer = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let bench = outer.block_on(Bench::new());
    let order = bench.order_in(1, "confirmed");
    // One thread, so that one sleep stops all of it, as SIGSTOP would.
    let sleeper = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let node: Node = sleeper.block_on(bench.node("sleeper"));
    done(sleeper.block_on(node.ask(bench::get("production-orders@1", &format!("odoo-{order}")))));
    bench.factory.odoo.inject(Fault::once(FaultKind::Latency(Duration::from_millis(400)), "stock.move", "write"));
    let report = json!({"quantity": {"value": "1", "unit": "1"}, "lot": "SLEEP-1", "remainder": "backorder"});
    let request = bench::verb(Operation::Report, order, "k-1", report);
    let (engine, asked) = (node.engine, request.clone());
    sleeper.spawn(async move { engine.execute(asked).await });
    std::thread::sleep(Duration::from_millis(250));
    assert_eq!(bench.committed("mrp.production", "button_mark_done"), 0, "it was too quick");
    let asleep = LONGEST + Duration::from_secs(5);
    let waking = std::time::Instant::now() + asleep;
    sleeper.spawn(async move { std::thread::sleep(asleep) });
    let survivor = outer.block_on(bench.node("survivor"));
    let (_, body) = done(outer.block_on(survivor.insist(&request)));
    assert_eq!(body["report"]["produced_total"], json!({"value": "1", "unit": "1"}));
    assert!(std::time::Instant::now() < waking, "it was not taken over");
    // A planner goes on with the rest; what the sleeper meant to write is long past.
    let writes = bench.factory.odoo.journal().len();
    std::thread::sleep(waking.saturating_duration_since(std::time::Instant::now()) + Duration::from_secs(2));
    let late: Vec<_> = bench.factory.odoo.journal().into_iter().skip(writes).collect();
    assert!(late.is_empty(), "{late:?}");
    assert_eq!(bench.committed("mrp.production", "button_mark_done"), 1);
    sleeper.shutdown_timeout(Duration::ZERO);
}
