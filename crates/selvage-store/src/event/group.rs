//! Groups of consumers that pull: cursors that end with the right to pull, so that retention waits no longer for them and nobody is alarmed.
//! A new right revives none of them: a group of the same name is a new one, and is told how the one before it ended.

use jiff::Timestamp;
use selvage_model::access::LiveGrant;
use selvage_model::event::{Position, ReaderName};
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_model::pull::EndedGroup;
use serde_json::json;

use super::cursor::{self, CursorMove, NewCursor, TakenCursor};
use super::{Stream, read_position, stored};
use crate::Store;
use crate::access::{self, grant};
use crate::database::Transaction;
use crate::error::StoreError;
use crate::ledger;
use crate::statement::statements;
use crate::value::{Micros, Row, bind};

/// Who ends what has no grant any more, in the ledger.
const BY_ITSELF: &str = "selvage";
const BECAUSE: &str = "its grant has ended";

statements! {
    ALL = "SELECT event_stream.name AS name, stream, reader, position FROM event_cursor \
           JOIN event_stream ON event_stream.id = event_cursor.stream WHERE reader LIKE 'group/%' ORDER BY stream, reader";
    END = "DELETE FROM event_cursor WHERE stream = $1 AND reader = $2";
    NOTE = "INSERT INTO ended_group (stream, reader, position, ended_at, because) VALUES ($1, $2, $3, $4, $5) \
            ON CONFLICT (stream, reader) DO UPDATE SET ended_at = excluded.ended_at, because = excluded.because";
    ENDED = "SELECT reader, position, ended_at, because FROM ended_group WHERE stream = $1 AND reader = $2";
    OF_STREAM = "SELECT reader, position, ended_at, because FROM ended_group WHERE stream = $1 ORDER BY reader";
    FORGET = "DELETE FROM ended_group WHERE stream = $1 AND reader = $2";
    OLD = "DELETE FROM ended_group WHERE ended_at < $1";
}

/// A group that reads.
struct Group {
    name: InterfaceRef,
    stream: i64,
    reader: ReaderName,
    consumer: ConsumerName,
    position: Position,
}

impl Store {
    /// Ends groups whose consumer has no right any more to pull, and gives them by stream and name.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_overdue_groups(&self) -> Result<Vec<(InterfaceRef, ReaderName)>, StoreError> {
        let mut reading = self.database.read().await?;
        let groups = all(&mut reading).await?;
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let (grants, now) = (grant::all(&mut reading).await?, reading.now().await?.timestamp()?);
        if groups.iter().all(|group| group.may_pull(&grants, now)) {
            return Ok(Vec::new());
        }
        drop(reading);
        let mut transaction = self.database.write().await?;
        access::hold(&mut transaction).await?;
        let ended = end_overdue(&mut transaction).await?;
        transaction.commit().await?;
        Ok(ended)
    }

    /// Takes a group's cursor for a member, and makes it where there is none. Says how the group before it ended, as long as this one has
    /// committed nothing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a stream that was never opened.
    pub async fn take_group(&self, new: &NewCursor) -> Result<(TakenCursor, Option<EndedGroup>), StoreError> {
        let mut transaction = self.database.write().await?;
        let taken = cursor::take(&mut transaction, new).await?;
        let stream = Stream::find(&mut transaction, &new.stream).await?;
        let row = transaction.first(ENDED, bind![stream.id, new.reader.as_str()]).await?;
        let ended = row.as_ref().map(ended).transpose()?.map(|(_, ended)| ended);
        transaction.commit().await?;
        Ok((taken, ended))
    }

    /// Moves a group's cursor: from then on it is a group that reads, however one before it ended.
    ///
    /// # Errors
    /// Those of [`Store::move_cursor`].
    pub async fn commit_group(&self, moved: &CursorMove) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        cursor::advance(&mut transaction, moved).await?;
        let stream = Stream::find(&mut transaction, &moved.stream).await?;
        transaction.run(FORGET, bind![stream.id, moved.reader.as_str()]).await?;
        transaction.commit().await
    }

    /// The groups of a stream that ended, by name; not those of which there is another by now.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a stream that was never opened.
    pub async fn ended_groups(&self, stream: &InterfaceRef) -> Result<Vec<(ReaderName, EndedGroup)>, StoreError> {
        let mut transaction = self.database.read().await?;
        let stream = Stream::find(&mut transaction, stream).await?;
        let reads = cursor::of_stream(&mut transaction, &stream).await?;
        let rows = transaction.all(OF_STREAM, bind![stream.id]).await?;
        let mut groups: Vec<(ReaderName, EndedGroup)> = rows.iter().map(ended).collect::<Result<_, _>>()?;
        groups.retain(|(reader, _)| reads.iter().all(|cursor| cursor.reader != *reader));
        Ok(groups)
    }
}

