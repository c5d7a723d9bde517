//! What canonical values look like, by the shape of their attribute: checking them and comparing what they mean.
//! Collects every fault; never changes a value.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use selvage_model::delivery::Cause;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::object::{Attribute, CodeSet, OnUnmatched, Shape};
use selvage_model::name::CodeSetName;
use selvage_model::problem::FieldError;
use selvage_model::scalar::Dimension;
use serde_json::{Map, Value};

use crate::decimal;
use crate::quantity::{self, Unit};

/// Longest text taken where nothing else is declared, in characters.
pub const LONGEST_TEXT: u32 = 65_536;

/// Checks values against shapes and keeps what is wrong.
pub(crate) struct Checker<'a> {
    fabric: &'a Fabric,
    /// Whether the value is what a sender gives (read-only attributes are not theirs) or what Selvage shows.
    from_sender: bool,
    pub(crate) errors: Vec<FieldError>,
    /// Of which classes they are.
    pub(crate) causes: BTreeSet<Cause>,
}

impl<'a> Checker<'a> {
    pub(crate) fn new(fabric: &'a Fabric, from_sender: bool) -> Self {
        Self { fabric, from_sender, errors: Vec::new(), causes: BTreeSet::new() }
    }

    fn wrong(&mut self, pointer: &str, detail: impl Into<String>) {
        self.wrong_by(Cause::Contract, pointer, detail);
    }

    fn wrong_by(&mut self, cause: Cause, pointer: &str, detail: impl Into<String>) {
        self.causes.insert(cause);
        self.errors.push(FieldError { pointer: pointer.to_owned(), detail: detail.into() });
    }

    /// An object's or a group's members.
    pub(crate) fn members(&mut self, attributes: &[Attribute], pointer: &str, value: &Value) {
        let Value::Object(members) = value else {
            self.wrong(pointer, format!("{} is no object", shown(value)));
            return;
        };
        for name in members.keys() {
            if !attributes.iter().any(|attribute| attribute.name.value.as_str() == name) {
                self.wrong(&below(pointer, name), format!("there is no attribute `{}`", clipped(name)));
            }
        }
        for attribute in attributes {
            let name = attribute.name.value.as_str();
            self.member(attribute, &below(pointer, name), members.get(name).unwrap_or(&Value::Null));
        }
    }

    /// The members of an object or a group that are given; the others stay as they are.
    pub(crate) fn changes(&mut self, attributes: &[Attribute], pointer: &str, value: &Value) {
        let Value::Object(members) = value else {
            self.wrong(pointer, format!("{} is no object", shown(value)));
            return;
        };
        for (name, given) in members {
            let pointer = below(pointer, name);
            match attributes.iter().find(|attribute| attribute.name.value.as_str() == name) {
                None => self.wrong(&pointer, format!("there is no attribute `{}`", clipped(name))),
                Some(attribute) => match (&attribute.shape, given) {
                    (Shape::Group(inner), Value::Object(_)) if !attribute.read_only => {
                        self.changes(inner, &pointer, given);
                    }
                    _ => self.member(attribute, &pointer, given),
                },
            }
        }
    }

    fn member(&mut self, attribute: &Attribute, pointer: &str, value: &Value) {
        let name = &attribute.name.value;
        match (value.is_null(), self.from_sender && attribute.read_only) {
            (true, true) => {}
            (false, true) => self.wrong(pointer, format!("`{name}` is read only")),
            (true, false) if attribute.optional => {}
            (true, false) => self.wrong(pointer, format!("`{name}` is required")),
            (false, false) => self.value(&attribute.shape, pointer, value),
        }
    }

    /// A value that is there.
    pub(crate) fn value(&mut self, shape: &Shape, pointer: &str, value: &Value) {
        match shape {
            Shape::List(element) => self.list(element, pointer, value),
            Shape::Group(members) => self.members(members, pointer, value),
            Shape::Code { set } => self.code(&set.value, pointer, value),
            Shape::Quantity { dimension } => self.quantity(*dimension, pointer, value),
            Shape::Money => self.money(pointer, value),
            scalar => {
                if let Err(detail) = check_scalar(scalar, value) {
                    self.wrong(pointer, detail);
                }
            }
        }
    }

    fn list(&mut self, element: &Shape, pointer: &str, value: &Value) {
        match value {
            Value::Array(elements) => {
                for (index, value) in elements.iter().enumerate() {
                    self.value(element, &below(pointer, &index.to_string()), value);
                }
            }
            other => self.wrong(pointer, format!("{} is no list", shown(other))),
        }
    }

