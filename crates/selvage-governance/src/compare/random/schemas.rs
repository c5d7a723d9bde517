//! Random schemas and random changes of them.

use serde_json::{Map, Value, json};

use super::Random;

const NAMES: [&str; 4] = ["a", "b", "c", "x1"];
const PATTERNS: [&str; 3] = ["^a", "^[0-9]+$", "b$"];
const FORMATS: [&str; 3] = ["date", "ipv4", "uuid"];
const DEFINITIONS: usize = 3;

/// A schema with definitions that it may refer to.
pub(super) fn whole(random: &mut Random) -> Value {
    let mut root = Maker { random, own: None }.schema(3);
    if !root.is_object() {
        root = json!({});
    }
    let definitions: Map<String, Value> =
        (0..DEFINITIONS).map(|own| (format!("d{own}"), Maker { random, own: Some(own) }.schema(2))).collect();
    root.as_object_mut().unwrap().insert("$defs".to_owned(), Value::Object(definitions));
    root
}

struct Maker<'r> {
    random: &'r mut Random,
    /// The definition that is made: what stands in place within it refers only to later ones.
    own: Option<usize>,
}

impl Maker<'_> {
    fn schema(&mut self, depth: usize) -> Value {
        match self.random.below(14) {
            0 => json!(true),
            1 => self.reference(),
            2 if self.random.once_in(3) => json!(false),
            2 | 3 if depth > 0 => self.composed(depth - 1),
            4..=7 if depth > 0 => self.object(depth - 1),
            8 | 9 if depth > 0 => self.list(depth - 1),
            10 | 11 => self.number(),
            12 => self.listed(),
            _ => self.text(),
        }
    }

    /// What is within a value may refer to anything: a value ends.
    fn inside(&mut self, depth: usize) -> Value {
        let own = self.own.take();
        let schema = self.schema(depth);
        self.own = own;
        schema
    }

    fn reference(&mut self) -> Value {
        let first = self.own.map_or(0, |own| own + 1);
        if first >= DEFINITIONS {
            return json!({"type": ["string", "null"]});
        }
        let target = first + self.random.below(DEFINITIONS - first);
        json!({"$ref": format!("#/$defs/d{target}")})
    }

    fn composed(&mut self, depth: usize) -> Value {
        let count = 1 + self.random.below(3);
        let parts: Vec<Value> = (0..count).map(|_| self.schema(depth)).collect();
        match self.random.below(8) {
            0..=2 => json!({"anyOf": parts}),
            3 | 4 => json!({"oneOf": parts}),
            5 | 6 => json!({"allOf": parts}),
            _ if self.random.once_in(2) => json!({"not": parts[0]}),
            _ => json!({"if": self.schema(depth), "then": parts[0], "else": self.schema(depth)}),
        }
    }

    fn object(&mut self, depth: usize) -> Value {
        let mut schema = Map::new();
        if !self.random.once_in(4) {
            schema.insert(
                "type".to_owned(),
                if self.random.once_in(4) { json!(["object", "null"]) } else { json!("object") },
            );
        }
        let mut properties = Map::new();
        for name in NAMES {
            if self.random.once_in(2) {
                properties.insert(name.to_owned(), self.inside(depth));
            }
        }
        schema.insert("properties".to_owned(), Value::Object(properties));
        let some = |random: &mut Random| NAMES.into_iter().filter(|_| random.once_in(3)).collect::<Vec<_>>();
        if self.random.once_in(2) {
            schema.insert("required".to_owned(), json!(some(self.random)));
        }
        match self.random.below(6) {
            0 | 1 => drop(schema.insert("additionalProperties".to_owned(), json!(false))),
            2 => drop(schema.insert("additionalProperties".to_owned(), self.inside(depth))),
            _ => {}
        }
        match self.random.below(12) {
            0 => drop(schema.insert("patternProperties".to_owned(), json!({"^x": self.inside(depth)}))),
            1 => drop(schema.insert(
                "patternProperties".to_owned(),
                json!({"^[a-b]$": self.inside(depth), "1$": self.inside(depth)}),
            )),
            2 => drop(schema.insert("propertyNames".to_owned(), json!({"maxLength": 1}))),
            3 => drop(schema.insert("dependentRequired".to_owned(), json!({"a": some(self.random)}))),
            4 => drop(schema.insert("dependentSchemas".to_owned(), json!({"b": self.schema(depth)}))),
            5 => drop(schema.insert("minProperties".to_owned(), json!(self.random.below(3)))),
            6 => drop(schema.insert("maxProperties".to_owned(), json!(1 + self.random.below(3)))),
            7 => drop(schema.insert("unevaluatedProperties".to_owned(), json!(false))),
            8 => drop(schema.insert("allOf".to_owned(), json!([self.schema(depth)]))),
            9 => drop(schema.insert("anyOf".to_owned(), json!([self.schema(depth), self.schema(depth)]))),
            _ => {}
        }
        Value::Object(schema)
    }

    fn list(&mut self, depth: usize) -> Value {
        let mut schema = json!({"type": "array", "items": self.inside(depth)});
        let members = schema.as_object_mut().unwrap();
        match self.random.below(8) {
            0 => drop(members.insert("minItems".to_owned(), json!(self.random.below(3)))),
            1 => drop(members.insert("maxItems".to_owned(), json!(self.random.below(4)))),
            2 => drop(members.insert("uniqueItems".to_owned(), json!(true))),
            3 => drop(members.insert("prefixItems".to_owned(), json!([self.inside(depth), self.inside(depth)]))),
            4 => drop(members.insert("contains".to_owned(), self.inside(depth))),
            5 => {
                members.insert("contains".to_owned(), self.inside(depth));
                members.insert("minContains".to_owned(), json!(self.random.below(3)));
                members.insert("maxContains".to_owned(), json!(1 + self.random.below(2)));
            }
            6 => drop(members.remove("items")),
            _ => {}
        }
        schema
    }

    fn number(&mut self) -> Value {
        let kind = self.random.pick(&["integer", "number"]).to_owned();
        let mut schema = json!({"type": kind});
        let members = schema.as_object_mut().unwrap();
        for word in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
            if self.random.once_in(3) {
                let number = self.random.below(9) as f64 / 2.0 + if word.ends_with("aximum") { 2.0 } else { -2.0 };
                members.insert(word.to_owned(), json!(number));
            }
        }
        if self.random.once_in(5) {
            members.insert("multipleOf".to_owned(), json!(1 + self.random.below(4)));
        }
        schema
    }

    fn text(&mut self) -> Value {
        let mut schema = Map::new();
        let kinds = [json!("string"), json!(["string", "null"]), json!(["string", "integer"])];
        schema.insert("type".to_owned(), self.random.pick(&kinds).clone());
        if self.random.once_in(3) {
            schema.insert("minLength".to_owned(), json!(self.random.below(3)));
        }
        if self.random.once_in(3) {
            schema.insert("maxLength".to_owned(), json!(self.random.below(4)));
        }
        if self.random.once_in(5) {
            schema.insert("pattern".to_owned(), json!(self.random.pick(&PATTERNS)));
        }
        if self.random.once_in(8) {
            schema.insert("format".to_owned(), json!(self.random.pick(&FORMATS)));
        }
        Value::Object(schema)
    }

    fn listed(&mut self) -> Value {
        let values = [
            json!("a"),
            json!("b"),
            json!(1),
            json!(1.0),
            json!(2.5),
            json!(null),
            json!(true),
            json!([]),
            json!({"a": 1}),
        ];
        if self.random.once_in(3) {
            return json!({"const": self.random.pick(&values)});
        }
        let some: Vec<&Value> = values.iter().filter(|_| self.random.once_in(3)).collect();
        if some.is_empty() { json!({"enum": ["a"]}) } else { json!({"enum": some}) }
    }
}

