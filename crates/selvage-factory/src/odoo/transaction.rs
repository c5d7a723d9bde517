//! One call's view of the database: who asks, for which companies, since when, and short ways to read and change records.
//! It holds no rule of any model, and never commits.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

use super::OdooVersion;
use super::refusal::Refusal;
use super::schema::Model;
use super::store::{Row, Store};
use super::value::{Id, Stamp, Value};

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// An internal user of no application: reads what everybody may, changes nothing.
    Internal,
    /// Reads every model, changes none.
    Read,
    /// Reads and changes the records of its companies.
    Write,
    /// The same, and sees every company.
    Admin,
}

/// On whose behalf and in which surroundings a call runs.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    pub(crate) version: OdooVersion,
    pub(crate) user: Id,
    pub(crate) user_name: String,
    pub(crate) rights: Rights,
    /// The companies whose records are seen; the first is where records are made.
    pub(crate) companies: Vec<Id>,
    pub(crate) context: Map<String, Json>,
    /// When the transaction started: the `write_date` of all it writes.
    pub(crate) now: Stamp,
}

/// A running call.
pub(crate) struct Transaction<'a> {
    pub(crate) store: &'a mut Store,
    pub(crate) env: Environment,
}

impl Transaction<'_> {
    /// The row of an existing record; an empty one where it does not exist.
    pub(crate) fn row(&self, model: Model, id: Id) -> Arc<Row> {
        self.store.row(model, id).unwrap_or_default()
    }

    /// The number in a stored field.
    pub(crate) fn number(&self, model: Model, id: Id, field: &str) -> Decimal {
        self.store.row(model, id).map_or(Decimal::ZERO, |row| row.number(field))
    }

    /// The text in a stored field.
    pub(crate) fn text(&self, model: Model, id: Id, field: &str) -> String {
        self.store.row(model, id).map_or_else(String::new, |row| row.text(field).to_owned())
    }

    /// Whether a stored text is one of these.
    pub(crate) fn is(&self, model: Model, id: Id, field: &str, any: &[&str]) -> bool {
        self.store.row(model, id).is_some_and(|row| any.contains(&row.text(field)))
    }

    /// The record that a stored many2one points to.
    pub(crate) fn reference(&self, model: Model, id: Id, field: &str) -> Option<Id> {
        self.store.row(model, id)?.reference(field)
    }

    /// The boolean in a stored field.
    pub(crate) fn flag(&self, model: Model, id: Id, field: &str) -> bool {
        self.store.row(model, id).is_some_and(|row| row.flag(field))
    }

    /// The company where records are made.
    pub(crate) fn company(&self) -> Option<Id> {
        self.env.companies.first().copied()
    }

    /// Adds a record with its log fields.
    pub(crate) fn insert(&mut self, model: Model, values: impl IntoIterator<Item = (&'static str, Value)>) -> Id {
        let mut row = Row::default();
        for (field, value) in values {
            row.set(field, value);
        }
        for field in ["create_uid", "write_uid"] {
            row.set(field, self.env.user.into());
        }
        for field in ["create_date", "write_date"] {
            row.set(field, self.env.now.into());
        }
        self.store.insert(model, row)
    }

    /// Changes stored values and the log fields of a record.
    pub(crate) fn update(&mut self, model: Model, id: Id, values: impl IntoIterator<Item = (&'static str, Value)>) {
        let (user, now) = (self.env.user, self.env.now);
        self.store.change(model, id, |row| {
            for (field, value) in values {
                row.set(field, value);
            }
            row.set("write_uid", user.into());
            row.set("write_date", now.into());
        });
    }

    /// Sets one field where its value would change; otherwise leaves the record, its `write_date` included, alone.
    pub(crate) fn settle(&mut self, model: Model, id: Id, field: &'static str, value: Value) {
        if self.store.row(model, id).is_some_and(|row| *row.get(field) != value) {
            self.update(model, id, [(field, value)]);
        }
    }

    /// Whether the user's companies let it see the record. A record without a company belongs to all.
    pub(crate) fn visible(&self, model: Model, id: Id) -> bool {
        let company = match model {
            Model::Company => return self.env.rights == Rights::Admin || self.env.companies.contains(&id),
            Model::User => return true,
            _ => self.reference(model, id, "company_id"),
        };
        company.is_none_or(|company| self.env.companies.contains(&company))
    }

    /// Refuses ids that do not exist or belong to a foreign company.
    pub(crate) fn check(&self, model: Model, ids: &[Id], operation: &str) -> Result<(), Refusal> {
        for id in ids {
            if self.store.row(model, *id).is_none() {
                return Err(Refusal::missing(model.name(), *id, self.env.user));
            }
            if !self.visible(model, *id) {
                return Err(self.foreign(model, operation));
            }
        }
        Ok(())
    }

    /// What Odoo says of a record of another company. A product is written through its template, which is read first.
    pub(crate) fn foreign(&self, model: Model, operation: &str) -> Refusal {
        let through_template = model == Model::Product && operation != "read";
        let (operation, tail) = if through_template {
            ("read", "\n\nImplicitly accessed through 'Product Variant' (product.product).")
        } else {
            (operation, "")
        };
        Refusal::access(format!(
            "Uh-oh! Looks like you have stumbled upon some top-secret records.\n\nSorry, {} (id={}) doesn't have '{operation}' access \
             to:\n- {} ({})\n\nIf you really, really need access, perhaps you can win over your friendly administrator with a batch of \
             freshly baked cookies.{tail}",
            self.env.user_name,
            self.env.user,
            model.info().label,
            model.name(),
        ))
    }
}
