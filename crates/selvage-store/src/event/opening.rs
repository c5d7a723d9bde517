//! Opening a stream: made where there is none, and compared with the marks of what was acknowledged.
//! INVARIANT: NOTHING-LOST: a stream that is behind its mark begins a new epoch, and the gap is named.

use selvage_model::event::{Gap, Position};
use selvage_model::name::InterfaceRef;

use super::walk::{Lost, epoch_of, past_lost};
use super::{Stream, broker_id, cursor, offset, position, seal};
use crate::Store;
use crate::access::subscription;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::bind;

/// Any number that nobody else in the database locks by: the letters `selvagee`.
const LOCK: i64 = i64::from_be_bytes(*b"selvagee");

statements! {
    MAKE = "INSERT INTO event_stream (id, name, epoch, next_offset, retired_to, kept_bytes, checksum) VALUES ($1, $2, 1, 1, 0, 0, $3)";
    STREAMS = "SELECT id, name, epoch, next_offset, retired_to, kept_bytes, made, checksum FROM event_stream";
    LAST = "SELECT MAX(place) AS place, COUNT(*) AS records FROM \
            (SELECT place FROM event_record WHERE place >= $1 AND place < $2 ORDER BY place DESC LIMIT 1) AS last";
    BEGIN = "INSERT INTO event_epoch (stream, epoch, first_offset, lost_from, lost_to, began_at, checksum) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)";
    UNTOLD = "SELECT stream, epoch, first_offset, lost_from, lost_to, began_at, checksum FROM event_epoch \
              WHERE stream = $1 AND told_at IS NULL ORDER BY epoch DESC LIMIT 1";
    TELL = "UPDATE event_epoch SET told_at = $1 WHERE stream = $2 AND epoch <= $3 AND told_at IS NULL";
}

/// A stream that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedStream {
    /// The last position: the high-water mark.
    pub head: Position,
    /// The position of the last event that is there or was; what a new epoch skips has none.
    pub last: Position,
    /// What it lost of what it had acknowledged, as far as the marks know: told to whoever opens, until somebody says by
    /// [`Store::tell_event_gap`] that the alarm was raised.
    pub gap: Option<Gap>,
}

/// What a broker has of a stream.
#[derive(Clone, Copy, Debug)]
pub struct BrokerStream<'a> {
    /// Up to this offset; it gives the next one itself.
    pub last: u64,
    /// When it says that it made the stream.
    pub made: &'a str,
}

/// What is really there of a stream, beside what the store's mark says.
#[derive(Clone, Copy, Debug)]
enum Found<'a> {
    /// The records are in the store; offsets go on past what was lost.
    InStore { mark: Option<Position> },
    /// A broker has them. The mark is of before the broker was asked, since others append meanwhile.
    AtBroker { found: BrokerStream<'a>, mark: Option<Position> },
}