/// The schema after one change or a few.
pub(super) fn changed(schema: &Value, random: &mut Random) -> Value {
    let mut schema = schema.clone();
    for _ in 0..=random.below(2) {
        change(&mut schema, random, 0);
    }
    schema
}

/// Changes something at this place or within it. References stay where they are in place, so that none comes to lead to itself.
fn change(schema: &mut Value, random: &mut Random, depth: usize) {
    let fresh = Maker { random, own: Some(DEFINITIONS) }.schema(1);
    let Some(members) = schema.as_object_mut() else {
        if depth > 0 {
            *schema = fresh;
        }
        return;
    };
    let names: Vec<String> = members.keys().cloned().collect();
    let deeper = depth < 6 && !names.is_empty() && !random.once_in(4);
    if deeper {
        let name = random.pick(&names).clone();
        if let Some(inner) = members.get_mut(&name) {
            return within(inner, &name, random, depth);
        }
    }
    match (random.below(4), fresh) {
        (0, _) if !names.is_empty() => {
            let name = random.pick(&names);
            if name != "$defs" {
                members.shift_remove(name);
            }
        }
        (1, fresh) if depth > 0 => *schema = fresh,
        (_, Value::Object(fresh)) => {
            let more: Vec<&String> = fresh.keys().collect();
            if let Some(name) = more.get(random.below(more.len())) {
                members.insert((*name).clone(), fresh[*name].clone());
            }
        }
        _ => {}
    }
}

