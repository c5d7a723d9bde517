//! What a person says of an operation that nothing else can end: how it ended, or that it shall be looked at again. Each
//! in one transaction with its entry in the ledger, and only while it is stuck: what a node works on is not touched.

use selvage_model::name::EnvironmentName;
use selvage_model::operation::{OperationId, OperationState, StoredAnswer};
use serde_json::{Value, json};

use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::ledger;
use crate::operation::outcome::settle;
use crate::operation::{self, OperationRecord};
use crate::statement::statements;
use crate::value::bind;

/// Who says something of an operation, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// Who.
    pub by: &'a str,
    /// Why.
    pub because: &'a str,
}

statements! {
    TAKE_STUCK = "UPDATE operation SET epoch = epoch + 1, changed_at = $2 WHERE id = $1 AND state = 'stuck'";
    LOOK_AGAIN = "UPDATE operation SET state = 'unknown', probes = 0, probe_at = $2, due_at = $2, because = $3, \
                  environment = CASE WHEN environment = '' THEN $4 ELSE environment END WHERE id = $1";
    DOUBT = "UPDATE effect SET state = 'unknown' WHERE operation = $1 AND state = 'sent'";
}

impl Store {
    /// A person has seen what became of a stuck operation: this is its answer from now on, for its key too.
    ///
    /// # Errors
    /// [`StoreError::NotStuck`] for one that is worked on or has its outcome; [`StoreError::NotFound`] for an id that no
    /// operation has. INVARIANT: ONE-EFFECT: whoever held it is fenced off.
    pub async fn settle(
        &self,
        operation: &OperationId,
        outcome: &OperationState,
        word: Word<'_>,
    ) -> Result<OperationRecord, StoreError> {
        let (states, answer) = match outcome {
            OperationState::Done(answer) => (("done", "confirmed"), answer),
            OperationState::Refused(answer) => (("refused", "refused"), answer),
            OperationState::Pending | OperationState::Unknown { .. } | OperationState::Stuck { .. } => {
                return Err(StoreError::NotStuck { operation: operation.clone(), state: outcome.as_str() });
            }
        };
        let mut transaction = self.database.write().await?;
        let before = take(&mut transaction, operation).await?;
        let evidence = json!({"settled_by": word.by, "because": word.because}).to_string();
        settle(&mut transaction, operation, states, answer, Some(evidence)).await?;
        let detail = json!({"as": outcome.as_str(), "answer": shown(answer), "before": told(&before)});
        enter(&mut transaction, "operation.settled", &before, word, detail).await?;
        let after = operation::read(&mut transaction, operation.as_str()).await?;
        transaction.commit().await?;
        after.ok_or_else(|| not_found(operation))
    }

    /// A person wants a stuck operation looked at again: it is due now, as if nobody had looked yet. One that is nobody's is of the
    /// environment of this handle from now on.
    ///
    /// # Errors
    /// As [`Self::settle`], and [`StoreError::Nobodys`] for one that is nobody's where the handle has no environment either.
    pub async fn look_again(&self, operation: &OperationId, word: Word<'_>) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let before = take(&mut transaction, operation).await?;
        if before.environment.is_none() && self.scope.as_str().is_empty() {
            return Err(StoreError::Nobodys { operation: operation.clone() });
        }
        let now = transaction.now().await?;
        let because = format!("{} wants it looked at again: {}", word.by, word.because);
        transaction.run(LOOK_AGAIN, bind![operation.as_str(), now, because, self.scope.as_str()]).await?;
        transaction.run(DOUBT, bind![operation.as_str()]).await?;
        let environment = before.environment.as_ref().map_or(self.scope.as_str(), EnvironmentName::as_str);
        let detail = json!({"before": told(&before), "environment": environment});
        enter(&mut transaction, "operation.retried", &before, word, detail).await?;
        transaction.commit().await
    }
}

/// Takes a stuck operation, so that nobody else does; as it stood.
async fn take(transaction: &mut Transaction, operation: &OperationId) -> Result<OperationRecord, StoreError> {
    let now = transaction.now().await?;
    let taken = transaction.run(TAKE_STUCK, bind![operation.as_str(), now]).await?;
    let record = operation::read(transaction, operation.as_str()).await?.ok_or_else(|| not_found(operation))?;
    match taken {
        0 => Err(StoreError::NotStuck { operation: operation.clone(), state: record.state.as_str() }),
        _ => Ok(record),
    }
}

/// INVARIANT: SECRET-FREE: what was asked for stays out; reason and answer are the person's own.
async fn enter(
    transaction: &mut Transaction,
    action: &str,
    before: &OperationRecord,
    word: Word<'_>,
    detail: Value,
) -> Result<(), StoreError> {
    let mut whole = json!({
        "because": word.because,
        "consumer": before.consumer.as_str(),
        "interface": before.interface.to_string(),
        "operation": before.operation.as_str(),
    });
    if let (Some(whole), Value::Object(detail)) = (whole.as_object_mut(), detail) {
        whole.extend(detail);
    }
    ledger::append(transaction, word.by, action, before.id.as_str(), &whole).await
}

fn told(before: &OperationRecord) -> &str {
    match &before.state {
        OperationState::Stuck { because } => because,
        _ => "",
    }
}

fn shown(answer: &StoredAnswer) -> Value {
    json!({"status": answer.status, "body": answer.body, "location": answer.location})
}

fn not_found(operation: &OperationId) -> StoreError {
    StoreError::NotFound { what: "operation", id: operation.to_string() }
}
