//! Verbs: release, start, finish, report, each read back; reports end as the recorded right way does.

use selvage_factory::odoo::OdooVersion;
use selvage_model::manifest::api::Operation;
use serde_json::{Value, json};

use crate::bench::{Bench, Node, amount, done, id_of, refused, verb};

/// A released order of four bicycles in Ghent.
async fn released(bench: &Bench, node: &Node, key: &str) -> i64 {
    let mut request = crate::bench::create(key, key);
    request.body.as_mut().unwrap()["quantity"]["value"] = json!("4");
    done(node.ask(request).await);
    let order = bench.orders(key)[0]["id"].as_i64().unwrap();
    let (status, body) = done(node.ask(verb(Operation::Release, order, key, json!({}))).await);
    assert_eq!((status, &body["status"]), (200, &json!("confirmed")));
    order
}

fn report(value: &str, lot: &str, remainder: &str) -> Value {
    json!({"quantity": {"value": value, "unit": "1"}, "lot": lot, "remainder": remainder})
}

/// Component moves of an order: quantity, picked, state, in the order of their ids.
fn components(bench: &Bench, order: i64) -> Vec<(String, bool, String)> {
    let moves = bench.read("stock.move", &json!([["raw_material_production_id", "=", order]]));
    let shown = moves
        .iter()
        .map(|one| (amount(&one["quantity"]), one["picked"] == true, one["state"].as_str().unwrap().to_owned()));
    shown.collect()
}

/// What is in stock of a lot, place by place.
fn in_stock(bench: &Bench, lot: &str) -> Vec<String> {
    let quants = bench.read("stock.quant", &json!([["lot_id.name", "=", lot], ["location_id.usage", "=", "internal"]]));
    quants.iter().map(|one| amount(&one["quantity"])).collect()
}

