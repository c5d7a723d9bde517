//! Bodies of `application/x-www-form-urlencoded`: their fields as the object that the schema describes, so that they are checked
//! as JSON is. A field that stands several times is a list; what is to be an object stands as JSON in its field.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::kinds::{self, Kinds};
use super::values::{self, Separator};
use crate::json;

/// The media type.
pub(super) const KIND: (&str, &str) = ("application", "x-www-form-urlencoded");

/// How the fields of a form are read.
#[derive(Debug)]
pub(crate) struct Form {
    fields: Vec<(Box<str>, Field)>,
    /// The kinds of any others.
    others: Kinds,
}

/// What a field is.
#[derive(Clone, Copy, Debug)]
enum Field {
    Scalar(Kinds),
    /// Elements of these kinds: a field for each, or one field with something between them.
    List(Kinds, Option<Separator>),
    Json,
}

impl Form {
    /// As this schema and the `encoding` beside it say; what is not read, in words.
    pub(super) fn of(root: &Value, schema: &Value, encoding: Option<&Value>) -> Result<Self, String> {
        let known = kinds::part(root, schema, &|schema| schema.get("properties")).and_then(Value::as_object);
        let mut fields = Vec::new();
        for (name, schema) in known.into_iter().flatten() {
            let said = encoding.and_then(|encoding| encoding.get(name));
            fields
                .push((name.as_str().into(), Field::of(root, schema, said).map_err(|why| format!("`{name}`: {why}"))?));
        }
        let others = kinds::part(root, schema, &|schema| schema.get("additionalProperties"));
        Ok(Self { fields, others: others.map_or(Kinds::ALL, |schema| kinds::of(root, schema)) })
    }

    /// The object that a body stands for.
    pub(super) fn read(&self, body: &[u8]) -> Result<Value, &'static str> {
        let text = std::str::from_utf8(body).map_err(|_| "the form is not percent-encoded UTF-8")?;
        let mut given: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, raw) = pair.split_once('=').unwrap_or((pair, ""));
            let name = values::decoded(name, true).ok_or("the form is not percent-encoded UTF-8")?;
            given.entry(name).or_default().push(raw);
        }
        let mut object = Map::new();
        for (name, raws) in given {
            let field = self.fields.iter().find(|(known, _)| **known == *name).map(|(_, field)| *field);
            let value = field.unwrap_or(Field::Scalar(self.others)).read(&raws);
            object.insert(name, value.ok_or("the form is not percent-encoded UTF-8")?);
        }
        Ok(Value::Object(object))
    }
}

impl Field {
    fn of(root: &Value, schema: &Value, encoding: Option<&Value>) -> Result<Self, &'static str> {
        let said = |name: &str| encoding.and_then(|encoding| encoding.get(name));
        let separator = match said("style").and_then(Value::as_str) {
            None | Some("form") => Separator::Comma,
            Some("spaceDelimited") => Separator::Blank,
            Some("pipeDelimited") => Separator::Pipe,
            Some(_) => return Err("its style is not read in forms"),
        };
        let exploded = said("explode").and_then(Value::as_bool).unwrap_or(separator == Separator::Comma);
        let found = kinds::of(root, schema);
        if found.has(Kinds::ARRAY) && !found.has(Kinds::STRING) {
            let items = kinds::part(root, schema, &|schema| schema.get("items"));
            let items = items.map_or(Kinds::ALL, |schema| kinds::of(root, schema));
            let is_structured = !items.has(Kinds::STRING) && (items.has(Kinds::OBJECT) || items.has(Kinds::ARRAY));
            return if is_structured {
                Err("lists of objects are not read in forms")
            } else {
                Ok(Self::List(items, (!exploded).then_some(separator)))
            };
        }
        Ok(if found.has(Kinds::OBJECT) && !found.has(Kinds::STRING) { Self::Json } else { Self::Scalar(found) })
    }

    fn read(self, raws: &[&str]) -> Option<Value> {
        let list = |raws: &[&str], kinds: Kinds| -> Option<Value> {
            let read = |raw: &&str| Some(values::scalar(&values::decoded(raw, true)?, kinds));
            raws.iter().map(read).collect::<Option<Vec<_>>>().map(Value::Array)
        };
        match (self, raws) {
            (Self::Scalar(kinds), [raw]) => Some(values::scalar(&values::decoded(raw, true)?, kinds)),
            (Self::List(kinds, Some(separator)), [raw]) => list(&values::split(raw, separator), kinds),
            (Self::Json, [raw]) => {
                let text = values::decoded(raw, true)?;
                Some(json::read(text.as_bytes()).unwrap_or(Value::String(text)))
            }
            // What stands several times and is no list does not fit as one.
            (Self::Scalar(kinds) | Self::List(kinds, _), raws) => list(raws, kinds),
            (Self::Json, raws) => list(raws, Kinds::STRING),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn form() -> Form {
        let schema = json!({"type": "object", "properties": {
            "n": {"type": "integer"}, "s": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}},
            "ids": {"type": "array", "items": {"type": "integer"}}, "at": {"type": "object"}, "on": {"type": "boolean"},
        }});
        Form::of(&schema, &schema, Some(&json!({"ids": {"explode": false}}))).unwrap()
    }

    #[test]
    fn fields_become_what_the_schema_means() {
        for (body, expected) in [
            ("", json!({})),
            ("n=5&s=5&on=true", json!({"n": 5, "s": "5", "on": true})),
            ("s=a+b%26c&n=x", json!({"s": "a b&c", "n": "x"})),
            ("tags=a&tags=b%2Cc", json!({"tags": ["a", "b,c"]})),
            ("tags=a", json!({"tags": ["a"]})),
            ("ids=1,2", json!({"ids": [1, 2]})),
            ("n=1&n=2", json!({"n": [1, 2]})),
            ("at=%7B%22row%22%3A1%7D", json!({"at": {"row": 1}})),
            ("at=row", json!({"at": "row"})),
            ("other=1&&other=2", json!({"other": ["1", "2"]})),
            ("s", json!({"s": ""})),
        ] {
            assert_eq!(form().read(body.as_bytes()), Ok(expected), "{body}");
        }
        for body in ["s=%zz", "%ff=1", "s=%ff"] {
            assert!(form().read(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn what_is_not_read_is_told() {
        let schema = json!({"properties": {"lines": {"type": "array", "items": {"type": "object"}}}});
        assert!(Form::of(&schema, &schema, None).is_err());
        let schema = json!({"properties": {"at": {"type": "object"}}});
        assert!(Form::of(&schema, &schema, Some(&json!({"at": {"style": "deepObject"}}))).is_err());
    }
}
