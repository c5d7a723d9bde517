//! The examples of a mapping as tests: the record gives the object, the object changes nothing in the record, and a new
//! record made of the object says the same.

use selvage_model::manifest::mapping::{Example, ExampleLink};
use serde_json::{Map, Value};

use super::apply::applied;
use crate::error::{MapCause, MapError};
use crate::link::{LinkAnswer, LinkQuery, Links};
use crate::mapping::CompiledMapping;
use crate::shape::{same, same_members};

/// What is not as the example says.
pub(super) fn run(mapping: &CompiledMapping, example: &Example) -> Vec<String> {
    let links = links(mapping, example);
    let mut failures = match mapping.get(&example.local, &links) {
        Ok(got) => differences(mapping, &got, &example.canonical),
        Err(error) => return vec![format!("the record cannot be read: {error}")],
    };
    if failures.is_empty() {
        failures.extend(unchanged(mapping, example, &links));
        failures.extend(created(mapping, example, &links));
    }
    failures
}

/// The example's links, forward, and backward by the records they lead to.
pub(crate) fn links(mapping: &CompiledMapping, example: &Example) -> Links {
    let mut links = Links::new();
    for (field, query) in mapping.links_by_field(&example.local) {
        let of_field = |link: &&ExampleLink| link.field == field && link.id.is_none_or(|id| linked(&query) == Some(id));
        let Some(text) = example.links.iter().find(of_field).map(|link| link.text.clone()) else {
            links.insert(query, LinkAnswer::Missing);
            continue;
        };
        if let Some((backward, id)) = inverse(&query, &text) {
            links.insert(backward, LinkAnswer::Id(id));
        }
        links.insert(query, LinkAnswer::Text(text));
    }
    links
}

/// The record that a forward question is about.
fn linked(query: &LinkQuery) -> Option<i64> {
    match query {
        LinkQuery::ExternalId { id, .. } | LinkQuery::Key { id, .. } | LinkQuery::Attribute { id, .. } => Some(*id),
        LinkQuery::Site { company } => Some(*company),
        _ => None,
    }
}

fn inverse(query: &LinkQuery, text: &str) -> Option<(LinkQuery, i64)> {
    match query {
        LinkQuery::ExternalId { id, .. } => Some((LinkQuery::ByExternalId { external_id: text.to_owned() }, *id)),
        LinkQuery::Key { object, id } => Some((LinkQuery::ByKey { object: object.clone(), key: text.to_owned() }, *id)),
        LinkQuery::Attribute { object, attribute, id } => {
            let (object, attribute) = (object.clone(), attribute.clone());
            Some((LinkQuery::ByAttribute { object, attribute, value: text.to_owned() }, *id))
        }
        LinkQuery::Site { company } => Some((LinkQuery::Company { site: text.parse().ok()? }, *company)),
        _ => None,
    }
}

fn differences(mapping: &CompiledMapping, got: &Value, wanted: &Value) -> Vec<String> {
    let mut failures = Vec::new();
    for attribute in mapping.attributes() {
        let name = attribute.name.value.as_str();
        let got = got.get(name).unwrap_or(&Value::Null);
        let wanted = wanted.get(name).unwrap_or(&Value::Null);
        if !same(&attribute.shape, got, wanted) {
            failures.push(format!("`{name}` is {got}, and the example says {wanted}"));
        }
    }
    let known = |name: &String| mapping.attributes().iter().any(|attribute| attribute.name.value.as_str() == name);
    let unknown = wanted.as_object().into_iter().flat_map(Map::keys).filter(|name| !known(name));
    failures.extend(unknown.map(|name| format!("the example gives `{name}`, which is no attribute")));
    failures
}

fn unchanged(mapping: &CompiledMapping, example: &Example, links: &Links) -> Option<String> {
    match mapping.put(&example.canonical, Some(&example.local), links) {
        Ok(changes) if changes.is_empty() => None,
        Ok(changes) => Some(format!("putting the object back changes {}", Value::Object(changes))),
        Err(error) => Some(format!("putting the object back is refused: {error}")),
    }
}

fn created(mapping: &CompiledMapping, example: &Example, links: &Links) -> Option<String> {
    let given = mapping.writable_part(&example.canonical);
    let values = match mapping.put(&given, None, links) {
        Ok(values) => values,
        // What the system chooses itself cannot be created from here.
        Err(MapError { cause: MapCause::NotWritable, .. }) => return None,
        Err(error) => return Some(format!("making the record anew is refused: {error}")),
    };
    let mut made = example.local.as_object().cloned().unwrap_or_default();
    for (_, value) in made.iter_mut().filter(|(name, value)| value.is_array() && values.contains_key(*name)) {
        // A new record has no lines but those that it is given.
        *value = Value::Array(Vec::new());
    }
    let made = applied(mapping.members(), made, values, &example.local);
    let got = match mapping.get(&Value::Object(made), links) {
        Ok(got) => mapping.writable_part(&got),
        Err(error) => return Some(format!("the record made anew cannot be read: {error}")),
    };
    let same = match (&got, &given) {
        (Value::Object(got), Value::Object(given)) => same_members(mapping.attributes(), got, given),
        _ => false,
    };
    (!same).then(|| format!("the record made anew reads {got}, and the object says {given}"))
}
