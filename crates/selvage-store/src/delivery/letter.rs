//! Dead letters: what people see of them, and what they decide. A redriven one is tried again at the head of its lane, a discarded
//! one is given up and what is behind it goes on. Each decision is in the ledger, with who and why.

use jiff::Timestamp;
use selvage_model::delivery::Cause;
use selvage_model::event::{EventId, LaneKey, Position};
use selvage_model::name::InterfaceRef;
use serde_json::json;

use super::choice::{LaneChoice, MOST_CHOSEN};
use super::{AttemptRecord, NewDeadLetter, number};
use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::event::{read_position, stored};
use crate::ledger;
use crate::operation::person::Word;
use crate::statement::statements;
use crate::value::{Micros, Row, bind};

statements! {
    INSERT = "INSERT INTO dead_letter (id, subscription, lane, position, event, cause, because, attempts, died_at, state) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'open') ON CONFLICT DO NOTHING";
    ALL = "SELECT dead_letter.id AS id, subscription, consumer, name, interface, lane, position, event, cause, \
           dead_letter.because AS because, attempts, died_at, dead_letter.state AS state, settled_at, settled_by, reason, \
           (SELECT COUNT(*) FROM parked_message WHERE parked_message.subscription = dead_letter.subscription \
            AND parked_message.lane = dead_letter.lane AND parked_message.position > dead_letter.position) AS behind \
           FROM dead_letter JOIN subscription ON subscription.id = dead_letter.subscription \
           WHERE (CAST($1 AS TEXT) IS NULL OR interface = $1) AND (CAST($2 AS TEXT) IS NULL OR consumer || '/' || name = $2) \
           AND (CAST($3 AS TEXT) IS NULL OR lane = $3) AND (CAST($4 AS TEXT) IS NULL OR cause = $4) \
           AND (dead_letter.state = 'open' OR $5 = 1) AND (CAST($6 AS TEXT) = '' OR (died_at, position, dead_letter.id) > \
           (SELECT died_at, position, id FROM dead_letter AS earlier WHERE earlier.id = CAST($6 AS TEXT))) \
           ORDER BY died_at, position, dead_letter.id LIMIT $7";
    BY_ID = "SELECT dead_letter.id AS id, subscription, consumer, name, interface, lane, position, event, cause, \
             dead_letter.because AS because, attempts, died_at, dead_letter.state AS state, settled_at, settled_by, reason, \
             (SELECT COUNT(*) FROM parked_message WHERE parked_message.subscription = dead_letter.subscription \
              AND parked_message.lane = dead_letter.lane AND parked_message.position > dead_letter.position) AS behind \
             FROM dead_letter JOIN subscription ON subscription.id = dead_letter.subscription WHERE dead_letter.id = $1";
    BODY = "SELECT body FROM parked_message WHERE subscription = $1 AND lane = $2 AND position = $3";
    ATTEMPTS = "SELECT position, number, attempted_at, took, status, because, excerpt FROM delivery_attempt \
                WHERE subscription = $1 AND position = $2 ORDER BY number";
    SETTLE = "UPDATE dead_letter SET state = $2, settled_at = $3, settled_by = $4, reason = $5 WHERE id = $1 AND state = 'open'";
    GIVE_UP = "DELETE FROM parked_message WHERE subscription = $1 AND lane = $2 AND position = $3";
    TRY_AGAIN = "UPDATE parked_lane SET state = 'retrying', attempts = 0, spent = 0, failed_at = $3, due_at = $3 \
                 WHERE subscription = $1 AND lane = $2 AND state = 'parked'";
    ACTED = "UPDATE subscription SET acts = acts + 1 WHERE id = $1";
}

/// A dead letter, as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id (`dlt_…`).
    pub id: String,
    /// Its subscription's id.
    pub subscription: String,
    /// The same for people: `consumer/name`.
    pub label: String,
    /// Whose event it is.
    pub interface: InterfaceRef,
    /// The lane that is parked behind it.
    pub lane: LaneKey,
    /// Where it stands in the log.
    pub position: Position,
    /// The event's id there.
    pub event: EventId,
    /// Why it is one.
    pub cause: Cause,
    /// The same, for a person.
    pub because: String,
    /// How often it was sent.
    pub attempts: u32,
    /// Since when.
    pub died: Timestamp,
    /// How many messages wait behind it.
    pub behind: u64,
    /// What a person decided, where one has.
    pub settled: Option<Settled>,
}

/// What was decided about a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// `redriven` or `discarded`.
    pub how: String,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why.
    pub because: String,
}

/// A dead letter with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterDetail {
    /// What it is.
    pub letter: DeadLetter,
    /// The event, as it stands in the log; none where it was given up or has arrived.
    pub body: Option<Vec<u8>>,
    /// Its last sends, oldest first.
    pub attempts: Vec<AttemptRecord>,
}

