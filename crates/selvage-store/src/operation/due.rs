//! What has to be gone on with: operations whose lease ended or whose probe is due. Taking one raises its epoch, so
//! that whoever held it before is fenced off.

use std::time::Duration;

use crate::Store;
use crate::error::StoreError;
use crate::operation::{self, OperationRecord};
use crate::statement::statements;
use crate::value::bind;

statements! {
    DUE = skip_locked "SELECT id FROM operation WHERE environment = $3 AND due_at <= $1 ORDER BY due_at LIMIT $2";
    TAKE = "UPDATE operation SET epoch = epoch + 1, node = $2, due_at = $3, changed_at = $4 WHERE id = $1";
}

impl Store {
    /// Takes up to `limit` operations of this environment over, those due longest first, with a new lease and a raised
    /// epoch. Two nodes never take the same one.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn take_due(&self, node: &str, lease: Duration, limit: u32) -> Result<Vec<OperationRecord>, StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        let mut taken = Vec::new();
        for row in transaction.all(DUE, bind![now, i64::from(limit), self.scope.as_str()]).await? {
            let id = row.text("id")?;
            transaction.run(TAKE, bind![id.as_str(), node, now.after(lease), now]).await?;
            taken.extend(operation::read(&mut transaction, &id).await?);
        }
        transaction.commit().await?;
        Ok(taken)
    }
}
