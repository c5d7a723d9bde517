//! Classes of data: which parts of an object carry one, which of them a grant is not shown, and how they are masked. Pure.
//! What is masked is there and says so; it is never left out, and nothing of it is told.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::data_schema::DataSchema;
use crate::fabric::Fabric;
use crate::manifest::api::Api;
use crate::manifest::interface::{Interface, InterfaceBody};
use crate::manifest::object::{Attribute, Object, Shape};
use crate::name::{ClassName, ObjectRef};
use crate::source::Spanned;

/// The classes that every fabric has.
pub const KNOWN: [&str; 3] = [PERSONAL, "confidential", "restricted"];
/// What says something about one person.
pub const PERSONAL: &str = "personal";
/// `Selvage-Masked`: where in an answer something is masked, as JSON Pointers with `*` for each index.
pub const HEADER: &str = "selvage-masked";

/// A part of an object that carries a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked {
    /// Where: a JSON Pointer with `*` for each index.
    pub pointer: String,
    /// Its class.
    pub class: ClassName,
}

impl Masked {
    /// Takes its value away wherever it stands in an object.
    pub fn hide(&self, object: &mut Value) {
        hide(object, self.pointer.trim_start_matches('/'));
    }

    /// Whether this place, with indexes or without, lies in it or around it: then words about it may tell of it.
    pub fn concerns(&self, pointer: &str) -> bool {
        names(&self.pointer).zip(names(pointer)).all(|(own, other)| own == other)
    }

    /// The attribute of the object that it is, or is a part of.
    pub fn attribute(&self) -> &str {
        self.pointer.split('/').nth(1).unwrap_or_default()
    }

    /// What it is called itself.
    pub fn name(&self) -> &str {
        self.pointer.rsplit('/').next().unwrap_or_default()
    }

    /// Where a body gives it, even as nothing.
    pub fn given(&self, body: &Value) -> Vec<String> {
        let mut found = Vec::new();
        given(body, self.pointer.trim_start_matches('/'), "", &mut found);
        found
    }
}

impl Object {
    /// Its parts that carry a class; what stands within one of them is not listed again.
    pub fn classed(&self) -> Vec<Masked> {
        let mut found = Vec::new();
        classed(&self.attributes, "", &mut found);
        found
    }

    /// Its parts that whoever sees only these classes is not shown.
    pub fn masked(&self, sees: &[ClassName]) -> Vec<Masked> {
        let mut found = Vec::new();
        unseen(&self.attributes, "", sees, &mut found);
        found
    }
}

impl Fabric {
    /// Every class of data that there is.
    pub fn classes(&self) -> Vec<&str> {
        let own = self.settings.iter().flat_map(|settings| &settings.classes).map(|class| class.value.as_str());
        KNOWN.into_iter().chain(own).collect()
    }

    /// The schemas that the data of an interface's events fits, where it is no object.
    pub fn schemas_of(&self, interface: &Interface) -> impl Iterator<Item = &DataSchema> {
        let files = interface.schemas().into_iter();
        files.filter_map(|file| self.schemas.get(file).map(AsRef::as_ref))
    }

    /// The classes that an interface's messages carry, in order and each once.
    pub fn classes_of(&self, interface: &Interface) -> Vec<String> {
        let objects = interface.objects().into_iter().filter_map(|object| self.objects.get(object));
        let of_schemas = self.schemas_of(interface).flat_map(|schema| schema.classes.clone());
        let of_data = objects.flat_map(Object::classed).chain(of_schemas).map(|masked| masked.class.to_string());
        let contract = match interface.api() {
            Some(Api::Direct { openapi, .. }) => self.contracts.get(&openapi.value),
            _ => None,
        };
        let marked = contract.into_iter().flat_map(|contract| &contract.classes).map(|(_, class)| class.value.clone());
        let listed = interface.listed_classes().iter().map(|(_, class)| class.value.to_string());
        let all: BTreeSet<String> = of_data.chain(marked).chain(listed).collect();
        all.into_iter().collect()
    }
}

impl Interface {
    /// The objects that its messages are, where they are any.
    pub fn objects(&self) -> Vec<&ObjectRef> {
        match &self.body {
            InterfaceBody::Api(Api::Mediated(serves)) => vec![&serves.object.value],
            InterfaceBody::Event(body) => body.events.iter().filter_map(|event| Some(&event.object()?.value)).collect(),
            InterfaceBody::File(body) => body.into.object.iter().map(|object| &object.value).collect(),
            InterfaceBody::Webhook(body) => {
                body.into.iter().filter_map(|into| Some(&into.object.as_ref()?.value)).collect()
            }
            InterfaceBody::Api(Api::Direct { .. }) | InterfaceBody::Flow => Vec::new(),
        }
    }

