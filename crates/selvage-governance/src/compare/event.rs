//! Interfaces of events: types, order, how long they are kept, how they are captured.

mod schema;

use selvage_model::manifest::event::{Capture, EventInterface, EventType, ReplayPolicy, Retention};

use super::class::{backstop, classes};
use super::limit::rates;
use super::told::{Told, plain};
use super::two::{Absent, Spot, Two};
use super::{Difference, compatibility};

classes! { Event "event":
    TYPE_REMOVED = "type" "removed" Both Breaking "Who waits for it waits in vain, and who publishes it is refused.";
    TYPE_ADDED = "type" "added" Both Unproven "Who reads without naming types gets what it never got. Subscriptions name theirs.";
    OBJECT_CHANGED = "object" "changed" Both Breaking "Its events carry another object, or what a schema says in its place.";
    SCHEMA_CHANGED = "schema" "changed" Both Unproven "What is different in the schema of its data cannot be told.";
    SCHEMA_WORDS_CHANGED = "schema-words" "changed" Both Safe "Only what is for people is different in the schema of its data.";
    CONDITION_CHANGED = "condition" "changed" Response Unproven "Other changes than before may be this fact.";
    PRODUCER_CHANGED = "producer" "changed" Both Unproven "Another system says what happened, in its own time and words.";
    LANE_CHANGED = "lane" "changed" Response Breaking "Events come in another order.";
    RETENTION_SHORTENED = "retention" "shortened" Response Breaking "Who was away for as long as was promised misses events.";
    RETENTION_LENGTHENED = "retention" "lengthened" Response Safe "What was kept is kept.";
    KEPT_SIZE_LOWERED = "kept-size" "lowered" Response Breaking "Who was away while more came than is kept now misses events.";
    KEPT_SIZE_RAISED = "kept-size" "raised" Response Safe "What was kept is kept.";
    CEILING_LOWERED = "ceiling" "lowered" Response Breaking "Events go before somebody has read them who was in time for them before.";
    CEILING_RAISED = "ceiling" "raised" Response Safe "What was kept is kept.";
    REPLAY_NARROWED = "replay" "narrowed" Both Breaking "Who could have events sent again cannot, or only slower.";
    REPLAY_WIDENED = "replay" "widened" Both Safe "Who could have events sent again can.";
    CAPTURE_REMOVED = "capture" "removed" Response Breaking "Changes of the system do not become events any more.";
    CAPTURE_ADDED = "capture" "added" Response Unproven "Changes of the system become events beside those that are published.";
    CAPTURE_CHANGED = "capture" "changed" Response Unproven "Events may come later, twice or not at all.";
    PROMISE_LOOSENED = "compatibility" "loosened" Both Unproven "Later states need not go together with what there was.";
    PROMISE_TIGHTENED = "compatibility" "tightened" Both Safe "Later states have to go together with what there was.";
    COPY_REMOVED = "copy" "removed" Response Breaking "What is answered from the copy is not any more.";
    COPY_ADDED = "copy" "added" Response Safe "Nothing is answered from it yet.";
    COPY_OLDER = "copy" "older" Response Breaking "Answers from it may be older than was promised.";
    COPY_NEWER = "copy" "newer" Response Unproven "Reads are refused sooner while it is behind.";
}

backstop! { Event "event" }

/// The operation of who pulls events.
const READ: &str = "read";

pub(super) use schema::{compare as schemas, differences as of_schemas};

/// What two event interfaces carry.
pub(super) fn compare(found: &mut Vec<Difference>, mut two: Two<EventInterface>) {
    types(found, &mut two);
    two.changed(found, (&PRODUCER_CHANGED, "producer"), |it| &mut it.produced_by);
    two.changed(found, (&LANE_CHANGED, "lane"), |it| &mut it.lane);
    retention(found, &mut two);
    replay(found, &mut two);
    capture(found, &mut two);
    two.judged(
        found,
        "age of the copy",
        |it| &mut it.copy_max_age,
        |was, is| match (was, is) {
            (_, None) => &COPY_REMOVED,
            (None, _) => &COPY_ADDED,
            (was, is) if was < is => &COPY_OLDER,
            _ => &COPY_NEWER,
        },
    );
    two.judged(
        found,
        "compatibility",
        |it| &mut it.compatibility,
        |was, is| {
            if compatibility::covers(is.as_ref(), was.as_ref()) { &PROMISE_TIGHTENED } else { &PROMISE_LOOSENED }
        },
    );
    two.rest(found, &OTHER);
}

