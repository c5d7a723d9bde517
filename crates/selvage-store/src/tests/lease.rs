//! Leases that are asked for, narrowed, opened in an emergency and answered for: alive at once, ended for good, each step in the
//! ledger.

use std::slice::from_ref;
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::access::{EndAction, GrantTerms};
use selvage_model::name::InterfaceRef;
use serde_json::json;

use super::both;
use super::stage::{Stage, tamper};
use crate::migration;
use crate::{
    Answer, ItemState, LeaseOrigin, NewAccessRequest, NewRecertificationItem, RecertificationItem, RequestState, Store,
    StoreError,
};

both!(
    a_request_is_a_lease_once_somebody_else_approves,
    what_is_settled_stays_so,
    manifests_leave_requests_alone,
    a_narrowed_lease_does_not_widen_again,
    what_is_left_of_a_manifests_lease_goes_with_the_manifest,
    what_was_narrowed_before_is_told_from_what_was_asked_for,
    break_glass_ends_by_its_clock_and_is_reviewed,
    break_glass_is_not_opened_again_before_somebody_answers,
    a_deadline_ends_what_may_end_and_escalates_the_rest,
    answers_keep_narrow_and_end,
    leases_from_before_are_kept,
);

type Narrow = fn(&GrantTerms) -> Result<GrantTerms, String>;

pub(super) fn terms(operations: &[&str]) -> GrantTerms {
    GrantTerms {
        rows: vec![("site".parse().unwrap(), vec![json!("ghent")])],
        purpose: Some("shows orders".to_owned()),
        until: Some("2099-06-30T16:00:00Z".parse().unwrap()),
        ..GrantTerms::whole(operations.iter().copied())
    }
}

pub(super) fn asked(interface: &str) -> NewAccessRequest {
    NewAccessRequest {
        consumer: "mes-ghent".parse().unwrap(),
        interface: interface.parse().unwrap(),
        terms: terms(&["list", "get"]),
        findings: json!([]),
        by: "a.asker".to_owned(),
    }
}

pub(super) async fn granted(store: &Store, interface: &str) -> String {
    let request = store.request_access(&asked(interface)).await.unwrap();
    store.approve_request(&request.id, "s.decider", "agreed").await.unwrap().lease.unwrap()
}

async fn actions(store: &Store) -> Vec<String> {
    assert!(store.verify_ledger().await.unwrap().is_whole());
    store.ledger(2, 100).await.unwrap().into_iter().map(|entry| entry.action).collect()
}

async fn a_request_is_a_lease_once_somebody_else_approves(stage: &Stage) {
    let store = stage.open().await;
    let request = store.request_access(&asked("orders@1")).await.unwrap();
    assert_eq!((request.state, request.settled.clone()), (RequestState::Open, None));
    assert_eq!(store.access_revision().await.unwrap(), 0, "it opens nothing");
    let own = store.approve_request(&request.id, "a.asker", "I need it").await;
    assert!(matches!(own, Err(StoreError::OwnAccess { .. })));

    let approved = store.approve_request(&request.id, "s.decider", "agreed").await.unwrap();
    assert_eq!(approved.state, RequestState::Approved);
    let state = store.access_state().await.unwrap();
    assert_eq!((state.revision, state.grants.len()), (1, 1));
    assert_eq!(Some(&state.grants[0].id), approved.lease.as_ref());
    assert_eq!(*state.grants[0].terms, request.asked.terms);
    let lease = store.lease(&state.grants[0].id).await.unwrap();
    assert_eq!(lease.origin, LeaseOrigin::Request);
    assert_eq!(actions(&store).await, ["access.requested", "grant.granted", "access.approved"]);
}

async fn what_is_settled_stays_so(stage: &Stage) {
    let store = stage.open().await;
    let rejected = store.request_access(&asked("orders@1")).await.unwrap();
    store.reject_request(&rejected.id, "s.decider", "too wide").await.unwrap();
    let refused = store.request_access(&asked("stock@1")).await.unwrap();
    let after = store.refuse_request(&refused.id, "`stock@1` is gone").await.unwrap();
    assert_eq!(
        after.settled.map(|(_, by, because)| (by, because)),
        Some(("selvage".into(), "`stock@1` is gone".into()))
    );
    for id in [&rejected.id, &refused.id] {
        let again = store.approve_request(id, "s.decider", "after all").await;
        assert!(matches!(again, Err(StoreError::AccessStands { .. })));
    }
    let unknown = store.approve_request("req_none", "s.decider", "x").await;
    assert!(matches!(unknown, Err(StoreError::NotFound { what: "request", .. })));
    assert!(store.access_state().await.unwrap().grants.is_empty());
    // Two who decide at once: one of them has.
    let request = store.request_access(&asked("orders@1")).await.unwrap();
    let other = stage.open().await;
    let (one, two) = tokio::join!(
        store.approve_request(&request.id, "s.one", "yes"),
        other.approve_request(&request.id, "s.two", "yes"),
    );
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    assert_eq!(store.access_state().await.unwrap().grants.len(), 1);
}

