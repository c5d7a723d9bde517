//! Since when use is observed: of everything, and of each grant. What was not seen in a short time says nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::bind;

statements! {
    BEGAN = "SELECT MIN(starts_at) AS began FROM usage_count";
    GRANTED = "SELECT id, granted_at FROM lease";
}

impl Store {
    /// The first use that is still kept of anything; nothing where none is.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn usage_began(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut transaction = self.database.read().await?;
        let row = transaction.first(BEGAN, bind![]).await?;
        Ok(row.map(|row| row.optional_time("began")).transpose()?.flatten())
    }

    /// When each grant was given, by its id.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn granted(&self) -> Result<BTreeMap<String, Timestamp>, StoreError> {
        let mut transaction = self.database.read().await?;
        let rows = transaction.all(GRANTED, bind![]).await?;
        rows.iter().map(|row| Ok((row.text("id")?, row.time("granted_at")?))).collect()
    }
}
