//! JSON Schema 2020-12 from the tables.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::format::Format;
use super::shape::{Field, Record, Shape};
use super::tables;
use crate::manifest::kind::Kind;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of one kind.
pub(super) fn of_kind(kind: Kind) -> Value {
    let mut definitions = Definitions::default();
    let mut schema = definitions.manifest(kind);
    schema.insert("$schema".into(), DIALECT.into());
    schema.insert("title".into(), kind.as_str().into());
    schema.insert("$defs".into(), definitions.into_value());
    Value::Object(schema)
}

/// The schema of any manifest: which one is decided by `kind`.
pub(super) fn of_any() -> Value {
    let mut definitions = Definitions::default();
    let mut cases = Vec::new();
    for kind in Kind::ALL {
        let manifest = Value::Object(definitions.manifest(*kind));
        definitions.made.insert(kind_name(*kind), manifest);
        cases.push(json!({
            "if": {"properties": {"kind": {"const": kind.as_str()}}, "required": ["kind"]},
            "then": {"$ref": format!("#/$defs/{}", kind_name(*kind))},
        }));
    }
    let words: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    json!({
        "$schema": DIALECT,
        "title": "A manifest of a Selvage fabric",
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": words, "description": "What the document declares."}},
        "allOf": cases,
        "$defs": definitions.into_value(),
    })
}

fn kind_name(kind: Kind) -> String {
    format!("kind.{kind}")
}

/// Records, each once.
#[derive(Default)]
struct Definitions {
    made: BTreeMap<String, Value>,
}

impl Definitions {
    fn into_value(self) -> Value {
        Value::Object(self.made.into_iter().collect())
    }

    fn manifest(&mut self, kind: Kind) -> Map<String, Value> {
        let whole = self.of_record(kind, tables::of(kind));
        let Some(extension) = tables::extension::of(kind) else { return whole };
        // A document that extends one of a pack has some of the fields, and says of which.
        let extension = self.of_record(kind, extension);
        let mut schema = Map::new();
        schema.insert("if".into(), json!({"required": ["extends"]}));
        schema.insert("then".into(), Value::Object(extension));
        schema.insert("else".into(), Value::Object(whole));
        schema
    }

    fn of_record(&mut self, kind: Kind, record: &'static Record) -> Map<String, Value> {
        let mut schema = self.fields(record);
        let kind = json!({"const": kind.as_str(), "description": "What the document declares."});
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.shift_insert(0, "kind".into(), kind);
        }
        if let Some(Value::Array(required)) = schema.get_mut("required") {
            required.insert(0, "kind".into());
        }
        schema
    }

    fn reference(&mut self, record: &'static Record) -> Value {
        if !self.made.contains_key(record.name) {
            // Records refer to themselves: the name is taken before the record is made.
            self.made.insert(record.name.into(), Value::Null);
            let schema = self.fields(record);
            self.made.insert(record.name.into(), Value::Object(schema));
        }
        json!({"$ref": format!("#/$defs/{}", record.name)})
    }

    fn fields(&mut self, record: &'static Record) -> Map<String, Value> {
        let mut schema = Map::new();
        schema.insert("description".into(), record.about.into());
        schema.insert("type".into(), "object".into());
        schema.insert("properties".into(), self.properties(record.fields));
        schema.insert("required".into(), required(record.fields));
        let mut conditions = Vec::new();
        if let Some(variants) = record.variants {
            for (word, fields) in variants.cases {
                conditions.push(json!({
                    "if": {"properties": {variants.tag: {"const": word}}, "required": [variants.tag]},
                    "then": {"properties": self.properties(fields), "required": required(fields)},
                }));
            }
            schema.insert("allOf".into(), conditions.into());
        }
        if !record.one_of.is_empty() {
            schema.insert("oneOf".into(), record.one_of.iter().map(|name| json!({"required": [name]})).collect());
        }
        match (&record.rest, record.variants) {
            (Some((keys, shape)), _) => {
                schema.insert("additionalProperties".into(), self.shape(shape));
                schema.insert("propertyNames".into(), key_names(*keys, record));
            }
            // What an `if` brings is not "additional", which only this word knows.
            (None, Some(_)) => drop(schema.insert("unevaluatedProperties".into(), false.into())),
            (None, None) => drop(schema.insert("additionalProperties".into(), false.into())),
        }
        schema
    }

    fn properties(&mut self, fields: &'static [Field]) -> Value {
        let mut properties = Map::new();
        for field in fields {
            let mut schema = self.shape(&field.shape);
            if let Value::Object(schema) = &mut schema {
                schema.insert("description".into(), field.about.into());
            }
            properties.insert(field.name.into(), schema);
        }
        Value::Object(properties)
    }

    fn shape(&mut self, shape: &'static Shape) -> Value {
        match shape {
            Shape::Any => json!({}),
            Shape::Text(format) => format.json(),
            Shape::Record(record) => self.reference(record),
            Shape::List(of, not_empty) => {
                json!({"type": "array", "items": self.shape(of), "minItems": usize::from(*not_empty)})
            }
            Shape::Map(keys, of) => {
                json!({"type": "object", "propertyNames": as_text(*keys), "additionalProperties": self.shape(of)})
            }
            Shape::Either(format, other) => json!({"anyOf": [format.json(), self.shape(other)]}),
            Shape::Typed(typed, other) => json!({
                "if": {"properties": {"type": {"type": "string"}}, "required": ["type"]},
                "then": self.shape(typed),
                "else": self.shape(other),
            }),
        }
    }
}

/// Keys are always text, also those that an editor would take for numbers as values.
fn as_text(keys: Format) -> Value {
    let mut schema = keys.json();
    if let Value::Object(schema) = &mut schema {
        schema.insert("type".into(), "string".into());
    }
    schema
}

fn key_names(keys: Format, record: &Record) -> Value {
    let named: Vec<&str> = record.fields.iter().map(|field| field.name).collect();
    json!({"anyOf": [{"enum": named}, as_text(keys)]})
}

fn required(fields: &[Field]) -> Value {
    fields.iter().filter(|field| field.required).map(|field| Value::from(field.name)).collect()
}