/// No release and no rollback ends or revives what was asked for. INVARIANT: REVOKED-NOW
async fn manifests_leave_requests_alone(stage: &Stage) {
    let store = stage.open().await;
    let id = granted(&store, "orders@1").await;
    let request = asked("orders@1");
    let manifest = (request.consumer, request.interface, request.terms);
    store.apply_manifest_grants(&[], "serve").await.unwrap();
    assert_eq!(store.lease(&id).await.unwrap().grant.ended, None);
    let applied = store.apply_manifest_grants(from_ref(&manifest), "serve").await.unwrap();
    assert_eq!(applied.granted.len(), 1, "a lease of its own");
    store.end_grant(&id, "s.decider", "audit").await.unwrap();
    for _ in 0..2 {
        store.apply_manifest_grants(&[], "serve").await.unwrap();
        store.apply_manifest_grants(from_ref(&manifest), "serve").await.unwrap();
    }
    assert!(store.lease(&id).await.unwrap().grant.ended.is_some());
}

async fn a_narrowed_lease_does_not_widen_again(stage: &Stage) {
    let store = stage.open().await;
    let request = asked("orders@1");
    let manifest = (request.consumer, request.interface, request.terms.clone());
    let old = store.apply_manifest_grants(from_ref(&manifest), "serve").await.unwrap().granted[0].clone();
    let narrow: Narrow = |_| Ok(terms(&["list"]));
    let left = store.narrow_grant(&old, narrow, "s.decider", "gets nothing").await.unwrap();
    assert_ne!(left.id, old);
    for _ in 0..2 {
        let applied = store.apply_manifest_grants(from_ref(&manifest), "serve").await.unwrap();
        assert_eq!((applied.held_back.len(), applied.granted.len(), applied.changed.len()), (1, 0, 0));
    }
    let alive: Vec<_> =
        store.access_state().await.unwrap().grants.into_iter().filter(|it| it.ended.is_none()).collect();
    assert_eq!(alive.len(), 1);
    assert_eq!(alive[0].terms.operations, ["list"]);

    // One that was asked for keeps its id.
    let own = granted(&store, "stock@1").await;
    let revision = store.access_revision().await.unwrap();
    assert_eq!(store.narrow_grant(&own, narrow, "s.decider", "gets nothing").await.unwrap().id, own);
    assert_eq!(store.access_revision().await.unwrap(), revision + 1);
    let wider: Narrow = |_| Err("it would be wider".to_owned());
    assert!(matches!(store.narrow_grant(&own, wider, "s", "x").await, Err(StoreError::Unnarrowed { .. })));
    let ended = store.narrow_grant(&old, narrow, "s", "x").await;
    assert!(matches!(ended, Err(StoreError::AccessStands { .. })));
    assert!(actions(&store).await.contains(&"grant.narrowed".to_owned()));
}

/// INVARIANT: REVOKED-NOW
async fn what_is_left_of_a_manifests_lease_goes_with_the_manifest(stage: &Stage) {
    let store = stage.open().await;
    let manifest = |interface: &str| {
        let request = asked(interface);
        (request.consumer, request.interface, request.terms)
    };
    let (orders, stock) = (manifest("orders@1"), manifest("stock@1"));
    let both = [orders.clone(), stock.clone()];
    let granted_now = store.apply_manifest_grants(&both, "serve").await.unwrap().granted;
    let own = granted(&store, "orders@1").await;
    let narrow = |operations: &'static [&'static str]| move |_: &GrantTerms| Ok(terms(operations));
    let mut left = Vec::new();
    for id in &granted_now {
        left.push(store.narrow_grant(id, narrow(&["list"]), "s.decider", "gets nothing").await.unwrap());
    }
    // Narrowed once more it is still of the manifest.
    for lease in &left {
        let rows: Narrow = |terms| Ok(GrantTerms { purpose: Some("shows less".to_owned()), ..terms.clone() });
        assert_eq!(store.narrow_grant(&lease.id, rows, "s.decider", "less").await.unwrap().id, lease.id);
    }
    assert!(store.apply_manifest_grants(&both, "serve").await.unwrap().ended.is_empty(), "they are asked for");
    let ended = store.apply_manifest_grants(from_ref(&stock), "serve").await.unwrap().ended;
    let of_orders = left.iter().find(|lease| lease.interface == orders.1).unwrap();
    assert_eq!(ended, from_ref(&of_orders.id));
    let alive: Vec<String> = store
        .access_state()
        .await
        .unwrap()
        .grants
        .into_iter()
        .filter(|it| it.ended.is_none())
        .map(|it| it.id)
        .collect();
    assert!(alive.contains(&own) && alive.len() == 2, "what somebody asked for is left alone");
    let back = store.apply_manifest_grants(&both, "serve").await.unwrap();
    assert_eq!((back.granted.len(), back.held_back.len()), (0, 2), "no rollback revives it");
}

