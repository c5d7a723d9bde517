//! Records that are parked in captures: each stands in the way of itself alone, and is tried again by itself. Only reads.

use jiff::Timestamp;
use selvage_model::delivery::Cause;
use selvage_model::name::{InterfaceRef, SystemName};

use super::known::count;
use crate::Store;
use crate::delivery::choice::LaneChoice;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Row, bind};

statements! {
    OF_CAPTURE = "SELECT record, code, cause, reason, since FROM capture_parked WHERE capture = $1 AND record > $2 \
                  ORDER BY record LIMIT $3";
    HOW_MANY = "SELECT COUNT(*) AS records FROM capture_parked WHERE capture = $1";
    CHOSEN = "SELECT interface, system, capture_parked.record AS record, code, cause, reason, since \
              FROM capture_parked JOIN capture ON capture.id = capture_parked.capture \
              WHERE (CAST($1 AS TEXT) IS NULL OR interface = $1) AND CAST($2 AS TEXT) IS NULL \
              AND (CAST($3 AS TEXT) IS NULL OR system || '-' || CAST(capture_parked.record AS TEXT) = $3) \
              AND (CAST($4 AS TEXT) IS NULL OR cause = $4) ORDER BY since, interface, capture_parked.record LIMIT 10000";
}

/// A record that stands in the way of its own capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedRow {
    /// The system's id.
    pub record: i64,
    /// The code of what is in its way.
    pub code: String,
    /// Of which class that is.
    pub cause: Cause,
    /// The same, for a person.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// The same among those of all captures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedRecord {
    /// Whose events it would be.
    pub interface: InterfaceRef,
    /// The system that has it.
    pub system: SystemName,
    /// Which, and why.
    pub parked: ParkedRow,
}

impl ParkedRecord {
    /// Who it is in events: `system-id`.
    pub fn label(&self) -> String {
        format!("{}-{}", self.system, self.parked.record)
    }
}

impl Store {
    /// Records that cannot be captured as they are, by id.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn parked_captures(&self, capture: i64, after: i64, limit: usize) -> Result<Vec<ParkedRow>, StoreError> {
        let mut transaction = self.database.read().await?;
        let rows = transaction.all(OF_CAPTURE, bind![capture, after, count(limit)]).await?;
        rows.iter().map(parked).collect()
    }

    /// How many records cannot be captured as they are.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn parked_count(&self, capture: i64) -> Result<u64, StoreError> {
        let mut transaction = self.database.read().await?;
        transaction.only(HOW_MANY, bind![capture]).await?.count("records")
    }

    /// Those of all captures that are chosen, the oldest first; at most 10,000. Where a lane is named, the record by that name; of a
    /// subscription there are none.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn chosen_records(&self, which: &LaneChoice) -> Result<Vec<ParkedRecord>, StoreError> {
        let rows = self.database.read().await?.all(CHOSEN, which.parameters()).await?;
        let record = |row: &Row| {
            let (interface, system) = (row.parsed("interface")?, row.parsed("system")?);
            Ok(ParkedRecord { interface, system, parked: parked(row)? })
        };
        rows.iter().map(record).collect()
    }
}

fn parked(row: &Row) -> Result<ParkedRow, StoreError> {
    Ok(ParkedRow {
        record: row.integer("record")?,
        code: row.text("code")?,
        cause: row.parsed("cause")?,
        reason: row.text("reason")?,
        since: row.time("since")?,
    })
}
