//! Nothing that a contract can say changes in silence: every field of contracts that say all that there is to be said is taken away
//! and said otherwise, and each time something is told. Only words for people may go.

use serde_json::{Value, json};

use super::{node, openapi};
use crate::compare::fields::pointers;
use crate::compare::{Difference, asyncapi};

const OPENAPI: &str = include_str!("bent/openapi.yaml");
const ASYNCAPI: &str = include_str!("bent/asyncapi.yaml");

/// Fields for people, wherever they stand.
const WORDS: &[&str] =
    &["title", "summary", "description", "example", "examples", "externalDocs", "tags", "$comment", "info", "contact"];

fn without(document: &Value, pointer: &str) -> Value {
    let mut document = document.clone();
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(map) => drop(map.shift_remove(&last.replace("~1", "/").replace("~0", "~"))),
        Value::Array(list) => drop(list.remove(last.parse().unwrap())),
        _ => {}
    }
    document
}

/// What a value may become: what is much like it, so that the document still says something.
fn other(value: &Value, pointer: &str) -> Option<Value> {
    let last = pointer.rsplit('/').next().unwrap_or_default();
    Some(match (last, value) {
        ("type", _) if *value == json!("integer") => json!("string"),
        ("type", Value::String(_)) => json!("integer"),
        (_, Value::Bool(value)) => json!(!value),
        (_, Value::Number(number)) => json!(number.as_u64()? + 1),
        (_, Value::String(text)) => json!(format!("{text}z")),
        _ => return None,
    })
}

/// Whether all of a place is for people.
fn is_words(pointer: &str) -> bool {
    pointer.split('/').any(|part| WORDS.contains(&part))
}

/// What says the same as before.
const SAME: [&str; 6] = [
    // A part of a path is always needed.
    "/paths/~1orders~1{number}/parameters/0/required goes",
    "/paths/~1orders~1{number}/parameters/0/required becomes false",
    // It is the same day.
    "/paths/~1orders~1{number}/get/x-sunset becomes \"2031-01-01z\"",
    "/paths/~1orders~1{number}/get/parameters/0/x-sunset becomes \"2031-01-01z\"",
    // It is so where nothing is said.
    "/paths/~1orders~1{number}/get/responses/200/headers/X-Left/style goes",
    // What is said of all other answers is the same.
    "/paths/~1orders~1{number}/get/responses/4XX goes",
];

/// The places whose change says nothing.
fn silent(text: &str, compare: fn(&Value, &Value) -> Vec<Difference>) -> Vec<String> {
    let document = node(text).to_value();
    let mut all = Vec::new();
    pointers(&document, "", &mut all);
    let mut silent = Vec::new();
    for pointer in all.iter().filter(|pointer| !pointer.is_empty() && !is_words(pointer)) {
        if compare(&document, &without(&document, pointer)).is_empty() {
            silent.push(format!("{pointer} goes"));
        }
        if let Some(other) = document.pointer(pointer).and_then(|value| other(value, pointer)) {
            let mut bent = document.clone();
            *bent.pointer_mut(pointer).unwrap() = other.clone();
            if compare(&document, &bent).is_empty() {
                silent.push(format!("{pointer} becomes {other}"));
            }
        }
    }
    silent
}

#[test]
fn no_field_of_an_openapi_document_changes_in_silence() {
    let compare = |before: &Value, after: &Value| openapi(&node(&before.to_string()), &node(&after.to_string()));
    let mut silent = silent(OPENAPI, compare);
    silent.retain(|line| !SAME.contains(&line.as_str()));
    assert_eq!(silent, [""; 0]);
}

#[test]
fn no_field_of_an_asyncapi_document_changes_in_silence() {
    let compare = |before: &Value, after: &Value| asyncapi(&node(&before.to_string()), &node(&after.to_string()));
    assert_eq!(silent(ASYNCAPI, compare), [""; 0]);
}
