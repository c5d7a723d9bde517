//! Claims: the durable compare-and-set by which one idempotency key becomes one operation, once, whoever asks first.
//! INVARIANT: ONE-EFFECT begins here; the epoch that a claim gives is the condition of every later write.

use std::time::Duration;

use selvage_model::manifest::api::Operation;
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_model::operation::{OperationId, OperationState};
use serde_json::Value;
use uuid::Uuid;

use crate::Store;
use crate::database::Transaction;
use crate::environment::Scope;
use crate::error::StoreError;
use crate::operation;
use crate::statement::statements;
use crate::value::bind;

/// A write that wants to be the one of its key, in the environment of whoever claims it.
#[derive(Clone, Debug, PartialEq)]
pub struct NewClaim {
    /// Who asks.
    pub consumer: ConsumerName,
    /// At which interface.
    pub interface: InterfaceRef,
    /// To do what.
    pub operation: Operation,
    /// The caller's `Idempotency-Key`.
    pub key: String,
    /// SHA-256 over what is asked for, so that a key is not used for two things.
    pub payload_hash: [u8; 32],
    /// What is needed to go on with it elsewhere.
    pub request: Value,
    /// Who works on it.
    pub node: String,
    /// For how long, unless extended.
    pub lease: Duration,
}

/// What came of a claim.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// The caller has it, with this epoch.
    New {
        /// Its operation.
        operation: OperationId,
        /// What every later write names.
        epoch: i64,
    },
    /// The key has its operation already.
    Same {
        /// Which.
        operation: OperationId,
        /// How it stands.
        state: OperationState,
    },
    /// The key was used for something else.
    OtherPayload {
        /// For this.
        operation: OperationId,
    },
}

statements! {
    // A key that nobody's operation has is taken in every environment: it was done once already, wherever that was. Of what type a hash
    // is, PostgreSQL is told by the column, as both databases write a cast to it in words of their own.
    INSERT = "INSERT INTO operation (id, consumer, interface, verb, idempotency_key, payload_hash, request, state, \
              epoch, node, due_at, probes, created_at, changed_at, environment) \
              SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), COALESCE((SELECT payload_hash FROM operation WHERE 1 = 0), $6), \
              CAST($7 AS TEXT), 'pending', 1, CAST($8 AS TEXT), CAST($9 AS BIGINT), 0, CAST($10 AS BIGINT), CAST($10 AS BIGINT), \
              CAST($11 AS TEXT) WHERE NOT EXISTS (SELECT 1 FROM operation WHERE environment = '' AND consumer = $2 AND interface = $3 \
              AND verb = $4 AND idempotency_key = $5) \
              ON CONFLICT (environment, consumer, interface, verb, idempotency_key) DO NOTHING";
    BY_KEY = "SELECT id, payload_hash, state, probe_at, probes, because, answer_status, answer_body, answer_location \
              FROM operation WHERE environment IN ($5, '') AND consumer = $1 AND interface = $2 AND verb = $3 \
              AND idempotency_key = $4 ORDER BY environment DESC";
}

/// How often a key may be purged between the two looks at it before that is taken for a fault.
const LOOKS: u32 = 3;

impl Store {
    /// Claims a key: whoever comes first has the operation, everyone else is told of it.
    ///
    /// # Errors
    /// Those of the database. After [`StoreError::Unavailable`] the claim may be there: asking again with the same key
    /// is safe.
    pub async fn claim(&self, claim: &NewClaim) -> Result<Claim, StoreError> {
        let mut transaction = self.database.write().await?;
        for _ in 0..LOOKS {
            if let Some(taken) = take(&mut transaction, &self.scope, claim).await? {
                transaction.commit().await?;
                return Ok(taken);
            }
            if let Some(there) = look(&mut transaction, &self.scope, claim).await? {
                return Ok(there);
            }
        }
        Err(StoreError::Unavailable { reason: "the key comes and goes".to_owned(), source: None })
    }

    /// How a key stands, without claiming it: `None` where nobody has.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn claimed(&self, claim: &NewClaim) -> Result<Option<Claim>, StoreError> {
        let mut transaction = self.database.read().await?;
        look(&mut transaction, &self.scope, claim).await
    }
}

async fn take(transaction: &mut Transaction, scope: &Scope, claim: &NewClaim) -> Result<Option<Claim>, StoreError> {
    let operation = OperationId::from_random(Uuid::new_v4().as_u128());
    let now = transaction.now().await?;
    let parameters = bind![
        operation.as_str(),
        claim.consumer.as_str(),
        claim.interface.to_string(),
        claim.operation.as_str(),
        claim.key.as_str(),
        claim.payload_hash,
        claim.request.to_string(),
        claim.node.as_str(),
        now.after(claim.lease),
        now,
        scope.as_str(),
    ];
    let taken = transaction.run(INSERT, parameters).await? == 1;
    Ok(taken.then_some(Claim::New { operation, epoch: 1 }))
}

async fn look(transaction: &mut Transaction, scope: &Scope, claim: &NewClaim) -> Result<Option<Claim>, StoreError> {
    let (consumer, interface, operation) =
        (claim.consumer.as_str(), claim.interface.to_string(), claim.operation.as_str());
    let key = bind![consumer, interface, operation, claim.key.as_str(), scope.as_str()];
    let Some(row) = transaction.first(BY_KEY, key).await? else { return Ok(None) };
    let operation: OperationId = row.parsed("id")?;
    if row.hash("payload_hash")? != claim.payload_hash {
        return Ok(Some(Claim::OtherPayload { operation }));
    }
    Ok(Some(Claim::Same { operation, state: operation::state(&row)? }))
}