fn within(inner: &mut Value, name: &str, random: &mut Random, depth: usize) {
    match (name, &mut *inner) {
        ("$ref", _) => {}
        ("type", _) => {
            let kinds = [
                json!("string"),
                json!("integer"),
                json!("number"),
                json!(["string", "null"]),
                json!("object"),
                json!(["object", "null"]),
            ];
            *inner = random.pick(&kinds).clone();
        }
        ("properties" | "patternProperties" | "dependentSchemas" | "$defs", Value::Object(named)) => {
            let names: Vec<String> = named.keys().cloned().collect();
            let is_bound = name == "$defs";
            if !is_bound && (names.is_empty() || random.once_in(3)) {
                let added = if name == "patternProperties" { "^c" } else { random.pick(&NAMES) };
                let fresh = Maker { random, own: Some(DEFINITIONS) }.schema(1);
                if named.shift_remove(added).is_none() {
                    named.insert(added.to_owned(), fresh);
                }
            } else if let Some(inner) = named.get_mut(random.pick(&names)) {
                change(inner, random, depth + 1);
            }
        }
        ("const", _) => *inner = json!(random.pick(&["a", "b"])),
        ("enum" | "required" | "anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(items)) => {
            let place = random.below(items.len());
            let is_schema = !matches!(name, "enum" | "required");
            match random.below(4) {
                0 if items.len() > 1 => drop(items.remove(place)),
                1 if is_schema => items.push(Maker { random, own: Some(DEFINITIONS) }.schema(1)),
                1 if name == "required" => items.push(json!(random.pick(&NAMES))),
                2 => items.reverse(),
                1 => items.push(json!(random.below(4))),
                _ if is_schema && !items.is_empty() => change(&mut items[place], random, depth + 1),
                _ => {}
            }
            if let ("required", Value::Array(items)) = (name, inner) {
                items.dedup();
            }
        }
        (_, Value::Number(number)) => {
            let number = number.as_f64().unwrap_or(1.0) + *random.pick(&[-1.0, 1.0]);
            let size = name.contains("Length")
                || name.contains("Items")
                || name.contains("Properties")
                || name.contains("Contains");
            *inner = if size || name == "multipleOf" { json!(number.max(1.0) as u64) } else { json!(number) };
        }
        (_, Value::String(_)) => *inner = json!(random.pick(&PATTERNS)),
        _ => change(inner, random, depth + 1),
    }
}
