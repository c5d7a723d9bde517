//! What was delivered lately: of each message when it arrived, how long that took, by which status and after how many sends. Written with
//! the move of the cursor, all messages of one move in one row, and a bounded number of them for each subscription.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::event::{Position, Sequence};
use selvage_model::name::InterfaceRef;

use super::letter::attempt;
use super::{AttemptRecord, micros};
use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::event::stored;
use crate::statement::statements;
use crate::value::{Micros, Row, bind};

/// So many deliveries of a subscription are kept at least, where there were as many; twice as many at most, and those of one move.
const KEPT: i64 = 1_000;

statements! {
    NOTE = "INSERT INTO delivered (subscription, total, low, high, last_at, deliveries) \
            VALUES ($1, (SELECT COALESCE(MAX(total), 0) FROM delivered WHERE subscription = $1) + $2, $3, $4, $5, $6)";
    TOTAL = "SELECT COALESCE(MAX(total), 0) AS total FROM delivered WHERE subscription = $1";
    FORGET = "DELETE FROM delivered WHERE subscription = $1 AND total <= $2";
    OLD = "DELETE FROM delivered WHERE last_at < $1";
    LAST = "SELECT deliveries FROM delivered WHERE subscription = $1 ORDER BY total DESC LIMIT $2";
    BEYOND = "SELECT deliveries FROM delivered WHERE subscription = $1 AND high > $2";
    AT = "SELECT subscription, consumer, name, deliveries FROM delivered JOIN subscription ON subscription.id = delivered.subscription \
          WHERE interface = $1 AND low <= $2 AND high >= $2 ORDER BY subscription, total";
    TRIED = "SELECT subscription, consumer, subscription.name AS name, position, number, attempted_at, took, status, \
             delivery_attempt.because AS because, excerpt \
             FROM delivery_attempt JOIN subscription ON subscription.id = delivery_attempt.subscription \
             WHERE interface = $1 AND position = $2 ORDER BY subscription, number";
}

/// One delivery, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptDelivery {
    /// Of the message at this position.
    pub position: Position,
    /// When the send began by which it arrived.
    pub at: Timestamp,
    /// How long that took.
    pub took: Duration,
    /// The answer's status.
    pub status: Option<u16>,
    /// How often it was sent, this one counted.
    pub attempts: u32,
}

/// What a subscription came to with one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventDelivery {
    /// Its id.
    pub subscription: String,
    /// The same for people: `consumer/name`.
    pub label: String,
    /// One send of the event there.
    pub attempt: AttemptRecord,
}

/// As it is written: position, when, how long, status, sends.
type Written = (i64, i64, i64, Option<u16>, u32);

impl KeptDelivery {
    fn written(&self) -> Written {
        (stored(self.position), Micros::from(self.at).0, micros(self.took), self.status, self.attempts)
    }

    fn read((at, begun, took, status, attempts): Written) -> Result<Self, StoreError> {
        let position = u64::try_from(at).ok().and_then(Sequence::position);
        Ok(Self {
            position: position.ok_or_else(|| StoreError::damaged(format!("{at} is no position of an event")))?,
            at: Micros(begun).timestamp()?,
            took: Duration::from_micros(u64::try_from(took).unwrap_or_default()),
            status,
            attempts,
        })
    }
}

impl Store {
    /// What was delivered last to a subscription, the last first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn last_deliveries(&self, subscription: &str, most: u32) -> Result<Vec<KeptDelivery>, StoreError> {
        let rows = self.database.read().await?.all(LAST, bind![subscription, i64::from(most)]).await?;
        let mut all = Vec::new();
        for row in &rows {
            all.extend(kept(row)?);
        }
        all.sort_by_key(|it| std::cmp::Reverse((it.at, it.position)));
        // What was written again, since nobody knew whether it was written, began at the same time.
        all.dedup_by_key(|it| (it.at, it.position));
        all.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        Ok(all)
    }

    /// What arrived behind a position where the cursor stands, as far as it is kept: others before it have not arrived.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn delivered_beyond(
        &self,
        subscription: &str,
        after: Position,
    ) -> Result<BTreeSet<Position>, StoreError> {
        let rows = self.database.read().await?.all(BEYOND, bind![subscription, stored(after)]).await?;
        let mut all = BTreeSet::new();
        for row in &rows {
            all.extend(kept(row)?.into_iter().map(|it| it.position).filter(|position| *position > after));
        }
        Ok(all)
    }

    /// Every send of one event that is known, by subscription and in their order.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn event_deliveries(
        &self,
        stream: &InterfaceRef,
        at: Position,
    ) -> Result<Vec<EventDelivery>, StoreError> {
        let mut transaction = self.database.read().await?;
        let which = || bind![stream.to_string(), stored(at)];
        let mut all = Vec::new();
        for row in transaction.all(TRIED, which()).await? {
            all.push(of(&row, attempt(&row)?)?);
        }
        let mut known: BTreeSet<(String, Timestamp)> =
            all.iter().map(|it| (it.subscription.clone(), it.attempt.at)).collect();
        for row in transaction.all(AT, which()).await? {
            for it in kept(&row)?.into_iter().filter(|it| it.position == at) {
                if known.insert((row.text("subscription")?, it.at)) {
                    all.push(of(&row, AttemptRecord::from(it))?);
                }
            }
        }
        all.sort_by(|left, right| (&left.label, left.attempt.at).cmp(&(&right.label, right.attempt.at)));
        Ok(all)
    }
}

impl From<KeptDelivery> for AttemptRecord {
    fn from(it: KeptDelivery) -> Self {
        Self {
            position: it.position,
            number: it.attempts,
            at: it.at,
            took: it.took,
            status: it.status,
            because: "delivered".to_owned(),
            excerpt: None,
        }
    }
}

fn of(row: &Row, attempt: AttemptRecord) -> Result<EventDelivery, StoreError> {
    let label = format!("{}/{}", row.text("consumer")?, row.text("name")?);
    Ok(EventDelivery { subscription: row.text("subscription")?, label, attempt })
}

fn kept(row: &Row) -> Result<Vec<KeptDelivery>, StoreError> {
    row.json::<Vec<Written>>("deliveries")?.into_iter().map(KeptDelivery::read).collect()
}

/// Notes what arrived, in the transaction that moves the cursor, and forgets now and then what is beyond the bound.
pub(super) async fn note(
    transaction: &mut Transaction,
    subscription: &str,
    arrived: &[KeptDelivery],
    forgets: bool,
) -> Result<(), StoreError> {
    let positions = || arrived.iter().map(|it| it.position);
    let (Some(low), Some(high)) = (positions().min(), positions().max()) else { return Ok(()) };
    let last = arrived.iter().map(|it| it.at).max().unwrap_or_default();
    let written: Vec<Written> = arrived.iter().map(KeptDelivery::written).collect();
    let text = serde_json::to_string(&written).map_err(|error| StoreError::damaged(error.to_string()))?;
    let count = i64::try_from(arrived.len()).unwrap_or(i64::MAX);
    let row = bind![subscription, count, stored(low), stored(high), Micros::from(last), text];
    transaction.run(NOTE, row).await?;
    if forgets {
        let total = transaction.only(TOTAL, bind![subscription]).await?.integer("total")?;
        transaction.run(FORGET, bind![subscription, total - KEPT]).await?;
    }
    Ok(())
}

pub(super) async fn forget_old(transaction: &mut Transaction, old: Micros) -> Result<(), StoreError> {
    transaction.run(OLD, bind![old]).await.map(drop)
}
