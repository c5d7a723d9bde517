//! Texts of parameters as the values that they stand for, by style: lists and groups taken apart, texts made numbers and
//! booleans where the schema wants them.

use serde_json::{Map, Number, Value};

use super::kinds::Kinds;
use crate::path;

/// What a parameter's value is.
#[derive(Debug)]
pub(super) enum Shape {
    Scalar(Kinds),
    /// Of elements of these kinds.
    List(Kinds),
    /// The kinds of the members by name, and of any others.
    Group(Vec<(Box<str>, Kinds)>, Kinds),
    /// JSON in a text.
    Json,
}

/// What stands between the elements of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    Comma,
    Blank,
    Pipe,
}

impl Shape {
    /// The kinds of a member.
    pub(super) fn member(&self, name: &str) -> Kinds {
        match self {
            Self::Group(members, others) => {
                members.iter().find(|(known, _)| &**known == name).map_or(*others, |(_, kinds)| *kinds)
            }
            _ => Kinds::ALL,
        }
    }
}

/// Takes a list apart before it is decoded: what is encoded separates nothing.
pub(super) fn split(raw: &str, separator: Separator) -> Vec<&str> {
    if raw.is_empty() {
        return Vec::new();
    }
    match separator {
        Separator::Comma => raw.split(',').collect(),
        Separator::Blank => raw.split("%20").flat_map(|part| part.split(['+', ' '])).collect(),
        Separator::Pipe => {
            raw.split("%7C").flat_map(|part| part.split("%7c")).flat_map(|part| part.split('|')).collect()
        }
    }
}

/// `k,v,k,v`, or `k=v,k=v` where exploded.
pub(super) fn pairs<'a>(parts: &[&'a str], exploded: bool) -> Option<Vec<(&'a str, &'a str)>> {
    if exploded {
        return parts.iter().map(|part| part.split_once('=')).collect();
    }
    let pair = |two: &[&'a str]| match two {
        [name, value] => Some((*name, *value)),
        _ => None,
    };
    parts.chunks(2).map(pair).collect()
}

/// A decoded text.
pub(super) fn decoded(raw: &str, plus: bool) -> Option<String> {
    String::from_utf8(path::decode(raw.as_bytes(), plus)?).ok()
}

/// What a text may stand for, the likelier first.
pub(super) fn scalars_of(text: String, kinds: Kinds) -> Vec<Value> {
    if kinds == Kinds::STRING { vec![Value::String(text)] } else { scalars(&text, kinds) }
}

/// The same of a text that is borrowed.
fn scalars(text: &str, kinds: Kinds) -> Vec<Value> {
    let mut values = Vec::new();
    if kinds.has(Kinds::STRING) {
        values.push(Value::String(text.to_owned()));
    }
    let may_be_number = kinds.has(Kinds::NUMBER) && text.trim() == text;
    if let (true, Ok(number)) = (may_be_number, serde_json::from_str::<Number>(text)) {
        values.push(Value::Number(number));
    }
    if let (true, Ok(flag)) = (kinds.has(Kinds::BOOLEAN), text.parse::<bool>()) {
        values.push(Value::Bool(flag));
    }
    if kinds.has(Kinds::NULL) && text.is_empty() {
        values.push(Value::Null);
    }
    if values.is_empty() {
        values.push(Value::String(text.to_owned()));
    }
    values
}

/// What a text stands for within a list or a group.
pub(super) fn scalar(text: &str, kinds: Kinds) -> Value {
    scalars(text, kinds).into_iter().next().unwrap_or_default()
}

/// Members as the group that they make.
pub(super) fn group(shape: &Shape, members: Vec<(String, String)>) -> Value {
    let value = |(name, text): (String, String)| {
        let value = scalar(&text, shape.member(&name));
        (name, value)
    };
    Value::Object(members.into_iter().map(value).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_become_what_the_schema_means() {
        for (text, kinds, expected) in [
            ("5", Kinds::NUMBER, json!([5])),
            ("5", Kinds::STRING, json!(["5"])),
            ("5", Kinds::ALL, json!(["5", 5])),
            ("true", Kinds::BOOLEAN, json!([true])),
            ("True", Kinds::BOOLEAN, json!(["True"])),
            ("-1.50", Kinds::NUMBER, json!([-1.5])),
            ("NaN", Kinds::NUMBER, json!(["NaN"])),
            (" 5", Kinds::NUMBER, json!([" 5"])),
            ("", Kinds::NULL, json!([null])),
        ] {
            let found = scalars(text, kinds);
            assert_eq!(Value::Array(found).to_string(), expected.to_string().replace("-1.5]", "-1.50]"), "{text}");
        }
    }

    #[test]
    fn lists_are_taken_apart_before_they_are_decoded() {
        assert_eq!(split("a,b%2Cc", Separator::Comma), ["a", "b%2Cc"]);
        assert_eq!(split("a%20b+c", Separator::Blank), ["a", "b", "c"]);
        assert_eq!(split("a|b%7Cc%7cd", Separator::Pipe), ["a", "b", "c", "d"]);
        assert!(split("", Separator::Comma).is_empty());
        assert_eq!(pairs(&["a", "1", "b", "2"], false).unwrap(), [("a", "1"), ("b", "2")]);
        assert_eq!(pairs(&["a=1"], true).unwrap(), [("a", "1")]);
        assert_eq!((pairs(&["a"], false), pairs(&["a"], true)), (None, None));
    }
}
