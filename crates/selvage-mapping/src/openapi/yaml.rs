//! A JSON value as YAML that people like to read: blocks, plain words where they can only be words, otherwise quotes as in
//! JSON. What is written reads back as the same value.

use serde_json::Value;

/// The value as a YAML document.
pub fn text(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(members) if !members.is_empty() => block(value, 0, &mut text),
        Value::Array(items) if !items.is_empty() => block(value, 0, &mut text),
        scalar => {
            text.push_str(&inline(scalar));
            text.push('\n');
        }
    }
    text
}

/// A map or a list, each entry on a line of its own.
fn block(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) => {
            for (index, (name, member)) in members.iter().enumerate() {
                // The first entry of a list's element stands behind its dash.
                if index > 0 || !text.ends_with("- ") {
                    text.push_str(&indent);
                }
                text.push_str(&word(name));
                text.push(':');
                entry(member, depth + 1, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                text.push_str(&indent);
                text.push('-');
                if is_block(item) && item.is_object() {
                    text.push(' ');
                    block(item, depth + 1, text);
                } else {
                    entry(item, depth + 1, text);
                }
            }
        }
        scalar => text.push_str(&inline(scalar)),
    }
}

fn entry(value: &Value, depth: usize, text: &mut String) {
    if is_block(value) {
        text.push('\n');
        block(value, depth, text);
    } else {
        text.push(' ');
        text.push_str(&inline(value));
        text.push('\n');
    }
}

/// Whether the value gets lines of its own: lists of few words stay in theirs.
fn is_block(value: &Value) -> bool {
    match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => {
            let has_parts = |item: &Value| item.is_object() || item.is_array();
            !items.is_empty() && (items.iter().any(has_parts) || value.to_string().len() >= 100)
        }
        _ => false,
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => word(text),
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(_) => "{}".to_owned(),
        other => other.to_string(),
    }
}

/// Without quotes where nothing but a text can be meant.
fn word(text: &str) -> String {
    let simple =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ' ' | ';' | '(' | ')' | '$');
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '$'));
    let taken = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_plain = begins
        && !text.ends_with(' ')
        && text.chars().all(simple)
        && !taken.contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use selvage_model::yaml::{Limits, parse};
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Value {
        let (nodes, findings) = parse(text.as_bytes(), &Arc::from("x"), &Limits::CONTRACT);
        assert!(findings.is_empty(), "{findings:?}\n{text}");
        nodes[0].to_value()
    }

    #[test]
    fn what_is_written_is_what_people_write() {
        let value =
            json!({"openapi": "3.1.0", "tags": [{"name": "a", "x": [1, "b c"]}, {}], "200": {"deep": ["y\n", true]}});
        assert_eq!(
            text(&value),
            "openapi: \"3.1.0\"\ntags:\n  - name: a\n    x: [1, b c]\n  - {}\n\"200\":\n  deep: [\"y\\n\", true]\n"
        );
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -~\\n\\té]{0,12}".prop_map(Value::from),
            "(true|null|yes|1e3|0x1f|- a|a: b|# c|~|)".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[ -~]{1,8}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_reads_back_as_the_same(value in values()) {
            let value = json!({"value": value});
            prop_assert_eq!(read(&text(&value)), value);
        }
    }
}
