//! `kind: System`: an application that takes part, where it runs, and what it bears.

use std::time::Duration;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::name::{EnvironmentName, SiteName, SystemName, TeamName};
use crate::scalar::Percent;
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

    /// The files with authorities that it names.
    pub fn authorities(&self) -> impl Iterator<Item = &Spanned<String>> {
        self.environments.iter().filter_map(|environment| environment.tls.as_ref()?.authorities.as_ref())
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
    /// How it is known over TLS and what it is shown, where that is not as everywhere.
    pub tls: Option<SystemTls>,
}

/// How a system is known over TLS, and what it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct SystemTls {
    /// Where it is declared.
    pub place: Place,
    /// A file of the fabric with the authorities that may have signed its certificate; those of the machine where none is named.
    pub authorities: Option<Spanned<String>>,
    /// The name that its certificate bears, where not the one in its address.
    pub server_name: Option<Spanned<String>>,
    /// What a node proves itself by.
    pub client: Option<ClientProof>,
}

/// The certificate and the key that a node shows to a system: names of secrets, never the secrets. INVARIANT: SECRET-FREE
#[derive(Clone, Debug, PartialEq)]
pub struct ClientProof {
    /// The certificate, and after it those that lead to an authority.
    pub certificate: Spanned<SecretName>,
    /// Its key.
    pub key: Spanned<SecretName>,
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
    /// The secret that takes its place, used when the system does not accept the first any more.
    pub next_key: Option<Spanned<SecretName>>,
    /// The day on which the key ends, as its owner was told when it was made.
    pub expires: Option<Spanned<Date>>,
    /// What it may of what the system bears.
    pub limits: AccountLimits,
}

/// What one account may, below what its system bears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountLimits {
    /// Calls at a time, where limited.
    pub concurrency: Option<u32>,
    /// Calls a second, where limited.
    pub per_second: Option<u32>,
}

/// The name of a secret, as `odoo/read`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
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
    /// What passes to it from direct interfaces.
    pub direct: DirectLimits,
}

/// What passes from direct interfaces to a system, by each node.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DirectLimits {
    /// Requests at a time, where limited.
    pub concurrency: Option<u32>,
    /// How long one waits for its place; not at all where not said.
    pub wait: Option<Duration>,
    /// The part of the places that only tier-1 gets; tier-3 leaves as much again free.
    pub reserved: Option<Percent>,
    /// When it is left alone because it fails.
    pub breaker: Option<Breaker>,
    /// The part of the requests that may be sent a second time.
    pub retries: Option<Percent>,
}

/// When a system that fails is left alone, and how it is tried again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Breaker {
    /// When this part of the requests failed,
    pub failures: Percent,
    /// of at least so many,
    pub of: u32,
    /// within this time.
    pub within: Duration,
    /// How long it is left alone then.
    pub open: Duration,
    /// So many requests try at a time after that, and so many must succeed.
    pub probes: u32,
}

impl Default for SystemLimits {
    fn default() -> Self {
        Self {
            concurrency: 4,
            per_second: None,
            longest_transaction: Duration::from_secs(120),
            direct: DirectLimits::default(),
        }
    }
}

/// How many calls may be made of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// At a time.
    pub concurrency: u32,
    /// In a second, where limited.
    pub per_second: Option<u32>,
}

impl System {
    /// How many calls the system bears in an environment: what is declared, except that Odoo Online takes one at a time, and
    /// one a second where no other rate is declared.
    pub fn bounds(&self, environment: &SystemEnvironment) -> Bounds {
        let SystemLimits { concurrency, per_second, .. } = self.limits;
        let online =
            self.connector == Connector::Odoo && environment.url.as_ref().is_some_and(|url| is_odoo_online(&url.value));
        if online {
            Bounds { concurrency: 1, per_second: per_second.or(Some(1)) }
        } else {
            Bounds { concurrency: concurrency.max(1), per_second }
        }
    }
}

/// Whether a host is one of Odoo's own: `<name>.odoo.com`.
fn is_odoo_online(url: &str) -> bool {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = after_scheme.split(['/', ':', '?', '#']).next().unwrap_or_default();
    host.to_ascii_lowercase().strip_suffix(".odoo.com").is_some_and(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odoo_online_is_asked_once_a_second_and_one_at_a_time() {
        let place = Place::start("systems.yaml");
        let system = |connector, concurrency, per_second| System {
            place: place.clone(),
            name: "odoo".parse().unwrap(),
            connector,
            owner: Spanned::new("erp".parse().unwrap(), place.clone()),
            zone: Zone::Cloud,
            environments: Vec::new(),
            limits: SystemLimits { concurrency, per_second, ..SystemLimits::default() },
        };
        let at = |url: &str| SystemEnvironment {
            name: Spanned::new("prod".parse().unwrap(), place.clone()),
            url: Some(Spanned::new(url.to_owned(), place.clone())),
            database: None,
            dialect: None,
            accounts: Vec::new(),
            tls: None,
        };
        let bounds = |concurrency, per_second| Bounds { concurrency, per_second };
        for (url, declared, expected) in [
            ("https://velo.odoo.com", (4, None), bounds(1, Some(1))),
            ("https://Velo.Odoo.com:443/x", (4, Some(5)), bounds(1, Some(5))),
            ("https://odoo.com.velo.example", (4, None), bounds(4, None)),
            ("https://myodoo.com", (2, None), bounds(2, None)),
            ("https://erp.example.com/a.odoo.com", (4, Some(20)), bounds(4, Some(20))),
        ] {
            let (concurrency, per_second) = declared;
            assert_eq!(system(Connector::Odoo, concurrency, per_second).bounds(&at(url)), expected, "{url}");
        }
        let shop = system(Connector::Http, 4, None);
        assert_eq!(shop.bounds(&at("https://velo.odoo.com")), bounds(4, None));
    }
}
