//! Random values that fit a schema, or nearly.

use serde_json::{Map, Value, json};

use super::Random;

const NAMES: [&str; 7] = ["a", "b", "c", "x1", "x2", "d", "zz"];
const TEXTS: [&str; 10] = ["", "a", "b", "ab", "12", "aab", "abcd", "2024-02-29", "10.0.0.1", "c"];

/// A value that is made for one schema, with an eye on the bounds of both.
pub(super) fn near(schema: &Value, pair: (&Value, &Value), random: &mut Random) -> Value {
    let mut value = Maker { root: schema, pair, random }.value(schema, 5);
    if random.once_in(3) {
        disturb(&mut value, random);
    }
    value
}

struct Maker<'a, 'r> {
    root: &'a Value,
    pair: (&'a Value, &'a Value),
    random: &'r mut Random,
}

impl Maker<'_, '_> {
    fn value(&mut self, schema: &Value, depth: usize) -> Value {
        let Some(depth) = depth.checked_sub(1) else { return self.any(0) };
        let schema = self.gathered(schema, 6);
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array).filter(|values| !values.is_empty()) {
            return self.random.pick(values).clone();
        }
        let kind = match schema.get("type") {
            Some(Value::String(kind)) => kind.clone(),
            Some(Value::Array(kinds)) => self.random.pick(kinds).as_str().unwrap_or_default().to_owned(),
            _ if ["properties", "required", "additionalProperties"].iter().any(|word| schema.contains_key(*word)) => {
                "object".to_owned()
            }
            _ if schema.contains_key("items") => "array".to_owned(),
            _ => return self.any(depth),
        };
        match kind.as_str() {
            "object" => self.object(&schema, depth),
            "array" => self.list(&schema, depth),
            "string" => self.text(),
            "integer" | "number" => self.number(),
            _ => Value::Null,
        }
    }

    /// The keywords of a schema with those that it refers to, and of one of its alternatives.
    fn gathered(&mut self, schema: &Value, depth: usize) -> Map<String, Value> {
        let (Some(members), Some(depth)) = (schema.as_object(), depth.checked_sub(1)) else { return Map::new() };
        let mut all = members.clone();
        let mut more = Vec::new();
        let target =
            members.get("$ref").and_then(Value::as_str).and_then(|text| self.root.pointer(text.strip_prefix('#')?));
        more.extend(target);
        more.extend(members.get("allOf").and_then(Value::as_array).into_iter().flatten());
        for word in ["anyOf", "oneOf"] {
            more.extend(
                members
                    .get(word)
                    .and_then(Value::as_array)
                    .filter(|parts| !parts.is_empty())
                    .map(|parts| self.random.pick(parts)),
            );
        }
        for part in more {
            for (word, value) in self.gathered(part, depth) {
                match (all.get_mut(&word), value) {
                    (Some(Value::Object(known)), Value::Object(value)) if word == "properties" => known.extend(value),
                    (Some(Value::Array(known)), Value::Array(value)) if word == "required" => known.extend(value),
                    (_, value) => drop(all.insert(word, value)),
                }
            }
        }
        all
    }

    fn any(&mut self, depth: usize) -> Value {
        match self.random.below(if depth == 0 { 6 } else { 8 }) {
            0 => Value::Null,
            1 => json!(true),
            2 | 3 => self.text(),
            4 | 5 => self.number(),
            6 => self.object(&Map::new(), depth),
            _ => self.list(&Map::new(), depth),
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, depth: usize) -> Value {
        let mut value = Map::new();
        let declared = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let closed = schema.get("additionalProperties") == Some(&json!(false));
        for name in NAMES {
            let other = schema.get("additionalProperties").cloned().unwrap_or(json!(true));
            match declared.get(name) {
                Some(inner) if required.contains(&name) || self.random.once_in(2) => {
                    value.insert(name.to_owned(), self.value(inner, depth));
                }
                None if required.contains(&name) || (self.random.once_in(if closed { 20 } else { 4 })) => {
                    value.insert(name.to_owned(), self.value(&other, depth));
                }
                _ => {}
            }
        }
        Value::Object(value)
    }

    fn list(&mut self, schema: &Map<String, Value>, depth: usize) -> Value {
        let first = schema.get("prefixItems").and_then(Value::as_array).cloned().unwrap_or_default();
        let rest = schema.get("items").cloned().unwrap_or(json!(true));
        let length = self.random.below(4);
        let made = (0..length).map(|place| self.value(first.get(place).unwrap_or(&rest), depth));
        Value::Array(made.collect())
    }

    fn text(&mut self) -> Value {
        if self.random.once_in(12) {
            return json!("f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
        }
        json!(self.random.pick(&TEXTS))
    }

    /// A number that stands in one of the schemas, or beside one.
    fn number(&mut self) -> Value {
        let mut known = Vec::new();
        numbers(self.pair.0, &mut known);
        numbers(self.pair.1, &mut known);
        known.extend([0.0, 1.0, 6.0, 12.0]);
        let number = *self.random.pick(&known) + *self.random.pick(&[0.0, 0.0, 1.0, -1.0, 0.5]);
        if number.fract() == 0.0 && !self.random.once_in(4) { json!(number as i64) } else { json!(number) }
    }
}

fn numbers(schema: &Value, known: &mut Vec<f64>) {
    match schema {
        Value::Number(number) => known.extend(number.as_f64()),
        Value::Array(items) => items.iter().for_each(|item| numbers(item, known)),
        Value::Object(members) => members.values().for_each(|member| numbers(member, known)),
        _ => {}
    }
}

/// Changes a value a little.
fn disturb(value: &mut Value, random: &mut Random) {
    match value {
        Value::Object(members) if !members.is_empty() && random.once_in(2) => {
            let names: Vec<String> = members.keys().cloned().collect();
            disturb(&mut members[random.pick(&names).as_str()], random);
        }
        Value::Object(members) => {
            let name = *random.pick(&NAMES);
            if members.shift_remove(name).is_none() {
                members.insert(name.to_owned(), json!(random.pick(&TEXTS)));
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let place = random.below(items.len());
            if random.once_in(2) {
                let again = items[place].clone();
                items.push(again);
            } else {
                disturb(&mut items[place], random);
            }
        }
        _ => *value = [json!(null), json!(1), json!("a"), json!({}), json!([]), json!(2.5)][random.below(6)].clone(),
    }
}
