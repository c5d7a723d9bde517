//! Keys and leases: every change raises the revision once, and what ended stays ended.

use std::collections::BTreeSet;
use std::slice::from_ref;

use jiff::Timestamp;
use selvage_model::access::{AccessState, Credential, EndAction, GrantTerms, KeyHash, Principal};
use selvage_model::name::{ConsumerName, InterfaceRef};
use serde_json::json;

use super::both;
use super::stage::{Stage, tamper};
use crate::{NewKey, Store, StoreError};

both!(
    a_key_is_issued_and_revoked,
    a_key_takes_another_ones_place,
    two_keys_count_at_a_time,
    the_same_hash_is_not_issued_twice,
    grants_follow_the_manifests,
    what_ended_is_not_revived,
    a_rollback_revives_nothing,
    a_subject_may_have_several_leases,
    access_that_goes_on_under_other_terms_has_not_ended,
    changes_at_once_all_count,
    who_knows_the_state_before_reads_what_was_written_since,
);

fn key(byte: u8) -> NewKey {
    NewKey { principal: Principal::Consumer("mes-ghent".parse().unwrap()), hash: KeyHash([byte; 32]), expires: None }
}

fn terms(purpose: &str) -> GrantTerms {
    GrantTerms {
        rows: vec![("site".parse().unwrap(), vec![json!("ghent"), json!("brno")])],
        except: vec!["price".parse().unwrap()],
        purpose: Some(purpose.to_owned()),
        until: Some("2027-06-30T16:00:00Z".parse().unwrap()),
        on_end: EndAction::Alarm,
        ..GrantTerms::whole(["list", "get"])
    }
}

fn asked(interface: &str, terms: GrantTerms) -> (ConsumerName, InterfaceRef, GrantTerms) {
    ("mes-ghent".parse().unwrap(), interface.parse().unwrap(), terms)
}

async fn a_key_takes_another_ones_place(stage: &Stage) {
    let store = stage.open().await;
    let old = store.issue_key(key(1), "a.lead").await.unwrap();
    let (soon, late) = ("2030-01-01T00:00:00Z".parse().unwrap(), "2031-01-01T00:00:00Z".parse().unwrap());
    let next = NewKey { expires: Some(late), ..key(2) };
    let rotated = store.rotate_key(&old.id, next, soon, "a.lead").await.unwrap();
    assert_eq!((rotated.old.expires, rotated.next.expires), (Some(soon), Some(late)));
    assert_eq!(rotated.next.principal, old.principal);
    let state = store.access_state().await.unwrap();
    assert_eq!((state.revision, state.credentials.len()), (2, 2));
    assert_eq!(rotated.ended, Vec::<String>::new());
    // One that ends sooner anyway keeps its end.
    let again = store.rotate_key(&old.id, key(3), late, "a.lead").await.unwrap();
    assert_eq!(again.old.expires, Some(soon));
    store.revoke_key(&old.id, "a.lead", "lost").await.unwrap();
    let revoked = store.rotate_key(&old.id, key(4), late, "a.lead").await;
    assert!(matches!(revoked, Err(StoreError::NotFound { .. })), "nobody takes the place of a key that was taken back");
    let unknown = store.rotate_key("key_none", key(5), late, "a.lead").await;
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })));
    assert!(store.rotate_key(&old.id, key(2), late, "a.lead").await.is_err(), "a hash that is there");
}

/// The next key is rotated while the one that it replaced still counts, and the old one a second time: two count each time.
async fn two_keys_count_at_a_time(stage: &Stage) {
    let store = stage.open().await;
    let other = NewKey { principal: Principal::Operator("s.lead".to_owned()), ..key(9) };
    let other = store.issue_key(other, "a.lead").await.unwrap().id;
    let first = store.issue_key(key(1), "a.lead").await.unwrap().id;
    let (soon, late) = ("2130-01-01T00:00:00Z".parse().unwrap(), "2131-01-01T00:00:00Z".parse().unwrap());
    let second = store.rotate_key(&first, key(2), soon, "a.lead").await.unwrap().next.id;
    let third = store.rotate_key(&second, key(3), late, "a.lead").await.unwrap();
    assert_eq!(third.ended, from_ref(&first), "the first ends before its time");
    assert_eq!(counting(&store).await, BTreeSet::from([other.clone(), second.clone(), third.next.id.clone()]));
    let fourth = store.rotate_key(&second, key(4), late, "a.lead").await.unwrap();
    assert_eq!(fourth.ended, [third.next.id], "a successor that nobody uses ends, too");
    assert_eq!(counting(&store).await, BTreeSet::from([other, second, fourth.next.id.clone()]));
    let entries = store.ledger(0, 100).await.unwrap();
    let entry = entries.iter().find(|entry| entry.subject == fourth.next.id).unwrap();
    assert_eq!(entry.detail["ended"], json!(fourth.ended));
}