impl Group {
    fn may_pull(&self, grants: &[LiveGrant], now: Timestamp) -> bool {
        let is_its = |grant: &&LiveGrant| grant.consumer == self.consumer && grant.interface == self.name;
        grants.iter().filter(is_its).any(|grant| grant.is_pull_right(now))
    }
}

/// Ends groups that have no right any more, in the transaction that took the right. INVARIANT: REVOKED-NOW
pub(crate) async fn end_overdue(transaction: &mut Transaction) -> Result<Vec<(InterfaceRef, ReaderName)>, StoreError> {
    let groups = all(transaction).await?;
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let (now, grants) = (transaction.now().await?, grant::all_of_events(transaction).await?);
    let mut over = Vec::new();
    for group in groups {
        if !group.may_pull(&grants, now.timestamp()?) {
            end(transaction, &group, now).await?;
            over.push((group.name, group.reader));
        }
    }
    Ok(over)
}

async fn end(transaction: &mut Transaction, group: &Group, now: Micros) -> Result<(), StoreError> {
    let (reader, position) = (group.reader.as_str(), group.position);
    transaction.run(END, bind![group.stream, reader]).await?;
    transaction.run(NOTE, bind![group.stream, reader, stored(position), now, BECAUSE]).await?;
    let detail = json!({"because": BECAUSE, "reader": reader, "position": position.to_string()});
    ledger::append(transaction, BY_ITSELF, "group.ended", &group.name.to_string(), &detail).await
}

/// Forgets how a group ended; whether that was known.
pub(crate) async fn forget(
    transaction: &mut Transaction,
    stream: i64,
    reader: &ReaderName,
) -> Result<bool, StoreError> {
    Ok(transaction.run(FORGET, bind![stream, reader.as_str()]).await? > 0)
}

/// Forgets how groups ended before this time.
pub(crate) async fn forget_old(transaction: &mut Transaction, before: Micros) -> Result<(), StoreError> {
    transaction.run(OLD, bind![before]).await.map(drop)
}

/// Every group that reads. One whose row is damaged is told of where it reads, and keeps nobody from ending the others.
async fn all(transaction: &mut Transaction) -> Result<Vec<Group>, StoreError> {
    let group = |row: &Row| {
        let reader: ReaderName = row.parsed("reader").ok()?;
        let consumer = reader.as_str().split('/').nth(1)?.parse().ok()?;
        let (name, stream) = (row.parsed("name").ok()?, row.integer("stream").ok()?);
        Some(Group { name, stream, position: read_position(row).ok()?, reader, consumer })
    };
    Ok(transaction.all(ALL, bind![]).await?.iter().filter_map(group).collect())
}

fn ended(row: &Row) -> Result<(ReaderName, EndedGroup), StoreError> {
    let (position, at, because) = (read_position(row)?, row.time("ended_at")?, row.text("because")?);
    Ok((row.parsed("reader")?, EndedGroup { position, at, because }))
}
