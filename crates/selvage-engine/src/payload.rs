//! The fingerprint of a write: equal for equal requests, whatever the order of their members and their white space.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256 over the record, the body and the condition of a write, with the members of each object in order.
pub(crate) fn hash(id: Option<&str>, body: Option<&Value>, if_match: Option<&str>) -> [u8; 32] {
    let mut text = String::new();
    write(&Value::from(id), &mut text);
    write(body.unwrap_or(&Value::Null), &mut text);
    if let Some(condition) = if_match {
        write(&Value::from(condition), &mut text);
    }
    Sha256::digest(text.as_bytes()).into()
}

/// JSON with the members of each object in order.
pub(crate) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write(item, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_unstable();
            text.push('{');
            for name in names {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write(members.get(name).unwrap_or(&Value::Null), text);
                text.push(',');
            }
            text.push('}');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_members_does_not_count() {
        let one: Value = serde_json::from_str(r#"{"a": 1, "b": {"x": [1, 2], "y": null}}"#).unwrap();
        let two: Value = serde_json::from_str(r#"{"b":{"y":null,"x":[1,2]},"a":1}"#).unwrap();
        assert_eq!(hash(Some("odoo-1"), Some(&one), None), hash(Some("odoo-1"), Some(&two), None));
    }

    #[test]
    fn everything_else_counts() {
        let body = json!({"a": 1});
        let here = hash(Some("odoo-1"), Some(&body), None);
        let others = [
            hash(Some("odoo-2"), Some(&body), None),
            hash(None, Some(&body), None),
            hash(Some("odoo-1"), None, None),
            hash(Some("odoo-1"), Some(&json!({"a": "1"})), None),
            hash(Some("odoo-1"), Some(&json!({"a": [1]})), None),
            hash(Some("odoo-1"), Some(&json!({"a": 1, "b": null})), None),
            hash(Some("odoo-1"), Some(&body), Some("*")),
        ];
        for other in others {
            assert_ne!(here, other);
        }
    }
}
