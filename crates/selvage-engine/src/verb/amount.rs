//! Quantities, lots and words in the bodies of verbs on stock: read with their JSON Pointers, and brought into the unit in which
//! the stock is counted. Everything wrong is said at once; nothing is rounded.

use selvage_mapping::decimal;
use selvage_mapping::quantity::{self, Unit};
use selvage_model::Decimal;
use selvage_model::code;
use selvage_model::problem::{FieldError, Problem};
use serde_json::Value;

use crate::body::unknown_members;

/// A quantity in its own unit.
#[derive(Clone, Debug)]
pub(crate) struct Amount {
    value: Decimal,
    unit: Unit,
}

/// Reads `{"value": "6", "unit": "1"}`. Nothing is a quantity too; below it is none.
pub(crate) fn read(given: Option<&Value>, pointer: &str, errors: &mut Vec<FieldError>) -> Option<Amount> {
    let Some(given @ Value::Object(_)) = given else {
        return wrong(errors, pointer, "a quantity is needed, as `{\"value\": \"5\", \"unit\": \"1\"}`");
    };
    for error in unknown_members(Some(given), &["value", "unit"]) {
        errors.push(FieldError { pointer: format!("{pointer}{}", error.pointer), ..error });
    }
    let value = given.get("value").and_then(Value::as_str).and_then(decimal::parse_text);
    let value = value.filter(|value| *value >= Decimal::ZERO);
    let unit = given.get("unit").and_then(Value::as_str).and_then(|unit| unit.parse::<Unit>().ok());
    if value.is_none() {
        wrong::<()>(errors, &format!("{pointer}/value"), "an exact decimal not below zero is needed, as a string");
    }
    if unit.is_none() {
        wrong::<()>(errors, &format!("{pointer}/unit"), "a UCUM unit is needed, as `1` or `kg`");
    }
    Some(Amount { value: value?, unit: unit? })
}

impl Amount {
    /// The same quantity in another unit, exactly.
    pub(crate) fn in_unit(&self, unit: &Unit, pointer: &str) -> Result<Decimal, Problem> {
        quantity::convert(self.value, &self.unit, unit).map_err(|error| {
            let error = FieldError { pointer: format!("{pointer}/unit"), detail: error.to_string() };
            Problem::new(422, code::UNIT_MISMATCH, error.detail.clone()).with_errors(vec![error])
        })
    }
}

/// A text that may be left out.
pub(crate) fn text(body: &Value, name: &str, errors: &mut Vec<FieldError>) -> Option<String> {
    match body.get(name) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if !text.trim().is_empty() => Some(text.clone()),
        Some(_) => wrong(errors, &format!("/{name}"), "a text is needed, or nothing"),
    }
}

/// One of a few words; the first where none is given.
pub(crate) fn word<T: Copy>(body: &Value, name: &str, words: &[(&str, T)], errors: &mut Vec<FieldError>) -> Option<T> {
    let (first, word) = (words.first().map(|(_, meant)| *meant), body.get(name));
    match word {
        None | Some(Value::Null) => first,
        Some(given) => {
            let found = words.iter().find(|(word, _)| given.as_str() == Some(*word)).map(|(_, meant)| *meant);
            let known = words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
            found.or_else(|| wrong(errors, &format!("/{name}"), &format!("this is {known}")))
        }
    }
}

/// Notes what is wrong with a member.
pub(crate) fn wrong<T>(errors: &mut Vec<FieldError>, pointer: &str, detail: &str) -> Option<T> {
    errors.push(FieldError { pointer: pointer.to_owned(), detail: detail.to_owned() });
    None
}
