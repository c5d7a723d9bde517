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
use crate::error::StoreError;
use crate::operation;
use crate::statement::statements;
use crate::value::bind;

/// A write that wants to be the one of its key.
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
    INSERT = "INSERT INTO operation (id, consumer, interface, verb, idempotency_key, payload_hash, request, state, \
              epoch, node, due_at, probes, created_at, changed_at) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', 1, $8, $9, 0, $10, $10) \
              ON CONFLICT (consumer, interface, verb, idempotency_key) DO NOTHING";
    BY_KEY = "SELECT id, payload_hash, state, probe_at, probes, because, answer_status, answer_body, answer_location \
              FROM operation WHERE consumer = $1 AND interface = $2 AND verb = $3 AND idempotency_key = $4";
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
            if let Some(taken) = take(&mut transaction, claim).await? {
                transaction.commit().await?;
                return Ok(taken);
            }
            if let Some(there) = look(&mut transaction, claim).await? {
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
        look(&mut transaction, claim).await
    }
}

async fn take(transaction: &mut Transaction, claim: &NewClaim) -> Result<Option<Claim>, StoreError> {
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
    ];
    let taken = transaction.run(INSERT, parameters).await? == 1;
    Ok(taken.then_some(Claim::New { operation, epoch: 1 }))
}

async fn look(transaction: &mut Transaction, claim: &NewClaim) -> Result<Option<Claim>, StoreError> {
    let key =
        bind![claim.consumer.as_str(), claim.interface.to_string(), claim.operation.as_str(), claim.key.as_str(),];
    let Some(row) = transaction.first(BY_KEY, key).await? else { return Ok(None) };
    let operation: OperationId = row.parsed("id")?;
    if row.hash("payload_hash")? != claim.payload_hash {
        return Ok(Some(Claim::OtherPayload { operation }));
    }
    Ok(Some(Claim::Same { operation, state: operation::state(&row)? }))
}
