//! The keys that issuers of tokens showed, and when: a decision of then is made again by the keys of then. They are public.

use jiff::Timestamp;
use selvage_model::name::EnvironmentName;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::Store;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Micros, Row, bind};

/// What an issuer does not show any more is kept for as long as use is: 15 months.
const KEPT: i64 = 458 * 24 * 3_600 * 1_000_000;

statements! {
    LATEST = "SELECT first_at, last_at, digest FROM issuer_keys WHERE environment = $1 AND issuer = $2 \
              ORDER BY first_at DESC LIMIT 1";
    SEEN_AGAIN = "UPDATE issuer_keys SET last_at = $4 WHERE environment = $1 AND issuer = $2 AND first_at = $3 AND last_at < $4";
    SEEN = "INSERT INTO issuer_keys (environment, issuer, first_at, last_at, digest, document) VALUES ($1, $2, $3, $3, $4, $5) \
            ON CONFLICT (environment, issuer, first_at) DO NOTHING";
    FORGET = "DELETE FROM issuer_keys WHERE last_at < $1 AND first_at < (SELECT MAX(newer.first_at) FROM issuer_keys AS newer \
              WHERE newer.environment = issuer_keys.environment AND newer.issuer = issuer_keys.issuer)";
    AT = "SELECT issuer, first_at, last_at, document FROM issuer_keys WHERE environment = $1 AND first_at <= $2 \
          AND first_at = (SELECT MAX(other.first_at) FROM issuer_keys AS other WHERE other.environment = issuer_keys.environment \
          AND other.issuer = issuer_keys.issuer AND other.first_at <= $2) ORDER BY issuer";
}

/// The keys that an issuer showed for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownKeys {
    /// The issuer's address.
    pub issuer: String,
    /// When a node saw them first.
    pub first: Timestamp,
    /// When a node saw them last.
    pub last: Timestamp,
    /// As they were shown (RFC 7517).
    pub document: Value,
}

impl Store {
    /// Notes what an issuer shows a node of this environment now.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_issuer_keys(
        &self,
        environment: &EnvironmentName,
        issuer: &str,
        document: &Value,
    ) -> Result<(), StoreError> {
        let (text, digest) = (document.to_string(), digest(document));
        let mut transaction = self.database.write().await?;
        let now: Micros = transaction.now().await?;
        let (environment, latest) =
            (environment.as_str(), transaction.first(LATEST, bind![environment.as_str(), issuer]).await?);
        match latest {
            Some(row) if row.hash("digest")? == digest => {
                let first = Micros::from(row.time("first_at")?);
                transaction.run(SEEN_AGAIN, bind![environment, issuer, first, now]).await?;
            }
            _ => {
                transaction.run(SEEN, bind![environment, issuer, now, digest, text]).await?;
                transaction.run(FORGET, bind![Micros(now.0 - KEPT)]).await?;
            }
        }
        transaction.commit().await
    }

    /// What each issuer had shown last by this time, where that is kept: while one is away its last keys go on.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn issuer_keys_at(
        &self,
        environment: &EnvironmentName,
        time: Timestamp,
    ) -> Result<Vec<ShownKeys>, StoreError> {
        let mut transaction = self.database.read().await?;
        let rows = transaction.all(AT, bind![environment.as_str(), Micros::from(time)]).await?;
        let shown = |row: &Row| {
            Ok(ShownKeys {
                issuer: row.text("issuer")?,
                first: row.time("first_at")?,
                last: row.time("last_at")?,
                document: row.json("document")?,
            })
        };
        rows.iter().map(shown).collect()
    }
}

/// What tells sets of keys apart: which keys there are, whatever their order and that of their members. Replicas of an issuer differ in that.
fn digest(document: &Value) -> [u8; 32] {
    let said = match document.get("keys").and_then(Value::as_array) {
        Some(keys) => {
            let mut keys: Vec<String> = keys.iter().map(canonical).collect();
            keys.sort_unstable();
            keys.dedup();
            keys.join("\n")
        }
        None => canonical(document),
    };
    Sha256::digest(said.as_bytes()).into()
}

/// A value with the members of its objects in one order.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            let members = members.into_iter().map(|(name, value)| format!("{}:{}", json!(name), canonical(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}
