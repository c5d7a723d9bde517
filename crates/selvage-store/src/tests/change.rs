//! Changes are proposed, altered, decided and released, one step at a time; what is active is appended.

use selvage_model::change::{Change, ChangeState, DecisionVerdict, Delegation, Need, Report, Requirement};
use selvage_model::name::{DomainName, EnvironmentName};
use serde_json::json;

use super::both;
use super::stage::Stage;
use super::stage::tamper;
use crate::{
    Activated, AskedAccess, AskedChanges, ChangeStates, NewActivation, NewChange, NewDirectory, NewRelease, ReleaseKey,
    Store, StoreError, migration,
};

both!(
    a_change_becomes_a_release,
    an_altered_change_is_another_version,
    a_release_of_a_moved_domain_is_refused,
    an_emergency_is_ratified,
    what_was_ratified_late_stays_known,
    content_is_released_again_by_another_change,
    what_is_active_is_appended,
    an_activation_takes_its_access_along_or_nothing,
    access_that_moves_while_it_is_planned_is_planned_again,
    no_directory_takes_from_a_release_whoever_comes_first,
    the_head_is_by_count_and_not_by_clock,
    heads_from_before_are_kept,
    steps_at_once_wait_for_each_other,
    a_seat_is_lent_for_a_time,
    changes_come_in_pages,
);

fn new_change(base: Option<&str>, release: &str) -> NewChange {
    NewChange {
        domain: "plant-ghent".parse().unwrap(),
        title: "Orders report scrap".to_owned(),
        author: "a.lead".to_owned(),
        base: base.map(str::to_owned),
        release: release.to_owned(),
        content: json!({"domains/plant-ghent/x.yaml": "kind: Team\n"}),
        emergency: false,
        report: Report { risk: "safe".to_owned(), ..Report::default() },
        requirements: vec![Requirement {
            need: Need::Board { domain: "group".parse().unwrap(), quorum: 1 },
            because: vec!["a second pair of eyes on every change".to_owned()],
            seats: Vec::new(),
        }],
    }
}

async fn release(store: &Store, change: &Change, ratify_within_hours: Option<u32>) -> Result<(), StoreError> {
    let new = NewRelease { change, key: "rk_1", signature: &[7; 64], by: "b.lead", ratify_within_hours };
    store.release_change(new).await.map(drop)
}

async fn a_change_becomes_a_release(stage: &Stage) {
    let store = stage.open().await;
    let change = store.propose(&new_change(None, "rel_1")).await.unwrap();
    assert_eq!((change.version, change.state), (1, ChangeState::Open));
    let decided = store.decide_change(&change.id, 1, "s.okafor", DecisionVerdict::Approve, "it is well").await.unwrap();
    assert_eq!(decided.decisions.len(), 1);
    assert_eq!(store.changes().await.unwrap(), vec![decided.clone()]);
    store
        .keep_release_key(&ReleaseKey { id: "rk_1".to_owned(), public: [1; 32] }, "b.lead", "the first")
        .await
        .unwrap();
    release(&store, &decided, None).await.unwrap();
    let kept = store.signed_release("rel_1").await.unwrap().unwrap();
    assert_eq!(
        (kept.change.as_str(), kept.signature.len(), kept.domain.as_str()),
        (change.id.as_str(), 64, "plant-ghent")
    );
    assert_eq!(kept.content["domains/plant-ghent/x.yaml"], "kind: Team\n");
    assert_eq!(store.head(&kept.domain).await.unwrap().as_deref(), Some("rel_1"));
    assert_eq!(store.release_keys().await.unwrap().len(), 1);
    // It is settled: nothing more is decided, altered or released.
    let refused = store.decide_change(&change.id, 1, "x", DecisionVerdict::Reject, "no").await.err().unwrap();
    assert!(matches!(refused, StoreError::ChangeStands { state: ChangeState::Released, .. }), "{refused}");
    assert!(store.amend(&change.id, 1, &new_change(None, "rel_2")).await.is_err());
    assert!(release(&store, &decided, None).await.is_err());
    let actions: Vec<_> = store.ledger(2, 10).await.unwrap().into_iter().map(|entry| entry.action).collect();
    assert_eq!(actions, ["change.proposed", "change.decided", "release-key.made", "release.made"]);
    assert!(store.verify_ledger().await.unwrap().faults.is_empty());
}

