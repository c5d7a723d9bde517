//! INVARIANT: ONE-EFFECT: one key is one operation, whoever asks, however often, however many at once.

use selvage_model::manifest::api::Operation;
use selvage_model::operation::OperationState;
use serde_json::json;

use super::stage::Stage;
use super::{LEASE, answer, both, claimed, new_claim};
use crate::{Claim, NewClaim};

both!(
    the_same_key_is_the_same_operation,
    another_payload_is_told,
    how_a_key_stands_is_told_without_claiming_it,
    keys_belong_to_consumer_interface_and_operation,
    fifty_at_once_over_two_handles_make_one,
    many_keys_at_once_are_all_there,
);

async fn the_same_key_is_the_same_operation(stage: &Stage) {
    let store = stage.open().await;
    let (first, epoch) = claimed(&store, "order-1").await;
    assert_eq!(epoch, 1);
    let again = store.claim(&NewClaim { node: "node-b".to_owned(), ..new_claim("order-1") }).await.unwrap();
    assert_eq!(again, Claim::Same { operation: first.clone(), state: OperationState::Pending });
    store.finish(&first, epoch, &answer(), None, &json!({})).await.unwrap();
    let again = store.claim(&new_claim("order-1")).await.unwrap();
    assert_eq!(again, Claim::Same { operation: first, state: OperationState::Done(answer()) });
}

async fn another_payload_is_told(stage: &Stage) {
    let store = stage.open().await;
    let (first, _) = claimed(&store, "order-1").await;
    let other = store.claim(&NewClaim { payload_hash: [8; 32], ..new_claim("order-1") }).await.unwrap();
    assert_eq!(other, Claim::OtherPayload { operation: first });
}

async fn how_a_key_stands_is_told_without_claiming_it(stage: &Stage) {
    let store = stage.open().await;
    assert_eq!(store.claimed(&new_claim("order-1")).await.unwrap(), None);
    let (first, _) = claimed(&store, "order-1").await;
    let stands = store.claimed(&new_claim("order-1")).await.unwrap();
    assert_eq!(stands, Some(Claim::Same { operation: first.clone(), state: OperationState::Pending }));
    let other = store.claimed(&NewClaim { payload_hash: [8; 32], ..new_claim("order-1") }).await.unwrap();
    assert_eq!(other, Some(Claim::OtherPayload { operation: first }));
}

async fn keys_belong_to_consumer_interface_and_operation(stage: &Stage) {
    let store = stage.open().await;
    claimed(&store, "order-1").await;
    let others = [
        NewClaim { consumer: "mes-brno".parse().unwrap(), ..new_claim("order-1") },
        NewClaim { interface: "production-orders@2".parse().unwrap(), ..new_claim("order-1") },
        NewClaim { operation: Operation::Report, ..new_claim("order-1") },
        new_claim("ORDER-1"),
        new_claim("order-1 "),
    ];
    for other in others {
        let claim = store.claim(&other).await.unwrap();
        assert!(matches!(claim, Claim::New { .. }), "{other:?}: {claim:?}");
    }
}

async fn fifty_at_once_over_two_handles_make_one(stage: &Stage) {
    let handles = [stage.open().await, stage.open().await];
    let askers: Vec<_> = (0..50)
        .map(|number| {
            let store = handles[number % 2].clone();
            tokio::spawn(async move { store.claim(&new_claim("order-1")).await.unwrap() })
        })
        .collect();
    let mut new = Vec::new();
    let mut same = Vec::new();
    for asker in askers {
        match asker.await.unwrap() {
            Claim::New { operation, .. } => new.push(operation),
            Claim::Same { operation, .. } => same.push(operation),
            Claim::OtherPayload { .. } => panic!("all have the same payload"),
        }
    }
    assert_eq!(new.len(), 1);
    assert_eq!(same.len(), 49);
    assert!(same.iter().all(|operation| operation == &new[0]));
}

async fn many_keys_at_once_are_all_there(stage: &Stage) {
    let handles = [stage.open().await, stage.open().await];
    let askers: Vec<_> = (0..100)
        .map(|number| {
            let store = handles[number % 2].clone();
            tokio::spawn(async move { store.claim(&new_claim(&format!("order-{}", number / 2))).await.unwrap() })
        })
        .collect();
    let mut new = 0;
    for asker in askers {
        new += usize::from(matches!(asker.await.unwrap(), Claim::New { .. }));
    }
    assert_eq!(new, 50);
    assert_eq!(handles[0].unresolved(1000).await.unwrap().len(), 50);
    assert!(handles[0].take_due("node-b", LEASE, 100).await.unwrap().is_empty());
}
