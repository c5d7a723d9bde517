//! Outcomes that are not known: looked up after the longest transaction, never sent again before.

use std::time::Duration;

use selvage_factory::odoo::{CommitAt, Fault, FaultKind};
use selvage_model::code;
use selvage_model::exchange::MediatedAnswer;
use selvage_model::manifest::api::Operation;
use selvage_model::operation::{OperationId, OperationState, StoredAnswer};
use selvage_model::problem::Problem;
use selvage_store::Word;
use serde_json::{Map, json};

use crate::bench::{Bench, LONGEST, Node, accepted, create, done, fabric, get, list, node, refused, verb};

fn load(kind: FaultKind) -> Fault {
    Fault::once(kind, "mrp.production", "load")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_after_the_commit_is_found_again_by_its_external_id() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    bench.factory.odoo.inject(load(FaultKind::ResetAfter));
    let operation = accepted(node.ask(create("k-1", "one")).await);
    let unknown = node.operation(&operation).await;
    assert_eq!(unknown["state"], "unknown");
    assert!(unknown["note"].as_str().unwrap().contains("looked up at"), "{unknown}");
    // The same key leads to the same operation.
    assert_eq!(accepted(node.ask(create("k-1", "one")).await), operation);
    let (body, waited) = node.until(&operation, "done").await;
    assert!(waited > LONGEST - Duration::from_millis(500), "looked up after {waited:?}");
    assert_eq!(bench.orders("one").len(), 1);
    assert_eq!(body["answer"]["body"]["id"], format!("odoo-{}", bench.orders("one")[0]["id"]));
    let answer = node.ask(create("k-1", "one")).await;
    assert!(matches!(answer, MediatedAnswer::Done { status: 201, replayed: true, .. }), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_did_to_a_record_before_it_was_found_stays() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    bench.factory.odoo.inject(load(FaultKind::ResetAfter));
    let operation = accepted(node.ask(create("k-1", "found")).await);
    let order = bench.orders("found")[0]["id"].clone();
    let change = json!({"origin": "found by a planner"});
    bench.factory.odoo.call("mrp.production", "write", &[json!([order]), change], &Map::new()).unwrap();
    bench.factory.odoo.call("mrp.production", "action_confirm", &[json!([order])], &Map::new()).unwrap();
    let (body, _) = node.until(&operation, "done").await;
    assert_eq!(body["answer"]["body"]["origin"], "found by a planner");
    assert_eq!(body["answer"]["body"]["status"], "confirmed");
}

/// A create whose order somebody changes before it is read back.
async fn odd(bench: &Bench, node: &Node) -> OperationId {
    // Known before, so that the read-back is the next `read`.
    done(node.ask(list("production-orders@1", &[])).await);
    bench.factory.odoo.inject(Fault::once(FaultKind::Latency(Duration::from_millis(500)), "mrp.production", "read"));
    let asking = node.ask(create("k-1", "odd"));
    let meddling = async {
        while bench.orders("odd").is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let order = bench.orders("odd")[0]["id"].clone();
        let change = json!({"product_qty": 7});
        bench.factory.odoo.call("mrp.production", "write", &[json!([order]), change], &Map::new()).unwrap();
    };
    let (answer, ()) = tokio::join!(asking, meddling);
    accepted(answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_but_not_as_meant_goes_to_a_person_who_may_take_it_as_it_is() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let operation = odd(&bench, &node).await;
    let body = node.operation(&operation).await;
    assert_eq!(body["state"], "stuck");
    let note = body["note"].as_str().unwrap();
    assert!(note.contains("FAB5018") && note.contains("product_qty"), "{note}");
    let rows = node.engine.unresolved().await;
    assert_eq!((rows.len(), rows[0].state.as_str()), (1, "stuck"));
    assert_eq!(accepted(node.ask(create("k-1", "odd")).await), operation);

    let word = Word { by: "a.lead", because: "seven is right" };
    bench.store().await.look_again(&operation, word).await.unwrap();
    let (body, _) = node.until(&operation, "done").await;
    assert_eq!(body["answer"]["body"]["quantity"]["value"], "7");
    assert_eq!(bench.orders("odd").len(), 1);
    assert!(node.engine.unresolved().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_settled_is_the_answer_of_its_key() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let operation = odd(&bench, &node).await;
    let problem = Problem::new(422, code::SETTLED_REFUSED, "the order was wrong and is cancelled");
    let refusal = StoredAnswer { status: 422, body: problem.body("by hand"), location: None };
    let word = Word { by: "a.lead", because: "the order was wrong and is cancelled" };
    let settled = bench.store().await.settle(&operation, &OperationState::Refused(refusal), word).await.unwrap();
    assert_eq!(settled.state.as_str(), "refused");
    let told = refused(node.ask(create("k-1", "odd")).await);
    assert_eq!((told.status, told.code, told.detail), (422, code::SETTLED_REFUSED, problem.detail));
    assert_eq!(bench.orders("odd").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_before_the_commit_is_sent_again_once_it_is_proven_absent() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    bench.factory.odoo.inject(load(FaultKind::ResetBefore));
    let operation = accepted(node.ask(create("k-1", "one")).await);
    tokio::time::sleep(LONGEST / 2).await;
    assert!(bench.orders("one").is_empty(), "sent again early");
    let (_, waited) = node.until(&operation, "done").await;
    assert!(waited > LONGEST / 4);
    assert_eq!(bench.orders("one").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_long_after_the_client_gave_up_is_waited_for() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let late = FaultKind::Hang { answer_after: Duration::from_secs(3), commit: CommitAt::After };
    bench.factory.odoo.inject(load(late));
    let operation = accepted(node.ask(create("k-1", "late")).await);
    assert!(bench.orders("late").is_empty(), "it hangs");
    node.until(&operation, "done").await;
    assert_eq!(bench.orders("late").len(), 1);
    assert_eq!(bench.committed("mrp.production", "load"), 1, "it was sent twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_is_tried_again_and_nobody_notices() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    bench.factory.odoo.inject(Fault { times: Some(2), ..load(FaultKind::Serialization) });
    assert_eq!(done(node.ask(create("k-1", "one")).await).0, 201);
    assert_eq!(bench.orders("one").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_that_never_takes_it_gives_the_key_back_and_the_key_works_later() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    // Once it is known which Odoo it is.
    done(node.ask(get("products@1", "BIK-1")).await);
    bench.factory.odoo.inject(Fault { times: None, ..load(FaultKind::Serialization) });
    let problem = refused(node.ask(create("k-1", "one")).await);
    assert_eq!((problem.status, problem.code.as_str()), (503, "FAB5015"));
    assert!(problem.retry_after.is_some());
    // It is not pushed by itself.
    bench.factory.odoo.clear_faults();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(bench.orders("one").is_empty());
    assert!(node.engine.unresolved().await.is_empty());
    let (status, body) = done(node.ask(create("k-1", "one")).await);
    assert_eq!((status, &body["origin"]), (201, &json!("one")));
    assert_eq!(bench.orders("one").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_that_is_down_is_said_to_be_down() {
    let bench = Bench::new().await;
    let nowhere = fabric("http://127.0.0.1:9");
    let node = node("a", &bench.store_url, nowhere).await;
    for request in [list("products@1", &[]), get("products@1", "BIK-1")] {
        let problem = refused(node.ask(request).await);
        assert_eq!((problem.status, problem.code.as_str()), (503, "FAB6008"));
    }
    let problem = refused(node.ask(create("k-1", "one")).await);
    assert_eq!((problem.status, problem.code.as_str()), (503, "FAB5015"));
    let problem = refused(node.ask(verb(Operation::Release, 1, "k-2", json!({}))).await);
    assert_eq!(problem.status, 503);
    let systems = node.engine.systems();
    assert!(format!("{systems:?}").contains("Down"), "{systems:?}");
    // The fabric that reaches it takes the same keys on.
    node.engine.activate(bench.fabric.clone()).unwrap();
    assert_eq!(done(node.insist(&create("k-1", "one")).await).0, 201);
    assert_eq!(bench.orders("one").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_read_is_answered_in_time() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    done(node.ask(list("products@1", &[])).await);
    bench.factory.odoo.inject(Fault::always(FaultKind::Latency(Duration::from_millis(900))));
    let mut request = list("products@1", &[]);
    request.patience = Duration::from_millis(200);
    let problem = refused(node.ask(request).await);
    assert_eq!((problem.status, problem.code.as_str()), (504, "FAB5014"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verb_does_not_overtake_one_whose_outcome_is_not_known() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    let order = bench.order_in(1, "draft");
    bench.factory.odoo.inject(Fault::once(FaultKind::ResetAfter, "mrp.production", "action_confirm"));
    let operation = accepted(node.ask(verb(Operation::Release, order, "k-1", json!({}))).await);
    let report = json!({"quantity": {"value": "1", "unit": "1"}, "lot": "L-1", "remainder": "keep-open"});
    let problem = refused(node.ask(verb(Operation::Report, order, "k-2", report.clone())).await);
    assert_eq!((problem.status, problem.code.as_str()), (503, "FAB5016"));
    assert!(problem.detail.contains(operation.as_str()), "{}", problem.detail);
    // Whoever waits for the end of the second is told that nothing comes of itself.
    let open = bench.store().await.unresolved(10).await.unwrap();
    let second = open.iter().find(|record| record.operation == Operation::Report).unwrap();
    let told = node.operation(&second.id).await;
    assert_eq!(told["state"], "given-back");
    assert!(told["note"].as_str().unwrap().contains("send the request again with the same key"), "{told}");
    let (body, _) = node.until(&operation, "done").await;
    assert_eq!(body["answer"]["body"]["status"], "confirmed");
    let (status, _) = done(node.insist(&verb(Operation::Report, order, "k-2", report)).await);
    assert_eq!(status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_whose_look_up_was_slow_is_not_looked_for_too_early() {
    let bench = Bench::new().await;
    let node = bench.node("a").await;
    done(node.ask(list("production-orders@1", &[])).await);
    // The create leaves nearly a second after its operation was begun, and runs for nearly the longest transaction.
    let lookup = FaultKind::Latency(Duration::from_millis(900));
    bench.factory.odoo.inject(Fault::once(lookup, "product.product", "search_read"));
    bench.factory.odoo.inject(Fault { times: Some(2), ..Fault::once(lookup, "ir.model.data", "search_read") });
    let late = FaultKind::Hang { answer_after: LONGEST - Duration::from_millis(100), commit: CommitAt::After };
    bench.factory.odoo.inject(load(late));
    let operation = accepted(node.ask(create("k-1", "slow")).await);
    node.until(&operation, "done").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(bench.orders("slow").len(), 1);
    assert_eq!(bench.committed("mrp.production", "load"), 1, "it was sent twice");
}
