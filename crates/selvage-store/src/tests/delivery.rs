//! Lanes that are set aside: written with the cursor and by who holds it alone, kept beyond retention, unparked when they are
//! drained, and decided about by people with an entry in the ledger.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::delivery::Cause;
use selvage_model::event::{LaneKey, Position};

use super::both;
use super::stage::{Stage, tamper};
use super::subscription::{asked, granted};
use crate::{
    AttemptRecord, CursorMove, Deliveries, KeptDelivery, LaneChoice, LanePlace, LaneTrouble, NewCursor, NewDeadLetter,
    ParkedMessage, Passed, PassedEvents, Store, StoreError, SubscriptionStep, TakenCursor, WithheldMessage, Word,
};

both!(
    a_lane_is_set_aside_with_the_cursor_and_unparked_when_it_is_drained,
    a_node_past_its_lease_sets_nothing_aside,
    a_dead_letter_is_redriven_or_discarded_once,
    what_is_set_aside_and_is_not_what_was_written_says_so,
    lanes_come_in_pages,
    what_ends_gives_up_what_waits,
    what_a_receiver_asked_for_is_kept_until_another_is_asked,
    what_is_withheld_is_kept_and_counted_once,
    what_is_gone_on_behind_stands_while_the_stream_reaches_back_to_it,
    what_arrived_is_kept_with_the_cursor_and_bounded,
);

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn at(offset: u64) -> Position {
    Position::new(1, offset).unwrap()
}

fn lane(name: &str) -> LaneKey {
    name.parse().unwrap()
}

fn message(offset: u64) -> ParkedMessage {
    ParkedMessage {
        position: at(offset),
        event: format!("e-{offset}").parse().unwrap(),
        body: format!("{{\"n\":{offset}}}").into_bytes(),
        appended: NOW,
        is_damaged: false,
    }
}

fn trouble(name: &str, through: u64, due: Option<Timestamp>) -> LaneTrouble {
    LaneTrouble {
        lane: lane(name),
        through: at(through),
        cause: Cause::Timeout,
        because: "no answer".to_owned(),
        attempts: 1,
        spent: Duration::ZERO,
        failed: NOW,
        due,
    }
}

fn letter(id: &str, name: &str, offset: u64) -> NewDeadLetter {
    NewDeadLetter {
        id: id.to_owned(),
        lane: lane(name),
        position: at(offset),
        event: format!("e-{offset}").parse().unwrap(),
        cause: Cause::Refused,
        because: "422".to_owned(),
        attempts: 1,
        died: NOW,
    }
}

/// A subscription that a node delivers, from the beginning of its stream.
async fn delivering(store: &Store) -> Deliveries {
    granted(store).await;
    store.apply_manifest_subscriptions(&[asked("/a")], true, "serve").await.unwrap();
    let subscription = store.subscriptions().await.unwrap().remove(0);
    store.open_event_stream(&subscription.interface, None).await.unwrap();
    for step in [SubscriptionStep::Probed, SubscriptionStep::Begun] {
        store.step_subscription(&subscription.id, step, "node-a", "so").await.unwrap();
    }
    let new = NewCursor {
        stream: subscription.interface.clone(),
        reader: subscription.reader().unwrap(),
        start: Position::START,
        node: "node-a".to_owned(),
        lease: Duration::from_secs(10),
    };
    let TakenCursor::Taken { position, fence } = store.take_cursor(&new).await.unwrap() else { panic!("it is held") };
    let moved = CursorMove { stream: new.stream, reader: new.reader, fence, to: position };
    Deliveries {
        subscription: subscription.id,
        moved,
        lease: Duration::from_secs(10),
        delivered: Vec::new(),
        troubles: Vec::new(),
        aside: Vec::new(),
        dead: Vec::new(),
        attempts: Vec::new(),
        drained: Vec::new(),
        held: None,
        withheld: Vec::new(),
        passed: Vec::new(),
        arrived: Vec::new(),
        forgets: false,
    }
}