async fn changes_come_in_pages(stage: &Stage) {
    let store = stage.open().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(store.propose(&new_change(None, &format!("rel_{number}"))).await.unwrap().id);
    }
    // Two in the same moment have an order, too.
    tamper(&store, "UPDATE change_proposal SET proposed_at = 7 WHERE release_id IN ('rel_1', 'rel_2')").await;
    store.settle_change(&store.change(&ids[4]).await.unwrap(), ChangeState::Rejected, "i.haas", "no").await.unwrap();
    store.decide_change(&ids[3], 1, "s.okafor", DecisionVerdict::Comment, "hm").await.unwrap();
    let page = async |states, after: Option<&String>, limit| {
        let domain = Some("plant-ghent".parse().unwrap());
        let asked = AskedChanges { domain, states, after: after.cloned(), limit };
        let (changes, next) = store.changes_page(&asked).await.unwrap();
        (changes, next)
    };
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let (changes, next) = page(ChangeStates::All, after.as_ref(), 2).await;
        assert!(changes.len() <= 2);
        seen.extend(changes);
        let Some(next) = next else { break };
        after = Some(next);
    }
    let mut all = store.changes().await.unwrap();
    all.reverse();
    assert_eq!(seen, all, "each of them once, with what was decided");
    assert_eq!(page(ChangeStates::Only(ChangeState::Rejected), None, 9).await.0.len(), 1);
    assert_eq!(page(ChangeStates::Undecided, None, 9).await.0.len(), 5);
    assert_eq!(page(ChangeStates::All, Some(&"chg_none".to_owned()), 9).await, (Vec::new(), None));
    let elsewhere =
        AskedChanges { domain: Some("group".parse().unwrap()), states: ChangeStates::All, after: None, limit: 9 };
    assert_eq!(store.changes_page(&elsewhere).await.unwrap(), (Vec::new(), None));
}

async fn an_altered_change_is_another_version(stage: &Stage) {
    let store = stage.open().await;
    let change = store.propose(&new_change(None, "rel_1")).await.unwrap();
    let approved = store.decide_change(&change.id, 1, "s.okafor", DecisionVerdict::Approve, "well").await.unwrap();
    let altered = store.amend(&change.id, 1, &new_change(None, "rel_2")).await.unwrap();
    assert_eq!((altered.version, altered.release.as_str(), altered.decisions.len()), (2, "rel_2", 1));
    // Who looked at the version before neither decides about this one nor releases it.
    let late = store.decide_change(&change.id, 1, "i.haas", DecisionVerdict::Approve, "well").await.err().unwrap();
    assert!(matches!(late, StoreError::ChangeStands { version: 2, .. }), "{late}");
    assert!(release(&store, &approved, None).await.is_err());
    assert!(store.amend(&change.id, 1, &new_change(None, "rel_3")).await.is_err());
    // What was rejected is opened again by another version.
    let rejected = store.settle_change(&altered, ChangeState::Rejected, "i.haas", "no").await.unwrap();
    assert_eq!(rejected.state, ChangeState::Rejected);
    let again = store.amend(&change.id, 2, &new_change(None, "rel_3")).await.unwrap();
    assert_eq!((again.state, again.version), (ChangeState::Open, 3));
}

async fn a_release_of_a_moved_domain_is_refused(stage: &Stage) {
    let store = stage.open().await;
    let first = store.propose(&new_change(None, "rel_1")).await.unwrap();
    let second = store.propose(&new_change(None, "rel_2")).await.unwrap();
    release(&store, &first, None).await.unwrap();
    let refused = release(&store, &second, None).await.err().unwrap();
    assert!(matches!(refused, StoreError::ChangeStale { .. }), "{refused}");
    let rebased = store.amend(&second.id, 1, &new_change(Some("rel_1"), "rel_2")).await.unwrap();
    release(&store, &rebased, None).await.unwrap();
    assert_eq!(store.head(&"plant-ghent".parse().unwrap()).await.unwrap().as_deref(), Some("rel_2"));
}

