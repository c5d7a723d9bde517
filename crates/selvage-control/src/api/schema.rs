//! The schemas of the description: what bodies have to be, and what answers are. Bodies are closed, as unknown members are refused;
//! answers are open, as later versions may say more.

mod access;
mod body;
mod capture;
mod catalogue;
mod change;
mod event;
mod evidence;
mod release;
mod word;

use serde_json::{Map, Value, json};

pub(super) use word::problem_of;

/// Every schema by its name.
pub(super) fn components() -> Map<String, Value> {
    let mut all = Map::new();
    for schemas in [
        word::schemas(),
        body::schemas(),
        change::schemas(),
        release::schemas(),
        access::schemas(),
        event::schemas(),
        capture::schemas(),
        catalogue::schemas(),
        evidence::schemas(),
    ] {
        all.extend(schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema)));
    }
    all.sort_keys();
    all
}

type Schemas = Vec<(&'static str, Value)>;

/// A schema, by its name.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// A list of these, as lists are answered.
pub(super) fn items(name: &str) -> Value {
    json!({"type": "object", "required": ["items"], "properties": {"items": list(name)}})
}

/// The same in pages.
pub(super) fn page(name: &str) -> Value {
    page_by(name, "Id")
}

/// The same, where pages end at places of this kind.
pub(super) fn page_by(name: &str, place: &str) -> Value {
    let next = json!({"anyOf": [reference(place), {"type": "null"}], "description": "What the next page is asked for `after`, where there is one."});
    json!({"type": "object", "required": ["items", "next"], "properties": {"items": list(name), "next": next}})
}

fn list(name: &str) -> Value {
    json!({"type": "array", "items": reference(name)})
}

/// One of these, or nothing.
fn maybe(name: &str) -> Value {
    json!({"anyOf": [reference(name), {"type": "null"}]})
}

fn texts() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

fn text(about: &str) -> Value {
    let mut text = json!({"type": "string"});
    if let (Some(text), false) = (text.as_object_mut(), about.is_empty()) {
        text.insert("description".to_owned(), json!(about));
    }
    text
}

fn maybe_text(about: &str) -> Value {
    json!({"type": ["string", "null"], "description": about})
}

fn count(about: &str) -> Value {
    json!({"type": "integer", "minimum": 0, "description": about})
}

fn flag(about: &str) -> Value {
    json!({"type": "boolean", "description": about})
}

fn words(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

/// Members, and more of them.
fn with(members: Value, more: Value) -> Value {
    let mut all: Map<String, Value> = Map::new();
    for part in [members, more] {
        if let Value::Object(part) = part {
            all.extend(part);
        }
    }
    all.into()
}

/// An answer's object, whose members are all there, and those that may be.
fn answer(about: &str, members: Value, optional: Value) -> Value {
    let (Value::Object(mut properties), Value::Object(optional)) = (members, optional) else { return json!({}) };
    let required: Vec<String> = properties.keys().cloned().collect();
    properties.extend(optional);
    let mut answer = json!({"type": "object", "required": required, "properties": properties});
    if let (Some(answer), false) = (answer.as_object_mut(), about.is_empty()) {
        answer.insert("description".to_owned(), json!(about));
    }
    answer
}

/// A body's object: what it has to have, what it may have, and nothing else.
fn body(about: &str, members: Value, optional: Value) -> Value {
    let mut body = answer(about, members, optional);
    if let Some(body) = body.as_object_mut() {
        body.insert("additionalProperties".to_owned(), json!(false));
    }
    body
}
