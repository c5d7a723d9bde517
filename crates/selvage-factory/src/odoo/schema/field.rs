//! One field of a model: its type, what is demanded of it, in which versions it exists, and its description in `fields_get`.
//! Data only: nothing here reads or changes a record.

use serde_json::{Map, Value as Json, json};

use super::Model;
use super::recorded::Recorded;
use crate::odoo::OdooVersion;

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int,
    /// A float; `true` where it is rounded to the precision of quantities.
    Float(bool),
    Char,
    Text,
    /// `2026-11-23`.
    Date,
    Datetime,
    Selection(&'static [(&'static str, &'static str)]),
    One(Model),
    /// The records of the model whose many2one of that name points here.
    Children(Model, &'static str),
    Many(Model),
    /// The id of a record whose model another field names.
    AnyId,
    /// A relation to a model that is not simulated, or properties: always empty; `true` where it is a list.
    Elsewhere(bool),
}

/// One field of a model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) kind: Kind,
    /// A record cannot be made without it. Odoo demands more fields than these and fills them itself.
    pub(crate) required: bool,
    pub(crate) readonly: bool,
    /// False where the value is computed when asked for.
    pub(crate) stored: bool,
    pub(crate) per_company: bool,
    /// Under which name the value is kept: a field that was renamed keeps its place.
    pub(crate) column: &'static str,
    /// Known from the recordings alone: it keeps what is written, and nothing follows from it.
    pub(crate) known_only: bool,
    since: OdooVersion,
    until: OdooVersion,
}

pub(super) const fn field(name: &'static str, label: &'static str, kind: Kind) -> Field {
    Field {
        name,
        label,
        kind,
        required: false,
        readonly: false,
        stored: true,
        per_company: false,
        column: name,
        known_only: false,
        since: OdooVersion::V16,
        until: OdooVersion::V19,
    }
}

impl Field {
    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) const fn readonly(mut self) -> Self {
        self.readonly = true;
        self
    }

    pub(super) const fn computed(mut self) -> Self {
        self.stored = false;
        self.readonly = true;
        self
    }

    pub(super) const fn per_company(mut self) -> Self {
        self.per_company = true;
        self
    }

    /// Keeps its value where another field has it.
    pub(super) const fn kept_as(mut self, column: &'static str) -> Self {
        self.column = column;
        self
    }

    pub(super) const fn since(mut self, version: OdooVersion) -> Self {
        self.since = version;
        self
    }

    pub(super) const fn until(mut self, version: OdooVersion) -> Self {
        self.until = version;
        self
    }

    /// A field of which only the recorded description is known.
    pub(super) fn known(name: &'static str, recorded: &Recorded, kind: Kind) -> Self {
        let stored = recorded.stored || !recorded.readonly;
        Self {
            stored,
            readonly: recorded.readonly,
            per_company: recorded.per_company && matches!(kind, Kind::Float(_)),
            known_only: true,
            ..field(name, name, kind)
        }
    }

    pub(super) fn in_version(&self, version: OdooVersion) -> bool {
        (self.since..=self.until).contains(&version)
    }

    /// Where a relation leads.
    pub(crate) fn relation(&self) -> Option<Model> {
        match self.kind {
            Kind::One(model) | Kind::Children(model, _) | Kind::Many(model) => Some(model),
            _ => None,
        }
    }

    /// The description that `fields_get` gives, as recorded where the field was recorded; absent attributes are left out, as
    /// Odoo does.
    pub(crate) fn describe(&self, recorded: Option<&Recorded>) -> Map<String, Json> {
        let mut all = Map::new();
        all.insert("name".to_owned(), json!(self.name));
        all.insert("string".to_owned(), json!(self.label));
        match recorded {
            Some(recorded) => all.extend(recorded.describe()),
            None => self.describe_own(&mut all),
        }
        // The recordings of 19 do not tell.
        all.entry("company_dependent").or_insert(json!(self.per_company));
        all
    }

    fn describe_own(&self, all: &mut Map<String, Json>) {
        let (kind, extra): (&str, Json) = match self.kind {
            Kind::Bool => ("boolean", json!({})),
            Kind::Int => ("integer", json!({})),
            Kind::Float(true) => ("float", json!({"digits": [16, 2]})),
            Kind::Float(false) => ("float", json!({})),
            Kind::Char => ("char", json!({"translate": false})),
            Kind::Text => ("text", json!({"translate": false})),
            Kind::Date => ("date", json!({})),
            Kind::Datetime => ("datetime", json!({})),
            Kind::Selection(pairs) => ("selection", json!({"selection": pairs})),
            Kind::One(model) => ("many2one", json!({"relation": model.name()})),
            Kind::Many(model) => ("many2many", json!({"relation": model.name()})),
            Kind::Children(model, inverse) => {
                ("one2many", json!({"relation": model.name(), "relation_field": inverse}))
            }
            Kind::AnyId => ("many2one_reference", json!({})),
            Kind::Elsewhere(_) => ("json", json!({})),
        };
        all.insert("type".to_owned(), json!(kind));
        all.insert("required".to_owned(), json!(self.required));
        all.insert("readonly".to_owned(), json!(self.readonly));
        all.insert("store".to_owned(), json!(self.stored));
        if let Json::Object(extra) = extra {
            all.extend(extra);
        }
    }
}
