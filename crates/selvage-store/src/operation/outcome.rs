//! How an operation ends, or fails to: done, refused, unknown, stuck. Each in one transaction with its effects.

use std::time::Duration;

use selvage_model::operation::{OperationId, StoredAnswer};
use serde_json::Value;

use crate::Store;
use crate::cross_reference::{self, CrossReference};
use crate::database::Transaction;
use crate::error::StoreError;
use crate::operation::{hold, lane};
use crate::statement::statements;
use crate::value::bind;

statements! {
    UNKNOWN = "UPDATE operation SET probes = CASE WHEN state = 'unknown' THEN probes + 1 ELSE probes END, \
               state = 'unknown', probe_at = $2, due_at = $2, because = $3, waits = NULL WHERE id = $1";
    GIVE_BACK = "UPDATE operation SET state = 'unknown', probe_at = $2, due_at = $2, because = $3, waits = 'given-back' \
                 WHERE id = $1";
    ASK_AGAIN = "UPDATE operation SET probe_at = $2, due_at = $2, because = NULL, waits = 'asked-again' \
                 WHERE id = $1 AND waits IN ('given-back', 'asked-again')";
    EFFECTS_UNKNOWN = "UPDATE effect SET state = 'unknown' WHERE operation = $1 AND state = 'sent'";
    SETTLE = "UPDATE operation SET state = $2, answer_status = $3, answer_body = $4, answer_location = $5, \
              evidence = $6, because = NULL, waits = NULL, due_at = NULL, probe_at = NULL WHERE id = $1";
    SETTLE_EFFECTS = "UPDATE effect SET state = $2, settled_at = $3 \
                      WHERE operation = $1 AND state IN ('intended', 'sent', 'unknown')";
    ENVIRONMENT = "SELECT environment FROM operation WHERE id = $1";
    STUCK = "UPDATE operation SET state = 'stuck', because = $2, waits = NULL, due_at = NULL, probe_at = NULL WHERE id = $1";
}

impl Store {
    /// What was sent has no known outcome: it is looked up after so long, by whoever takes it then. Said again after
    /// a look, it counts the look.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] where the operation is held with another epoch.
    pub async fn unknown(
        &self,
        operation: &OperationId,
        epoch: i64,
        probe_after: Duration,
        because: &str,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let now = hold(&mut transaction, operation, epoch).await?;
        transaction.run(UNKNOWN, bind![operation.as_str(), now.after(probe_after), because]).await?;
        transaction.run(EFFECTS_UNKNOWN, bind![operation.as_str()]).await?;
        transaction.commit().await
    }

    /// Nothing was done and the system cannot take it: it waits so long for its consumer to ask again, and is then due.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] where the operation is held with another epoch.
    pub async fn give_back(
        &self,
        operation: &OperationId,
        epoch: i64,
        due_after: Duration,
        because: &str,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let now = hold(&mut transaction, operation, epoch).await?;
        transaction.run(GIVE_BACK, bind![operation.as_str(), now.after(due_after), because]).await?;
        transaction.run(EFFECTS_UNKNOWN, bind![operation.as_str()]).await?;
        lane::leave(&mut transaction, operation).await?;
        transaction.commit().await
    }

    /// The consumer of an operation that was given back asked again: it is due now.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] where the operation is held with another epoch, or was not given back.
    pub async fn ask_again(&self, operation: &OperationId, epoch: i64) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let now = hold(&mut transaction, operation, epoch).await?;
        if transaction.run(ASK_AGAIN, bind![operation.as_str(), now]).await? == 0 {
            return Err(StoreError::Fenced { operation: operation.clone(), epoch });
        }
        transaction.commit().await
    }

    /// Done, as reading back showed: the answer is kept for the key, and the record is linked to its business key.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] where the operation is held with another epoch; [`StoreError::Taken`] where the
    /// cross-reference contradicts another, and then nothing is written.
    pub async fn finish(
        &self,
        operation: &OperationId,
        epoch: i64,
        answer: &StoredAnswer,
        reference: Option<&CrossReference>,
        evidence: &Value,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        hold(&mut transaction, operation, epoch).await?;
        if let Some(reference) = reference {
            let environment = transaction.only(ENVIRONMENT, bind![operation.as_str()]).await?.text("environment")?;
            cross_reference::link(&mut transaction, &environment, reference).await?;
        }
        let states = ("done", "confirmed");
        settle(&mut transaction, operation, states, answer, Some(evidence.to_string())).await?;
        transaction.commit().await
    }

    /// Refused by the system or a rule; nothing was changed. The answer is kept for the key.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] where the operation is held with another epoch.
    pub async fn refuse(&self, operation: &OperationId, epoch: i64, answer: &StoredAnswer) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        hold(&mut transaction, operation, epoch).await?;
        settle(&mut transaction, operation, ("refused", "refused"), answer, None).await?;
        transaction.commit().await
    }

    /// Looked up often enough: a person decides. Its effects stay as they are known.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] where the operation is held with another epoch.
    pub async fn stuck(&self, operation: &OperationId, epoch: i64, because: &str) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        hold(&mut transaction, operation, epoch).await?;
        transaction.run(STUCK, bind![operation.as_str(), because]).await?;
        lane::leave(&mut transaction, operation).await?;
        transaction.commit().await
    }
}

pub(crate) async fn settle(
    transaction: &mut Transaction,
    operation: &OperationId,
    (state, effects): (&str, &str),
    answer: &StoredAnswer,
    evidence: Option<String>,
) -> Result<(), StoreError> {
    let parameters = bind![
        operation.as_str(),
        state,
        i64::from(answer.status),
        answer.body.to_string(),
        answer.location.clone(),
        evidence,
    ];
    transaction.run(SETTLE, parameters).await?;
    let now = transaction.now().await?;
    transaction.run(SETTLE_EFFECTS, bind![operation.as_str(), effects, now]).await?;
    lane::leave(transaction, operation).await
}
