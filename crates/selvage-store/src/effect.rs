//! Effects: intended changes in systems, recorded before they are sent. Written only by who holds the operation.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use selvage_model::name::SystemName;
use selvage_model::operation::OperationId;
use serde_json::Value;
use uuid::Uuid;

use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::operation;
use crate::statement::statements;
use crate::value::{Row, bind};

/// The id of an effect: `eff_` and 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectId(String);

impl EffectId {
    fn new() -> Self {
        Self(format!("eff_{:032x}", Uuid::new_v4().as_u128()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EffectId {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.strip_prefix("eff_").ok_or(())?;
        let wellformed = digits.len() == 32 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if wellformed { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl fmt::Display for EffectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A change that is intended.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEffect {
    /// In which system.
    pub system: SystemName,
    /// What is called there.
    pub verb: String,
    /// What it is to come to, without secrets.
    pub target: Value,
    /// The external id under which it can be found again, where it creates something.
    pub external_id: Option<String>,
}

/// An effect as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectRecord {
    /// Its id.
    pub id: EffectId,
    /// What was intended.
    pub effect: NewEffect,
    /// How it stands.
    pub state: EffectState,
    /// How often it was sent.
    pub sends: u64,
    /// When it was intended.
    pub intended: Timestamp,
}

/// How an effect stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffectState {
    /// Recorded; nothing has left.
    Intended,
    /// Handed to the system, last at this time.
    Sent {
        /// When.
        at: Timestamp,
    },
    /// Handed over, and nobody knows what came of it.
    Unknown {
        /// When it was last sent.
        sent: Timestamp,
    },
    /// Read back: it stands.
    Confirmed {
        /// When that was known.
        at: Timestamp,
    },
    /// Refused: nothing was changed.
    Refused {
        /// When that was known.
        at: Timestamp,
    },
}

statements! {
    INTEND = "INSERT INTO effect (id, operation, ordinal, system_name, verb, target, external_id, state, sends, intended_at) \
              SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), COUNT(*) + 1, CAST($3 AS TEXT), CAST($4 AS TEXT), \
              CAST($5 AS TEXT), CAST($6 AS TEXT), 'intended', 0, CAST($7 AS BIGINT) FROM effect WHERE operation = $2";
    INTENDED = "SELECT id, external_id FROM effect WHERE operation = $1 AND state = 'intended' AND system_name = $2 \
                AND verb = $3 AND target = $4 ORDER BY ordinal";
    OPERATION_OF = "SELECT operation FROM effect WHERE id = $1";
    SENT = "UPDATE effect SET state = 'sent', sends = sends + 1, sent_at = $2 \
            WHERE id = $1 AND state IN ('intended', 'sent', 'unknown')";
    OF_OPERATION = "SELECT id, system_name, verb, target, external_id, state, sends, intended_at, sent_at, settled_at \
                    FROM effect WHERE operation = $1 ORDER BY ordinal";
}

impl Store {
    /// Records an intended change, before it is sent. One that is intended already and was not sent is the same effect:
    /// whoever has had no answer may ask again.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] where the operation is held with another epoch.
    pub async fn intend(
        &self,
        operation: &OperationId,
        epoch: i64,
        effect: &NewEffect,
    ) -> Result<EffectId, StoreError> {
        let mut transaction = self.database.write().await?;
        let now = operation::hold(&mut transaction, operation, epoch).await?;
        if let Some(there) = intended(&mut transaction, operation, effect).await? {
            return Ok(there);
        }
        let id = EffectId::new();
        let parameters = bind![
            id.as_str(),
            operation.as_str(),
            effect.system.as_str(),
            effect.verb.as_str(),
            effect.target.to_string(),
            effect.external_id.clone(),
            now,
        ];
        transaction.run(INTEND, parameters).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// Records that an effect is about to leave. After this, only looking tells what came of it.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] where the operation is held with another epoch: then it must not be sent.
    pub async fn sent(&self, effect: &EffectId, epoch: i64) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let not_found = || StoreError::NotFound { what: "effect", id: effect.to_string() };
        let row = transaction.first(OPERATION_OF, bind![effect.as_str()]).await?.ok_or_else(not_found)?;
        let operation: OperationId = row.parsed("operation")?;
        let now = operation::hold(&mut transaction, &operation, epoch).await?;
        if transaction.run(SENT, bind![effect.as_str(), now]).await? == 0 {
            return Err(StoreError::Fenced { operation, epoch });
        }
        transaction.commit().await
    }
}

/// The same effect, intended and not sent.
async fn intended(
    transaction: &mut Transaction,
    operation: &OperationId,
    effect: &NewEffect,
) -> Result<Option<EffectId>, StoreError> {
    let (system, verb, target) = (effect.system.as_str(), effect.verb.as_str(), effect.target.to_string());
    for row in transaction.all(INTENDED, bind![operation.as_str(), system, verb, target]).await? {
        if row.optional_text("external_id")? == effect.external_id {
            return row.parsed("id").map(Some);
        }
    }
    Ok(None)
}

/// The effects of an operation, in the order in which they were intended.
pub(crate) async fn of(transaction: &mut Transaction, operation: &str) -> Result<Vec<EffectRecord>, StoreError> {
    transaction.all(OF_OPERATION, bind![operation]).await?.iter().map(record).collect()
}

fn record(row: &Row) -> Result<EffectRecord, StoreError> {
    let state = match row.text("state")?.as_str() {
        "intended" => EffectState::Intended,
        "sent" => EffectState::Sent { at: row.time("sent_at")? },
        "unknown" => EffectState::Unknown { sent: row.time("sent_at")? },
        "confirmed" => EffectState::Confirmed { at: row.time("settled_at")? },
        _ => EffectState::Refused { at: row.time("settled_at")? },
    };
    Ok(EffectRecord {
        id: row.parsed("id")?,
        effect: NewEffect {
            system: row.parsed("system_name")?,
            verb: row.text("verb")?,
            target: row.json("target")?,
            external_id: row.optional_text("external_id")?,
        },
        state,
        sends: row.count("sends")?,
        intended: row.time("intended_at")?,
    })
}
