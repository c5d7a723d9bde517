//! Consumers, grants and subscriptions, as declared. What is narrower breaks the one consumer that has it.

use std::collections::BTreeMap;

use selvage_model::access::EndAction;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::consumer::{Consumer, Deliver, Grant, Identity, Subscription};
use selvage_model::source::Spanned;

use super::class::{backstop, classes};
use super::limit::{quotas, rates};
use super::told::{Told, plain};
use super::two::{Spot, Two, pair};
use super::{Class, Difference};

classes! { Access "access":
    CONSUMER_REMOVED = "consumer" "removed" Both Breaking "It is nobody any more.";
    CONSUMER_ADDED = "consumer" "added" Both Safe "It has asked for nothing yet.";
    CONSUMER_OWNER_CHANGED = "consumer-owner" "changed" Both Safe "Others sign for it; it may do the same.";
    IDENTITY_CHANGED = "identity" "changed" Request Breaking "What proved who it is proves it no more.";
    KEY_AGE_SHORTENED = "key-age" "shortened" Request Breaking "Keys end sooner.";
    KEY_AGE_LENGTHENED = "key-age" "lengthened" Request Safe "Keys that were good are good.";
    GRANT_ENDED = "grant" "ended" Both Breaking "Its consumer is refused.";
    GRANT_ADDED = "grant" "added" Both Safe "Its consumer has used nothing of it yet.";
    OPERATION_REMOVED = "grant-operation" "removed" Request Breaking "Its consumer is refused when it calls it.";
    OPERATION_ADDED = "grant-operation" "added" Request Safe "What was granted is granted.";
    ROWS_NARROWED = "grant-rows" "narrowed" Both Breaking "Its consumer does not see or change rows that it did.";
    ROWS_WIDENED = "grant-rows" "widened" Both Safe "What was granted is granted.";
    ATTRIBUTE_LEFT_OUT = "grant-attribute" "left-out" Both Breaking "Its consumer misses it.";
    ATTRIBUTE_GRANTED = "grant-attribute" "granted" Both Safe "Its consumer sees what it did not.";
    CLASS_MASKED = "grant-class" "masked" Response Breaking "What is of the class is masked for its consumer.";
    CLASS_SHOWN = "grant-class" "shown" Response Safe "Its consumer sees what was masked.";
    END_EARLIER = "grant-end" "earlier" Both Breaking "Its consumer is refused sooner.";
    END_LATER = "grant-end" "later" Both Safe "What was granted is granted.";
    END_STOPS = "grant-end" "stops" Both Breaking "Its consumer is refused when it ends, where there was an alarm.";
    END_ALARMS = "grant-end" "alarms" Both Safe "Its consumer is not refused when it ends.";
    RATE_TIGHTENED = "grant-rate" "tightened" Request Breaking "Its consumer is refused when it sends as much as it did.";
    RATE_LOOSENED = "grant-rate" "loosened" Request Safe "What passed passes.";
    QUOTA_TIGHTENED = "grant-quota" "tightened" Request Breaking "Its consumer is refused when it sends as much as it did.";
    QUOTA_LOOSENED = "grant-quota" "loosened" Request Safe "What passed passes.";
    CONDITION_ADDED = "grant-condition" "added" Request Breaking "Its consumer is refused where the condition does not hold.";
    CONDITION_CHANGED = "grant-condition" "changed" Request Unproven "Its consumer may be refused in other cases.";
    CONDITION_REMOVED = "grant-condition" "removed" Request Safe "What passed passes.";
    ZONE_CHANGED = "grant-zone" "changed" Request Unproven "The times of its condition are others.";
    PURPOSE_CHANGED = "grant-purpose" "changed" Both Safe "It is for people.";
    SUBSCRIPTION_ENDED = "subscription" "ended" Response Breaking "Its consumer is told nothing any more.";
    SUBSCRIPTION_ADDED = "subscription" "added" Response Safe "Its consumer waits for nothing yet.";
    EVENT_REMOVED = "subscription-event" "removed" Response Breaking "Its consumer waits in vain.";
    EVENT_ADDED = "subscription-event" "added" Response Unproven "Its consumer is sent what it was not.";
    BEGINNING_CHANGED = "subscription-beginning" "changed" Response Unproven "It begins with other events.";
    SUBSCRIPTION_EARLIER = "subscription-end" "earlier" Response Breaking "Its consumer is told nothing sooner.";
    SUBSCRIPTION_LATER = "subscription-end" "later" Response Safe "What was sent is sent.";
    LAG_CHANGED = "subscription-lag" "changed" Response Safe "Only the alarm comes at another time.";
    DELIVERY_TURNED = "delivery" "turned" Response Breaking "Its consumer is sent what it asked for, or asks for what it was sent.";
    ENDPOINT_CHANGED = "endpoint" "changed" Response Unproven "Events are sent to another place, which has to take them.";
    DELIVERY_UNSIGNED = "delivery-signing" "changed" Response Breaking "What proved that a message is genuine is not there, or is another.";
    DELIVERY_SECRET_REMOVED = "delivery-secret" "removed" Response Breaking "Who verifies by it refuses what is sent.";
    DELIVERY_SECRET_ADDED = "delivery-secret" "added" Response Safe "Who verifies by another goes on.";
    ORDER_GIVEN_UP = "delivery-order" "given-up" Response Breaking "Events come in no order.";
    ORDER_KEPT = "delivery-order" "kept" Response Safe "Events come in order.";
    PACE_CHANGED = "delivery-pace" "changed" Response Unproven "More comes at a time than its consumer bears, or later than it needs.";
    REPEATS_CHANGED = "delivery-repeats" "changed" Response Unproven "A replay sends again what it did not, or does not.";
}

