//! The event log's tables: streams, their epochs, records and cursors. Each method is one use case in one transaction.
//! Groups nothing, waits for nothing, wakes nobody: that is the log's part. Never looks into a record's body.

pub(crate) mod append;
pub(crate) mod broker_id;
pub(crate) mod checksum;
pub(crate) mod cursor;
pub(crate) mod group;
pub(crate) mod home;
pub(crate) mod known;
pub(crate) mod opening;
pub(crate) mod pulled;
pub(crate) mod read;
pub(crate) mod retention;
pub(crate) mod seal;
mod walk;

use selvage_model::event::{Position, Sequence};
use selvage_model::name::InterfaceRef;

use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::statement::{Sql, statements};
use crate::value::{Row, bind};
pub(crate) use walk::Lost;

/// Offsets of one stream have so many bits of a record's place.
const OFFSET_BITS: u32 = 44;

statements! {
    STREAM = "SELECT id, name, epoch, next_offset, retired_to, kept_bytes, made, checksum FROM event_stream WHERE name = $1";
    HOLD = "UPDATE event_stream SET kept_bytes = kept_bytes WHERE name = $1 \
            RETURNING id, name, epoch, next_offset, retired_to, kept_bytes, made, checksum";
    LAST = "SELECT id, name, event_stream.epoch AS epoch, next_offset, retired_to, kept_bytes, made, \
            event_stream.checksum AS checksum FROM event_stream LEFT JOIN event_epoch ON event_epoch.stream = event_stream.id AND event_epoch.epoch = event_stream.epoch \
            WHERE next_offset > COALESCE(first_offset, 1)";
    EPOCHS = "SELECT stream, epoch, first_offset, lost_from, lost_to, began_at, checksum FROM event_epoch \
              WHERE stream = $1 ORDER BY epoch";
}

/// In SQLite it goes with others, whose parameters are counted through.
const WRITE: Sql = Sql {
    sqlite: "UPDATE event_stream SET epoch = ?, next_offset = ?, retired_to = ?, kept_bytes = ?, made = ?, checksum = ? WHERE id = ?",
    postgres: "UPDATE event_stream SET epoch = $1, next_offset = $2, retired_to = $3, kept_bytes = $4, made = $5, checksum = $6 \
               WHERE id = $7",
};

#[cfg(test)]
pub(crate) const WITH_OTHERS: &[(&str, Sql)] = &[("WRITE", WRITE)];

/// A stream's row.
#[derive(Clone)]
pub(crate) struct Stream {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) epoch: u32,
    pub(crate) next: u64,
    pub(crate) retired_to: u64,
    pub(crate) bytes: u64,
    /// When the broker says that it made what it keeps of it.
    pub(crate) made: Option<String>,
}

impl Stream {
    pub(crate) fn from_row(row: &Row) -> Result<Self, StoreError> {
        seal::check(row, seal::of_stream(row), "event_stream")?;
        Ok(Self {
            id: row.integer("id")?,
            name: row.text("name")?,
            epoch: epoch(row)?,
            next: row.count("next_offset")?,
            retired_to: row.count("retired_to")?,
            bytes: row.count("kept_bytes")?,
            made: row.optional_text("made")?,
        })
    }

    /// Writes the row, which is held, as it is here.
    pub(crate) async fn write(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let numbers = [self.id, i64::from(self.epoch), number(self.next), number(self.retired_to), number(self.bytes)];
        let [id, epoch, next, retired_to, bytes] = numbers;
        let sealed = seal::stream(&self.name, numbers, self.made.as_deref());
        let row = bind![epoch, next, retired_to, bytes, self.made.clone(), sealed, id];
        transaction.later(WRITE, row).await
    }

    /// The last position: the high-water mark.
    pub(crate) fn head(&self) -> Result<Position, StoreError> {
        position(self.epoch, self.next.saturating_sub(1))
    }

    /// Where a record of this stream lies.
    pub(crate) fn place(&self, offset: u64) -> i64 {
        (self.id << OFFSET_BITS) | i64::try_from(offset).unwrap_or_default()
    }

    /// Looks a stream up.
    pub(crate) async fn find(transaction: &mut Transaction, name: &InterfaceRef) -> Result<Self, StoreError> {
        let row = transaction.first(STREAM, bind![name.to_string()]).await?;
        Self::from_row(&row.ok_or_else(|| unknown(name))?)
    }

    /// Looks a stream up and holds it until the transaction ends.
    pub(crate) async fn hold(transaction: &mut Transaction, name: &InterfaceRef) -> Result<Self, StoreError> {
        let row = transaction.first(HOLD, bind![name.to_string()]).await?;
        Self::from_row(&row.ok_or_else(|| unknown(name))?)
    }