async fn content_is_released_again_by_another_change(stage: &Stage) {
    let store = stage.open().await;
    let mut made = Vec::new();
    for (base, id) in [(None, "rel_1"), (Some("rel_1"), "rel_2"), (Some("rel_2"), "rel_1")] {
        let change = store.propose(&new_change(base, id)).await.unwrap();
        release(&store, &change, None).await.unwrap();
        made.push((id.to_owned(), change.id));
    }
    let listed: Vec<_> = store.signed_releases().await.unwrap().into_iter().map(|it| (it.id, it.change)).collect();
    assert_eq!(listed, made, "each with its own change");
    let found = store.signed_release("rel_1").await.unwrap().unwrap();
    assert_eq!(found.change, made[2].1, "by the change that made it last");
    assert_eq!(store.head(&found.domain).await.unwrap().as_deref(), Some("rel_1"));
}

async fn an_emergency_is_ratified(stage: &Stage) {
    let store = stage.open().await;
    let change = store.propose(&NewChange { emergency: true, ..new_change(None, "rel_1") }).await.unwrap();
    release(&store, &change, Some(24)).await.unwrap();
    let released = store.change(&change.id).await.unwrap();
    assert!(released.ratify_until.is_some_and(|until| until > released.changed));
    let open = store.propose(&new_change(Some("rel_1"), "rel_2")).await.unwrap();
    let (now, waiting) = store.waiting_changes().await.unwrap();
    let ratify: Vec<_> = waiting.iter().map(|it| (it.proposed, it.ratify_until)).collect();
    assert_eq!(ratify, [(change.proposed, released.ratify_until), (open.proposed, None)]);
    assert!(now >= open.proposed);
    let decided = store.decide_change(&change.id, 1, "s.okafor", DecisionVerdict::Approve, "well").await.unwrap();
    assert_eq!(decided.decisions.len(), 1);
    store.ratify_change(&change.id, "s.okafor").await.unwrap();
    let ratified = store.change(&change.id).await.unwrap();
    assert_eq!((ratified.ratify_until, ratified.ratified_late), (None, None));
    assert_eq!(store.waiting_changes().await.unwrap().1.len(), 1, "the one that is open");
    assert!(store.decide_change(&change.id, 1, "x", DecisionVerdict::Approve, "well").await.is_err());
}

/// A breach stays one when somebody ratifies it at last.
async fn what_was_ratified_late_stays_known(stage: &Stage) {
    let store = stage.open().await;
    let change = store.propose(&NewChange { emergency: true, ..new_change(None, "rel_1") }).await.unwrap();
    release(&store, &change, Some(24)).await.unwrap();
    tamper(&store, "UPDATE change_proposal SET ratify_until = 1000000").await;
    for _ in 0..2 {
        store.ratify_change(&change.id, "s.okafor").await.unwrap();
    }
    let ratified = store.change(&change.id).await.unwrap();
    assert_eq!(ratified.ratify_until, None);
    assert_eq!(ratified.ratified_late, Some("1970-01-01T00:00:01Z".parse().unwrap()));
    let entries = store.ledger(1, 100).await.unwrap();
    let said: Vec<_> = entries.iter().filter(|entry| entry.action == "change.ratified").collect();
    assert_eq!((said.len(), &said[0].detail["late"]), (1, &json!(true)));
}

async fn what_is_active_is_appended(stage: &Stage) {
    let store = stage.open().await;
    let (prod, ghent): (EnvironmentName, DomainName) = ("prod".parse().unwrap(), "plant-ghent".parse().unwrap());
    let gates = json!([]);
    let asks = AskedAccess::default();
    let activation = |release: &'static str, seen: u64| NewActivation {
        environment: &prod,
        domain: &ghent,
        release,
        by: "b.lead",
        because: "it is time",
        gates: &gates,
        is_rollback: false,
        seen,
        asks: &asks,
    };
    let missing = store.activate_domain(&activation("rel_1", 0)).await.err().unwrap();
    assert!(matches!(missing, StoreError::NotFound { what: "release", .. }), "{missing}");
    for (base, id) in [(None, "rel_1"), (Some("rel_1"), "rel_2")] {
        let change = store.propose(&new_change(base, id)).await.unwrap();
        release(&store, &change, None).await.unwrap();
    }
    let revision = store.access_revision().await.unwrap();
    let activated =
        async |release, seen| store.activate_domain(&activation(release, seen)).await.map(|applied| applied.activated);
    assert!(matches!(activated("rel_1", 0).await.unwrap(), Activated::Now(_)));
    let moved = activated("rel_2", 0).await.unwrap_err();
    assert!(matches!(moved, StoreError::ActivationMoved { .. }), "{moved}");
    let seen = store.activations().await.unwrap()[0].ordinal;
    assert!(matches!(activated("rel_2", seen).await.unwrap(), Activated::Now(_)));
    let seen = store.activations().await.unwrap()[0].ordinal;
    assert_eq!(activated("rel_2", seen).await.unwrap(), Activated::Before);
    assert_eq!(store.access_revision().await.unwrap(), revision + 2, "nodes hear of it");
    let active = store.active_domains().await.unwrap();
    assert_eq!(active.iter().map(|it| it.release.as_str()).collect::<Vec<_>>(), ["rel_2"]);
    let history: Vec<_> = store.activations().await.unwrap().into_iter().map(|it| it.release).collect();
    assert_eq!(history, ["rel_2", "rel_1"]);
}

