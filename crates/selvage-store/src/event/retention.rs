//! Retention: what is older than declared, and more than has to be kept, is taken from the beginning of a stream.
//! INVARIANT: NOTHING-LOST: what a reader has not passed yet stays, and is named, unless the caller says that it is to go or there is more
//! than the interface lets be kept; then who loses it is named.

use jiff::Timestamp;
use selvage_model::event::{Position, ReaderName};
use selvage_model::manifest::event::Retention;
use selvage_model::name::InterfaceRef;

use super::walk::read_up_to;
use super::{Stream, broker_id, cursor, known, offset};
use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Micros, bind};

/// How many records one transaction takes at most, so that no append waits long for it.
const PAGE: u32 = 1_000;

statements! {
    OLDEST = "SELECT place, appended_at, CAST(length(body) AS BIGINT) AS bytes FROM event_record \
              WHERE place >= $1 AND place < $2 ORDER BY place LIMIT $3";
    TAKE = "DELETE FROM event_record WHERE place >= $1 AND place <= $2";
}

/// What retention did, one step of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retired {
    /// How many records were taken.
    pub records: u64,
    /// The bytes of their bodies.
    pub bytes: u64,
    /// Whether there may be more to take now.
    pub more: bool,
    /// Who has not read what is due to go. Unless the caller insisted, it was kept; otherwise each of them lost it.
    pub behind: Vec<Behind>,
    /// Who lost what it had not read, since the stream had more than may be kept.
    pub lost: Vec<Behind>,
    /// The bytes that are left.
    pub left: u64,
}

/// A reader that has not read what is due to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    /// Who.
    pub reader: ReaderName,
    /// How far it is.
    pub position: Position,
    /// The first offset that it has not read.
    pub from: u64,
    /// The last of those that are due.
    pub to: u64,
    /// When the first of them was appended.
    pub since: Timestamp,
}

/// What is due, from the beginning of the stream.
struct Due {
    records: Vec<Oldest>,
    full_page: bool,
}

impl Due {
    /// The last of those that go whoever has not read them, since there is more than may be kept.
    fn beyond(&self) -> Option<u64> {
        self.records.iter().take_while(|oldest| oldest.is_beyond).last().map(|oldest| oldest.offset)
    }
}

struct Oldest {
    offset: u64,
    at: Micros,
    bytes: u64,
    is_beyond: bool,
}

impl Behind {
    /// Those who lose something where everything up to here is taken.
    pub fn who_lose(behind: &[Self], taken_to: Option<u64>) -> Vec<Self> {
        let lost = |to: u64| behind.iter().filter(move |it| it.from <= to).map(move |it| Self { to, ..it.clone() });
        taken_to.into_iter().flat_map(lost).collect()
    }
}

impl Store {
    /// Takes up to a thousand records that retention does not keep. What a reader has not passed stays, and the reader is
    /// named; with `insist` it goes, and the reader is named all the same. What is more than may be kept goes in any case.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a stream that was never opened.
    pub async fn retire_events(
        &self,
        stream: &InterfaceRef,
        retention: Retention,
        insist: bool,
    ) -> Result<Retired, StoreError> {
        let mut transaction = self.database.write().await?;
        let stream = Stream::hold(&mut transaction, stream).await?;
        let due = due(&mut transaction, &stream, retention).await?;
        let behind = readers_behind(&mut transaction, &stream, &due).await?;
        let kept_from = if insist { None } else { behind.iter().map(|reader| reader.from).min() };
        let (kept, beyond) = (|offset: u64| kept_from.is_some_and(|from| offset >= from), due.beyond());
        let goes: Vec<&Oldest> =
            due.records.iter().take_while(|oldest| oldest.is_beyond || !kept(oldest.offset)).collect();
        let more = due.full_page && goes.len() == due.records.len();
        let bytes: u64 = goes.iter().map(|oldest| oldest.bytes).sum();
        if let (Some(first), Some(last)) = (goes.first(), goes.last()) {
            known::retire(&mut transaction, &stream, first.offset, last.offset).await?;
            transaction.run(TAKE, bind![stream.place(first.offset), stream.place(last.offset)]).await?;
            let left = stream.bytes.saturating_sub(bytes);
            Stream { retired_to: last.offset, bytes: left, ..stream.clone() }.write(&mut transaction).await?;
        }
        transaction.commit().await?;
        let lost = Behind::who_lose(&behind, beyond);
        Ok(Retired { records: goes.len() as u64, bytes, more, behind, lost, left: stream.bytes.saturating_sub(bytes) })
    }

    /// Notes that a broker was told to take everything up to this offset.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a stream that was never opened.
    pub async fn note_retired(&self, stream: &InterfaceRef, to: u64) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let stream = Stream::hold(&mut transaction, stream).await?;
        if stream.retired_to < to {
            broker_id::retired(&mut transaction, stream.id, to).await?;
            Stream { retired_to: to, ..stream }.write(&mut transaction).await?;
        }
        transaction.commit().await
    }
}

/// The oldest records that are older than declared, as long as enough bytes stay; and those that are more than may be kept.
async fn due(transaction: &mut Transaction, stream: &Stream, retention: Retention) -> Result<Due, StoreError> {
    let now = transaction.now().await?;
    let keep_since = now.before(retention.time);
    let mut spare = stream.bytes.saturating_sub(retention.at_least.unwrap_or(0));
    let mut beyond = retention.ceiling().map_or(0, |most| stream.bytes.saturating_sub(most));
    let range = bind![stream.place(stream.retired_to + 1), stream.place(stream.next), i64::from(PAGE)];
    let rows = transaction.all(OLDEST, range).await?;
    let full_page = rows.len() == PAGE as usize;
    let mut records = Vec::new();
    for row in &rows {
        let (at, bytes) = (Micros(row.integer("appended_at")?), row.count("bytes")?);
        let is_beyond = beyond > 0;
        if !is_beyond && (at >= keep_since || bytes > spare) {
            return Ok(Due { records, full_page: false });
        }
        (spare, beyond) = (spare.saturating_sub(bytes), beyond.saturating_sub(bytes));
        records.push(Oldest { offset: offset(row.integer("place")?), at, bytes, is_beyond });
    }
    Ok(Due { records, full_page })
}

async fn readers_behind(transaction: &mut Transaction, stream: &Stream, due: &Due) -> Result<Vec<Behind>, StoreError> {
    let Some(last) = due.records.last() else { return Ok(Vec::new()) };
    let epochs = stream.epochs(transaction).await?;
    let mut behind = Vec::new();
    for cursor in cursor::of_stream(transaction, stream).await? {
        let read = read_up_to(&epochs, cursor.position);
        let Some(first) = due.records.iter().find(|oldest| oldest.offset > read) else { continue };
        let (from, to, since) = (first.offset, last.offset, first.at.timestamp()?);
        behind.push(Behind { reader: cursor.reader, position: cursor.position, from, to, since });
    }
    Ok(behind)
}
