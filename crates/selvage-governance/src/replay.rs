//! Who may have events of an interface sent again: what the interface says of roles in the team that owns it. Pure; whether the consumer
//! takes an event twice is for its subscription to say.

use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::name::InterfaceRef;

/// Why a person may not have events of this interface sent again, in words; nothing where they may.
pub fn against(fabric: &Fabric, reference: &InterfaceRef, person: &str) -> Option<String> {
    let Some(interface) = fabric.interfaces.get(reference) else {
        return Some(format!("the release has no `{reference}`"));
    };
    let InterfaceBody::Event(event) = &interface.body else { return Some(format!("`{reference}` has no events")) };
    let Some(policy) = &event.replay else {
        return Some(format!("`{reference}` lets nobody replay it: it has no `replay`"));
    };
    let team = interface.owner.as_ref().and_then(|owner| fabric.teams.get(&owner.value));
    let roles = team.map(|team| team.roles.as_slice()).unwrap_or_default();
    let named = |role: &str| policy.by.iter().any(|by| by.value == role);
    let mut people = roles.iter().filter(|(role, _)| named(&role.value)).flat_map(|(_, people)| people);
    if people.any(|one| one == person) {
        return None;
    }
    let by: Vec<&str> = policy.by.iter().map(|role| role.value.as_str()).collect();
    let owner = interface.owner.as_ref().map(|owner| owner.value.to_string()).unwrap_or_default();
    Some(format!("`{person}` is none of {} of `{owner}`, who may replay `{reference}`", by.join(", ")))
}
