//! Consumption noted before an order is booked: a total for each lot, once, never more than there is; and what was noted is
//! what the report books.

use selvage_factory::odoo::{Fault, FaultKind, OdooVersion};
use selvage_model::exchange::MediatedRequest;
use selvage_model::manifest::api::Operation;
use serde_json::{Map, Value, json};

use crate::bench::{Bench, Node, accepted, amount, create, done, id_of, refused, verb};

/// A released order of four bicycles in Ghent: it needs 4 frames, 8 wheels, and 1 kg of paint from a lot.
async fn released(bench: &Bench, node: &Node, key: &str) -> i64 {
    let mut request = create(key, key);
    request.body.as_mut().unwrap()["quantity"]["value"] = json!("4");
    done(node.ask(request).await);
    let order = bench.orders(key)[0]["id"].as_i64().unwrap();
    done(node.ask(verb(Operation::Release, order, key, json!({}))).await);
    order
}

/// The lot of paint that the order has reserved.
fn paint_lot(bench: &Bench, order: i64) -> String {
    let domain = json!([["move_id.raw_material_production_id", "=", order], ["lot_id", "!=", false]]);
    bench.read("stock.move.line", &domain)[0]["lot_id"][1].as_str().unwrap().to_owned()
}

fn paint(order: i64, key: &str, lot: &str, value: &str, unit: &str) -> MediatedRequest {
    let body = json!({"component": "PNT-1", "lot": lot, "quantity": {"value": value, "unit": unit}});
    verb(Operation::Consume, order, key, body)
}

fn report(order: i64, key: &str, value: &str) -> MediatedRequest {
    let body = json!({"quantity": {"value": value, "unit": "1"}, "lot": "B-1", "remainder": "close"});
    verb(Operation::Report, order, key, body)
}

/// Lines of paint of an order: quantity and whether picked, smallest first.
fn lines(bench: &Bench, order: i64) -> Vec<(String, bool)> {
    let domain = json!([["move_id.raw_material_production_id", "=", order], ["lot_id", "!=", false]]);
    let lines = bench.read("stock.move.line", &domain);
    let mut lines: Vec<(String, bool)> =
        lines.iter().map(|line| (amount(&line["quantity"]), line["picked"] == true)).collect();
    lines.sort();
    lines
}

