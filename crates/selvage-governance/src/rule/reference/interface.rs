//! Names in interfaces of all types.

use std::collections::BTreeSet;

use selvage_model::manifest::api::Api;
use selvage_model::manifest::event::{EventType, Into};
use selvage_model::manifest::interface::{Interface, InterfaceBody};
use selvage_model::name::InterfaceRef;

use super::Search;
use crate::rule::lifecycle::successor;

pub(super) fn search(search: &mut Search<'_, '_>) {
    let fabric = search.fabric;
    for (reference, interface) in &fabric.interfaces {
        if let Some(owner) = &interface.owner {
            search.key(reference, "team", owner, &fabric.teams);
        }
        if let Some(domain) = &interface.domain {
            search.key(reference, "domain", domain, &fabric.domains);
        }
        if let Some(successor) = successor(&interface.lifecycle) {
            search.key(reference, "interface", successor, &fabric.interfaces);
        }
        body(search, reference, interface);
    }
}

fn body(search: &mut Search<'_, '_>, reference: &InterfaceRef, interface: &Interface) {
    let (systems, objects) = (&search.fabric.systems, &search.fabric.objects);
    match &interface.body {
        InterfaceBody::Api(Api::Direct { upstream, .. }) => search.key(reference, "system", &upstream.system, systems),
        InterfaceBody::Api(Api::Mediated(serves)) => {
            search.key(reference, "object", &serves.object, objects);
            search.key(reference, "system", &serves.system, systems);
            let system = systems.get(&serves.system.value);
            let accounts = system.iter().flat_map(|system| &system.environments).flat_map(|it| &it.accounts);
            let known: BTreeSet<&str> = accounts.map(|account| account.name.value.as_str()).collect();
            if let (Some(account), Some(_)) = (&serves.account, system) {
                search.word(reference, "account", account, &known);
            }
        }
        InterfaceBody::Webhook(body) => {
            if let Some(source) = &body.source {
                search.key(reference, "system", source, systems);
            }
            body.into.iter().for_each(|made| into(search, reference, made));
        }
        InterfaceBody::File(body) => {
            search.key(reference, "system", &body.source.system, systems);
            into(search, reference, &body.into);
        }
        InterfaceBody::Event(body) => {
            for object in body.events.iter().filter_map(EventType::object) {
                search.key(reference, "object", object, objects);
            }
            if let Some(system) = &body.produced_by {
                search.key(reference, "system", system, systems);
            }
            let team = interface.owner.as_ref().and_then(|owner| search.fabric.teams.get(&owner.value));
            let roles: BTreeSet<&str> =
                team.iter().flat_map(|team| &team.roles).map(|(role, _)| role.value.as_str()).collect();
            for role in body.replay.iter().flat_map(|replay| &replay.by).filter(|_| team.is_some()) {
                search.word(reference, "role in the owning team", role, &roles);
            }
        }
        InterfaceBody::Flow => {}
    }
}

fn into(search: &mut Search<'_, '_>, reference: &InterfaceRef, into: &Into) {
    let objects = &search.fabric.objects;
    let Some(object) = &into.object else { return };
    search.key(reference, "object", object, objects);
    let declared = objects.get(&object.value);
    let attributes = declared.iter().flat_map(|object| &object.attributes);
    let known: BTreeSet<&str> = attributes.map(|attribute| attribute.name.value.as_str()).collect();
    if let (Some(lane), Some(_)) = (&into.lane, declared) {
        search.word(reference, "attribute of the object", lane, &known);
    }
}