/// INVARIANT: REVOKED-NOW
/// INVARIANT: REVOKED-NOW: what ended between the look at all leases and the activation stays ended, and whoever activates is told.
async fn access_that_moves_while_it_is_planned_is_planned_again(stage: &Stage) {
    let store = stage.open().await;
    let (test, ghent): (EnvironmentName, DomainName) = ("test".parse().unwrap(), "plant-ghent".parse().unwrap());
    let mut base = None;
    for id in ["rel_1", "rel_2"] {
        let change = store.propose(&new_change(base, id)).await.unwrap();
        release(&store, &change, None).await.unwrap();
        base = Some(id);
    }
    let asks = AskedAccess { grants: vec![super::subscription::asked_grant()], ..AskedAccess::default() };
    let new = |release, seen| NewActivation {
        environment: &test,
        domain: &ghent,
        release,
        by: "b.lead",
        because: "it is time",
        gates: &serde_json::Value::Null,
        is_rollback: false,
        seen,
        asks: &asks,
    };
    let first = store.activate_domain(&new("rel_1", 0)).await.unwrap();
    assert_eq!((first.grants.granted.len(), first.grants.held_back.len()), (1, 0));

    let mut revoking = store.database.write().await.unwrap();
    let ended = "UPDATE access_revision SET revision = revision + 1; UPDATE lease SET ended_at = 5;";
    revoking.script(ended).await.unwrap();
    let seen = store.activations().await.unwrap()[0].ordinal;
    let second = new("rel_2", seen);
    let revoked = async {
        // By then it has planned with a lease that is alive, and waits.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        revoking.commit().await.unwrap();
    };
    let (applied, ()) = tokio::join!(store.activate_domain(&second), revoked);
    let applied = applied.unwrap();
    assert!(matches!(applied.activated, Activated::Now(_)));
    assert_eq!((applied.grants.granted.len(), applied.grants.held_back.len()), (0, 1), "{:?}", applied.grants);
    assert!(store.access_state().await.unwrap().grants.iter().all(|lease| lease.ended.is_some()));
}

async fn an_activation_takes_its_access_along_or_nothing(stage: &Stage) {
    let store = stage.open().await;
    let (test, ghent): (EnvironmentName, DomainName) = ("test".parse().unwrap(), "plant-ghent".parse().unwrap());
    let change = store.propose(&new_change(None, "rel_1")).await.unwrap();
    release(&store, &change, None).await.unwrap();
    let asks = |paths: &[&str]| AskedAccess {
        grants: vec![super::subscription::asked_grant()],
        subscriptions: Some(paths.iter().map(|path| super::subscription::asked(path)).collect()),
    };
    let activate = async |release: &str, seen: u64, asks: &AskedAccess| {
        let (by, because, gates) = ("b.lead", "it is time", &json!([]));
        let (environment, domain) = (&test, &ghent);
        let new = NewActivation { environment, domain, release, by, because, gates, is_rollback: false, seen, asks };
        store.activate_domain(&new).await
    };
    let revision = store.access_revision().await.unwrap();
    for (release, seen) in [("rel_9", 0), ("rel_1", 7)] {
        assert!(activate(release, seen, &asks(&["/a"])).await.is_err());
    }
    assert!(store.access_state().await.unwrap().grants.is_empty());
    assert_eq!(store.access_revision().await.unwrap(), revision);
    let applied = activate("rel_1", 0, &asks(&["/a"])).await.unwrap();
    assert_eq!((applied.grants.granted.len(), applied.subscriptions.made.len()), (1, 1));
    assert_eq!(store.access_revision().await.unwrap(), revision + 1, "one step, of which nodes hear once");
    // What is active already is made whole.
    store.end_grant(&applied.grants.granted[0], "harm", "it is taken back").await.unwrap();
    let seen = store.activations().await.unwrap()[0].ordinal;
    let again = activate("rel_1", seen, &asks(&[])).await.unwrap();
    assert_eq!((again.activated, again.grants.held_back.len()), (Activated::Before, 1), "what ended stays so");
    // What would come of it is looked at, and nothing is changed.
    let (revision, entries) = (store.access_revision().await.unwrap(), store.verify_ledger().await.unwrap().entries);
    let (grants, _) = store.preview_access(&test, &asks(&["/a"])).await.unwrap();
    assert_eq!((grants.granted.len(), grants.held_back.len()), (0, 1));
    assert_eq!(store.access_revision().await.unwrap(), revision);
    assert_eq!(store.verify_ledger().await.unwrap().entries, entries);
    let actions: Vec<_> = store.ledger(4, 20).await.unwrap().into_iter().map(|entry| entry.action).collect();
    let expected = [
        "release.activated",
        "grant.granted",
        "subscription.requested",
        "subscription.approved",
        "grant.ended",
        "subscription.ended",
    ];
    assert_eq!(actions, expected);
}