/// The keys that open something now.
async fn counting(store: &Store) -> BTreeSet<String> {
    let now = Timestamp::now();
    let counts = |key: &Credential| key.revoked.is_none() && key.expires.is_none_or(|expires| expires > now);
    let state = store.access_state().await.unwrap();
    state.credentials.into_iter().filter(counts).map(|key| key.id).collect()
}

async fn a_key_is_issued_and_revoked(stage: &Stage) {
    let store = stage.open().await;
    assert_eq!(store.access_revision().await.unwrap(), 0);
    let expires = "2027-01-01T00:00:00.000001Z".parse().unwrap();
    let issued = store.issue_key(NewKey { expires: Some(expires), ..key(1) }, "a.lead").await.unwrap();
    let operator = NewKey { principal: Principal::Operator("s.lead".to_owned()), ..key(2) };
    store.issue_key(operator.clone(), "a.lead").await.unwrap();

    let state = store.access_state().await.unwrap();
    assert_eq!(state.revision, 2);
    assert_eq!(state.credentials[0], issued);
    assert_eq!(state.credentials[0].expires, Some(expires));
    assert_eq!(state.credentials[1].principal, operator.principal);

    let revoked = store.revoke_key(&issued.id, "s.lead", "lost").await.unwrap();
    assert!(revoked.revoked.is_some());
    assert_eq!(store.access_revision().await.unwrap(), 3);
    let again = store.revoke_key(&issued.id, "s.lead", "lost").await.unwrap();
    assert_eq!(again, revoked);
    assert_eq!(store.access_revision().await.unwrap(), 3);
    let refused = store.revoke_key("key_none", "s.lead", "lost").await.err().unwrap();
    assert!(matches!(refused, StoreError::NotFound { what: "key", .. }), "{refused}");

    let entries = store.ledger(1, 10).await.unwrap();
    let actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["store.created", "key.issued", "key.issued", "key.revoked"]);
    let last = entries.last().unwrap();
    assert_eq!((last.actor.as_str(), last.subject.as_str()), ("s.lead", issued.id.as_str()));
    assert_eq!(last.detail, json!({"consumer": "mes-ghent", "because": "lost"}));
}

async fn the_same_hash_is_not_issued_twice(stage: &Stage) {
    let store = stage.open().await;
    store.issue_key(key(1), "a.lead").await.unwrap();
    let refused = store.issue_key(key(1), "a.lead").await.err().unwrap();
    assert!(matches!(refused, StoreError::Refused { .. }), "{refused}");
    assert_eq!(store.access_revision().await.unwrap(), 1);
    assert_eq!(store.verify_ledger().await.unwrap().entries, 2);
}

async fn grants_follow_the_manifests(stage: &Stage) {
    let store = stage.open().await;
    let orders = asked("production-orders@1", terms("shows orders"));
    let stock = asked("inventory@2", terms("shows stock"));
    let applied = store.apply_manifest_grants(&[orders.clone(), stock.clone()], "serve").await.unwrap();
    assert_eq!(applied.granted.len(), 2);
    let state = store.access_state().await.unwrap();
    assert_eq!((state.revision, state.grants.len()), (1, 2));
    assert!(state.grants.iter().any(|grant| *grant.terms == orders.2 && grant.ended.is_none()));

    let same = store.apply_manifest_grants(&[stock.clone(), orders.clone()], "serve").await.unwrap();
    assert_eq!(same, crate::AppliedGrants::default());
    assert_eq!(store.access_revision().await.unwrap(), 1);

    let wider = asked("production-orders@1", terms("shows and reports orders"));
    let applied = store.apply_manifest_grants(from_ref(&wider), "serve").await.unwrap();
    assert_eq!((applied.changed.len(), applied.ended.len(), applied.granted.len()), (1, 1, 0));
    let state = store.access_state().await.unwrap();
    assert_eq!(state.revision, 2);
    assert!(state.grants.iter().any(|grant| grant.id == applied.changed[0] && *grant.terms == wider.2));
    assert!(state.grants.iter().any(|grant| grant.id == applied.ended[0] && grant.ended.is_some()));
}

