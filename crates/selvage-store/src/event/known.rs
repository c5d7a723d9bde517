//! Which ids the streams of a SQLite store know. The newest ids of a stream are in this process's memory, all older ones in a table, which
//! takes them many at a time and in order: one that took each id as it came would write nearly a page of its own for every event. What is in
//! memory is only what was read from the records or was committed, so that nothing has to be undone; after a start, or where another
//! process appended, the records are looked at. PostgreSQL has a constraint instead, and nothing of this.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use selvage_model::event::{EventId, NewRecord, Position};
use selvage_model::name::InterfaceRef;

use super::append::{looked_up, position_of};
use super::{Stream, unknown};
use crate::database::Transaction;
use crate::error::StoreError;
use crate::statement::Sql;
use crate::value::{Parameter, Row, bind};

/// How many ids of one stream are in memory at most, about: so many go to the table at once.
const MOST: u64 = 32_768;
/// And where there are many streams.
const LEAST: u64 = 256;
/// How many ids of all streams are in memory, about.
const ALL: u64 = 131_072;

const fn sqlite(text: &'static str) -> Sql {
    Sql { sqlite: text, postgres: "SELECT 1" }
}

/// A stream's row, of which the file is held, and up to where the table has every id of it. Goes with others, as what looks ids up does.
const HOLD: Sql = sqlite(
    "SELECT id, name, epoch, next_offset, retired_to, kept_bytes, made, checksum, \
     COALESCE((SELECT indexed_to FROM event_id_index WHERE stream = event_stream.id), 0) AS indexed_to \
     FROM event_stream WHERE name = ?",
);
const INDEXED: Sql = sqlite("SELECT indexed_to FROM event_id_index WHERE stream = $1");
const NEWER: Sql = sqlite("SELECT place, epoch, id FROM event_record WHERE place > $1 AND place < $2 ORDER BY place");
const INDEX: Sql = sqlite(
    "INSERT OR REPLACE INTO event_id (stream, id, place) \
     SELECT stream, id, place FROM event_record WHERE place > $1 AND place <= $2 ORDER BY id",
);
const REACHED: Sql = sqlite(
    "INSERT INTO event_id_index (stream, indexed_to) VALUES ($1, $2) \
     ON CONFLICT (stream) DO UPDATE SET indexed_to = excluded.indexed_to",
);
const RETIRE: Sql = sqlite(
    "DELETE FROM event_id WHERE stream = $1 AND place <= $3 \
     AND id IN (SELECT id FROM event_record WHERE place >= $2 AND place <= $3)",
);
const OLDER: Sql = sqlite("SELECT place FROM event_id WHERE stream = $1 AND id = $2");
const AMONG_NEWER: Sql = sqlite("SELECT place FROM event_record WHERE place > $1 AND place < $2 AND id = $3");
const EMPTY: Sql = sqlite("DELETE FROM event_id");
const EMPTY_INDEX: Sql = sqlite("DELETE FROM event_id_index");
const FILL: Sql =
    sqlite("INSERT INTO event_id (stream, id, place) SELECT stream, id, place FROM event_record ORDER BY stream, id");
const FILL_INDEX: Sql =
    sqlite("INSERT INTO event_id_index (stream, indexed_to) SELECT id, next_offset - 1 FROM event_stream");

#[cfg(test)]
pub(crate) const STATEMENTS: &[(&str, Sql)] = &[
    ("HOLD", HOLD),
    ("INDEXED", INDEXED),
    ("NEWER", NEWER),
    ("INDEX", INDEX),
    ("REACHED", REACHED),
    ("RETIRE", RETIRE),
    ("OLDER", OLDER),
    ("AMONG_NEWER", AMONG_NEWER),
    ("EMPTY", EMPTY),
    ("EMPTY_INDEX", EMPTY_INDEX),
    ("FILL", FILL),
    ("FILL_INDEX", FILL_INDEX),
];

/// The newest ids of the streams of a store, as far as this process has looked. Clones share them.
#[derive(Clone)]
pub(crate) struct NewestIds {
    streams: Arc<Mutex<HashMap<i64, Newest>>>,
    most: u64,
}

impl Default for NewestIds {
    fn default() -> Self {
        Self::of(MOST)
    }
}

/// The ids of the events behind `from`, up to `to`.
#[derive(Default)]
struct Newest {
    epoch: u32,
    from: u64,
    to: u64,
    ids: HashMap<Box<str>, Position>,
}

impl Newest {
    fn behind(epoch: u32, from: u64) -> Self {
        Self { epoch, from, to: from, ids: HashMap::new() }
    }

    /// Whether it is about this stream as it is, whose table has the ids up to here.
    fn is_of(&self, stream: &Stream, indexed: u64) -> bool {
        self.epoch == stream.epoch && self.from == indexed && self.to < stream.next
    }
}

impl NewestIds {
    /// So many of a stream at most, about.
    pub(crate) fn of(most: u64) -> Self {
        Self { streams: Arc::default(), most }
    }

