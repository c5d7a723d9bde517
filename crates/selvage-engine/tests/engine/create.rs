//! Creates: one key, one order, one answer; what is refused and how.

use selvage_factory::odoo::OdooVersion;
use selvage_model::exchange::MediatedAnswer;
use selvage_model::manifest::api::Operation;
use serde_json::json;

use crate::bench::{Bench, accepted, create, done, refused, rows};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_makes_one_order_and_gets_one_answer() {
    for version in [OdooVersion::V18, OdooVersion::V19] {
        let bench = Bench::of(version).await;
        let node = bench.node("a").await;
        let first = node.ask(create("k-1", "one")).await;
        let MediatedAnswer::Done { status, body, location, replayed, .. } = first else { panic!("{first:?}") };
        let orders = bench.orders("one");
        assert_eq!(orders.len(), 1);
        let id = format!("odoo-{}", orders[0]["id"]);
        assert_eq!((status, replayed), (201, false));
        assert_eq!(location.as_deref(), Some(format!("/production-orders/v1/production-orders/{id}").as_str()));
        assert_eq!(body["id"], id);
        assert_eq!(body["product"], "BIK-1");
        assert_eq!(body["quantity"], json!({"value": "3", "unit": "1"}));
        assert_eq!(
            (&body["site"], &body["status"], &body["origin"]),
            (&json!("ghent"), &json!("draft"), &json!("one"))
        );

        let second = node.ask(create("k-1", "one")).await;
        let MediatedAnswer::Done { status, body: again, replayed, .. } = second else { panic!("{second:?}") };
        assert_eq!((status, again, replayed), (201, body, true));
        assert_eq!(bench.orders("one").len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_not_used_for_two_things() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    done(node.ask(create("k-1", "one")).await);
    let problem = refused(node.ask(create("k-1", "two")).await);
    assert_eq!((problem.status, problem.code.as_str()), (422, "FAB5004"));
    // Another consumer's key of the same name is another key.
    let mut other = create("k-1", "two");
    other.consumer = "mes-ghent".parse().unwrap();
    assert_eq!(done(node.ask(other).await).0, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_do_not_fit_are_refused_with_pointers_and_claim_nothing() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let mut request = create("k-1", "one");
    request.body =
        Some(json!({"product": "BIK-1", "quantity": {"value": 3, "unit": "1"}, "colour": "red", "status": "done"}));
    let problem = refused(node.ask(request).await);
    assert_eq!((problem.status, problem.code.as_str()), (422, "FAB5010"));
    let pointers: Vec<&str> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
    for pointer in ["/quantity", "/colour", "/status", "/site"] {
        assert!(pointers.contains(&pointer), "{pointer} is not in {pointers:?}");
    }
    assert_eq!(done(node.ask(create("k-1", "one")).await).0, 201);
    assert_eq!(bench.orders("one").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_system_does_not_have_is_refused_and_the_key_repeats_the_refusal() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let mut request = create("k-1", "one");
    request.body.as_mut().unwrap()["product"] = json!("NO-SUCH");
    let problem = refused(node.ask(request.clone()).await);
    assert_eq!((problem.status, problem.code.as_str()), (422, "FAB3102"));
    assert_eq!(problem.errors[0].pointer, "/product");
    let again = node.ask(request).await;
    let MediatedAnswer::Refused { problem: again, replayed } = again else { panic!("{again:?}") };
    assert_eq!((again, replayed), (problem, true));
    assert!(bench.orders("one").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_of_one_site_fills_it_in_and_covers_no_other() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let mut request = create("k-1", "brno");
    request.scope = rows("site", &["brno"]);
    let problem = refused(node.ask(request.clone()).await);
    assert_eq!((problem.status, problem.code.as_str()), (403, "FAB5011"));

    request.body.as_mut().unwrap().as_object_mut().unwrap().remove("site");
    request.scope.except = vec!["number".parse().unwrap()];
    let (status, body) = done(node.ask(request.clone()).await);
    assert_eq!((status, &body["site"]), (201, &json!("brno")));
    assert!(body.get("number").is_none());
    assert_eq!(bench.orders("brno").len(), 1);

    request.scope.except = vec!["origin".parse().unwrap()];
    request.key = Some("k-2".to_owned());
    let problem = refused(node.ask(request).await);
    assert_eq!((problem.status, problem.code.as_str()), (403, "FAB5012"));
    assert_eq!(problem.errors[0].pointer, "/origin");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_stops_waiting_stops_nothing() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let mut request = create("k-1", "impatient");
    request.patience = std::time::Duration::from_millis(1);
    let operation = accepted(node.ask(request).await);
    let (body, _) = node.until(&operation, "done").await;
    assert_eq!((&body["answer"]["status"], &body["operation"]), (&json!(201), &json!("create")));
    assert_eq!(body["answer"]["body"]["origin"], "impatient");
    assert!(node.engine.operation(&"mes-brno".parse().unwrap(), &operation).await.is_none());

    // A future that is dropped is a connection that was closed.
    let dropped = node.engine.execute(create("k-2", "dropped"));
    let _ = tokio::time::timeout(std::time::Duration::from_millis(20), dropped).await;
    assert_eq!(done(node.insist(&create("k-2", "dropped")).await).0, 201);
    assert_eq!(bench.orders("dropped").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_served_is_not_found() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let mut request = create("k-1", "one");
    request.interface = "products@1".parse().unwrap();
    assert_eq!(refused(node.ask(request).await).code.as_str(), "FAB5001");
    let mut request = create("k-1", "one");
    request.interface = "orders@7".parse().unwrap();
    assert_eq!(refused(node.ask(request).await).status, 404);
    let mut request = create("k-1", "one");
    request.key = None;
    assert_eq!(refused(node.ask(request).await).status, 400);
    let mut request = create("k-1", "one");
    request.operation = Operation::Start;
    assert_eq!(refused(node.ask(request).await).status, 404);
}
