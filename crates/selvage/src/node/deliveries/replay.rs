//! Whether a replay may be: the interface says who may ask for one and how fast it may go.

use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::scalar::Rate;
use selvage_model::subscription::{LiveSubscription, ReplayTerms, SubscriptionState};

use super::endpoint::slower;
use crate::node::release::Active;

/// Why it may not be, in words.
pub(super) fn refused(active: &Active, replay: &LiveSubscription, terms: &ReplayTerms) -> Option<String> {
    let reference = &replay.interface;
    let Some(interface) = active.release.fabric.interfaces.get(reference) else {
        return Some(format!("the release has no `{reference}`"));
    };
    let InterfaceBody::Event(event) = &interface.body else { return Some(format!("`{reference}` has no events")) };
    let Some(policy) = &event.replay else {
        return Some(format!("`{reference}` lets nobody replay it: it has no `replay`"));
    };
    let team = interface.owner.as_ref().and_then(|owner| active.release.fabric.teams.get(&owner.value));
    let roles = team.map(|team| team.roles.as_slice()).unwrap_or_default();
    let named = |role: &str| policy.by.iter().any(|by| by.value == role);
    let people = roles.iter().filter(|(role, _)| named(&role.value)).flat_map(|(_, people)| people);
    if !people.into_iter().any(|person| *person == terms.by) {
        let by: Vec<&str> = policy.by.iter().map(|role| role.value.as_str()).collect();
        let owner = interface.owner.as_ref().map(|owner| owner.value.to_string()).unwrap_or_default();
        return Some(format!("`{}` is none of {} of `{owner}`, who may replay `{reference}`", terms.by, by.join(", ")));
    }
    original_ended(active, terms).then(|| "the subscription that had the events has ended".to_owned())
}

/// Whether what it repeats is over.
pub(super) fn original_ended(active: &Active, terms: &ReplayTerms) -> bool {
    let alive = |it: &&LiveSubscription| it.id == terms.of && it.state != SubscriptionState::Ended;
    active.access.subscriptions.iter().find(alive).is_none()
}

/// How fast it goes: as asked for, and never faster than the interface lets.
pub(super) fn rate(fabric: &Fabric, replay: &LiveSubscription, asked: Option<Rate>) -> Option<Rate> {
    let interface = fabric.interfaces.get(&replay.interface);
    let most = interface.and_then(|interface| match &interface.body {
        InterfaceBody::Event(event) => event.replay.as_ref()?.max_rate,
        _ => None,
    });
    slower(asked, most)
}
