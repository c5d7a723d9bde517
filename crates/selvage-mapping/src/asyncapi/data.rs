//! Data that a JSON Schema declares, as a schema of the contract: the same, with its references led to where it stands there, and as
//! whoever does not see a class of it sees it.

use serde_json::{Map, Value, json};

/// Keywords whose values are not schemas, whatever they look like.
const VALUES: [&str; 4] = ["const", "default", "enum", "examples"];
/// Keywords whose members are schemas by name.
const NAMED: [&str; 5] = ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];
/// What says where a schema stands, or how it is read: neither is so in the contract.
const WHOLE: [&str; 2] = ["$id", "$schema"];
const MARK: &str = "x-selvage-class";

/// The schema as it stands in the contract under this name; with what carries a class possibly `null`, where others are shown it.
pub(super) fn embedded(schema: &Value, name: &str, shown: bool) -> Value {
    let mut embedded = within(schema, &format!("#/components/schemas/{name}"), shown);
    if let Some(members) = embedded.as_object_mut() {
        members.retain(|key, _| !WHOLE.contains(&key.as_str()));
    }
    embedded
}

fn within(schema: &Value, base: &str, shown: bool) -> Value {
    let members = match schema {
        Value::Object(members) => members,
        Value::Array(items) => return items.iter().map(|item| within(item, base, shown)).collect(),
        other => return other.clone(),
    };
    let mut whole: Map<String, Value> = members
        .iter()
        .map(|(key, value)| {
            let value = match value {
                Value::String(reference) if key == "$ref" => {
                    let pointer = reference.strip_prefix('#').unwrap_or_default();
                    Value::String(format!("{base}{pointer}"))
                }
                value if VALUES.contains(&key.as_str()) => value.clone(),
                Value::Object(named) if NAMED.contains(&key.as_str()) => {
                    named.iter().map(|(name, schema)| (name.clone(), within(schema, base, shown))).collect()
                }
                value => within(value, base, shown),
            };
            (key.clone(), value)
        })
        .collect();
    if shown && whole.contains_key(MARK) {
        or_null(&mut whole);
    }
    Value::Object(whole)
}

/// What it may be when it is masked, as well as what it is.
fn or_null(schema: &mut Map<String, Value>) {
    if let Some(kind) = schema.get_mut("type") {
        match kind {
            Value::Array(types) if !types.contains(&json!("null")) => types.push(json!("null")),
            Value::String(one) if one != "null" => *kind = json!([one, "null"]),
            _ => {}
        }
    }
    if let Some(Value::Array(options)) = schema.get_mut("enum") {
        options.push(Value::Null);
    }
    if let Some(only) = schema.shift_remove("const") {
        schema.insert("enum".to_owned(), json!([only, null]));
    }
    if let Some(reference) = schema.shift_remove("$ref") {
        schema.insert("anyOf".to_owned(), json!([{"$ref": reference}, {"type": "null"}]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_lead_to_where_it_stands() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.com/scan",
            "properties": {
                "$ref": {"$ref": "#/$defs/a"}, "self": {"$ref": "#"}, "const": {"const": {"$ref": "#/x"}},
                "who": {"type": "string", "x-selvage-class": "personal"},
                "of": {"$ref": "#/$defs/a", "x-selvage-class": "personal"},
            },
            "$defs": {"a": {"type": "string"}},
        });
        let base = "#/components/schemas/Scan";
        let expected = json!({
            "properties": {
                "$ref": {"$ref": format!("{base}/$defs/a")}, "self": {"$ref": base}, "const": {"const": {"$ref": "#/x"}},
                "who": {"type": ["string", "null"], "x-selvage-class": "personal"},
                "of": {"x-selvage-class": "personal", "anyOf": [{"$ref": format!("{base}/$defs/a")}, {"type": "null"}]},
            },
            "$defs": {"a": {"type": "string"}},
        });
        assert_eq!(embedded(&schema, "Scan", true), expected);
        assert_eq!(embedded(&schema, "Scan", false)["properties"]["who"]["type"], "string");
    }
}