/// INVARIANT: APPROVED, REVOKED-NOW
async fn no_directory_takes_from_a_release_whoever_comes_first(stage: &Stage) {
    let store = stage.open().await;
    let (test, ghent): (EnvironmentName, DomainName) = ("test".parse().unwrap(), "plant-ghent".parse().unwrap());
    let change = store.propose(&new_change(None, "rel_1")).await.unwrap();
    release(&store, &change, None).await.unwrap();
    let grants = vec![super::subscription::asked_grant()];
    let (asks, nothing) = (AskedAccess { grants, ..AskedAccess::default() }, AskedAccess::default());
    let (content, gates) = (json!({"fabric.yaml": "kind: Fabric\n"}), json!([]));
    let directory =
        NewDirectory { environment: &test, release: "rel_dir", content: &content, by: "dir", asks: &nothing };
    let new = NewActivation {
        environment: &test,
        domain: &ghent,
        release: "rel_1",
        by: "b.lead",
        because: "it is time",
        gates: &gates,
        is_rollback: false,
        seen: 0,
        asks: &asks,
    };
    // Both at once, as on two nodes.
    let (served, activated) = tokio::join!(store.activate_directory(&directory), store.activate_domain(&new));
    activated.unwrap();
    assert!(served.is_ok() || matches!(served, Err(StoreError::BesideReleases { .. })), "{served:?}");
    for _ in 0..2 {
        let access = store.access_state().await.unwrap();
        assert!(access.grants.iter().all(|grant| grant.ended.is_none()) && access.grants.len() == 1, "{access:?}");
        let entries = store.verify_ledger().await.unwrap().entries;
        let refused = store.activate_directory(&directory).await.unwrap_err();
        assert_eq!(refused.code().as_str(), "FAB7063", "{refused}");
        assert_eq!(store.verify_ledger().await.unwrap().entries, entries, "nothing is left of it");
    }
}

async fn the_head_is_by_count_and_not_by_clock(stage: &Stage) {
    let store = stage.open().await;
    let first = store.propose(&new_change(None, "rel_1")).await.unwrap();
    release(&store, &first, None).await.unwrap();
    // The clock was ahead then, and is right by now.
    tamper(&store, "UPDATE change_proposal SET released_at = released_at + 3600000000").await;
    tamper(&store, "UPDATE release_seal SET made_at = made_at + 3600000000").await;
    let second = store.propose(&new_change(Some("rel_1"), "rel_2")).await.unwrap();
    release(&store, &second, None).await.unwrap();
    let ghent: DomainName = "plant-ghent".parse().unwrap();
    assert_eq!(store.head(&ghent).await.unwrap().as_deref(), Some("rel_2"));
    let listed: Vec<String> = store.signed_releases().await.unwrap().into_iter().map(|it| it.id).collect();
    assert_eq!(listed, ["rel_1", "rel_2"]);
    let stale = store.propose(&new_change(Some("rel_1"), "rel_3")).await.unwrap();
    let refused = release(&store, &stale, None).await.unwrap_err();
    assert!(matches!(refused, StoreError::ChangeStale { .. }), "{refused}");
}

