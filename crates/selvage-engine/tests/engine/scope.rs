//! A grant's rows and attributes: what lies outside is not seen, not touched and not told of.

use std::time::Duration;

use selvage_model::exchange::{MediatedRequest, Scope};
use selvage_model::manifest::api::Operation;
use serde_json::{Map, json};

use crate::bench::{Bench, accepted, create, done, get, list, refused, rows, verb};

fn in_ghent(request: MediatedRequest) -> MediatedRequest {
    MediatedRequest { scope: rows("site", &["ghent"]), ..request }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_plants_rows_are_invisible_in_lists_and_gets() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let (_, body) = done(node.ask(in_ghent(list("production-orders@1", &[]))).await);
    let items = body["items"].as_array().unwrap();
    assert_eq!(items.len(), 12);
    assert!(items.iter().all(|item| item["site"] == "ghent"));
    for query in [[("site", "brno")], [("id", "odoo-20")]] {
        let (_, body) = done(node.ask(in_ghent(list("production-orders@1", &query))).await);
        assert!(body["items"].as_array().unwrap().is_empty(), "{query:?}: {body:#}");
        assert!(body.get("problems").is_none());
    }
    let theirs = format!("odoo-{}", bench.order_in(2, "confirmed"));
    assert_eq!(done(node.ask(get("production-orders@1", &theirs)).await).1["site"], "brno");
    let problem = refused(node.ask(in_ghent(get("production-orders@1", &theirs))).await);
    assert_eq!((problem.status, problem.code.as_str()), (404, "FAB5008"));
    // Word for word what an order that does not exist gets.
    let nothing = refused(node.ask(in_ghent(get("production-orders@1", "odoo-99999"))).await);
    assert_eq!(problem.detail.replace(&theirs, "X"), nothing.detail.replace("odoo-99999", "X"));

    let (_, stock) = done(node.ask(in_ghent(list("inventory@2", &[]))).await);
    let stock = stock["items"].as_array().unwrap();
    assert!(!stock.is_empty() && stock.iter().all(|item| item["site"] == "ghent"), "{stock:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_plants_records_are_not_touched_by_verbs() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let theirs = bench.order_in(2, "confirmed");
    let before = bench.factory.odoo.journal().len();
    let report = json!({"quantity": {"value": "1", "unit": "1"}, "lot": "L-1"});
    for (operation, key, body) in [(Operation::Release, "k-1", json!({})), (Operation::Report, "k-2", report)] {
        let problem = refused(node.ask(in_ghent(verb(operation, theirs, key, body))).await);
        assert_eq!((problem.status, problem.code.as_str()), (404, "FAB5008"), "{operation}");
    }
    assert_eq!(bench.factory.odoo.journal().len(), before, "something was changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_any_attribute_and_attributes_that_are_left_out() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let mut request = list("production-orders@1", &[]);
    request.scope = rows("status", &["draft", "confirmed"]);
    request.scope.except = vec!["origin".parse().unwrap(), "quantity".parse().unwrap()];
    let (_, body) = done(node.ask(request.clone()).await);
    let items = body["items"].as_array().unwrap();
    assert_eq!(items.len(), 12);
    assert!(items.iter().all(|item| item.get("origin").is_none() && item.get("quantity").is_none()));
    request.query = vec![("origin".to_owned(), "SO-1204".to_owned())];
    let problem = refused(node.ask(request).await);
    assert_eq!((problem.status, problem.code.as_str()), (403, "FAB5012"));

    let done_one = format!("odoo-{}", bench.order_in(1, "done"));
    let mut request = get("production-orders@1", &done_one);
    request.scope = rows("status", &["draft"]);
    assert_eq!(refused(node.ask(request).await).status, 404);
    // Rows of an attribute that the object does not have hold for nothing.
    let mut request = list("products@1", &[]);
    request.scope = rows("site", &["ghent"]);
    let answer = node.ask(request).await;
    assert!(!format!("{answer:?}").contains("BIK-1"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_plants_keys_neither_stand_in_the_way_nor_show_themselves() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    for company in [1, 2] {
        let values = json!([{"name": "Twin", "default_code": "TWIN", "company_id": company}]);
        bench.factory.odoo.call("product.product", "create", &[values], &Map::new()).unwrap();
    }
    let (_, body) = done(node.ask(in_ghent(list("production-orders@1", &[("product", "TWIN")]))).await);
    assert_eq!(body["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sites_without_a_company_open_no_other() {
    let bench = Bench::new().await;
    let unbound = crate::bench::fabric_with(&bench.factory.odoo_url(), &[("BE01", "XX01"), ("CZ01", "XX02")]);
    let node = crate::bench::node("a", &bench.store_url, unbound).await;
    for interface in ["production-orders@1", "inventory@2"] {
        let problem = refused(node.ask(list(interface, &[])).await);
        assert_eq!(problem.code.as_str(), "FAB5021", "{}", problem.detail);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_grant_leaves_out_is_not_told_by_a_problem() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let days = bench.factory.odoo.records("uom.uom");
    let days = days.iter().find(|unit| unit["name"] == "Days").unwrap()["id"].clone();
    let values = json!([{"name": "Rent", "default_code": "RENT-1", "uom_id": days, "uom_po_id": days}]);
    bench.factory.odoo.call("product.product", "create", &[values], &Map::new()).unwrap();
    let mut request = get("products@1", "RENT-1");
    request.scope.except = vec!["uom".parse().unwrap()];
    let problem = refused(node.ask(request).await);
    assert!(!problem.detail.contains("uom"), "{}", problem.detail);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_that_was_narrowed_covers_the_answers_of_yesterday() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let request = MediatedRequest { patience: Duration::from_millis(1), ..create("k-1", "yesterday") };
    let operation = accepted(node.ask(request).await);
    node.until(&operation, "done").await;
    let consumer = "planning".parse().unwrap();
    let look = |scope: Option<Scope>| node.engine.operation_within(&consumer, &operation, move |_| scope);
    let same = look(Some(Scope::default())).await.unwrap();
    assert_eq!(same["answer"]["body"]["site"], "ghent");
    for narrowed in [Some(rows("site", &["brno"])), None] {
        let body = look(narrowed).await.unwrap();
        assert_eq!((&body["state"], &body["answer"]), (&json!("done"), &json!(null)));
    }
    let except = Scope { rows: vec![], except: vec!["origin".parse().unwrap()], masked: vec![] };
    assert!(!look(Some(except)).await.unwrap().to_string().contains("yesterday"));
    let mut again = create("k-1", "yesterday");
    again.scope = rows("site", &["brno"]);
    // The body says Ghent, so it is refused before its key is looked at.
    assert_eq!(refused(node.ask(again).await).status, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_that_came_later_is_found_when_its_site_is_declared() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    done(node.ask(list("production-orders@1", &[])).await);
    let change = json!({"company_registry": "BE02"});
    bench.factory.odoo.call("res.company", "write", &[json!([1]), change], &Map::new()).unwrap();
    let moved = crate::bench::fabric_with(&bench.factory.odoo_url(), &[("BE01", "BE02")]);
    node.engine.activate(moved).unwrap();
    let (_, body) = done(node.ask(in_ghent(list("production-orders@1", &[]))).await);
    assert_eq!(body["items"].as_array().unwrap().len(), 12);
}
