//! Subscriptions are access state: they need a grant and end with it, what ended is not revived, and each step is in the ledger.

use std::slice::from_ref;
use std::time::Duration;

use selvage_model::access::{EndAction, GrantTerms};
use selvage_model::event::{NewRecord, Position};
use selvage_model::manifest::event::Retention;
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_model::subscription::{Beginning, DeliveryTerms, SubscriptionState, SubscriptionTerms, Waiting, WaitsFor};

use super::both;
use super::stage::Stage;
use crate::{
    AskedSubscription, CursorMove, EventBatch, NewCursor, NewReplay, Store, StoreError, SubscriptionStep, TakenCursor,
};

both!(
    a_subscription_follows_its_manifest,
    a_subscription_needs_a_grant_and_ends_with_it,
    what_ended_stays_so,
    steps_follow_each_other,
    another_endpoint_is_probed_again,
    a_subscription_begins_where_it_was_asked_for,
    time_alone_ends_no_subscription_of_tier_1,
    retention_waits_for_who_asked,
    a_replay_holds_its_events_from_when_it_is_asked_for,
    what_is_pulled_is_active_as_soon_as_it_may_be,
    what_a_subscription_waits_for_is_seen_and_decides_nothing,
);

fn grant(operations: &[&str]) -> GrantTerms {
    GrantTerms::whole(operations.iter().copied())
}

pub(super) fn asked_grant() -> (ConsumerName, InterfaceRef, GrantTerms) {
    ("wms".parse().unwrap(), "orders@1".parse().unwrap(), grant(&["subscribe"]))
}

pub(super) async fn granted(store: &Store) -> String {
    let applied = store.apply_manifest_grants(from_ref(&asked_grant()), "serve").await.unwrap();
    applied.granted.first().cloned().unwrap_or_default()
}

pub(super) fn asked(path: &str) -> AskedSubscription {
    AskedSubscription {
        consumer: "wms".parse().unwrap(),
        name: "orders".parse().unwrap(),
        interface: "orders@1".parse().unwrap(),
        terms: SubscriptionTerms {
            events: vec!["a.b.made".to_owned()],
            from: Beginning::Newest,
            until: None,
            on_end: EndAction::End,
            lag: None,
            deliver: Some(DeliveryTerms {
                system: "wms".parse().unwrap(),
                path: path.to_owned(),
                secrets: Vec::new(),
                in_lanes: true,
                max_in_flight: 4,
                rate: None,
                timeout: Duration::from_secs(5),
                idempotent: false,
            }),
            replay: None,
        },
    }
}

async fn apply(store: &Store, asked: &[AskedSubscription]) -> crate::AppliedSubscriptions {
    store.apply_manifest_subscriptions(asked, true, "serve").await.unwrap()
}

async fn state(store: &Store) -> SubscriptionState {
    store.subscriptions().await.unwrap().last().unwrap().state
}

async fn actions(store: &Store) -> Vec<String> {
    let entries = store.ledger(1, 100).await.unwrap().into_iter();
    entries.map(|entry| entry.action).filter(|action| action.starts_with("subscription")).collect()
}

async fn a_subscription_follows_its_manifest(stage: &Stage) {
    let store = stage.open().await;
    granted(&store).await;
    assert_eq!(apply(&store, &[asked("/a")]).await.made, ["wms/orders"]);
    let revision = store.access_revision().await.unwrap();
    assert_eq!(apply(&store, &[asked("/a")]).await, crate::AppliedSubscriptions::default());
    assert_eq!(store.access_revision().await.unwrap(), revision);
    assert_eq!(apply(&store, &[asked("/b")]).await.changed, ["wms/orders"]);
    let state = store.access_state().await.unwrap();
    assert_eq!((state.subscriptions.len(), &state.subscriptions[0].terms), (1, &asked("/b").terms));
    assert_eq!(apply(&store, &[]).await.ended, ["wms/orders"]);
    let wanted = ["requested", "approved", "changed", "ended"].map(|step| format!("subscription.{step}"));
    assert_eq!(actions(&store).await, wanted);
    assert!(store.verify_ledger().await.unwrap().is_whole());
}