fn done_moves(quantities: [&str; 3]) -> Vec<(String, bool, String)> {
    quantities.map(|quantity| (quantity.to_owned(), true, "done".to_owned())).to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_report_consumes_and_books_everything() {
    for version in [OdooVersion::V18, OdooVersion::V19] {
        let bench = Bench::of(version).await;
        let node = bench.node("a").await;
        let order = released(&bench, &node, "whole").await;
        let (status, body) = done(node.ask(verb(Operation::Report, order, "r", report("4", "W-1", "backorder"))).await);
        assert_eq!((status, &body["status"]), (200, &json!("done")));
        assert_eq!(body["produced"], json!({"value": "4", "unit": "1"}));
        assert_eq!(body["report"]["produced_total"], "4");
        assert_eq!(body["report"]["backorder"], Value::Null);
        let consumed: Vec<&Value> =
            body["report"]["components"].as_array().unwrap().iter().map(|one| &one["quantity"]).collect();
        assert_eq!(consumed, [&json!("4"), &json!("8"), &json!("1")]);
        assert_eq!(components(&bench, order), done_moves(["4", "8", "1"]));
        assert_eq!(in_stock(&bench, "W-1"), ["4"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_report_leaves_a_backorder_and_its_repetition_changes_nothing() {
    for version in [OdooVersion::V18, OdooVersion::V19] {
        let bench = Bench::of(version).await;
        let node = bench.node("a").await;
        let order = released(&bench, &node, "short").await;
        let body = report("3", "S-1", "backorder");
        let (_, first) = done(node.ask(verb(Operation::Report, order, "r-1", body.clone())).await);
        assert_eq!((&first["status"], &first["report"]["produced_total"]), (&json!("done"), &json!("3")));
        assert_eq!(components(&bench, order), done_moves(["3", "6", "0.75"]));
        let orders = bench.orders("short");
        assert_eq!(orders.len(), 2);
        let rest = orders[1]["id"].as_i64().unwrap();
        assert_eq!(first["report"]["backorder"], format!("odoo-{rest}"));
        assert_eq!(amount(&orders[1]["product_qty"]), "1");
        assert!(components(&bench, rest).iter().all(|(_, picked, state)| !picked && state != "done"));
        assert_eq!(in_stock(&bench, "S-1"), ["3"]);

        // The same total under another key: it is a total, so nothing more is made.
        let changes = bench.committed("mrp.production", "button_mark_done");
        let (_, second) = done(node.ask(verb(Operation::Report, order, "r-2", body)).await);
        assert_eq!(second["report"]["produced_total"], "3");
        assert_eq!(bench.orders("short").len(), 2);
        assert_eq!(bench.committed("mrp.production", "button_mark_done"), changes);
        assert_eq!(in_stock(&bench, "S-1"), ["3"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closing_report_gives_the_rest_up() {
    for version in [OdooVersion::V18, OdooVersion::V19] {
        let bench = Bench::of(version).await;
        let node = bench.node("a").await;
        let order = released(&bench, &node, "close").await;
        let (_, body) = done(node.ask(verb(Operation::Report, order, "r", report("1", "C-1", "close"))).await);
        assert_eq!((&body["status"], &body["report"]["backorder"]), (&json!("done"), &Value::Null));
        assert_eq!(bench.orders("close").len(), 1);
        assert_eq!(components(&bench, order), done_moves(["1", "2", "0.25"]));
        // Less than is booked cannot be reached any more.
        let problem = refused(node.ask(verb(Operation::Report, order, "r-2", report("0.5", "C-1", "close"))).await);
        assert_eq!((problem.status, problem.code.as_str()), (409, "FAB6012"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_that_cannot_be_are_refused_before_anything_is_changed() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let order = released(&bench, &node, "wrong").await;
    let before = bench.factory.odoo.journal().len();
    let table = [
        (json!({"quantity": {"value": "4", "unit": "kg"}, "lot": "L"}), 422, "FAB3103"),
        (json!({"quantity": {"value": "4", "unit": "stone"}}), 422, "FAB5010"),
        (json!({"quantity": {"value": "4", "unit": "1"}}), 409, "FAB6013"),
        (json!({}), 422, "FAB5010"),
    ];
    for (number, (body, status, code)) in table.into_iter().enumerate() {
        let problem = refused(node.ask(verb(Operation::Report, order, &format!("r-{number}"), body)).await);
        assert_eq!((problem.status, problem.code.as_str()), (status, code), "{}", problem.detail);
    }
    let draft = bench.order_in(1, "draft");
    let problem = refused(node.ask(verb(Operation::Report, draft, "r-draft", report("1", "L", "close"))).await);
    assert_eq!((problem.status, problem.code.as_str()), (409, "FAB6012"));
    assert_eq!(bench.factory.odoo.journal().len(), before, "something was changed");
    // A dozen is twelve, exactly.
    let dozen = json!({"quantity": {"value": "0.25", "unit": "12"}, "lot": "D-1", "remainder": "close"});
    let (_, body) = done(node.ask(verb(Operation::Report, order, "r-dozen", dozen)).await);
    assert_eq!(body["report"]["produced_total"], "3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_orders_are_started_and_finished_once() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let order = released(&bench, &node, "work").await;
    let work = bench.factory.odoo.records("mrp.workorder");
    let work = work.iter().find(|one| id_of(&one["production_id"]) == order).unwrap()["id"].as_i64().unwrap();
    for key in ["s-1", "s-2"] {
        let (status, body) = done(node.ask(verb(Operation::Start, work, key, json!({}))).await);
        assert_eq!((status, &body["status"]), (200, &json!("progress")));
    }
    assert_eq!(bench.committed("mrp.workorder", "button_start"), 1);
    let (_, body) = done(node.ask(verb(Operation::Finish, work, "f-1", json!({}))).await);
    assert_eq!(body["status"], "done");
    let problem = refused(node.ask(verb(Operation::Start, work, "s-3", json!({"why": 1}))).await);
    assert_eq!((problem.status, problem.errors[0].pointer.as_str()), (422, "/why"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_on_one_record_take_effect_one_after_the_other() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let order = released(&bench, &node, "lane").await;
    let one = node.ask(verb(Operation::Report, order, "r-1", report("1", "X-1", "backorder")));
    let two = node.ask(verb(Operation::Report, order, "r-2", report("1", "X-1", "backorder")));
    let (one, two) = tokio::join!(one, two);
    assert_eq!(done(one).1["report"]["produced_total"], "1");
    assert_eq!(done(two).1["report"]["produced_total"], "1");
    assert_eq!(bench.orders("lane").len(), 2);
    assert_eq!(in_stock(&bench, "X-1"), ["1"]);
}
