//! Parameters: of paths, of lists and of writes. A list can be filtered by an attribute where every mapping says how.

use selvage_model::code;
use selvage_model::manifest::object::{Attribute, Shape};
use serde_json::{Map, Value, json};

use super::Subject;
use super::attribute::scalar_schema;
use super::schema::reference;

/// Most characters of a value that a list is searched by.
pub const LONGEST: u64 = 256;

/// The parameters that operations share.
pub(super) fn components() -> Value {
    let mut parameters = Map::new();
    let mut add = |name: &str, place: &str, required: bool, schema: Value, about: &str, called: &str| {
        let parameter =
            json!({"name": called, "in": place, "required": required, "schema": schema, "description": about});
        parameters.insert(name.to_owned(), parameter);
    };
    let key = json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"});
    let about = "A new one for each intended change, the same one with each retry.";
    add("IdempotencyKey", "header", true, key, about, "Idempotency-Key");
    let about = "Only for this state of the record, as its `ETag` says.";
    add("IfMatch", "header", false, json!({"type": "string"}), about, "If-Match");
    let about = "Only where it is not of this state, as the `ETag` of an answer before says: 304 otherwise.";
    add("IfNoneMatch", "header", false, json!({"type": "string"}), about, "If-None-Match");
    let id =
        json!({"type": "string", "minLength": 1, "maxLength": 512, "pattern": r"^[^\u0000-\u001f\u007f-\u009f]+$"});
    add("Id", "path", true, id, "The record's business key, or its id in the system as `system-7`.", "id");
    let limit = json!({"type": "integer", "minimum": 1, "maximum": 500, "default": 100});
    add("Limit", "query", false, limit, "The most records of the page.", "limit");
    let cursor = json!({"type": "string", "pattern": r"^[0-9a-f]{12}\.[0-9]+-[0-9]+$"});
    let about = "Where the page before ended: its `next`, with the same filters.";
    add("Cursor", "query", false, cursor, about, "cursor");
    let moment = json!({"type": "string", "format": "date-time"});
    add("UpdatedSince", "query", false, moment, "Only what was written then or later.", "updated_since");
    Value::Object(parameters)
}

/// A reference to a shared parameter.
pub(super) fn shared(name: &str) -> Value {
    json!({"$ref": format!("#/components/parameters/{name}")})
}

/// The parameters of a list.
pub(super) fn of_list(subject: &Subject<'_>) -> Value {
    let mut parameters = vec![shared("Limit"), shared("Cursor"), shared("UpdatedSince")];
    let searchable = subject.object.attributes.iter().filter(|attribute| is_searchable(subject, attribute));
    for attribute in searchable {
        let name = attribute.name.value.as_str();
        // These words are taken.
        if matches!(name, "limit" | "cursor" | "updated_since") {
            continue;
        }
        let one = match &attribute.shape {
            Shape::Code { set } if subject.fabric.code_sets.contains_key(&set.value) => {
                reference(&format!("{}Code", super::pascal(set.value.as_str())))
            }
            scalar => no_longer(scalar_schema(scalar)),
        };
        parameters.push(json!({
            "name": name,
            "in": "query",
            "description": format!("Only those with this `{name}`; given several times, with one of them."),
            "schema": {"type": "array", "items": one},
            "style": "form",
            "explode": true,
        }));
    }
    Value::Array(parameters)
}

/// The same, no longer than what lists can be searched by.
fn no_longer(mut schema: Value) -> Value {
    let is_free =
        schema.get("type") == Some(&json!("string")) && !["enum", "format"].iter().any(|it| schema.get(it).is_some());
    let longest = schema.get("maxLength").and_then(Value::as_u64).unwrap_or(LONGEST).min(LONGEST);
    if let (true, Some(members)) = (is_free, schema.as_object_mut()) {
        members.insert("maxLength".to_owned(), longest.into());
    }
    schema
}

fn is_searchable(subject: &Subject<'_>, attribute: &Attribute) -> bool {
    let Some(sample) = sample(subject, &attribute.shape) else { return false };
    let refused = |mapping: &crate::CompiledMapping| {
        let made = mapping.filter(&attribute.name.value, &sample);
        made.is_err_and(|error| error.code == code::NOT_FILTERABLE)
    };
    !subject.mappings.is_empty() && !subject.mappings.iter().any(refused)
}

/// A value to try a filter with; none where values have parts.
fn sample(subject: &Subject<'_>, shape: &Shape) -> Option<Value> {
    Some(match shape {
        Shape::Quantity { .. } | Shape::Money | Shape::List(_) | Shape::Group(_) => return None,
        Shape::Enum { values } => Value::from(values.first()?.value.as_str()),
        Shape::Code { set } => {
            Value::from(subject.fabric.code_sets.get(&set.value)?.codes.first()?.code.value.as_str())
        }
        Shape::Integer => Value::from(1),
        Shape::Boolean => Value::Bool(true),
        Shape::Decimal => Value::from("1"),
        Shape::Timestamp => Value::from("2026-11-23T06:00:00Z"),
        Shape::Date => Value::from("2026-11-23"),
        Shape::Duration => Value::from("PT15M"),
        Shape::String { .. } | Shape::Text | Shape::Ref { .. } => Value::from("X"),
    })
}
