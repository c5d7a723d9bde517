//! Records that are parked in captures: each stands in the way of itself alone, and is tried again by itself. Only reads.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use selvage_model::delivery::Cause;
use selvage_model::name::{InterfaceRef, SystemName};

use super::known::count;
use crate::Store;
use crate::delivery::choice::{LaneChoice, MOST_CHOSEN};
use crate::delivery::view::NotAPlace;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Row, bind};

statements! {
    OF_CAPTURE = "SELECT record, code, cause, reason, since FROM capture_parked WHERE capture = $1 AND record > $2 \
                  ORDER BY record LIMIT $3";
    HOW_MANY = "SELECT COUNT(*) AS records FROM capture_parked WHERE capture = $1";
    ALL = "SELECT COUNT(*) AS records FROM capture_parked JOIN capture ON capture.id = capture_parked.capture";
    CHOSEN = "SELECT capture, interface, system, capture_parked.record AS record, code, cause, reason, since \
              FROM capture_parked JOIN capture ON capture.id = capture_parked.capture \
              WHERE (CAST($1 AS TEXT) IS NULL OR interface = $1) AND CAST($2 AS TEXT) IS NULL \
              AND (CAST($3 AS TEXT) IS NULL OR system || '-' || CAST(capture_parked.record AS TEXT) = $3) \
              AND (CAST($4 AS TEXT) IS NULL OR cause = $4) \
              AND ($5 < 0 OR (since, capture, capture_parked.record) > ($5, $6, $7)) \
              ORDER BY since, capture, capture_parked.record LIMIT $8";
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

/// Where a page of parked records ends: as a text, what the next one is asked for behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordPlace {
    since: i64,
    capture: i64,
    record: i64,
}

impl RecordPlace {
    fn of(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { since: row.integer("since")?, capture: row.integer("capture")?, record: row.integer("record")? })
    }
}

impl fmt::Display for RecordPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.since, self.capture, self.record)
    }
}

impl FromStr for RecordPlace {
    type Err = NotAPlace;
    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let numbers: Option<Vec<i64>> = text.split('-').map(|number| number.parse().ok()).collect();
        match numbers.as_deref() {
            Some([since, capture, record]) => Ok(Self { since: *since, capture: *capture, record: *record }),
            _ => Err(NotAPlace(text.to_owned())),
        }
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

    /// How many records cannot be captured as they are, in all captures.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn parked_records(&self) -> Result<u64, StoreError> {
        self.database.read().await?.only(ALL, bind![]).await?.count("records")
    }

    /// Those of all captures that are chosen, the oldest first; at most 10,000. Where a lane is named, the record by that name; of a
    /// subscription there are none.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn chosen_records(&self, which: &LaneChoice) -> Result<Vec<ParkedRecord>, StoreError> {
        Ok(self.records_page(which, None, MOST_CHOSEN).await?.0)
    }

    /// A page of them, behind this place; and where the next one begins, where there is more.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn records_page(
        &self,
        which: &LaneChoice,
        after: Option<RecordPlace>,
        limit: u32,
    ) -> Result<(Vec<ParkedRecord>, Option<RecordPlace>), StoreError> {
        let RecordPlace { since, capture, record } = after.unwrap_or(RecordPlace { since: -1, capture: 0, record: 0 });
        let page = bind![since, capture, record, i64::from(limit) + 1];
        let rows = self.database.read().await?.all(CHOSEN, which.parameters().into_iter().chain(page)).await?;
        let shown = rows.get(..usize::try_from(limit).unwrap_or(usize::MAX));
        let last = shown.filter(|shown| shown.len() < rows.len()).and_then(<[Row]>::last);
        let next = last.map(RecordPlace::of).transpose()?;
        let records = shown.unwrap_or(&rows).iter().map(chosen).collect::<Result<_, _>>()?;
        Ok((records, next))
    }
}

fn chosen(row: &Row) -> Result<ParkedRecord, StoreError> {
    let (interface, system) = (row.parsed("interface")?, row.parsed("system")?);
    Ok(ParkedRecord { interface, system, parked: parked(row)? })
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
