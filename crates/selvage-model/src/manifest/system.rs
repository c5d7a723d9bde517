//! `kind: System`: an application that takes part, where it runs, and what it bears.

use std::time::Duration;

use crate::name::{EnvironmentName, SiteName, SystemName, TeamName};
use crate::source::{Place, Spanned};

/// An application that takes part.
#[derive(Clone, Debug, PartialEq)]
pub struct System {
    /// Where it is declared.
    pub place: Place,
    /// Its name.
    pub name: SystemName,
    /// What it is spoken to with.
    pub connector: Connector,
    /// The team that runs it.
    pub owner: Spanned<TeamName>,
    /// Where it stands.
    pub zone: Zone,
    /// How it is reached in each environment.
    pub environments: Vec<SystemEnvironment>,
    /// What it bears.
    pub limits: SystemLimits,
}

impl System {
    /// How it is reached in this environment.
    pub fn environment(&self, name: &EnvironmentName) -> Option<&SystemEnvironment> {
        self.environments.iter().find(|environment| &environment.name.value == name)
    }
}

/// What a system is spoken to with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connector {
    /// An Odoo server.
    Odoo,
    /// Plain HTTP.
    Http,
    /// An MQTT broker.
    Mqtt,
    /// Folders of files.
    File,
}

/// Where a system stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Zone {
    /// Anywhere that every site reaches.
    Cloud,
    /// In a plant's own network.
    Site(Spanned<SiteName>),
}

/// How a system is reached in one environment.
#[derive(Clone, Debug, PartialEq)]
pub struct SystemEnvironment {
    /// Which environment.
    pub name: Spanned<EnvironmentName>,
    /// Its base address, `http` or `https`, without a trailing slash; none for systems that only call in.
    pub url: Option<Spanned<String>>,
    /// Its database, where it has several.
    pub database: Option<String>,
    /// How an Odoo is spoken to; asked of it where not given.
    pub dialect: Option<Dialect>,
    /// Technical accounts by name; `default` serves where an interface names none.
    pub accounts: Vec<Account>,
}

/// How an Odoo is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// JSON-RPC, until 21.
    JsonRpc,
    /// JSON-2, from 19.
    Json2,
    /// XML-RPC, as long as JSON-RPC.
    XmlRpc,
}

/// A technical account.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Its name in manifests.
    pub name: Spanned<String>,
    /// Who it is in the system.
    pub login: String,
    /// The secret to prove it: a name in the secret store, never the secret. INVARIANT: SECRET-FREE
    pub api_key: Spanned<SecretName>,
}

/// The name of a secret, as `odoo/read`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretName(pub String);

/// What a system bears.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SystemLimits {
    /// Calls at a time.
    pub concurrency: u32,
    /// Calls a second, where limited.
    pub per_second: Option<u32>,
    /// How long its longest transaction may run: nothing is resent before it has passed.
    pub longest_transaction: Duration,
}

impl Default for SystemLimits {
    fn default() -> Self {
        Self { concurrency: 4, per_second: None, longest_transaction: Duration::from_secs(120) }
    }
}
