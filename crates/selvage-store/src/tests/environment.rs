//! Environments that share a store do not reach into each other: keys, work that is due, lanes and cross-references are of one.

use std::time::Duration;

use selvage_model::name::EnvironmentName;
use selvage_model::operation::OperationState;
use serde_json::json;

use super::migration::of_version;
use super::stage::{Stage, tamper};
use super::{LEASE, answer, both, claimed, claimed_for, new_claim};
use crate::{Claim, CrossReference, EventHome, Lane, NewNode, SignOfLife, Store, StoreError};

both!(
    one_key_is_another_operation_in_each_environment,
    what_is_due_is_taken_in_its_environment_alone,
    a_lane_is_of_an_environment,
    cross_references_are_of_an_environment,
    what_is_nobodys_is_taken_by_who_is_alone,
    what_is_nobodys_answers_for_its_key_and_is_gone_on_with_by_no_node,
    events_are_of_the_environment_that_keeps_them_first,
    events_of_before_are_of_who_is_alone_or_goes_first,
);

async fn two(stage: &Stage) -> (Store, Store) {
    let store = stage.open().await;
    (store.in_environment(&"test".parse().unwrap()), store.in_environment(&"prod".parse().unwrap()))
}

async fn one_key_is_another_operation_in_each_environment(stage: &Stage) {
    let (test, prod) = two(stage).await;
    let (in_test, epoch) = claimed(&test, "order-1").await;
    test.finish(&in_test, epoch, &answer(), None, &json!({})).await.unwrap();
    assert_eq!(prod.claimed(&new_claim("order-1")).await.unwrap(), None);
    let (in_prod, _) = claimed(&prod, "order-1").await;
    assert_ne!(in_prod, in_test);
    let again = prod.claim(&new_claim("order-1")).await.unwrap();
    assert_eq!(again, Claim::Same { operation: in_prod.clone(), state: OperationState::Pending });
    let environment = prod.operation(&in_prod).await.unwrap().unwrap().environment;
    assert_eq!(environment, Some("prod".parse().unwrap()));
    // Lists show all of them, with the environment of each.
    claimed(&test, "order-2").await;
    let listed = prod.unresolved(10).await.unwrap();
    let environments: Vec<_> = listed.iter().map(|it| it.environment.as_ref().unwrap().as_str()).collect();
    assert_eq!(environments, ["prod", "test"]);
}

async fn what_is_due_is_taken_in_its_environment_alone(stage: &Stage) {
    let (test, prod) = two(stage).await;
    let (id, _) = claimed_for(&test, "order-1", Duration::ZERO).await;
    assert!(prod.take_due("node-prod", LEASE, 10).await.unwrap().is_empty(), "a write of the test");
    let taken = test.take_due("node-test", LEASE, 10).await.unwrap();
    assert_eq!((taken.len(), &taken[0].id), (1, &id));
}

async fn a_lane_is_of_an_environment(stage: &Stage) {
    let (test, prod) = two(stage).await;
    let lane = "odoo/mrp.production/7";
    let (in_test, epoch) = claimed(&test, "order-1").await;
    assert_eq!(test.enter_lane(&in_test, epoch, lane).await.unwrap(), Lane::Entered);
    let (in_prod, epoch) = claimed(&prod, "order-1").await;
    assert_eq!(prod.enter_lane(&in_prod, epoch, lane).await.unwrap(), Lane::Entered);
    let (other, epoch) = claimed(&prod, "order-2").await;
    let occupied = prod.enter_lane(&other, epoch, lane).await.unwrap();
    assert_eq!(occupied, Lane::Occupied { by: in_prod, under_way: true });
}

async fn cross_references_are_of_an_environment(stage: &Stage) {
    let (test, prod) = two(stage).await;
    let link = |record: &str| CrossReference {
        system: "odoo".parse().unwrap(),
        object: "product".parse().unwrap(),
        record: record.to_owned(),
        key: "FRM-1".to_owned(),
    };
    let (id, epoch) = claimed(&test, "order-1").await;
    test.finish(&id, epoch, &answer(), Some(&link("7")), &json!({})).await.unwrap();
    let (system, object) = (link("7").system, link("7").object);
    assert_eq!(test.by_key(&system, &object, "FRM-1").await.unwrap(), Some(link("7")));
    assert_eq!(prod.by_key(&system, &object, "FRM-1").await.unwrap(), None);
    prod.link(&link("9")).await.unwrap();
    assert_eq!(prod.by_record(&system, &object, "9").await.unwrap(), Some(link("9")));
    assert_eq!(test.by_record(&system, &object, "9").await.unwrap(), None);
    assert!(matches!(test.link(&link("9")).await, Err(StoreError::Taken { .. })));
}

