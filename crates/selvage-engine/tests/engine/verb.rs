//! Verbs: release, start, finish, report, each read back; reports end as the recorded right way does.

use std::time::Duration;

use selvage_factory::odoo::{Fault, FaultKind, OdooVersion};
use selvage_model::exchange::MediatedAnswer;
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
        assert_eq!(body["report"]["produced_total"]["value"], "4");
        assert_eq!(body["report"]["backorder"], Value::Null);
        let consumed: Vec<&Value> =
            body["report"]["components"].as_array().unwrap().iter().map(|one| &one["quantity"]["value"]).collect();
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
        assert_eq!((&first["status"], &first["report"]["produced_total"]["value"]), (&json!("done"), &json!("3")));
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
        assert_eq!(second["report"]["produced_total"]["value"], "3");
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
        assert_eq!((problem.status, problem.code.as_str()), (422, "FAB6012"));
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
        (json!({"quantity": {"value": "4", "unit": "1"}}), 422, "FAB6013"),
        (json!({}), 422, "FAB5010"),
    ];
    for (number, (body, status, code)) in table.into_iter().enumerate() {
        let problem = refused(node.ask(verb(Operation::Report, order, &format!("r-{number}"), body)).await);
        assert_eq!((problem.status, problem.code.as_str()), (status, code), "{}", problem.detail);
    }
    let draft = bench.order_in(1, "draft");
    let problem = refused(node.ask(verb(Operation::Report, draft, "r-draft", report("1", "L", "close"))).await);
    assert_eq!((problem.status, problem.code.as_str()), (422, "FAB6012"));
    assert_eq!(bench.factory.odoo.journal().len(), before, "something was changed");
    // A dozen is twelve, exactly.
    let dozen = json!({"quantity": {"value": "0.25", "unit": "12"}, "lot": "D-1", "remainder": "close"});
    let (_, body) = done(node.ask(verb(Operation::Report, order, "r-dozen", dozen)).await);
    assert_eq!(body["report"]["produced_total"]["value"], "3");
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
    let clock = || bench.read("mrp.workorder", &json!([["id", "=", work]]))[0]["is_user_working"].clone();
    for key in ["p-1", "p-2"] {
        let (_, body) = done(node.ask(verb(Operation::Pause, work, key, json!({}))).await);
        assert_eq!((&body["status"], clock()), (&json!("progress"), json!(false)));
    }
    assert_eq!(bench.committed("mrp.workorder", "button_pending"), 1);
    // What was paused goes on.
    done(node.ask(verb(Operation::Start, work, "s-4", json!({}))).await);
    assert_eq!((bench.committed("mrp.workorder", "button_start"), clock()), (2, json!(true)));
    let (_, body) = done(node.ask(verb(Operation::Finish, work, "f-1", json!({}))).await);
    assert_eq!(body["status"], "done");
    let problem = refused(node.ask(verb(Operation::Pause, work, "p-3", json!({}))).await);
    assert_eq!((problem.status, problem.code.as_str()), (422, "FAB6012"), "{}", problem.detail);
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
    assert_eq!(done(one).1["report"]["produced_total"]["value"], "1");
    assert_eq!(done(two).1["report"]["produced_total"]["value"], "1");
    assert_eq!(bench.orders("lane").len(), 2);
    assert_eq!(in_stock(&bench, "X-1"), ["1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_total_that_stands_in_another_lot_is_refused_and_not_a_persons_to_resolve() {
    for version in [OdooVersion::V18, OdooVersion::V19] {
        let bench = Bench::of(version).await;
        let node = bench.node("a").await;
        let order = released(&bench, &node, "lots").await;
        done(node.ask(verb(Operation::Report, order, "r-1", report("3", "A-1", "backorder"))).await);
        let before = bench.factory.odoo.journal().len();
        let problem = refused(node.ask(verb(Operation::Report, order, "r-2", report("3", "B-1", "backorder"))).await);
        assert_eq!((problem.status, problem.code.as_str()), (422, "FAB6013"), "{}", problem.detail);
        assert_eq!(bench.factory.odoo.journal().len(), before, "something was changed");
        // The rest may well be made into another lot.
        let (_, body) = done(node.ask(verb(Operation::Report, order, "r-3", report("4", "B-1", "backorder"))).await);
        assert_eq!(body["report"]["produced_total"]["value"], "4");
        assert_eq!((in_stock(&bench, "A-1"), in_stock(&bench, "B-1")), (vec!["3".to_owned()], vec!["1".to_owned()]));
        // Somebody has produced the backorder by now: less than that cannot be stated any more.
        let problem = refused(node.ask(verb(Operation::Report, order, "r-4", report("3", "A-1", "backorder"))).await);
        assert_eq!((problem.status, problem.code.as_str()), (422, "FAB6012"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amounts_that_the_order_cannot_hold_are_refused_before_anything_is_changed() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let order = released(&bench, &node, "amounts").await;
    let before = bench.factory.odoo.journal().len();
    let amounts = [
        ("0.001", 422),
        // Of the paint it would need less than can be counted.
        ("0.01", 422),
        ("3.3333", 422),
        ("99999999999999999999999999", 422),
        ("1e3", 422),
        ("-1", 422),
        ("NaN", 422),
        ("Infinity", 422),
        ("1,5", 422),
        ("", 422),
        ("0.00", 422),
    ];
    for (number, (amount, status)) in amounts.into_iter().enumerate() {
        let request = verb(Operation::Report, order, &format!("r-{number}"), report(amount, "L-1", "backorder"));
        let problem = refused(node.ask(request).await);
        assert_eq!(problem.status, status, "{amount}: {}", problem.detail);
    }
    assert_eq!(bench.factory.odoo.journal().len(), before, "something was changed");
    let (_, body) = done(node.ask(verb(Operation::Report, order, "r", report("0.10", "L-1", "backorder"))).await);
    assert_eq!(body["report"]["produced_total"]["value"], "0.1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lots_may_be_named_oddly() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let names = ["L/1 %_", "ü-漢字-🚲", "a'b\"c\\d", "<b>x</b>", "-1", "=cmd()"];
    for (number, name) in names.into_iter().enumerate() {
        let order = released(&bench, &node, &format!("odd-{number}")).await;
        let (_, body) =
            done(node.ask(verb(Operation::Report, order, &format!("r-{number}"), report("4", name, "close"))).await);
        assert_eq!(body["report"]["lot"], name);
        assert_eq!(in_stock(&bench, name), ["4"], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_report_one_order_at_once_and_it_is_as_if_one_had_come_after_the_other() {
    for round in 0..3 {
        let bench = Bench::new().await;
        let (a, b) = (bench.node("a").await, bench.node("b").await);
        let order = released(&bench, &a, "race").await;
        done(b.ask(crate::bench::get("production-orders@1", &format!("odoo-{order}"))).await);
        let slow = Fault::once(FaultKind::Latency(Duration::from_millis(150)), "stock.move", "write");
        bench.factory.odoo.inject(Fault { times: None, ..slow });
        let one = verb(Operation::Report, order, "r-1", report("1", "X-1", "backorder"));
        let two = verb(Operation::Report, order, "r-2", report("2", "X-1", "backorder"));
        let later = async {
            tokio::time::sleep(Duration::from_millis(100 * round)).await;
            b.insist(&two).await
        };
        let (one, two) = tokio::join!(a.insist(&one), later);
        assert_eq!(done(two).1["report"]["produced_total"]["value"], "2");
        if let MediatedAnswer::Refused { problem, .. } = one {
            assert_eq!(problem.code.as_str(), "FAB6012", "{}", problem.detail);
        }
        assert_eq!(in_stock(&bench, "X-1"), ["2"]);
        let mut consumed = [0.0; 3];
        for order in bench.orders("race").iter().filter(|order| order["state"] == "done") {
            for (index, (quantity, _, state)) in components(&bench, order["id"].as_i64().unwrap()).iter().enumerate() {
                assert_eq!(state, "done");
                consumed[index] += quantity.parse::<f64>().unwrap();
            }
        }
        assert_eq!(consumed, [2.0, 4.0, 0.5]);
        assert!(a.engine.unresolved().await.is_empty(), "{:?}", a.engine.unresolved().await);
    }
}
