//! An answer's object against its declaration: what a mediated interface shows is held to the object as events are. What no
//! mapping reads for it may be missing; whatever else is missing or of another shape is told, with JSON Pointers.

use std::collections::BTreeSet;

use selvage_model::fabric::Fabric;
use selvage_model::manifest::object::{Attribute, Object, Shape};
use selvage_model::name::SystemName;
use selvage_model::problem::FieldError;
use serde_json::Value;

use crate::body::check_event;
use crate::lens::{Field, Lens};
use crate::openapi::versions;

/// What is to be held against answers of an object that one system is asked for.
#[derive(Debug, Default)]
pub struct AnswerCheck {
    /// What a mapping does not read, in one version of the system at least: JSON Pointers with `*` for each index.
    unread: BTreeSet<String>,
}

impl AnswerCheck {
    /// What the mappings to this system read of the object, in every version that they are for.
    pub fn compile(fabric: &Fabric, object: &Object, system: &SystemName) -> Self {
        let mut unread = BTreeSet::new();
        for mapping in versions(fabric, &object.reference(), system) {
            leave_out(&object.attributes, mapping.members(), "", &mut unread);
        }
        Self { unread }
    }

    /// Everything that is wrong with an object as it is shown. Of the places that are `hidden` (with `*` for each index) nothing
    /// is told: whoever asks is not shown them.
    pub fn errors(
        &self,
        (fabric, object): (&Fabric, &Object),
        hidden: impl Fn(&str) -> bool,
        shown: &Value,
    ) -> Vec<FieldError> {
        let mut errors = check_event(object, fabric, shown);
        errors.retain(|error| {
            let place = without_indexes(&error.pointer);
            !self.unread.contains(&place) && !hidden(&place)
        });
        errors
    }
}

/// Adds what these fields do not read of these attributes.
fn leave_out(attributes: &[Attribute], fields: &[Field], pointer: &str, unread: &mut BTreeSet<String>) {
    for attribute in attributes {
        let name = attribute.name.value.as_str();
        let place = format!("{pointer}/{name}");
        let Some(field) = fields.iter().find(|field| field.name() == name) else {
            unread.insert(place);
            continue;
        };
        match (&attribute.shape, &field.lens) {
            _ if !field.readable || matches!(field.lens, Lens::Absent) => {
                unread.insert(place);
            }
            (Shape::Group(members), Lens::Group(inner)) => leave_out(members, inner, &place, unread),
            (Shape::List(element), Lens::Lines(lines)) => {
                if let Shape::Group(members) = element.as_ref() {
                    leave_out(members, &lines.members, &format!("{place}/*"), unread);
                }
            }
            _ => {}
        }
    }
}

/// A pointer with `*` in the place of every index. No attribute is called as a number.
fn without_indexes(pointer: &str) -> String {
    let is_index = |token: &str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
    pointer.split('/').map(|token| if is_index(token) { "*" } else { token }).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::without_indexes;

    #[test]
    fn indexes_are_folded() {
        assert_eq!(without_indexes("/lines/12/quantity/unit"), "/lines/*/quantity/unit");
        assert_eq!(without_indexes(""), "");
    }
}
