//! Reading a stream from a position on, and finding an event by its id. Every record is proven by its checksum, and every offset
//! accounted for. INVARIANT: NOTHING-LOST: what is damaged or missing ends the batch and is named, never passed over.

use selvage_model::event::{EventId, Position, Record};
use selvage_model::name::InterfaceRef;

use super::append::is_whole;
use super::walk::{Lost, epoch_of, past_lost, read_up_to};
use super::{Stream, offset, position};
use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Row, bind};

/// How many records are taken from the database at a time, at first; their sizes are not known before.
const FEW: usize = 16;

statements! {
    READ = "SELECT place, epoch, appended_at, checksum, id, lane, body FROM event_record \
            WHERE place >= $1 AND place < $2 ORDER BY place LIMIT $3";
    BY_ID = "SELECT place, epoch, appended_at, checksum, id, lane, body FROM event_record WHERE stream = $1 AND id = $2";
    AT = "SELECT place, epoch, appended_at, checksum, id, lane, body FROM event_record WHERE place = $1 AND id = $2";
}

/// How much is read at a time, at most. One record is always read, however large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimit {
    /// So many records.
    pub records: usize,
    /// So many bytes of bodies.
    pub bytes: usize,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadBatch {
    /// In order, without a hole.
    pub records: Vec<Record>,
    /// What stands right behind them, where that is not the next record or the end.
    pub fault: Option<ReadFault>,
    /// The last position of the stream.
    pub head: Position,
}

/// Why a stream cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadFault {
    /// The record is not what was written.
    Damaged {
        /// Which.
        position: Position,
    },
    /// Records that were acknowledged are not there, and nothing says why.
    Missing {
        /// The first offset.
        from: u64,
        /// The last offset.
        to: u64,
    },
    /// Retention took records that this reader had not read.
    Retired {
        /// The first offset.
        from: u64,
        /// The last offset.
        to: u64,
    },
    /// Nothing was ever appended at the position from which to read.
    Ahead {
        /// The last position that there is.
        head: Position,
    },
}

impl Store {
    /// Reads what comes after a position.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a stream that was never opened, and those of the database. What is wrong with the records
    /// is in the answer.
    pub async fn read_events(
        &self,
        stream: &InterfaceRef,
        after: Position,
        limit: ReadLimit,
    ) -> Result<ReadBatch, StoreError> {
        let mut transaction = self.database.read().await?;
        let stream = Stream::find(&mut transaction, stream).await?;
        let epochs = stream.epochs(&mut transaction).await?;
        let mut batch = ReadBatch { records: Vec::new(), fault: None, head: stream.head()? };
        match first_offset(&stream, &epochs, after, batch.head) {
            Ok(next) => read_from(&mut transaction, &stream, &epochs, next, limit, &mut batch).await?,
            Err(fault) => batch.fault = Some(fault),
        }
        Ok(batch)
    }

    /// The event with this id, where the stream still has it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a stream that was never opened, [`StoreError::Damaged`] for a damaged record.
    pub async fn find_event(&self, stream: &InterfaceRef, id: &EventId) -> Result<Option<Record>, StoreError> {
        let mut transaction = self.database.read().await?;
        let stream = Stream::find(&mut transaction, stream).await?;
        let epochs = stream.epochs(&mut transaction).await?;
        let row = match transaction.is_file() {
            true => match self.newest_ids.place(&mut transaction, &stream, id.as_str()).await? {
                Some(place) => transaction.first(AT, bind![place, id.as_str()]).await?,
                None => None,
            },
            false => transaction.first(BY_ID, bind![stream.id, id.as_str()]).await?,
        };
        let Some(row) = row else { return Ok(None) };
        let found = record(&row, &epochs, offset(row.integer("place")?))?;
        found.map(Some).map_err(|_| StoreError::damaged(format!("event `{id}` is not what was written")))
    }
}

/// The first offset that a reader at this position has not read.
fn first_offset(stream: &Stream, epochs: &[Lost], after: Position, head: Position) -> Result<u64, ReadFault> {
    if after > head {
        return Err(ReadFault::Ahead { head });
    }
    let mut next = read_up_to(epochs, after) + 1;
    if next <= stream.retired_to {
        if after != Position::START {
            return Err(ReadFault::Retired { from: next, to: stream.retired_to });
        }
        next = stream.retired_to + 1;
    }
    Ok(past_lost(epochs, next))
}

async fn read_from(
    transaction: &mut Transaction,
    stream: &Stream,
    epochs: &[Lost],
    mut next: u64,
    limit: ReadLimit,
    batch: &mut ReadBatch,
) -> Result<(), StoreError> {
    let most = limit.records.max(1);
    let (mut bytes, mut page) = (0, FEW);
    while batch.records.len() < most {
        page = page.min(most - batch.records.len());
        let rows = page_from(transaction, stream, next, page).await?;
        let before = bytes;
        for row in &rows {
            match record(row, epochs, next)? {
                Ok(record) => {
                    bytes += record.body.len();
                    batch.records.push(record);
                }
                Err(fault) => {
                    batch.fault = Some(fault);
                    return Ok(());
                }
            }
            if bytes >= limit.bytes {
                return Ok(());
            }
            next = past_lost(epochs, next + 1);
        }
        if rows.len() < page {
            batch.fault = (next < stream.next).then(|| ReadFault::Missing { from: next, to: stream.next - 1 });
            return Ok(());
        }
        // As large as the records so far allow.
        page = if bytes - before < limit.bytes / 8 { page * 2 } else { FEW };
    }
    Ok(())
}

async fn page_from(
    transaction: &mut Transaction,
    stream: &Stream,
    from: u64,
    records: usize,
) -> Result<Vec<Row>, StoreError> {
    let page = i64::try_from(records).unwrap_or(i64::MAX);
    transaction.all(READ, bind![stream.place(from), stream.place(stream.next), page]).await
}

/// The record of a row, or what is wrong: it is not the next one, or not what was written. A database that cannot read a value
/// back has not kept it.
fn record(row: &Row, epochs: &[Lost], next: u64) -> Result<Result<Record, ReadFault>, StoreError> {
    let offset = offset(row.integer("place")?);
    if offset != next {
        return Ok(Err(ReadFault::Missing { from: next, to: offset - 1 }));
    }
    let position = position(epoch_of(epochs, offset), offset)?;
    let damaged = Ok(Err(ReadFault::Damaged { position }));
    let (Ok(id), Ok(lane), Ok(body)) = (row.text("id"), row.text("lane"), row.bytes("body")) else { return damaged };
    if !is_whole(row, &id, &lane, &body).unwrap_or(false) {
        return damaged;
    }
    let (Ok(id), Ok(lane), Ok(appended_at)) = (id.parse(), lane.parse(), row.time("appended_at")) else {
        return damaged;
    };
    Ok(Ok(Record { position, id, lane, appended_at, body }))
}
