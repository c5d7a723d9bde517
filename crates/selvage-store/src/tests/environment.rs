//! Environments that share a store do not reach into each other: keys, work that is due, lanes and cross-references are of one.

use std::time::Duration;

use selvage_model::access::GrantTerms;
use selvage_model::name::EnvironmentName;
use selvage_model::operation::OperationState;
use serde_json::json;

use super::migration::of_version;
use super::stage::{Stage, tamper};
use super::{LEASE, answer, both, claimed, claimed_for, new_claim};
use crate::{
    AppliedGrants, AskedAccess, Claim, CrossReference, EventHome, Lane, NewDirectory, NewNode, SignOfLife, Store,
    StoreError,
};

both!(
    one_key_is_another_operation_in_each_environment,
    what_is_due_is_taken_in_its_environment_alone,
    a_lane_is_of_an_environment,
    cross_references_are_of_an_environment,
    what_is_nobodys_is_taken_by_who_is_alone,
    what_is_nobodys_answers_for_its_key_and_is_gone_on_with_by_no_node,
    events_are_of_the_environment_that_keeps_them_first,
    events_of_before_are_of_who_is_alone_or_goes_first,
    grants_are_of_the_environment_that_asks_for_them,
    what_is_left_of_a_narrowed_grant_is_of_its_environment,
    leases_of_before_become_one_for_each_environment,
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

/// Grants as a directory of this environment asks for them: the operation of each.
async fn served(store: &Store, environment: &str, operations: &[&str]) -> AppliedGrants {
    let interface = |operation: &str| format!("{operation}s@1").parse().unwrap();
    let grant = |it: &&str| ("mes-ghent".parse().unwrap(), interface(it), GrantTerms::whole([*it]));
    let asks = AskedAccess { grants: operations.iter().map(grant).collect(), subscriptions: None };
    let content = json!({"fabric.yaml": operations});
    let release = format!("rel_{environment}_{}", operations.join("_"));
    let new = NewDirectory {
        environment: &named(environment),
        release: &release,
        content: &content,
        by: "directory",
        asks: &asks,
    };
    store.activate_directory(&new).await.unwrap().0
}

/// What is open in an environment.
async fn open(store: &Store, environment: &str) -> String {
    let access = store.access_state().await.unwrap();
    let here = named(environment);
    let alive = access.grants_in(&here).filter(|grant| grant.ended.is_none());
    let mut words: Vec<String> = alive.map(|grant| grant.terms.operations.join("+")).collect();
    words.sort();
    words.join(" ")
}

/// INVARIANT: DECLARED, REVOKED-NOW
async fn grants_are_of_the_environment_that_asks_for_them(stage: &Stage) {
    let store = stage.open().await;
    served(&store, "test", &["list", "get"]).await;
    let applied = served(&store, "prod", &["list"]).await;
    assert_eq!((applied.granted.len(), applied.ended.len()), (1, 0), "the test's are left alone");
    assert_eq!((open(&store, "test").await, open(&store, "prod").await), ("get list".into(), "list".into()));
    // Taken from the manifests of one, it is over there, for good, and goes on elsewhere.
    served(&store, "prod", &[]).await;
    let back = served(&store, "prod", &["list"]).await;
    assert_eq!((back.granted.len(), back.held_back.len()), (0, 1));
    assert_eq!((open(&store, "test").await, open(&store, "prod").await), ("get list".into(), String::new()));
    // Taken back by a person, no other environment opens it either.
    let access = store.access_state().await.unwrap();
    let get = access.grants.iter().find(|grant| grant.terms.operations == ["get"]).unwrap();
    store.end_grant(&get.id, "s.lead", "audit").await.unwrap();
    let prod = served(&store, "prod", &["get"]).await;
    assert_eq!((prod.granted.len(), prod.held_back.len(), open(&store, "prod").await), (0, 1, String::new()));
    // As of a moment before, it was as it was then.
    let past = store.access_state_at(store.now().await.unwrap()).await.unwrap();
    assert!(past.grants.iter().all(|grant| grant.environment.is_some()), "{past:?}");
}

async fn what_is_left_of_a_narrowed_grant_is_of_its_environment(stage: &Stage) {
    let store = stage.open().await;
    for environment in ["test", "prod"] {
        served(&store, environment, &["list"]).await;
    }
    let access = store.access_state().await.unwrap();
    let prod = named("prod");
    let of_prod = access.grants_in(&prod).next().unwrap().id.clone();
    let narrow = |terms: &GrantTerms| Ok(GrantTerms { purpose: Some("less".to_owned()), ..terms.clone() });
    let left = store.narrow_grant(&of_prod, narrow, "s.lead", "audit").await.unwrap();
    assert_eq!(left.environment, Some(prod));
    served(&store, "test", &[]).await;
    assert_eq!((open(&store, "test").await, open(&store, "prod").await), (String::new(), "list".into()));
    served(&store, "prod", &[]).await;
    assert_eq!(open(&store, "prod").await, "", "it goes with the manifests of its environment");
}

async fn leases_of_before_become_one_for_each_environment(stage: &Stage) {
    let older = of_version(stage, 37).await;
    tamper(
        &older,
        "INSERT INTO activation (ordinal, environment, release_id, activated_at, activated_by)
         VALUES (90, 'prod', 'rel_1', 9, 'ann');",
    )
    .await;
    older.close().await;
    let store = stage.open().await;
    assert_eq!((open(&store, "dev").await, open(&store, "prod").await), ("list".into(), "list".into()), "as it was");
    let access = store.access_state().await.unwrap();
    let mut leases: Vec<(&str, Option<&str>)> =
        access.grants.iter().map(|it| (it.id.as_str(), it.environment.as_ref().map(EnvironmentName::as_str))).collect();
    leases.sort_unstable();
    assert_eq!(leases, [("grt_1", Some("dev")), ("grt_1_prod", Some("prod")), ("grt_2", None)]);
    // What a node of before wrote meanwhile is of the environment that settles it first.
    tamper(&store, "UPDATE lease SET environment = NULL WHERE id = 'grt_1';").await;
    assert_eq!(open(&store, "prod").await, "list list");
    let applied = served(&store, "prod", &[]).await;
    assert_eq!(applied.ended.len(), 2);
    assert_eq!((open(&store, "dev").await, open(&store, "prod").await), (String::new(), String::new()));
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
