//! One call of one method, before it is put into a dialect, and the context that every call carries.
//! It never carries the one context flag that finishes an order whose components never left stock.

use serde_json::{Value, json};

use super::Map;
use super::failure::{Failure, Refusal};

/// What a lost answer means: a read may be asked again, a write must be looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallClass {
    /// Changes nothing.
    Read,
    /// May change something.
    Write,
}

/// In which companies a call sees and makes records, and whether it sees archived ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Ids of the companies, the first being the one in which records are made. Empty: all of the account's own.
    pub companies: Vec<i64>,
    /// Hide archived records.
    pub active_test: bool,
}

impl Scope {
    /// One company, without archived records.
    pub fn company(id: i64) -> Self {
        Self { companies: vec![id], active_test: true }
    }

    /// The same companies, archived records included.
    pub fn with_archived(&self) -> Self {
        Self { companies: self.companies.clone(), active_test: false }
    }
}

impl Default for Scope {
    /// All companies of the account, without archived records.
    fn default() -> Self {
        Self { companies: Vec::new(), active_test: true }
    }
}

/// One call: a method of a model, on records, with named arguments.
#[derive(Clone, Debug)]
pub struct Call {
    /// As `mrp.production`.
    pub model: String,
    /// As `action_confirm`.
    pub method: String,
    /// The records it is for; empty for methods of the model itself.
    pub ids: Vec<i64>,
    /// Named arguments, as JSON-2 takes them (`vals`, `vals_list`, `domain`, `fields`, …).
    pub args: Map,
    /// Context beside language, companies and archive.
    pub context: Map,
    /// In which companies.
    pub scope: Scope,
    /// What a lost answer means.
    pub class: CallClass,
}

impl Call {
    /// A call that changes nothing.
    pub fn read(model: &str, method: &str, scope: &Scope) -> Self {
        Self::of(model, method, scope, CallClass::Read)
    }

    /// A call that may change something.
    pub fn write(model: &str, method: &str, scope: &Scope) -> Self {
        Self::of(model, method, scope, CallClass::Write)
    }

    fn of(model: &str, method: &str, scope: &Scope, class: CallClass) -> Self {
        Self {
            model: model.to_owned(),
            method: method.to_owned(),
            ids: Vec::new(),
            args: Map::new(),
            context: Map::new(),
            scope: scope.clone(),
            class,
        }
    }

    /// On these records.
    #[must_use]
    pub fn on(mut self, ids: &[i64]) -> Self {
        self.ids = ids.to_vec();
        self
    }

    /// With this argument.
    #[must_use]
    pub fn arg(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.args.insert(name.to_owned(), value.into());
        self
    }

    /// With this in the context.
    #[must_use]
    pub fn context(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.context.insert(name.to_owned(), value.into());
        self
    }

    /// Refuses what no caller may send.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let named = [("model", &self.model), ("method", &self.method)];
        for (what, name) in named {
            let wellformed = !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
                && !name.contains("..");
            if !wellformed {
                return Err(Failure::refused(Refusal::Unsendable, format!("`{name}` is not the name of a {what}")));
            }
        }
        // INVARIANT: ONE-EFFECT — the wrong way of reporting production cannot be reached: skipping this warning finishes an
        // order with its components cancelled, so the product is in stock and what it was made of never left it.
        if self.context.contains_key("skip_consumption") {
            let message = "`skip_consumption` finishes an order without consuming its components, so it is never sent";
            return Err(Failure::refused(Refusal::Unsendable, message));
        }
        Ok(())
    }

    /// The whole context: the call's own, then language, archive and companies, which always win.
    pub(super) fn full_context(&self, lang: &str) -> Value {
        let mut context = self.context.clone();
        context.insert("lang".to_owned(), json!(lang));
        context.insert("active_test".to_owned(), json!(self.scope.active_test));
        // Where the account's own are not known either: an empty list means the same as none to Odoo.
        if !self.scope.companies.is_empty() {
            context.insert("allowed_company_ids".to_owned(), json!(self.scope.companies));
        }
        Value::Object(context)
    }
}
