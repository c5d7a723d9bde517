//! Whether a replay may be and goes on: the interface says who may ask for one and how fast it may go, and what it repeats says whether
//! and where to. It never sends what the subscription itself would not be sent.

use jiff::Timestamp;
use selvage_delivery::LONGEST_HOLD;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::name::InterfaceRef;
use selvage_model::scalar::Rate;
use selvage_model::subscription::{DeliveryTerms, LiveSubscription, ReplayTerms, SubscriptionState, Waiting, WaitsFor};

use crate::node::release::Active;

/// Why it may not be, in words.
pub(super) fn refused(active: &Active, replay: &LiveSubscription, terms: &ReplayTerms) -> Option<String> {
    let fabric = &active.release.fabric;
    if let Some(because) = selvage_governance::replay::against(fabric, &replay.interface, &terms.by) {
        return Some(because);
    }
    if live(active, &terms.of).is_none() {
        return Some(ENDED.to_owned());
    }
    match live(active, terms.sent_as()) {
        Some(original) if original.state == SubscriptionState::Requested => {
            Some("nobody has approved the subscription to whose endpoint the events would go".to_owned())
        }
        Some(original) => over(original, replay),
        None => Some(TARGET_ENDED.to_owned()),
    }
}

const ENDED: &str = "the subscription that had the events has ended";
const TARGET_ENDED: &str = "the subscription to whose endpoint the events go has ended";

/// What becomes of a replay that may be.
pub(super) enum Course {
    /// It goes on, so.
    On(Box<LiveSubscription>),
    /// It waits, and goes on by itself.
    Waits(Waiting),
    /// It ends, since.
    Ends(String),
}

/// How a replay goes on, by how what it repeats stands now; its receiver asked to be left alone until `held`.
pub(super) fn course(
    active: &Active,
    replay: &LiveSubscription,
    terms: &ReplayTerms,
    (held, now): (Option<Timestamp>, Timestamp),
) -> Course {
    let Some(original) = live(active, terms.sent_as()) else {
        return Course::Ends(if terms.target.is_some() { TARGET_ENDED } else { ENDED }.to_owned());
    };
    if let Some(because) = over(original, replay) {
        return Course::Ends(because);
    }
    let waits = |because: String| Course::Waits(Waiting { what: WaitsFor::Original, because });
    if !original.is_sent() {
        return waits(format!("`{}`, to whose endpoint it goes, is {}", original.label(), original.state));
    }
    // What is further away was noted by a clock that was ahead: no receiver is left alone for longer.
    let longest = now.checked_add(LONGEST_HOLD).unwrap_or(now);
    if let Some(until) = held.filter(|until| *until > now && *until <= longest) {
        return waits(format!("the receiver of `{}` asked to be left alone until {until:.0}", original.label()));
    }
    Course::On(Box::new(as_original(original, replay)))
}

/// Why a replay is over though not all was sent: what it was asked for with is there no more.
fn over(original: &LiveSubscription, replay: &LiveSubscription) -> Option<String> {
    let Some(now) = &original.terms.deliver else {
        return Some("the subscription that had the events is pulled now".to_owned());
    };
    if !now.idempotent {
        return Some("the endpoint declares no more that an event twice does no harm".to_owned());
    }
    // Half of a range at one receiver and half at another is of use to neither.
    let to = |deliver: &DeliveryTerms| format!("{} {}", deliver.system, deliver.path);
    let asked_for = replay.terms.deliver.as_ref().map(to);
    let moved = asked_for.filter(|before| *before != to(now))?;
    Some(format!("the events go to {} now, and the replay was asked for to {moved}: ask for another", to(now)))
}

/// The replay as what it repeats is sent now, at its own rate: secrets, order and time limits are no other for what is sent again.
fn as_original(original: &LiveSubscription, replay: &LiveSubscription) -> LiveSubscription {
    let mut replay = replay.clone();
    let rate = replay.terms.deliver.as_ref().and_then(|deliver| deliver.rate);
    replay.terms.deliver = original.terms.deliver.clone().map(|deliver| DeliveryTerms { rate, ..deliver });
    replay
}

fn live<'a>(active: &'a Active, id: &str) -> Option<&'a LiveSubscription> {
    active.access.subscriptions.iter().find(|it| it.id == id && it.state != SubscriptionState::Ended)
}

/// How fast all replays of an interface may go together, where it says so.
pub(super) fn most(fabric: &Fabric, reference: &InterfaceRef) -> Option<Rate> {
    match &fabric.interfaces.get(reference)?.body {
        InterfaceBody::Event(event) => event.replay.as_ref()?.max_rate,
        _ => None,
    }
}