impl Store {
    /// Opens a stream whose records are in this store. `mark` is what was acknowledged, where that was kept apart from it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn open_event_stream(
        &self,
        stream: &InterfaceRef,
        mark: Option<Position>,
    ) -> Result<OpenedStream, StoreError> {
        self.open_as(stream, Found::InStore { mark }).await
    }

    /// Opens a stream whose records a broker keeps; the store has its epochs and cursors. `mark` is what was known to be acknowledged
    /// before the broker was asked: [`Store::broker_mark`], or more. A stream that the broker made anew has nothing of what the one
    /// before it had, however much is in it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn open_broker_stream(
        &self,
        stream: &InterfaceRef,
        found: BrokerStream<'_>,
        mark: Option<Position>,
    ) -> Result<OpenedStream, StoreError> {
        self.open_as(stream, Found::AtBroker { found, mark }).await
    }

    /// Notes that the alarm for a gap was raised, and for those before it: it is told no more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a stream that was never opened.
    pub async fn tell_event_gap(&self, gap: &Gap) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let stream = Stream::find(&mut transaction, &gap.stream).await?;
        let now = transaction.now().await?;
        transaction.run(TELL, bind![now, stream.id, i64::from(gap.epoch)]).await?;
        transaction.commit().await
    }

    /// What a stream lost between two positions that a reader goes from and to, as far as retention has not passed it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a stream that was never opened.
    pub async fn event_gaps(
        &self,
        stream: &InterfaceRef,
        after: Position,
        to: Position,
    ) -> Result<Vec<Gap>, StoreError> {
        let mut transaction = self.database.read().await?;
        let found = Stream::find(&mut transaction, stream).await?;
        let epochs = found.epochs(&mut transaction).await?;
        let between =
            |lost: &&Lost| after.epoch() < lost.epoch && lost.epoch <= to.epoch() && lost.from > found.retired_to;
        epochs.iter().filter(between).map(|lost| gap_before(stream, &epochs, lost)).collect()
    }

    /// The mark of a stream that a broker keeps, or how far its readers are; none of one that was never opened.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn broker_mark(&self, stream: &InterfaceRef) -> Result<Option<Position>, StoreError> {
        let mut transaction = self.database.read().await?;
        let Some(row) = transaction.first(super::STREAM, bind![stream.to_string()]).await? else { return Ok(None) };
        let stream = Stream::from_row(&row)?;
        // What was read had been acknowledged, even where the mark is not written yet.
        let read = cursor::furthest(&mut transaction, &stream).await?;
        Ok(Some(stream.head()?.max(read)))
    }

    /// Raises the mark of a stream that a broker keeps; a lower one changes nothing.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn mark_broker_stream(&self, stream: &InterfaceRef, head: Position) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let stream = Stream::hold(&mut transaction, stream).await?;
        let next = head.offset() + 1;
        if stream.epoch == head.epoch() && stream.next < next {
            Stream { next, ..stream }.write(&mut transaction).await?;
        }
        transaction.commit().await
    }

    async fn open_as(&self, name: &InterfaceRef, found: Found<'_>) -> Result<OpenedStream, StoreError> {
        let mut transaction = self.database.write().await?;
        transaction.alone(LOCK).await?;
        let is_new = transaction.first(super::STREAM, bind![name.to_string()]).await?.is_none();
        if is_new {
            make(&mut transaction, &name.to_string()).await?;
        }
        subscription::hold_all(&mut transaction, name).await?;
        let mut stream = Stream::hold(&mut transaction, name).await?;
        let epochs = stream.epochs(&mut transaction).await?;
        let is_anew = stream.is_made_anew(found);
        if let Found::AtBroker { found, .. } = found
            && stream.made.as_deref() != Some(found.made)
        {
            stream.made = Some(found.made.to_owned());
            stream.write(&mut transaction).await?;
        }
        let kept = match found {
            Found::InStore { .. } => last(&mut transaction, &stream).await?,
            Found::AtBroker { .. } if is_anew => 0,
            Found::AtBroker { found, .. } => found.last,
        };
        let last = if kept == 0 { Position::START } else { position(epoch_of(&epochs, kept), kept)? };
        let opened = match behind(&stream, &epochs, kept, found, is_anew) {
            None => {
                let untold = transaction.first(UNTOLD, bind![stream.id]).await?;
                let gap = untold.map(|row| gap_before(name, &epochs, &Lost::from_row(&row)?)).transpose()?;
                OpenedStream { head: stream.head()?, last, gap }
            }
            Some(new) => begin_epoch(&mut transaction, name, stream, last, new).await?,
        };
        transaction.commit().await?;
        if is_new {
            // Who asked for it meanwhile saw nothing of it. The access state is not held for that: whoever revokes would wait for a node
            // that is cut off here.
            let mut transaction = self.database.write().await?;
            subscription::hold_all(&mut transaction, name).await?;
            transaction.commit().await?;
        }
        match (found, opened) {
            // What is in it is of the new epoch.
            (Found::AtBroker { found, .. }, opened) if is_anew && found.last > 0 => {
                Ok(OpenedStream { last: position(opened.head.epoch(), found.last)?, ..opened })
            }
            (_, opened) => Ok(opened),
        }
    }
}

impl Stream {
    /// Whether the broker has another stream under its name than the one that something was appended to.
    fn is_made_anew(&self, found: Found<'_>) -> bool {
        let Found::AtBroker { found, mark } = found else { return false };
        let other = self.made.as_deref().is_some_and(|made| made != found.made);
        other && (self.head().is_ok_and(|head| head.offset() > 0) || mark.is_some_and(|mark| mark.offset() > 0))
    }
}