    /// Holds a stream, and says which of these records it knows, and where.
    pub(crate) async fn hold(
        &self,
        transaction: &mut Transaction,
        name: &InterfaceRef,
        records: &[&NewRecord],
    ) -> Result<(Stream, HashMap<String, Position>), StoreError> {
        // The row and the table at once: each look is a turn to the file's thread.
        let text = name.to_string();
        let rows = match records.is_empty() {
            true => transaction.all(HOLD, bind![text.as_str()]).await?,
            false => {
                transaction.later(HOLD, bind![text.as_str()]).await?;
                in_table(transaction, &text, records).await?
            }
        };
        let mut rows = rows.into_iter();
        let row = rows.next().ok_or_else(|| unknown(name))?;
        let (stream, in_row) = (Stream::from_row(&row)?, row.count("indexed_to")?);
        let mut places = rows.map(|row| row.integer("place")).collect::<Result<Vec<i64>, StoreError>>()?;
        let indexed = self.catch_up(transaction, &stream, in_row).await?;
        if indexed != in_row {
            for row in in_table(transaction, &text, records).await? {
                places.push(row.integer("place")?);
            }
        }
        self.with(|streams| {
            let ids = streams.get(&stream.id).map(|newest| &newest.ids);
            let of = |record: &&NewRecord| ids?.get(record.id.as_str()).map(|at| stream.place(at.offset()));
            places.extend(records.iter().filter_map(of));
        });
        // INVARIANT: NOTHING-LOST: an id is known only where its record is.
        let mut known = HashMap::with_capacity(records.len());
        for (piece, of_rung) in looked_up(&places) {
            for row in transaction.all(of_rung.placed, piece.map(|place| Parameter::from(*place))).await? {
                known.insert(row.text("id")?, position_of(&row)?);
            }
        }
        Ok((stream, known))
    }

    /// Remembers what was committed. Where something else was appended since, the records tell next time.
    pub(crate) fn committed(&self, committed: &[(i64, Vec<(&EventId, Position)>)]) {
        self.with(|streams| {
            for (stream, new) in committed {
                let Some(newest) = streams.get_mut(stream) else { continue };
                for (id, position) in new {
                    if (newest.epoch, newest.to + 1) == (position.epoch(), position.offset()) {
                        newest.to = position.offset();
                        newest.ids.insert(id.as_str().into(), *position);
                    }
                }
            }
        });
    }

    /// Where the event with this id is, if the stream has it.
    pub(crate) async fn place(
        &self,
        transaction: &mut Transaction,
        stream: &Stream,
        id: &str,
    ) -> Result<Option<i64>, StoreError> {
        let indexed = indexed(transaction, stream).await?;
        let (in_memory, to) = self.with(|streams| match streams.get(&stream.id) {
            Some(newest) if newest.is_of(stream, indexed) => (newest.ids.get(id).copied(), newest.to),
            _ => (None, indexed),
        });
        if let Some(position) = in_memory {
            return Ok(Some(stream.place(position.offset())));
        }
        let range = bind![stream.place(to), stream.place(stream.next), id];
        let found = match transaction.first(OLDER, bind![stream.id, id]).await? {
            Some(row) => Some(row),
            None => transaction.first(AMONG_NEWER, range).await?,
        };
        found.map(|row| row.integer("place")).transpose()
    }

    /// Brings memory up to the stream's end, and the table behind it where memory has enough; says up to where the table has every id.
    async fn catch_up(
        &self,
        transaction: &mut Transaction,
        stream: &Stream,
        mut indexed: u64,
    ) -> Result<u64, StoreError> {
        let most = self.with(|streams| (ALL / streams.len().max(1) as u64).max(LEAST).min(self.most));
        let last = stream.next - 1;
        if last.saturating_sub(indexed) >= most {
            transaction.run(INDEX, bind![stream.place(indexed), stream.place(last)]).await?;
            transaction.run(REACHED, bind![stream.id, number(last)]).await?;
            indexed = last;
        }
        let from = self.with(|streams| {
            let newest = streams.entry(stream.id).or_default();
            if newest.epoch == stream.epoch && newest.from < indexed && newest.to >= indexed {
                newest.ids.retain(|_, position| position.offset() > indexed);
                newest.from = indexed;
            }
            if !newest.is_of(stream, indexed) {
                *newest = Newest::behind(stream.epoch, indexed);
            }
            newest.to
        });
        if from + 1 < stream.next {
            let rows = transaction.all(NEWER, bind![stream.place(from), stream.place(stream.next)]).await?;
            let found = rows.iter().map(|row| Ok((row.text("id")?.into(), position_of(row)?)));
            let found = found.collect::<Result<Vec<(Box<str>, Position)>, StoreError>>()?;
            self.with(|streams| {
                let newest = streams.entry(stream.id).or_default();
                newest.ids.extend(found);
                newest.to = stream.next - 1;
            });
        }
        Ok(indexed)
    }

    fn with<T>(&self, work: impl FnOnce(&mut HashMap<i64, Newest>) -> T) -> T {
        work(&mut self.streams.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What waits, and where the table has these ids.
async fn in_table(transaction: &mut Transaction, name: &str, records: &[&NewRecord]) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    for (piece, of_rung) in looked_up(records) {
        let ids = piece.map(|record| Parameter::from(record.id.as_str()));
        rows.extend(transaction.all(of_rung.known, bind![name].into_iter().chain(ids)).await?);
    }
    Ok(rows)
}

/// Takes the ids of records that retention takes out of the table.
pub(crate) async fn retire(
    transaction: &mut Transaction,
    stream: &Stream,
    first: u64,
    last: u64,
) -> Result<(), StoreError> {
    if transaction.is_file() {
        transaction.run(RETIRE, bind![stream.id, stream.place(first), stream.place(last)]).await?;
    }
    Ok(())
}

/// Makes the table anew of the records.
pub(crate) async fn rebuild(transaction: &mut Transaction) -> Result<(), StoreError> {
    if transaction.is_file() {
        for statement in [EMPTY, EMPTY_INDEX, FILL, FILL_INDEX] {
            transaction.run(statement, bind![]).await?;
        }
    }
    Ok(())
}

/// Up to which offset the table has every id of a stream.
async fn indexed(transaction: &mut Transaction, stream: &Stream) -> Result<u64, StoreError> {
    let row = transaction.first(INDEXED, bind![stream.id]).await?;
    row.map_or(Ok(0), |row| row.count("indexed_to"))
}

fn number(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}