async fn a_subscription_needs_a_grant_and_ends_with_it(stage: &Stage) {
    let store = stage.open().await;
    assert_eq!(apply(&store, &[asked("/a")]).await.ungranted, ["wms/orders"]);
    let reads = ("wms".parse().unwrap(), "orders@1".parse().unwrap(), grant(&["read"]));
    store.apply_manifest_grants(from_ref(&reads), "serve").await.unwrap();
    assert_eq!(apply(&store, &[asked("/a")]).await.ungranted, ["wms/orders"]);
    assert!(store.subscriptions().await.unwrap().is_empty());

    store.apply_manifest_grants(&[], "serve").await.unwrap();
    let id = granted(&store).await;
    assert_eq!(apply(&store, &[asked("/a")]).await.made.len(), 1);
    store.end_grant(&id, "s.lead", "audit").await.unwrap();
    assert_eq!(state(&store).await, SubscriptionState::Ended);
    assert_eq!(actions(&store).await.last().unwrap(), "subscription.ended");
}

async fn what_ended_stays_so(stage: &Stage) {
    let store = stage.open().await;
    granted(&store).await;
    apply(&store, &[asked("/a")]).await;
    let id = store.subscriptions().await.unwrap()[0].id.clone();
    store.step_subscription(&id, SubscriptionStep::End, "s.lead", "audit").await.unwrap();
    let applied = apply(&store, &[asked("/a")]).await;
    assert_eq!((applied.held_back.len(), applied.made.len()), (1, 0));
    assert_eq!(apply(&store, &[asked("/b")]).await.made.len(), 1);
    apply(&store, &[]).await;
    let applied = apply(&store, &[asked("/a")]).await;
    assert_eq!((applied.held_back.len(), applied.made.len()), (1, 0));
}

async fn steps_follow_each_other(stage: &Stage) {
    use SubscriptionStep::{Approve, Begun, End, Probed, Resume, Suspend};
    let store = stage.open().await;
    granted(&store).await;
    store.apply_manifest_subscriptions(&[asked("/a")], false, "serve").await.unwrap();
    let id = store.subscriptions().await.unwrap()[0].id.clone();
    let step = async |step| store.step_subscription(&id, step, "s.lead", "so").await.map(|it| it.state.as_str());
    for (taken, comes) in [
        (Begun, None),
        (Probed, None),
        (Resume, None),
        (Approve, Some("approved")),
        (Approve, Some("approved")),
        (Begun, None),
        (Probed, Some("probed")),
        (Begun, Some("active")),
        (Begun, Some("active")),
        (Approve, None),
        (Suspend, Some("suspended")),
        (Begun, None),
        (Resume, Some("approved")),
        (Probed, Some("probed")),
        (End, Some("ended")),
        (End, Some("ended")),
        (Resume, None),
    ] {
        match (step(taken).await, comes) {
            (Ok(state), Some(wanted)) => assert_eq!(state, wanted, "{taken}"),
            (Err(StoreError::SubscriptionStands { .. }), None) => {}
            other => panic!("{taken}: {other:?}"),
        }
    }
    let refused = store.step_subscription("sub_none", Approve, "s.lead", "so").await.unwrap_err();
    assert!(matches!(refused, StoreError::NotFound { what: "subscription", .. }));
}

async fn another_endpoint_is_probed_again(stage: &Stage) {
    let store = stage.open().await;
    granted(&store).await;
    apply(&store, &[asked("/a")]).await;
    let id = store.subscriptions().await.unwrap()[0].id.clone();
    for step in [SubscriptionStep::Probed, SubscriptionStep::Begun] {
        store.step_subscription(&id, step, "node-a", "so").await.unwrap();
    }
    let mut more = asked("/a");
    more.terms.events.push("a.b.changed".to_owned());
    apply(&store, from_ref(&more)).await;
    assert_eq!(state(&store).await, SubscriptionState::Active);
    apply(&store, &[asked("/b")]).await;
    assert_eq!(state(&store).await, SubscriptionState::Approved);
}