/// Makes a stream. One whose name is damaged is not made anew under its own.
async fn make(transaction: &mut Transaction, name: &str) -> Result<(), StoreError> {
    let mut id = 1;
    for row in transaction.all(STREAMS, bind![]).await? {
        id = id.max(Stream::from_row(&row)?.id + 1);
    }
    let sealed = seal::stream(name, [id, 1, 1, 0, 0], None);
    transaction.run(MAKE, bind![id, name, sealed]).await.map(drop)
}

/// The gap before an epoch, which was found when it began.
fn gap_before(name: &InterfaceRef, epochs: &[Lost], lost: &Lost) -> Result<Gap, StoreError> {
    let kept = lost.from.saturating_sub(1);
    let before: Vec<Lost> = epochs.iter().filter(|epoch| epoch.epoch < lost.epoch).copied().collect();
    let after = if kept == 0 { Position::START } else { position(epoch_of(&before, kept), kept)? };
    Ok(Gap { stream: name.clone(), after, until: lost.to, epoch: lost.epoch })
}

/// The epoch that begins, since the stream is behind.
struct New {
    /// Behind its last record.
    kept: u64,
    epoch: u32,
    lost_to: u64,
    first: u64,
}

/// Whether a stream that has records up to `kept` is behind what was acknowledged.
fn behind(stream: &Stream, epochs: &[Lost], kept: u64, found: Found<'_>, is_anew: bool) -> Option<New> {
    let marked = stream.next - 1;
    match found {
        Found::InStore { mark } => {
            let whole = past_lost(epochs, kept + 1) >= stream.next;
            let ahead = mark.filter(|mark| *mark > stream.head().unwrap_or(Position::START));
            if whole && ahead.is_none() {
                return None;
            }
            let lost_to = ahead.map_or(marked, |mark| mark.offset().max(marked)).max(kept);
            let epoch = ahead.map_or(stream.epoch, |mark| mark.epoch().max(stream.epoch)) + 1;
            Some(New { kept, epoch, lost_to, first: lost_to + 1 })
        }
        Found::AtBroker { mark, .. } if is_anew => {
            let lost_to = mark.map_or(marked, |mark| marked.max(mark.offset()));
            Some(New { kept, epoch: stream.epoch + 1, lost_to, first: 1 })
        }
        Found::AtBroker { found, mark } => {
            let mark = mark.filter(|mark| mark.epoch() == stream.epoch && found.last < mark.offset())?;
            Some(New { kept, epoch: stream.epoch + 1, lost_to: marked.max(mark.offset()), first: found.last + 1 })
        }
    }
}

/// The last offset that is there, or that retention took.
async fn last(transaction: &mut Transaction, stream: &Stream) -> Result<u64, StoreError> {
    let range = bind![stream.place(0), stream.place(0) + (1 << super::OFFSET_BITS)];
    let row = transaction.only(LAST, range).await?;
    let last = if row.integer("records")? == 0 { 0 } else { offset(row.integer("place")?) };
    Ok(last.max(stream.retired_to))
}

async fn begin_epoch(
    transaction: &mut Transaction,
    name: &InterfaceRef,
    stream: Stream,
    last: Position,
    new: New,
) -> Result<OpenedStream, StoreError> {
    let lost = Lost { epoch: new.epoch, first: new.first, from: new.kept + 1, to: new.lost_to };
    begin(transaction, &stream, lost).await?;
    broker_id::lost(transaction, stream.id, new.kept).await?;
    // What retention took at a broker that begins anew is no longer behind what it has.
    let retired_to = stream.retired_to.min(new.kept);
    Stream { epoch: new.epoch, next: new.first, retired_to, ..stream }.write(transaction).await?;
    let gap = Gap { stream: name.clone(), after: last, until: new.lost_to, epoch: new.epoch };
    Ok(OpenedStream { head: position(new.epoch, new.first - 1)?, last, gap: Some(gap) })
}

/// Writes that an epoch begins; the stream's row is for the caller.
pub(crate) async fn begin(transaction: &mut Transaction, stream: &Stream, lost: Lost) -> Result<(), StoreError> {
    let now = transaction.now().await?;
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let numbers = [stream.id, i64::from(lost.epoch), number(lost.first), number(lost.from), number(lost.to), now.0];
    let [id, epoch, first, from, to, at] = numbers;
    transaction.run(BEGIN, bind![id, epoch, first, from, to, at, seal::epoch(numbers)]).await.map(drop)
}
