//! What captures know of records: the last state of each, and copies read from it. Only reads.

use jiff::Timestamp;
use selvage_model::name::{InterfaceRef, SystemName};

use super::step::Unmoved;
use crate::Store;
use crate::error::StoreError;
use crate::statement::{Sql, statements};
use crate::value::{Parameter, Row, bind};

/// How many records one statement looks for.
const MANY: usize = 16;

statements! {
    THESE = "SELECT record, standing, generation, written, change, business_key, content, told, created FROM captured \
             WHERE capture = $1 AND record IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    NEWEST = "SELECT record, written, created FROM captured WHERE capture = $1 AND standing <> 2 \
              ORDER BY written DESC, record DESC LIMIT $2";
    HIGHEST = "SELECT record, written, created FROM captured WHERE capture = $1 AND standing <> 2 \
               ORDER BY record DESC LIMIT $2";
    BY_ID = "SELECT record, generation, written FROM captured WHERE capture = $1 AND standing <> 2 AND record > $2 \
             ORDER BY record LIMIT $3";
    COUNT = "SELECT COUNT(*) AS records FROM captured WHERE capture = $1 AND standing <> 2";
    UNREADABLE = "SELECT captured.record AS record, standing, generation, written, change, business_key, content, told, \
                  created FROM capture_parked JOIN captured ON captured.capture = capture_parked.capture \
                  AND captured.record = capture_parked.record \
                  WHERE capture_parked.capture = $1 AND standing = 3 ORDER BY captured.record LIMIT $2";
    OF_COPY = "SELECT id, stage, looked_at, paused_code, found_by FROM capture WHERE interface = $1 AND system = $2";
    PAGE = "SELECT record, standing, generation, written, change, business_key, content, told, created FROM captured \
            WHERE capture = $1 AND standing = 0 AND (written > $2 OR (written = $2 AND record > $3)) \
            ORDER BY written, record LIMIT $4";
    PAGE_WITH = "SELECT captured.record AS record, standing, generation, written, change, business_key, content, told, \
                 created FROM captured_value JOIN captured ON captured.capture = captured_value.capture \
                 AND captured.record = captured_value.record \
                 WHERE captured_value.capture = $1 AND attribute = $5 AND value = $6 AND standing = 0 \
                 AND (written > $2 OR (written = $2 AND captured.record > $3)) ORDER BY written, captured.record LIMIT $4";
    BY_KEY = "SELECT record, standing, generation, written, change, business_key, content, told, created FROM captured \
              WHERE capture = $1 AND business_key = $2 AND standing IN (0, 3) ORDER BY standing, record LIMIT 2";
}

/// Whether a record is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is, and lists show it.
    There,
    /// It is, and lists do not show it.
    Archived,
    /// It was deleted; what is known is how it was.
    Gone,
    /// It is, and cannot be read as the object; what is known is how it was when it could, or nothing.
    Unreadable,
}

impl Standing {
    pub(super) fn number(self) -> i64 {
        match self {
            Self::There => 0,
            Self::Archived => 1,
            Self::Gone => 2,
            Self::Unreadable => 3,
        }
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        match row.integer("standing")? {
            0 => Ok(Self::There),
            1 => Ok(Self::Archived),
            2 => Ok(Self::Gone),
            3 => Ok(Self::Unreadable),
            other => Err(StoreError::damaged(format!("{other} is not how a captured record stands"))),
        }
    }
}

/// A record that is known not to be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapturedId {
    /// The system's id.
    pub record: i64,
    /// In which going through all records it was last seen.
    pub generation: i64,
    /// The second in which it said that it was written.
    pub written: i64,
}

/// What is known of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// The system's id.
    pub record: i64,
    /// Whether it is there.
    pub standing: Standing,
    /// In which going through all records it was last seen; given by the store.
    pub generation: i64,
    /// In which second it says it was written, by the system's clock.
    pub written: i64,
    /// In which it says it was made, where it says so.
    pub created: Option<i64>,
    /// The id of the last change that was told of it; empty where none was.
    pub change: String,
    /// Its business key.
    pub key: String,
    /// The object, as JSON; `null` where it could never be read.
    pub content: String,
    /// The object as it was when it was last told of, where that is not how it is: `null` where it was not there.
    pub told: Option<String>,
    /// What it is looked for by in a copy; written only, never read.
    pub values: Vec<(String, String)>,
}

/// A copy as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyState {
    /// Its number in the store.
    pub capture: i64,
    /// Whether it has all records.
    pub whole: bool,
    /// When the last look began that saw everything.
    pub looked_at: Option<Timestamp>,
    /// The code of why it stands still, where it does.
    pub paused: Option<String>,
    /// By which attributes it finds every record without going through all of them; `None` where it does not.
    pub found_by: Option<String>,
    /// Now, by the store's clock.
    pub now: Timestamp,
}

