//! What the connector needs to know before its first call, and the secret that is never printed.
//! Validation is pure: it opens no connection and resolves no name.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use selvage_model::code;

use super::dialect::Dialect;

/// One account of one Odoo database.
#[derive(Clone, Debug)]
pub struct OdooConfig {
    /// The name of the system in the fabric; errors and traces carry it.
    pub system: String,
    /// Where the server answers, as `https://erp.example.com`; a path before Odoo's own is kept.
    pub url: String,
    /// The database; JSON-RPC and XML-RPC need it, JSON-2 only where the server holds several.
    pub database: Option<String>,
    /// How the server is spoken to; asked of it where not given.
    pub dialect: Option<Dialect>,
    /// The login of the account.
    pub login: String,
    /// The account's API key, or its password.
    pub secret: Secret,
    /// The key that takes its place: sent when the first is not accepted any more.
    pub next: Option<Secret>,
    /// The language of labels and messages, as `en_US`; sent with every call.
    pub lang: String,
    /// How long one HTTP exchange may take.
    pub timeout: Duration,
    /// How long the server may keep working on a call that nobody waits for any more.
    pub longest_transaction: Duration,
    /// How many calls this handle has under way at once.
    pub concurrency: usize,
    /// How the server is known over TLS, and what it is shown.
    pub tls: OdooTls,
}

/// How a server is known over TLS, and what it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OdooTls {
    /// Who may have signed its certificate, in PEM; whom the machine trusts where nothing is said.
    pub authorities: Option<Arc<str>>,
    /// A certificate, those that lead to an authority, and its key, in PEM; nothing is shown without.
    pub proof: Option<Secret>,
}

impl OdooConfig {
    /// Every key of the account.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.secret).chain(&self.next)
    }

    /// Checks all fields; gives the address without a trailing slash.
    pub(super) fn validate(&self) -> Result<String, ConfigError> {
        let mut problems = Vec::new();
        let base = match base(&self.url) {
            Ok(base) => base,
            Err(problem) => {
                problems.push(problem);
                String::new()
            }
        };
        let named = [("system", &self.system), ("login", &self.login), ("lang", &self.lang)];
        for (name, value) in named {
            if value.trim().is_empty() {
                problems.push(format!("`{name}` is empty"));
            }
        }
        if self.database.as_deref().is_some_and(|database| database.trim().is_empty()) {
            problems.push("`database` is empty; leave it out where the server holds only one".to_owned());
        }
        for secret in self.secrets() {
            if secret.reveal().is_empty() {
                problems.push("a secret is empty".to_owned());
            }
            if !secret.reveal().bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
                problems.push("a secret holds a character that a header cannot carry".to_owned());
            }
        }
        if self.timeout.is_zero() || self.longest_transaction.is_zero() {
            problems.push("`timeout` and `longest_transaction` must be above zero".to_owned());
        }
        if self.concurrency == 0 {
            problems.push("`concurrency` must be at least 1".to_owned());
        }
        if problems.is_empty() { Ok(base) } else { Err(ConfigError::Invalid { system: self.system.clone(), problems }) }
    }
}

fn base(url: &str) -> Result<String, String> {
    let parsed = Url::parse(url).map_err(|error| format!("`url` is not an address: {error}"))?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
        return Err("`url` must begin with https:// or http:// and name a host".to_owned());
    }
    // INVARIANT: SECRET-FREE — an address is printed in errors and pages, so it may not carry a password.
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err("`url` must not carry a login or a password".to_owned());
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err("`url` must not have a query or a fragment".to_owned());
    }
    Ok(parsed.as_str().trim_end_matches('/').to_owned())
}

/// An API key or password. It prints as `…` and leaves the process only in the request that needs it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret that was resolved by the binary.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }

    /// The text with this secret blotted out, should a server ever echo it.
    pub(super) fn blot(&self, text: &str) -> String {
        if self.0.len() < 4 { text.to_owned() } else { text.replace(&self.0, "…") }
    }
}

// INVARIANT: SECRET-FREE
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Why no connector can be built.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Fields that cannot be right, all of them.
    #[error("odoo `{system}` is not configured: {}", problems.join("; "))]
    Invalid {
        /// The system.
        system: String,
        /// What is wrong, one sentence each.
        problems: Vec<String>,
    },
    /// The TLS roots of this machine could not be read, or what is declared of TLS cannot be used.
    #[error(
        "odoo `{system}`: the http client could not be built; look at its `tls`, and at the authorities of this machine"
    )]
    Client {
        /// The system.
        system: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
}

impl ConfigError {
    /// The code of the page that explains it.
    pub fn code(&self) -> &'static str {
        code::ODOO_CONFIG.as_str()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn config(url: &str, secret: &str) -> OdooConfig {
        OdooConfig {
            system: "odoo".into(),
            url: url.into(),
            database: Some("velo".into()),
            dialect: None,
            login: "svc".into(),
            secret: Secret::new(secret),
            next: None,
            lang: "en_US".into(),
            timeout: Duration::from_secs(5),
            longest_transaction: Duration::from_secs(60),
            concurrency: 2,
            tls: OdooTls::default(),
        }
    }

    #[test]
    fn addresses() {
        for (url, expected) in [
            ("https://erp.example.com", Some("https://erp.example.com")),
            ("https://erp.example.com/", Some("https://erp.example.com")),
            ("http://127.0.0.1:8069/odoo/", Some("http://127.0.0.1:8069/odoo")),
            ("ftp://erp.example.com", None),
            ("erp.example.com", None),
            ("https://me:word@erp.example.com", None),
            ("https://erp.example.com/?db=velo", None),
        ] {
            assert_eq!(config(url, "key-1").validate().ok().as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let bad = OdooConfig { system: String::new(), login: " ".into(), concurrency: 0, ..config("nonsense", "") };
        let Err(ConfigError::Invalid { problems, .. }) = bad.validate() else { panic!("accepted") };
        assert_eq!(problems.len(), 5, "{problems:?}");
    }

    #[test]
    fn a_secret_is_never_printed() {
        let config = config("https://erp.example.com", "hunter2-hunter2");
        assert!(!format!("{config:?} {} {:?}", config.secret, config.secret).contains("hunter2"));
        assert_eq!(config.secret.blot("no user with hunter2-hunter2"), "no user with …");
    }
}
