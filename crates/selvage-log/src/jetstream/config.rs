//! Where the broker is, and what it is to be. Never shows a credential.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_nats::ConnectOptions;

/// How long JetStream looks for the same publish by default. Nothing here depends on it.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// Where the broker is, and what it is to be.
#[derive(Clone, Debug)]
pub struct JetStreamConfig {
    /// `nats://…` or `tls://…`, several with commas.
    pub url: String,
    /// What the broker is shown, where it asks for it.
    pub credentials: Option<BrokerCredentials>,
    /// How servers prove who they are, and this node, where more than the system knows is needed for it.
    pub tls: BrokerTls,
    /// The monitoring address of every server: `http://broker:8222`.
    pub monitoring: Vec<String>,
    /// Why servers may answer before they have written: replicas in separate power domains, by a person's word.
    pub unsynced_because: Option<String>,
    /// On how many servers each stream is kept.
    pub replicas: u8,
    /// What the broker's streams and subjects begin with.
    pub prefix: String,
    /// How long the broker itself looks for a publish that comes twice.
    pub duplicate_window: Duration,
}

impl JetStreamConfig {
    /// One server, streams that begin with `selvage`, nothing said about how it writes.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            credentials: None,
            tls: BrokerTls::default(),
            monitoring: Vec::new(),
            unsynced_because: None,
            replicas: 1,
            prefix: "selvage".to_owned(),
            duplicate_window: DUPLICATE_WINDOW,
        }
    }
}

/// Files for TLS to the broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerTls {
    /// The authorities that servers' certificates are of, as PEM; those of the system where there is none.
    pub authorities: Option<PathBuf>,
    /// This node's certificate and its key, as PEM.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// What a broker is shown: user and password, a token, or what an account of NATS gave a user. INVARIANT: SECRET-FREE
#[derive(Clone, PartialEq, Eq)]
pub enum BrokerCredentials {
    /// A user's.
    User {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// A token.
    Token(String),
    /// The seed of a user's key: it signs what the server asks, and never leaves the node.
    Seed(String),
    /// The file of a user of an account (`.creds`): what the account signed for it, and its seed.
    Account(String),
}

impl BrokerCredentials {
    /// The content of a `.creds` file; or one line: `user:password`, a user's seed (`SU…`), or a token. `None` for anything else.
    pub fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.starts_with("-----BEGIN NATS USER JWT") {
            // Without the end of its last line the client does not know the seed.
            let file = format!("{text}\n");
            return ConnectOptions::with_credentials(&file).is_ok().then_some(Self::Account(file));
        }
        if text.is_empty() || text.lines().count() > 1 {
            return None;
        }
        Some(match text.split_once(':') {
            Some((user, password)) => Self::User { user: user.to_owned(), password: password.to_owned() },
            None if is_seed(text) => Self::Seed(text.to_owned()),
            None => Self::Token(text.to_owned()),
        })
    }
}

/// Whether it has the form of the seed of a user's key.
fn is_seed(text: &str) -> bool {
    text.len() == 58 && text.starts_with("SU") && text.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'))
}

impl fmt::Debug for BrokerCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrokerCredentials")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_known_by_their_form_and_never_shown() {
        let user = BrokerCredentials::User { user: "fabric".to_owned(), password: "a:b".to_owned() };
        let token = BrokerCredentials::Token("s3cret".to_owned());
        let seed = nkeys::KeyPair::new_user().seed().unwrap();
        let account = format!(
            "-----BEGIN NATS USER JWT-----\neyJ0.s3cret.x\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        let table = [
            ("fabric:a:b\n", Some(user)),
            (" s3cret\n", Some(token)),
            ("", None),
            ("\n", None),
            (seed.as_str(), Some(BrokerCredentials::Seed(seed.clone()))),
            ("-----BEGIN NATS USER JWT-----\nabc\n", None),
            (account.as_str(), Some(BrokerCredentials::Account(account.clone()))),
        ];
        for (text, expected) in table {
            let read = BrokerCredentials::from_text(text);
            assert_eq!(read, expected, "{text:?}");
            let shown = format!("{read:?}");
            assert!(!shown.contains("s3cret") && !shown.contains(&seed));
        }
    }
}
