//! Random objects as manifests have them, small changes of them, and values that nearly are such objects.

use selvage_model::manifest::object::{Attribute, Shape};
use serde_json::{Map, Value, json};

use super::Random;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
const WORDS: [&str; 4] = ["p", "q", "r", "s"];
/// Codes of the sets, and words that are none.
const CODES: [&str; 6] = ["kg", "g", "h", "red", "green", "blue"];
pub(super) const SETS: [&str; 2] = ["uom", "colour"];

/// An object with the attribute that it is known by.
pub(super) fn whole(random: &mut Random) -> Value {
    let mut attributes = Map::new();
    attributes.insert("id".to_owned(), json!({"type": "string"}));
    attributes.extend(Maker(random).attributes(2));
    json!({
        "kind": "Object", "name": "thing", "version": "1.0", "owner": "it", "identity": ["id"],
        "attributes": attributes,
    })
}

/// The sets that its codes are of.
pub(super) fn sets(random: &mut Random) -> Vec<Value> {
    let unmatched = |random: &mut Random| random.pick(&["park", "park", "reject", "pass"]).to_owned();
    vec![
        json!({"kind": "CodeSet", "name": "uom", "codes": [{"code": "kg"}, {"code": "h"}], "on_unmatched": unmatched(random)}),
        json!({"kind": "CodeSet", "name": "colour", "codes": [{"code": "red"}, {"code": "green"}], "on_unmatched": unmatched(random)}),
    ]
}

struct Maker<'r>(&'r mut Random);

impl Maker<'_> {
    fn attributes(&mut self, depth: usize) -> Map<String, Value> {
        let mut all = Map::new();
        for name in NAMES {
            if self.0.once_in(2) {
                all.insert(name.to_owned(), self.attribute(depth));
            }
        }
        if all.is_empty() {
            all.insert("a".to_owned(), self.attribute(depth));
        }
        all
    }

    fn attribute(&mut self, depth: usize) -> Value {
        let mut attribute = self.shape(depth);
        if self.0.once_in(2) {
            attribute["optional"] = json!(true);
        }
        if self.0.once_in(4) {
            attribute["read_only"] = json!(true);
        }
        attribute
    }

    fn shape(&mut self, depth: usize) -> Value {
        match self.0.below(18) {
            0 | 1 => json!({"type": "string", "max": 1 + self.0.below(4)}),
            2 => json!({"type": "string"}),
            3 => json!({"type": "text"}),
            4 => json!({"type": "integer"}),
            5 => json!({"type": "decimal"}),
            6 => json!({"type": "boolean"}),
            7 | 8 => json!({"type": "enum", "values": WORDS[..1 + self.0.below(3)]}),
            9 | 10 => json!({"type": "code", "set": self.0.pick(&SETS)}),
            11 => json!({"type": "ref", "object": "supplier"}),
            12 if self.0.once_in(2) => json!({"type": "quantity"}),
            12 => json!({"type": "quantity", "dimension": self.0.pick(&["mass", "time"])}),
            13 => json!({"type": "money"}),
            14 => json!({"type": self.0.pick(&["timestamp", "date", "duration"])}),
            15 if depth > 0 => json!({"type": "list", "of": self.shape(depth - 1)}),
            16 | 17 if depth > 0 => json!({"type": "group", "attributes": self.attributes(depth - 1)}),
            _ => json!({"type": "text"}),
        }
    }
}

/// The object after one change or two.
pub(super) fn changed(object: &Value, random: &mut Random) -> Value {
    let mut object = object.clone();
    for _ in 0..=random.below(2) {
        match random.below(10) {
            0 => object["version"] = json!("1.1"),
            1 => object["description"] = json!("What it is"),
            _ => change(&mut object["attributes"], random, 0),
        }
    }
    object
}

/// Changes something among attributes.
fn change(attributes: &mut Value, random: &mut Random, depth: usize) {
    let Some(all) = attributes.as_object_mut() else { return };
    // What it is known by stays.
    let names: Vec<String> = all.keys().filter(|name| *name != "id").cloned().collect();
    let free: Vec<&str> = NAMES.into_iter().filter(|name| !all.contains_key(*name)).collect();
    match random.below(6) {
        0 | 1 if !free.is_empty() => {
            let name = *random.pick(&free);
            let mut fresh = Maker(random).attribute(2 - depth.min(2));
            match random.below(4) {
                0 => {}
                1 => fresh["read_only"] = json!(true),
                _ => fresh["optional"] = json!(true),
            }
            all.insert(name.to_owned(), fresh);
        }
        2 if names.len() > 1 => drop(all.shift_remove(random.pick(&names))),
        3 if !names.is_empty() => {
            let name = random.pick(&names);
            if let Some(last) = all.shift_remove(name) {
                all.insert(name.clone(), last);
            }
        }
        _ if !names.is_empty() => alter(&mut all[random.pick(&names).as_str()], random, depth),
        _ => {}
    }
}

/// Changes an attribute.
fn alter(attribute: &mut Value, random: &mut Random, depth: usize) {
    let flip = |attribute: &mut Value, word: &str| {
        let is = attribute[word] == json!(true);
        attribute[word] = json!(!is);
    };
    match random.below(9) {
        0 => flip(attribute, "optional"),
        1 => flip(attribute, "read_only"),
        2 => attribute["description"] = json!("What it says"),
        3 => {
            let mut fresh = Maker(random).shape(1);
            for word in ["optional", "read_only"] {
                if let Some(flag) = attribute.get(word) {
                    fresh[word] = flag.clone();
                }
            }
            *attribute = fresh;
        }
        _ => reshape(attribute, random, depth),
    }
}