async fn what_was_narrowed_before_is_told_from_what_was_asked_for(stage: &Stage) {
    let database = stage.emptied().await;
    migration::run_first(&database, 15).await.unwrap();
    let older = Store::on(database);
    tamper(
        &older,
        "INSERT INTO lease (id, origin, consumer, interface, terms, granted_at, ended_at)
         SELECT id, 'request', 'mes-ghent', 'orders@1',
         '{\"operations\":[\"list\"],\"rows\":[],\"except\":[],\"purpose\":null,\"until\":null,\"on_end\":\"end\",\"rate\":null}', 1, NULL
         FROM (SELECT 'grt_narrowed' AS id UNION ALL SELECT 'grt_asked') AS leases",
    )
    .await;
    tamper(
        &older,
        "INSERT INTO access_request (id, consumer, interface, terms, asked_by, asked_at, findings, state, lease)
         VALUES ('req_1', 'mes-ghent', 'orders@1', '{}', 'ann', 1, '[]', 'approved', 'grt_asked')",
    )
    .await;
    older.close().await;
    let store = stage.open().await;
    assert_eq!(store.apply_manifest_grants(&[], "serve").await.unwrap().ended, ["grt_narrowed"]);
}

async fn break_glass_ends_by_its_clock_and_is_reviewed(stage: &Stage) {
    let store = stage.open().await;
    let (consumer, interface) = ("mes-ghent".parse().unwrap(), "orders@1".parse().unwrap());
    let said = ("o.nightshift", "the line stands");
    let long = store.break_glass((&consumer, &interface), &terms(&["list"]), Duration::from_secs(14_401), said).await;
    assert!(matches!(long, Err(StoreError::BreakGlassLong { .. })));
    let open = |seconds| {
        let (store, consumer, interface) = (store.clone(), &consumer, &interface);
        async move { store.break_glass((consumer, interface), &terms(&["list"]), Duration::from_secs(seconds), said).await }
    };
    let opened = open(3600).await.unwrap();
    assert_eq!(opened.grant.terms.on_end, EndAction::Cut, "its clock counts on tier-1 too");
    assert_eq!(opened.grant.terms.until, Some(opened.ends));
    assert_eq!(store.end_overdue_break_glass().await.unwrap(), []);
    let unreviewed = open(3600).await.unwrap_err();
    assert!(matches!(unreviewed, StoreError::BreakGlassStands { .. }), "{unreviewed}");

    let own = store.review_break_glass(&opened.grant.id, true, "o.nightshift", "it was needed").await;
    assert!(matches!(own, Err(StoreError::OwnAccess { .. })));
    let ratified = store.review_break_glass(&opened.grant.id, true, "s.okafor", "it was needed").await.unwrap();
    assert!(!ratified.is_breach(Timestamp::MAX));
    assert!(matches!(
        store.review_break_glass(&opened.grant.id, false, "s.okafor", "on second thought").await,
        Err(StoreError::AccessStands { .. })
    ));
    let short = open(0).await.unwrap();
    let over = store.end_overdue_break_glass().await.unwrap();
    assert_eq!(over.iter().map(|grant| &grant.id).collect::<Vec<_>>(), [&short.grant.id]);
    assert_eq!(store.end_overdue_break_glass().await.unwrap(), []);
    assert!(!short.is_breach(Timestamp::now()) && short.is_breach(Timestamp::MAX), "unless somebody ratifies it");
    // Late is late, though somebody says it was right.
    tamper(&store, "UPDATE break_glass SET review_by = opened_at WHERE verdict IS NULL").await;
    let late = store.review_break_glass(&short.grant.id, true, "s.okafor", "it was needed").await.unwrap();
    assert!(late.is_breach(Timestamp::now()));
    let disowned = open(3600).await.unwrap();
    let disowned = store.review_break_glass(&disowned.grant.id, false, "s.okafor", "no emergency").await.unwrap();
    assert!(disowned.grant.ended.is_some() && disowned.is_breach(Timestamp::now()));
    assert_eq!(store.break_glasses().await.unwrap().len(), 3);
}