    /// The files with the schemas that the data of its events fits, where it is no object.
    pub fn schemas(&self) -> Vec<&str> {
        match &self.body {
            InterfaceBody::Event(body) => {
                body.events.iter().filter_map(|event| Some(event.schema()?.value.as_str())).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Names of members with the class that the manifest of a direct interface lists for them.
    pub fn listed_classes(&self) -> &[(Spanned<String>, Spanned<ClassName>)] {
        match self.api() {
            Some(Api::Direct { classes, .. }) => classes,
            _ => &[],
        }
    }
}

fn classed(attributes: &[Attribute], above: &str, found: &mut Vec<Masked>) {
    for attribute in attributes {
        let pointer = format!("{above}/{}", attribute.name.value);
        if let Some(class) = &attribute.class {
            found.push(Masked { pointer: pointer.clone(), class: class.value.clone() });
        }
        if let Some((members, pointer)) = members(&attribute.shape, pointer) {
            classed(members, &pointer, found);
        }
    }
}

fn unseen(attributes: &[Attribute], above: &str, sees: &[ClassName], found: &mut Vec<Masked>) {
    for attribute in attributes {
        let pointer = format!("{above}/{}", attribute.name.value);
        match &attribute.class {
            Some(class) if !sees.contains(&class.value) => found.push(Masked { pointer, class: class.value.clone() }),
            _ => {
                if let Some((members, pointer)) = members(&attribute.shape, pointer) {
                    unseen(members, &pointer, sees, found);
                }
            }
        }
    }
}

/// The attributes within a group, or within the elements of a list, and where they stand.
fn members(shape: &Shape, mut pointer: String) -> Option<(&[Attribute], String)> {
    match shape {
        Shape::Group(members) => Some((members, pointer)),
        Shape::List(element) => {
            pointer.push_str("/*");
            members(element, pointer)
        }
        _ => None,
    }
}

/// The names in a pointer, without its indexes.
fn names(pointer: &str) -> impl Iterator<Item = &str> {
    let is_index = |token: &str| token == "*" || token.bytes().all(|byte| byte.is_ascii_digit());
    pointer.split('/').skip(1).filter(move |token| !is_index(token))
}

fn hide(value: &mut Value, path: &str) {
    let (first, rest) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
    match (value, rest) {
        (Value::Array(items), Some(rest)) if first == "*" => items.iter_mut().for_each(|item| hide(item, rest)),
        (Value::Object(members), Some(rest)) => {
            if let Some(member) = members.get_mut(first) {
                hide(member, rest);
            }
        }
        (Value::Object(members), None) => {
            if let Some(member) = members.get_mut(first) {
                *member = Value::Null;
            }
        }
        _ => {}
    }
}

fn given(value: &Value, path: &str, above: &str, found: &mut Vec<String>) {
    let (first, rest) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
    match (value, rest) {
        (Value::Array(items), Some(rest)) if first == "*" => {
            for (index, item) in items.iter().enumerate() {
                given(item, rest, &format!("{above}/{index}"), found);
            }
        }
        (Value::Object(members), rest) => {
            let Some(member) = members.get(first) else { return };
            let pointer = format!("{above}/{first}");
            match rest {
                Some(rest) => given(member, rest, &pointer, found),
                None => found.push(pointer),
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn masked(pointer: &str) -> Masked {
        Masked { pointer: pointer.to_owned(), class: PERSONAL.parse().unwrap() }
    }

    #[test]
    fn what_is_masked_is_null_and_stays() {
        let table = [
            ("/email", json!({"email": "a@b", "name": "A"}), json!({"email": null, "name": "A"})),
            ("/email", json!({"name": "A"}), json!({"name": "A"})),
            (
                "/lines/*/worker",
                json!({"lines": [{"worker": "A", "n": 1}, {"n": 2}], "worker": "B"}),
                json!({"lines": [{"worker": null, "n": 1}, {"n": 2}], "worker": "B"}),
            ),
            ("/a/*/*/b", json!({"a": [[{"b": 1}], [{"b": [2]}]]}), json!({"a": [[{"b": null}], [{"b": null}]]})),
            ("/contact/phone", json!({"contact": null}), json!({"contact": null})),
            ("/contact", json!({"contact": {"phone": "1"}}), json!({"contact": null})),
        ];
        for (pointer, mut object, expected) in table {
            masked(pointer).hide(&mut object);
            assert_eq!(object, expected, "{pointer}");
        }
    }

    #[test]
    fn where_a_body_gives_it() {
        let body = json!({"lines": [{"worker": null}, {"n": 1}, {"worker": "A"}]});
        assert_eq!(masked("/lines/*/worker").given(&body), ["/lines/0/worker", "/lines/2/worker"]);
        assert_eq!(masked("/email").given(&body), Vec::<String>::new());
    }

    #[test]
    fn places_that_tell_of_it() {
        for (pointer, place, concerns) in [
            ("/lines/*/worker", "/lines/3/worker", true),
            ("/lines/*/worker", "/lines", true),
            ("/lines/*/worker", "", true),
            ("/lines/*/worker", "/lines/3/quantity", false),
            ("/contact", "/contact/phone", true),
            ("/contact", "/contacts", false),
        ] {
            assert_eq!(masked(pointer).concerns(place), concerns, "{pointer} {place}");
        }
    }
}
