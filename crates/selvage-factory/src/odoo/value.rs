//! What a field of a record holds, and how Odoo writes it in JSON: `False` for nothing, naive UTC seconds, floats with a point.
//! Quantities are decimals inside; no float is ever computed with.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Number, Value as Json};

/// The database id of a record, unique within its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id(pub(crate) i64);

impl fmt::Display for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl From<Id> for Json {
    fn from(id: Id) -> Self {
        Self::from(id.0)
    }
}

/// A moment in microseconds since 1970 UTC, as the database stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Stamp(i64);

impl Stamp {
    /// The moment of the system clock.
    pub(crate) fn now() -> Self {
        Self(Timestamp::now().as_microsecond())
    }

    /// Reads `2026-11-23 06:32:49`, with or without a fraction or a time of day.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let civil = DateTime::from_str(text.trim_end_matches('Z')).ok()?;
        let zoned = civil.to_zoned(TimeZone::UTC).ok()?;
        Some(Self(zoned.timestamp().as_microsecond()))
    }

    /// The answer of the external API: whole seconds, cut, not rounded.
    pub(crate) fn seconds(self) -> String {
        self.format("%Y-%m-%d %H:%M:%S")
    }

    /// The day alone, `2026-11-23`.
    pub(crate) fn day(self) -> String {
        self.format("%Y-%m-%d")
    }

    /// As stored, with six digits of the second.
    pub(crate) fn micros(self) -> String {
        self.format("%Y-%m-%d %H:%M:%S%.6f")
    }

    /// The moment `minutes` later.
    pub(crate) fn plus_minutes(self, minutes: Decimal) -> Self {
        let micros = (minutes * Decimal::from(60_000_000)).trunc();
        Self(self.0.saturating_add(i64::try_from(micros).unwrap_or(0)))
    }

    /// The moment some microseconds later.
    pub(crate) fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// The microseconds from `earlier` to this moment.
    pub(crate) fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The minutes from `earlier` to this moment, to a hundredth.
    pub(crate) fn minutes_since(self, earlier: Self) -> Decimal {
        cents(Decimal::from(self.0 - earlier.0) / Decimal::from(60_000_000))
    }

    fn format(self, pattern: &str) -> String {
        Timestamp::from_microsecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH).strftime(pattern).to_string()
    }
}

/// One stored or computed value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Nothing: `false` in JSON for every type.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float of Odoo, kept as a decimal.
    Number(Decimal),
    /// A text or the key of a selection.
    Text(Arc<str>),
    /// A datetime.
    Stamp(Stamp),
    /// A many2one.
    Ref(Id),
    /// A one2many or many2many.
    Refs(Vec<Id>),
    /// A company-dependent number; a company without an entry sees 0.
    PerCompany(BTreeMap<Id, Decimal>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Arc::from(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Arc::from(text))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<Decimal> for Value {
    fn from(number: Decimal) -> Self {
        Self::Number(number)
    }
}

impl From<Id> for Value {
    fn from(id: Id) -> Self {
        Self::Ref(id)
    }
}

impl From<Option<Id>> for Value {
    fn from(id: Option<Id>) -> Self {
        id.map_or(Self::Null, Self::Ref)
    }
}

impl From<Stamp> for Value {
    fn from(stamp: Stamp) -> Self {
        Self::Stamp(stamp)
    }
}

/// A decimal as Python prints a float: `2.0`, `0.75`.
pub(crate) fn float(number: Decimal) -> Json {
    let mut text = number.round_dp(16).normalize().to_string();
    if !text.contains('.') {
        text.push_str(".0");
    }
    Number::from_str(&text).map_or(Json::Null, Json::Number)
}

/// Rounds to two digits, half away from zero: the precision `Product Unit of Measure` of a new database.
pub(crate) fn cents(number: Decimal) -> Decimal {
    number.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// Reads a JSON number or a numeric text without going through a float.
pub(crate) fn decimal(json: &Json) -> Option<Decimal> {
    let text = match json {
        Json::Number(number) => number.to_string(),
        Json::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    Decimal::from_str(&text).or_else(|_| Decimal::from_scientific(&text)).ok()
}

/// A value of Python as `repr` shows it, for the messages that quote one.
pub(crate) fn repr(json: &Json) -> String {
    match json {
        Json::Null => "None".to_owned(),
        Json::Bool(true) => "True".to_owned(),
        Json::Bool(false) => "False".to_owned(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => format!("'{text}'"),
        Json::Array(items) => format!("[{}]", items.iter().map(repr).collect::<Vec<_>>().join(", ")),
        Json::Object(map) => {
            let pairs: Vec<_> = map.iter().map(|(key, value)| format!("'{key}': {}", repr(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}

/// Whether Python would take the value as true.
pub(crate) fn truthy(json: &Json) -> bool {
    match json {
        Json::Null => false,
        Json::Bool(flag) => *flag,
        Json::Number(_) => decimal(json).is_some_and(|number| !number.is_zero()),
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Object(map) => !map.is_empty(),
    }
}