impl Deliveries {
    fn to(&self, offset: u64) -> Self {
        Self { moved: CursorMove { to: at(offset), ..self.moved.clone() }, ..self.clone() }
    }
}

/// What recording this came to.
async fn recorded(store: &Store, deliveries: &Deliveries) -> Result<Vec<LaneKey>, StoreError> {
    store.record_deliveries(std::slice::from_ref(deliveries)).await.unwrap().remove(0)
}

async fn waiting(store: &Store, none: &Deliveries, name: &str) -> Vec<u64> {
    let messages = store.parked_messages(&none.subscription, &lane(name), Position::START, 10).await.unwrap();
    messages.iter().map(|message| message.position.offset()).collect()
}

async fn what_is_set_aside_and_is_not_what_was_written_says_so(stage: &Stage) {
    let store = stage.open().await;
    let none = delivering(&store).await;
    let aside = (2..=6).map(|offset| (lane("a"), message(offset))).collect();
    let parked = Deliveries { troubles: vec![trouble("a", 6, None)], aside, ..none.to(6) };
    recorded(&store, &parked).await.unwrap();
    let damaged = async || -> Vec<u64> {
        let messages = store.parked_messages(&none.subscription, &lane("a"), Position::START, 10).await.unwrap();
        messages.iter().filter(|message| message.is_damaged).map(|message| message.position.offset()).collect()
    };
    assert!(damaged().await.is_empty());
    for change in [
        "UPDATE parked_message SET body = (SELECT body FROM parked_message WHERE event = 'e-6') WHERE event = 'e-2'",
        "UPDATE parked_message SET event = 'e-9' WHERE event = 'e-3'",
        "UPDATE parked_message SET appended_at = 9 WHERE event = 'e-4'",
        "UPDATE parked_message SET checksum = 9 WHERE event = 'e-5'",
        // As it was set aside before there were checksums.
        "UPDATE parked_message SET appended_at = 9, checksum = NULL WHERE event = 'e-6'",
    ] {
        tamper(&store, change).await;
    }
    assert_eq!(damaged().await, [2, 3, 4, 5]);
}

async fn a_lane_is_set_aside_with_the_cursor_and_unparked_when_it_is_drained(stage: &Stage) {
    let store = stage.open().await;
    let none = delivering(&store).await;
    let first = Deliveries {
        troubles: vec![trouble("a", 4, Some(NOW))],
        aside: vec![(lane("a"), message(2)), (lane("a"), message(4))],
        attempts: vec![AttemptRecord {
            position: at(2),
            number: 1,
            at: NOW,
            took: Duration::from_millis(7),
            status: Some(503),
            because: "503".to_owned(),
            excerpt: Some("busy".to_owned()),
        }],
        ..none.to(1)
    };
    recorded(&store, &first).await.unwrap();
    // The answer was lost, and the node writes it again.
    recorded(&store, &first).await.unwrap();
    assert_eq!(waiting(&store, &none, "a").await, [2, 4]);
    assert_eq!(store.oldest_aside(&none.subscription).await.unwrap(), Some(message(2).appended));
    assert_eq!(store.oldest_aside("sub_others").await.unwrap(), None);
    assert_eq!(store.parked_messages(&none.subscription, &lane("a"), at(2), 10).await.unwrap(), [message(4)]);

    // Everything has arrived, but the cursor has not passed what was in the lane: a restart would read it again.
    let drained = Deliveries { delivered: vec![(lane("a"), at(4))], drained: vec![lane("a")], ..none.to(3) };
    assert!(recorded(&store, &drained).await.unwrap().is_empty());
    assert_eq!(store.parked_lanes(&none.subscription).await.unwrap().len(), 1);
    // Something came behind it meanwhile.
    let more = Deliveries { aside: vec![(lane("a"), message(6))], drained: vec![lane("a")], ..none.to(6) };
    assert!(recorded(&store, &more).await.unwrap().is_empty());
    assert_eq!(store.parked_lanes(&none.subscription).await.unwrap()[0].through, at(6));
    let last = Deliveries { delivered: vec![(lane("a"), at(6))], drained: vec![lane("a")], ..none.to(6) };
    assert_eq!(recorded(&store, &last).await.unwrap(), [lane("a")]);
    assert!(store.parked_lanes(&none.subscription).await.unwrap().is_empty());
    assert!(store.lanes_aside().await.unwrap().is_empty());
}

