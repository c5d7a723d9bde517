//! Lanes of subscriptions that are set aside, with the messages that wait in them: written in the transaction that moves the
//! subscription's cursor, and only by the node that holds it. Decides nothing about when a lane is tried again.

pub(crate) mod choice;
pub(crate) mod hold;
pub(crate) mod kept;
pub(crate) mod letter;
pub(crate) mod passed;
pub(crate) mod view;
pub(crate) mod withheld;

use std::time::Duration;

use jiff::Timestamp;
use selvage_model::delivery::Cause;
use selvage_model::event::{EventId, LaneKey, Position};

use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::event::checksum::checksum;
use crate::event::cursor::{self, CursorMove};
use crate::event::{group, read_position, stored};
use crate::statement::statements;
use crate::value::{Micros, Row, bind};
use kept::KeptDelivery;
use passed::PassedEvents;
use withheld::WithheldMessage;

/// How many attempts are kept of each message, the newest.
const KEPT_ATTEMPTS: i64 = 20;
/// For how long attempts and settled dead letters are kept.
const KEPT_FOR: Duration = Duration::from_secs(30 * 86_400);
/// For how long it is kept how groups ended.
const ENDS_KEPT_FOR: Duration = Duration::from_secs(400 * 86_400);

statements! {
    DELIVERED = "DELETE FROM parked_message WHERE subscription = $1 AND lane = $2 AND position <= $3";
    TROUBLE = "INSERT INTO parked_lane (subscription, lane, state, through, cause, because, attempts, spent, failed_at, due_at, since) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $9) ON CONFLICT (subscription, lane) DO UPDATE SET \
               state = excluded.state, cause = excluded.cause, because = excluded.because, attempts = excluded.attempts, \
               spent = excluded.spent, failed_at = excluded.failed_at, due_at = excluded.due_at, \
               through = CASE WHEN parked_lane.through > excluded.through THEN parked_lane.through ELSE excluded.through END";
    ASIDE = "INSERT INTO parked_message (subscription, lane, position, event, body, appended_at, checksum) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    THROUGH = "UPDATE parked_lane SET through = $3 WHERE subscription = $1 AND lane = $2 AND through < $3";
    UNPARK = "DELETE FROM parked_lane WHERE subscription = $1 AND lane = $2 AND state = 'retrying' AND through <= $3 AND NOT EXISTS \
              (SELECT 1 FROM parked_message WHERE parked_message.subscription = $1 AND parked_message.lane = $2)";
    ATTEMPT = "INSERT INTO delivery_attempt (subscription, position, number, attempted_at, took, status, because, excerpt) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    NUMBERED = "SELECT COALESCE(MAX(number), 0) AS last, COUNT(CASE WHEN attempted_at = $3 THEN 1 END) AS known \
                FROM delivery_attempt WHERE subscription = $1 AND position = $2";
    FORGET_ATTEMPTS = "DELETE FROM delivery_attempt WHERE subscription = $1 AND position = $2 AND number <= $3";
    LANES = "SELECT lane, state, through AS position, cause, because, attempts, spent, failed_at, due_at FROM parked_lane \
             WHERE subscription = $1 ORDER BY lane";
    MESSAGES = "SELECT position, event, body, appended_at, checksum FROM parked_message \
                WHERE subscription = $1 AND lane = $2 AND position > $3 ORDER BY position LIMIT $4";
    ACTS = "SELECT id, acts FROM subscription WHERE state = 'active'";
    OLD_ATTEMPTS = "DELETE FROM delivery_attempt WHERE attempted_at < $1";
    OLD_LETTERS = "DELETE FROM dead_letter WHERE settled_at < $1";
}

/// What deliveries of one subscription came to since the last time: written whole or not at all.
#[derive(Clone, Debug)]
pub struct Deliveries {
    /// Which subscription, by id.
    pub subscription: String,
    /// Where its cursor goes; it may stay. INVARIANT: LANE-ORDER: without the fence nothing of this is written.
    pub moved: CursorMove,
    /// For how long the node holds it from now on.
    pub lease: Duration,
    /// Set aside messages that arrived: of each lane, everything up to here.
    pub delivered: Vec<(LaneKey, Position)>,
    /// Lanes that failed, or failed again, as they stand now.
    pub troubles: Vec<LaneTrouble>,
    /// Messages to be set aside, each of a lane that is in trouble. INVARIANT: PARKED-LANE
    pub aside: Vec<(LaneKey, ParkedMessage)>,
    /// Messages that will not be tried again.
    pub dead: Vec<NewDeadLetter>,
    /// Sends of messages that are set aside.
    pub attempts: Vec<AttemptRecord>,
    /// Lanes in which nothing waits, as far as the node knows.
    pub drained: Vec<LaneKey>,
    /// Until when the receiver asked to be left alone, where it has asked since the last time.
    pub held: Option<Timestamp>,
    /// Messages that are not sent, since the grant does not cover them any more.
    pub withheld: Vec<WithheldMessage>,
    /// Events that it goes on behind, since the log does not have them.
    pub passed: Vec<PassedEvents>,
    /// What arrived, for those who look for it.
    pub arrived: Vec<KeptDelivery>,
    /// Whether it is time to forget what arrived long ago.
    pub forgets: bool,
}

