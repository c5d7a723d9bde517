//! Appending: any number of batches in one transaction, each taken whole; an id that its stream knows is answered with where it
//! is. INVARIANT: DURABLE-ACK: what is answered has been committed, and a commit is on the disk.

use std::collections::HashMap;
use std::sync::LazyLock;

use selvage_model::event::{Appended, NewRecord, Position};
use selvage_model::name::InterfaceRef;

use super::checksum::checksum;
use super::{Stream, epoch, offset, position};
use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::statement::Sql;
use crate::value::{Micros, Parameter, Row, bind};

/// How many records one statement takes at most: the fewer statements, the fewer times a group goes to the connection's thread or to the
/// server and back.
const MOST: usize = 64;
/// For so many there are statements, largest first: what is looked up is filled up to one of them, and what is put into PostgreSQL is divided.
const RUNGS: [usize; 4] = [MOST, 16, 4, 1];
/// What each record of a statement brings.
const OF_RECORD: usize = 8;

/// The statements that look so many up.
#[derive(Clone, Copy)]
pub(super) struct OfRung {
    size: usize,
    /// Where the ids are that a stream knows of so many: in SQLite by the table of ids, which has not the newest.
    pub(super) known: Sql,
    /// The ids at so many places.
    pub(super) placed: Sql,
}

static LOOKS: LazyLock<[OfRung; RUNGS.len()]> = LazyLock::new(|| {
    RUNGS.map(|size| {
        let [sqlite, postgres] = [Places::InOrder, Places::Numbered];
        let known = "SELECT place, epoch, id FROM event_record WHERE stream = $1 AND id IN";
        let in_table =
            "SELECT place FROM event_id WHERE stream = (SELECT id FROM event_stream WHERE name = ?) AND id IN";
        let placed = "SELECT place, epoch, id FROM event_record WHERE place IN";
        OfRung {
            size,
            known: sql(format!("{in_table} {}", sqlite.list(1, size)), format!("{known} {}", postgres.list(1, size))),
            placed: sql(format!("{placed} {}", sqlite.list(0, size)), format!("{placed} {}", postgres.list(0, size))),
        }
    })
});

/// The statements that put one record there, or two, and so on. A conflict fails the whole transaction: without `OR FAIL`, SQLite would
/// write every page that a statement changes to a temporary file first, to undo that statement alone.
static INSERTS: LazyLock<Vec<Sql>> = LazyLock::new(|| {
    let insert = "INTO event_record (stream, epoch, appended_at, place, checksum, id, lane, body) VALUES";
    let rows = |places: Places, records: usize| -> String {
        let row = |record: usize| places.list(record * OF_RECORD, OF_RECORD);
        (0..records).map(row).collect::<Vec<_>>().join(", ")
    };
    let of = |records: usize| {
        sql(
            format!("INSERT OR FAIL {insert} {}", rows(Places::InOrder, records)),
            format!("INSERT {insert} {}", rows(Places::Numbered, records)),
        )
    };
    (1..=MOST).map(of).collect()
});

fn sql(sqlite: String, postgres: String) -> Sql {
    Sql { sqlite: sqlite.leak(), postgres: postgres.leak() }
}

/// How a statement names its parameters.
#[derive(Clone, Copy)]
enum Places {
    /// As they come: SQLite goes through all names for each parameter that has one.
    InOrder,
    Numbered,
}

impl Places {
    /// So many parameters behind the first ones.
    fn list(self, behind: usize, count: usize) -> String {
        let name = |number: usize| match self {
            Self::InOrder => "?".to_owned(),
            Self::Numbered => format!("${}", behind + number),
        };
        format!("({})", (1..=count).map(name).collect::<Vec<_>>().join(", "))
    }
}

/// The statements whose text is put together.
#[cfg(test)]
pub(crate) fn numbered() -> impl Iterator<Item = Sql> {
    LOOKS.iter().flat_map(|of| [of.known, of.placed]).chain(INSERTS.iter().copied())
}

