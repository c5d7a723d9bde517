//! Which kinds of JSON a schema takes, so that the text of a parameter becomes what its schema means: the `5` of an
//! integer a number, the `5` of a string a string.

use serde_json::Value;

use super::document::decoded;

/// How deep references and alternatives are looked into.
const DEEPEST: usize = 16;

/// A set of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds(u8);

impl Kinds {
    pub(super) const NONE: Self = Self(0);
    pub(super) const ALL: Self = Self(0b11_1111);
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(2);
    pub(super) const NUMBER: Self = Self(4);
    pub(super) const STRING: Self = Self(8);
    pub(super) const ARRAY: Self = Self(16);
    pub(super) const OBJECT: Self = Self(32);

    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn of_word(word: &str) -> Self {
        match word {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" | "number" => Self::NUMBER,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => Self::NONE,
        }
    }

    fn of_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(_) => Self::NUMBER,
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }
}

/// The kinds that a schema of this document takes.
pub(super) fn of(root: &Value, schema: &Value) -> Kinds {
    kinds(root, schema, DEEPEST)
}

fn kinds(root: &Value, schema: &Value, deep: usize) -> Kinds {
    let (Some(members), Some(deeper)) = (schema.as_object(), deep.checked_sub(1)) else { return Kinds::ALL };
    let list = |name: &str| members.get(name).and_then(Value::as_array);
    let mut found = match members.get("type") {
        Some(Value::String(word)) => Kinds::of_word(word),
        Some(Value::Array(words)) => {
            words.iter().filter_map(Value::as_str).map(Kinds::of_word).fold(Kinds::NONE, Kinds::or)
        }
        _ => Kinds::ALL,
    };
    if let Some(values) = list("enum") {
        found = found.and(values.iter().map(Kinds::of_value).fold(Kinds::NONE, Kinds::or));
    }
    if let Some(value) = members.get("const") {
        found = found.and(Kinds::of_value(value));
    }
    if let Some(target) = target(root, schema) {
        found = found.and(kinds(root, target, deeper));
    }
    for all in list("allOf").into_iter().flatten() {
        found = found.and(kinds(root, all, deeper));
    }
    for name in ["anyOf", "oneOf"] {
        if let Some(alternatives) = list(name) {
            found = found.and(alternatives.iter().map(|one| kinds(root, one, deeper)).fold(Kinds::NONE, Kinds::or));
        }
    }
    found
}

/// The schemas that stand at `items`, at a property or at any other property: the first that is found.
pub(super) fn part<'a>(
    root: &'a Value,
    schema: &'a Value,
    take: &dyn Fn(&'a Value) -> Option<&'a Value>,
) -> Option<&'a Value> {
    fn find<'a>(
        root: &'a Value,
        schema: &'a Value,
        take: &dyn Fn(&'a Value) -> Option<&'a Value>,
        deep: usize,
    ) -> Option<&'a Value> {
        let deeper = deep.checked_sub(1)?;
        if let Some(found) = take(schema) {
            return Some(found);
        }
        let lists = ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|name| schema.get(name)?.as_array());
        let mut others = target(root, schema).into_iter().chain(lists.flatten());
        others.find_map(|other| find(root, other, take, deeper))
    }
    find(root, schema, take, DEEPEST)
}

fn target<'a>(root: &'a Value, schema: &Value) -> Option<&'a Value> {
    root.pointer(&decoded(schema.get("$ref")?.as_str()?.strip_prefix('#')?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn kinds_of_schemas() {
        let root = json!({"components": {"schemas": {
            "n": {"type": "integer"}, "circle": {"allOf": [{"$ref": "#/components/schemas/circle"}]},
        }}});
        for (schema, expected) in [
            (json!({}), Kinds::ALL),
            (json!({"type": ["string", "null"]}), Kinds::STRING.or(Kinds::NULL)),
            (json!({"$ref": "#/components/schemas/n"}), Kinds::NUMBER),
            (json!({"enum": ["a", 1]}), Kinds::STRING.or(Kinds::NUMBER)),
            (json!({"anyOf": [{"type": "boolean"}, {"const": 1}]}), Kinds::BOOLEAN.or(Kinds::NUMBER)),
            (json!({"allOf": [{"type": ["string", "array"]}, {"type": "array"}]}), Kinds::ARRAY),
            (json!({"$ref": "#/components/schemas/circle"}), Kinds::ALL),
        ] {
            assert_eq!(of(&root, &schema), expected, "{schema}");
        }
    }
}
