//! Operations and their effects: fenced by epoch, taken over once, ended once.

use std::collections::BTreeSet;
use std::time::Duration;

use selvage_model::code;
use selvage_model::operation::{OperationId, OperationState, StoredAnswer};
use serde_json::json;

use super::stage::Stage;
use super::{LEASE, answer, both, claimed, claimed_for, new_claim};
use crate::{Claim, CrossReference, EffectState, Lane, NewEffect, Store, StoreError, Waits, Word};

both!(
    an_operation_tells_all_that_was_written,
    an_effect_is_intended_once_until_it_is_sent,
    it_is_done_once,
    a_refusal_is_kept,
    unknown_waits_for_its_probe,
    a_stuck_one_is_left_to_people,
    an_ended_lease_is_taken_over_and_fences,
    a_lease_that_is_extended_is_not_taken,
    extending_never_hastens_a_probe,
    two_nodes_never_take_the_same,
    a_contradicting_reference_finishes_nothing,
    old_outcomes_are_purged,
    a_lane_holds_one_operation_until_its_outcome,
    what_is_given_back_waits_for_its_consumer,
    a_person_settles_what_is_stuck_and_nothing_else,
    what_a_person_wants_looked_at_is_due_again,
);

const NOW: Duration = Duration::ZERO;

fn create() -> NewEffect {
    NewEffect {
        system: "odoo".parse().unwrap(),
        verb: "create".to_owned(),
        target: json!({"product_qty": 2.50}),
        external_id: Some("selvage.op_1".to_owned()),
    }
}

fn fenced(result: Result<(), StoreError>) {
    let refused = result.err().unwrap();
    assert!(matches!(refused, StoreError::Fenced { .. }), "{refused}");
    assert_eq!(refused.code(), code::FENCED);
}

async fn state(store: &Store, id: &OperationId) -> OperationState {
    store.operation(id).await.unwrap().unwrap().state
}

async fn an_operation_tells_all_that_was_written(stage: &Stage) {
    let store = stage.open().await;
    let (id, epoch) = claimed(&store, "order-1").await;
    let effect = store.intend(&id, epoch, &create()).await.unwrap();
    let second = NewEffect { verb: "confirm".to_owned(), external_id: None, ..create() };
    store.intend(&id, epoch, &second).await.unwrap();
    store.sent(&effect, epoch).await.unwrap();

    let claim = new_claim("order-1");
    let record = store.operation(&id).await.unwrap().unwrap();
    assert_eq!(
        (record.consumer, record.interface, record.operation),
        (claim.consumer, claim.interface, claim.operation)
    );
    assert_eq!((record.key, record.payload_hash, record.request), (claim.key, claim.payload_hash, claim.request));
    assert_eq!((record.node, record.epoch), (claim.node, 1));
    assert!(record.due.unwrap() > record.created);
    assert_eq!(record.effects.len(), 2);
    assert_eq!((&record.effects[0].id, &record.effects[0].effect), (&effect, &create()));
    assert!(matches!(record.effects[0].state, EffectState::Sent { .. }));
    assert_eq!(record.effects[0].sends, 1);
    assert_eq!(record.effects[1].effect, second);
    assert_eq!(record.effects[1].state, EffectState::Intended);
    assert!(store.operation(&OperationId::from_random(1)).await.unwrap().is_none());
}

async fn an_effect_is_intended_once_until_it_is_sent(stage: &Stage) {
    let store = stage.open().await;
    let (id, epoch) = claimed(&store, "order-1").await;
    let first = store.intend(&id, epoch, &create()).await.unwrap();
    assert_eq!(store.intend(&id, epoch, &create()).await.unwrap(), first);
    let other = NewEffect { external_id: None, ..create() };
    assert_ne!(store.intend(&id, epoch, &other).await.unwrap(), first);
    store.sent(&first, epoch).await.unwrap();
    assert_ne!(store.intend(&id, epoch, &create()).await.unwrap(), first);
    assert_eq!(store.operation(&id).await.unwrap().unwrap().effects.len(), 3);
}