/// A page of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyPage<'a> {
    /// Which copy.
    pub capture: i64,
    /// Behind which second of writing and record.
    pub after: (i64, i64),
    /// At most so many.
    pub limit: usize,
    /// Only those with this value of this attribute, which is among those that are looked for.
    pub with: Option<(&'a str, &'a str)>,
}

impl Store {
    /// What is known of these records; those that nothing is known of are left out.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn captured(&self, capture: i64, records: &[i64]) -> Result<Vec<Captured>, StoreError> {
        let mut transaction = self.database.read().await?;
        let mut found = Vec::new();
        for chunk in records.chunks(MANY) {
            let ids = chunk.iter().chain(std::iter::repeat_n(chunk.last(), MANY).flatten()).take(MANY);
            let ids = ids.map(|record| Parameter::from(*record));
            for row in transaction.all(THESE, bind![capture].into_iter().chain(ids)).await? {
                found.push(captured(&row)?);
            }
        }
        Ok(found)
    }

    /// The records that were written last, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn newest_captured(&self, capture: i64, limit: usize) -> Result<Vec<Unmoved>, StoreError> {
        self.seconds(NEWEST, capture, limit).await
    }

    /// The records with the highest ids, the highest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn highest_captured(&self, capture: i64, limit: usize) -> Result<Vec<Unmoved>, StoreError> {
        self.seconds(HIGHEST, capture, limit).await
    }

    async fn seconds(&self, sql: Sql, capture: i64, limit: usize) -> Result<Vec<Unmoved>, StoreError> {
        let mut transaction = self.database.read().await?;
        let rows = transaction.all(sql, bind![capture, count(limit)]).await?;
        let unmoved = |row: &Row| {
            let (record, written) = (row.integer("record")?, row.integer("written")?);
            Ok(Unmoved { record, written, created: row.optional_number("created")? })
        };
        rows.iter().map(unmoved).collect()
    }

    /// Records that are not known to be gone, by id.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn captured_ids(&self, capture: i64, after: i64, limit: usize) -> Result<Vec<CapturedId>, StoreError> {
        let mut transaction = self.database.read().await?;
        let rows = transaction.all(BY_ID, bind![capture, after, count(limit)]).await?;
        let id = |row: &Row| {
            let (record, generation, written) =
                (row.integer("record")?, row.integer("generation")?, row.integer("written")?);
            Ok(CapturedId { record, generation, written })
        };
        rows.iter().map(id).collect()
    }

    /// How many records are known that are not gone.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn captured_count(&self, capture: i64) -> Result<u64, StoreError> {
        let mut transaction = self.database.read().await?;
        transaction.only(COUNT, bind![capture]).await?.count("records")
    }

    /// The copy that this capture keeps; `None` where it has not begun.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn copy(&self, interface: &InterfaceRef, system: &SystemName) -> Result<Option<CopyState>, StoreError> {
        let mut transaction = self.database.read().await?;
        let row = transaction.first(OF_COPY, bind![interface.to_string(), system.as_str()]).await?;
        let Some(row) = row else { return Ok(None) };
        let looked_at = row.optional_time("looked_at")?;
        Ok(Some(CopyState {
            capture: row.integer("id")?,
            whole: looked_at.is_some(),
            looked_at,
            paused: row.optional_text("paused_code")?,
            found_by: row.optional_text("found_by")?,
            now: transaction.now().await?.timestamp()?,
        }))
    }

    /// Records of a copy, in the order of their writing.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn copy_page(&self, page: &CopyPage<'_>) -> Result<Vec<Captured>, StoreError> {
        let mut transaction = self.database.read().await?;
        let place = bind![page.capture, page.after.0, page.after.1, count(page.limit)];
        let rows = match page.with {
            None => transaction.all(PAGE, place).await?,
            Some((attribute, value)) => {
                transaction.all(PAGE_WITH, place.into_iter().chain(bind![attribute, value])).await?
            }
        };
        rows.iter().map(captured).collect()
    }

    /// Records that are there and cannot be read as the object, by id, as they were when they could.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn unreadable(&self, capture: i64, limit: usize) -> Result<Vec<Captured>, StoreError> {
        let mut transaction = self.database.read().await?;
        transaction.all(UNREADABLE, bind![capture, count(limit)]).await?.iter().map(captured).collect()
    }

    /// Up to two records of a copy with this business key, also those that cannot be read any more.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn copy_of_key(&self, capture: i64, key: &str) -> Result<Vec<Captured>, StoreError> {
        let mut transaction = self.database.read().await?;
        transaction.all(BY_KEY, bind![capture, key]).await?.iter().map(captured).collect()
    }
}

pub(super) fn captured(row: &Row) -> Result<Captured, StoreError> {
    Ok(Captured {
        record: row.integer("record")?,
        standing: Standing::read(row)?,
        generation: row.integer("generation")?,
        written: row.integer("written")?,
        change: row.text("change")?,
        key: row.text("business_key")?,
        content: row.text("content")?,
        told: row.optional_text("told")?,
        created: row.optional_number("created")?,
        values: Vec::new(),
    })
}

pub(super) fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
