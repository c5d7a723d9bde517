//! What an interface stands on, and what stands on it: systems, objects, mappings, code sets, events and copies.

use std::collections::BTreeSet;

use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::Api;
use selvage_model::manifest::interface::{Interface, InterfaceBody};
use selvage_model::manifest::object::{Attribute, Shape};
use selvage_model::name::{CodeSetName, InterfaceRef, ObjectRef};

/// One thing that an interface stands on, or that stands on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependency {
    /// How: `system`, `object`, `mapping`, `code-set`, `events`, `copy`, `read-by`, `flow`.
    pub by: &'static str,
    /// What it is called.
    pub name: String,
}

/// Everything that an interface stands on, and what stands on it.
pub fn dependencies(fabric: &Fabric, reference: &InterfaceRef) -> Vec<Dependency> {
    let Some(interface) = fabric.interfaces.get(reference) else { return Vec::new() };
    let mut found = BTreeSet::new();
    let mut add = |by, name: String| {
        found.insert(Dependency { by, name });
    };
    if let Some(system) = interface.system() {
        add("system", system.to_string());
    }
    interface.schemas().into_iter().for_each(|file| add("schema", file.to_owned()));
    for object in interface.objects() {
        add("object", object.to_string());
        let declared = fabric.objects.get(object);
        let mut sets = BTreeSet::new();
        code_sets(declared.map(|object| object.attributes.as_slice()).unwrap_or_default(), &mut sets);
        sets.into_iter().for_each(|set| add("code-set", set.to_string()));
        let to_system = fabric
            .mappings
            .values()
            .filter(|mapping| &mapping.object.value == object && Some(&mapping.system.value) == interface.system());
        to_system.for_each(|mapping| add("mapping", mapping.name.to_string()));
        events_of(fabric, reference, object).for_each(|events| add("events", events.to_string()));
    }
    if let Some(Api::Mediated(serves)) = interface.api()
        && let Some(reads) = &serves.reads
    {
        add("copy", reads.copy.value.to_string());
    }
    let readers = fabric.interfaces.iter().filter(|(_, other)| reads_copy_of(other, reference));
    readers.for_each(|(reader, _)| add("read-by", reader.to_string()));
    let flows = fabric.flows.values().filter(|flow| &flow.interface.value == reference);
    flows.for_each(|flow| add("flow", flow.name.to_string()));
    found.into_iter().collect()
}

/// The event interfaces, other than this one, that tell of an object.
fn events_of<'f>(
    fabric: &'f Fabric,
    but: &'f InterfaceRef,
    object: &'f ObjectRef,
) -> impl Iterator<Item = &'f InterfaceRef> {
    fabric.interfaces.iter().filter_map(move |(reference, interface)| match &interface.body {
        InterfaceBody::Event(event) => {
            let tells = event.events.iter().any(|one| one.object().is_some_and(|it| &it.value == object));
            (tells && reference != but).then_some(reference)
        }
        _ => None,
    })
}

fn reads_copy_of(interface: &Interface, keeper: &InterfaceRef) -> bool {
    match interface.api() {
        Some(Api::Mediated(serves)) => serves.reads.as_ref().is_some_and(|reads| &reads.copy.value == keeper),
        _ => false,
    }
}

fn code_sets<'o>(attributes: &'o [Attribute], found: &mut BTreeSet<&'o CodeSetName>) {
    attributes.iter().for_each(|attribute| code_sets_of(&attribute.shape, found));
}

fn code_sets_of<'o>(shape: &'o Shape, found: &mut BTreeSet<&'o CodeSetName>) {
    match shape {
        Shape::Code { set } => drop(found.insert(&set.value)),
        Shape::List(element) => code_sets_of(element, found),
        Shape::Group(members) => code_sets(members, found),
        _ => {}
    }
}