    fn code(&mut self, set: &CodeSetName, pointer: &str, value: &Value) {
        let Some(word) = value.as_str() else {
            self.wrong(pointer, format!("{} is no code; codes are strings", shown(value)));
            return;
        };
        let known = |set: &CodeSet| set.codes.iter().any(|entry| entry.code.value == word);
        match self.fabric.code_sets.get(set) {
            Some(codes) if codes.on_unmatched == OnUnmatched::Pass || known(codes) => {}
            Some(codes) => {
                let some: Vec<_> = codes.codes.iter().take(8).map(|entry| format!("`{}`", entry.code)).collect();
                let more = if codes.codes.len() > some.len() { " and others" } else { "" };
                let detail = format!("`{}` is no code of {set}: {}{more} are", clipped(word), some.join(", "));
                self.wrong_by(Cause::Code, pointer, detail);
            }
            None => self.wrong(pointer, format!("the code set {set} is not declared")),
        }
    }

    fn quantity(&mut self, dimension: Option<Dimension>, pointer: &str, value: &Value) {
        let Some((amount, unit)) = self.pair(pointer, value, "value", "unit") else { return };
        if decimal::parse_text(amount).is_none() {
            let detail = format!("`{}` is no exact decimal of at most 28 digits", clipped(amount));
            self.wrong(&below(pointer, "value"), detail);
        }
        match (unit.parse::<Unit>(), dimension) {
            (Err(error), _) => self.wrong_by(Cause::Unit, &below(pointer, "unit"), error.to_string()),
            (Ok(unit), Some(dimension)) if !quantity::measures(&unit, dimension) => {
                let detail = format!("`{}` is no unit of {dimension}", unit.code());
                self.wrong_by(Cause::Unit, &below(pointer, "unit"), detail);
            }
            _ => {}
        }
    }

    fn money(&mut self, pointer: &str, value: &Value) {
        let Some((amount, currency)) = self.pair(pointer, value, "amount", "currency") else { return };
        if decimal::parse_text(amount).is_none() {
            let detail = format!("`{}` is no exact decimal of at most 28 digits", clipped(amount));
            self.wrong(&below(pointer, "amount"), detail);
        }
        if !is_currency(currency) {
            let detail = format!("`{}` is no ISO 4217 code; write `EUR`", clipped(currency));
            self.wrong(&below(pointer, "currency"), detail);
        }
    }

    /// The two strings of a group that has exactly these members.
    fn pair<'v>(&mut self, pointer: &str, value: &'v Value, one: &str, other: &str) -> Option<(&'v str, &'v str)> {
        let found = two_strings(value, one, other);
        if found.is_none() {
            let detail = format!("{} is not `{{\"{one}\": \"…\", \"{other}\": \"…\"}}`", shown(value));
            self.wrong(pointer, detail);
        }
        found
    }
}

/// The two strings of an object that has exactly these members.
pub(crate) fn two_strings<'v>(value: &'v Value, one: &str, other: &str) -> Option<(&'v str, &'v str)> {
    let members: &Map<String, Value> = value.as_object().filter(|members| members.len() == 2)?;
    Some((members.get(one)?.as_str()?, members.get(other)?.as_str()?))
}

/// Whether a text has the form of an ISO 4217 code.
pub(crate) fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Whether a value that is there has this scalar shape; the error is a sentence. Codes, quantities, money, lists and
/// groups are not scalars and are not looked into.
pub fn check_scalar(shape: &Shape, value: &Value) -> Result<(), String> {
    let text = || value.as_str().ok_or_else(|| format!("{} is no string", shown(value)));
    let wrong = |what: &str| Err(format!("{} is no {what}", shown(value)));
    match shape {
        Shape::String { max } => check_string(text()?, *max),
        Shape::Text if text()?.chars().count() > most(None) => {
            Err(format!("the text is longer than {LONGEST_TEXT} characters"))
        }
        Shape::Ref { .. } if text()?.is_empty() => Err("a reference is not empty".to_owned()),
        Shape::Integer if value.as_i64().is_none() => wrong("whole number of at most 64 bits"),
        Shape::Boolean if !value.is_boolean() => wrong("boolean"),
        Shape::Decimal if decimal::parse_text(text()?).is_none() => wrong("exact decimal of at most 28 digits"),
        Shape::Timestamp if timestamp(text()?).is_none() => wrong("RFC 3339 timestamp; write `2026-11-23T06:00:00Z`"),
        Shape::Date if text()?.parse::<Date>().is_err() || text()?.len() != 10 => wrong("date; write `2026-11-23`"),
        Shape::Duration if !is_duration(text()?) => wrong("ISO 8601 duration; write `PT15M`"),
        Shape::Enum { values } => {
            let word = text()?;
            if values.iter().any(|value| value.value == word) {
                return Ok(());
            }
            let words: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
            Err(format!("`{}` is none of {}", clipped(word), words.join(", ")))
        }
        _ => Ok(()),
    }
}

