//! The Odoo connector: one client for JSON-RPC, JSON-2 (from 19) and XML-RPC, with every answer classified by what it means
//! for the record. It never resends a call whose outcome is unknown, and never passes on a traceback or its secret.

mod account;
mod answer;
mod bill;
mod button;
mod call;
mod classify;
mod clock;
mod component;
mod config;
mod consume;
mod dialect;
mod execute;
mod failure;
mod fingerprint;
mod gather;
mod inventory;
mod json2;
mod jsonrpc;
mod keys;
mod list;
mod listing;
mod load;
mod maintenance;
mod many;
mod needs;
mod number;
mod order;
mod period;
mod record;
#[cfg(test)]
mod recorded;
mod rehearse;
mod relocation;
mod renamed;
mod report;
mod scrap;
mod server;
mod target;
mod time;
mod trade;
mod transfer;
mod update;
mod wire;
mod work;
mod xml;
mod xmlrpc;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use selvage_model::manifest::system::Bounds;
use tokio::sync::OnceCell;

pub use self::call::{Call, CallClass, Scope};
pub use self::config::{ConfigError, OdooConfig, OdooTls, Secret};
pub use self::consume::{Consumption, ConsumptionTarget};
pub use self::dialect::Dialect;
pub use self::failure::{Failure, NO_DATABASE, Refusal};
pub use self::fingerprint::{FieldSeen, Fingerprint, ModelSeen, Question, Questions};
pub use self::inventory::Counted;
use self::keys::Keys;

pub use self::keys::KeyState;
pub use self::list::{Cursor, CursorError, ListRequest, Page};
pub use self::listing::Listing;
pub use self::needs::{ModelNeeds, Right, VERBS, VerbNeeds, names, of_verb};
pub use self::number::{decimal, number};
pub use self::order::OrderState;
pub use self::rehearse::Rehearsed;
pub use self::relocation::{From as RelocatedFrom, Relocated, Relocation};
pub use self::renamed::{Renamed, other_name};
pub use self::report::ProductionReport;
pub use self::scrap::{ScrapOrder, Scrapped};
pub use self::server::{Company, Field, Fields, OdooVersion, Server};
pub use self::target::{Consumed, Made, ProductionTarget, Remainder, ScrapTarget};
pub use self::time::{from_odoo_time, to_odoo_time};
pub use self::trade::{Goods, Trade};
pub use self::transfer::{LineTotal, Moved, Position, Rest, TransferReport, TransferTarget};
pub use self::update::FieldTarget;
pub use self::work::WorkOrderState;

use crate::governor::{Governor, Priority};

/// A record's values, or a call's named arguments, as Odoo names them.
pub type Map = serde_json::Map<String, serde_json::Value>;

/// Whether a write may leave now.
pub type Sure = Arc<dyn Fn() -> bool + Send + Sync>;

/// A handle on one account of one Odoo database. Cheap to clone; all clones share connections, caches and the governor.
#[derive(Clone)]
pub struct Odoo {
    inner: Arc<Inner>,
    lang: Option<Arc<str>>,
    sure: Option<Sure>,
    priority: Priority,
}

struct Inner {
    config: OdooConfig,
    base: String,
    http: reqwest::Client,
    governor: Governor,
    gathering: gather::Gathering,
    clock: clock::Clock,
    server: OnceCell<Arc<Server>>,
    companies: OnceCell<Vec<Company>>,
    own: Mutex<account::Own>,
    keys: Arc<Keys>,
    fields: Mutex<BTreeMap<String, Arc<Fields>>>,
}

impl Odoo {
    /// Checks the configuration and builds the client, with a governor of its own. Nothing is sent.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that is wrong in the configuration.
    pub fn new(config: OdooConfig) -> Result<Self, ConfigError> {
        let concurrency = u32::try_from(config.concurrency).unwrap_or(u32::MAX);
        let governor = Governor::new(Bounds { concurrency, per_second: None });
        Self::governed(config, governor)
    }

    /// The same under a governor that others of the database share. It knows the account by its login.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that is wrong in the configuration.
    pub fn governed(config: OdooConfig, governor: Governor) -> Result<Self, ConfigError> {
        Self::build(config, governor, Arc::default())
    }

    /// A handle of the same configuration under the same governor that asks anew which server it is, with which companies and
    /// fields. Which key is accepted, and that none is, it knows already: a server that refused them is not asked the sooner.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn anew(&self) -> Result<Self, ConfigError> {
        let Inner { config, governor, keys, .. } = &*self.inner;
        Self::build(config.clone(), governor.clone(), Arc::clone(keys))
    }

    fn build(config: OdooConfig, governor: Governor, keys: Arc<Keys>) -> Result<Self, ConfigError> {
        let base = config.validate()?;
        let http = wire::client(&config)?;
        let inner = Inner {
            config,
            base,
            http,
            governor,
            gathering: gather::Gathering::default(),
            clock: clock::Clock::default(),
            server: OnceCell::new(),
            companies: OnceCell::new(),
            own: Mutex::new(None),
            keys,
            fields: Mutex::new(BTreeMap::new()),
        };
        Ok(Self { inner: Arc::new(inner), lang: None, sure: None, priority: Priority::Second })
    }

    /// The same handle, reading and writing texts in this language.
    #[must_use]
    pub fn in_language(&self, lang: &str) -> Self {
        Self { lang: Some(Arc::from(lang)), ..self.clone() }
    }

    /// The same handle for a caller that may lose the right to write: asked again right before each write leaves. What is
    /// withheld is `TryAgain`, as if it had been rolled back.
    #[must_use]
    pub fn while_sure(&self, sure: Sure) -> Self {
        Self { sure: Some(sure), ..self.clone() }
    }

    /// The same handle for calls of another urgency.
    #[must_use]
    pub fn with_priority(&self, priority: Priority) -> Self {
        Self { priority, ..self.clone() }
    }

    fn lang(&self) -> &str {
        self.lang.as_deref().unwrap_or(&self.inner.config.lang)
    }

    /// The second that it is for the server, as its last answer said; `None` where none did.
    pub fn present(&self) -> Option<i64> {
        self.inner.clock.present()
    }

    /// What this handle was built from.
    pub fn config(&self) -> &OdooConfig {
        &self.inner.config
    }
}

impl fmt::Debug for Odoo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Odoo").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_handle_speaks_the_language_that_it_was_given() {
        let odoo = Odoo::new(OdooConfig {
            system: "odoo".to_owned(),
            url: "http://127.0.0.1:9".to_owned(),
            database: Some("velo".to_owned()),
            dialect: None,
            login: "svc".to_owned(),
            secret: Secret::new("key-1"),
            next: None,
            lang: "en_US".to_owned(),
            timeout: Duration::from_secs(1),
            longest_transaction: Duration::from_secs(4),
            concurrency: 1,
            tls: OdooTls::default(),
        })
        .unwrap();
        let call = Call::read("product.product", "read", &Scope::company(1)).context("lang", "de_DE");
        for (handle, expected) in [(&odoo, "en_US"), (&odoo.in_language("fr_BE"), "fr_BE")] {
            let context = call.full_context(handle.lang());
            assert_eq!(
                (&context["lang"], &context["active_test"], &context["allowed_company_ids"]),
                (&expected.into(), &true.into(), &serde_json::json!([1]))
            );
        }
    }
}