/// Cuts what is to be looked up into pieces, each with its statements and filled up for them: its last is looked up several times then.
pub(super) fn looked_up<T>(all: &[T]) -> impl Iterator<Item = (impl Iterator<Item = &T>, OfRung)> {
    all.chunks(MOST).filter_map(|piece| {
        let of_rung = LOOKS.iter().rev().find(|of_rung| of_rung.size >= piece.len())?;
        let filled = piece.iter().chain(std::iter::repeat(piece.last()?)).take(of_rung.size);
        Some((filled, *of_rung))
    })
}

/// Cuts what is to be put there into pieces, each with its statement. In SQLite there is one for any number; a server is not to keep as many
/// for each connection.
fn put<T>(mut all: &[T], is_file: bool) -> impl Iterator<Item = (&[T], Sql)> {
    std::iter::from_fn(move || {
        let rung = RUNGS.into_iter().find(|rung| *rung <= all.len())?;
        let size = if is_file { all.len().min(MOST) } else { rung };
        let (piece, rest) = all.split_at_checked(size)?;
        all = rest;
        Some((piece, *INSERTS.get(size - 1)?))
    })
}

/// Records for one stream, taken whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventBatch {
    /// Which stream.
    pub stream: InterfaceRef,
    /// In this order.
    pub records: Vec<NewRecord>,
    /// What the caller knows that the stream has acknowledged: where it has less, nothing is appended.
    pub acknowledged: Position,
}

impl Store {
    /// Appends every batch in one transaction, and says of each record where it is.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a stream that was never opened. After [`StoreError::Unavailable`] the records may be there:
    /// appending them again is safe, since their ids are known then.
    pub async fn append_events(&self, batches: &[EventBatch]) -> Result<Vec<Vec<Appended>>, StoreError> {
        let mut transaction = self.database.write_in_turns().await?;
        // In one order, so that two nodes do not wait for each other; within a stream as they came.
        let mut ordered: Vec<(usize, &EventBatch)> = batches.iter().enumerate().collect();
        ordered.sort_by(|(_, one), (_, other)| one.stream.cmp(&other.stream));
        let mut answers: Vec<(usize, Vec<Appended>)> = Vec::with_capacity(batches.len());
        let mut committed = Vec::new();
        for of_stream in ordered.chunk_by(|(_, one), (_, other)| one.stream == other.stream) {
            let Some((_, first)) = of_stream.first() else { continue };
            let acknowledged = of_stream.iter().map(|(_, batch)| batch.acknowledged).max();
            let records: Vec<&NewRecord> = of_stream.iter().flat_map(|(_, batch)| &batch.records).collect();
            let (stream, known) = self.hold(&mut transaction, &first.stream, &records).await?;
            let head = stream.head()?;
            // INVARIANT: NOTHING-LOST: no position is given twice where the database went back under its nodes.
            if let Some(acknowledged) = acknowledged.filter(|acknowledged| *acknowledged > head) {
                return Err(StoreError::EventsBehind { stream: first.stream.clone(), acknowledged });
            }
            let appended = append(&mut transaction, &stream, known, &records).await?;
            let new = records.iter().zip(&appended).filter(|(_, at)| !at.known);
            committed.push((stream.id, new.map(|(record, at)| (&record.id, at.position)).collect::<Vec<_>>()));
            let mut appended = appended.into_iter();
            for (index, batch) in of_stream {
                answers.push((*index, appended.by_ref().take(batch.records.len()).collect()));
            }
        }
        transaction.commit().await?;
        self.newest_ids.committed(&committed);
        answers.sort_by_key(|(index, _)| *index);
        Ok(answers.into_iter().map(|(_, appended)| appended).collect())
    }

    /// Holds a stream, and says which of these records it knows, and where.
    async fn hold(
        &self,
        transaction: &mut Transaction,
        name: &InterfaceRef,
        records: &[&NewRecord],
    ) -> Result<(Stream, HashMap<String, Position>), StoreError> {
        if transaction.is_file() {
            return self.newest_ids.hold(transaction, name, records).await;
        }
        let stream = Stream::hold(transaction, name).await?;
        let known = known(transaction, &stream, records).await?;
        Ok((stream, known))
    }
}

