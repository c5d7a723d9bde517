//! Until when a receiver asked to be left alone: kept with its subscription, so that whoever delivers next waits, too.

use jiff::Timestamp;

use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Micros, bind};

statements! {
    HELD = "SELECT held_until FROM subscription WHERE id = $1";
    HOLD = "UPDATE subscription SET held_until = $2 WHERE id = $1 AND state = 'active'";
    LIFT = "UPDATE subscription SET held_until = NULL WHERE id = $1";
}

impl Store {
    /// Until when nothing is sent for a subscription, since its receiver asked for it; that may be over.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn held_until(&self, subscription: &str) -> Result<Option<Timestamp>, StoreError> {
        let row = self.database.read().await?.first(HELD, bind![subscription]).await?;
        row.map_or(Ok(None), |row| row.optional_time("held_until"))
    }
}

pub(super) async fn note(transaction: &mut Transaction, id: &str, until: Timestamp) -> Result<(), StoreError> {
    transaction.run(HOLD, bind![id, Micros::from(until)]).await.map(drop)
}

/// Nobody waits any more: it is another endpoint, or a person lets it go on.
pub(crate) async fn lift(transaction: &mut Transaction, id: &str) -> Result<(), StoreError> {
    transaction.run(LIFT, bind![id]).await.map(drop)
}
