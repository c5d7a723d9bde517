//! Updates and archives: only what is given changes, only for the state that was read, and once, whatever breaks.

use selvage_factory::odoo::{Fault, FaultKind, OdooVersion};
use selvage_model::exchange::{MediatedAnswer, MediatedRequest};
use selvage_model::manifest::api::Operation;
use serde_json::{Map, Value, json};

use crate::bench::{Bench, Node, accepted, amount, create, done, fabric_with, get, node, refused, request, rows, verb};

const PRODUCTS: &str = "product-master@1";

fn change(interface: &str, id: &str, key: &str, body: Value) -> MediatedRequest {
    MediatedRequest {
        id: Some(id.to_owned()),
        key: Some(key.to_owned()),
        body: Some(body),
        ..request(interface, Operation::Update)
    }
}

fn of_order(order: i64, key: &str, body: Value) -> MediatedRequest {
    change("production-orders@1", &format!("odoo-{order}"), key, body)
}

fn tag(answer: MediatedAnswer) -> String {
    match answer {
        MediatedAnswer::Done { etag: Some(etag), .. } => etag,
        other => panic!("no tag: {other:?}"),
    }
}

fn product(bench: &Bench, code: &str) -> Value {
    let domain = json!([["default_code", "=", code], ["active", "in", [true, false]]]);
    bench.read("product.product", &domain)[0].clone()
}