async fn a_subscription_begins_where_it_was_asked_for(stage: &Stage) {
    let store = stage.open().await;
    granted(&store).await;
    let stream = "orders@1".parse().unwrap();
    store.open_event_stream(&stream, None).await.unwrap();
    let record = |number: usize| NewRecord {
        id: format!("e-{number}").parse().unwrap(),
        lane: "one".parse().unwrap(),
        body: b"{}".to_vec(),
    };
    let batch = |numbers: std::ops::Range<usize>| EventBatch {
        stream: "orders@1".parse().unwrap(),
        records: numbers.map(record).collect(),
        acknowledged: Position::START,
    };
    let more = batch(3..4);
    store.append_events(&[batch(0..3)]).await.unwrap();
    apply(&store, &[asked("/a")]).await;
    let subscription = store.subscriptions().await.unwrap().remove(0);
    assert_eq!(subscription.begins.offset(), 3);
    // And its cursor ends with it.
    let new = NewCursor {
        stream: subscription.interface.clone(),
        reader: subscription.reader().unwrap(),
        start: subscription.begins,
        node: "node-a".to_owned(),
        lease: Duration::from_secs(10),
    };
    store.take_cursor(&new).await.unwrap();
    let view = store.subscription_views().await.unwrap().remove(0);
    assert_eq!(
        (view.position, view.head, view.node.as_deref()),
        (Some(subscription.begins), Some(subscription.begins), Some("node-a"))
    );
    // It has had nothing yet, and then it has.
    assert!(store.subscriptions_moved().await.unwrap().is_empty());
    store.append_events(&[more]).await.unwrap();
    let TakenCursor::Taken { position, fence } = store.take_cursor(&new).await.unwrap() else {
        panic!("it is its own")
    };
    let to = Position::new(position.epoch(), position.offset() + 1).unwrap();
    let moved = CursorMove { stream: new.stream.clone(), reader: new.reader.clone(), fence, to };
    store.move_cursor(&moved).await.unwrap();
    let last = store.subscriptions_moved().await.unwrap();
    assert!(last.len() == 1 && last[&subscription.id] >= subscription.requested, "{last:?}");
    apply(&store, &[]).await;
    assert!(store.cursors(&subscription.interface).await.unwrap().is_empty());
    let mut oldest = asked("/a");
    oldest.terms.from = Beginning::Oldest;
    apply(&store, from_ref(&oldest)).await;
    assert_eq!(store.subscriptions().await.unwrap().pop().unwrap().begins, Position::START);
}

async fn time_alone_ends_no_subscription_of_tier_1(stage: &Stage) {
    let store = stage.open().await;
    granted(&store).await;
    let over = Some("2020-01-01T00:00:00Z".parse().unwrap());
    let of = |name: &str, on_end| {
        let asked = asked("/a");
        AskedSubscription {
            name: name.parse().unwrap(),
            terms: SubscriptionTerms { until: over, on_end, ..asked.terms },
            ..asked
        }
    };
    apply(&store, &[of("plain", EndAction::End), of("vital", EndAction::Alarm)]).await;
    store.end_overdue_subscriptions().await.unwrap();
    let all = store.subscriptions().await.unwrap();
    let stands: Vec<_> = all.iter().map(|it| (it.name.as_str(), it.state == SubscriptionState::Ended)).collect();
    assert_eq!(stands.len(), 2);
    assert!(stands.contains(&("plain", true)) && stands.contains(&("vital", false)), "{stands:?}");
    let vital = all.iter().find(|it| it.name.as_str() == "vital").unwrap();
    assert!(vital.is_overdue(jiff::Timestamp::now()), "and somebody is told");
}

