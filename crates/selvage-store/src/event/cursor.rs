//! Cursors: how far each reader of a stream is. One node reads for a reader at a time, by lease and fence, and the cursor moves
//! in the transaction of what reading caused. What a cursor has not passed, retention does not take unasked.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::event::{Position, ReaderName};
use selvage_model::name::InterfaceRef;
use serde_json::json;

use super::{Stream, group, read_position, seal, stored};
use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::ledger;
use crate::operation::person::Word;
use crate::statement::statements;
use crate::value::{Micros, Row, bind};

/// A cursor's fence rises by so much in a restored store: nothing that was held after the backup is above, since each taking is one.
const RESTORED: i64 = 1_000_000;

// A cursor's first fence is the time at which it is made, so that one that was forgotten and made again takes no move of before.
statements! {
    HOLD = "UPDATE event_cursor SET moved_at = moved_at WHERE stream = $1 AND reader = $2 \
            RETURNING stream, reader, position, fence_number, node, leased_until, checksum";
    CURSORS = "SELECT stream, reader, position, fence_number, node, leased_until, checksum FROM event_cursor \
               WHERE stream = $1 ORDER BY reader";
    ALL = "SELECT stream, reader, position, fence_number, node, leased_until, checksum FROM event_cursor";
    FURTHEST = "SELECT stream, reader, position, fence_number, node, leased_until, checksum FROM event_cursor \
                WHERE stream = $1 ORDER BY position DESC LIMIT 1";
    BEGIN = "INSERT INTO event_cursor (stream, reader, position, fence_number, node, leased_until, moved_at, checksum) \
             VALUES ($1, $2, $3, $4, '', 0, $4, $5) ON CONFLICT (stream, reader) DO NOTHING";
    TAKE = "UPDATE event_cursor SET fence_number = $1, node = $2, leased_until = $3, checksum = $4 WHERE stream = $5 AND reader = $6";
    EXTEND = "UPDATE event_cursor SET leased_until = $1 WHERE stream = $2 AND reader = $3 AND fence_number = $4";
    MOVE = "UPDATE event_cursor SET position = $1, moved_at = $2, checksum = $6 \
            WHERE stream = $3 AND reader = $4 AND fence_number = $5 AND position <= $1";
    STEP = "UPDATE event_cursor SET moved_at = CASE WHEN position < $1 THEN $2 ELSE moved_at END, position = $1, leased_until = $3, \
            checksum = $7 WHERE stream = $4 AND reader = $5 AND fence_number = $6 AND position <= $1";
    FORGET = "DELETE FROM event_cursor WHERE stream = $1 AND reader = $2";
}

/// A reader that wants to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCursor {
    /// Which stream.
    pub stream: InterfaceRef,
    /// For whom.
    pub reader: ReaderName,
    /// Where it begins, if it has no cursor yet.
    pub start: Position,
    /// Who reads.
    pub node: String,
    /// For how long, unless extended.
    pub lease: Duration,
}

/// What came of taking a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakenCursor {
    /// The node has it.
    Taken {
        /// Everything up to here was worked on.
        position: Position,
        /// What every move names. INVARIANT: LANE-ORDER: a node that was paused past its lease moves nothing any more.
        fence: i64,
    },
    /// Another node has it.
    Held {
        /// Which.
        by: String,
        /// Until when, by the store's clock.
        until: Timestamp,
    },
}

/// A reader and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Whose.
    pub reader: ReaderName,
    /// Everything up to here was worked on.
    pub position: Position,
    /// The node that read for it last; empty where none did.
    pub node: String,
}

/// How a cursor is to be moved: given to the use case whose work it pays for, so that both are one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorMove {
    /// Which stream.
    pub stream: InterfaceRef,
    /// Whose cursor.
    pub reader: ReaderName,
    /// The fence with which it was taken.
    pub fence: i64,
    /// Everything up to here was worked on.
    pub to: Position,
}

impl Store {
    /// Takes a reader's cursor for a node, and makes it where there is none. The same node may take it again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a stream that was never opened.
    pub async fn take_cursor(&self, new: &NewCursor) -> Result<TakenCursor, StoreError> {
        let mut transaction = self.database.write().await?;
        let taken = take(&mut transaction, new).await?;
        transaction.commit().await?;
        Ok(taken)
    }