async fn a_node_past_its_lease_sets_nothing_aside(stage: &Stage) {
    let store = stage.open().await;
    let none = delivering(&store).await;
    let mut late = Deliveries {
        troubles: vec![trouble("a", 2, None)],
        aside: vec![(lane("a"), message(2))],
        dead: vec![letter("dlt_1", "a", 2)],
        ..none.to(2)
    };
    late.moved.fence -= 1;
    // What else is written with it is no concern of it.
    let both = store.record_deliveries(&[late, none.to(1)]).await.unwrap();
    assert!(matches!(both[..], [Err(StoreError::CursorFenced { .. }), Ok(_)]), "{both:?}");
    let cursors = store.cursors(&none.moved.stream).await.unwrap();
    assert_eq!(cursors[0].position, at(1));
    assert!(waiting(&store, &none, "a").await.is_empty());
    assert!(store.dead_letters(true).await.unwrap().is_empty());
}

async fn a_dead_letter_is_redriven_or_discarded_once(stage: &Stage) {
    let store = stage.open().await;
    let none = delivering(&store).await;
    let parked = Deliveries {
        troubles: vec![trouble("a", 3, None), trouble("b", 4, None)],
        aside: vec![(lane("a"), message(1)), (lane("b"), message(2)), (lane("a"), message(3)), (lane("b"), message(4))],
        dead: vec![letter("dlt_1", "a", 1), letter("dlt_2", "b", 2)],
        ..none.to(4)
    };
    recorded(&store, &parked).await.unwrap();
    let lanes = store.lanes_aside().await.unwrap();
    let seen: Vec<_> = lanes.iter().map(|it| (it.lane.as_str(), it.waiting, it.due, it.letter.as_deref())).collect();
    assert_eq!(seen, [("a", 2, None, Some("dlt_1")), ("b", 2, None, Some("dlt_2"))]);
    let acts = async || store.lane_acts().await.unwrap();
    assert_eq!(acts().await, [(none.subscription.clone(), 0)]);

    let word = Word { by: "ops.desk", because: "the MES was mended" };
    let redriven = store.redrive_dead_letters(&["dlt_1".to_owned()], word).await.unwrap();
    assert_eq!((redriven[0].behind, redriven[0].settled.as_ref().unwrap().by.as_str()), (1, "ops.desk"));
    assert_eq!(acts().await[0].1, 1);
    let again = ["dlt_2".to_owned(), "dlt_1".to_owned()];
    let refused = store.redrive_dead_letters(&again, word).await.unwrap_err();
    assert!(matches!(refused, StoreError::LetterSettled { .. }), "{refused}");
    assert_eq!(store.dead_letters(false).await.unwrap().len(), 1, "none of both was redriven");

    let word = Word { by: "ops.desk", because: "the order was scrapped" };
    // What is tried again is counted from 1 again, and is kept behind what was tried before.
    let sent = |number: u32, began: &str, because: &str| AttemptRecord {
        position: at(1),
        number,
        at: began.parse().unwrap(),
        took: Duration::from_millis(7),
        status: None,
        because: because.to_owned(),
        excerpt: None,
    };
    let before = vec![sent(1, "2027-03-01T08:00:00Z", "a"), sent(2, "2027-03-01T08:00:01Z", "b")];
    let after = Deliveries { attempts: vec![sent(1, "2027-03-01T09:00:00Z", "c")], ..none.to(4) };
    recorded(&store, &Deliveries { attempts: before, ..none.to(4) }).await.unwrap();
    recorded(&store, &after).await.unwrap();
    recorded(&store, &after).await.unwrap();
    let kept = store.dead_letter("dlt_1").await.unwrap().attempts;
    let kept: Vec<_> = kept.iter().map(|attempt| (attempt.number, attempt.because.as_str())).collect();
    assert_eq!(kept, [(1, "a"), (2, "b"), (3, "c")]);

    store.discard_dead_letters(&["dlt_2".to_owned()], word).await.unwrap();
    assert_eq!((waiting(&store, &none, "a").await, waiting(&store, &none, "b").await), (vec![1, 3], vec![4]));
    assert!(store.parked_lanes(&none.subscription).await.unwrap().iter().all(|lane| lane.due.is_some()));
    let detail = store.dead_letter("dlt_2").await.unwrap();
    assert_eq!((detail.body, detail.letter.settled.unwrap().how.as_str()), (None, "discarded"));
    assert!(store.dead_letter("dlt_1").await.unwrap().body.is_some());

    let entries = store.ledger(1, 100).await.unwrap();
    let letters: Vec<_> = entries.iter().filter(|entry| entry.action.starts_with("dead-letter")).collect();
    let said: Vec<_> = letters.iter().map(|it| (it.action.as_str(), it.actor.as_str(), it.subject.as_str())).collect();
    assert_eq!(said, [("dead-letter.redriven", "ops.desk", "dlt_1"), ("dead-letter.discarded", "ops.desk", "dlt_2")]);
    assert_eq!(letters[1].detail["because"], "the order was scrapped");
    let refused = store.dead_letter("dlt_none").await.unwrap_err();
    assert!(matches!(refused, StoreError::NotFound { what: "dead letter", .. }), "{refused}");
}

