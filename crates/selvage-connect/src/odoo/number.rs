//! Quantities between Odoo's JSON numbers and exact decimals. No float is ever made of one.

use rust_decimal::Decimal;
use serde_json::{Number, Value};

/// Odoo keeps quantities as doubles, so a sum of exact quantities may come back as `0.30000000000000004`. Digits behind this
/// place are the double's noise; no unit of measure in Odoo rounds that finely.
const MEANT_DIGITS: u32 = 9;

/// The exact decimal that a number of Odoo's stands for; `None` for what is no number (`false` is null in Odoo).
pub fn decimal(value: &Value) -> Option<Decimal> {
    let Value::Number(number) = value else { return None };
    let text = number.as_str();
    let parsed = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
    match parsed {
        Ok(decimal) => Some(decimal.round_dp(MEANT_DIGITS).normalize()),
        // Smaller than a decimal can be: noise around zero.
        Err(_) if text.contains("e-") => Some(Decimal::ZERO),
        Err(_) => None,
    }
}

/// A JSON number of exactly this decimal's digits, without trailing zeros.
pub fn number(decimal: Decimal) -> Value {
    // A decimal prints as digits with at most one point, which is always a JSON number.
    Value::Number(Number::from_string_unchecked(decimal.normalize().to_string()))
}

/// Digits that survive the doubles in which Odoo keeps quantities.
const KEPT_DIGITS: u32 = 15;

/// Whether Odoo gives this decimal back as it was written.
pub(super) fn survives(decimal: Decimal) -> bool {
    decimal.normalize().mantissa().unsigned_abs() < 10_u128.pow(KEPT_DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions() {
        for (json, text) in [
            ("4.0", "4"),
            ("0.75", "0.75"),
            ("22.25", "22.25"),
            ("0.30000000000000004", "0.3"),
            ("-8", "-8"),
            ("1e-05", "0.00001"),
            ("7.105427357601002e-15", "0"),
            ("3e-40", "0"),
            ("1e+16", "10000000000000000"),
            ("123456789.12", "123456789.12"),
        ] {
            let value: Value = serde_json::from_str(json).unwrap();
            let read = decimal(&value).unwrap();
            assert_eq!(read.to_string(), text, "{json}");
            assert_eq!(serde_json::to_string(&number(read)).unwrap(), text, "{json}");
        }
        assert_eq!(decimal(&Value::Bool(false)), None);
    }
}