backstop! { Access "access" }

/// Every consumer, grant and subscription of the two.
pub(super) fn compare(before: &Fabric, after: &Fabric, found: &mut Vec<Difference>) {
    let spot = |it: &Consumer| {
        let spot = Spot::new(format!("consumer {}", it.name), &it.place);
        Spot { consumers: vec![it.name.clone()], ..spot }
    };
    let sides = (&before.consumers, &after.consumers);
    pair(found, sides, (&CONSUMER_REMOVED, &CONSUMER_ADDED), spot, |found, was, is, spot| {
        let mut two = Two::new(was, is, spot, |it| &mut it.place);
        two.changed(found, (&CONSUMER_OWNER_CHANGED, "owner"), |it| &mut it.owner);
        identity(found, &mut two);
        two.rest(found, &OTHER);
    });
    let sides = (&numbered(&before.grants, grant_key), &numbered(&after.grants, grant_key));
    pair(found, sides, (&GRANT_ENDED, &GRANT_ADDED), grant_spot, |found, was, is, spot| {
        grant(found, Two::new(was, is, spot, |it| &mut it.place));
    });
    let spot = |it: &Subscription| {
        let name = it.known_as().told().unwrap_or_default();
        let spot = Spot::new(format!("subscription {}/{name}", it.consumer), &it.place).of(&it.interface.value);
        let operations = ["read", "subscribe"].map(str::to_owned).to_vec();
        Spot { consumers: vec![it.consumer.value.clone()], operations, ..spot }
    };
    let key = |it: &Subscription| (it.consumer.to_string(), it.known_as().told().unwrap_or_default());
    let sides = (&numbered(&before.subscriptions, key), &numbered(&after.subscriptions, key));
    pair(found, sides, (&SUBSCRIPTION_ENDED, &SUBSCRIPTION_ADDED), spot, |found, was, is, spot| {
        subscription(found, Two::new(was, is, spot, |it| &mut it.place));
    });
}

/// Things by what they are about, and by number where several are about the same.
fn numbered<T: Clone>(all: &[T], key: impl Fn(&T) -> (String, String)) -> BTreeMap<(String, String, usize), T> {
    let mut named = BTreeMap::new();
    for one in all {
        let (first, second) = key(one);
        let same = (first.clone(), second.clone(), 0)..=(first.clone(), second.clone(), usize::MAX);
        let number = named.range(same).count();
        named.insert((first, second, number), one.clone());
    }
    named
}

fn grant_key(grant: &Grant) -> (String, String) {
    (grant.consumer.to_string(), grant.interface.to_string())
}