/// A lane that is set aside, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneTrouble {
    /// Which lane.
    pub lane: LaneKey,
    /// Everything of it up to here is set aside, or was delivered from there.
    pub through: Position,
    /// Why its head did not arrive.
    pub cause: Cause,
    /// The same, for a person.
    pub because: String,
    /// How often its head was sent.
    pub attempts: u32,
    /// For how long its clock has run for the head.
    pub spent: Duration,
    /// When it failed last.
    pub failed: Timestamp,
    /// When its head is tried next; none where the lane is parked.
    pub due: Option<Timestamp>,
}

/// A message that is set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedMessage {
    /// Where it stands in the log.
    pub position: Position,
    /// The event's id there.
    pub event: EventId,
    /// The event, as it stands there.
    pub body: Vec<u8>,
    /// When it was appended.
    pub appended: Timestamp,
    /// It is not what was set aside: nobody may be sent it. Of what was set aside before there were checksums, nobody knows.
    pub is_damaged: bool,
}

/// A message that will not be tried again unless a person says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeadLetter {
    /// Its id (`dlt_…`).
    pub id: String,
    /// The lane that is parked behind it.
    pub lane: LaneKey,
    /// Where it stands in the log.
    pub position: Position,
    /// The event's id there.
    pub event: EventId,
    /// Why.
    pub cause: Cause,
    /// The same, for a person.
    pub because: String,
    /// How often it was sent.
    pub attempts: u32,
    /// Since when.
    pub died: Timestamp,
}

/// One send, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRecord {
    /// Of the message at this position.
    pub position: Position,
    /// Its number, from 1.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// The answer's status, where there was an answer.
    pub status: Option<u16>,
    /// What came of it.
    pub because: String,
    /// The beginning of the answer.
    pub excerpt: Option<String>,
}

impl Store {
    /// Writes what deliveries of several subscriptions came to, all in one transaction, and gives for each the lanes that are not set
    /// aside any more: nothing waits in them, and the cursor has passed everything that did. INVARIANT: PARKED-LANE
    ///
    /// Of a subscription that another node has taken over, or that has ended, nothing is written: that is
    /// [`StoreError::CursorFenced`] or [`StoreError::NotFound`], and no concern of the others.
    ///
    /// # Errors
    /// Those of the database; nothing was written then, or, after [`StoreError::Unavailable`], the same may be written again.
    pub async fn record_deliveries(
        &self,
        all: &[Deliveries],
    ) -> Result<Vec<Result<Vec<LaneKey>, StoreError>>, StoreError> {
        let mut transaction = self.database.write().await?;
        let mut moves = cursor::Moves::begin(&mut transaction).await?;
        let mut done = Vec::with_capacity(all.len());
        for deliveries in all {
            match moves.step(&mut transaction, &deliveries.moved, deliveries.lease).await {
                Ok(()) => done.push(Ok(record(&mut transaction, deliveries).await?)),
                Err(error @ (StoreError::CursorFenced { .. } | StoreError::NotFound { .. })) => done.push(Err(error)),
                Err(error) => return Err(error),
            }
        }
        transaction.commit().await?;
        Ok(done)
    }

    /// The lanes of a subscription that are set aside, by name.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn parked_lanes(&self, subscription: &str) -> Result<Vec<LaneTrouble>, StoreError> {
        let rows = self.database.read().await?.all(LANES, bind![subscription]).await?;
        rows.iter().map(LaneTrouble::from_row).collect()
    }

    /// The next messages of a lane that is set aside, in order.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn parked_messages(
        &self,
        subscription: &str,
        lane: &LaneKey,
        after: Position,
        limit: u32,
    ) -> Result<Vec<ParkedMessage>, StoreError> {
        let page = bind![subscription, lane.as_str(), stored(after), i64::from(limit)];
        let rows = self.database.read().await?.all(MESSAGES, page).await?;
        rows.iter().map(|row| parked(row, subscription, lane)).collect()
    }

    /// How often people acted on the lanes of each active subscription, by its id.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lane_acts(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let rows = self.database.read().await?.all(ACTS, bind![]).await?;
        rows.iter().map(|row| Ok((row.text("id")?, row.integer("acts")?))).collect()
    }

    /// Forgets attempts, deliveries, settled dead letters and withheld messages that are old, what deliveries went on behind once retention
    /// has taken it, and how groups ended very long ago.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn forget_old_attempts(&self) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let old = transaction.now().await?.before(KEPT_FOR);
        transaction.run(OLD_ATTEMPTS, bind![old]).await?;
        transaction.run(OLD_LETTERS, bind![old]).await?;
        withheld::forget_old(&mut transaction, old).await?;
        passed::forget_old(&mut transaction, old).await?;
        let very_old = transaction.now().await?.before(ENDS_KEPT_FOR);
        group::forget_old(&mut transaction, very_old).await?;
        kept::forget_old(&mut transaction, old).await?;
        transaction.commit().await
    }
}

