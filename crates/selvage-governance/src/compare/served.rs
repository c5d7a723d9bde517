//! Which interfaces carry what is different elsewhere: an object's attribute that is gone is gone from each of them.

use std::collections::BTreeMap;

use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::{Api, Operation};
use selvage_model::manifest::event::{EVENT_OPERATIONS, PUBLISH};
use selvage_model::manifest::interface::{Interface, InterfaceBody, Lifecycle};
use selvage_model::manifest::object::{Attribute, Shape};
use selvage_model::name::{CodeSetName, ObjectRef, SystemName};

use super::{Class, Difference, Direction, Verdict};

/// The interfaces of the state before, by the object that their messages are.
pub(super) struct Served<'a> {
    fabric: &'a Fabric,
    by_object: BTreeMap<&'a ObjectRef, Vec<&'a Interface>>,
}

impl<'a> Served<'a> {
    pub(super) fn new(fabric: &'a Fabric) -> Self {
        let mut by_object: BTreeMap<&ObjectRef, Vec<&Interface>> = BTreeMap::new();
        for interface in fabric.interfaces.values() {
            let mut objects = interface.objects();
            objects.sort_unstable();
            objects.dedup();
            objects.into_iter().for_each(|object| by_object.entry(object).or_default().push(interface));
        }
        Self { fabric, by_object }
    }

    /// The interfaces that carry an object.
    pub(super) fn of(&self, object: &ObjectRef) -> &[&'a Interface] {
        self.by_object.get(object).map_or(&[], Vec::as_slice)
    }

    /// Those of them that have it from, or give it to, this system.
    pub(super) fn of_system(&self, object: &ObjectRef, system: &SystemName) -> Vec<&'a Interface> {
        let is_of = |interface: &&Interface| match &interface.body {
            InterfaceBody::Api(Api::Mediated(serves)) => &serves.system.value == system,
            InterfaceBody::Event(body) => body.produced_by.as_ref().is_some_and(|producer| &producer.value == system),
            InterfaceBody::Webhook(body) => body.source.as_ref().is_some_and(|source| &source.value == system),
            InterfaceBody::File(body) => &body.source.system.value == system,
            InterfaceBody::Api(Api::Direct { .. }) | InterfaceBody::Flow => false,
        };
        self.of(object).iter().copied().filter(is_of).collect()
    }

    /// The objects with an attribute of this code set, and those attributes.
    pub(super) fn objects_of(&self, set: &CodeSetName) -> Vec<(ObjectRef, Vec<String>)> {
        let uses = |attribute: &&Attribute| uses(&attribute.shape, set);
        let objects = self.fabric.objects.iter().map(|(reference, object)| {
            let names = object.attributes.iter().filter(uses).map(|attribute| attribute.name.value.to_string());
            (reference.clone(), names.collect::<Vec<_>>())
        });
        objects.filter(|(_, attributes)| !attributes.is_empty()).collect()
    }
}

fn uses(shape: &Shape, set: &CodeSetName) -> bool {
    match shape {
        Shape::Code { set: own } => &own.value == set,
        Shape::List(of) => uses(of, set),
        Shape::Group(attributes) => attributes.iter().any(|attribute| uses(&attribute.shape, set)),
        _ => false,
    }
}

/// Tells differences for each of the interfaces that carry what is different; where there are none, and where nobody is broken,
/// once.
pub(super) fn spread(found: &mut Vec<Difference>, differences: Vec<Difference>, interfaces: &[&Interface]) {
    for difference in differences {
        if interfaces.is_empty() || difference.verdict == Verdict::Safe {
            found.push(difference);
            continue;
        }
        for interface in interfaces {
            let mut one = difference.clone();
            one.interface = Some(interface.reference());
            one.operations = met_by(interface, difference.class);
            if matches!(interface.lifecycle, Lifecycle::Draft | Lifecycle::Retired { .. }) {
                one.verdict = Verdict::Safe;
            }
            found.push(one);
        }
    }
}

/// The operations by which an object goes the way of this class, and those that search it where searches meet it.
fn met_by(interface: &Interface, class: &Class) -> Vec<String> {
    let mut operations = operations(interface, class.direction);
    if let (Some(Api::Mediated(serves)), true, false) = (interface.api(), class.meets_searches(), operations.is_empty())
    {
        let lists = serves.operations.iter().any(|operation| operation.value == Operation::List);
        operations.extend(lists.then(|| Operation::List.as_str().to_owned()));
    }
    operations
}

/// The operations by which an object goes this way; all where the list is empty.
pub(super) fn operations(interface: &Interface, direction: Direction) -> Vec<String> {
    match (&interface.body, direction) {
        (InterfaceBody::Api(Api::Mediated(serves)), Direction::Request) => {
            let operations = serves.operations.iter().map(|operation| operation.value);
            operations.filter(|operation| operation.writes()).map(|operation| operation.as_str().to_owned()).collect()
        }
        (InterfaceBody::Event(_), Direction::Request) => vec![PUBLISH.to_owned()],
        (InterfaceBody::Event(_), Direction::Response) => {
            let others = EVENT_OPERATIONS.iter().filter(|operation| **operation != PUBLISH);
            others.map(|operation| (*operation).to_owned()).collect()
        }
        _ => Vec::new(),
    }
}
