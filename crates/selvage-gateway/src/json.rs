//! JSON bodies, read strictly: one value, no object with the same key twice, at most 128 levels. Numbers keep their
//! digits.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::burden::Scale;

/// What an item of a list takes, and a member of an object.
const PLACE: usize = size_of::<Value>();
const MEMBER: usize = size_of::<(usize, String, Value)>();
/// For how many items room is made at first.
const FIRST: usize = 4;
/// How serde_json hands on a number whose digits are kept.
pub(crate) const NUMBER: &str = "$serde_json::private::Number";

/// Reads a body; what is wrong with it, and where, otherwise.
pub(crate) fn read(body: &[u8]) -> Result<Value, String> {
    parse(body, Strict(None))
}

/// The same, weighed while it grows: where the scale is full, it is not read on.
pub(crate) fn read_weighed(body: &[u8], scale: &mut Scale<'_>) -> Result<Value, String> {
    parse(body, Strict(Some(scale)))
}

fn parse(body: &[u8], strict: Strict<'_, '_>) -> Result<Value, String> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = strict.deserialize(&mut reader).map_err(|error| error.to_string())?;
    reader.end().map_err(|error| error.to_string())?;
    Ok(value)
}

/// What so many bytes take of the memory: in steps, and with what the allocator notes of them.
fn block(bytes: usize) -> usize {
    if bytes == 0 { 0 } else { bytes.saturating_add(8).next_multiple_of(16).max(32) }
}

/// What an object takes that has room for so many members: they stand in a list, and their places in a table.
fn object(slots: usize) -> usize {
    if slots == 0 { 0 } else { block(slots * MEMBER) + block((slots + 1).next_power_of_two() * 9 + 16) }
}

/// For how many members an object has room after one more than these.
fn after(slots: usize) -> usize {
    match slots {
        0 => 3,
        3 => 7,
        _ => 2 * slots,
    }
}

struct Strict<'s, 'a>(Option<&'s mut Scale<'a>>);

impl<'a> Strict<'_, 'a> {
    /// The same for what stands within.
    fn within(&mut self) -> Strict<'_, 'a> {
        Strict(self.0.as_deref_mut())
    }

    /// Weighs what is about to be made.
    fn takes<E: Error>(&mut self, bytes: usize) -> Result<(), E> {
        let fits = self.0.as_mut().is_none_or(|scale| scale.more(bytes));
        if fits { Ok(()) } else { Err(E::custom("it takes more than there is room for")) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_, '_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_, '_> {
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

    fn visit_str<E: Error>(mut self, value: &str) -> Result<Value, E> {
        self.takes(block(value.len()))?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(mut self, value: String) -> Result<Value, E> {
        self.takes(block(value.capacity()))?;
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(self.within())? {
            if values.len() == values.capacity() {
                let more = values.capacity().max(FIRST);
                self.takes(block(more * PLACE))?;
                values.reserve_exact(more);
            }
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        let (mut map, mut slots) = (Map::new(), 0);
        while let Some(key) = entries.next_key::<String>()? {
            if key == NUMBER && map.is_empty() {
                let digits: String = entries.next_value()?;
                self.takes(block(digits.len().next_power_of_two().max(8)))?;
                return digits.parse().map(Value::Number).map_err(Error::custom);
            }
            if map.contains_key(&key) {
                return Err(Error::custom(format_args!("the key `{key}` stands twice in one object")));
            }
            if map.len() == slots {
                self.takes(object(after(slots)) - object(slots))?;
                slots = after(slots);
            }
            self.takes(block(key.len()))?;
            map.insert(key, entries.next_value_seed(self.within())?);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use selvage_model::manifest::interface::Criticality;

    use super::{read, read_weighed};
    use crate::burden::{Bearer, Burden};

    #[test]
    fn what_is_made_is_weighed_before_it_is() {
        let many = |item: &str| format!("[{item}{}]", format!(",{item}").repeat(9_999));
        // What one of ten thousand takes at least, by where it is made: places, members, texts, and their allocations.
        for (item, least) in
            [("null", 72), ("1", 72 + 32), ("\"\"", 72), ("\"a\"", 72 + 32), ("[0]", 360), ("{\"a\":null}", 400)]
        {
            let (text, burden) = (many(item), Burden::new(1_000_000_000));
            let mut scale = Bearer::new(&burden, Criticality::Tier1).scale(text.len());
            let value = read_weighed(text.as_bytes(), &mut scale).unwrap();
            let load = scale.whole().unwrap();
            assert!(burden.held() > 10_000 * least, "{item}: {}", burden.held());
            assert!(burden.held() < 3 * 10_000 * least, "{item}: {}", burden.held());
            drop((load, value));
            assert_eq!(burden.held(), 0);

            let burden = Burden::new(200_000);
            let mut scale = Bearer::new(&burden, Criticality::Tier1).scale(text.len());
            assert!(read_weighed(text.as_bytes(), &mut scale).unwrap_err().contains("room"), "{item}");
            assert!(scale.is_full() && burden.held() <= 200_000, "{item}");
        }
    }

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