async fn heads_from_before_are_kept(stage: &Stage) {
    let database = stage.emptied().await;
    migration::run_first(&database, 15).await.unwrap();
    let older = Store::on(database);
    tamper(
        &older,
        "INSERT INTO change_proposal (id, domain, title, author, version, release_id, content, state, emergency, report, requirements,
         proposed_at, changed_at, released_at) VALUES
         ('chg_1', 'group', 'x', 'ann', 1, 'rel_1', '{}', 'released', 0, '{}', '[]', 1, 9, 5),
         ('chg_2', 'group', 'x', 'ann', 1, 'rel_2', '{}', 'released', 0, '{}', '[]', 2, 3, 7),
         ('chg_3', 'group', 'x', 'ann', 1, 'rel_3', '{}', 'open', 0, '{}', '[]', 3, 8, NULL),
         ('chg_4', 'plant-ghent', 'x', 'ann', 1, 'rel_4', '{}', 'released', 0, '{}', '[]', 3, 8, 7)",
    )
    .await;
    older.close().await;
    let store = stage.open().await;
    for (domain, head) in [("group", "rel_2"), ("plant-ghent", "rel_4")] {
        assert_eq!(store.head(&domain.parse().unwrap()).await.unwrap().as_deref(), Some(head));
    }
}

/// Whoever releases while others alter, settle and ratify: each is done or told that it stands otherwise, and nobody waits for nothing.
async fn steps_at_once_wait_for_each_other(stage: &Stage) {
    let store = stage.open().await;
    let stands = |done: Result<(), StoreError>| match done {
        Ok(()) => true,
        Err(StoreError::ChangeStands { .. } | StoreError::ChangeStale { .. }) => false,
        Err(error) => panic!("{error:?}"),
    };
    for round in 0..40 {
        let change = store.propose(&new_change(None, "rel_1")).await.unwrap();
        let request = store.request_access(&super::lease::asked("orders@1")).await.unwrap();
        let amend = async { store.amend(&change.id, 1, &new_change(None, "rel_2")).await.map(drop) };
        let settle = async { store.settle_change(&change, ChangeState::Withdrawn, "a.lead", "no").await.map(drop) };
        let approve = async { store.approve_request(&request.id, "s.one", "yes").await.map(drop) };
        let reject = async { store.reject_request(&request.id, "s.two", "no").await.map(drop) };
        let (released, amended, settled, ratified, approved, rejected) = tokio::join!(
            release(&store, &change, None),
            amend,
            settle,
            store.ratify_change(&change.id, "s.okafor"),
            approve,
            reject,
        );
        ratified.unwrap();
        let done = [released, amended, settled].map(stands);
        assert!(done.iter().filter(|done| **done).count() <= 2, "round {round}: {done:?}");
        for decided in [&approved, &rejected] {
            assert!(matches!(decided, Ok(()) | Err(StoreError::AccessStands { .. })), "round {round}: {decided:?}");
        }
        assert!(approved.is_ok() != rejected.is_ok(), "round {round}");
    }
    assert!(store.verify_ledger().await.unwrap().is_whole());
}

async fn a_seat_is_lent_for_a_time(stage: &Stage) {
    let store = stage.open().await;
    let (now, none) = store.delegations().await.unwrap();
    assert!(none.is_empty());
    let lent = |hours: i64| Delegation {
        id: String::new(),
        domain: "group".parse().unwrap(),
        discipline: "security".to_owned(),
        from: "s.okafor".to_owned(),
        to: "deputy".to_owned(),
        until: now + jiff::SignedDuration::from_hours(hours),
        unproven: false,
    };
    let kept = store.delegate(&lent(2)).await.unwrap();
    store.delegate(&lent(-1)).await.unwrap();
    assert_eq!(store.delegations().await.unwrap().1, vec![kept.clone()]);
    let by_name = store.unproven().delegate(&lent(3)).await.unwrap();
    assert!(by_name.unproven && !kept.unproven, "the ledger says who proved what");
    assert_eq!(store.delegations().await.unwrap().1, vec![kept.clone(), by_name.clone()]);
    store.end_delegation(&by_name.id, "s.okafor").await.unwrap();
    store.end_delegation(&kept.id, "s.okafor").await.unwrap();
    assert!(store.delegations().await.unwrap().1.is_empty());
}