async fn it_is_done_once(stage: &Stage) {
    let store = stage.open().await;
    let (id, epoch) = claimed(&store, "order-1").await;
    let effect = store.intend(&id, epoch, &create()).await.unwrap();
    store.sent(&effect, epoch).await.unwrap();
    let reference = CrossReference {
        system: "odoo".parse().unwrap(),
        object: "production-order".parse().unwrap(),
        record: "7".to_owned(),
        key: "WH/MO/00007".to_owned(),
    };
    store.finish(&id, epoch, &answer(), Some(&reference), &json!({"state": "confirmed"})).await.unwrap();

    let record = store.operation(&id).await.unwrap().unwrap();
    assert_eq!(record.state, OperationState::Done(answer()));
    assert_eq!(record.evidence, Some(json!({"state": "confirmed"})));
    assert_eq!(record.due, None);
    assert!(matches!(record.effects[0].state, EffectState::Confirmed { .. }));
    assert_eq!(store.by_record(&reference.system, &reference.object, "7").await.unwrap(), Some(reference));

    fenced(store.finish(&id, epoch, &answer(), None, &json!({})).await);
    fenced(store.refuse(&id, epoch, &answer()).await);
    fenced(store.unknown(&id, epoch, NOW, "late").await);
    fenced(store.extend(&id, epoch, LEASE).await);
    fenced(store.sent(&effect, epoch).await);
    fenced(store.intend(&id, epoch, &create()).await.map(drop));
    assert!(store.take_due("node-b", LEASE, 10).await.unwrap().is_empty());
    assert!(store.unresolved(10).await.unwrap().is_empty());
}

async fn a_refusal_is_kept(stage: &Stage) {
    let store = stage.open().await;
    let (id, epoch) = claimed(&store, "order-1").await;
    let effect = store.intend(&id, epoch, &create()).await.unwrap();
    store.sent(&effect, epoch).await.unwrap();
    let problem = StoredAnswer { status: 422, body: json!({"code": "FAB6001"}), location: None };
    store.refuse(&id, epoch, &problem).await.unwrap();
    let record = store.operation(&id).await.unwrap().unwrap();
    assert!(matches!(record.effects[0].state, EffectState::Refused { .. }));
    let again = store.claim(&new_claim("order-1")).await.unwrap();
    assert_eq!(again, Claim::Same { operation: id, state: OperationState::Refused(problem) });
}

async fn unknown_waits_for_its_probe(stage: &Stage) {
    let store = stage.open().await;
    let (id, epoch) = claimed_for(&store, "order-1", NOW).await;
    let effect = store.intend(&id, epoch, &create()).await.unwrap();
    store.sent(&effect, epoch).await.unwrap();
    store.unknown(&id, epoch, Duration::from_secs(60), "the connection was reset").await.unwrap();
    let record = store.operation(&id).await.unwrap().unwrap();
    assert_eq!(record.because.as_deref(), Some("the connection was reset"));
    assert!(matches!(record.state, OperationState::Unknown { probes: 0, probe_at } if Some(probe_at) == record.due));
    assert!(matches!(record.effects[0].state, EffectState::Unknown { .. }));
    assert!(store.take_due("node-b", LEASE, 10).await.unwrap().is_empty(), "a probe before its time");

    store.unknown(&id, epoch, NOW, "once more").await.unwrap();
    let taken = store.take_due("node-b", LEASE, 10).await.unwrap();
    assert_eq!((taken.len(), taken[0].epoch, taken[0].node.as_str()), (1, 2, "node-b"));
    assert!(matches!(taken[0].state, OperationState::Unknown { probes: 1, .. }));
    assert!(store.take_due("node-c", LEASE, 10).await.unwrap().is_empty(), "one prober at a time");
    fenced(store.finish(&id, epoch, &answer(), None, &json!({})).await);
    store.sent(&effect, 2).await.unwrap();
    assert_eq!(store.operation(&id).await.unwrap().unwrap().effects[0].sends, 2);
    store.finish(&id, 2, &answer(), None, &json!({})).await.unwrap();
    assert_eq!(state(&store, &id).await, OperationState::Done(answer()));
}