/// Hours are not days: the next clock begins once somebody has answered for the last.
async fn break_glass_is_not_opened_again_before_somebody_answers(stage: &Stage) {
    let store = stage.open().await;
    let open = async |consumer: &str, interface: &str, by: &str| {
        let subject = (&consumer.parse().unwrap(), &interface.parse().unwrap());
        store.break_glass(subject, &terms(&["list"]), Duration::ZERO, (by, "the line stands")).await
    };
    let stands = |opened: Result<crate::BreakGlass, StoreError>| match opened {
        Err(StoreError::BreakGlassStands { id, .. }) => id,
        other => panic!("{other:?}"),
    };
    let first = open("mes-ghent", "orders@1", "o.night").await.unwrap().grant.id;
    store.end_overdue_break_glass().await.unwrap();
    for by in ["o.night", "o.day"] {
        assert_eq!(stands(open("mes-ghent", "orders@1", by).await), first, "nobody has answered for the last");
    }
    for (consumer, interface) in [("mes-ghent", "stock@1"), ("mes-brno", "orders@1")] {
        open(consumer, interface, "o.night").await.unwrap();
    }
    store.review_break_glass(&first, false, "s.okafor", "no emergency").await.unwrap();
    assert_eq!(stands(open("mes-ghent", "orders@1", "o.night").await), first, "not who was told no");
    let second = open("mes-ghent", "orders@1", "o.day").await.unwrap().grant.id;
    store.review_break_glass(&second, true, "s.okafor", "it was needed").await.unwrap();
    open("mes-ghent", "orders@1", "o.night").await.unwrap();
}

fn item(lease: &str, tier: &str) -> NewRecertificationItem {
    NewRecertificationItem {
        lease: lease.to_owned(),
        tier: tier.to_owned(),
        breadth: "1 of 2 operations".to_owned(),
        last_used: None,
    }
}

fn far() -> Timestamp {
    "2099-01-01T00:00:00Z".parse().unwrap()
}

fn nowhere(_: &InterfaceRef) -> bool {
    false
}

async fn states(store: &Store) -> Vec<(String, ItemState)> {
    let items = store.recertification_items().await.unwrap();
    items.into_iter().map(|it: RecertificationItem| (it.grant.interface.to_string(), it.state)).collect()
}

/// INVARIANT: FAIL-SAFE: time alone never stops tier-1.
async fn a_deadline_ends_what_may_end_and_escalates_the_rest(stage: &Stage) {
    let store = stage.open().await;
    let mut items = Vec::new();
    for (interface, tier) in
        [("a-vital@1", "tier-1"), ("b-plain@1", "tier-2"), ("c-now-vital@1", "tier-3"), ("d-gone@1", "tier-3")]
    {
        items.push(item(&granted(&store, interface).await, tier));
    }
    store.end_grant(&items[3].lease, "s.decider", "over").await.unwrap();
    let past = "2020-01-01T00:00:00Z".parse().unwrap();
    let campaign = store.start_recertification(("all", past), &items, "s.okafor").await.unwrap();
    let later = store.start_recertification(("all", far()), &items[..1], "s.okafor").await.unwrap();
    let revision = store.access_revision().await.unwrap();
    let vital = |interface: &InterfaceRef| interface.name.as_str() == "c-now-vital";
    let settled = store.lapse_recertifications(vital).await.unwrap();
    assert_eq!(settled.len(), 4);
    assert_eq!(store.lapse_recertifications(vital).await.unwrap(), [], "once");
    let state = store.access_state().await.unwrap();
    assert_eq!(state.revision, revision + 1);
    let alive: Vec<_> =
        state.grants.iter().filter(|it| it.ended.is_none()).map(|it| it.interface.to_string()).collect();
    assert_eq!(alive, ["a-vital@1", "c-now-vital@1"]);
    let of_campaign: Vec<_> = store.recertification_items().await.unwrap();
    let of_campaign: Vec<_> = of_campaign.iter().filter(|it| it.campaign == campaign.id).map(|it| it.state).collect();
    assert_eq!(of_campaign, [ItemState::Escalated, ItemState::Lapsed, ItemState::Escalated, ItemState::Gone]);
    let closed = |id: &str| {
        let (store, id) = (store.clone(), id.to_owned());
        async move { store.recertifications().await.unwrap().into_iter().find(|it| it.id == id).unwrap().closed.is_some() }
    };
    assert!(!closed(&campaign.id).await, "the escalated ones are open");
    assert!(!closed(&later.id).await);
    let open: Vec<_> = store.recertification_items().await.unwrap();
    for item in open.iter().filter(|it| it.state == ItemState::Escalated) {
        store.recertify(&item.id, Answer::<Narrow>::Keep, "p.moreau", "the plant needs it").await.unwrap();
    }
    assert!(closed(&campaign.id).await);
    let actions = actions(&store).await;
    for action in
        ["recertification.started", "recertification.escalated", "recertification.lapsed", "recertification.closed"]
    {
        assert!(actions.contains(&action.to_owned()), "{action}");
    }
}