async fn what_ended_is_not_revived(stage: &Stage) {
    let store = stage.open().await;
    let orders = asked("production-orders@1", terms("shows orders"));
    let applied = store.apply_manifest_grants(from_ref(&orders), "serve").await.unwrap();
    let id = applied.granted[0].clone();
    let ended = store.end_grant(&id, "s.lead", "audit").await.unwrap();
    assert!(ended.ended.is_some());
    assert_eq!(store.end_grant(&id, "s.lead", "audit").await.unwrap(), ended);

    let mut reordered = orders.clone();
    reordered.2.operations.reverse();
    reordered.2.rows[0].1.reverse();
    for asked in [orders, reordered] {
        let applied = store.apply_manifest_grants(&[asked], "serve").await.unwrap();
        assert_eq!(applied.held_back.len(), 1);
        assert_eq!(Some(applied.held_back[0].ended), ended.ended);
        assert!(applied.granted.is_empty() && applied.changed.is_empty());
    }
    assert_eq!(store.access_revision().await.unwrap(), 2);

    let other = asked("production-orders@1", terms("shows orders, as agreed after the audit"));
    let applied = store.apply_manifest_grants(&[other], "serve").await.unwrap();
    assert_eq!(applied.granted.len(), 1);
    assert_ne!(applied.granted[0], id);
    let refused = store.end_grant("grt_none", "s.lead", "audit").await.err().unwrap();
    assert!(matches!(refused, StoreError::NotFound { what: "grant", .. }), "{refused}");
}

/// A lease that went from one set of terms to another and was then ended does not come back with either; one that is
/// alive may go back to what it had.
async fn a_rollback_revives_nothing(stage: &Stage) {
    let store = stage.open().await;
    let first = asked("production-orders@1", terms("first"));
    let second = asked("production-orders@1", terms("second"));
    let granted = store.apply_manifest_grants(from_ref(&first), "serve").await.unwrap().granted;
    store.apply_manifest_grants(from_ref(&second), "serve").await.unwrap();
    let back = store.apply_manifest_grants(from_ref(&first), "serve").await.unwrap();
    assert_eq!(back.changed, granted);
    store.apply_manifest_grants(from_ref(&second), "serve").await.unwrap();
    store.end_grant(&granted[0], "s.lead", "audit").await.unwrap();
    for asked in [first, second.clone()] {
        let applied = store.apply_manifest_grants(&[asked], "serve").await.unwrap();
        assert_eq!((applied.held_back.len(), applied.granted.len(), applied.changed.len()), (1, 0, 0));
    }
    store.apply_manifest_grants(&[], "serve").await.unwrap();
    let applied = store.apply_manifest_grants(&[second], "serve").await.unwrap();
    assert_eq!((applied.held_back.len(), applied.granted.len()), (1, 0));
    assert!(store.access_state().await.unwrap().grants.iter().all(|grant| grant.ended.is_some()));
}

async fn a_subject_may_have_several_leases(stage: &Stage) {
    let store = stage.open().await;
    let reads = asked("production-orders@1", terms("reads"));
    let writes = asked("production-orders@1", terms("writes"));
    let both = [reads.clone(), writes.clone(), reads.clone()];
    let applied = store.apply_manifest_grants(&both, "serve").await.unwrap();
    assert_eq!(applied.granted.len(), 2);
    let applied = store.apply_manifest_grants(&[writes], "serve").await.unwrap();
    assert_eq!((applied.ended.len(), applied.changed.len(), applied.granted.len()), (1, 0, 0));
}

async fn access_that_goes_on_under_other_terms_has_not_ended(stage: &Stage) {
    let store = stage.open().await;
    let (wide, narrow) = (asked("inventory@2", terms("wide")), asked("inventory@2", terms("narrow")));
    store.apply_manifest_grants(from_ref(&wide), "manifests").await.unwrap();
    // One environment runs the new release, the other one the old; then both the new; then both go back.
    let both = store.apply_manifest_grants(&[wide.clone(), narrow.clone()], "manifests").await.unwrap();
    assert_eq!(both.granted.len(), 1);
    let new = store.apply_manifest_grants(from_ref(&narrow), "manifests").await.unwrap();
    assert_eq!((new.ended.len(), new.held_back.len()), (1, 0));
    let back = store.apply_manifest_grants(from_ref(&wide), "manifests").await.unwrap();
    assert_eq!((back.held_back.len(), back.changed.len()), (0, 1), "{back:?}");
    // What a person ends stays ended, under every terms that it has had.
    let grants = store.access_state().await.unwrap().grants;
    let alive = grants.iter().find(|grant| grant.ended.is_none()).unwrap();
    store.end_grant(&alive.id, "s.okafor", "no more").await.unwrap();
    for again in [&wide, &narrow] {
        let applied = store.apply_manifest_grants(from_ref(again), "manifests").await.unwrap();
        assert_eq!((applied.held_back.len(), applied.granted.len()), (1, 0), "{applied:?}");
    }
}

