//! A connection to one system through one of its accounts: the handle, what it was built from, how the system is, and
//! small memories of look-ups. It decides nothing about writes.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use selvage_connect::governor::{Database, Governors, Priority};
use selvage_connect::odoo::{Company, Dialect, Failure, KeyState, Odoo, OdooConfig, OdooTls, Scope, Secret};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::system::{
    self as manifest, Account, AccountLimits, Bounds, SecretName, System, SystemEnvironment, SystemTls,
};
use selvage_model::name::{ObjectName, SystemName};
use selvage_model::overview::Health;
use selvage_model::source::Spanned;

use crate::cache::Cache;
use crate::checking::Checking;

const EXTERNAL_IDS_FOR: Duration = Duration::from_secs(600);
const KEYS_FOR: Duration = Duration::from_secs(30);
/// Labels and messages of Odoo in the one language that every Odoo has.
const LANGUAGE: &str = "en_US";

/// What a connection is built from; one that is equal is kept when another fabric becomes active.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) system: SystemName,
    url: String,
    database: Option<String>,
    dialect: Option<Dialect>,
    login: String,
    secret: Secret,
    next: Option<Secret>,
    bounds: Bounds,
    limits: AccountLimits,
    longest_transaction: Duration,
    tls: OdooTls,
}

impl Settings {
    /// The settings of this account, or what is missing for them.
    pub(crate) fn of(
        fabric: &Fabric,
        system: &System,
        environment: &SystemEnvironment,
        account: &Account,
        secrets: &BTreeMap<SecretName, String>,
    ) -> Result<Self, Finding> {
        let Some(url) = &environment.url else {
            let message = format!("system `{}` has no `url` in environment `{}`", system.name, environment.name);
            let fix = "give it a `url`, or serve the object from another system";
            return Err(Finding::error(code::SYSTEM_ABSENT, &environment.name.place, message).fix(fix));
        };
        let text = found(secrets, &account.api_key, || format!("of account `{}`", account.name))?;
        Ok(Self {
            system: system.name.clone(),
            url: url.value.clone(),
            database: environment.database.clone(),
            dialect: environment.dialect.map(spoken),
            login: account.login.clone(),
            secret: Secret::new(text),
            // It may be named before it is there: then nothing takes the place of the first.
            next: account.next_key.as_ref().and_then(|next| secrets.get(&next.value)).cloned().map(Secret::new),
            bounds: system.bounds(environment),
            limits: account.limits,
            longest_transaction: system.limits.longest_transaction,
            tls: environment.tls.as_ref().map(|tls| known_by(fabric, tls, secrets)).transpose()?.unwrap_or_default(),
        })
    }

    fn config(&self) -> OdooConfig {
        OdooConfig {
            system: self.system.to_string(),
            url: self.url.clone(),
            database: self.database.clone(),
            dialect: self.dialect,
            login: self.login.clone(),
            secret: self.secret.clone(),
            next: self.next.clone(),
            lang: LANGUAGE.to_owned(),
            // Giving up well before the server's longest transaction leaves time to look afterwards.
            timeout: (self.longest_transaction / 4).clamp(Duration::from_millis(250), Duration::from_secs(30)),
            longest_transaction: self.longest_transaction,
            concurrency: usize::try_from(self.bounds.concurrency).unwrap_or(1).max(1),
            tls: self.tls.clone(),
        }
    }

    fn database(&self) -> Database {
        Database { system: self.system.clone(), url: self.url.clone(), name: self.database.clone() }
    }
}

/// How a system is known over TLS, and what it is shown.
fn known_by(fabric: &Fabric, declared: &SystemTls, secrets: &BTreeMap<SecretName, String>) -> Result<OdooTls, Finding> {
    let authorities = declared.authorities.as_ref();
    // A file that is not there was told when the fabric was read: nobody is trusted then.
    let authorities = authorities.map(|path| fabric.files.get(&path.value).cloned().unwrap_or_else(|| Arc::from("")));
    let proof = declared.client.as_ref().map(|client| {
        let of_system = || "that is shown to the system".to_owned();
        let certificate = found(secrets, &client.certificate, of_system)?;
        let key = found(secrets, &client.key, of_system)?;
        // In a file of `name=value` lines the ends of a PEM's lines are written `\n`.
        Ok(Secret::new(format!("{certificate}\n{key}\n").replace("\\n", "\n")))
    });
    Ok(OdooTls { authorities, proof: proof.transpose()? })
}

/// A secret, or that it is not there.
fn found(
    secrets: &BTreeMap<SecretName, String>,
    name: &Spanned<SecretName>,
    whose: impl Fn() -> String,
) -> Result<String, Finding> {
    secrets.get(&name.value).cloned().ok_or_else(|| {
        let message = format!("the secret `{}` {} is not there", name.value.0, whose());
        let fix = format!("put `{}` into the file that --secrets names", name.value.0);
        Finding::error(code::SECRET_ABSENT, &name.place, message).fix(fix)
    })
}

fn spoken(declared: manifest::Dialect) -> Dialect {
    match declared {
        manifest::Dialect::JsonRpc => Dialect::JsonRpc,
        manifest::Dialect::Json2 => Dialect::Json2,
        manifest::Dialect::XmlRpc => Dialect::XmlRpc,
    }
}

