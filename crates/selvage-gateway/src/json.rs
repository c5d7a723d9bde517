//! JSON bodies, read strictly: one value, no object with the same key twice, at most 128 levels. Numbers keep their
//! digits.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// What an item of a list takes, and a member of an object with its name's place.
const PLACE: usize = size_of::<Value>();
const MEMBER: usize = PLACE + size_of::<String>();
/// How serde_json hands on a number whose digits are kept.
const NUMBER: &str = "$serde_json::private::Number";

/// Reads a body; what is wrong with it, and where, otherwise.
pub(crate) fn read(body: &[u8]) -> Result<Value, String> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = Strict.deserialize(&mut reader).map_err(|error| error.to_string())?;
    reader.end().map_err(|error| error.to_string())?;
    Ok(value)
}

/// About how many bytes a value takes in memory, besides its own place.
pub(crate) fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 0,
        // Digits are kept as they came.
        Value::Number(number) => number.as_str().len(),
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| PLACE + weight(item)).sum(),
        Value::Object(members) => members.iter().map(|(name, member)| MEMBER + name.len() + weight(member)).sum(),
    }
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(Strict)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if key == NUMBER && map.is_empty() {
                let digits: String = entries.next_value()?;
                return digits.parse().map(Value::Number).map_err(Error::custom);
            }
            if map.contains_key(&key) {
                return Err(Error::custom(format_args!("the key `{key}` stands twice in one object")));
            }
            map.insert(key, entries.next_value_seed(Strict)?);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn what_is_json_is_read_with_its_digits() {
        for text in ["null", "[1,2.50,-0,1e400,12345678901234567890.10]", r#"{"a":{"b":[]},"c":"é\n"}"#, " true "] {
            let value = read(text.as_bytes()).unwrap();
            assert_eq!(value, serde_json::from_str::<serde_json::Value>(text).unwrap());
        }
        assert_eq!(read(b"[2.50]").unwrap().to_string(), "[2.50]");
    }

    #[test]
    fn what_is_not_is_refused_with_its_place() {
        let deep = "[".repeat(200);
        let table = [
            ("", "line 1 column 0"),
            ("{", "line 1 column 1"),
            ("{\"a\":1,\n\"a\":2}", "the key `a` stands twice in one object at line 2"),
            ("{} {}", "trailing characters at line 1 column 4"),
            ("\u{feff}{}", "line 1"),
            (deep.as_str(), "recursion limit"),
            (r#"{"$serde_json::private::Number": "x"}"#, "invalid number"),
            ("nan", "line 1"),
        ];
        for (text, part) in table {
            let error = read(text.as_bytes()).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(read(b"\"\xff\"").is_err());
    }
}