fn grant_spot(grant: &Grant) -> Spot {
    let what = format!("grant of {} to {}", grant.interface, grant.consumer);
    let operations = grant.operations.iter().map(|operation| operation.value.clone()).collect();
    let spot = Spot::new(what, &grant.place).of(&grant.interface.value);
    Spot { consumers: vec![grant.consumer.value.clone()], operations, ..spot }
}

fn identity(found: &mut Vec<Difference>, two: &mut Two<Consumer>) {
    let part = two.part(|it| &mut it.identity);
    match (part.before, part.after) {
        (was, is) if was == is => {}
        (Identity::ApiKey { max_age: was }, Identity::ApiKey { max_age: is }) => {
            let is_shorter = is.is_some_and(|is| was.is_none_or(|was| is < was));
            let class = if is_shorter { &KEY_AGE_SHORTENED } else { &KEY_AGE_LENGTHENED };
            found.push(part.spot.difference(class, "age of keys").values(was.told(), is.told()));
        }
        (was, is) => {
            let difference = part.spot.difference(&IDENTITY_CHANGED, "identity");
            found.push(difference.values(Some(identity_word(&was)), Some(identity_word(&is))));
        }
    }
}

fn identity_word(identity: &Identity) -> String {
    match identity {
        Identity::ApiKey { .. } => "a key".to_owned(),
        Identity::OAuth { issuer, client: None } => format!("tokens of {issuer}"),
        Identity::OAuth { issuer, client: Some(client) } => format!("tokens of {issuer} for {client}"),
        Identity::Mtls { subject } => format!("the certificate of {subject}"),
        Identity::Oidc { issuer, subject } => format!("tokens of {issuer} for {subject}"),
    }
}

fn grant(found: &mut Vec<Difference>, mut two: Two<Grant>) {
    operations(found, &mut two);
    rows(found, &mut two);
    attributes(found, &mut two);
    two.names(found, (&CLASS_MASKED, &CLASS_SHOWN), "class", |it| &mut it.classes);
    two.changed(found, (&PURPOSE_CHANGED, "purpose"), |it| &mut it.purpose);
    two.judged(
        found,
        "until",
        |it| &mut it.until,
        |was, is| if is_earlier(was, is) { &END_EARLIER } else { &END_LATER },
    );
    two.judged(
        found,
        "on end",
        |it| &mut it.on_end,
        |_, is| match is {
            EndAction::End | EndAction::Cut => &END_STOPS,
            EndAction::Alarm => &END_ALARMS,
        },
    );
    two.judged(found, "rate", |it| &mut it.rate, |was, is| rates(was, is, [&RATE_TIGHTENED, &RATE_LOOSENED]));
    two.judged(found, "quota", |it| &mut it.quota, |was, is| quotas(was, is, [&QUOTA_TIGHTENED, &QUOTA_LOOSENED]));
    let looks = |grant: &Grant| grant.when.as_ref().map(|when| plain(&when.value));
    if looks(&two.before) == looks(&two.after) {
        two.settle(|it| &mut it.when);
    }
    two.judged(
        found,
        "when",
        |it| &mut it.when,
        |was, is| match (was, is) {
            (None, _) => &CONDITION_ADDED,
            (_, None) => &CONDITION_REMOVED,
            _ => &CONDITION_CHANGED,
        },
    );
    two.changed(found, (&ZONE_CHANGED, "time zone"), |it| &mut it.time_zone);
    two.rest(found, &OTHER);
}

/// Whether an end comes sooner; what has none never ends.
fn is_earlier<T: Copy + Ord>(was: &Option<Spanned<T>>, is: &Option<Spanned<T>>) -> bool {
    let (was, is) = (was.as_ref().map(|was| was.value), is.as_ref().map(|is| is.value));
    is.is_some_and(|is| was.is_none_or(|was| is < was))
}

fn operations(found: &mut Vec<Difference>, two: &mut Two<Grant>) {
    let first = found.len();
    two.names(found, (&OPERATION_REMOVED, &OPERATION_ADDED), "operation", |it| &mut it.operations);
    for difference in found.iter_mut().skip(first) {
        difference.operations = difference.before.iter().chain(&difference.after).cloned().collect();
    }
}