    /// Extends a lease.
    ///
    /// # Errors
    /// [`StoreError::CursorFenced`] where another node has taken the cursor.
    pub async fn extend_cursor(&self, held: &CursorMove, lease: Duration) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let stream = Stream::find(&mut transaction, &held.stream).await?;
        let until = transaction.now().await?.after(lease);
        let extended = transaction.run(EXTEND, bind![until, stream.id, held.reader.as_str(), held.fence]).await?;
        if extended == 0 {
            return Err(fenced(held));
        }
        transaction.commit().await
    }

    /// Moves a cursor by itself, where reading caused nothing in the store.
    ///
    /// # Errors
    /// [`StoreError::CursorFenced`] where another node has taken the cursor, or where it would go back.
    pub async fn move_cursor(&self, moved: &CursorMove) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        advance(&mut transaction, moved).await?;
        transaction.commit().await
    }

    /// Forgets a reader, so that retention waits no longer for it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a stream that was never opened, or a reader that has no cursor.
    pub async fn forget_cursor(&self, stream: &InterfaceRef, reader: &ReaderName) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let stream = Stream::find(&mut transaction, stream).await?;
        forget_known(&mut transaction, &stream, reader).await?;
        transaction.commit().await
    }

    /// The same by a person's word, with its entry in the ledger.
    ///
    /// # Errors
    /// Those of [`Self::forget_cursor`].
    pub async fn forget_reader(
        &self,
        stream: &InterfaceRef,
        reader: &ReaderName,
        word: Word<'_>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let known = Stream::find(&mut transaction, stream).await?;
        forget_known(&mut transaction, &known, reader).await?;
        let detail = json!({"because": word.because, "reader": reader.as_str()});
        ledger::append(&mut transaction, word.by, "reader.forgotten", &stream.to_string(), &detail).await?;
        transaction.commit().await
    }

    /// Every reader of a stream, by name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a stream that was never opened.
    pub async fn cursors(&self, stream: &InterfaceRef) -> Result<Vec<Cursor>, StoreError> {
        let mut transaction = self.database.read().await?;
        let stream = Stream::find(&mut transaction, stream).await?;
        of_stream(&mut transaction, &stream).await
    }
}

/// What the moves of one transaction share.
pub(crate) struct Moves {
    now: Micros,
    streams: HashMap<InterfaceRef, i64>,
}

impl Moves {
    pub(crate) async fn begin(transaction: &mut Transaction) -> Result<Self, StoreError> {
        Ok(Self { now: transaction.now().await?, streams: HashMap::new() })
    }

    /// Moves a cursor in the transaction of what reading caused, and extends its lease. Where it cannot, nothing has changed.
    pub(crate) async fn step(
        &mut self,
        transaction: &mut Transaction,
        moved: &CursorMove,
        lease: Duration,
    ) -> Result<(), StoreError> {
        let stream = match self.streams.get(&moved.stream) {
            Some(id) => *id,
            None => {
                let id = Stream::find(transaction, &moved.stream).await?.id;
                self.streams.insert(moved.stream.clone(), id);
                id
            }
        };
        let (to, until) = (stored(moved.to), self.now.after(lease));
        let reader = moved.reader.as_str();
        let step =
            bind![to, self.now, until, stream, reader, moved.fence, seal::cursor(stream, reader, to, moved.fence)];
        if transaction.run(STEP, step).await? == 0 { Err(fenced(moved)) } else { Ok(()) }
    }
}

/// Takes a cursor, and makes it where there is none.
pub(crate) async fn take(transaction: &mut Transaction, new: &NewCursor) -> Result<TakenCursor, StoreError> {
    let stream = Stream::find(transaction, &new.stream).await?;
    begin(transaction, &new.stream, &new.reader, new.start).await?;
    let (now, reader) = (transaction.now().await?, new.reader.as_str());
    let row = transaction.only(HOLD, bind![stream.id, reader]).await?;
    let Cursor { position, node, .. } = from_row(&row)?;
    if row.integer("leased_until")? > now.0 && node != new.node {
        return Ok(TakenCursor::Held { by: node, until: row.time("leased_until")? });
    }
    let (fence, until) = (row.integer("fence_number")? + 1, now.after(new.lease));
    let sealed = seal::cursor(stream.id, reader, stored(position), fence);
    let take = bind![fence, new.node.as_str(), until, sealed, stream.id, reader];
    transaction.run(TAKE, take).await?;
    Ok(TakenCursor::Taken { position, fence })
}