/// A connection.
pub(crate) struct Connection {
    pub(crate) settings: Settings,
    odoo: Mutex<Odoo>,
    health: Mutex<Health>,
    /// When it is compared with what is needed of it, and what was found.
    pub(crate) checking: Checking,
    pub(crate) external_ids: Cache<(String, i64), String>,
    pub(crate) keys: Cache<(ObjectName, i64), String>,
}

impl Connection {
    /// Builds the handle under the governor of its database; nothing is sent.
    pub(crate) fn build(settings: Settings, governors: &Governors) -> Result<Self, String> {
        let governor = governors.of(&settings.database(), settings.bounds);
        governor.declare_account(&settings.login, settings.limits);
        let odoo = Odoo::governed(settings.config(), governor).map_err(|error| error.to_string())?;
        Ok(Self {
            settings,
            odoo: Mutex::new(odoo),
            health: Mutex::new(Health::Unknown),
            checking: Checking::new(),
            external_ids: Cache::new(EXTERNAL_IDS_FOR),
            keys: Cache::new(KEYS_FOR),
        })
    }

    /// A new handle, which asks anew which server it is, with which companies and fields.
    pub(crate) fn renew(&self) {
        let anew = self.odoo().anew();
        if let Ok(odoo) = anew {
            *lock(&self.odoo) = odoo;
        }
    }

    /// A new handle and no memories: another server answers, or another database.
    pub(crate) fn forget(&self) {
        self.renew();
        self.external_ids.clear();
        self.keys.clear();
    }

    /// The account's login.
    pub(crate) fn login(&self) -> &str {
        &self.settings.login
    }

    /// The system's name.
    pub(crate) fn system(&self) -> &SystemName {
        &self.settings.system
    }

    /// How long its longest transaction may run.
    pub(crate) fn longest_transaction(&self) -> Duration {
        self.settings.longest_transaction
    }

    /// The handle.
    pub(crate) fn odoo(&self) -> Odoo {
        lock(&self.odoo).clone()
    }

    /// How the system was when it was last spoken to.
    pub(crate) fn health(&self) -> Health {
        lock(&self.health).clone()
    }

    /// Makes a call and remembers what it says about the system.
    pub(crate) async fn ask<T>(&self, call: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let outcome = call.await;
        self.note(outcome.as_ref().err());
        outcome
    }

    /// The major version of the system.
    pub(crate) async fn major(&self) -> Result<u32, Failure> {
        let odoo = self.odoo();
        let server = self.ask(odoo.server()).await?;
        let mut health = lock(&self.health);
        if !matches!(*health, Health::Down(_)) {
            *health = Health::Up(format!("Odoo {}{}", server.version.text, self.about_key(&odoo)));
        }
        Ok(server.version.major)
    }

    /// What an operator should know of the account's keys.
    fn about_key(&self, odoo: &Odoo) -> String {
        match odoo.key_state() {
            KeyState::First | KeyState::None => String::new(),
            KeyState::Next => {
                let login = &self.settings.login;
                format!("; the first key of `{login}` is not accepted any more, the next one is used")
            }
        }
    }

    /// The companies that the account sees.
    pub(crate) async fn companies(&self) -> Result<Vec<Company>, Failure> {
        let odoo = self.odoo();
        self.ask(odoo.companies()).await
    }

    /// A small question, to know how the system is. One that is back after it was gone may be another version with
    /// other companies, so it gets a new handle.
    pub(crate) async fn ping(&self) {
        let was_down = matches!(self.health(), Health::Down(_));
        if was_down {
            self.renew();
        }
        let odoo = self.odoo().with_priority(Priority::Third);
        let wanted = ["name".to_owned()];
        let scope = Scope::default();
        let question = odoo.search("res.company", Vec::new(), &wanted, &scope, Some(1));
        if self.ask(question).await.is_ok() {
            if was_down {
                self.checking.doubt();
            }
            let _ = self.major().await;
        }
    }

    fn note(&self, failure: Option<&Failure>) {
        if failure.is_some_and(Failure::doubts_the_server) {
            self.checking.doubt();
        }
        let mut health = lock(&self.health);
        let now = match failure {
            Some(Failure::Unreachable { reason } | Failure::Unavailable { reason } | Failure::Protocol { reason }) => {
                Health::Down(reason.clone())
            }
            Some(Failure::Unauthenticated) => Health::Down("it does not accept the account".to_owned()),
            // Nobody knows whether it is the system or the way to it; or it was not asked.
            Some(Failure::Unknown { .. } | Failure::Busy { .. }) => return,
            None | Some(Failure::TryAgain { .. } | Failure::Refused { .. } | Failure::Mismatch { .. }) => {
                match &*health {
                    Health::Up(_) => return,
                    _ => Health::Up(String::new()),
                }
            }
        };
        if let (Health::Down(reason), false) = (&now, matches!(*health, Health::Down(_))) {
            tracing::warn!(system = %self.settings.system, reason, "system is down");
        }
        *health = now;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
