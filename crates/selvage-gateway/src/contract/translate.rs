//! Schemas of OpenAPI 3.0 as JSON Schema 2020-12: `nullable`, `exclusiveMinimum: true`, references without siblings, and
//! `required` members that only the other side gives. What 2020-12 has alike stays; `discriminator` only helps to choose
//! among schemas that are checked anyway. Nothing but schemas is touched.

use serde_json::{Map, Value};

/// Who sends a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// Requests: members that are `readOnly` need not be there.
    Caller,
    /// Answers: members that are `writeOnly` need not be there.
    Upstream,
}

impl Sender {
    fn spared(self) -> &'static str {
        match self {
            Self::Caller => "readOnly",
            Self::Upstream => "writeOnly",
        }
    }
}

/// The document with its schemas in JSON Schema 2020-12.
pub(super) fn translated(document: &Value, sender: Sender) -> Value {
    let mut result = document.clone();
    let translation = Translation { original: document, sender };
    if let Some(components) = result.get_mut("components").and_then(Value::as_object_mut) {
        for (section, things) in components.iter_mut() {
            let Some(things) = things.as_object_mut() else { continue };
            for thing in things.values_mut() {
                match section.as_str() {
                    "schemas" => translation.schema(thing),
                    "examples" => {}
                    _ => translation.walk(thing),
                }
            }
        }
    }
    if let Some(paths) = result.get_mut("paths") {
        translation.walk(paths);
    }
    result
}

struct Translation<'a> {
    original: &'a Value,
    sender: Sender,
}

impl Translation<'_> {
    /// Finds the schemas below something that is none: they stand under `schema`.
    fn walk(&self, node: &mut Value) {
        match node {
            Value::Object(members) => {
                for (name, member) in members.iter_mut() {
                    match name.as_str() {
                        "schema" => self.schema(member),
                        "example" | "examples" => {}
                        _ => self.walk(member),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item)),
            _ => {}
        }
    }

    fn schema(&self, schema: &mut Value) {
        let Some(members) = schema.as_object_mut() else { return };
        // Its siblings say nothing in 3.0.
        if let Some(reference) = members.get("$ref").cloned() {
            *members = Map::from_iter([("$ref".to_owned(), reference)]);
            return;
        }
        nullable(members);
        exclusive(members, "exclusiveMinimum", "minimum");
        exclusive(members, "exclusiveMaximum", "maximum");
        self.spare(members);
        for name in ["items", "not", "additionalProperties"] {
            members.get_mut(name).into_iter().for_each(|schema| self.schema(schema));
        }
        for name in ["allOf", "anyOf", "oneOf"] {
            members.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten().for_each(|one| self.schema(one));
        }
        if let Some(properties) = members.get_mut("properties").and_then(Value::as_object_mut) {
            properties.values_mut().for_each(|property| self.schema(property));
        }
    }

    /// Takes out of `required` what this sender does not give.
    fn spare(&self, members: &mut Map<String, Value>) {
        let spared: Vec<String> = members
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter(|(_, property)| self.is_spared(property))
            .map(|(name, _)| name.clone())
            .collect();
        if let (Some(required), false) = (members.get_mut("required").and_then(Value::as_array_mut), spared.is_empty())
        {
            required.retain(|name| !name.as_str().is_some_and(|name| spared.iter().any(|spared| spared == name)));
        }
    }

    fn is_spared(&self, property: &Value) -> bool {
        let mut property = property;
        for _ in 0..8 {
            let pointer =
                property.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
            match pointer.and_then(super::document::decoded).and_then(|pointer| self.original.pointer(&pointer)) {
                Some(target) => property = target,
                None => break,
            }
        }
        property.get(self.sender.spared()).and_then(Value::as_bool).unwrap_or(false)
    }
}

/// `nullable: true` beside a `type`. Without one it says nothing, and an `enum` must name `null` itself.
fn nullable(members: &mut Map<String, Value>) {
    if members.shift_remove("nullable") != Some(Value::Bool(true)) {
        return;
    }
    if let Some(kind) = members.get_mut("type").filter(|kind| kind.is_string()) {
        *kind = Value::Array(vec![kind.take(), Value::String("null".to_owned())]);
    }
}

/// `exclusiveMinimum: true` beside `minimum: 1` is `exclusiveMinimum: 1`.
fn exclusive(members: &mut Map<String, Value>, word: &str, bound: &str) {
    let Some(Value::Bool(is_exclusive)) = members.get(word).cloned() else { return };
    members.shift_remove(word);
    if is_exclusive && let Some(limit) = members.shift_remove(bound) {
        members.insert(word.to_owned(), limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn as_schema(schema: &Value, sender: Sender) -> Value {
        let document = json!({"openapi": "3.0.3", "components": {"schemas": {"it": schema, "own": {"readOnly": true, "type": "string"}}}});
        translated(&document, sender)["components"]["schemas"]["it"].clone()
    }

    #[test]
    fn schemas_of_3_0_become_2020_12() {
        let bounds =
            json!({"type": "integer", "minimum": 1, "exclusiveMinimum": true, "maximum": 9, "exclusiveMaximum": false});
        for (schema, expected) in [
            (json!({"type": "string", "nullable": true}), json!({"type": ["string", "null"]})),
            (json!({"type": "string", "nullable": false}), json!({"type": "string"})),
            (json!({"nullable": true, "allOf": [{"type": "object"}]}), json!({"allOf": [{"type": "object"}]})),
            (bounds, json!({"type": "integer", "maximum": 9, "exclusiveMinimum": 1})),
            (
                json!({"$ref": "#/components/schemas/own", "nullable": true}),
                json!({"$ref": "#/components/schemas/own"}),
            ),
            (
                json!({"properties": {"schema": {"type": "string", "nullable": true}}, "example": {"nullable": true}}),
                json!({"properties": {"schema": {"type": ["string", "null"]}}, "example": {"nullable": true}}),
            ),
            (
                json!({"type": "array", "items": {"oneOf": [{"type": "integer", "nullable": true}]}}),
                json!({"type": "array", "items": {"oneOf": [{"type": ["integer", "null"]}]}}),
            ),
        ] {
            assert_eq!(as_schema(&schema, Sender::Caller), expected, "{schema}");
        }
    }

    #[test]
    fn what_only_the_other_side_gives_is_not_required() {
        let schema = json!({
            "required": ["id", "secret", "name"],
            "properties": {"id": {"$ref": "#/components/schemas/own"}, "secret": {"writeOnly": true}, "name": {}},
        });
        assert_eq!(as_schema(&schema, Sender::Caller)["required"], json!(["secret", "name"]));
        assert_eq!(as_schema(&schema, Sender::Upstream)["required"], json!(["id", "name"]));
    }

    #[test]
    fn schemas_of_parameters_and_bodies_are_found_and_examples_are_not() {
        let document = json!({
            "paths": {"/a": {"get": {
                "parameters": [{"name": "x", "in": "query", "schema": {"type": "string", "nullable": true}}],
                "responses": {"200": {"content": {"application/json": {
                    "schema": {"type": "object", "nullable": true},
                    "example": {"schema": {"type": "x", "nullable": true}},
                }}}},
            }}},
        });
        let translated = translated(&document, Sender::Upstream);
        let get = &translated["paths"]["/a"]["get"];
        assert_eq!(get["parameters"][0]["schema"]["type"], json!(["string", "null"]));
        let body = &get["responses"]["200"]["content"]["application/json"];
        assert_eq!(body["schema"]["type"], json!(["object", "null"]));
        assert_eq!(body["example"]["schema"]["nullable"], json!(true));
    }
}
