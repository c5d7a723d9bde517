//! The tables of the simulated database: rows by id, an index over relations and a few texts, and an undo log.
//! It knows nothing of what the records mean; a failed call is rolled back from the log.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rust_decimal::Decimal;

use super::schema::Model;
use super::value::{Id, Stamp, Value};

/// The text fields that are looked up by value often enough to be indexed.
const INDEXED_TEXTS: [&str; 6] = ["name", "default_code", "barcode", "origin", "login", "company_registry"];

/// The stored values of one record; what is absent is null.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    values: BTreeMap<&'static str, Value>,
}

impl Row {
    /// The stored value, `Null` where there is none.
    pub(crate) fn get(&self, field: &str) -> &Value {
        self.values.get(field).unwrap_or(&Value::Null)
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
        self.values.iter().map(|(field, value)| (*field, value))
    }

    fn keys(&self) -> impl Iterator<Item = (&'static str, Key)> {
        self.values.iter().filter_map(|(field, value)| match value {
            Value::Ref(id) => Some((*field, Key::Ref(*id))),
            Value::Text(text) if INDEXED_TEXTS.contains(field) => Some((*field, Key::Text(Arc::clone(text)))),
            _ => None,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Ref(Id),
    Text(Arc<str>),
}

#[derive(Debug, Default)]
struct Table {
    rows: BTreeMap<Id, Arc<Row>>,
    last_id: i64,
    index: HashMap<(&'static str, Key), BTreeSet<Id>>,
}

impl Table {
    fn replace(&mut self, id: Id, new: Option<&Arc<Row>>) -> Option<Arc<Row>> {
        let old = match new {
            Some(row) => self.rows.insert(id, Arc::clone(row)),
            None => self.rows.remove(&id),
        };
        if let Some(old) = &old {
            for key in old.keys() {
                if let Some(ids) = self.index.get_mut(&key) {
                    ids.remove(&id);
                    if ids.is_empty() {
                        self.index.remove(&key);
                    }
                }
            }
        }
        for key in new.iter().flat_map(|row| row.keys()) {
            self.index.entry(key).or_default().insert(id);
        }
        old
    }
}

/// All tables, the number sequences, and what the running transaction has changed so far.
#[derive(Debug, Default)]
pub(crate) struct Store {
    tables: BTreeMap<Model, Table>,
    sequences: BTreeMap<String, i64>,
    undo: Vec<(Model, Id, Option<Arc<Row>>)>,
}

impl Store {
    /// The row, if it exists.
    pub(crate) fn row(&self, model: Model, id: Id) -> Option<Arc<Row>> {
        self.tables.get(&model)?.rows.get(&id).map(Arc::clone)
    }

    /// Every id of the model, ascending.
    pub(crate) fn ids(&self, model: Model) -> Vec<Id> {
        self.tables.get(&model).map(|table| table.rows.keys().copied().collect()).unwrap_or_default()
    }

    /// How many records the model has.
    pub(crate) fn count(&self, model: Model) -> usize {
        self.tables.get(&model).map_or(0, |table| table.rows.len())
    }

    /// The records whose many2one `field` points to `target`, ascending.
    pub(crate) fn referring(&self, model: Model, field: &'static str, target: Id) -> Vec<Id> {
        self.indexed(model, &(field, Key::Ref(target)))
    }

    /// The records with that text in an indexed field; `None` where the field has no index.
    pub(crate) fn with_text(&self, model: Model, field: &'static str, text: &str) -> Option<Vec<Id>> {
        INDEXED_TEXTS.contains(&field).then(|| self.indexed(model, &(field, Key::Text(Arc::from(text)))))
    }

    /// Adds a record under the next id of its table. Ids are never given twice, not even after a rollback.
    pub(crate) fn insert(&mut self, model: Model, row: Row) -> Id {
        let table = self.tables.entry(model).or_default();
        table.last_id += 1;
        let id = Id(table.last_id);
        self.put(model, id, Some(&Arc::new(row)));
        id
    }

    /// Lets the next id of the table be the one after `id`: a new database has gaps.
    pub(crate) fn skip_to(&mut self, model: Model, id: i64) {
        self.tables.entry(model).or_default().last_id = id;
    }

    /// Changes a record in place; does nothing where it does not exist.
    pub(crate) fn change(&mut self, model: Model, id: Id, change: impl FnOnce(&mut Row)) {
        if let Some(row) = self.row(model, id) {
            let mut row = Row::clone(&row);
            change(&mut row);
            self.put(model, id, Some(&Arc::new(row)));
        }
    }

    /// Removes a record.
    pub(crate) fn remove(&mut self, model: Model, id: Id) {
        self.put(model, id, None);
    }

    /// The next number of a sequence, starting at 1. As in PostgreSQL, a rollback does not give it back.
    pub(crate) fn next_number(&mut self, sequence: &str) -> i64 {
        let number = self.sequences.entry(sequence.to_owned()).or_insert(0);
        *number += 1;
        *number
    }

    /// Keeps what the transaction changed; true where it changed anything.
    pub(crate) fn commit(&mut self) -> bool {
        let changed = !self.undo.is_empty();
        self.undo.clear();
        changed
    }

    /// Puts back every record that the transaction changed.
    pub(crate) fn rollback(&mut self) {
        while let Some((model, id, old)) = self.undo.pop() {
            if let Some(table) = self.tables.get_mut(&model) {
                table.replace(id, old.as_ref());
            }
        }
    }

    fn put(&mut self, model: Model, id: Id, row: Option<&Arc<Row>>) {
        let old = self.tables.entry(model).or_default().replace(id, row);
        self.undo.push((model, id, old));
    }

    fn indexed(&self, model: Model, key: &(&'static str, Key)) -> Vec<Id> {
        let ids = self.tables.get(&model).and_then(|table| table.index.get(key));
        ids.map(|ids| ids.iter().copied().collect()).unwrap_or_default()
    }
}