/// An attribute without values covers every row: more values of it are more rows, and one attribute more is fewer.
fn rows(found: &mut Vec<Difference>, two: &mut Two<Grant>) {
    let part = two.part(|it| &mut it.rows);
    let mut tell = |class: &'static Class, name: &str, values: (Option<String>, Option<String>)| {
        found.push(part.spot.difference(class, &format!("where {name}")).values(values.0, values.1));
    };
    for (name, was) in &part.before {
        let is = part.after.iter().find(|(other, _)| other == name).map(|(_, values)| values);
        match is {
            Some(is) if is == was => {}
            Some(is) => {
                let covers = was.iter().all(|value| is.contains(value));
                tell(if covers { &ROWS_WIDENED } else { &ROWS_NARROWED }, name.value.as_str(), (was.told(), is.told()));
            }
            None => tell(&ROWS_WIDENED, name.value.as_str(), (was.told(), None)),
        }
    }
    for (name, is) in part.after.iter().filter(|(name, _)| !part.before.iter().any(|(other, _)| other == name)) {
        tell(&ROWS_NARROWED, name.value.as_str(), (None, is.told()));
    }
}

fn attributes(found: &mut Vec<Difference>, two: &mut Two<Grant>) {
    let first = found.len();
    // What was left out and is not any more is granted.
    two.names(found, (&ATTRIBUTE_GRANTED, &ATTRIBUTE_LEFT_OUT), "except", |it| &mut it.except);
    for difference in found.iter_mut().skip(first) {
        difference.attributes = difference.before.iter().chain(&difference.after).cloned().collect();
    }
}

fn subscription(found: &mut Vec<Difference>, mut two: Two<Subscription>) {
    two.changed(found, (&SUBSCRIPTION_ENDED, "interface"), |it| &mut it.interface);
    two.settle(|it| &mut it.name);
    two.names(found, (&EVENT_REMOVED, &EVENT_ADDED), "event", |it| &mut it.events);
    two.changed(found, (&BEGINNING_CHANGED, "from"), |it| &mut it.from);
    two.judged(
        found,
        "until",
        |it| &mut it.until,
        |was, is| if is_earlier(was, is) { &SUBSCRIPTION_EARLIER } else { &SUBSCRIPTION_LATER },
    );
    two.changed(found, (&LAG_CHANGED, "lag"), |it| &mut it.lag);
    let part = two.part(|it| &mut it.deliver);
    match (part.before, part.after) {
        (Some(before), Some(after)) => deliver(found, Two { before, after, spot: part.spot }),
        (None, None) => {}
        (was, is) => {
            let word = |deliver: &Option<Deliver>| if deliver.is_some() { "sent" } else { "pulled" };
            let difference = part.spot.difference(&DELIVERY_TURNED, "delivery");
            found.push(difference.values(Some(word(&was)), Some(word(&is))));
        }
    }
    two.rest(found, &OTHER);
}

fn deliver(found: &mut Vec<Difference>, mut two: Two<Deliver>) {
    two.changed(found, (&ENDPOINT_CHANGED, "system"), |it| &mut it.system);
    two.changed(found, (&ENDPOINT_CHANGED, "path"), |it| &mut it.path);
    two.changed(found, (&DELIVERY_UNSIGNED, "signing"), |it| &mut it.signing);
    let secrets = (&DELIVERY_SECRET_REMOVED, &DELIVERY_SECRET_ADDED);
    two.names(found, secrets, "secret", |it| &mut it.secrets);
    two.judged(found, "order", |it| &mut it.in_lanes, |_, is| if *is { &ORDER_KEPT } else { &ORDER_GIVEN_UP });
    two.changed(found, (&PACE_CHANGED, "deliveries at a time"), |it| &mut it.max_in_flight);
    two.changed(found, (&PACE_CHANGED, "rate"), |it| &mut it.rate);
    two.changed(found, (&PACE_CHANGED, "timeout"), |it| &mut it.timeout);
    two.changed(found, (&REPEATS_CHANGED, "idempotent"), |it| &mut it.idempotent);
    two.rest(found, &OTHER);
}
