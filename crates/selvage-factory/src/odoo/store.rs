//! The tables of the simulated database: rows by id, an index over relations and a few texts, and an undo log.
//! It knows nothing of what the records mean; a failed call is rolled back from the log.

mod bulk;
mod row;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::schema::Model;
use super::value::{Id, Stamp};

pub(crate) use bulk::{Bulk, Numbered};
pub(crate) use row::Row;
pub(crate) use table::Span;

use row::{INDEXED_TEXTS, Key};
use table::Table;

/// All tables, the number sequences, and what the running transaction has changed so far.
#[derive(Debug, Default)]
pub(crate) struct Store {
    tables: BTreeMap<Model, Table>,
    sequences: BTreeMap<String, i64>,
    undo: Vec<Change>,
}

/// One step of a transaction: a record with what it was before.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) model: Model,
    pub(crate) id: Id,
    /// Nothing where the record was made.
    pub(crate) old: Option<Arc<Row>>,
}

impl Store {
    /// The row, if it exists.
    pub(crate) fn row(&self, model: Model, id: Id) -> Option<Arc<Row>> {
        self.tables.get(&model)?.row(id)
    }

    /// Every id of the model, ascending.
    pub(crate) fn ids(&self, model: Model) -> Vec<Id> {
        self.tables.get(&model).map(|table| table.ids(Span::WHOLE, false).collect()).unwrap_or_default()
    }

    /// How many records the model has.
    pub(crate) fn count(&self, model: Model) -> usize {
        self.tables.get(&model).map_or(0, Table::count)
    }

    /// The records in the order of their ids, from and to the bounds.
    pub(crate) fn by_id(&self, model: Model, span: Span<Id>, backwards: bool) -> Box<dyn Iterator<Item = Id> + '_> {
        match self.tables.get(&model) {
            Some(table) => table.ids(span, backwards),
            None => Box::new(std::iter::empty()),
        }
    }

    /// The records in the order of their write dates and ids, from and to the bounds.
    pub(crate) fn by_date(
        &self,
        model: Model,
        span: Span<Stamp>,
        backwards: bool,
    ) -> Box<dyn Iterator<Item = Id> + '_> {
        match self.tables.get(&model) {
            Some(table) => table.dated(span, backwards),
            None => Box::new(std::iter::empty()),
        }
    }

    /// The records whose many2one `field` points to `target`, ascending.
    pub(crate) fn referring(&self, model: Model, field: &'static str, target: Id) -> Vec<Id> {
        self.indexed(model, &(field, Key::Ref(target)))
    }

    /// About how many those are, without listing them.
    pub(crate) fn count_referring(&self, model: Model, field: &'static str, target: Id) -> usize {
        self.tables.get(&model).map_or(0, |table| table.count_key(&(field, Key::Ref(target))))
    }

    /// The records with that text in an indexed field; `None` where the field has no index.
    pub(crate) fn with_text(&self, model: Model, field: &'static str, text: &str) -> Option<Vec<Id>> {
        INDEXED_TEXTS.contains(&field).then(|| self.indexed(model, &(field, Key::Text(Arc::from(text)))))
    }

    /// Adds a record under the next id of its table. Ids are never given twice, not even after a rollback.
    pub(crate) fn insert(&mut self, model: Model, row: Row) -> Id {
        let id = self.tables.entry(model).or_default().next_id();
        self.put(model, id, Some(&Arc::new(row)));
        id
    }

    /// Lets the next id of the table be the one after `id`: a new database has gaps.
    pub(crate) fn skip_to(&mut self, model: Model, id: i64) {
        self.tables.entry(model).or_default().last_id = id;
    }

    /// The id that the next record of the table gets.
    pub(crate) fn next_id(&self, model: Model) -> i64 {
        self.tables.get(&model).map_or(1, |table| table.last_id + 1)
    }

    /// Adds many records at once that are computed when they are asked for, under the next ids. Once for each table, and
    /// not taken back by a rollback.
    pub(crate) fn add_bulk(&mut self, model: Model, bulk: Bulk) {
        self.tables.entry(model).or_default().add_bulk(bulk);
    }

    /// Changes a record in place; does nothing where it does not exist.
    pub(crate) fn change(&mut self, model: Model, id: Id, change: impl FnOnce(&mut Row)) {
        if let Some(row) = self.row(model, id) {
            let mut row = row.own();
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

    /// What the transaction has changed so far, step by step.
    pub(crate) fn changes(&self) -> &[Change] {
        &self.undo
    }

    /// Keeps what the transaction changed; true where it changed anything.
    pub(crate) fn commit(&mut self) -> bool {
        let changed = !self.undo.is_empty();
        self.undo.clear();
        changed
    }

    /// Puts back every record that the transaction changed.
    pub(crate) fn rollback(&mut self) {
        while let Some(Change { model, id, old }) = self.undo.pop() {
            if let Some(table) = self.tables.get_mut(&model) {
                table.replace(id, old.as_ref());
            }
        }
    }

    fn put(&mut self, model: Model, id: Id, row: Option<&Arc<Row>>) {
        let old = self.tables.entry(model).or_default().replace(id, row);
        self.undo.push(Change { model, id, old });
    }

    fn indexed(&self, model: Model, key: &(&'static str, Key)) -> Vec<Id> {
        self.tables.get(&model).map(|table| table.with_key(key)).unwrap_or_default()
    }
}
