//! What Selvage itself wrote is no event, and what somebody else changed is always one, however the two meet.

use std::sync::Arc;
use std::time::Duration;

use selvage_factory::odoo::{CommitAt, Fault, FaultKind};
use selvage_model::exchange::MediatedRequest;
use selvage_model::manifest::api::Operation;
use serde_json::{Value, json};

use crate::bench::{Bench, create, done, request, verb};
use crate::capture::{Capturing, call, capturing, new_product, until};

/// Captures that look only where a hint says so.
async fn hinted(bench: &Bench) -> Capturing {
    Capturing::start(bench, "a", capturing(&bench.factory.odoo_url(), &[("poll: 200ms", "poll: 1h")])).await
}

/// An order that somebody made, and that captures know.
async fn known_order(bench: &Bench, capturing: &Capturing) -> i64 {
    let order = bench.order_in(1, "draft");
    capturing.following("order-events@1").await;
    order
}

/// The facts that are told of this order.
async fn told(capturing: &Capturing, order: i64) -> Vec<Value> {
    let mut events = capturing.events("order-events@1").await;
    events.retain(|event| event["subject"] == json!(format!("odoo-{order}")));
    events
}

fn start_at(order: i64, key: &str, day: u8) -> MediatedRequest {
    verb(Operation::Update, order, key, json!({"planned_start": format!("2031-05-{day:02}T08:00:00Z")}))
}

/// Waits until captures have followed every hint.
async fn heeded(capturing: &Capturing) {
    until(async || {
        let mut waiting = 0;
        for of in capturing.store.captures().await.unwrap() {
            waiting += capturing.store.capture_hints(of.id, 9).await.unwrap().len();
            waiting += usize::try_from(of.waiting).unwrap();
        }
        waiting == 0
    })
    .await;
}

/// Somebody confirms an order, and Selvage writes its date before captures have looked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_changed_before_selvage_wrote_is_told() {
    let bench = Bench::new().await;
    let capturing = hinted(&bench).await;
    let order = known_order(&bench, &capturing).await;
    call(&bench, "mrp.production", "action_confirm", &[json!([order])]);
    done(capturing.engine.execute(start_at(order, "k-1", 6)).await);
    until(async || told(&capturing, order).await.len() == 1).await;
    let events = told(&capturing, order).await;
    assert!(events[0]["type"].as_str().unwrap().ends_with(".released"), "{events:#?}");
    // Others had their part in it: it is not told as Selvage's own.
    assert_eq!(events[0].get("causationid"), None);
    // What Selvage writes alone is still no event, whatever was before.
    done(capturing.engine.execute(start_at(order, "k-2", 7)).await);
    heeded(&capturing).await;
    assert_eq!(told(&capturing, order).await.len(), 1);
    capturing.end().await;
}

/// Somebody releases the order that Selvage is about to release: it was not Selvage.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_selvage_found_done_was_somebody_elses() {
    let bench = Bench::new().await;
    let capturing = hinted(&bench).await;
    let order = known_order(&bench, &capturing).await;
    call(&bench, "mrp.production", "action_confirm", &[json!([order])]);
    done(capturing.engine.execute(verb(Operation::Release, order, "k-1", json!({}))).await);
    until(async || told(&capturing, order).await.len() == 1).await;
    capturing.end().await;
}

/// Somebody confirms an order while Selvage writes its date: before the write is committed, and before it is read back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_changed_while_selvage_wrote_is_told() {
    for commit in [CommitAt::After, CommitAt::Before] {
        let bench = Bench::new().await;
        let capturing = Arc::new(hinted(&bench).await);
        let order = known_order(&bench, &capturing).await;
        let hang = FaultKind::Hang { answer_after: Duration::from_millis(700), commit };
        bench.factory.odoo.inject(Fault::once(hang, "mrp.production", "write"));
        let writing = {
            let capturing = Arc::clone(&capturing);
            tokio::spawn(async move { done(capturing.engine.execute(start_at(order, "k-1", 6)).await) })
        };
        until(async || bench.factory.odoo.faults().iter().any(|(_, _, strikes)| *strikes > 0)).await;
        call(&bench, "mrp.production", "action_confirm", &[json!([order])]);
        writing.await.unwrap();
        until(async || told(&capturing, order).await.len() == 1).await;
        let events = told(&capturing, order).await;
        assert!(events[0]["type"].as_str().unwrap().ends_with(".released"), "{commit:?} {events:#?}");
        Arc::into_inner(capturing).unwrap().end().await;
    }
}

/// An order that Selvage made, moved and released between two looks is its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_of_selvage_that_follow_each_other_are_its_own() {
    let bench = Bench::new().await;
    let first = hinted(&bench).await;
    first.following("order-events@1").await;
    let Capturing { engine, task, log, store } = first;
    task.shutdown().await;
    let (_, made) = done(engine.execute(create("k-1", "shop-1")).await);
    let order: i64 = made["id"].as_str().unwrap().strip_prefix("odoo-").unwrap().parse().unwrap();
    done(engine.execute(start_at(order, "k-2", 6)).await);
    done(engine.execute(verb(Operation::Release, order, "k-3", json!({}))).await);
    let task = engine.run_captures(Arc::clone(&log));
    let capturing = Capturing { engine, task, log, store };
    heeded(&capturing).await;
    assert_eq!(told(&capturing, order).await, Vec::<Value>::new());
    // Nothing of it is kept, so that nobody else who brings the order there is taken for Selvage.
    for of in capturing.store.captures().await.unwrap() {
        assert_eq!(capturing.store.echoes(of.id, &[order]).await.unwrap(), []);
    }
    capturing.end().await;
}

/// Selvage and others write to the same records, as chance has it: of what others wrote, the last is told of every record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_mixed_writes_nothing_of_others_is_lost() {
    let bench = Bench::new().await;
    let fabric = capturing(&bench.factory.odoo_url(), &[]);
    let capturing = Capturing::start(&bench, "a", fabric).await;
    capturing.following("product-events@1").await;
    let products: Vec<i64> = (0..6).map(|number| new_product(&bench, &format!("NEW-{number}"))).collect();
    let weights = |events: &[Value], code: &str| {
        let of = |event: &&Value| event["data"]["code"] == json!(code);
        events.iter().rev().find(of).map(|event| event["data"]["weight"].clone())
    };
    for round in 0..60_usize {
        let nth = (round * 5 + round / 7) % products.len();
        let (id, code) = (products[nth], format!("NEW-{nth}"));
        call(&bench, "product.product", "write", &[json!([id]), json!({"weight": round + 1})]);
        if round % 3 != 0 {
            let change = MediatedRequest {
                id: Some(code),
                key: Some(format!("k-{round}")),
                body: Some(json!({"name": format!("name {round}")})),
                ..request("product-master@1", Operation::Update)
            };
            done(capturing.engine.execute(change).await);
        }
        if round % 9 == 0 {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
    until(async || {
        let events = capturing.events("product-events@1").await;
        (0..products.len()).all(|nth| {
            let last = (0..60_usize).rev().find(|round| (round * 5 + round / 7) % products.len() == nth).unwrap();
            let told = weights(&events, &format!("NEW-{nth}"));
            told.is_some_and(|weight| weight["value"] == json!((last + 1).to_string()))
        })
    })
    .await;
    capturing.end().await;
}
