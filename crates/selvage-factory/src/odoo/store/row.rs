//! The stored values of one record, and by which of them it is found.
//! It knows nothing of what the fields mean.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::odoo::value::{Id, Stamp, Value};

/// The text fields that are looked up by value often enough to be indexed.
pub(super) const INDEXED_TEXTS: [&str; 6] = ["name", "default_code", "barcode", "origin", "login", "company_registry"];

/// The stored values of one record; what is absent is null.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    values: BTreeMap<&'static str, Value>,
    /// What the record has in common with many others; its own values come first.
    common: Option<Arc<Row>>,
}

impl Row {
    /// The stored value, `Null` where there is none.
    pub(crate) fn get(&self, field: &str) -> &Value {
        match (self.values.get(field), &self.common) {
            (Some(value), _) => value,
            (None, Some(common)) => common.get(field),
            (None, None) => &Value::Null,
        }
    }

    /// A record that has everything of `common` but what is set afterwards.
    pub(super) fn over(common: &Arc<Self>) -> Self {
        Self { values: BTreeMap::new(), common: Some(Arc::clone(common)) }
    }

    /// The same record with all values of its own, so that it can be changed.
    pub(super) fn own(&self) -> Self {
        let mut values = self.common.as_ref().map(|common| common.values.clone()).unwrap_or_default();
        values.extend(self.values.iter().map(|(field, value)| (*field, value.clone())));
        Self { values, common: None }
    }

    /// The number in the field, 0 where there is none.
    pub(crate) fn number(&self, field: &str) -> Decimal {
        match self.get(field) {
            Value::Number(number) => *number,
            Value::Int(number) => Decimal::from(*number),
            _ => Decimal::ZERO,
        }
    }

    /// The integer in the field, 0 where there is none.
    pub(crate) fn int(&self, field: &str) -> i64 {
        match self.get(field) {
            Value::Int(number) => *number,
            _ => 0,
        }
    }

    /// The text in the field, empty where there is none.
    pub(crate) fn text(&self, field: &str) -> &str {
        match self.get(field) {
            Value::Text(text) => text,
            _ => "",
        }
    }

    /// The record that the field points to.
    pub(crate) fn reference(&self, field: &str) -> Option<Id> {
        match self.get(field) {
            Value::Ref(id) => Some(*id),
            _ => None,
        }
    }

    /// The records of a many2many.
    pub(crate) fn references(&self, field: &str) -> &[Id] {
        match self.get(field) {
            Value::Refs(ids) => ids,
            _ => &[],
        }
    }

    /// The boolean in the field, false where there is none.
    pub(crate) fn flag(&self, field: &str) -> bool {
        matches!(self.get(field), Value::Bool(true))
    }

    /// The moment in the field.
    pub(crate) fn stamp(&self, field: &str) -> Option<Stamp> {
        match self.get(field) {
            Value::Stamp(stamp) => Some(*stamp),
            _ => None,
        }
    }

    /// Sets a value; null removes it.
    pub(crate) fn set(&mut self, field: &'static str, value: Value) {
        if value == Value::Null {
            self.values.remove(field);
        } else {
            self.values.insert(field, value);
        }
    }

    /// The stored fields and their values.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        let shared = self.common.iter().flat_map(|common| common.values.iter());
        let shared = shared.filter(|(field, _)| !self.values.contains_key(*field));
        self.values.iter().chain(shared).map(|(field, value)| (*field, value))
    }

    /// What the record is found by.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&'static str, Key)> {
        self.values().filter_map(|(field, value)| match value {
            Value::Ref(id) => Some((field, Key::Ref(*id))),
            Value::Text(text) if INDEXED_TEXTS.contains(&field) => Some((field, Key::Text(Arc::clone(text)))),
            _ => None,
        })
    }
}

/// A value that records are found by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Ref(Id),
    Text(Arc<str>),
}