impl Store {
    /// Dead letters that nobody has decided about, oldest first; with `settled`, the others too. At most 10,000.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn dead_letters(&self, settled: bool) -> Result<Vec<DeadLetter>, StoreError> {
        self.chosen_letters(&LaneChoice::default(), settled).await
    }

    /// Those of them that are chosen; at most 10,000.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn chosen_letters(&self, which: &LaneChoice, settled: bool) -> Result<Vec<DeadLetter>, StoreError> {
        Ok(self.letters_page(which, settled, None, MOST_CHOSEN).await?.0)
    }

    /// A page of them, behind this one; and the last of them where there are more behind it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn letters_page(
        &self,
        which: &LaneChoice,
        settled: bool,
        after: Option<&str>,
        limit: u32,
    ) -> Result<(Vec<DeadLetter>, Option<String>), StoreError> {
        let page = bind![i64::from(settled), after.unwrap_or_default(), i64::from(limit) + 1];
        let rows = self.database.read().await?.all(ALL, which.parameters().into_iter().chain(page)).await?;
        let mut letters = rows.iter().map(from_row).collect::<Result<Vec<_>, StoreError>>()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let is_last = letters.len() <= limit;
        letters.truncate(limit);
        let next = letters.last().filter(|_| !is_last).map(|last| last.id.clone());
        Ok((letters, next))
    }

    /// One dead letter.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an id that none has.
    pub async fn dead_letter(&self, id: &str) -> Result<DeadLetterDetail, StoreError> {
        let mut transaction = self.database.read().await?;
        let letter = find(&mut transaction, id).await?;
        let at = stored(letter.position);
        let body = transaction.first(BODY, bind![letter.subscription.as_str(), letter.lane.as_str(), at]).await?;
        let rows = transaction.all(ATTEMPTS, bind![letter.subscription.as_str(), at]).await?;
        let attempts = rows.iter().map(attempt).collect::<Result<_, _>>()?;
        Ok(DeadLetterDetail { body: body.map(|row| row.bytes("body")).transpose()?, attempts, letter })
    }

    /// Lets dead letters be tried again, each at the head of its lane, with a clock that begins anew. All of them or none.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], and [`StoreError::LetterSettled`] for one that was decided about already.
    pub async fn redrive_dead_letters(&self, ids: &[String], word: Word<'_>) -> Result<Vec<DeadLetter>, StoreError> {
        self.settle_letters(ids, "redriven", word).await
    }

    /// Gives dead letters up, for good; what is behind them goes on. All of them or none.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], and [`StoreError::LetterSettled`] for one that was decided about already.
    pub async fn discard_dead_letters(&self, ids: &[String], word: Word<'_>) -> Result<Vec<DeadLetter>, StoreError> {
        self.settle_letters(ids, "discarded", word).await
    }

    async fn settle_letters(&self, ids: &[String], how: &str, word: Word<'_>) -> Result<Vec<DeadLetter>, StoreError> {
        let mut transaction = self.database.write().await?;
        // Before a letter is: whoever ends a subscription has it when they come to its letters.
        ledger::hold(&mut transaction).await?;
        let mut settled = Vec::with_capacity(ids.len());
        for id in ids {
            let now = transaction.now().await?;
            let letter = find(&mut transaction, id).await?;
            if transaction.run(SETTLE, bind![id.as_str(), how, now, word.by, word.because]).await? == 0 {
                return Err(StoreError::LetterSettled { id: id.clone() });
            }
            let (subscription, lane) = (letter.subscription.as_str(), letter.lane.as_str());
            if how == "discarded" {
                transaction.run(GIVE_UP, bind![subscription, lane, stored(letter.position)]).await?;
            }
            transaction.run(TRY_AGAIN, bind![subscription, lane, now]).await?;
            transaction.run(ACTED, bind![subscription]).await?;
            let detail = json!({
                "subscription": letter.label, "lane": lane, "event": letter.event.as_str(),
                "position": letter.position.to_string(), "cause": letter.cause.as_str(), "because": word.because,
            });
            ledger::append(&mut transaction, word.by, &format!("dead-letter.{how}"), id, &detail).await?;
            settled.push(find(&mut transaction, id).await?);
        }
        transaction.commit().await?;
        Ok(settled)
    }
}

pub(super) async fn insert(
    transaction: &mut Transaction,
    subscription: &str,
    letter: &NewDeadLetter,
) -> Result<(), StoreError> {
    let row = bind![
        letter.id.as_str(),
        subscription,
        letter.lane.as_str(),
        stored(letter.position),
        letter.event.as_str(),
        letter.cause.as_str(),
        letter.because.as_str(),
        i64::from(letter.attempts),
        Micros::from(letter.died)
    ];
    transaction.run(INSERT, row).await.map(drop)
}

async fn find(transaction: &mut Transaction, id: &str) -> Result<DeadLetter, StoreError> {
    let row = transaction.first(BY_ID, bind![id]).await?;
    from_row(&row.ok_or_else(|| StoreError::NotFound { what: "dead letter", id: id.to_owned() })?)
}

fn from_row(row: &Row) -> Result<DeadLetter, StoreError> {
    let settled = match row.optional_time("settled_at")? {
        Some(at) => Some(Settled {
            how: row.text("state")?,
            at,
            by: row.optional_text("settled_by")?.unwrap_or_default(),
            because: row.optional_text("reason")?.unwrap_or_default(),
        }),
        None => None,
    };
    Ok(DeadLetter {
        id: row.text("id")?,
        subscription: row.text("subscription")?,
        label: format!("{}/{}", row.text("consumer")?, row.text("name")?),
        interface: row.parsed("interface")?,
        lane: row.parsed("lane")?,
        position: read_position(row)?,
        event: row.parsed("event")?,
        cause: row.parsed("cause")?,
        because: row.text("because")?,
        attempts: number(row, "attempts")?,
        died: row.time("died_at")?,
        behind: row.count("behind")?,
        settled,
    })
}

pub(super) fn attempt(row: &Row) -> Result<AttemptRecord, StoreError> {
    Ok(AttemptRecord {
        position: read_position(row)?,
        number: number(row, "number")?,
        at: row.time("attempted_at")?,
        took: std::time::Duration::from_micros(row.count("took")?),
        status: row.optional_number("status")?.and_then(|status| u16::try_from(status).ok()),
        because: row.text("because")?,
        excerpt: row.optional_text("excerpt")?,
    })
}
