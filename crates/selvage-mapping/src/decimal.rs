//! Exact decimals as canonical text: no exponent, no trailing zeros, `0` without a sign. No float is ever made on the way.

use std::borrow::Cow;

use rust_decimal::Decimal;
use serde_json::{Number, Value};

/// Most digits that an exact decimal has, with those after the point.
const MOST_DIGITS: usize = 28;

/// The decimal that a JSON number's text says, exactly: `2.0`, `1e-07`. `None` where it is none, or has too many digits.
pub fn parse_number(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = match text.bytes().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(place) => (text.get(..place)?, text.get(place + 1..)?.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, mantissa),
    };
    let (whole, fraction) = match digits.bytes().position(|byte| byte == b'.') {
        Some(point) => (digits.get(..point)?, digits.get(point + 1..)?),
        None => (digits, ""),
    };
    let is_written = !whole.is_empty() && (digits.len() == whole.len() || !fraction.is_empty());
    if !is_written || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    // Zeros at the end say nothing: they are kept as a power of ten.
    let kept_fraction = fraction.trim_end_matches('0');
    let kept_whole = if kept_fraction.is_empty() { whole.trim_end_matches('0') } else { whole };
    let dropped = i64::try_from(whole.len() - kept_whole.len()).ok()?;
    let scale = i64::try_from(kept_fraction.len()).ok()?.checked_sub(exponent)?.checked_sub(dropped)?;
    let kept_whole = kept_whole.trim_start_matches('0');
    let leading =
        if kept_whole.is_empty() { kept_fraction.len() - kept_fraction.trim_start_matches('0').len() } else { 0 };
    let count = kept_whole.len() + kept_fraction.len() - leading;
    if count == 0 {
        return Some(Decimal::ZERO);
    }
    let zeros = usize::try_from(scale.min(0).checked_neg()?).ok()?;
    let scale = u32::try_from(scale.max(0)).ok()?;
    if count.checked_add(zeros)? > MOST_DIGITS || scale > 28 {
        return None;
    }
    let digits = kept_whole.bytes().chain(kept_fraction.bytes());
    let mut mantissa = digits.fold(0_i128, |mantissa, digit| mantissa * 10 + i128::from(digit - b'0'));
    if zeros > 0 {
        mantissa = mantissa.checked_mul(10_i128.checked_pow(u32::try_from(zeros).ok()?)?)?;
    }
    Decimal::try_from_i128_with_scale(if negative { -mantissa } else { mantissa }, scale).ok()
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The decimal of canonical text: digits with at most one point between them, and a sign for less than nothing. Zeros at
/// the end are taken (`2.50`), exponents and plus signs are not.
pub fn parse_text(text: &str) -> Option<Decimal> {
    if text.contains(['e', 'E']) { None } else { parse_number(text) }
}

/// Canonical text.
pub fn text(value: Decimal) -> String {
    if value.is_zero() { "0".to_owned() } else { value.normalize().to_string() }
}

/// The canonical text of what a JSON number's text says; `None` where it is none, or has too many digits.
pub(crate) fn canonical(text: &str) -> Option<Cow<'_, str>> {
    match trimmed(text) {
        Some(canonical) => Some(Cow::Borrowed(canonical)),
        None => parse_number(text).map(self::text).map(Cow::Owned),
    }
}

/// The same of canonical text, which has no exponent (see [`parse_text`]).
pub(crate) fn canonical_text(text: &str) -> Option<Cow<'_, str>> {
    if text.contains(['e', 'E']) { None } else { canonical(text) }
}

/// The part of a text that is its canonical form, where it has one: `2` of `2.0`. Most numbers are written so, and no
/// decimal is made of them.
fn trimmed(text: &str) -> Option<&str> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match digits.bytes().position(|byte| byte == b'.') {
        Some(point) => (digits.get(..point)?, digits.get(point + 1..).filter(|fraction| !fraction.is_empty())?),
        None => (digits, ""),
    };
    let is_plain = is_digits(whole) && is_digits(fraction) && digits.len() <= MOST_DIGITS;
    if !is_plain || whole.is_empty() || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    let zeros = fraction.bytes().rev().take_while(|byte| *byte == b'0').count();
    let dropped = if zeros == fraction.len() && !fraction.is_empty() { zeros + 1 } else { zeros };
    // Nothing less than nothing is `0`.
    let kept = text.get(..text.len() - dropped)?;
    (kept != "-0").then_some(kept)
}

/// The exact decimal of a JSON number.
pub fn of_json(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => parse_number(number.as_str()),
        _ => None,
    }
}

/// The canonical text of a JSON number's exact decimal.
pub(crate) fn text_of_json(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Number(number) => canonical(number.as_str()),
        _ => None,
    }
}

/// The JSON number of a decimal's canonical text.
pub(crate) fn number(canonical: Cow<'_, str>) -> Value {
    Value::Number(Number::from_string_unchecked(canonical.into_owned()))
}

/// A JSON number that says exactly this decimal.
pub fn to_json(value: Decimal) -> Value {
    // The text of a decimal is the text of a JSON number.
    Value::Number(Number::from_string_unchecked(text(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_canonical_text_exactly() {
        let table: &[(&str, Option<&str>)] = &[
            ("2.0", Some("2")),
            ("2.50", Some("2.5")),
            ("-0.0", Some("0")),
            ("0", Some("0")),
            ("00.10", Some("0.1")),
            ("-12.75", Some("-12.75")),
            ("1e-07", Some("0.0000001")),
            ("1E+3", Some("1000")),
            ("1200e-2", Some("12")),
            ("0.30000000000000004", Some("0.30000000000000004")),
            ("9999999999999999999999999999", Some("9999999999999999999999999999")),
            ("0.0000000000000000000000000001", Some("0.0000000000000000000000000001")),
            ("99999999999999999999999999999", None),
            ("1e29", None),
            ("1e-29", None),
            ("1e999999999999", None),
            ("0e999999999999", Some("0")),
            ("", None),
            ("-", None),
            (".5", None),
            ("5.", None),
            ("+5", None),
            ("1 000", None),
            ("1,5", None),
            ("NaN", None),
            ("--1", None),
        ];
        for (given, wanted) in table {
            assert_eq!(parse_number(given).map(text).as_deref(), *wanted, "{given}");
            assert_eq!(canonical(given).as_deref(), *wanted, "{given}");
        }
    }

    #[test]
    fn canonical_text_takes_no_exponent() {
        assert_eq!(parse_text("2.50").map(text).as_deref(), Some("2.5"));
        assert_eq!(parse_text("1e3"), None);
    }

    #[test]
    fn json_numbers_keep_their_text() {
        let read: Value = serde_json::from_str("0.10000000000000000001").unwrap();
        assert_eq!(of_json(&read).map(text).as_deref(), Some("0.10000000000000000001"));
        assert_eq!(to_json(parse_number("0.10000000000000000001").unwrap()).to_string(), "0.10000000000000000001");
    }

    proptest::proptest! {
        #[test]
        fn any_decimal_survives_text_and_json(mantissa in -(10_i128.pow(28) - 1)..10_i128.pow(28), scale in 0_u32..=28) {
            let value = Decimal::try_from_i128_with_scale(mantissa, scale).unwrap();
            proptest::prop_assert_eq!(parse_text(&text(value)), Some(value));
            proptest::prop_assert_eq!(of_json(&to_json(value)), Some(value));
            let written = value.to_string();
            proptest::prop_assert_eq!(canonical(&written).map(Cow::into_owned), Some(text(value)));
        }
    }
}
