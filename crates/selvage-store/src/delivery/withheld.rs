//! Messages that a subscription would have had and that its grant does not cover any more: not sent, and not counted as delivered. Kept with
//! why, so that nobody takes them for messages that arrived.

use std::collections::HashMap;

use jiff::Timestamp;
use selvage_model::event::{EventId, LaneKey, Position};

use super::KEPT_FOR;
use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::event::{read_position, stored};
use crate::statement::statements;
use crate::value::{Micros, Row, bind};

statements! {
    // What is written again, since nobody knew whether it was written, is the same.
    NOTE = "INSERT INTO withheld_message (subscription, position, lane, event, because, withheld_at) VALUES ($1, $2, $3, $4, $5, $6) \
            ON CONFLICT (subscription, position) DO NOTHING";
    COUNTS = "SELECT subscription, COUNT(*) AS messages FROM withheld_message GROUP BY subscription";
    NEWEST = "SELECT position, lane, event, because, withheld_at FROM withheld_message WHERE subscription = $1 \
              ORDER BY position DESC LIMIT $2";
    OLD = "DELETE FROM withheld_message WHERE withheld_at < $1";
}

/// A message that was not sent, since the grant does not cover it any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithheldMessage {
    /// Where it stands in the log.
    pub position: Position,
    /// Its lane.
    pub lane: LaneKey,
    /// The event's id in the log.
    pub event: EventId,
    /// Why.
    pub because: String,
    /// When.
    pub at: Timestamp,
}

impl Store {
    /// For how many days it is kept which messages were withheld.
    pub const WITHHELD_DAYS: u64 = KEPT_FOR.as_secs() / 86_400;

    /// The newest messages that were withheld from a subscription, the last in the log first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn withheld_messages(&self, subscription: &str, limit: u32) -> Result<Vec<WithheldMessage>, StoreError> {
        let rows = self.database.read().await?.all(NEWEST, bind![subscription, i64::from(limit)]).await?;
        rows.iter().map(from_row).collect()
    }
}

pub(super) async fn note(transaction: &mut Transaction, id: &str, message: &WithheldMessage) -> Result<(), StoreError> {
    let WithheldMessage { position, lane, event, because, at } = message;
    let row = bind![id, stored(*position), lane.as_str(), event.as_str(), because.as_str(), Micros::from(*at)];
    transaction.run(NOTE, row).await.map(drop)
}

/// How many were withheld, by subscription.
pub(super) async fn counts(transaction: &mut Transaction) -> Result<HashMap<String, u64>, StoreError> {
    let rows = transaction.all(COUNTS, bind![]).await?;
    rows.iter().map(|row| Ok((row.text("subscription")?, row.count("messages")?))).collect()
}

pub(super) async fn forget_old(transaction: &mut Transaction, before: Micros) -> Result<(), StoreError> {
    transaction.run(OLD, bind![before]).await.map(drop)
}

fn from_row(row: &Row) -> Result<WithheldMessage, StoreError> {
    Ok(WithheldMessage {
        position: read_position(row)?,
        lane: row.parsed("lane")?,
        event: row.parsed("event")?,
        because: row.text("because")?,
        at: row.time("withheld_at")?,
    })
}
