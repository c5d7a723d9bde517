//! Cross-references: which record of a system is which business key of an object, in one environment. One to one there, and never moved
//! in silence.

use selvage_model::name::{ObjectName, SystemName};

use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Row, bind};

/// A record and its business key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrossReference {
    /// The system.
    pub system: SystemName,
    /// The object, in any version.
    pub object: ObjectName,
    /// The record's id in the system.
    pub record: String,
    /// The business key.
    pub key: String,
}

statements! {
    LINK = "INSERT INTO cross_reference (system_name, object, record, business_key, linked_at, environment) \
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    BY_KEY = "SELECT system_name, object, record, business_key FROM cross_reference \
              WHERE system_name = $1 AND object = $2 AND business_key = $3 AND environment = $4";
    BY_RECORD = "SELECT system_name, object, record, business_key FROM cross_reference \
                 WHERE system_name = $1 AND object = $2 AND record = $3 AND environment = $4";
}

impl Store {
    /// Links a record to its key; again is no change.
    ///
    /// # Errors
    /// [`StoreError::Taken`] where the record has another key, or the key another record.
    pub async fn link(&self, reference: &CrossReference) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        link(&mut transaction, self.scope.as_str(), reference).await?;
        transaction.commit().await
    }

    /// The reference of a business key.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn by_key(
        &self,
        system: &SystemName,
        object: &ObjectName,
        key: &str,
    ) -> Result<Option<CrossReference>, StoreError> {
        let mut transaction = self.database.read().await?;
        let row = transaction.first(BY_KEY, bind![system.as_str(), object.as_str(), key, self.scope.as_str()]).await?;
        row.as_ref().map(reference).transpose()
    }

    /// The reference of a record.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn by_record(
        &self,
        system: &SystemName,
        object: &ObjectName,
        record: &str,
    ) -> Result<Option<CrossReference>, StoreError> {
        let mut transaction = self.database.read().await?;
        let row =
            transaction.first(BY_RECORD, bind![system.as_str(), object.as_str(), record, self.scope.as_str()]).await?;
        row.as_ref().map(reference).transpose()
    }
}

/// Links within a transaction.
pub(crate) async fn link(
    transaction: &mut Transaction,
    environment: &str,
    link: &CrossReference,
) -> Result<(), StoreError> {
    let (system, object) = (link.system.as_str(), link.object.as_str());
    let now = transaction.now().await?;
    let parameters = bind![system, object, link.record.as_str(), link.key.as_str(), now, environment];
    if transaction.run(LINK, parameters).await? == 1 {
        return Ok(());
    }
    let there = transaction.first(BY_RECORD, bind![system, object, link.record.as_str(), environment]).await?;
    match there.as_ref().map(reference).transpose()? {
        Some(there) if there == *link => Ok(()),
        _ => Err(StoreError::Taken {
            system: system.to_owned(),
            object: object.to_owned(),
            record: link.record.clone(),
            key: link.key.clone(),
        }),
    }
}

fn reference(row: &Row) -> Result<CrossReference, StoreError> {
    Ok(CrossReference {
        system: row.parsed("system_name")?,
        object: row.parsed("object")?,
        record: row.text("record")?,
        key: row.text("business_key")?,
    })
}
