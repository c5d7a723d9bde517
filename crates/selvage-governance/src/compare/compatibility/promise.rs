//! Promises of compatibility, and where a state breaks them: towards the state before, or towards every one that there was. What was promised
//! until now holds for the change that takes it back. Pure: the states are given.

use std::collections::BTreeSet;

use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::compatibility::{CompatibilityPromise, CompatibilityWay};
use selvage_model::manifest::event::{Carried, EventInterface, EventType};
use selvage_model::manifest::interface::{Interface, InterfaceBody};
use selvage_model::manifest::object::{Attribute, Object, Shape};
use selvage_model::name::CodeSetName;
use selvage_model::source::Spanned;

use super::{Compatibility, PROMISED};
use crate::compare::{Area, Difference, Verdict, code_set, event, object};

/// A state that there was.
#[derive(Clone, Copy, Debug)]
pub struct Earlier<'a> {
    /// What it is called, as `rel_…`.
    pub name: &'a str,
    /// What it declared.
    pub fabric: &'a Fabric,
}

/// Whether any promise of the two asks for more than the state before.
pub fn looks_back(before: &Fabric, after: &Fabric) -> bool {
    [before, after].into_iter().any(|fabric| {
        let of_objects = fabric.objects.values().filter_map(|object| object.compatibility.as_ref());
        let of_events = fabric.interfaces.values().filter_map(|it| events(it)?.compatibility.as_ref());
        of_objects.chain(of_events).any(|promise| promise.value.transitive)
    })
}

/// Whether the one promise has all that the other had.
pub(in crate::compare) fn covers(
    is: Option<&Spanned<CompatibilityPromise>>,
    was: Option<&Spanned<CompatibilityPromise>>,
) -> bool {
    match (is, was) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(is), Some(was)) => is.value.and(was.value) == is.value,
    }
}

/// Where a state breaks what is promised: towards the state before, and where the promise is transitive, towards each earlier one.
/// What cannot be told to be kept is broken.
pub fn broken(before: Earlier<'_>, earlier: &[Earlier<'_>], after: &Fabric) -> Vec<Finding> {
    let mut found = Vec::new();
    for (reference, is) in &after.objects {
        let was = before.fabric.objects.get(reference);
        let promised = [was.and_then(|it| it.compatibility.as_ref()), is.compatibility.as_ref()];
        let between = |state: &Fabric| {
            let was = state.objects.get(reference);
            was.map(|was| of_objects((state, was), (after, is))).unwrap_or_default()
        };
        hold(&mut found, &format!("object `{reference}`"), promised, (before, earlier), between);
    }
    for (reference, interface) in &after.interfaces {
        let Some(is) = events(interface) else { continue };
        let was = before.fabric.interfaces.get(reference).and_then(events);
        let promised = [was.and_then(|it| it.compatibility.as_ref()), is.compatibility.as_ref()];
        let between = |state: &Fabric| {
            let was = state.interfaces.get(reference).and_then(events);
            was.map(|was| of_events((state, was), (after, is))).unwrap_or_default()
        };
        hold(&mut found, &format!("`{reference}`"), promised, (before, earlier), between);
    }
    found
}

/// Holds a subject to what is and was promised of it.
fn hold(
    found: &mut Vec<Finding>,
    what: &str,
    promised: [Option<&Spanned<CompatibilityPromise>>; 2],
    (before, earlier): (Earlier<'_>, &[Earlier<'_>]),
    between: impl Fn(&Fabric) -> Vec<Difference>,
) {
    let both = promised.into_iter().flatten().map(|promise| promise.value).reduce(CompatibilityPromise::and);
    let Some(promise) = both else { return };
    let mut told = BTreeSet::new();
    let more = earlier.iter().filter(|_| promise.transitive);
    for state in [before].iter().chain(more) {
        for difference in between(state.fabric) {
            if !breaks(promise, &difference) || !told.insert((difference.class.code, difference.at.clone())) {
                continue;
            }
            let Difference { at, class, .. } = &difference;
            let message = format!(
                "{what} promises `{promise}` compatibility, and does not go together with {}: {at} ({}): {}",
                state.name, class.code, class.because
            );
            let fix =
                "take it back, or make another major version; a promise is loosened by a change of its own, before";
            found.push(Finding::error(code::COMPATIBILITY_BROKEN, &difference.place, message).fix(fix));
        }
    }
}

fn breaks(promise: CompatibilityPromise, difference: &Difference) -> bool {
    let Compatibility { backward, forward } = Compatibility::of([difference]);
    let worst = match promise.way {
        CompatibilityWay::Backward => backward,
        CompatibilityWay::Forward => forward,
        CompatibilityWay::Full => backward.max(forward),
    };
    worst > Verdict::Safe
}

/// What is different in what an object holds, and in the codes that its values may be; who may change it is another matter.
fn of_objects((before, was): (&Fabric, &Object), (after, is): (&Fabric, &Object)) -> Vec<Difference> {
    let all = object::differences(was, is).into_iter();
    let own = all.filter(|it| it.class.area == Area::Object && it.class.element != PROMISED);
    own.chain(of_sets((before, was), after)).collect()
}

/// What is different in the codes that the values of an object may be.
pub(super) fn of_sets((before, was): (&Fabric, &Object), after: &Fabric) -> Vec<Difference> {
    let sets = code_sets(&was.attributes).into_iter().filter_map(|set| before.code_sets.get(set));
    sets.flat_map(|set| code_set::differences(set, after.code_sets.get(&set.name))).collect()
}

/// The code sets of attributes, and of what is within them.
fn code_sets(attributes: &[Attribute]) -> BTreeSet<&CodeSetName> {
    fn gather<'a>(shape: &'a Shape, sets: &mut BTreeSet<&'a CodeSetName>) {
        match shape {
            Shape::Code { set } => drop(sets.insert(&set.value)),
            Shape::List(of) => gather(of, sets),
            Shape::Group(attributes) => attributes.iter().for_each(|attribute| gather(&attribute.shape, sets)),
            _ => {}
        }
    }
    let mut sets = BTreeSet::new();
    attributes.iter().for_each(|attribute| gather(&attribute.shape, &mut sets));
    sets
}

fn events(interface: &Interface) -> Option<&EventInterface> {
    match &interface.body {
        InterfaceBody::Event(event) => Some(event),
        _ => None,
    }
}

/// What is different in what the events carry that there were; what is new was carried by nobody.
fn of_events((before, was): (&Fabric, &EventInterface), (after, is): (&Fabric, &EventInterface)) -> Vec<Difference> {
    let mut found = Vec::new();
    for kind in &was.events {
        let lone = |class, of: &EventType| Difference::new(class, format!("event {}", kind.name), &of.name.place);
        let Some(same) = is.events.iter().find(|other| other.name.value == kind.name.value) else {
            found.push(lone(&event::TYPE_REMOVED, kind));
            continue;
        };
        let differences = match (&kind.carried, &same.carried) {
            (Carried::Object(old), Carried::Object(new)) if old.value == new.value => {
                let both = before.objects.get(&old.value).zip(after.objects.get(&new.value));
                both.map(|(old, new)| of_objects((before, old), (after, new))).unwrap_or_default()
            }
            (Carried::Schema(old), Carried::Schema(new)) => event::of_schemas((before, old), (after, new)),
            _ => vec![lone(&event::OBJECT_CHANGED, same)],
        };
        found.extend(differences.into_iter().map(|mut one| {
            if !one.at.starts_with("event ") {
                one.at = format!("event {}, {}", kind.name, one.at);
            }
            one
        }));
    }
    found
}

#[cfg(test)]
mod tests;
