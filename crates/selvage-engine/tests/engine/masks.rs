//! What a grant does not see of an object is there as `null`: in lists, records, answers of writes and kept answers; it is not
//! searched by, not written, and neither tags nor the system's words tell of it.

use std::time::Duration;

use selvage_model::class::Masked;
use selvage_model::exchange::{MediatedAnswer, MediatedRequest, Scope};
use selvage_model::manifest::api::Operation;
use serde_json::{Map, json};

use crate::bench::{Bench, accepted, create, done, get, list, refused, verb};

fn masking(places: &[&str]) -> Scope {
    let masked = |pointer: &&str| Masked { pointer: (*pointer).to_owned(), class: "personal".parse().unwrap() };
    Scope { masked: places.iter().map(masked).collect(), ..Scope::default() }
}

fn without_origin(request: MediatedRequest) -> MediatedRequest {
    MediatedRequest { scope: masking(&["/origin"]), ..request }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_masked_is_null_in_lists_records_and_lines() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    done(node.ask(create("k-1", "anna")).await);
    let (_, body) = done(node.ask(without_origin(list("production-orders@1", &[]))).await);
    let items = body["items"].as_array().unwrap();
    assert!(!items.is_empty() && items.iter().all(|item| item["origin"].is_null() && item.get("origin").is_some()));
    assert!(!body.to_string().contains("anna"));

    let mut request = list("bills@1", &[]);
    let (_, plain) = done(node.ask(request.clone()).await);
    let bill = plain["items"][0]["id"].as_str().unwrap().to_owned();
    request.scope = masking(&["/components/*/product", "/quantity"]);
    let mut one = get("bills@1", &bill);
    one.scope = request.scope.clone();
    let (_, listed) = done(node.ask(request).await);
    let (_, body) = done(node.ask(one).await);
    for bill in listed["items"].as_array().unwrap().iter().chain([&body]) {
        assert!(bill["quantity"].is_null() && bill["family"].is_string());
        let lines = bill["components"].as_array().unwrap();
        assert!(lines.iter().all(|line| line["product"].is_null() && line["quantity"].is_object()), "{bill:#}");
    }
    assert!(!body["components"].as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_masked_is_neither_searched_by_nor_written() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    for query in [[("origin", "SO-1204")], [("origin", "nobody")]] {
        let problem = refused(node.ask(without_origin(list("production-orders@1", &query))).await);
        assert_eq!((problem.status, problem.code.as_str()), (403, "FAB4160"), "{}", problem.detail);
    }
    let problem = refused(node.ask(without_origin(create("k-1", "anna"))).await);
    assert_eq!((problem.code.as_str(), problem.errors[0].pointer.as_str()), ("FAB4160", "/origin"));
    let order = bench.order_in(1, "confirmed");
    let before = bench.factory.odoo.journal().len();
    for body in [json!({"origin": null}), json!({"origin": "bert"})] {
        let problem = refused(node.ask(without_origin(verb(Operation::Update, order, "k-2", body))).await);
        assert_eq!((problem.status, problem.code.as_str()), (403, "FAB4160"));
    }
    // A change of the lines would take what is masked in them away.
    let lines = verb(Operation::Revise, 1, "k-3", json!({"revision": "B", "components": []}));
    let interface = "bills@1".parse().unwrap();
    let scope = masking(&["/components/*/product"]);
    let problem = refused(node.ask(MediatedRequest { interface, scope, ..lines }).await);
    assert_eq!((problem.code.as_str(), problem.errors[0].pointer.as_str()), ("FAB4160", "/components"));
    assert_eq!(bench.factory.odoo.journal().len(), before, "something was changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_does_not_change_with_what_is_masked() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let (_, body) = done(node.ask(create("k-1", "anna")).await);
    let number = body["id"].as_str().unwrap().to_owned();
    let tag = |answer: MediatedAnswer| match answer {
        MediatedAnswer::Done { etag, .. } => etag,
        other => panic!("not done: {other:?}"),
    };
    // When it was written is shown unless it is masked too, and a tag is of what is shown.
    let masks = |request: MediatedRequest| MediatedRequest { scope: masking(&["/origin", "/updated_at"]), ..request };
    let look = get("production-orders@1", &number);
    let (masked, plain) = (tag(node.ask(masks(look.clone())).await), tag(node.ask(look.clone()).await));
    let order: i64 = number.trim_start_matches("odoo-").parse().unwrap();
    done(node.ask(verb(Operation::Update, order, "k-2", json!({"origin": "bert"}))).await);
    assert_eq!(tag(node.ask(masks(look.clone())).await), masked);
    assert_ne!(tag(node.ask(look).await), plain);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kept_answers_are_masked_by_the_grant_of_today() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let request = MediatedRequest { patience: Duration::from_millis(1), ..create("k-1", "anna") };
    let operation = accepted(node.ask(request).await);
    node.until(&operation, "done").await;
    let consumer = "planning".parse().unwrap();
    let look = |scope: Scope| node.engine.operation_within(&consumer, &operation, move |_| Some(scope));
    let body = look(masking(&["/origin"])).await.unwrap();
    assert_eq!((&body["answer"]["body"]["origin"], &body["answer"]["masked"]), (&json!(null), &json!(["/origin"])));
    assert!(!body.to_string().contains("anna"));
    let body = look(Scope::default()).await.unwrap();
    assert_eq!((&body["answer"]["body"]["origin"], body["answer"].get("masked")), (&json!("anna"), None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_systems_words_are_kept_back_and_its_code_stays() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let done_order = bench.order_in(1, "done");
    let cancel = verb(Operation::Cancel, done_order, "k-1", json!({}));
    let plain = refused(node.ask(MediatedRequest { key: Some("k-2".to_owned()), ..cancel.clone() }).await);
    assert!(plain.code.as_str().starts_with("FAB6"), "{plain:?}");
    for answer in [node.ask(without_origin(cancel.clone())).await, node.ask(without_origin(cancel)).await] {
        let problem = refused(answer);
        assert_eq!((problem.status, problem.code), (plain.status, plain.code));
        assert!(problem.detail.contains("kept back") && problem.detail != plain.detail, "{}", problem.detail);
    }
    // What makes a record unshowable is not told where it is what is masked.
    let days = bench.factory.odoo.records("uom.uom");
    let days = days.iter().find(|unit| unit["name"] == "Days").unwrap()["id"].clone();
    let values = json!([{"name": "Rent", "default_code": "RENT-1", "uom_id": days, "uom_po_id": days}]);
    bench.factory.odoo.call("product.product", "create", &[values], &Map::new()).unwrap();
    let request = MediatedRequest { scope: masking(&["/uom"]), ..get("products@1", "RENT-1") };
    let problem = refused(node.ask(request).await);
    assert!(!problem.detail.contains("Days"), "{}", problem.detail);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verb_does_not_set_what_the_grant_does_not_see() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let order = bench.order_in(1, "confirmed");
    let before = bench.factory.odoo.journal().len();
    let body = json!({"quantity": {"value": "1", "unit": "1"}, "lot": "L-1", "remainder": "keep-open"});
    let report =
        |key: &str, scope: Scope| MediatedRequest { scope, ..verb(Operation::Report, order, key, body.clone()) };
    let except = |name: &str| Scope { except: vec![name.parse().unwrap()], ..Scope::default() };
    for (scope, code, pointer) in [
        (masking(&["/produced"]), "FAB4160", "/quantity"),
        (masking(&["/lot"]), "FAB4160", "/lot"),
        (except("lot"), "FAB5012", "/lot"),
    ] {
        let problem = refused(node.ask(report("k-1", scope)).await);
        let places: Vec<&str> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!((problem.status, problem.code.as_str(), places), (403, code, vec![pointer]), "{}", problem.detail);
    }
    assert_eq!(bench.factory.odoo.journal().len(), before, "something was changed");
    // What it does not set may be masked, and a verb that gives nothing does what its name says.
    done(node.ask(report("k-2", masking(&["/origin"]))).await);
    let cancelled = verb(Operation::Cancel, bench.order_in(1, "confirmed"), "k-3", json!({}));
    done(node.ask(MediatedRequest { scope: masking(&["/status"]), ..cancelled }).await);
}
