//! By what a copy finds records without going through all of them: written beside each record that changes, and anew for all of them
//! where a copy is kept from now on, or finds by other attributes than before. Never says what a record is looked for by.

use super::CaptureHold;
use super::known::{Captured, Standing, captured, count};
use super::step::ensure_held;
use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::bind;

statements! {
    BY_ID = "SELECT record, standing, generation, written, change, business_key, content, told, created FROM captured \
             WHERE capture = $1 AND record > $2 ORDER BY record LIMIT $3";
    CLEAR = "DELETE FROM captured_value WHERE capture = $1 AND record = $2";
    VALUE = "INSERT INTO captured_value (capture, attribute, value, record) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (capture, attribute, value, record) DO NOTHING";
    FOUND_BY = "UPDATE capture SET found_by = $1 WHERE id = $2";
}

impl Store {
    /// Everything that is known of records behind this one, also of those that are gone, by id.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn captured_behind(&self, capture: i64, record: i64, limit: usize) -> Result<Vec<Captured>, StoreError> {
        let mut transaction = self.database.read().await?;
        transaction.all(BY_ID, bind![capture, record, count(limit)]).await?.iter().map(captured).collect()
    }

    /// Writes what these records are found by, in the place of what they were found by.
    ///
    /// # Errors
    /// [`StoreError::CaptureFenced`] where another node, or a person, has taken the capture.
    pub async fn find_captured(&self, hold: CaptureHold, records: &[Captured]) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        ensure_held(&mut transaction, hold).await?;
        for record in records {
            write(&mut transaction, hold.capture, record).await?;
        }
        transaction.commit().await
    }

    /// Notes by which attributes every record is found now; `None` where that is not so any more.
    ///
    /// # Errors
    /// [`StoreError::CaptureFenced`] where another node, or a person, has taken the capture.
    pub async fn captured_found_by(&self, hold: CaptureHold, attributes: Option<&str>) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        ensure_held(&mut transaction, hold).await?;
        transaction.run(FOUND_BY, bind![attributes.map(str::to_owned), hold.capture]).await?;
        transaction.commit().await
    }
}

/// What a record is found by, as long as lists show it.
pub(super) async fn write(transaction: &mut Transaction, capture: i64, record: &Captured) -> Result<(), StoreError> {
    transaction.run(CLEAR, bind![capture, record.record]).await?;
    if record.standing == Standing::There {
        for (attribute, value) in &record.values {
            transaction.run(VALUE, bind![capture, attribute.as_str(), value.as_str(), record.record]).await?;
        }
    }
    Ok(())
}
