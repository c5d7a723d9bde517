//! Where the broker is, and what it is to be. Never shows a credential.

use std::fmt;
use std::time::Duration;

/// How long JetStream looks for the same publish by default. Nothing here depends on it.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// Where the broker is, and what it is to be.
#[derive(Clone, Debug)]
pub struct JetStreamConfig {
    /// `nats://…` or `tls://…`, several with commas.
    pub url: String,
    /// What the broker is shown, where it asks for it.
    pub credentials: Option<BrokerCredentials>,
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
            monitoring: Vec::new(),
            unsynced_because: None,
            replicas: 1,
            prefix: "selvage".to_owned(),
            duplicate_window: DUPLICATE_WINDOW,
        }
    }
}

/// What a broker is shown: user and password, or a token. INVARIANT: SECRET-FREE
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
}

impl BrokerCredentials {
    /// `user:password`, or a token where there is no colon; `None` for nothing, or for more than one line.
    pub fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || text.lines().count() > 1 {
            return None;
        }
        Some(match text.split_once(':') {
            Some((user, password)) => Self::User { user: user.to_owned(), password: password.to_owned() },
            None => Self::Token(text.to_owned()),
        })
    }
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
    fn credentials_are_a_line_and_are_never_shown() {
        let user = BrokerCredentials::User { user: "fabric".to_owned(), password: "a:b".to_owned() };
        let token = BrokerCredentials::Token("s3cret".to_owned());
        let table = [
            ("fabric:a:b\n", Some(user)),
            (" s3cret\n", Some(token)),
            ("", None),
            ("\n", None),
            ("-----BEGIN NATS USER JWT-----\nabc\n", None),
        ];
        for (text, expected) in table {
            let read = BrokerCredentials::from_text(text);
            assert_eq!(read, expected, "{text:?}");
            assert!(!format!("{read:?}").contains("s3cret"));
        }
    }
}