/// How many characters a text may have.
fn most(max: Option<u32>) -> usize {
    usize::try_from(max.unwrap_or(LONGEST_TEXT)).unwrap_or(usize::MAX)
}

fn check_string(text: &str, max: Option<u32>) -> Result<(), String> {
    let max = most(max);
    if text.chars().count() > max {
        return Err(format!("`{}` is longer than {max} characters", clipped(text)));
    }
    if text.contains(['\n', '\r', '\0']) { Err("a string has one line".to_owned()) } else { Ok(()) }
}

fn is_duration(text: &str) -> bool {
    text.trim_start_matches('-').starts_with('P') && text.parse::<jiff::Span>().is_ok()
}

/// The instant of an RFC 3339 text, with any offset.
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    let wellformed = text.as_bytes().get(10) == Some(&b'T') && !text.contains('[') && text.len() <= 40;
    if wellformed { text.parse().ok() } else { None }
}

/// Whether two canonical values of this shape mean the same: `2500 g` is `2.5 kg`, an absent member is `null`.
pub(crate) fn same(shape: &Shape, left: &Value, right: &Value) -> bool {
    match (shape, left, right) {
        (_, Value::Null, Value::Null) => true,
        (Shape::Group(members), Value::Object(left), Value::Object(right)) => same_members(members, left, right),
        (Shape::List(element), Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(element, left, right))
        }
        (Shape::Quantity { .. }, Value::Object(_), Value::Object(_)) => {
            same_quantity(left, right).unwrap_or(left == right)
        }
        (Shape::Money, Value::Object(_), Value::Object(_)) => same_money(left, right).unwrap_or(left == right),
        (Shape::Decimal, Value::String(left), Value::String(right)) => {
            left == right || decimal::parse_text(left).is_some_and(|value| decimal::parse_text(right) == Some(value))
        }
        (Shape::Timestamp, Value::String(left), Value::String(right)) => {
            left == right || timestamp(left).is_some_and(|instant| timestamp(right) == Some(instant))
        }
        _ => left == right,
    }
}

/// Whether the members of two objects mean the same, attribute by attribute.
pub(crate) fn same_members(attributes: &[Attribute], left: &Map<String, Value>, right: &Map<String, Value>) -> bool {
    attributes.iter().all(|attribute| {
        let name = attribute.name.value.as_str();
        same(&attribute.shape, left.get(name).unwrap_or(&Value::Null), right.get(name).unwrap_or(&Value::Null))
    })
}

fn same_quantity(left: &Value, right: &Value) -> Option<bool> {
    let (left, left_unit) = two_strings(left, "value", "unit")?;
    let (right, right_unit) = two_strings(right, "value", "unit")?;
    let (left, right) = (decimal::parse_text(left)?, decimal::parse_text(right)?);
    if left_unit == right_unit {
        return Some(left == right);
    }
    let converted = quantity::convert(left, &left_unit.parse().ok()?, &right_unit.parse().ok()?);
    Some(converted.is_ok_and(|left| left == right))
}

fn same_money(left: &Value, right: &Value) -> Option<bool> {
    let (left, left_currency) = two_strings(left, "amount", "currency")?;
    let (right, right_currency) = two_strings(right, "amount", "currency")?;
    Some(left_currency == right_currency && decimal::parse_text(left)? == decimal::parse_text(right)?)
}

/// A JSON Pointer one step further.
pub(crate) fn below(pointer: &str, step: &str) -> String {
    format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"))
}

/// A value as a message shows it: short, and in backticks.
pub(crate) fn shown(value: &Value) -> String {
    format!("`{}`", clipped(&value.to_string()))
}

/// At most sixty characters of a text.
pub(crate) fn clipped(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
