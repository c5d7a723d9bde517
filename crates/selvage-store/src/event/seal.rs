//! Checksums of the log's own rows: a stream, an epoch or a cursor that is not what was written is named where it is read, and not
//! obeyed. INVARIANT: NOTHING-LOST. Leases, and when something was told or moved, have none: a wrong one does no harm that a fence does
//! not stop.

use super::checksum::checksum;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Row, bind};

statements! {
    STREAMS = "SELECT id, name, epoch, next_offset, retired_to, kept_bytes, made FROM event_stream";
    EPOCHS = "SELECT stream, epoch, first_offset, lost_from, lost_to, began_at FROM event_epoch";
    CURSORS = "SELECT stream, reader, position, fence_number FROM event_cursor";
    SEAL_STREAM = "UPDATE event_stream SET checksum = $1 WHERE id = $2";
    SEAL_EPOCH = "UPDATE event_epoch SET checksum = $1 WHERE stream = $2 AND epoch = $3";
    SEAL_CURSOR = "UPDATE event_cursor SET checksum = $1 WHERE stream = $2 AND reader = $3";
}

/// What a row's checksum is taken over: numbers, and a text.
fn seal(numbers: &[i64], text: &str) -> i64 {
    let numbers: Vec<[u8; 8]> = numbers.iter().map(|number| number.to_be_bytes()).collect();
    i64::from(checksum(&[numbers.as_flattened(), text.as_bytes()]))
}

/// The checksum of a stream's row.
pub(super) fn of_stream(row: &Row) -> Result<i64, StoreError> {
    let numbers = ["id", "epoch", "next_offset", "retired_to", "kept_bytes"];
    let [id, epoch, next, retired_to, bytes] = integers(row, numbers)?;
    Ok(stream(&row.text("name")?, [id, epoch, next, retired_to, bytes], row.optional_text("made")?.as_deref()))
}

/// The same of values: id, epoch, next offset, what retention took, bytes.
pub(super) fn stream(name: &str, numbers: [i64; 5], made: Option<&str>) -> i64 {
    seal(&numbers, &format!("{name} {}", made.unwrap_or_default()))
}

/// The checksum of an epoch's row.
pub(super) fn of_epoch(row: &Row) -> Result<i64, StoreError> {
    Ok(epoch(integers(row, ["stream", "epoch", "first_offset", "lost_from", "lost_to", "began_at"])?))
}

/// The same of values, in the order of the columns.
pub(super) fn epoch(numbers: [i64; 6]) -> i64 {
    seal(&numbers, "")
}

/// The checksum of a cursor's row.
pub(super) fn of_cursor(row: &Row) -> Result<i64, StoreError> {
    let [stream, position, fence] = integers(row, ["stream", "position", "fence_number"])?;
    Ok(cursor(stream, &row.text("reader")?, position, fence))
}

/// The same of values.
pub(super) fn cursor(stream: i64, reader: &str, position: i64, fence: i64) -> i64 {
    seal(&[stream, position, fence], reader)
}

/// Fails where a row is not what was written.
pub(super) fn check(row: &Row, sealed: Result<i64, StoreError>, what: &str) -> Result<(), StoreError> {
    // A value that cannot be read as what it is was not written so either.
    match (sealed, row.integer("checksum")) {
        (Ok(sealed), Ok(kept)) if sealed == kept => Ok(()),
        _ => Err(StoreError::damaged(format!("a row of `{what}` is not what was written"))),
    }
}

fn integers<const N: usize>(row: &Row, names: [&'static str; N]) -> Result<[i64; N], StoreError> {
    let mut values = [0; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = row.integer(name)?;
    }
    Ok(values)
}

/// Gives every row its checksum, once: rows of before have none.
pub(crate) async fn all(transaction: &mut Transaction) -> Result<(), StoreError> {
    for row in transaction.all(STREAMS, bind![]).await? {
        transaction.run(SEAL_STREAM, bind![of_stream(&row)?, row.integer("id")?]).await?;
    }
    for row in transaction.all(EPOCHS, bind![]).await? {
        let epoch = bind![of_epoch(&row)?, row.integer("stream")?, row.integer("epoch")?];
        transaction.run(SEAL_EPOCH, epoch).await?;
    }
    for row in transaction.all(CURSORS, bind![]).await? {
        let cursor = bind![of_cursor(&row)?, row.integer("stream")?, row.text("reader")?];
        transaction.run(SEAL_CURSOR, cursor).await?;
    }
    Ok(())
}