async fn answers_keep_narrow_and_end(stage: &Stage) {
    let store = stage.open().await;
    let mut items = Vec::new();
    for interface in ["a@1", "b@1", "c@1", "d@1"] {
        items.push(item(&granted(&store, interface).await, "tier-3"));
    }
    store.start_recertification(("all", far()), &items, "s.okafor").await.unwrap();
    let ids: Vec<String> = store.recertification_items().await.unwrap().into_iter().map(|it| it.id).collect();
    store.recertify(&ids[0], Answer::<Narrow>::Keep, "w.owner", "used daily").await.unwrap();
    let narrow: Narrow = |_| Ok(terms(&["list"]));
    let refuse: Narrow = |_| Err("nothing is taken".to_owned());
    assert!(matches!(
        store.recertify(&ids[1], Answer::Narrow(refuse), "w.owner", "x").await,
        Err(StoreError::Unnarrowed { .. })
    ));
    let narrowed = store.recertify(&ids[1], Answer::Narrow(narrow), "w.owner", "only lists").await.unwrap();
    assert_eq!(narrowed.grant.terms.operations, ["list"]);
    let ended = store.recertify(&ids[2], Answer::<Narrow>::End, "w.owner", "nobody knows it").await.unwrap();
    assert!(ended.grant.ended.is_some());
    store.end_grant(&items[3].lease, "w.owner", "over").await.unwrap();
    let gone = store.recertify(&ids[3], Answer::<Narrow>::Keep, "w.owner", "used").await;
    assert!(matches!(gone, Err(StoreError::AccessStands { state: "gone", .. })));
    let again = store.recertify(&ids[0], Answer::<Narrow>::End, "w.owner", "after all").await;
    assert!(matches!(again, Err(StoreError::AccessStands { state: "kept", .. })));
    let expected = [ItemState::Kept, ItemState::Narrowed, ItemState::Ended, ItemState::Gone];
    assert_eq!(states(&store).await.into_iter().map(|(_, state)| state).collect::<Vec<_>>(), expected);
    assert!(store.recertifications().await.unwrap()[0].closed.is_some());
    assert_eq!(store.lapse_recertifications(nowhere).await.unwrap(), []);
}

/// The table is made anew by a migration; what was granted before is granted after, and its terms are remembered.
async fn leases_from_before_are_kept(stage: &Stage) {
    let database = stage.emptied().await;
    migration::run_first(&database, 11).await.unwrap();
    let older = Store::on(database);
    tamper(
        &older,
        "INSERT INTO lease (id, origin, consumer, interface, terms, granted_at, ended_at) VALUES \
         ('grt_old', 'manifest', 'mes-ghent', 'orders@1', \
         '{\"operations\":[\"list\"],\"rows\":[],\"except\":[],\"purpose\":null,\"until\":null,\"on_end\":\"end\",\"rate\":null}', 1, NULL)",
    )
    .await;
    let insert = "INSERT INTO lease_terms (lease, digest) SELECT lease.id, entry_hash FROM lease, ledger_head";
    tamper(&older, insert).await;
    older.close().await;
    let store = stage.open().await;
    let lease = store.lease("grt_old").await.unwrap();
    assert_eq!((lease.origin, &lease.grant.terms.operations), (LeaseOrigin::Manifest, &vec!["list".to_owned()]));
    let granted = granted(&store, "stock@1").await;
    assert_eq!(store.lease(&granted).await.unwrap().origin, LeaseOrigin::Request);
    assert!(store.apply_manifest_grants(&[], "serve").await.unwrap().ended.contains(&"grt_old".to_owned()));
    assert!(store.verify_ledger().await.unwrap().is_whole());
}