async fn a_stuck_one_is_left_to_people(stage: &Stage) {
    let store = stage.open().await;
    let (id, epoch) = claimed(&store, "order-1").await;
    store.stuck(&id, epoch, "looked up ten times").await.unwrap();
    assert_eq!(state(&store, &id).await, OperationState::Stuck { because: "looked up ten times".to_owned() });
    assert!(store.take_due("node-b", LEASE, 10).await.unwrap().is_empty());
    assert_eq!(store.unresolved(10).await.unwrap().len(), 1);
    assert_eq!(store.purge_keys(NOW).await.unwrap(), 0);
    fenced(store.stuck(&id, epoch, "again").await);
}

async fn a_person_settles_what_is_stuck_and_nothing_else(stage: &Stage) {
    let store = stage.open().await;
    let word = Word { by: "a.lead", because: "seen in the system" };
    let (id, epoch) = claimed(&store, "order-1").await;
    let effect = store.intend(&id, epoch, &create()).await.unwrap();
    store.sent(&effect, epoch).await.unwrap();
    assert_eq!(store.enter_lane(&id, epoch, "odoo/mrp.production/7").await.unwrap(), Lane::Entered);
    let done = OperationState::Done(answer());
    let refused = store.settle(&id, &done, word).await.unwrap_err();
    assert!(matches!(&refused, StoreError::NotStuck { state: "pending", .. }), "{refused}");
    assert_eq!(refused.code(), code::NOT_STUCK);
    store.stuck(&id, epoch, "looked up ten times").await.unwrap();
    let entries = store.ledger(1, 100).await.unwrap().len();

    let record = store.settle(&id, &done, word).await.unwrap();
    assert_eq!((&record.state, record.epoch, record.due), (&done, epoch + 1, None));
    assert!(matches!(record.effects[0].state, EffectState::Confirmed { .. }));
    assert_eq!(record.evidence, Some(json!({"settled_by": "a.lead", "because": "seen in the system"})));
    let Claim::Same { state, .. } = store.claim(&new_claim("order-1")).await.unwrap() else { panic!("another") };
    assert_eq!(state, done);
    fenced(store.finish(&id, epoch, &answer(), None, &json!({})).await);
    let (other, epoch) = claimed(&store, "order-2").await;
    assert_eq!(store.enter_lane(&other, epoch, "odoo/mrp.production/7").await.unwrap(), Lane::Entered);

    let ledger = store.ledger(1, 100).await.unwrap();
    let last = ledger.last().unwrap();
    assert_eq!((ledger.len(), last.actor.as_str(), last.action.as_str()), (entries + 1, "a.lead", "operation.settled"));
    assert_eq!((&last.detail["as"], &last.detail["before"]), (&json!("done"), &json!("looked up ten times")));
    let again = store.settle(&id, &OperationState::Refused(answer()), word).await.unwrap_err();
    assert!(matches!(again, StoreError::NotStuck { state: "done", .. }), "{again}");
    let unknown = OperationId::from_random(7);
    assert!(matches!(store.settle(&unknown, &done, word).await, Err(StoreError::NotFound { .. })));
}

async fn what_a_person_wants_looked_at_is_due_again(stage: &Stage) {
    let nobodys = stage.open().await;
    let store = nobodys.in_environment(&"prod".parse().unwrap());
    let word = Word { by: "a.lead", because: "odoo is back" };
    let (id, epoch) = claimed(&store, "order-1").await;
    let effect = store.intend(&id, epoch, &create()).await.unwrap();
    store.sent(&effect, epoch).await.unwrap();
    store.stuck(&id, epoch, "looked up ten times").await.unwrap();
    store.look_again(&id, word).await.unwrap();
    let taken = store.take_due("node-b", LEASE, 10).await.unwrap();
    assert_eq!((taken.len(), taken[0].epoch), (1, epoch + 2));
    assert!(matches!(taken[0].state, OperationState::Unknown { probes: 0, .. }));
    assert!(matches!(taken[0].effects[0].state, EffectState::Unknown { .. }));
    assert!(matches!(store.look_again(&id, word).await, Err(StoreError::NotStuck { state: "unknown", .. })));
    assert_eq!(store.ledger(1, 100).await.unwrap().last().unwrap().action, "operation.retried");

    // Of before writes had an environment: a person says of which it is.
    let (id, epoch) = claimed(&nobodys, "order-2").await;
    nobodys.stuck(&id, epoch, "it is of before").await.unwrap();
    let refused = nobodys.look_again(&id, word).await.unwrap_err();
    assert_eq!(refused.code(), code::OPERATION_NOBODYS, "{refused}");
    store.look_again(&id, word).await.unwrap();
    assert_eq!(store.take_due("node-b", LEASE, 10).await.unwrap().len(), 1);
    assert_eq!(store.operation(&id).await.unwrap().unwrap().environment, Some("prod".parse().unwrap()));
}

