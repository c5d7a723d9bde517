//! Lanes: an operation that writes a record holds the record's lane until its outcome is known, so that no other
//! operation of its environment, on whatever node, writes the record in between.

use selvage_model::operation::OperationId;

use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::operation::hold;
use crate::statement::statements;
use crate::value::bind;

/// What came of entering a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lane {
    /// The operation holds it.
    Entered,
    /// Another holds it.
    Occupied {
        /// Which.
        by: OperationId,
        /// It is being worked on; otherwise its outcome is not known.
        under_way: bool,
    },
}

statements! {
    ENTER = "INSERT INTO lane (environment, lane, operation) SELECT environment, CAST($1 AS TEXT), id FROM operation WHERE id = $2 \
             ON CONFLICT (environment, lane) DO NOTHING";
    HOLDER = "SELECT operation.id AS id, operation.state AS state FROM lane JOIN operation ON operation.id = lane.operation \
              WHERE lane.lane = $1 AND lane.environment = (SELECT environment FROM operation WHERE id = $2)";
    LEAVE = "DELETE FROM lane WHERE operation = $1";
}

/// How often a lane may be left between the two looks at it before that is taken for a fault.
const LOOKS: u32 = 3;

impl Store {
    /// Enters a record's lane for an operation, or says who is in it. It is left when the operation has its outcome, is
    /// given back, or goes to a person.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] where the operation is held with another epoch.
    pub async fn enter_lane(&self, operation: &OperationId, epoch: i64, lane: &str) -> Result<Lane, StoreError> {
        let mut transaction = self.database.write().await?;
        hold(&mut transaction, operation, epoch).await?;
        for _ in 0..LOOKS {
            if transaction.run(ENTER, bind![lane, operation.as_str()]).await? == 1 {
                transaction.commit().await?;
                return Ok(Lane::Entered);
            }
            let Some(row) = transaction.first(HOLDER, bind![lane, operation.as_str()]).await? else { continue };
            let by: OperationId = row.parsed("id")?;
            if &by == operation {
                return Ok(Lane::Entered);
            }
            return Ok(Lane::Occupied { by, under_way: row.text("state")? == "pending" });
        }
        Err(StoreError::Unavailable { reason: "the lane comes and goes".to_owned(), source: None })
    }
}

/// Leaves every lane of an operation, in the transaction of what ended it.
pub(crate) async fn leave(transaction: &mut Transaction, operation: &OperationId) -> Result<(), StoreError> {
    transaction.run(LEAVE, bind![operation.as_str()]).await.map(drop)
}
