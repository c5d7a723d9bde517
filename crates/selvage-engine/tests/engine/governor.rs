//! What a system bears is kept by everything that asks it: the urgent begins first, a rate holds across accounts and
//! reloads, and what would come too late is said at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use selvage_factory::odoo::{Fault, FaultKind};
use selvage_model::cost;
use selvage_model::exchange::{MediatedAnswer, MediatedRequest};
use selvage_model::manifest::api::Operation;
use serde_json::json;

use crate::bench::{self, Bench, Node, done, fabric_with, get, id_of, list, verb};

const TIERS: &[(&str, &str)] = &[
    ("limits: {concurrency: 8, longest_transaction: 4s}", "limits: {concurrency: 2, longest_transaction: 60s}"),
    ("name: production-orders\n", "name: production-orders\nclassification: {criticality: tier-1, data: internal}\n"),
    ("name: products\n", "name: products\nclassification: {criticality: tier-3, data: internal}\n"),
];

/// Calls that were made of the system so far.
fn calls(node: &Node) -> u32 {
    let figures = node.engine.figures();
    let counted = figures.lines().filter(|line| line.starts_with("selvage_system_calls_total{"));
    counted.map(|line| line.rsplit(' ').next().unwrap().parse::<u32>().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_what_can_wait_does_not_hold_up_what_stops_a_plant() {
    let bench = Bench::new().await;
    let fabric = fabric_with(&bench.factory.odoo_url(), TIERS);
    let node = bench::node("a", &bench.store_url, fabric).await;
    let order = bench.order_in(1, "confirmed");
    done(node.ask(get("production-orders@1", &format!("odoo-{order}"))).await);
    done(node.ask(list("products@1", &[])).await);
    let slow = FaultKind::Latency(Duration::from_millis(150));
    bench.factory.odoo.inject(Fault { model: Some("product.product".to_owned()), ..Fault::always(slow) });
    let ended = Arc::new(AtomicUsize::new(0));
    let mut flood = Vec::new();
    for _ in 0..30 {
        let (engine, ended) = (node.engine.clone(), Arc::clone(&ended));
        flood.push(tokio::spawn(async move {
            let answer = engine.execute(list("products@1", &[("limit", "3")])).await;
            ended.fetch_add(1, Ordering::SeqCst);
            answer
        }));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    done(node.ask(get("production-orders@1", &format!("odoo-{order}"))).await);
    let before_it = ended.load(Ordering::SeqCst);
    assert!(before_it < 15, "{before_it} of what can wait came first");
    for waiting in flood {
        done(waiting.await.unwrap());
    }
    let figures = node.engine.figures();
    let under_way = r#"selvage_system_calls_under_way{system="odoo",database="velo",priority="tier-3"} 0"#;
    assert!(figures.contains(under_way), "{figures}");
    assert!(figures.contains(r#"calls_declared_limit{system="odoo",database="velo"} 2"#), "{figures}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_holds_across_accounts_and_reloads() {
    let bench = Bench::new().await;
    let limits = "limits: {concurrency: 1, per_second: 5, longest_transaction: 60s}";
    let changes = [("limits: {concurrency: 8, longest_transaction: 4s}", limits)];
    let fabric = fabric_with(&bench.factory.odoo_url(), &changes);
    let begun = Instant::now();
    let node = bench::node("a", &bench.store_url, Arc::clone(&fabric)).await;
    for _ in 0..3 {
        // One account for orders, another for products, and another fabric each time.
        done(node.ask(list("production-orders@1", &[("limit", "1")])).await);
        done(node.ask(list("products@1", &[("limit", "1")])).await);
        let spaced = [changes[0], ("name: inventory\n", "name: inventory-2\n")];
        node.engine.activate(fabric_with(&bench.factory.odoo_url(), &spaced)).unwrap();
        node.engine.activate(Arc::clone(&fabric)).unwrap();
    }
    let made = f64::from(calls(&node));
    let took = begun.elapsed().as_secs_f64();
    // Each account asks for the version, logs in and looks for the companies before it lists.
    assert!(made >= 12.0, "{made}");
    assert!(made <= 1.0 + 5.0 * took, "{made} calls in {took} s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_begin_too_late_is_said_at_once_with_when_to_ask_again() {
    let bench = Bench::new().await;
    let limits = "limits: {concurrency: 1, per_second: 2, longest_transaction: 4s}";
    let changes = [("limits: {concurrency: 8, longest_transaction: 4s}", limits)];
    let node = bench::node("a", &bench.store_url, fabric_with(&bench.factory.odoo_url(), &changes)).await;
    // A call is waited for a quarter of the longest transaction, so the first one may take a few requests.
    let begun = Instant::now();
    while let MediatedAnswer::Refused { .. } = node.ask(list("products@1", &[("limit", "1")])).await {
        assert!(begun.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let asking = (0..10).map(|_| {
        let engine = node.engine.clone();
        tokio::spawn(async move { engine.execute(list("products@1", &[("limit", "1")])).await })
    });
    let mut turned_away = Vec::new();
    for asked in asking.collect::<Vec<_>>() {
        if let MediatedAnswer::Refused { problem, .. } = asked.await.unwrap() {
            turned_away.push(problem);
        }
    }
    assert!(turned_away.len() >= 6, "{turned_away:?}");
    for problem in turned_away {
        assert_eq!((problem.status, problem.code.as_str()), (503, "FAB6020"), "{problem:?}");
        assert!(problem.retry_after.is_some_and(|seconds| seconds >= 1), "{problem:?}");
    }
    // A write that could not begin was not done, and goes on with its key.
    done(node.insist(&bench::create("k-1", "busy")).await);
    assert_eq!(bench.orders("busy").len(), 1);
}

/// The lint adds loads up from the table; here they are counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_operation_makes_more_calls_than_the_table_says() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    // Once for versions, companies, fields and units.
    for interface in ["products@1", "production-orders@1", "work-orders@1"] {
        done(node.ask(list(interface, &[])).await);
    }
    // What is asked by itself at the start is not counted.
    let mut before = 0;
    while before != calls(&node) {
        before = calls(&node);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let counted = async |what: &str, request: MediatedRequest| {
        let operation = request.operation;
        let before = calls(&node);
        let (_, body) = done(node.ask(request).await);
        let (made, said) = (calls(&node) - before, cost::of(operation));
        assert!(made <= said, "{operation} of {what} made {made} calls, {said} are said");
        assert!(made * 4 >= said, "{operation} of {what} made {made} calls, {said} are said");
        body
    };
    counted("products", list("products@1", &[("limit", "10")])).await;
    counted("a product", get("products@1", "BIK-1")).await;
    counted("orders", list("production-orders@1", &[])).await;
    done(node.ask(bench::create("k-0", "first")).await);
    let order = counted("an order", bench::create("k-1", "counted")).await;
    let id: i64 = order["id"].as_str().unwrap().trim_start_matches("odoo-").parse().unwrap();
    counted("an order", get("production-orders@1", &format!("odoo-{id}"))).await;
    counted("an order", verb(Operation::Release, id, "k-2", json!({}))).await;
    let work = bench.factory.odoo.records("mrp.workorder");
    let work = work.iter().find(|work| id_of(&work["production_id"]) == id).unwrap()["id"].as_i64().unwrap();
    counted("a work order", verb(Operation::Start, work, "k-3", json!({}))).await;
    counted("a work order", verb(Operation::Finish, work, "k-4", json!({}))).await;
    let report = json!({"quantity": {"value": "2", "unit": "1"}, "lot": "C-1", "remainder": "backorder"});
    counted("an order", verb(Operation::Report, id, "k-5", report)).await;
}
