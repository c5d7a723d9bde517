//! Reading the parts of a record that Odoo answered: ids, labels, texts, quantities. `false` is null throughout.
//! A part that Odoo always gives and did not give is a protocol failure, never a default.

use rust_decimal::Decimal;
use serde_json::Value;

use super::failure::Failure;
use super::number::decimal;

/// The records of a list answer.
pub(super) fn records(answer: Value) -> Result<Vec<Value>, Failure> {
    match answer {
        Value::Array(records) => Ok(records),
        other => Err(Failure::protocol(format!("a list of records was asked for and {} came", shape(&other)))),
    }
}

/// The id of a many2one or of a record, from `7` or `[7, "label"]`.
pub(super) fn id_of(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::Array(pair) => pair.first().and_then(Value::as_i64),
        _ => None,
    }
}

/// The label of a many2one, from `[7, "label"]`.
pub(super) fn label_of(value: &Value) -> Option<&str> {
    value.as_array()?.get(1)?.as_str()
}

/// A field that must hold an id.
pub(super) fn id(record: &Value, field: &str) -> Result<i64, Failure> {
    record.get(field).and_then(id_of).ok_or_else(|| lacks(record, field))
}

/// A field that must hold text.
pub(super) fn text<'a>(record: &'a Value, field: &str) -> Result<&'a str, Failure> {
    record.get(field).and_then(Value::as_str).ok_or_else(|| lacks(record, field))
}

/// A field that must hold a quantity.
pub(super) fn quantity(record: &Value, field: &str) -> Result<Decimal, Failure> {
    record.get(field).and_then(decimal).ok_or_else(|| lacks(record, field))
}

/// A field that must hold yes or no.
pub(super) fn flag(record: &Value, field: &str) -> Result<bool, Failure> {
    record.get(field).and_then(Value::as_bool).ok_or_else(|| lacks(record, field))
}

/// Product and label of a record's `product_id`.
pub(super) fn product(record: &Value) -> Result<(i64, String), Failure> {
    let id = id(record, "product_id")?;
    let label = record.get("product_id").and_then(label_of).unwrap_or_default();
    Ok((id, label.to_owned()))
}

/// What kind of JSON a value is, for messages.
pub(super) fn shape(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "yes or no",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn lacks(record: &Value, field: &str) -> Failure {
    let id = record.get("id").map_or_else(|| "?".to_owned(), Value::to_string);
    Failure::protocol(format!("record {id} came without a usable `{field}`"))
}
