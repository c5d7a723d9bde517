//! The kinds of values that JSON has, as sets; and when two values are the same one.

use selvage_model::yaml::Node;
use serde_json::Value;

use super::limit::decimal;

/// A set of kinds. A number is whole or it has a fraction: `integer` is the one, `number` is both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds(u8);

const WORDS: [(&str, Kinds); 7] = [
    ("null", Kinds::NULL),
    ("boolean", Kinds::BOOLEAN),
    ("integer", Kinds::WHOLE),
    ("number", Kinds::NUMBER),
    ("string", Kinds::TEXT),
    ("array", Kinds::LIST),
    ("object", Kinds::OBJECT),
];

impl Kinds {
    pub(super) const NONE: Self = Self(0);
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(2);
    pub(super) const WHOLE: Self = Self(4);
    pub(super) const FRACTION: Self = Self(8);
    pub(super) const NUMBER: Self = Self(12);
    pub(super) const TEXT: Self = Self(16);
    pub(super) const LIST: Self = Self(32);
    pub(super) const OBJECT: Self = Self(64);
    pub(super) const ALL: Self = Self(127);

    /// What `type` says, as a word or a list of words; nothing where it says something else.
    pub(super) fn of(node: &Node) -> Option<Self> {
        let word = |text: &str| WORDS.iter().find(|(word, _)| *word == text).map(|(_, kinds)| *kinds);
        match node.text() {
            Some(text) => word(text),
            None if node.items().is_empty() => None,
            None => node.items().iter().try_fold(Self::NONE, |all, item| Some(all.or(word(item.text()?)?))),
        }
    }

    /// The kind of one value.
    pub(super) fn of_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(number) => match decimal(number.as_str()) {
                Some(number) if number.fract().is_zero() => Self::WHOLE,
                Some(_) => Self::FRACTION,
                None => Self::NUMBER,
            },
            Value::String(_) => Self::TEXT,
            Value::Array(_) => Self::LIST,
            Value::Object(_) => Self::OBJECT,
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the two have one in common.
    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

/// Whether two values are equal as JSON Schema has it: numbers by their worth, members in any order.
pub(super) fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => match (decimal(one.as_str()), decimal(other.as_str())) {
            (Some(one), Some(other)) => one == other,
            _ => one.as_str() == other.as_str(),
        },
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let has = |(name, value): (&String, &Value)| other.get(name).is_some_and(|other| equal(value, other));
            one.len() == other.len() && one.iter().all(has)
        }
        _ => one == other,
    }
}
