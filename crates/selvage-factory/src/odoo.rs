//! A simulated Odoo: JSON-RPC and XML-RPC, from version 19 on JSON-2 as well, on a database in memory that behaves as recorded.
//! Models, states, quantities and errors are simulated; access groups, mail, accounting and the web client are not.

mod access;
mod automation;
mod backorder;
mod call;
mod closing;
mod compute;
mod control;
mod copying;
mod database;
mod domain;
mod execute;
mod external;
mod fault;
mod group;
mod grouping;
mod hidden;
mod input;
mod invoice;
mod journal;
mod json2;
mod jsonrpc;
mod maintenance;
mod movement;
mod partner;
mod picking;
mod product;
mod production;
mod quant;
mod record;
mod refusal;
mod reservation;
mod schema;
mod scrap;
mod search;
mod seed;
mod serve;
mod service;
mod sixteen;
mod store;
mod trade;
mod transaction;
mod validation;
mod value;
mod webhook;
mod workorder;
mod xml;
mod xmlrpc;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use jiff::SignedDuration;
use serde_json::{Map, Value as Json, json};

pub use automation::Automation;
pub use fault::{CommitAt, Fault, FaultId, FaultKind};
pub use hidden::Hidden;
pub use journal::JournalEntry;
pub use transaction::Rights;

use database::Database;
use schema::Model;

/// Which Odoo is simulated. They differ in dialects, field names, states and messages.
///
/// 18 and 19 behave as recorded. 16 and 17 are 18 with the field names of their time; nothing of them is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OdooVersion {
    /// Odoo 16: `quantity_done` on moves, `date_planned_start` on orders.
    V16,
    /// Odoo 17.
    V17,
    /// Odoo 18: JSON-RPC and XML-RPC.
    #[default]
    V18,
    /// Odoo 19: the same and JSON-2.
    V19,
}

impl OdooVersion {
    /// The number of the series: `18.0`.
    pub fn series(self) -> &'static str {
        match self {
            Self::V16 => "16.0",
            Self::V17 => "17.0",
            Self::V18 => "18.0",
            Self::V19 => "19.0",
        }
    }

    /// The number before the point.
    pub fn major(self) -> u32 {
        match self {
            Self::V16 => 16,
            Self::V17 => 17,
            Self::V18 => 18,
            Self::V19 => 19,
        }
    }
}

/// A user of the simulated Odoo.
#[derive(Clone, Debug)]
pub struct Account {
    /// The login name.
    pub login: String,
    /// Password and API key at once; no other secret opens the account.
    pub key: String,
    /// What it may do.
    pub rights: Rights,
}

/// What the database holds at the start.
#[derive(Clone, Debug)]
pub enum Seed {
    /// One company with a warehouse, units and users; no products.
    Empty,
    /// The two plants of Velo Works with products, stock and orders.
    VeloWorks {
        /// How many products to add beside the four that are made and used.
        extra_products: u32,
    },
}

/// How to start the simulated Odoo.
#[derive(Clone, Debug)]
pub struct OdooConfig {
    /// Which Odoo.
    pub version: OdooVersion,
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The name of the only database.
    pub database: String,
    /// Who may log in.
    pub accounts: Vec<Account>,
    /// The data at the start.
    pub seed: Seed,
    /// How many plants Velo Works has, each a company with a warehouse of its own; at least one.
    pub plants: u32,
    /// How long a call may last; a longer one is ended without an answer, and what it had not committed is not done.
    pub longest_transaction: Option<Duration>,
    /// By how much its clock is before the machine's; below zero where it is behind.
    pub clock: SignedDuration,
}

impl Default for OdooConfig {
    fn default() -> Self {
        let account = |login: &str, key: &str, rights| Account { login: login.to_owned(), key: key.to_owned(), rights };
        Self {
            version: OdooVersion::V18,
            port: 0,
            database: "velo".to_owned(),
            accounts: vec![
                account("admin", "admin", Rights::Admin),
                account("svc-read", crate::READ_KEY, Rights::Read),
                account("svc-mrp", crate::PRODUCTION_KEY, Rights::Write),
            ],
            seed: Seed::VeloWorks { extra_products: 0 },
            plants: 2,
            longest_transaction: None,
            clock: SignedDuration::ZERO,
        }
    }
}

/// The simulated Odoo from inside the process: faults, journal and records. Clones share one database.
#[derive(Clone, Debug)]
pub struct OdooHandle {
    database: Arc<Database>,
}

impl OdooHandle {
    pub(crate) fn open(config: &OdooConfig) -> Result<Self, String> {
        Ok(Self { database: Arc::new(Database::open(config)?) })
    }

    pub(crate) fn router(&self) -> Router {
        serve::router(Arc::clone(&self.database))
    }

    /// Makes calls that fit go wrong from now on.
    pub fn inject(&self, fault: Fault) -> FaultId {
        self.database.faults().inject(fault)
    }

    /// From now on a call that lasts longer is ended without an answer; `None` lets all of them last.
    pub fn end_calls_after(&self, longest: Option<Duration>) {
        self.database.set_longest(longest);
    }

    /// From now on Odoo's clock is so much before the machine's, or behind it.
    pub fn set_clock(&self, ahead: SignedDuration) {
        self.database.set_clock(ahead);
    }

    /// Ends every fault.
    pub fn clear_faults(&self) {
        self.database.faults().clear();
    }

    /// The faults that are in force, each with how often it struck.
    pub fn faults(&self) -> Vec<(FaultId, Fault, u64)> {
        self.database.faults().list()
    }

    /// Tells a webhook of every record of a model that is made or changed, from now on; the id of the server action.
    ///
    /// # Errors
    /// A model or a field that does not exist.
    pub fn automate(&self, automation: &Automation) -> Result<i64, String> {
        self.database.automate(automation)
    }

    /// Gives an account another key, as when the one before has ended: that opens nothing any more.
    pub fn change_key(&self, login: &str, key: &str) {
        self.database.change_key(login, key);
    }

    /// Hides a model, a field or a right from now on.
    pub fn hide(&self, hidden: Hidden) {
        self.database.hidden().push(hidden);
    }

    /// Shows again what was hidden.
    pub fn show_all(&self) {
        self.database.hidden().clear();
    }

    /// The calls that changed something or were asked to, in the order in which they were committed.
    pub fn journal(&self) -> Vec<JournalEntry> {
        self.database.journal().entries()
    }

    /// Every record of a model with its stored values, `write_date` to the microsecond; empty for an unknown model.
    pub fn records(&self, model: &str) -> Vec<Json> {
        Model::parse(model).map(|model| self.database.raw(model)).unwrap_or_default()
    }

    /// The manufacturing orders with that source document, oldest first.
    pub fn orders_with_origin(&self, origin: &str) -> Vec<Json> {
        let mut orders = self.records("mrp.production");
        orders.retain(|order| order.get("origin").and_then(Json::as_str) == Some(origin));
        orders
    }

    /// Runs a method as the first administrator, without the network and without faults; the journal has it.
    ///
    /// # Errors
    /// The name and message of the exception that Odoo would raise.
    pub fn call(&self, model: &str, method: &str, args: &[Json], kwargs: &Map<String, Json>) -> Result<Json, String> {
        self.database.call_as_admin(model, method, args, kwargs)
    }

    /// Counts: `{"version", "records": {model: n}, "calls": n, "committed": n, "faults": n}`.
    pub fn state(&self) -> Json {
        json!(self.database.state())
    }
}