    /// Where its epochs after the first began, in order.
    pub(crate) async fn epochs(&self, transaction: &mut Transaction) -> Result<Vec<Lost>, StoreError> {
        if self.epoch == 1 {
            return Ok(Vec::new());
        }
        let rows = transaction.all(EPOCHS, bind![self.id]).await?;
        let epochs: Vec<Lost> = rows.iter().map(Lost::from_row).collect::<Result<_, _>>()?;
        // What was lost before an epoch that is not there would be missing without a reason.
        if epochs.last().is_none_or(|last| last.epoch != self.epoch) {
            return Err(StoreError::damaged(format!("`event_epoch` lacks epoch {} of `{}`", self.epoch, self.name)));
        }
        Ok(epochs)
    }
}

/// How a stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamState {
    /// The last position: the high-water mark. Offset 0 where nothing was ever appended.
    pub head: Position,
    /// Retention took everything up to this offset.
    pub retired_to: u64,
    /// The bytes of the bodies that are kept.
    pub bytes: u64,
}

/// The epochs of a stream whose records a broker keeps, and what its offsets mean by them.
#[derive(Clone, Debug)]
pub struct EventEpochs {
    current: u32,
    retired_to: u64,
    made: Option<String>,
    lost: Vec<Lost>,
}

impl EventEpochs {
    /// The epoch of what is appended now.
    pub fn current(&self) -> u32 {
        self.current
    }

    /// Retention was told to take everything up to this offset.
    pub fn retired_to(&self) -> u64 {
        self.retired_to
    }

    /// Whether they are those of a stream that the broker made then; another one under the same name is another stream.
    pub fn are_of(&self, made: &str) -> bool {
        self.made.as_deref().is_none_or(|known| known == made)
    }

    /// The position of what the broker has at this offset.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] for an offset that no log has.
    pub fn position(&self, offset: u64) -> Result<Position, StoreError> {
        if offset == 0 { Ok(Position::START) } else { position(walk::epoch_of(&self.lost, offset), offset) }
    }

    /// The offset up to which a reader at this position has read what the broker has.
    pub fn read_up_to(&self, position: Position) -> u64 {
        walk::read_up_to(&self.lost, position)
    }
}

impl Store {
    /// How a stream stands.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a stream that was never opened.
    pub async fn event_stream(&self, stream: &InterfaceRef) -> Result<StreamState, StoreError> {
        let stream = Stream::find(&mut self.database.read().await?, stream).await?;
        Ok(StreamState { head: stream.head()?, retired_to: stream.retired_to, bytes: stream.bytes })
    }

    /// The epochs of a stream.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a stream that was never opened.
    pub async fn event_epochs(&self, stream: &InterfaceRef) -> Result<EventEpochs, StoreError> {
        let mut transaction = self.database.read().await?;
        let stream = Stream::find(&mut transaction, stream).await?;
        let lost = stream.epochs(&mut transaction).await?;
        Ok(EventEpochs { current: stream.epoch, retired_to: stream.retired_to, made: stream.made, lost })
    }

    /// The position of the last event of every stream; none of a stream that has had none in its present epoch.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn last_events(&self) -> Result<Vec<(InterfaceRef, Position)>, StoreError> {
        let rows = self.database.read().await?.all(LAST, bind![]).await?;
        rows.iter().map(|row| Ok((row.parsed("name")?, Stream::from_row(row)?.head()?))).collect()
    }
}

fn unknown(stream: &InterfaceRef) -> StoreError {
    StoreError::NotFound { what: "event stream", id: stream.to_string() }
}

fn epoch(row: &Row) -> Result<u32, StoreError> {
    let epoch = row.integer("epoch")?;
    u32::try_from(epoch).map_err(|_| StoreError::damaged(format!("`epoch` is {epoch}")))
}

pub(crate) fn position(epoch: u32, offset: u64) -> Result<Position, StoreError> {
    let position = Position::new(epoch, offset);
    position.ok_or_else(|| StoreError::damaged(format!("{epoch}-{offset} is no position of an event")))
}

/// A position as it is stored.
pub(crate) fn stored(position: Position) -> i64 {
    i64::try_from(position.sequence().as_u64()).unwrap_or(i64::MAX)
}

pub(crate) fn read_position(row: &Row) -> Result<Position, StoreError> {
    let number = row.count("position")?;
    Sequence::position(number).ok_or_else(|| StoreError::damaged(format!("{number} is no position of an event")))
}

fn offset(place: i64) -> u64 {
    (place & ((1 << OFFSET_BITS) - 1)).unsigned_abs()
}