fn flexible(bench: &Bench, order: i64) {
    let change = json!({"consumption": "flexible"});
    bench.factory.odoo.call("mrp.production", "write", &[json!([order]), change], &Map::new()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_total_is_noted_once_and_is_what_the_report_books() {
    for version in [OdooVersion::V18, OdooVersion::V19] {
        let bench = Bench::of(version).await;
        let node = bench.node("a").await;
        let order = released(&bench, &node, "noted").await;
        let lot = paint_lot(&bench, order);
        let (status, body) = done(node.ask(paint(order, "c-1", &lot, "500", "g")).await);
        assert_eq!((status, &body["consumption"]["quantity"]["value"]), (200, &json!("0.5")));
        assert_eq!(body["consumption"]["lot"], lot);
        let noted = vec![("0.5".to_owned(), false), ("0.5".to_owned(), true)];
        assert_eq!(lines(&bench, order), noted);
        let loads = bench.committed("stock.move.line", "load");
        done(node.ask(paint(order, "c-2", &lot, "0.5", "kg")).await);
        assert_eq!(bench.committed("stock.move.line", "load"), loads);
        // A larger total is not an increment; a smaller one takes back.
        for (key, total) in [("c-3", "0.75"), ("c-4", "0"), ("c-5", "0.75")] {
            let (_, body) = done(node.ask(paint(order, key, &lot, total, "kg")).await);
            assert_eq!(body["consumption"]["component_total"]["value"], total);
        }
        flexible(&bench, order);
        let (_, body) = done(node.ask(report(order, "r-1", "4")).await);
        assert_eq!(
            body["report"]["components"][2],
            json!({"product": "PNT-1", "quantity": {"value": "0.75", "unit": "kg"}, "lot": lot})
        );
        assert_eq!(lines(&bench, order), [("0.75".to_owned(), true)]);
        let problem = refused(node.ask(paint(order, "c-6", &lot, "0.5", "kg")).await);
        assert_eq!((problem.status, problem.code.as_str()), (422, "FAB6012"), "{}", problem.detail);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_use_than_planned_is_not_booked_where_a_person_is_asked_about_it() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let order = released(&bench, &node, "policy").await;
    let lot = paint_lot(&bench, order);
    let change = json!({"consumption": "warning"});
    bench.factory.odoo.call("mrp.production", "write", &[json!([order]), change], &Map::new()).unwrap();
    done(node.ask(paint(order, "c-1", &lot, "0.75", "kg")).await);
    let before = bench.factory.odoo.journal().len();
    let problem = refused(node.ask(report(order, "r-1", "4")).await);
    assert_eq!((problem.status, problem.code.as_str()), (422, "FAB6012"), "{}", problem.detail);
    assert_eq!(bench.factory.odoo.journal().len(), before, "something was changed");
    // As planned it is booked.
    done(node.ask(paint(order, "c-2", &lot, "1", "kg")).await);
    let (_, body) = done(node.ask(report(order, "r-2", "4")).await);
    assert_eq!(body["status"], "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumption_that_cannot_be_is_refused_before_anything_is_changed() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let order = released(&bench, &node, "wrong").await;
    let lot = paint_lot(&bench, order);
    let before = bench.factory.odoo.journal().len();
    let stated = |component: &str, lot: Value, value: &str, unit: &str| json!({"component": component, "lot": lot, "quantity": {"value": value, "unit": unit}});
    let table = [
        (stated("PNT-1", json!(lot), "1", "m"), 422, "FAB3103"),
        (stated("PNT-1", json!(lot), "-1", "kg"), 422, "FAB5010"),
        (stated("PNT-1", json!("no such lot"), "1", "kg"), 422, "FAB6013"),
        (stated("PNT-1", Value::Null, "1", "kg"), 422, "FAB6013"),
        (stated("PNT-1", json!(lot), "100000", "kg"), 422, "FAB6012"),
        (stated("FRM-1", json!(lot), "1", "1"), 422, "FAB6013"),
        (stated("BIK-1", json!("x"), "1", "1"), 422, "FAB6012"),
        (stated("NO-SUCH", Value::Null, "1", "1"), 422, "FAB5010"),
        (json!({"component": "PNT-1"}), 422, "FAB5010"),
    ];
    for (number, (body, status, code)) in table.into_iter().enumerate() {
        let problem = refused(node.ask(verb(Operation::Consume, order, &format!("c-{number}"), body)).await);
        assert_eq!((problem.status, problem.code.as_str()), (status, code), "{number}: {}", problem.detail);
    }
    let draft = bench.order_in(1, "draft");
    let problem = refused(node.ask(paint(draft, "c-draft", &lot, "0.1", "kg")).await);
    assert_eq!((problem.status, problem.code.as_str()), (422, "FAB6012"), "{}", problem.detail);
    assert_eq!(bench.factory.odoo.journal().len(), before, "something was changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_notes_it_once() {
    for version in [OdooVersion::V18, OdooVersion::V19] {
        let bench = Bench::of(version).await;
        let node = bench.node("a").await;
        let order = released(&bench, &node, "lost").await;
        let lot = paint_lot(&bench, order);
        bench.factory.odoo.inject(Fault::once(FaultKind::ResetAfter, "stock.move.line", "load"));
        let operation = accepted(node.ask(paint(order, "c-1", &lot, "0.25", "kg")).await);
        let (settled, _) = node.until(&operation, "done").await;
        assert_eq!(settled["answer"]["body"]["consumption"]["component_total"]["value"], "0.25");
        let picked = lines(&bench, order).into_iter().filter(|(_, picked)| *picked).count();
        assert_eq!(picked, 1);
        // What stays reserved is what the plan needs beside it.
        let moves = bench.read("stock.move", &json!([["raw_material_production_id", "=", order]]));
        let paint = moves.iter().find(|one| amount(&one["product_uom_qty"]) == "1").unwrap();
        assert_eq!(id_of(&paint["raw_material_production_id"]), order);
        assert_eq!(amount(&paint["quantity"]), "1");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_says_what_was_used_and_what_was_scrapped() {
    for version in [OdooVersion::V18, OdooVersion::V19] {
        let bench = Bench::of(version).await;
        let node = bench.node("a").await;
        let order = released(&bench, &node, "full").await;
        let lot = paint_lot(&bench, order);
        flexible(&bench, order);
        let body = |produced: &str, used: &str, scrapped: &str| {
            json!({
                "quantity": {"value": produced, "unit": "1"},
                "lot": "B-1",
                "components": [{"component": "PNT-1", "lot": lot, "quantity": {"value": used, "unit": "kg"}}],
                "scrapped": {"value": scrapped, "unit": "1"},
            })
        };
        let report = |key: &str, body: Value| verb(Operation::Report, order, key, body);
        let before = bench.factory.odoo.journal().len();
        let problem = refused(node.ask(report("r-0", body("3", "1", "4"))).await);
        assert_eq!((problem.status, problem.code.as_str()), (422, "FAB6012"), "{}", problem.detail);
        assert_eq!(bench.factory.odoo.journal().len(), before, "something was changed");
        // The scrap order is carried out, and the answer to that is lost.
        bench.factory.odoo.inject(Fault::once(FaultKind::ResetAfter, "stock.scrap", "action_validate"));
        let operation = accepted(node.ask(report("r-1", body("3", "0.5", "1"))).await);
        let (settled, _) = node.until(&operation, "done").await;
        let told = &settled["answer"]["body"]["report"];
        assert_eq!((&told["produced_total"]["value"], &told["scrapped_total"]["value"]), (&json!("3"), &json!("1")));
        let used = told["components"].as_array().unwrap().iter().find(|one| one["lot"] == lot).unwrap();
        assert_eq!(used["quantity"], json!({"value": "0.5", "unit": "kg"}));
        let in_stock = || -> Vec<String> {
            let domain = json!([["lot_id.name", "=", "B-1"], ["location_id.usage", "=", "internal"]]);
            bench.read("stock.quant", &domain).iter().map(|quant| amount(&quant["quantity"])).collect()
        };
        assert_eq!(in_stock(), ["2"]);
        // The same totals under another key change nothing; larger ones make the rest, on the backorder.
        done(node.ask(report("r-2", body("3", "0.5", "1"))).await);
        assert_eq!((in_stock(), bench.committed("stock.scrap", "action_validate")), (vec!["2".to_owned()], 1));
        flexible(&bench, bench.orders("full")[1]["id"].as_i64().unwrap());
        let (_, last) = done(node.ask(report("r-3", body("4", "0.7", "2"))).await);
        assert_eq!(
            (&last["report"]["produced_total"]["value"], &last["report"]["scrapped_total"]["value"]),
            (&json!("4"), &json!("2"))
        );
        assert_eq!(in_stock(), ["2"]);
        let problem = refused(node.ask(report("r-4", body("4", "0.7", "1"))).await);
        assert_eq!((problem.status, problem.code.as_str()), (422, "FAB6012"), "{}", problem.detail);
    }
}

/// What is wrong with one of several components is named by its place among them, and none of them is noted then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_notes_all_of_its_components_or_none() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let order = released(&bench, &node, "none").await;
    flexible(&bench, order);
    let report = |key: &str, second: Value| {
        let wheels = json!({"component": "WHL-1", "quantity": {"value": "9", "unit": "1"}});
        let body = json!({"quantity": {"value": "4", "unit": "1"}, "lot": "N-1", "components": [wheels, second]});
        verb(Operation::Report, order, key, body)
    };
    let before = bench.factory.odoo.journal().len();
    for (key, name, lot, unit, pointer) in [
        ("r-1", "NONE", "P", "kg", "/components/1/component"),
        ("r-2", "PNT-1", "P", "1", "/components/1/quantity/unit"),
    ] {
        let second = json!({"component": name, "lot": lot, "quantity": {"value": "1", "unit": unit}});
        let problem = refused(node.ask(report(key, second)).await);
        assert_eq!((problem.status, problem.errors[0].pointer.as_str()), (422, pointer), "{}", problem.detail);
    }
    // More of the lot than there is.
    let second =
        json!({"component": "PNT-1", "lot": paint_lot(&bench, order), "quantity": {"value": "99999", "unit": "kg"}});
    let problem = refused(node.ask(report("r-3", second)).await);
    assert_eq!((problem.status, problem.code.as_str()), (422, "FAB6012"), "{}", problem.detail);
    assert_eq!(bench.factory.odoo.journal().len(), before, "something was changed");
}
