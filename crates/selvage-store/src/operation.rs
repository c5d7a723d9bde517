//! Operations: how they stand, and what is written about them by whom. A write names the epoch that its claimant holds
//! and is refused once another took over; looking never changes anything.

pub(crate) mod due;
pub(crate) mod lane;
pub(crate) mod outcome;
pub(crate) mod person;

use std::time::Duration;

use jiff::Timestamp;
use selvage_model::manifest::api::Operation;
use selvage_model::name::{ConsumerName, EnvironmentName, InterfaceRef};
use selvage_model::operation::{OperationId, OperationState, StoredAnswer};
use serde_json::Value;

use crate::Store;
use crate::database::Transaction;
use crate::effect::{self, EffectRecord};
use crate::environment;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Micros, Row, bind};

/// An operation with all that is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationRecord {
    /// Its id.
    pub id: OperationId,
    /// The epoch of whoever holds it; raised when it is taken over.
    pub epoch: i64,
    /// In which environment; none where it is of before this was kept and nobody's.
    pub environment: Option<EnvironmentName>,
    /// Who asked.
    pub consumer: ConsumerName,
    /// At which interface.
    pub interface: InterfaceRef,
    /// To do what.
    pub operation: Operation,
    /// With which `Idempotency-Key`.
    pub key: String,
    /// SHA-256 over what was asked for.
    pub payload_hash: [u8; 32],
    /// What was asked for, as the claim gave it.
    pub request: Value,
    /// The node that works on it, or last did.
    pub node: String,
    /// How it stands.
    pub state: OperationState,
    /// Why its outcome is not known, where that was said.
    pub because: Option<String>,
    /// What it waits for, while nothing was done.
    pub waits: Option<Waits>,
    /// What reading back showed, once done.
    pub evidence: Option<Value>,
    /// When its lease ends or its probe is due.
    pub due: Option<Timestamp>,
    /// When it was claimed.
    pub created: Timestamp,
    /// When something was last written about it.
    pub changed: Timestamp,
    /// What it was to change, in order.
    pub effects: Vec<EffectRecord>,
}

/// What an operation that has no effect and no outcome waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// The system could not take it and nothing was done: its consumer may ask again, or leave it.
    GivenBack,
    /// Its consumer asked again: it is carried out as if for the first time.
    AskedAgain,
}

statements! {
    BY_ID = "SELECT id, epoch, environment, consumer, interface, verb, idempotency_key, payload_hash, request, node, state, probe_at, \
             probes, because, waits, evidence, answer_status, answer_body, answer_location, due_at, created_at, changed_at \
             FROM operation WHERE id = $1";
    UNRESOLVED = "SELECT id FROM operation WHERE state IN ('pending', 'unknown', 'stuck') ORDER BY created_at, id LIMIT $1";
    HOLD = "UPDATE operation SET changed_at = $3 WHERE id = $1 AND epoch = $2 AND state IN ('pending', 'unknown')";
    EXTEND = "UPDATE operation SET due_at = CASE WHEN probe_at > $2 THEN probe_at ELSE $2 END WHERE id = $1";
    PURGE = "DELETE FROM operation WHERE id IN (SELECT id FROM operation WHERE state IN ('done', 'refused') \
             AND changed_at < $1 ORDER BY changed_at LIMIT 500)";
}

impl Store {
    /// An operation by its id.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn operation(&self, id: &OperationId) -> Result<Option<OperationRecord>, StoreError> {
        let mut transaction = self.database.read().await?;
        read(&mut transaction, id.as_str()).await
    }

    /// Operations without an outcome, of every environment and of none, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn unresolved(&self, limit: u32) -> Result<Vec<OperationRecord>, StoreError> {
        let mut transaction = self.database.read().await?;
        let mut records = Vec::new();
        for row in transaction.all(UNRESOLVED, bind![i64::from(limit)]).await? {
            records.extend(read(&mut transaction, &row.text("id")?).await?);
        }
        Ok(records)
    }

    /// Keeps the lease for so long from now; a probe that is due later stays due then.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] where the operation is held with another epoch.
    pub async fn extend(&self, operation: &OperationId, epoch: i64, lease: Duration) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let now = hold(&mut transaction, operation, epoch).await?;
        transaction.run(EXTEND, bind![operation.as_str(), now.after(lease)]).await?;
        transaction.commit().await
    }

    /// Forgets operations that have had their outcome for so long, and with them their keys; says how many.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn purge_keys(&self, older_than: Duration) -> Result<u64, StoreError> {
        let mut purged = 0;
        loop {
            let mut transaction = self.database.write().await?;
            let now = transaction.now().await?;
            let some = transaction.run(PURGE, bind![now.before(older_than)]).await?;
            transaction.commit().await?;
            purged += some;
            if some == 0 {
                return Ok(purged);
            }
        }
    }
}

/// Holds an operation's row until the transaction ends, so that nobody takes it over in between; says what time it is.
/// INVARIANT: ONE-EFFECT: every write about an operation comes through here.
pub(crate) async fn hold(
    transaction: &mut Transaction,
    operation: &OperationId,
    epoch: i64,
) -> Result<Micros, StoreError> {
    let now = transaction.now().await?;
    match transaction.run(HOLD, bind![operation.as_str(), epoch, now]).await? {
        0 => Err(StoreError::Fenced { operation: operation.clone(), epoch }),
        _ => Ok(now),
    }
}

/// An operation with its effects.
pub(crate) async fn read(transaction: &mut Transaction, id: &str) -> Result<Option<OperationRecord>, StoreError> {
    let Some(row) = transaction.first(BY_ID, bind![id]).await? else { return Ok(None) };
    let effects = effect::of(transaction, id).await?;
    Ok(Some(OperationRecord {
        id: row.parsed("id")?,
        epoch: row.integer("epoch")?,
        environment: environment::of(&row)?,
        consumer: row.parsed("consumer")?,
        interface: row.parsed("interface")?,
        operation: row.parsed("verb")?,
        key: row.text("idempotency_key")?,
        payload_hash: row.hash("payload_hash")?,
        request: row.json("request")?,
        node: row.text("node")?,
        state: state(&row)?,
        because: row.optional_text("because")?,
        waits: waits(&row)?,
        evidence: row.optional_json("evidence")?,
        due: row.optional_time("due_at")?,
        created: row.time("created_at")?,
        changed: row.time("changed_at")?,
        effects,
    }))
}

fn waits(row: &Row) -> Result<Option<Waits>, StoreError> {
    Ok(match row.optional_text("waits")?.as_deref() {
        Some("given-back") => Some(Waits::GivenBack),
        Some("asked-again") => Some(Waits::AskedAgain),
        _ => None,
    })
}

/// How the operation of this row stands.
pub(crate) fn state(row: &Row) -> Result<OperationState, StoreError> {
    Ok(match row.text("state")?.as_str() {
        "pending" => OperationState::Pending,
        "unknown" => {
            let probes = u32::try_from(row.count("probes")?).unwrap_or(u32::MAX);
            OperationState::Unknown { probe_at: row.time("probe_at")?, probes }
        }
        "done" => OperationState::Done(answer(row)?),
        "refused" => OperationState::Refused(answer(row)?),
        _ => OperationState::Stuck { because: row.optional_text("because")?.unwrap_or_default() },
    })
}

fn answer(row: &Row) -> Result<StoredAnswer, StoreError> {
    let status = row.integer("answer_status")?;
    Ok(StoredAnswer {
        status: u16::try_from(status).map_err(|_| StoreError::damaged(format!("{status} is no HTTP status")))?,
        body: row.json("answer_body")?,
        location: row.optional_text("answer_location")?,
    })
}