/// Moves a cursor by itself.
pub(crate) async fn advance(transaction: &mut Transaction, moved: &CursorMove) -> Result<(), StoreError> {
    let stream = Stream::find(transaction, &moved.stream).await?;
    let now = transaction.now().await?;
    let (to, reader) = (stored(moved.to), moved.reader.as_str());
    let moves = bind![to, now, stream.id, reader, moved.fence, seal::cursor(stream.id, reader, to, moved.fence)];
    if transaction.run(MOVE, moves).await? == 0 {
        return Err(fenced(moved));
    }
    Ok(())
}

/// Makes a reader's cursor in the transaction of what makes the reader, so that retention waits for it from then on. A stream that was
/// never opened has nothing yet: it makes the cursors of those who wait for it when it is.
pub(crate) async fn begin(
    transaction: &mut Transaction,
    stream: &InterfaceRef,
    reader: &ReaderName,
    start: Position,
) -> Result<(), StoreError> {
    let stream = match Stream::find(transaction, stream).await {
        Ok(stream) => stream,
        Err(StoreError::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    let (now, start, reader) = (transaction.now().await?, stored(start), reader.as_str());
    let begin = bind![stream.id, reader, start, now, seal::cursor(stream.id, reader, start, now.0)];
    if transaction.run(BEGIN, begin).await? > 0 {
        // One whose name is damaged is not begun anew under its own.
        of_stream(transaction, &stream).await?;
    }
    Ok(())
}

/// Forgets a reader, or how it ended; one of which nothing is known is an error.
async fn forget_known(transaction: &mut Transaction, stream: &Stream, reader: &ReaderName) -> Result<(), StoreError> {
    let reads = transaction.run(FORGET, bind![stream.id, reader.as_str()]).await? > 0;
    let ended = group::forget(transaction, stream.id, reader).await?;
    if reads || ended { Ok(()) } else { Err(StoreError::NotFound { what: "reader", id: reader.to_string() }) }
}

/// Forgets a reader in the transaction of what ends it, and says how far it was; one that is not there is no error.
pub(crate) async fn forget(
    transaction: &mut Transaction,
    stream: &InterfaceRef,
    reader: &ReaderName,
) -> Result<Option<Position>, StoreError> {
    let stream = match Stream::find(transaction, stream).await {
        Ok(stream) => stream,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let known = of_stream(transaction, &stream).await?.into_iter().find(|cursor| &cursor.reader == reader);
    transaction.run(FORGET, bind![stream.id, reader.as_str()]).await?;
    Ok(known.map(|cursor| cursor.position))
}

pub(crate) async fn of_stream(transaction: &mut Transaction, stream: &Stream) -> Result<Vec<Cursor>, StoreError> {
    let rows = transaction.all(CURSORS, bind![stream.id]).await?;
    rows.iter().map(from_row).collect()
}

/// How far the reader is that is furthest; the beginning where there is none.
pub(crate) async fn furthest(transaction: &mut Transaction, stream: &Stream) -> Result<Position, StoreError> {
    let row = transaction.first(FURTHEST, bind![stream.id]).await?;
    row.map_or(Ok(Position::START), |row| Ok(from_row(&row)?.position))
}

/// Takes every cursor from whoever had it, in a store that was restored: no move of before is taken any more.
pub(crate) async fn fence_all(transaction: &mut Transaction, now: Micros) -> Result<(), StoreError> {
    for row in transaction.all(ALL, bind![]).await? {
        let Cursor { reader, position, .. } = from_row(&row)?;
        let (stream, fence) = (row.integer("stream")?, row.integer("fence_number")?.max(now.0) + RESTORED);
        let sealed = seal::cursor(stream, reader.as_str(), stored(position), fence);
        transaction.run(TAKE, bind![fence, "", 0_i64, sealed, stream, reader.as_str()]).await?;
    }
    Ok(())
}

fn from_row(row: &Row) -> Result<Cursor, StoreError> {
    seal::check(row, seal::of_cursor(row), "event_cursor")?;
    Ok(Cursor { reader: row.parsed("reader")?, position: read_position(row)?, node: row.text("node")? })
}

fn fenced(held: &CursorMove) -> StoreError {
    StoreError::CursorFenced { reader: held.reader.clone(), to: held.to }
}