/// A draft order of three in Ghent.
async fn drafted(bench: &Bench, node: &Node, origin: &str) -> i64 {
    done(node.ask(create(origin, origin)).await);
    bench.orders(origin)[0]["id"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_changes_and_nothing_else() {
    for version in [OdooVersion::V18, OdooVersion::V19] {
        let bench = Bench::of(version).await;
        let node = bench.node("a").await;
        let before = product(&bench, "BIK-1");
        let body = json!({"name": "Bicycle, blue", "weight": {"value": "12500", "unit": "g"}});
        let (status, shown) = done(node.ask(change(PRODUCTS, "BIK-1", "k-1", body.clone())).await);
        assert_eq!((status, &shown["name"]), (200, &json!("Bicycle, blue")));
        assert_eq!(shown["weight"], json!({"value": "12.5", "unit": "kg"}));
        let after = product(&bench, "BIK-1");
        assert_eq!((&after["name"], amount(&after["weight"])), (&json!("Bicycle, blue"), "12.5".to_owned()));
        assert_eq!((&after["tracking"], &after["uom_id"]), (&before["tracking"], &before["uom_id"]));
        // It stands there already: nothing is written again.
        let writes = bench.committed("product.product", "write");
        done(node.ask(change(PRODUCTS, "BIK-1", "k-2", body)).await);
        assert_eq!(bench.committed("product.product", "write"), writes);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_cannot_be_are_refused_before_anything_is_changed() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let before = bench.factory.odoo.journal().len();
    let table = [
        (json!({}), 422, "FAB5010", ""),
        (json!([]), 422, "FAB5010", ""),
        (json!({"colour": "blue"}), 422, "FAB5010", "/colour"),
        (json!({"updated_at": "2026-11-23T06:00:00Z"}), 422, "FAB5010", "/updated_at"),
        (json!({"name": null}), 422, "FAB5010", "/name"),
        (json!({"weight": {"value": "1", "unit": "m"}}), 422, "FAB5010", "/weight/unit"),
        (json!({"code": "BIK-2"}), 422, "FAB5010", "/code"),
    ];
    for (number, (body, status, code, pointer)) in table.into_iter().enumerate() {
        let problem = refused(node.ask(change(PRODUCTS, "BIK-1", &format!("k-{number}"), body)).await);
        assert_eq!((problem.status, problem.code.as_str()), (status, code), "{}", problem.detail);
        assert_eq!(problem.errors[0].pointer, pointer);
    }
    let problem = refused(node.ask(change(PRODUCTS, "NO-SUCH", "k", json!({"name": "x"}))).await);
    assert_eq!((problem.status, problem.code.as_str()), (404, "FAB5008"));
    assert_eq!(bench.factory.odoo.journal().len(), before, "something was changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grants_and_authority_bound_a_change() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let order = drafted(&bench, &node, "bound").await;
    let in_ghent = |request: MediatedRequest| MediatedRequest { scope: rows("site", &["ghent"]), ..request };
    done(node.ask(in_ghent(of_order(order, "k-1", json!({"origin": "bound"})))).await);
    let problem = refused(node.ask(in_ghent(of_order(order, "k-2", json!({"site": "brno"})))).await);
    assert_eq!((problem.status, problem.errors[0].pointer.as_str()), (403, "/site"));
    let brno = bench.order_in(2, "confirmed");
    let problem = refused(node.ask(in_ghent(of_order(brno, "k-3", json!({"origin": "x"})))).await);
    assert_eq!((problem.status, problem.code.as_str()), (404, "FAB5008"));
    let mut except = of_order(order, "k-4", json!({"origin": "x"}));
    except.scope.except = vec!["origin".parse().unwrap()];
    assert_eq!(refused(node.ask(except).await).code.as_str(), "FAB5012");

    let mine = "kind: Fabric\nname: bench\nenvironments: {dev: {}}";
    let all = format!(
        "{mine}\n---\nkind: System\nname: plm\nconnector: http\nowner: erp-team\nzone: cloud\nenvironments: {{dev: {{url: \"http://127.0.0.1:9\"}}}}"
    );
    let mut elsewhere = (*fabric_with(&bench.factory.odoo_url(), &[(mine, &all)])).clone();
    for object in elsewhere.objects.values_mut().filter(|object| object.name.as_str() == "product") {
        object.authority[0].record.value = "plm".to_owned();
    }
    let other = node_of(&bench, elsewhere).await;
    let problem = refused(other.ask(change(PRODUCTS, "BIK-1", "k-5", json!({"name": "x"}))).await);
    assert_eq!((problem.status, problem.code.as_str()), (403, "FAB5013"));
    let archive = MediatedRequest {
        id: Some("BIK-1".to_owned()),
        key: Some("k-6".to_owned()),
        ..request(PRODUCTS, Operation::Archive)
    };
    assert_eq!(refused(other.ask(archive).await).code.as_str(), "FAB5013");
}

async fn node_of(bench: &Bench, fabric: selvage_model::fabric::Fabric) -> Node {
    node("b", &bench.store_url, std::sync::Arc::new(fabric)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_only_for_the_state_that_was_read() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let read = tag(node.ask(get(PRODUCTS, "BIK-1")).await);
    assert_eq!(tag(node.ask(get(PRODUCTS, "BIK-1")).await), read);
    let only = |key: &str, name: &str, tag: &str| MediatedRequest {
        if_match: Some(tag.to_owned()),
        ..change(PRODUCTS, "BIK-1", key, json!({"name": name}))
    };
    // Two who read the same: one of them has to read again.
    let (one, two) = (only("k-1", "One", &read), only("k-2", "Two", &read));
    let (one, two) = tokio::join!(node.ask(one), node.ask(two));
    let stale = [&one, &two].iter().filter(|answer| matches!(answer, MediatedAnswer::Refused { .. })).count();
    assert_eq!(stale, 1, "{one:?} {two:?}");
    let (won, lost) = if matches!(one, MediatedAnswer::Done { .. }) { (one, two) } else { (two, one) };
    let problem = refused(lost);
    assert_eq!((problem.status, problem.code.as_str()), (412, "FAB5040"));
    let name = done(won.clone()).1["name"].clone();
    assert_eq!(product(&bench, "BIK-1")["name"], name);
    // The answer of the one that won carries the tag to go on with.
    done(node.ask(only("k-3", "Three", &tag(won))).await);
    assert_eq!(product(&bench, "BIK-1")["name"], "Three");
    // The condition belongs to what was asked.
    let problem = refused(node.ask(only("k-3", "Three", "*")).await);
    assert_eq!((problem.status, problem.code.as_str()), (422, "FAB5004"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_quantity_of_a_released_order_changes_with_its_components() {
    for version in [OdooVersion::V18, OdooVersion::V19] {
        let bench = Bench::of(version).await;
        let node = bench.node("a").await;
        let order = drafted(&bench, &node, "more").await;
        let quantity = |value: &str| json!({"quantity": {"value": value, "unit": "1"}});
        done(node.ask(of_order(order, "k-1", quantity("2"))).await);
        assert_eq!(bench.committed("change.production.qty", "change_prod_qty"), 0);
        done(node.ask(verb(Operation::Release, order, "k-2", json!({}))).await);
        for key in ["k-3", "k-4"] {
            let (_, body) = done(node.ask(of_order(order, key, quantity("5"))).await);
            assert_eq!(body["quantity"]["value"], "5");
        }
        assert_eq!(bench.committed("change.production.qty", "change_prod_qty"), 1);
        let moves = bench.read("stock.move", &json!([["raw_material_production_id", "=", order]]));
        let demands: Vec<String> = moves.iter().map(|one| amount(&one["product_uom_qty"])).collect();
        assert_eq!(demands, ["5", "10", "1.25"]);
        let problem = refused(node.ask(of_order(order, "k-5", json!({"product": "FRM-1"}))).await);
        assert_eq!((problem.status, problem.code.as_str()), (422, "FAB6012"), "{}", problem.detail);
        let report = json!({"quantity": {"value": "5", "unit": "1"}, "lot": "Q-1", "remainder": "close"});
        done(node.ask(verb(Operation::Report, order, "k-6", report)).await);
        let problem = refused(node.ask(of_order(order, "k-7", quantity("6"))).await);
        assert_eq!((problem.status, problem.code.as_str()), (422, "FAB6012"), "{}", problem.detail);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_to_a_change_is_looked_up_and_does_it_once() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let order = drafted(&bench, &node, "lost").await;
    done(node.ask(verb(Operation::Release, order, "k-1", json!({}))).await);
    bench.factory.odoo.inject(Fault::once(FaultKind::ResetAfter, "change.production.qty", "change_prod_qty"));
    let body = json!({"quantity": {"value": "7", "unit": "1"}, "origin": "lost and found"});
    let operation = accepted(node.ask(of_order(order, "k-2", body)).await);
    let (settled, _) = node.until(&operation, "done").await;
    assert_eq!(settled["answer"]["body"]["quantity"]["value"], "7");
    assert_eq!(bench.committed("change.production.qty", "change_prod_qty"), 1);
    let after = bench.read("mrp.production", &json!([["id", "=", order]]));
    assert_eq!((amount(&after[0]["product_qty"]), &after[0]["origin"]), ("7".to_owned(), &json!("lost and found")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_archived_is_archived_once_and_comes_back_by_an_update() {
    for version in [OdooVersion::V18, OdooVersion::V19] {
        let bench = Bench::of(version).await;
        let node = bench.node("a").await;
        let archive = |key: &str| MediatedRequest {
            id: Some("BIK-1".to_owned()),
            key: Some(key.to_owned()),
            ..request(PRODUCTS, Operation::Archive)
        };
        for key in ["k-1", "k-2"] {
            let (status, body) = done(node.ask(archive(key)).await);
            assert_eq!((status, &body["active"]), (200, &json!(false)));
        }
        assert_eq!(bench.committed("product.product", "action_archive"), 1);
        assert_eq!(refused(node.ask(get(PRODUCTS, "BIK-1")).await).status, 404);
        let (_, body) = done(node.ask(change(PRODUCTS, "BIK-1", "k-3", json!({"active": true}))).await);
        assert_eq!(body["active"], true);
        done(node.ask(get(PRODUCTS, "BIK-1")).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_given_up_once_and_a_done_one_never() {
    for version in [OdooVersion::V18, OdooVersion::V19] {
        let bench = Bench::of(version).await;
        let node = bench.node("a").await;
        let order = drafted(&bench, &node, "up").await;
        done(node.ask(verb(Operation::Release, order, "k-1", json!({}))).await);
        bench.factory.odoo.inject(Fault::once(FaultKind::ResetAfter, "mrp.production", "action_cancel"));
        let operation = accepted(node.ask(verb(Operation::Cancel, order, "k-2", json!({}))).await);
        node.until(&operation, "done").await;
        let (_, body) = done(node.ask(verb(Operation::Cancel, order, "k-3", json!({}))).await);
        assert_eq!(body["status"], "cancelled");
        assert_eq!(bench.committed("mrp.production", "action_cancel"), 1);

        let made = drafted(&bench, &node, "made").await;
        done(node.ask(verb(Operation::Release, made, "k-4", json!({}))).await);
        let report = json!({"quantity": {"value": "3", "unit": "1"}, "lot": "M-1", "remainder": "close"});
        done(node.ask(verb(Operation::Report, made, "k-5", report)).await);
        let problem = refused(node.ask(verb(Operation::Cancel, made, "k-6", json!({}))).await);
        assert_eq!((problem.status, problem.code.as_str()), (422, "FAB6012"), "{}", problem.detail);
        let nothing = Map::new();
        let state = bench.factory.odoo.call("mrp.production", "read", &[json!([made]), json!(["state"])], &nothing);
        assert_eq!(state.unwrap()[0]["state"], "done");
    }
}
