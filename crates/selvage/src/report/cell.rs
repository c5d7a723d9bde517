//! A canonical value in one cell of a table: quantities and amounts with their unit, lists with commas.
//! For people; nothing reads it back.

use serde_json::Value;

use super::visible;

/// One line.
pub(crate) fn write(value: &Value) -> String {
    let part = |name: &str| value.get(name).and_then(Value::as_str);
    match (value, part("value"), part("unit"), part("amount"), part("currency")) {
        (_, Some(value), Some("1"), ..) => value.to_owned(),
        (_, Some(value), Some(unit), ..) => format!("{value} {unit}"),
        (_, _, _, Some(amount), Some(currency)) => format!("{amount} {currency}"),
        (Value::Null, ..) => String::new(),
        (Value::String(text), ..) => visible(text, false),
        (Value::Array(values), ..) => values.iter().map(write).collect::<Vec<_>>().join(", "),
        (Value::Object(members), ..) => {
            let shown = members.iter().filter(|(_, value)| !value.is_null());
            shown.map(|(name, value)| format!("{name} {}", write(value))).collect::<Vec<_>>().join(" ")
        }
        (other, ..) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells() {
        for (value, expected) in [
            (json!(null), ""),
            (json!("a\nb"), "a\u{fffd}b"),
            (json!({"value": "2.5", "unit": "kg"}), "2.5 kg"),
            (json!({"value": "3", "unit": "1"}), "3"),
            (json!({"amount": "9.50", "currency": "EUR"}), "9.50 EUR"),
            (json!(["a", "b"]), "a, b"),
            (json!([{"product": "FRM-1", "quantity": {"value": "2", "unit": "1"}}]), "product FRM-1 quantity 2"),
            (json!(true), "true"),
        ] {
            assert_eq!(write(&value), expected, "{value}");
        }
    }
}
