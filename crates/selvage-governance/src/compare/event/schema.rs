//! Schemas of what events carry: compared by what they say, wherever they lie. A producer must find taken what was taken before, and
//! who reads must find nothing that could not be there before.

use std::sync::Arc;

use selvage_model::fabric::Fabric;
use selvage_model::manifest::event::EventType;
use selvage_model::manifest::interface::{Interface, InterfaceBody, Lifecycle};
use selvage_model::source::{Place, Spanned};
use selvage_model::yaml::{self, Limits, Node};

use super::{SCHEMA_CHANGED, SCHEMA_WORDS_CHANGED};
use crate::compare::served::operations;
use crate::compare::{Difference, Direction, Verdict, schema};

/// What is different between the schemas of the types that both states have, also where the manifests that name them are the same.
pub(in crate::compare) fn compare(before: &Fabric, after: &Fabric, found: &mut Vec<Difference>) {
    for (reference, was) in &before.interfaces {
        let is = after.interfaces.get(reference);
        let (Some(old), Some(new)) = (events(was), is.and_then(events)) else { continue };
        for kind in old {
            let same = new.iter().find(|other| other.name.value == kind.name.value);
            let Some((old, new)) = kind.schema().zip(same.and_then(EventType::schema)) else { continue };
            for mut one in differences((before, old), (after, new)) {
                // What concerns the schema as a whole stands at no place in it.
                one.at = match one.at.as_str() {
                    "" => format!("event {}", kind.name),
                    at => format!("event {}, data{}", kind.name, at.trim_end_matches('/')),
                };
                one.operations = operations(was, one.class.direction);
                one.interface = Some(reference.clone());
                if matches!(was.lifecycle, Lifecycle::Draft | Lifecycle::Retired { .. }) {
                    one.verdict = Verdict::Safe;
                }
                found.push(one);
            }
        }
    }
}

fn events(interface: &Interface) -> Option<&[EventType]> {
    match &interface.body {
        InterfaceBody::Event(event) => Some(&event.events),
        _ => None,
    }
}

/// What is different between two schemas that lie in these files.
pub(in crate::compare) fn differences(
    (before, was): (&Fabric, &Spanned<String>),
    (after, is): (&Fabric, &Spanned<String>),
) -> Vec<Difference> {
    let unknown = || vec![Difference::new(&SCHEMA_CHANGED, "", &Place::start(&is.value))];
    match (before.files.get(&was.value), after.files.get(&is.value)) {
        (Some(before), Some(after)) if before == after => Vec::new(),
        (Some(before), Some(after)) => match (read(before, &was.value), read(after, &is.value)) {
            (Some(before), Some(after)) if before.to_value() == after.to_value() => Vec::new(),
            (Some(before), Some(after)) => {
                let found = schema(&before, &after, Direction::Both);
                let words = || Difference::new(&SCHEMA_WORDS_CHANGED, "", &after.place);
                if found.is_empty() { vec![words()] } else { found }
            }
            _ => unknown(),
        },
        // Neither is there: their manifests say the same, and what they mean is as unknown as it was.
        (None, None) if was == is => Vec::new(),
        _ => unknown(),
    }
}

/// The one document that a schema is.
fn read(text: &str, path: &str) -> Option<Node> {
    let (mut nodes, findings) = yaml::parse(text.as_bytes(), &Arc::from(path), &Limits::CONTRACT);
    (findings.is_empty() && nodes.len() == 1).then(|| nodes.swap_remove(0))
}