async fn an_ended_lease_is_taken_over_and_fences(stage: &Stage) {
    let store = stage.open().await;
    let (id, epoch) = claimed_for(&store, "order-1", NOW).await;
    let effect = store.intend(&id, epoch, &create()).await.unwrap();
    let taken = store.take_due("node-b", LEASE, 10).await.unwrap();
    assert_eq!((&taken[0].id, taken[0].epoch, taken[0].effects.len()), (&id, 2, 1));
    assert_eq!(taken[0].state, OperationState::Pending);

    fenced(store.sent(&effect, epoch).await);
    fenced(store.intend(&id, epoch, &create()).await.map(drop));
    fenced(store.extend(&id, epoch, LEASE).await);
    fenced(store.unknown(&id, epoch, NOW, "reset").await);
    fenced(store.refuse(&id, epoch, &answer()).await);
    fenced(store.stuck(&id, epoch, "gave up").await);
    store.sent(&effect, 2).await.unwrap();
    assert_eq!(state(&store, &id).await, OperationState::Pending);
}

async fn a_lease_that_is_extended_is_not_taken(stage: &Stage) {
    let store = stage.open().await;
    let (id, epoch) = claimed_for(&store, "order-1", NOW).await;
    store.extend(&id, epoch, LEASE).await.unwrap();
    assert!(store.take_due("node-b", LEASE, 10).await.unwrap().is_empty());
}

/// INVARIANT: ONE-EFFECT: an effect is not looked up before the system's longest transaction has passed.
async fn extending_never_hastens_a_probe(stage: &Stage) {
    let store = stage.open().await;
    let (id, epoch) = claimed(&store, "order-1").await;
    store.unknown(&id, epoch, Duration::from_secs(600), "the connection was reset").await.unwrap();
    let due = store.operation(&id).await.unwrap().unwrap().due;
    store.extend(&id, epoch, NOW).await.unwrap();
    assert_eq!(store.operation(&id).await.unwrap().unwrap().due, due);
}

async fn two_nodes_never_take_the_same(stage: &Stage) {
    let handles = [stage.open().await, stage.open().await];
    for number in 0..40 {
        claimed_for(&handles[0], &format!("order-{number}"), NOW).await;
    }
    let takers: Vec<_> = (0..8)
        .map(|number| {
            let store = handles[number % 2].clone();
            tokio::spawn(async move { store.take_due(&format!("node-{number}"), LEASE, 10).await.unwrap() })
        })
        .collect();
    let (mut count, mut ids) = (0, BTreeSet::new());
    for taker in takers {
        for record in taker.await.unwrap() {
            assert_eq!(record.epoch, 2);
            count += 1;
            ids.insert(record.id);
        }
    }
    count += handles[0].take_due("node-last", LEASE, 40).await.unwrap().len();
    assert_eq!(count, 40);
    assert!(ids.len() <= count);
    let records = handles[1].unresolved(100).await.unwrap();
    assert!(records.iter().all(|record| record.epoch == 2), "one was taken twice, or never");
}

async fn a_contradicting_reference_finishes_nothing(stage: &Stage) {
    let store = stage.open().await;
    let reference = CrossReference {
        system: "odoo".parse().unwrap(),
        object: "production-order".parse().unwrap(),
        record: "7".to_owned(),
        key: "WH/MO/00007".to_owned(),
    };
    store.link(&reference).await.unwrap();
    let (id, epoch) = claimed(&store, "order-1").await;
    let other = CrossReference { record: "8".to_owned(), ..reference };
    let refused = store.finish(&id, epoch, &answer(), Some(&other), &json!({})).await.err().unwrap();
    assert!(matches!(refused, StoreError::Taken { .. }), "{refused}");
    assert_eq!(state(&store, &id).await, OperationState::Pending);
    store.stuck(&id, epoch, "the order is linked to another record").await.unwrap();
}

