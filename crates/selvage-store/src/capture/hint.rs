//! Hints that a record may have changed, and what Selvage itself wrote. A hint is kept until its record was read after it came;
//! hints of one record are one.

use selvage_model::name::SystemName;
use serde_json::Value;

use crate::Store;
use crate::error::StoreError;
use crate::statement::{Sql, statements};
use crate::value::{Parameter, bind};

/// How many records one statement looks for.
const MANY: usize = 8;

statements! {
    HINT = "INSERT INTO capture_hint (capture, record, asked) SELECT id, $3, 1 FROM capture WHERE system = $1 AND record = $2 \
            ON CONFLICT (capture, record) DO UPDATE SET asked = capture_hint.asked + 1";
    HINTS = "SELECT record, asked FROM capture_hint WHERE capture = $1 ORDER BY record LIMIT $2";
    ECHO = "INSERT INTO capture_echo (capture, record, content, effect, noted_at, stood, wrote) \
            SELECT id, $3, $4, $5, $6, $7, $8 FROM capture WHERE system = $1 AND record = $2 \
            ON CONFLICT (capture, record, content) DO UPDATE SET effect = excluded.effect, noted_at = excluded.noted_at, \
            stood = excluded.stood, wrote = excluded.wrote";
    ECHOES = "SELECT record, content, effect, stood, wrote FROM capture_echo WHERE capture = $1 AND \
              record IN ($2, $3, $4, $5, $6, $7, $8, $9)";
    OCCUPIED = "SELECT lane FROM lane WHERE lane IN ($1, $2, $3, $4, $5, $6, $7, $8)";
    OPEN = "SELECT id FROM operation WHERE state IN ('pending', 'unknown') AND id IN ($1, $2, $3, $4, $5, $6, $7, $8)";
}

/// What Selvage wrote to a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Echo {
    /// The system's id.
    pub record: i64,
    /// The hash of the object as it was read back.
    pub content: [u8; 32],
    /// The hash, in hex, of the object as it stood before; none where it was not there.
    pub stood: Option<String>,
    /// The attributes that were written; none where all of it was made.
    pub wrote: Option<Vec<String>>,
    /// The effect by which it was written.
    pub effect: String,
}

impl Store {
    /// Notes that a record may have changed, for every capture of such records. How many captures that concerns.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn hint_capture(&self, system: &SystemName, model: &str, record: i64) -> Result<u64, StoreError> {
        let mut transaction = self.database.write().await?;
        let captures = transaction.run(HINT, bind![system.as_str(), model, record]).await?;
        transaction.commit().await?;
        Ok(captures)
    }

    /// Hints that are not followed yet: the record, and how often it was asked for.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn capture_hints(&self, capture: i64, limit: usize) -> Result<Vec<(i64, i64)>, StoreError> {
        let mut transaction = self.database.read().await?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = transaction.all(HINTS, bind![capture, limit]).await?;
        rows.iter().map(|row| Ok((row.integer("record")?, row.integer("asked")?))).collect()
    }

    /// Notes what an effect left in a system, as it was read back, and hints that its record changed. It is kept until a change is
    /// known by it, or the hint was followed: however long captures stand still, it is there.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_echo(&self, system: &SystemName, model: &str, echo: &Echo) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        let (effect, stood) = (echo.effect.as_str(), echo.stood.clone());
        let wrote = echo.wrote.as_ref().map(|names| Value::from(names.as_slice()).to_string());
        let note = bind![system.as_str(), model, echo.record, echo.content, effect, now, stood, wrote];
        if transaction.run(ECHO, note).await? > 0 {
            transaction.run(HINT, bind![system.as_str(), model, echo.record]).await?;
        }
        transaction.commit().await
    }

    /// What Selvage wrote to these records.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn echoes(&self, capture: i64, records: &[i64]) -> Result<Vec<Echo>, StoreError> {
        let mut transaction = self.database.read().await?;
        let mut found = Vec::new();
        for chunk in records.chunks(MANY) {
            let ids = chunk.iter().chain(std::iter::repeat_n(chunk.last(), MANY).flatten()).take(MANY);
            let ids = ids.map(|record| Parameter::from(*record));
            for row in transaction.all(ECHOES, bind![capture].into_iter().chain(ids)).await? {
                let (record, effect) = (row.integer("record")?, row.text("effect")?);
                let (stood, wrote) = (row.optional_text("stood")?, row.optional_json("wrote")?);
                let wrote = wrote.map(|names| serde_json::from_value(names).unwrap_or_default());
                found.push(Echo { record, content: row.hash("content")?, stood, wrote, effect });
            }
        }
        Ok(found)
    }

    /// Those of these lanes that an operation is in: what it leaves in the record is not known yet.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn occupied_lanes(&self, lanes: &[String]) -> Result<Vec<String>, StoreError> {
        self.those(OCCUPIED, "lane", lanes).await
    }

    /// Those of these operations that are worked on or looked up.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn open_operations(&self, operations: &[String]) -> Result<Vec<String>, StoreError> {
        self.those(OPEN, "id", operations).await
    }

    async fn those(&self, sql: Sql, column: &'static str, texts: &[String]) -> Result<Vec<String>, StoreError> {
        let mut transaction = self.database.read().await?;
        let mut found = Vec::new();
        for chunk in texts.chunks(MANY) {
            let texts = chunk.iter().chain(std::iter::repeat_n(chunk.last(), MANY).flatten()).take(MANY);
            for row in transaction.all(sql, texts.map(|text| Parameter::from(text.as_str()))).await? {
                found.push(row.text(column)?);
            }
        }
        Ok(found)
    }
}
