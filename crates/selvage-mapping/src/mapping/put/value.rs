//! Canonical values as records have them: numbers, units, amounts, ids. Refuses what cannot be said exactly.

use selvage_model::manifest::object::Shape;
use selvage_model::name::SystemName;
use serde_json::Value;

use crate::decimal;
use crate::error::{MapCause, MapError};
use crate::mapping::get::check_dimension;
use crate::quantity::{self, Unit};
use crate::record;
use crate::shape::{below, check_scalar, shown, two_strings};

/// The record's id in `<system>-<id>`.
pub(in crate::mapping) fn record_id(system: &SystemName, key: &str) -> Option<i64> {
    let digits = key.strip_prefix(system.as_str())?.strip_prefix('-')?;
    let wellformed = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    if wellformed { digits.parse().ok() } else { None }
}

/// A canonical scalar as the record has it.
pub(in crate::mapping) fn write_plain(shape: &Shape, given: &Value) -> Result<Value, String> {
    check_scalar(shape, given)?;
    match (shape, given.as_str()) {
        (Shape::Decimal, Some(text)) => {
            let value = decimal::parse_text(text).ok_or_else(|| format!("{} is no exact decimal", shown(given)))?;
            Ok(decimal::to_json(value))
        }
        (Shape::Timestamp, Some(text)) => record::write_datetime(text).map(Value::String),
        _ => Ok(given.clone()),
    }
}

pub(super) fn given_unit(shape: &Shape, given: &Value, pointer: &str) -> Result<Unit, MapError> {
    let (_, unit) = two_strings(given, "value", "unit")
        .ok_or_else(|| wrong(pointer, format!("{} is no quantity", shown(given))))?;
    let unit: Unit = unit.parse().map_err(|error: quantity::UnitError| {
        MapError::new(MapCause::Unit, below(pointer, "unit"), error.to_string())
    })?;
    check_dimension(shape, &unit, pointer)?;
    Ok(unit)
}

/// The number of a quantity in this unit.
pub(super) fn fixed_quantity(into: &Unit, shape: &Shape, given: &Value, pointer: &str) -> Result<Value, MapError> {
    let unit = given_unit(shape, given, pointer)?;
    let amount = two_strings(given, "value", "unit").and_then(|(value, _)| decimal::parse_text(value));
    let amount = amount.ok_or_else(|| {
        wrong(&below(pointer, "value"), format!("{} has no exact decimal of at most 28 digits", shown(given)))
    })?;
    let converted = quantity::convert(amount, &unit, into);
    let value = converted.map_err(|error| MapError::new(MapCause::Unit, pointer, error.to_string()))?;
    Ok(decimal::to_json(value))
}

/// The number of an amount, which must be in this currency.
pub(super) fn amount_in(currency: &str, given: &Value, pointer: &str) -> Result<Value, MapError> {
    let (amount, given_currency) = two_strings(given, "amount", "currency")
        .ok_or_else(|| wrong(pointer, format!("{} is no amount of money", shown(given))))?;
    if given_currency != currency {
        let message = format!("the record is kept in {currency}, not in `{given_currency}`");
        return Err(MapError::new(MapCause::Unit, below(pointer, "currency"), message));
    }
    let value = decimal::parse_text(amount).ok_or_else(|| {
        wrong(&below(pointer, "amount"), format!("`{amount}` is no exact decimal of at most 28 digits"))
    })?;
    Ok(decimal::to_json(value))
}

pub(super) fn string<'v>(given: &'v Value, pointer: &str) -> Result<&'v str, MapError> {
    given.as_str().ok_or_else(|| wrong(pointer, format!("{} is no string", shown(given))))
}

pub(super) fn wrong(pointer: &str, message: String) -> MapError {
    MapError::new(MapCause::Shape, pointer, message)
}

pub(super) fn not_writable(pointer: &str, name: &str) -> MapError {
    MapError::new(MapCause::NotWritable, pointer, format!("`{name}` is read only in this mapping"))
}