async fn old_outcomes_are_purged(stage: &Stage) {
    let store = stage.open().await;
    let (done, epoch) = claimed(&store, "order-1").await;
    store.intend(&done, epoch, &create()).await.unwrap();
    store.finish(&done, epoch, &answer(), None, &json!({})).await.unwrap();
    let (open, _) = claimed(&store, "order-2").await;
    assert_eq!(store.purge_keys(LEASE).await.unwrap(), 0);
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(store.purge_keys(NOW).await.unwrap(), 1);
    assert!(store.operation(&done).await.unwrap().is_none());
    assert!(store.operation(&open).await.unwrap().is_some());
    claimed(&store, "order-1").await;
}

async fn a_lane_holds_one_operation_until_its_outcome(stage: &Stage) {
    let (store, other) = (stage.open().await, stage.open().await);
    let (one, epoch) = claimed(&store, "order-1").await;
    let (two, second) = claimed(&other, "order-2").await;
    for _ in 0..2 {
        assert_eq!(store.enter_lane(&one, epoch, "odoo/mrp.production/7").await.unwrap(), Lane::Entered);
    }
    assert_eq!(other.enter_lane(&two, second, "odoo/mrp.production/8").await.unwrap(), Lane::Entered);
    let enter = || other.enter_lane(&two, second, "odoo/mrp.production/7");
    assert_eq!(enter().await.unwrap(), Lane::Occupied { by: one.clone(), under_way: true });
    store.unknown(&one, epoch, LEASE, "no answer").await.unwrap();
    assert_eq!(enter().await.unwrap(), Lane::Occupied { by: one.clone(), under_way: false });
    store.refuse(&one, epoch, &answer()).await.unwrap();
    assert_eq!(enter().await.unwrap(), Lane::Entered);
    fenced(store.enter_lane(&one, epoch, "odoo/mrp.production/7").await.map(drop));
    other.stuck(&two, second, "nobody knows").await.unwrap();
    let (three, third) = claimed(&store, "order-3").await;
    assert_eq!(store.enter_lane(&three, third, "odoo/mrp.production/7").await.unwrap(), Lane::Entered);
    store.give_back(&three, third, LEASE, "it is down").await.unwrap();
    let (four, fourth) = claimed(&store, "order-4").await;
    assert_eq!(store.enter_lane(&four, fourth, "odoo/mrp.production/7").await.unwrap(), Lane::Entered);
    store.finish(&four, fourth, &answer(), None, &json!({})).await.unwrap();
    store.purge_keys(NOW).await.unwrap();
}

async fn what_is_given_back_waits_for_its_consumer(stage: &Stage) {
    let store = stage.open().await;
    let (id, epoch) = claimed(&store, "order-1").await;
    fenced(store.ask_again(&id, epoch).await);
    store.give_back(&id, epoch, LEASE, "it is down").await.unwrap();
    let record = store.operation(&id).await.unwrap().unwrap();
    assert_eq!((record.waits, record.because.as_deref()), (Some(Waits::GivenBack), Some("it is down")));
    assert!(store.take_due("b", LEASE, 10).await.unwrap().is_empty());
    // Twice at once is once.
    store.ask_again(&id, epoch).await.unwrap();
    store.ask_again(&id, epoch).await.unwrap();
    let taken = store.take_due("b", LEASE, 10).await.unwrap();
    assert_eq!((taken.len(), taken[0].waits), (1, Some(Waits::AskedAgain)));
    fenced(store.ask_again(&id, epoch).await);
    store.unknown(&id, taken[0].epoch, LEASE, "no answer").await.unwrap();
    assert_eq!(store.operation(&id).await.unwrap().unwrap().waits, None);
    fenced(store.ask_again(&id, taken[0].epoch).await);
}