/// INVARIANT: NOTHING-LOST: what a subscription is to have stays in the log from the time at which it was asked for.
async fn retention_waits_for_who_asked(stage: &Stage) {
    let store = stage.open().await;
    granted(&store).await;
    let stream: InterfaceRef = "orders@1".parse().unwrap();
    let mut oldest = asked("/a");
    oldest.terms.from = Beginning::Oldest;
    // It is asked for before the stream is there, and nobody approves it yet.
    store.apply_manifest_subscriptions(from_ref(&oldest), false, "serve").await.unwrap();
    store.open_event_stream(&stream, None).await.unwrap();
    let record = |number: usize| NewRecord {
        id: format!("e-{number}").parse().unwrap(),
        lane: "one".parse().unwrap(),
        body: b"{}".to_vec(),
    };
    let batch =
        EventBatch { stream: stream.clone(), records: (0..3).map(record).collect(), acknowledged: Position::START };
    store.append_events(&[batch]).await.unwrap();
    let nothing = Retention { time: Duration::ZERO, at_least: None, at_most: None };
    tokio::time::sleep(Duration::from_millis(5)).await;
    let kept = store.retire_events(&stream, nothing, false).await.unwrap();
    let reader = store.subscriptions().await.unwrap()[0].reader().unwrap();
    assert_eq!((kept.records, kept.behind.len(), &kept.behind[0].reader), (0, 1, &reader));
    // Another that is asked for later, from the newest: its place is held at once, too.
    let mut newest = asked("/b");
    newest.name = "later".parse().unwrap();
    store.apply_manifest_subscriptions(&[oldest.clone(), newest], false, "serve").await.unwrap();
    let cursors = store.cursors(&stream).await.unwrap();
    let mut positions: Vec<u64> = cursors.iter().map(|cursor| cursor.position.offset()).collect();
    positions.sort_unstable();
    assert_eq!(positions, [0, 3]);
    // Who takes it up begins there; who pulls holds nothing by a subscription; who has ended holds nothing.
    let mut pulled = oldest;
    pulled.terms.deliver = None;
    apply(&store, from_ref(&pulled)).await;
    assert!(store.cursors(&stream).await.unwrap().is_empty());
    let gone = store.retire_events(&stream, nothing, false).await.unwrap();
    assert_eq!((gone.records, gone.behind.len()), (3, 0));
}

async fn a_replay_holds_its_events_from_when_it_is_asked_for(stage: &Stage) {
    let store = stage.open().await;
    granted(&store).await;
    let stream: InterfaceRef = "orders@1".parse().unwrap();
    store.open_event_stream(&stream, None).await.unwrap();
    let record = NewRecord { id: "e-1".parse().unwrap(), lane: "one".parse().unwrap(), body: b"{}".to_vec() };
    let batch = EventBatch { stream: stream.clone(), records: vec![record], acknowledged: Position::START };
    store.append_events(&[batch]).await.unwrap();
    let mut repeated = asked("/a");
    repeated.terms.deliver.as_mut().unwrap().idempotent = true;
    apply(&store, from_ref(&repeated)).await;
    let new = NewReplay {
        of: store.subscriptions().await.unwrap()[0].id.clone(),
        target: None,
        after: Position::START,
        through: None,
        lanes: Vec::new(),
        rate: None,
        by: "m.ops".to_owned(),
        because: "again".to_owned(),
    };
    // Its endpoint has to have taken a probe, and nobody may have stopped it: a replay goes round neither.
    for (step, stands) in [
        (None, SubscriptionState::Approved),
        (Some(SubscriptionStep::Suspend), SubscriptionState::Suspended),
        (Some(SubscriptionStep::Resume), SubscriptionState::Approved),
    ] {
        if let Some(step) = step {
            store.step_subscription(&new.of, step, "m.ops", "to see").await.unwrap();
        }
        let refused = store.ask_for_replay(&new).await.unwrap_err();
        assert!(matches!(refused, StoreError::ReplayUnsent { state, .. } if state == stands), "{refused}");
    }
    store.step_subscription(&new.of, SubscriptionStep::Probed, "node", "it took a probe").await.unwrap();
    let replay = store.ask_for_replay(&new).await.unwrap();
    let cursors = store.cursors(&stream).await.unwrap();
    let held = cursors.iter().find(|cursor| cursor.reader == replay.reader().unwrap());
    assert_eq!(held.map(|cursor| cursor.position), Some(Position::START));
}

