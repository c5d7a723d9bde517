//! Canonical values as records have them: numbers, units, amounts, ids. Refuses what cannot be said exactly.

use std::borrow::Cow;

use selvage_model::manifest::object::Shape;
use selvage_model::name::SystemName;
use serde_json::Value;

use crate::code::Codes;
use crate::decimal;
use crate::error::{MapCause, MapError};
use crate::link::LinkAnswer;
use crate::mapping::get::check_dimension;
use crate::pointer::Pointer;
use crate::quantity::{self, Unit};
use crate::record;
use crate::shape::{check_scalar, shown, timestamp, two_strings};

/// The record's id in `<system>-<id>`.
pub(in crate::mapping) fn record_id(system: &SystemName, key: &str) -> Option<i64> {
    let digits = key.strip_prefix(system.as_str())?.strip_prefix('-')?;
    let wellformed = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    if wellformed { digits.parse().ok() } else { None }
}

/// A canonical scalar as the record has it.
pub(in crate::mapping) fn write_plain(shape: &Shape, given: &Value) -> Result<Value, String> {
    match (shape, given.as_str()) {
        (Shape::Decimal, Some(text)) => match decimal::parse_text(text) {
            Some(value) => Ok(decimal::to_json(value)),
            None => Err(format!("{} is no exact decimal of at most 28 digits", shown(given))),
        },
        (Shape::Timestamp, Some(text)) if timestamp(text).is_some() => record::write_datetime(text).map(Value::String),
        _ => check_scalar(shape, given).map(|()| given.clone()),
    }
}

/// The number (its canonical text) and the unit of a quantity. Units of this code set need not be parsed.
pub(super) fn given_quantity<'c, 'v>(
    codes: Option<&'c Codes>,
    shape: &Shape,
    given: &'v Value,
    pointer: &Pointer<'_>,
) -> Result<(Cow<'v, str>, Cow<'c, Unit>), MapError> {
    let (amount, code) = two_strings(given, "value", "unit")
        .ok_or_else(|| wrong(pointer, format!("{} is no quantity", shown(given))))?;
    let unit = match codes.and_then(|codes| codes.unit(code)) {
        Some(unit) => Cow::Borrowed(unit),
        None => Cow::Owned(code.parse().map_err(|error: quantity::UnitError| {
            MapError::new(MapCause::Unit, &pointer.name("unit"), error.to_string())
        })?),
    };
    check_dimension(shape, &unit, pointer)?;
    let amount = decimal::canonical_text(amount).ok_or_else(|| {
        wrong(&pointer.name("value"), format!("{} has no exact decimal of at most 28 digits", shown(given)))
    })?;
    Ok((amount, unit))
}

/// The number of a quantity in this unit.
pub(super) fn fixed_quantity(
    into: &Unit,
    shape: &Shape,
    given: &Value,
    pointer: &Pointer<'_>,
) -> Result<Value, MapError> {
    let (amount, unit) = given_quantity(None, shape, given, pointer)?;
    converted(amount, &unit, into, pointer)
}

/// A number of one unit as the number of another.
pub(super) fn converted(
    amount: Cow<'_, str>,
    unit: &Unit,
    into: &Unit,
    pointer: &Pointer<'_>,
) -> Result<Value, MapError> {
    if unit.code() == into.code() {
        return Ok(decimal::number(amount));
    }
    let wrong = || wrong(pointer, format!("`{amount}` is no exact decimal of at most 28 digits"));
    let amount = decimal::parse_text(&amount).ok_or_else(wrong)?;
    let converted = quantity::convert(amount, unit, into);
    let value = converted.map_err(|error| MapError::new(MapCause::Unit, pointer, error.to_string()))?;
    Ok(decimal::to_json(value))
}

/// The record that looking up a link answered.
pub(super) fn id(
    answer: Option<&LinkAnswer>,
    pointer: &Pointer<'_>,
    nowhere: impl FnOnce() -> String,
) -> Result<Value, MapError> {
    let message = match answer {
        Some(LinkAnswer::Id(id)) => return Ok(Value::from(*id)),
        Some(_) => nowhere(),
        None => "the link was not looked up".to_owned(),
    };
    Err(MapError::new(MapCause::Reference, pointer, message))
}

/// The number of an amount, which must be in this currency.
pub(super) fn amount_in(currency: &str, given: &Value, pointer: &Pointer<'_>) -> Result<Value, MapError> {
    let (amount, given_currency) = two_strings(given, "amount", "currency")
        .ok_or_else(|| wrong(pointer, format!("{} is no amount of money", shown(given))))?;
    if given_currency != currency {
        let message = format!("the record is kept in {currency}, not in `{given_currency}`");
        return Err(MapError::new(MapCause::Unit, &pointer.name("currency"), message));
    }
    let value = decimal::canonical_text(amount).ok_or_else(|| {
        wrong(&pointer.name("amount"), format!("`{amount}` is no exact decimal of at most 28 digits"))
    })?;
    Ok(decimal::number(value))
}

pub(super) fn string<'v>(given: &'v Value, pointer: &Pointer<'_>) -> Result<&'v str, MapError> {
    given.as_str().ok_or_else(|| wrong(pointer, format!("{} is no string", shown(given))))
}

pub(super) fn wrong(pointer: &Pointer<'_>, message: String) -> MapError {
    MapError::new(MapCause::Shape, pointer, message)
}

pub(super) fn not_writable(pointer: &Pointer<'_>, name: &str) -> MapError {
    MapError::new(MapCause::NotWritable, pointer, format!("`{name}` is read only in this mapping"))
}
