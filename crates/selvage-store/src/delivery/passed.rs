//! Events that deliveries went on behind, since the log does not have them as they were written. Kept with the subscription that has not had
//! them, so that nobody takes it for whole: for as long as its stream reaches back to them, and for a month at least.

use std::collections::HashMap;

use jiff::Timestamp;
use selvage_model::event::Position;

use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::event::{read_position, stored};
use crate::statement::statements;
use crate::value::{Micros, Row, bind};

statements! {
    // Whoever reads it again, since the cursor had not come as far, meets the same.
    NOTE = "INSERT INTO passed_event (subscription, position, last_offset, code, because, passed_at) VALUES ($1, $2, $3, $4, $5, $6) \
            ON CONFLICT (subscription, position) DO NOTHING";
    LAST = "SELECT subscription, position, code, because, passed_at, \
            (SELECT COUNT(*) FROM passed_event AS own WHERE own.subscription = passed_event.subscription) AS places \
            FROM passed_event WHERE position = \
            (SELECT MAX(position) FROM passed_event AS own WHERE own.subscription = passed_event.subscription)";
    NEWEST = "SELECT position, code, because, passed_at FROM passed_event WHERE subscription = $1 ORDER BY position DESC LIMIT $2";
    OLD = "DELETE FROM passed_event WHERE passed_at < $1 AND NOT EXISTS \
           (SELECT 1 FROM subscription JOIN event_stream ON event_stream.name = subscription.interface \
            WHERE subscription.id = passed_event.subscription AND subscription.state <> 'ended' \
            AND event_stream.retired_to < passed_event.last_offset)";
}

/// Events that a subscription has not had, since the log does not have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedEvents {
    /// The last of them.
    pub position: Position,
    /// The code of what became of them, as `FAB7013`.
    pub code: String,
    /// The same, for a person: it names all of them.
    pub because: String,
    /// When deliveries went on behind them.
    pub at: Timestamp,
}

impl PassedEvents {
    /// In one line, with the code of the page about it.
    pub fn says(&self) -> String {
        format!("{} ({})", self.because, self.code)
    }
}

/// What a subscription has not had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// At how many places of its stream.
    pub places: u64,
    /// The last of them.
    pub last: PassedEvents,
}

impl Store {
    /// The last events that a subscription has not had since the log does not have them, the last in the log first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn passed_events(&self, subscription: &str, limit: u32) -> Result<Vec<PassedEvents>, StoreError> {
        let rows = self.database.read().await?.all(NEWEST, bind![subscription, i64::from(limit)]).await?;
        rows.iter().map(from_row).collect()
    }
}

pub(super) async fn note(transaction: &mut Transaction, id: &str, events: &PassedEvents) -> Result<(), StoreError> {
    let PassedEvents { position, code, because, at } = events;
    let last = i64::try_from(position.offset()).unwrap_or(i64::MAX);
    let row = bind![id, stored(*position), last, code.as_str(), because.as_str(), Micros::from(*at)];
    transaction.run(NOTE, row).await.map(drop)
}

/// What each subscription has not had, by its id; those that have had everything are not among them.
pub(super) async fn all(transaction: &mut Transaction) -> Result<HashMap<String, Passed>, StoreError> {
    let rows = transaction.all(LAST, bind![]).await?;
    let passed =
        |row: &Row| -> Result<Passed, StoreError> { Ok(Passed { places: row.count("places")?, last: from_row(row)? }) };
    rows.iter().map(|row| Ok((row.text("subscription")?, passed(row)?))).collect()
}

/// Forgets what retention has taken since, and what has ended.
pub(super) async fn forget_old(transaction: &mut Transaction, before: Micros) -> Result<(), StoreError> {
    transaction.run(OLD, bind![before]).await.map(drop)
}

fn from_row(row: &Row) -> Result<PassedEvents, StoreError> {
    Ok(PassedEvents {
        position: read_position(row)?,
        code: row.text("code")?,
        because: row.text("because")?,
        at: row.time("passed_at")?,
    })
}
