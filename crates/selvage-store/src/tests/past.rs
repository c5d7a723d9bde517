//! What was: the access state and what was active, at each time as it was then, whatever has been done since.

use std::slice::from_ref;

use jiff::Timestamp;
use selvage_model::access::{Blocked, GrantTerms, KeyHash, Principal};
use serde_json::json;

use super::both;
use super::stage::Stage;
use crate::{ActiveThen, NewKey, Store};

both!(the_access_state_is_as_it_was_then, what_was_active_is_as_it_was_then);

/// A moment between what was done before and what is done after.
async fn moment(store: &Store) -> Timestamp {
    let at = store.ledger_head().await.unwrap().at;
    while store.ledger_head().await.unwrap().at <= at {}
    at
}

fn terms(operations: &[&str]) -> GrantTerms {
    GrantTerms::whole(operations.iter().copied())
}

/// What counts of an access state: keys that are not revoked, operations of grants that are alive, blocks.
async fn told(store: &Store, at: Timestamp) -> String {
    let state = store.access_state_at(at).await.unwrap();
    let keys = state.credentials.iter().filter(|key| key.revoked.is_none()).count();
    let alive = state.grants.iter().filter(|grant| grant.ended.is_none());
    let operations: Vec<String> = alive.map(|grant| grant.terms.operations.join("+")).collect();
    format!("{}: {keys} keys, {operations:?}, {} blocks", state.revision, state.blocks.len())
}

async fn the_access_state_is_as_it_was_then(stage: &Stage) {
    let store = stage.open().await;
    let mut moments = vec![moment(&store).await];
    let new =
        NewKey { principal: Principal::Consumer("mes-ghent".parse().unwrap()), hash: KeyHash([1; 32]), expires: None };
    let key = store.issue_key(new, "ann").await.unwrap();
    moments.push(moment(&store).await);
    let asked = |terms| ("mes-ghent".parse().unwrap(), "orders@1".parse().unwrap(), terms);
    let granted = store.apply_manifest_grants(from_ref(&asked(terms(&["list", "get"]))), "ann").await.unwrap().granted;
    moments.push(moment(&store).await);
    store.apply_manifest_grants(from_ref(&asked(terms(&["list"]))), "ann").await.unwrap();
    moments.push(moment(&store).await);
    let block = store.block(&Blocked::Consumer("mes-ghent".parse().unwrap()), "ann", "leak").await.unwrap();
    moments.push(moment(&store).await);
    store.lift_block(&block.id, "ann", "found").await.unwrap();
    store.revoke_key(&key.id, "ann", "lost").await.unwrap();
    moments.push(moment(&store).await);
    store.end_grant(&granted[0], "ann", "over").await.unwrap();
    moments.push(moment(&store).await);
    let mut then = Vec::new();
    for at in moments {
        then.push(told(&store, at).await);
    }
    let expected = [
        "0: 0 keys, [], 0 blocks",
        "1: 1 keys, [], 0 blocks",
        "2: 1 keys, [\"list+get\"], 0 blocks",
        "3: 1 keys, [\"list\"], 0 blocks",
        "4: 1 keys, [\"list\"], 1 blocks",
        "6: 0 keys, [\"list\"], 0 blocks",
        "7: 0 keys, [], 0 blocks",
    ];
    assert_eq!(then, expected);
    let (now, state) = (moment(&store).await, store.access_state().await.unwrap());
    assert_eq!(store.access_state_at(now).await.unwrap(), state, "now is as now");
}

async fn what_was_active_is_as_it_was_then(stage: &Stage) {
    let store = stage.open().await;
    let environment = "dev".parse().unwrap();
    let before = moment(&store).await;
    let mut moments = Vec::new();
    for release in ["rel_1", "rel_2", "rel_1"] {
        store.record_release(release, &json!({}), "ann").await.unwrap();
        store.activate(&environment, release, "ann").await.unwrap();
        store.activate(&"test".parse().unwrap(), release, "ann").await.unwrap();
        moments.push((moment(&store).await, release));
    }
    assert_eq!(store.active_at(&environment, before).await.unwrap(), []);
    for (at, release) in moments {
        let expected = ActiveThen { domain: None, release: release.to_owned() };
        assert_eq!(store.active_at(&environment, at).await.unwrap(), [expected]);
    }
}