async fn lanes_come_in_pages(stage: &Stage) {
    let store = stage.open().await;
    let none = delivering(&store).await;
    let names = ["a", "b/ü", "c d", "e", "f"];
    let troubles = names.iter().map(|name| trouble(name, 9, None)).collect();
    let aside = (1..).zip(names).map(|(offset, name)| (lane(name), message(offset))).collect();
    recorded(&store, &Deliveries { troubles, aside, ..none.to(9) }).await.unwrap();
    let which = LaneChoice::default();
    let whole = store.chosen_lanes(&which).await.unwrap();
    assert_eq!(whole.len(), names.len());
    for limit in [1, 2, 4, 5] {
        let (mut all, mut after): (Vec<_>, Option<LanePlace>) = (Vec::new(), None);
        loop {
            let (page, next) = store.lanes_page(&which, after.as_ref(), limit).await.unwrap();
            assert!(page.len() <= limit as usize);
            all.extend(page);
            let Some(next) = next else { break };
            // As it goes out and comes back.
            after = Some(next.to_string().parse().unwrap());
        }
        assert_eq!(all, whole, "{limit}");
    }
    // Those that wait for a person apart from those that are tried again.
    let due = Some(NOW + jiff::SignedDuration::from_secs(60));
    recorded(&store, &Deliveries { troubles: vec![trouble("c d", 9, due)], ..none.to(9) }).await.unwrap();
    for (is_parked, expected) in [(true, 4), (false, 1)] {
        let which = LaneChoice { is_parked: Some(is_parked), ..LaneChoice::default() };
        let (page, next) = store.lanes_page(&which, None, 9).await.unwrap();
        assert!(page.iter().all(|lane| lane.due.is_none() == is_parked) && next.is_none(), "{page:?}");
        assert_eq!(page.len(), expected);
    }
    let counts = store.lane_counts().await.unwrap();
    let of = |all: &std::collections::HashMap<String, u64>| all.get(&none.subscription).copied();
    assert_eq!((of(&counts.parked), of(&counts.retrying), counts.waiting), (Some(4), Some(1), 5));
}