async fn changes_at_once_all_count(stage: &Stage) {
    let (left, right) = (stage.open().await, stage.open().await);
    let issuers: Vec<_> = (0..20u8)
        .map(|byte| {
            let store = if byte % 2 == 0 { left.clone() } else { right.clone() };
            tokio::spawn(async move {
                store.issue_key(key(byte), "a.lead").await.unwrap();
                let interface = format!("interface-{}@1", (b'a' + byte % 3) as char);
                let asked = [asked(&interface, terms("concurrently"))];
                store.apply_manifest_grants(&asked, "serve").await.unwrap();
            })
        })
        .collect();
    for issuer in issuers {
        issuer.await.unwrap();
    }
    let state = left.access_state().await.unwrap();
    assert_eq!(state.credentials.len(), 20);
    let alive = state.grants.iter().filter(|grant| grant.ended.is_none()).count();
    assert!(alive <= 1, "{alive} leases are alive, and each application asked for at most one");
    let check = right.verify_ledger().await.unwrap();
    assert!(check.is_whole(), "{:?}", check.faults);
}

async fn who_knows_the_state_before_reads_what_was_written_since(stage: &Stage) {
    let store = stage.open().await;
    let mut known = store.access_state().await.unwrap();
    let follow = async |known: &mut AccessState| {
        let (read, whole) = (store.access_state_after(known).await.unwrap(), store.access_state().await.unwrap());
        assert!(read.revision > known.revision);
        assert_eq!(read, whole);
        *known = read;
    };
    let (orders, stock) = (asked("production-orders@1", terms("shows")), asked("inventory@2", terms("shows")));
    store.apply_manifest_grants(from_ref(&orders), "serve").await.unwrap();
    follow(&mut known).await;
    store.apply_manifest_grants(&[orders.clone(), stock.clone()], "serve").await.unwrap();
    follow(&mut known).await;
    store.issue_key(key(1), "a.lead").await.unwrap();
    follow(&mut known).await;
    let wider = asked("production-orders@1", terms("shows and reports"));
    store.apply_manifest_grants(&[wider.clone(), stock], "serve").await.unwrap();
    follow(&mut known).await;
    let of = |state: &AccessState, interface: &InterfaceRef| {
        state.grants.iter().find(|grant| &grant.interface == interface && grant.ended.is_none()).unwrap().id.clone()
    };
    let less = |terms: &GrantTerms| Ok(GrantTerms { operations: vec!["get".to_owned()], ..terms.clone() });
    store.narrow_grant(&of(&known, &wider.1), less, "a.lead", "less is used").await.unwrap();
    follow(&mut known).await;
    store
        .narrow_grant(
            &of(&known, &wider.1),
            |terms| Ok(GrantTerms { operations: vec![], ..terms.clone() }),
            "a.lead",
            "none",
        )
        .await
        .unwrap();
    follow(&mut known).await;
    store.end_grant(&of(&known, &wider.1), "a.lead", "left").await.unwrap();
    follow(&mut known).await;
    store.apply_manifest_grants(&[], "serve").await.unwrap();
    follow(&mut known).await;
    assert_eq!(known.grants.iter().filter(|grant| grant.ended.is_none()).count(), 0);
    // A statement of another version, that knows nothing of it.
    tamper(
        &store,
        "UPDATE lease SET terms = replace(terms, 'ghent', 'brno'); UPDATE access_revision SET revision = revision + 1;",
    )
    .await;
    follow(&mut known).await;
    // What is gone is seen although nothing says so.
    tamper(&store, "DELETE FROM lease_terms; DELETE FROM lease_history; DELETE FROM lease WHERE interface = 'inventory@2'; UPDATE access_revision SET revision = revision + 1;").await;
    follow(&mut known).await;
    let nothing = AccessState { revision: known.revision + 9, ..AccessState::default() };
    assert_eq!(store.access_state_after(&nothing).await.unwrap(), known, "a state of another store");
}