async fn begin(store: &Store, environment: &str) {
    let node =
        NewNode { id: format!("node-{environment}"), environment: environment.to_owned(), address: String::new() };
    let sign = SignOfLife { revision: 0, lease: LEASE, serves_for: LEASE };
    store.register_node(&node, sign).await.unwrap();
}

async fn what_is_nobodys_is_taken_by_who_is_alone(stage: &Stage) {
    let store = stage.open().await;
    let (id, _) = claimed(&store, "order-1").await;
    begin(&store, "prod").await;
    let environment = store.operation(&id).await.unwrap().unwrap().environment;
    assert_eq!(environment, Some("prod".parse().unwrap()));
    // Whatever is nobody's later, another has begun to write.
    let (late, _) = claimed(&store, "order-2").await;
    begin(&store, "test").await;
    begin(&store, "prod").await;
    assert_eq!(store.operation(&late).await.unwrap().unwrap().environment, None);
}

async fn what_is_nobodys_answers_for_its_key_and_is_gone_on_with_by_no_node(stage: &Stage) {
    let older = of_version(stage, 31).await;
    tamper(
        &older,
        "UPDATE node SET environment = 'test';
         INSERT INTO operation (id, consumer, interface, verb, idempotency_key, payload_hash, request, state, epoch, node, due_at,
         probes, created_at, changed_at) SELECT 'op_00000000000000000000000000000002', consumer, interface, verb, 'order-2',
         payload_hash, request, 'pending', 1, node, 9, 0, 9, 9 FROM operation;
         INSERT INTO lane (lane, operation) VALUES ('odoo/mrp.production/8', 'op_00000000000000000000000000000002');",
    )
    .await;
    older.close().await;
    let (test, prod) = two(stage).await;
    begin(&prod, "prod").await;
    for store in [&test, &prod] {
        assert!(store.take_due("node", LEASE, 10).await.unwrap().is_empty());
        for key in ["order-1", "order-2"] {
            let same = store.claim(&new_claim(key)).await.unwrap();
            assert!(matches!(same, Claim::Same { .. } | Claim::OtherPayload { .. }), "{key}: {same:?}");
        }
    }
    let listed = prod.unresolved(10).await.unwrap();
    assert_eq!((listed.len(), &listed[0].environment), (1, &None));
    let because = listed[0].because.as_deref().unwrap();
    assert!(listed[0].state.as_str() == "stuck" && because.starts_with("FAB7205"), "{because}");
    let (other, epoch) = claimed(&prod, "order-3").await;
    assert_eq!(prod.enter_lane(&other, epoch, "odoo/mrp.production/8").await.unwrap(), Lane::Entered);
}

fn named(name: &str) -> EnvironmentName {
    name.parse().unwrap()
}

async fn events_are_of_the_environment_that_keeps_them_first(stage: &Stage) {
    let store = stage.open().await;
    let (test, prod) = (named("test"), named("prod"));
    begin(&store, "prod").await;
    for _ in 0..2 {
        // Nothing was there before: nobody goes first.
        assert_eq!(store.settle_event_home(&test, std::slice::from_ref(&prod)).await.unwrap(), EventHome::Here);
    }
    assert_eq!(store.settle_event_home(&prod, &[]).await.unwrap(), EventHome::Elsewhere(test));
}

async fn events_of_before_are_of_who_is_alone_or_goes_first(stage: &Stage) {
    let (dev, prod) = (named("dev"), named("prod"));
    let older = of_version(stage, 33).await;
    older.close().await;
    let store = stage.open().await;
    assert_eq!(store.settle_event_home(&prod, &[]).await.unwrap(), EventHome::Elsewhere(dev.clone()));
    // Where another ran beside it, it is not known: the protected one goes first.
    tamper(&store, "DELETE FROM event_home; UPDATE activation SET environment = 'prod';").await;
    let first = std::slice::from_ref(&prod);
    assert_eq!(store.settle_event_home(&dev, first).await.unwrap(), EventHome::Unclear(prod.clone()));
    assert_eq!(store.settle_event_home(&prod, &[]).await.unwrap(), EventHome::Here);
    assert_eq!(store.settle_event_home(&dev, first).await.unwrap(), EventHome::Elsewhere(prod));
}