async fn what_ends_gives_up_what_waits(stage: &Stage) {
    let store = stage.open().await;
    let none = delivering(&store).await;
    let parked = Deliveries {
        troubles: vec![trouble("a", 1, None)],
        aside: vec![(lane("a"), message(1))],
        dead: vec![letter("dlt_1", "a", 1)],
        ..none.to(1)
    };
    recorded(&store, &parked).await.unwrap();
    store.step_subscription(&none.subscription, SubscriptionStep::End, "s.lead", "audit").await.unwrap();
    assert!(waiting(&store, &none, "a").await.is_empty() && store.lanes_aside().await.unwrap().is_empty());
    assert!(store.dead_letters(false).await.unwrap().is_empty());
    let entry = store.ledger(1, 100).await.unwrap().pop().unwrap();
    assert_eq!((entry.action.as_str(), &entry.detail["messages_given_up"]), ("subscription.ended", &1.into()));
    let refused = recorded(&store, &none.to(2)).await.unwrap_err();
    assert!(matches!(refused, StoreError::CursorFenced { .. }), "{refused}");
}

async fn what_a_receiver_asked_for_is_kept_until_another_is_asked(stage: &Stage) {
    let store = stage.open().await;
    let none = delivering(&store).await;
    let id = none.subscription.clone();
    let until: Timestamp = "2027-03-01T08:00:00Z".parse().unwrap();
    assert_eq!(store.held_until(&id).await.unwrap(), None);
    let hold = async || {
        // Only who sends is asked for anything.
        tamper(&store, "UPDATE subscription SET state = 'active'").await;
        recorded(&store, &Deliveries { held: Some(until), ..none.clone() }).await.unwrap();
        recorded(&store, &none).await.unwrap();
        assert_eq!(store.held_until(&id).await.unwrap(), Some(until), "it stays until something else is asked");
        assert_eq!(store.subscription_views().await.unwrap()[0].held_until, Some(until));
    };
    hold().await;
    for step in [SubscriptionStep::Suspend, SubscriptionStep::Resume] {
        store.step_subscription(&id, step, "m.ops", "it is mended").await.unwrap();
    }
    assert_eq!(store.held_until(&id).await.unwrap(), None, "a person lets it go on");
    hold().await;
    store.apply_manifest_subscriptions(&[asked("/b")], true, "serve").await.unwrap();
    assert_eq!(store.held_until(&id).await.unwrap(), None, "another endpoint has asked for nothing");
    assert_eq!(store.held_until("sub_none").await.unwrap(), None);
}

async fn what_is_withheld_is_kept_and_counted_once(stage: &Stage) {
    let store = stage.open().await;
    let none = delivering(&store).await;
    let message = |offset: u64| WithheldMessage {
        position: at(offset),
        lane: lane("a"),
        event: format!("e-{offset}").parse().unwrap(),
        because: "the grant does not cover it any more".to_owned(),
        at: Timestamp::from_second(1_900_000_000).unwrap(),
    };
    let noted = Deliveries { withheld: vec![message(1), message(2)], ..none.to(2) };
    for _ in 0..2 {
        recorded(&store, &noted).await.unwrap();
    }
    assert_eq!(store.withheld_messages(&none.subscription, 9).await.unwrap(), [message(2), message(1)]);
    assert_eq!(store.withheld_messages(&none.subscription, 1).await.unwrap(), [message(2)]);
    assert_eq!(store.subscription_views().await.unwrap()[0].withheld, 2);
    store.forget_old_attempts().await.unwrap();
    assert_eq!(store.subscription_views().await.unwrap()[0].withheld, 2, "it is not old");
    assert!(store.dead_letters(true).await.unwrap().is_empty());
}

async fn what_is_gone_on_behind_stands_while_the_stream_reaches_back_to_it(stage: &Stage) {
    let store = stage.open().await;
    let none = delivering(&store).await;
    let passed = async || store.subscription_views().await.unwrap()[0].passed.clone();
    assert_eq!(passed().await, None);
    // Long ago: what is in the stream stands all the same.
    let events = |offset: u64| PassedEvents {
        position: at(offset),
        code: "FAB7013".to_owned(),
        because: format!("the event at {} is damaged", at(offset)),
        at: Timestamp::UNIX_EPOCH,
    };
    let noted = Deliveries { passed: vec![events(2), events(5)], ..none.to(5) };
    for _ in 0..2 {
        recorded(&store, &noted).await.unwrap();
    }
    store.forget_old_attempts().await.unwrap();
    assert_eq!(passed().await, Some(Passed { places: 2, last: events(5) }));
    assert_eq!(store.passed_events(&none.subscription, 9).await.unwrap(), [events(5), events(2)]);
    store.note_retired(&none.moved.stream, 2).await.unwrap();
    assert_eq!(passed().await.map(|passed| passed.places), Some(2), "nobody has looked since");
    store.forget_old_attempts().await.unwrap();
    assert_eq!(passed().await, Some(Passed { places: 1, last: events(5) }));
    store.note_retired(&none.moved.stream, 5).await.unwrap();
    store.forget_old_attempts().await.unwrap();
    assert_eq!(passed().await, None);
}