impl LaneTrouble {
    fn row(&self, subscription: &str) -> [crate::value::Parameter; 10] {
        let state = if self.due.is_some() { "retrying" } else { "parked" };
        bind![
            subscription,
            self.lane.as_str(),
            state,
            stored(self.through),
            self.cause.as_str(),
            self.because.as_str(),
            i64::from(self.attempts),
            micros(self.spent),
            Micros::from(self.failed),
            self.due.map(Micros::from)
        ]
    }

    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            lane: row.parsed("lane")?,
            through: read_position(row)?,
            cause: row.parsed("cause")?,
            because: row.text("because")?,
            attempts: number(row, "attempts")?,
            spent: Duration::from_micros(row.count("spent")?),
            failed: row.time("failed_at")?,
            due: row.optional_time("due_at")?,
        })
    }
}

/// Writes what deliveries came to behind the move of their cursor.
async fn record(transaction: &mut Transaction, deliveries: &Deliveries) -> Result<Vec<LaneKey>, StoreError> {
    let id = deliveries.subscription.as_str();
    for (lane, position) in &deliveries.delivered {
        transaction.run(DELIVERED, bind![id, lane.as_str(), stored(*position)]).await?;
    }
    for trouble in &deliveries.troubles {
        transaction.run(TROUBLE, trouble.row(id)).await?;
    }
    for (lane, message) in &deliveries.aside {
        aside(transaction, id, lane, message).await?;
    }
    for letter in &deliveries.dead {
        letter::insert(transaction, id, letter).await?;
    }
    for attempt in &deliveries.attempts {
        note(transaction, id, attempt).await?;
    }
    if let Some(until) = deliveries.held {
        hold::note(transaction, id, until).await?;
    }
    for message in &deliveries.withheld {
        withheld::note(transaction, id, message).await?;
    }
    for events in &deliveries.passed {
        passed::note(transaction, id, events).await?;
    }
    kept::note(transaction, id, &deliveries.arrived, deliveries.forgets).await?;
    let mut unparked = Vec::new();
    for lane in &deliveries.drained {
        let past = bind![id, lane.as_str(), stored(deliveries.moved.to)];
        if transaction.run(UNPARK, past).await? == 1 {
            unparked.push(lane.clone());
        }
    }
    Ok(unparked)
}

fn parked(row: &Row, subscription: &str, lane: &LaneKey) -> Result<ParkedMessage, StoreError> {
    let mut message = ParkedMessage {
        position: read_position(row)?,
        event: row.parsed("event")?,
        body: row.bytes("body")?,
        appended: row.time("appended_at")?,
        is_damaged: false,
    };
    let written = row.optional_number("checksum")?;
    message.is_damaged = written.is_some_and(|written| written != sealed(subscription, lane, &message));
    Ok(message)
}

/// The checksum of what is set aside, with where it stands: one in another's place is known as well.
fn sealed(subscription: &str, lane: &LaneKey, message: &ParkedMessage) -> i64 {
    let numbers = [stored(message.position), Micros::from(message.appended).0].map(i64::to_be_bytes);
    let texts = [subscription.as_bytes(), lane.as_str().as_bytes(), message.event.as_str().as_bytes()];
    i64::from(checksum(&[texts[0], texts[1], texts[2], numbers.as_flattened(), &message.body]))
}

async fn aside(
    transaction: &mut Transaction,
    subscription: &str,
    lane: &LaneKey,
    message: &ParkedMessage,
) -> Result<(), StoreError> {
    let at = stored(message.position);
    let row = bind![
        subscription,
        lane.as_str(),
        at,
        message.event.as_str(),
        message.body.as_slice(),
        Micros::from(message.appended),
        sealed(subscription, lane, message)
    ];
    transaction.run(ASIDE, row).await?;
    transaction.run(THROUGH, bind![subscription, lane.as_str(), at]).await.map(drop)
}

/// Whoever sends counts from 1 again once a person had it tried again; what is kept goes on counting. What is written again, since nobody
/// knew whether it was written, began at the same time.
async fn note(transaction: &mut Transaction, subscription: &str, attempt: &AttemptRecord) -> Result<(), StoreError> {
    let at = stored(attempt.position);
    let before = transaction.only(NUMBERED, bind![subscription, at, Micros::from(attempt.at)]).await?;
    if before.integer("known")? > 0 {
        return Ok(());
    }
    let number = i64::from(attempt.number).max(before.integer("last")? + 1);
    let row = bind![
        subscription,
        at,
        number,
        Micros::from(attempt.at),
        micros(attempt.took),
        attempt.status.map(i64::from),
        attempt.because.as_str(),
        attempt.excerpt.clone()
    ];
    transaction.run(ATTEMPT, row).await?;
    if number > KEPT_ATTEMPTS {
        transaction.run(FORGET_ATTEMPTS, bind![subscription, at, number - KEPT_ATTEMPTS]).await?;
    }
    Ok(())
}

pub(crate) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

pub(crate) fn number(row: &Row, column: &'static str) -> Result<u32, StoreError> {
    let value = row.integer(column)?;
    u32::try_from(value).map_err(|_| StoreError::damaged(format!("`{column}` is {value}")))
}
