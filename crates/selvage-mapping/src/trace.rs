//! One record through its mapping, attribute by attribute and both ways: what stands in the record, the lens, what was looked
//! up, the canonical value, and what writing it back would change. An attribute that cannot be translated does not hide others.

use selvage_model::manifest::mapping::{Example, FieldMapping, Mapping};
use serde_json::{Map, Value};

use crate::error::MapError;
use crate::lens::Field;
use crate::link::{LinkAnswer, LinkQuery, Links};
use crate::mapping::{CompiledMapping, look};
use crate::page::field::lens;
use crate::trial::example;

/// One attribute of one record.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The attribute.
    pub attribute: String,
    /// The record's fields that it looks at, and what stands there; `null` where the record has no such field.
    pub fields: Vec<(String, Value)>,
    /// The lens in words.
    pub lens: String,
    /// What was looked up, and the answer.
    pub looked_up: Vec<(String, String)>,
    /// The canonical value, or why there is none.
    pub canonical: Result<Value, MapError>,
    /// The way back.
    pub back: Back,
}

/// What writing an attribute back as it was read would do.
#[derive(Clone, Debug, PartialEq)]
pub enum Back {
    /// It is only read.
    ReadOnly,
    /// Nothing.
    Unchanged,
    /// These values of the record would change: the mapping breaks a law.
    Changes(Map<String, Value>),
    /// It would be refused.
    Refused(MapError),
}

/// What must be looked up to trace this record, with the answers that are there so far: first what reading needs, then what
/// writing back needs.
pub fn questions(mapping: &CompiledMapping, record: &Value, links: &Links) -> Vec<LinkQuery> {
    let mut questions = mapping.links(record);
    for field in mapping.members().iter().filter(|field| field.readable && field.writable) {
        if let Ok(value) = mapping.one(field, record, links) {
            let given = Map::from_iter([(field.name().to_owned(), value)]);
            questions.extend(mapping.put_links(&Value::Object(given)).unwrap_or_default());
        }
    }
    questions.retain(|question| !links.contains(question));
    questions
}

/// The answers of an example's `links`, for a record that no system gave.
pub fn links_of(mapping: &CompiledMapping, example: &Example) -> Links {
    example::links(mapping, example)
}

/// Each attribute in the object's order.
pub fn run(declared: &Mapping, mapping: &CompiledMapping, record: &Value, links: &Links) -> Vec<Step> {
    let step = |field: &Field| {
        let declared = declared.fields.iter().find(|one| one.attribute.value == field.attribute.name.value);
        step(field, declared, mapping, record, links)
    };
    mapping.members().iter().map(step).collect()
}

fn step(
    field: &Field,
    declared: Option<&FieldMapping>,
    mapping: &CompiledMapping,
    record: &Value,
    links: &Links,
) -> Step {
    let mut names = Vec::new();
    look::looked_at(std::slice::from_ref(field), &mut names);
    names.dedup();
    let mut asked = Vec::new();
    look::queries(std::slice::from_ref(field), record, &mut asked);
    let canonical = if field.readable { mapping.one(field, record, links) } else { Ok(Value::Null) };
    let back = match &canonical {
        _ if !field.writable => Back::ReadOnly,
        Err(error) => Back::Refused(error.clone()),
        Ok(value) => {
            let given = Value::Object(Map::from_iter([(field.name().to_owned(), value.clone())]));
            match mapping.put(&given, Some(record), links) {
                Ok(changes) if changes.is_empty() => Back::Unchanged,
                Ok(changes) => Back::Changes(changes),
                Err(error) => Back::Refused(error),
            }
        }
    };
    Step {
        attribute: field.name().to_owned(),
        fields: names.into_iter().map(|name| (name.clone(), record.get(&name).cloned().unwrap_or_default())).collect(),
        lens: declared.map(|declared| lens(&declared.lens)).unwrap_or_default(),
        looked_up: asked.iter().map(|(at, query)| (question(at, query), answer(links.get(query)))).collect(),
        canonical,
        back,
    }
}

fn question(at: &str, query: &LinkQuery) -> String {
    match query {
        LinkQuery::ExternalId { id, .. } => format!("external id of {at} {id}"),
        LinkQuery::Key { object, id } => format!("key of the {object} {id}"),
        LinkQuery::Attribute { object, attribute, id } => format!("{attribute} of the {object} {id}"),
        LinkQuery::Site { company } => format!("site of the company {company}"),
        other => format!("{other:?}"),
    }
}

fn answer(answer: Option<&LinkAnswer>) -> String {
    match answer {
        Some(LinkAnswer::Text(text)) => text.clone(),
        Some(LinkAnswer::Id(id)) => id.to_string(),
        Some(LinkAnswer::Missing) => "nothing".to_owned(),
        None => "not looked up".to_owned(),
    }
}
