//! The same hunt through contracts: each schema is the body of a request or an answer in an OpenAPI document, of 3.1, or of 3.0 where it can
//! be said in the words of that.

use serde_json::{Map, Value, json};

use super::{PARTS, hunt, node, wanted};
use crate::compare::{Direction, Verdict, openapi};

/// A contract with this schema as its one body.
fn contract(version: &str, schema: &Value, way: Direction) -> Option<Value> {
    let mut schema = schema.clone();
    let members = schema.as_object_mut()?;
    let mut shared = members.shift_remove("$defs").unwrap_or_else(|| json!({}));
    if version.starts_with("3.0") {
        schema = of_before(&schema)?;
        for shared in shared.as_object_mut()?.values_mut() {
            *shared = of_before(shared)?;
        }
    }
    let body = json!({"application/json": {"schema": schema}});
    let mut operation = json!({"operationId": "sent", "responses": {"200": {"description": "well"}}});
    match way {
        Direction::Request => operation["requestBody"] = json!({"required": true, "content": body}),
        Direction::Response => operation["responses"]["200"]["content"] = body,
        Direction::Both => return None,
    }
    let whole = json!({
        "openapi": version, "info": {"title": "things", "version": "1"},
        "paths": {"/things": {"post": operation}}, "components": {"schemas": shared},
    });
    serde_json::from_str(&whole.to_string().replace("#/$defs/", "#/components/schemas/")).ok()
}

/// Words that mean the same in both.
const ALIKE: [&str; 16] = [
    "minimum",
    "maximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "required",
    "minProperties",
    "maxProperties",
    "minItems",
    "maxItems",
    "uniqueItems",
    "title",
    "description",
    "$ref",
];

/// A schema in the words of 3.0; none where they cannot say it.
fn of_before(schema: &Value) -> Option<Value> {
    let members = match schema {
        Value::Bool(true) => return Some(json!({})),
        Value::Bool(false) => return Some(json!({"not": {}})),
        other => other.as_object()?,
    };
    // What stands beside a reference counts for nothing there.
    if members.contains_key("$ref") && members.len() > 1 {
        return None;
    }
    let mut said = Map::new();
    for (name, value) in members {
        match name.as_str() {
            "type" => kind(value, &mut said)?,
            "const" | "enum" => listed(name, value, &mut said)?,
            "exclusiveMinimum" if !members.contains_key("minimum") => {
                said.extend([("minimum".to_owned(), value.clone()), (name.clone(), json!(true))]);
            }
            "exclusiveMaximum" if !members.contains_key("maximum") => {
                said.extend([("maximum".to_owned(), value.clone()), (name.clone(), json!(true))]);
            }
            "properties" => {
                let inner = value.as_object()?.iter();
                let inner: Option<Map<_, _>> = inner.map(|(name, it)| Some((name.clone(), of_before(it)?))).collect();
                said.insert(name.clone(), Value::Object(inner?));
            }
            "items" | "not" => drop(said.insert(name.clone(), of_before(value)?)),
            "additionalProperties" if value.is_boolean() => drop(said.insert(name.clone(), value.clone())),
            "additionalProperties" => drop(said.insert(name.clone(), of_before(value)?)),
            "anyOf" | "oneOf" | "allOf" => {
                let parts: Option<Vec<Value>> = value.as_array()?.iter().map(of_before).collect();
                said.insert(name.clone(), Value::Array(parts?));
            }
            alike if ALIKE.contains(&alike) => drop(said.insert(name.clone(), value.clone())),
            _ => return None,
        }
    }
    Some(Value::Object(said))
}

fn kind(value: &Value, said: &mut Map<String, Value>) -> Option<()> {
    let kind = match value.as_array().map(Vec::as_slice) {
        None => value,
        Some([kind, null]) if null == "null" => {
            said.insert("nullable".to_owned(), json!(true));
            kind
        }
        Some(_) => return None,
    };
    (kind != "null").then(|| said.insert("type".to_owned(), kind.clone()))?;
    Some(())
}

/// Some values; none with `null`, of which 3.0 does not say whether it may be listed.
fn listed(name: &str, value: &Value, said: &mut Map<String, Value>) -> Option<()> {
    let values = if name == "const" { vec![value.clone()] } else { value.as_array()?.clone() };
    (!values.contains(&Value::Null) && !said.contains_key("enum")).then_some(())?;
    said.insert("enum".to_owned(), Value::Array(values));
    Some(())
}

/// How many differences a change of contracts makes, where all are safe.
fn called_safe(version: &str, (old, new): (&Value, &Value), way: Direction) -> Option<usize> {
    let (old, new) = (contract(version, old, way)?, contract(version, new, way)?);
    let found = openapi(&node(&old), &node(&new));
    found.iter().all(|difference| difference.verdict == Verdict::Safe).then_some(found.len())
}

fn no_value_is_lost(version: &str, way: Direction, part: u64) {
    let wanted = wanted().div_ceil(PARTS);
    let is_safe = |old: &Value, new: &Value, way| called_safe(version, (old, new), way);
    let seen = hunt((way, part << 32), wanted, is_safe).unwrap_or_else(|lost| panic!("{lost:?}"));
    assert!(seen.told > wanted / 200 && seen.unjudged < seen.told, "{seen:?}");
}

macro_rules! parts {
    ($($name:ident $version:literal $way:ident $part:literal;)*) => {
        $(#[test]
        fn $name() {
            no_value_is_lost($version, Direction::$way, $part);
        })*
    };
}

parts! {
    what_is_safe_for_bodies_of_3_1_refuses_no_value_that_fitted_1 "3.1.0" Request 100;
    what_is_safe_for_bodies_of_3_1_refuses_no_value_that_fitted_2 "3.1.0" Request 101;
    what_is_safe_for_bodies_of_3_0_refuses_no_value_that_fitted_1 "3.0.3" Request 102;
    what_is_safe_for_bodies_of_3_0_refuses_no_value_that_fitted_2 "3.0.3" Request 103;
    what_is_safe_for_answers_of_3_1_gives_no_value_that_did_not_fit_1 "3.1.0" Response 104;
    what_is_safe_for_answers_of_3_1_gives_no_value_that_did_not_fit_2 "3.1.0" Response 105;
    what_is_safe_for_answers_of_3_0_gives_no_value_that_did_not_fit_1 "3.0.3" Response 106;
    what_is_safe_for_answers_of_3_0_gives_no_value_that_did_not_fit_2 "3.0.3" Response 107;
}

#[test]
fn a_comparison_of_contracts_that_calls_everything_safe_is_found_out() {
    for (version, way) in [("3.0.3", Direction::Request), ("3.1.0", Direction::Response)] {
        let blind =
            |old: &Value, new: &Value, way| contract(version, old, way).and(contract(version, new, way)).map(|_| 1);
        assert!(hunt((way, 79 << 32), 20_000, blind).is_err(), "{version}");
    }
}