/// Appends to one stream that is held.
async fn append(
    transaction: &mut Transaction,
    stream: &Stream,
    mut known: HashMap<String, Position>,
    records: &[&NewRecord],
) -> Result<Vec<Appended>, StoreError> {
    let mut appended = Vec::with_capacity(records.len());
    let mut new: Vec<(u64, &NewRecord)> = Vec::new();
    for record in records {
        if let Some(position) = known.get(record.id.as_str()) {
            appended.push(Appended { position: *position, known: true });
            continue;
        }
        let offset = stream.next + new.len() as u64;
        let position = position(stream.epoch, offset)?;
        new.push((offset, record));
        known.insert(record.id.as_str().to_owned(), position);
        appended.push(Appended { position, known: false });
    }
    insert(transaction, stream, &new).await?;
    Ok(appended)
}

/// Those ids that the stream has, and where, by the constraint's index.
async fn known(
    transaction: &mut Transaction,
    stream: &Stream,
    records: &[&NewRecord],
) -> Result<HashMap<String, Position>, StoreError> {
    let mut known = HashMap::new();
    for (piece, of_rung) in looked_up(records) {
        let ids = piece.map(|record| Parameter::from(record.id.as_str()));
        for row in transaction.all(of_rung.known, bind![stream.id].into_iter().chain(ids)).await? {
            known.insert(row.text("id")?, position_of(&row)?);
        }
    }
    Ok(known)
}

/// The position of a record's row.
pub(super) fn position_of(row: &Row) -> Result<Position, StoreError> {
    position(epoch(row)?, offset(row.integer("place")?))
}

async fn insert(
    transaction: &mut Transaction,
    stream: &Stream,
    records: &[(u64, &NewRecord)],
) -> Result<(), StoreError> {
    let Some((last, _)) = records.last() else { return Ok(()) };
    let now = transaction.now().await?;
    let mut pieces = put(records, transaction.is_file()).peekable();
    while let Some((piece, statement)) = pieces.next() {
        let values = piece.iter().flat_map(|(offset, record)| {
            let place = stream.place(*offset);
            let checksum = of_record(place, stream.epoch, now, record);
            let of_all = bind![stream.id, i64::from(stream.epoch), now].into_iter();
            of_all.chain(bind![place, checksum, record.id.as_str(), record.lane.as_str(), record.body.as_slice()])
        });
        // The last goes with the row and whatever follows; the others by themselves, so that not too many texts are prepared.
        match pieces.peek() {
            Some(_) => drop(transaction.run(statement, values).await?),
            None => transaction.later(statement, values).await?,
        }
    }
    let bytes: usize = records.iter().map(|(_, record)| record.body.len()).sum();
    let advanced = Stream { next: last + 1, bytes: stream.bytes.saturating_add(bytes as u64), ..stream.clone() };
    advanced.write(transaction).await
}

fn of_record(place: i64, epoch: u32, at: Micros, record: &NewRecord) -> i64 {
    let (id, lane) = (record.id.as_str().as_bytes(), record.lane.as_str().as_bytes());
    let numbers = [place.to_be_bytes(), i64::from(epoch).to_be_bytes(), at.0.to_be_bytes()];
    i64::from(checksum(&[numbers.as_flattened(), id, lane, &record.body]))
}

/// Whether a row is what was written.
pub(super) fn is_whole(row: &Row, id: &str, lane: &str, body: &[u8]) -> Result<bool, StoreError> {
    let numbers = [row.integer("place")?, row.integer("epoch")?, row.integer("appended_at")?].map(i64::to_be_bytes);
    let parts = [numbers.as_flattened(), id.as_bytes(), lane.as_bytes(), body];
    Ok(i64::from(checksum(&parts)) == row.integer("checksum")?)
}