fn types(found: &mut Vec<Difference>, two: &mut Two<EventInterface>) {
    let part = two.part(|it| &mut it.events);
    let named = |types: &[EventType], name: &str| types.iter().find(|kind| kind.name.value == name).cloned();
    let lone = |class, kind: &EventType| {
        let mut difference = part.spot.difference(class, &format!("event {}", kind.name));
        difference.place = kind.name.place.clone();
        difference
    };
    for before in &part.before {
        let name = &before.name.value;
        let Some(after) = named(&part.after, name) else {
            found.push(lone(&TYPE_REMOVED, before).values(Some(name), None::<&str>));
            continue;
        };
        let what = format!("{}, event {name}", part.spot.what);
        let spot = Spot { what, place: after.name.place.clone(), ..part.spot.clone() };
        let mut inner = Two { before: before.clone(), after, spot };
        let object = |kind: &EventType| kind.object().map(|object| object.value.to_string());
        let (was, is) = (object(&inner.before), object(&inner.after));
        if was != is {
            found.push(inner.spot.difference(&OBJECT_CHANGED, "object").values(was, is));
        }
        // What schemas say is compared where their files are.
        inner.settle(|it| &mut it.carried);
        let looks = |kind: &EventType| kind.when.as_ref().map(|when| plain(&when.value));
        if looks(&inner.before) == looks(&inner.after) {
            inner.settle(|it| &mut it.when);
        }
        inner.changed(found, (&CONDITION_CHANGED, "when"), |it| &mut it.when);
        inner.rest(found, &OTHER);
    }
    for after in part.after.iter().filter(|kind| named(&part.before, &kind.name.value).is_none()) {
        let added = lone(&TYPE_ADDED, after).values(None::<&str>, Some(&after.name.value));
        found.push(Difference { operations: vec![READ.to_owned()], ..added });
    }
}

/// Events without a declared retention are kept as long as the log is: a span that is declared is less.
fn retention(found: &mut Vec<Difference>, two: &mut Two<EventInterface>) {
    let part = two.part(|it| &mut it.retention);
    match (part.before, part.after) {
        (Some(before), Some(after)) => {
            let mut inner: Two<Retention> = Two { before, after, spot: part.spot };
            inner.judged(
                found,
                "retention",
                |it| &mut it.time,
                |was, is| {
                    if is < was { &RETENTION_SHORTENED } else { &RETENTION_LENGTHENED }
                },
            );
            let size = (&KEPT_SIZE_LOWERED, &KEPT_SIZE_RAISED, Absent::Least);
            inner.bound(found, size, "kept bytes", |it| &mut it.at_least);
            let ceiling = (&CEILING_LOWERED, &CEILING_RAISED, Absent::Most);
            inner.bound(found, ceiling, "most bytes", |it| &mut it.at_most);
            inner.rest(found, &OTHER);
        }
        (None, None) => {}
        (was, is) => {
            let time = |retention: Option<Retention>| retention.map(|retention| retention.time);
            found.push(
                part.spot.difference(&RETENTION_SHORTENED, "retention").values(time(was).told(), time(is).told()),
            );
        }
    }
}

fn replay(found: &mut Vec<Difference>, two: &mut Two<EventInterface>) {
    let part = two.part(|it| &mut it.replay);
    match (part.before, part.after) {
        (Some(before), Some(after)) => {
            let mut inner: Two<ReplayPolicy> = Two { before, after, spot: part.spot };
            inner.names(found, (&REPLAY_NARROWED, &REPLAY_WIDENED), "replay by", |it| &mut it.by);
            inner.judged(
                found,
                "replay's rate",
                |it| &mut it.max_rate,
                |was, is| rates(was, is, [&REPLAY_NARROWED, &REPLAY_WIDENED]),
            );
            inner.rest(found, &OTHER);
        }
        (None, None) => {}
        (_, after) => {
            let class = if after.is_some() { &REPLAY_WIDENED } else { &REPLAY_NARROWED };
            found.push(part.spot.difference(class, "replay"));
        }
    }
}

fn capture(found: &mut Vec<Difference>, two: &mut Two<EventInterface>) {
    let part = two.part(|it| &mut it.capture);
    match (part.before, part.after) {
        (Some(before), Some(after)) => {
            let mut inner: Two<Capture> = Two { before, after, spot: part.spot };
            inner.changed(found, (&CAPTURE_CHANGED, "captured record"), |it| &mut it.record);
            inner.changed(found, (&CAPTURE_CHANGED, "hints of webhooks"), |it| &mut it.webhook);
            inner.changed(found, (&CAPTURE_CHANGED, "poll"), |it| &mut it.poll);
            inner.changed(found, (&CAPTURE_CHANGED, "overlap"), |it| &mut it.overlap);
            inner.changed(found, (&CAPTURE_CHANGED, "search for deletes"), |it| &mut it.reconcile_deletes);
            inner.changed(found, (&CAPTURE_CHANGED, "baseline"), |it| &mut it.baseline);
            inner.changed(found, (&CAPTURE_CHANGED, "own writes"), |it| &mut it.own_writes);
            inner.rest(found, &CAPTURE_CHANGED);
        }
        (None, None) => {}
        (was, is) => {
            let class = if is.is_some() { &CAPTURE_ADDED } else { &CAPTURE_REMOVED };
            let record = |capture: Option<Capture>| capture.map(|capture| capture.record);
            found.push(part.spot.difference(class, "capture").values(record(was), record(is)));
        }
    }
}