/// Changes what the values of an attribute, or the elements of a list, are within their type.
fn reshape(shape: &mut Value, random: &mut Random, depth: usize) {
    match shape["type"].as_str().unwrap_or_default() {
        "string" if random.once_in(4) => drop(shape.as_object_mut().unwrap().shift_remove("max")),
        // A bound beyond what any text may be long is a bound.
        "string" if random.once_in(6) => shape["max"] = json!(70_000),
        "string" => shape["max"] = json!(1 + random.below(5)),
        "enum" => {
            let values = shape["values"].as_array_mut().unwrap();
            match random.below(3) {
                0 if values.len() > 1 => drop(values.pop()),
                1 => values.reverse(),
                _ => {
                    let more = json!(random.pick(&WORDS));
                    if !values.contains(&more) {
                        values.push(more);
                    }
                }
            }
        }
        "code" => shape["set"] = json!(random.pick(&SETS)),
        "ref" => shape["object"] = json!(random.pick(&["supplier", "customer"])),
        "quantity" if random.once_in(3) => drop(shape.as_object_mut().unwrap().shift_remove("dimension")),
        "quantity" => shape["dimension"] = json!(random.pick(&["mass", "time"])),
        "list" => reshape(&mut shape["of"], random, depth + 1),
        "group" => change(&mut shape["attributes"], random, depth + 1),
        _ => {}
    }
}

/// The code sets after a change of one of them.
pub(super) fn changed_sets(sets: &[Value], random: &mut Random) -> Vec<Value> {
    let mut sets = sets.to_vec();
    let place = random.below(sets.len());
    let set = &mut sets[place];
    let codes = set["codes"].as_array_mut().unwrap();
    match random.below(5) {
        0 => codes.push(json!({"code": random.pick(&["g", "blue"])})),
        1 => drop(codes.pop()),
        2 => codes[0]["name"] = json!("For people"),
        3 => codes.reverse(),
        _ => set["on_unmatched"] = json!(random.pick(&["park", "reject", "pass"])),
    }
    sets
}

/// Something with these attributes, or nearly.
pub(super) fn near(attributes: &[Attribute], random: &mut Random) -> Value {
    let mut members = Map::new();
    for attribute in attributes {
        let may_lack = attribute.optional || attribute.read_only;
        let given = match random.below(12) {
            0..4 if may_lack => None,
            4 => Some(Value::Null),
            5 if random.once_in(4) => None,
            _ => Some(value(&attribute.shape, random)),
        };
        if let Some(given) = given {
            members.insert(attribute.name.value.to_string(), given);
        }
    }
    if random.once_in(16) {
        members.insert(random.pick(&NAMES).to_string(), json!("p"));
    }
    Value::Object(members)
}

fn value(shape: &Shape, random: &mut Random) -> Value {
    if random.once_in(40) {
        return random.pick(&[json!(null), json!(1), json!("p"), json!({}), json!([]), json!(true)]).clone();
    }
    let units = ["kg", "g", "h", "min", "x"];
    match shape {
        Shape::String { .. } if random.once_in(60) => json!("x".repeat(69_000)),
        Shape::String { .. } if random.once_in(30) => json!("x\ny"),
        Shape::String { .. } => json!("x".repeat(random.below(6))),
        Shape::Text => json!(random.pick(&["", "x", "x\ny"])),
        Shape::Integer => json!(random.pick(&[0, 1, -7, i64::MAX])),
        Shape::Decimal => json!(random.pick(&["1", "2.50", "-0.1", "0.1234567890123456789012345678"])),
        Shape::Boolean => json!(random.once_in(2)),
        Shape::Enum { .. } => json!(random.pick(&WORDS)),
        Shape::Code { .. } => json!(random.pick(&CODES)),
        Shape::Ref { .. } => json!(random.pick(&["ACME", "7"])),
        Shape::Quantity { .. } => json!({"value": "1.5", "unit": random.pick(&units)}),
        Shape::Money => json!({"amount": "9.50", "currency": random.pick(&["EUR", "CZK", "eur"])}),
        Shape::Timestamp => json!(random.pick(&["2026-11-23T06:00:00Z", "2026-11-23T06:00:00+01:00"])),
        Shape::Date => json!(random.pick(&["2026-11-23", "2026-02-30"])),
        Shape::Duration => json!(random.pick(&["PT15M", "P1D", "15"])),
        Shape::List(of) => Value::Array((0..random.below(3)).map(|_| value(of, random)).collect()),
        Shape::Group(attributes) => near(attributes, random),
    }
}

/// What of a value a reader knows who was made for these attributes: he passes over what else there is.
pub(super) fn known(attributes: &[Attribute], value: &Value) -> Value {
    let Some(members) = value.as_object() else { return value.clone() };
    let known = members.iter().filter_map(|(name, value)| {
        let attribute = attributes.iter().find(|attribute| attribute.name.value.as_str() == name)?;
        Some((name.clone(), within(&attribute.shape, value)))
    });
    Value::Object(known.collect())
}

fn within(shape: &Shape, value: &Value) -> Value {
    match (shape, value) {
        (Shape::Group(attributes), value) => known(attributes, value),
        (Shape::List(of), Value::Array(items)) => Value::Array(items.iter().map(|item| within(of, item)).collect()),
        (_, value) => value.clone(),
    }
}