fn arrived(offset: u64, attempts: u32) -> KeptDelivery {
    let begun = NOW + jiff::SignedDuration::from_millis(i64::try_from(offset).unwrap());
    KeptDelivery { position: at(offset), at: begun, took: Duration::from_millis(7), status: Some(202), attempts }
}

async fn what_arrived_is_kept_with_the_cursor_and_bounded(stage: &Stage) {
    let store = stage.open().await;
    let none = delivering(&store).await;
    let of = |range: std::ops::Range<u64>| range.map(|offset| arrived(offset, 1)).collect::<Vec<_>>();
    let first = Deliveries { arrived: of(1..4), ..none.to(3) };
    recorded(&store, &first).await.unwrap();
    // Written again, since nobody knew whether it was written, it is kept once.
    recorded(&store, &first).await.unwrap();
    let last = async |most| store.last_deliveries(&none.subscription, most).await.unwrap();
    assert_eq!(last(10).await, [arrived(3, 1), arrived(2, 1), arrived(1, 1)]);
    assert_eq!(last(2).await, [arrived(3, 1), arrived(2, 1)]);
    let beyond = async |offset| store.delivered_beyond(&none.subscription, at(offset)).await.unwrap();
    assert_eq!((beyond(1).await, beyond(3).await), (BTreeSet::from([at(2), at(3)]), BTreeSet::new()));

    // One that failed first is told with each send.
    let failed = AttemptRecord {
        position: at(4),
        number: 1,
        at: NOW,
        took: Duration::ZERO,
        status: Some(503),
        because: "it answered 503".to_owned(),
        excerpt: None,
    };
    let redelivered = AttemptRecord { because: "delivered".to_owned(), ..AttemptRecord::from(arrived(4, 2)) };
    let second = Deliveries { arrived: vec![arrived(4, 2)], attempts: vec![failed, redelivered], ..none.to(4) };
    recorded(&store, &second).await.unwrap();
    let stream = "orders@1".parse().unwrap();
    let sends = async |offset| store.event_deliveries(&stream, at(offset)).await.unwrap();
    let told: Vec<_> = sends(4).await.into_iter().map(|it| (it.label, it.attempt.number, it.attempt.status)).collect();
    assert_eq!(told, [("wms/orders".to_owned(), 1, Some(503)), ("wms/orders".to_owned(), 2, Some(202))]);
    assert_eq!((sends(2).await.len(), sends(9).await.len()), (1, 0));

    // A node past its lease keeps nothing.
    let fenced = CursorMove { fence: none.moved.fence - 1, ..none.to(4).moved };
    let late = Deliveries { moved: fenced, arrived: of(5..6), ..none.clone() };
    assert!(recorded(&store, &late).await.is_err());
    assert_eq!(sends(5).await, []);

    for begun in (10..3_010).step_by(100) {
        let forgets = begun % 1_000 == 10;
        recorded(&store, &Deliveries { arrived: of(begun..begun + 100), forgets, ..none.to(begun) }).await.unwrap();
    }
    let kept = last(10_000).await;
    assert!((1_000..=2_100).contains(&kept.len()) && kept[0] == arrived(3_009, 1), "{}", kept.len());
    store.forget_old_attempts().await.unwrap();
    assert_eq!(last(10).await, [], "from 1970");
}