/// There is no endpoint to probe.
async fn what_is_pulled_is_active_as_soon_as_it_may_be(stage: &Stage) {
    let store = stage.open().await;
    granted(&store).await;
    let mut pulled = asked("/a");
    pulled.terms.deliver = None;
    apply(&store, from_ref(&pulled)).await;
    assert_eq!(state(&store).await, SubscriptionState::Active);

    // Where a person has to approve it, and after a suspension.
    let mut late = pulled.clone();
    late.name = "late".parse().unwrap();
    store.apply_manifest_subscriptions(&[pulled.clone(), late.clone()], false, "serve").await.unwrap();
    assert_eq!(state(&store).await, SubscriptionState::Requested);
    let id = store.subscriptions().await.unwrap().last().unwrap().id.clone();
    for (step, expected) in [
        (SubscriptionStep::Approve, SubscriptionState::Active),
        (SubscriptionStep::Suspend, SubscriptionState::Suspended),
        (SubscriptionStep::Resume, SubscriptionState::Active),
    ] {
        store.step_subscription(&id, step, "s.lead", "so").await.unwrap();
        assert_eq!(state(&store).await, expected, "{step}");
    }
    // One of before, that waited for a probe.
    for before in [
        "UPDATE subscription SET state = 'approved' WHERE name = 'late'",
        "UPDATE subscription SET state = 'probed' WHERE name = 'late'",
    ] {
        super::stage::tamper(&store, before).await;
        store.step_subscription(&id, SubscriptionStep::Begun, "node-a", "it is pulled").await.unwrap();
        assert_eq!(state(&store).await, SubscriptionState::Active, "{before}");
    }
    // With an endpoint it is probed, and without one again it is not.
    let mut sent = late.clone();
    sent.terms.deliver = asked("/b").terms.deliver;
    apply(&store, &[pulled.clone(), sent]).await;
    assert_eq!(state(&store).await, SubscriptionState::Approved);
    late.terms.events.push("a.b.gone".to_owned());
    apply(&store, &[pulled, late]).await;
    assert_eq!(state(&store).await, SubscriptionState::Active);
}

async fn what_a_subscription_waits_for_is_seen_and_decides_nothing(stage: &Stage) {
    let store = stage.open().await;
    granted(&store).await;
    apply(&store, &[asked("/a")]).await;
    let (before, revision) = (store.subscriptions().await.unwrap(), store.access_revision().await.unwrap());
    let id = before[0].id.clone();
    let stands = async || store.subscription_views().await.unwrap().remove(0);
    assert_eq!((stands().await.stands(), stands().await.because()), ("approved", None));
    let waiting = Waiting { what: WaitsFor::Secret, because: "the secret `wms/hooks` is not there".to_owned() };
    for _ in 0..2 {
        store.note_waiting(&[(id.clone(), Some(waiting.clone()))]).await.unwrap();
        let view = stands().await;
        assert_eq!((view.stands(), view.because()), ("waiting: secret missing", Some(waiting.because.as_str())));
    }
    assert_eq!(store.subscriptions().await.unwrap(), before);
    assert_eq!(store.access_revision().await.unwrap(), revision);
    // Nobody waits for anything who was stopped by a person.
    store.step_subscription(&id, SubscriptionStep::Suspend, "ann", "the line is moved").await.unwrap();
    assert_eq!((stands().await.stands(), stands().await.because()), ("suspended", Some("the line is moved")));
    store.step_subscription(&id, SubscriptionStep::Resume, "ann", "it is back").await.unwrap();
    store.note_waiting(&[(id, None)]).await.unwrap();
    assert_eq!(stands().await.stands(), "approved");
}
