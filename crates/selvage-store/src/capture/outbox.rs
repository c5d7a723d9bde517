//! The outbox: what captures have to tell, in order, until the event log has it. Numbers are never given twice, so that a node
//! that is late forgets nothing that it did not bring.

use selvage_model::event::NewRecord;

use super::CaptureHold;
use super::step::ensure_held;
use crate::Store;
use crate::error::StoreError;
use crate::event::checksum::checksum;
use crate::statement::statements;
use crate::value::bind;

statements! {
    WAITING = "SELECT number, id, lane, body, checksum FROM event_outbox WHERE capture = $1 ORDER BY number LIMIT $2";
    TOLD = "DELETE FROM event_outbox WHERE capture = $1 AND number <= $2";
}

/// What waits to be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// In order.
    pub records: Vec<NewRecord>,
    /// The number of the last of them.
    pub last: i64,
    /// Ids of those between them that are not what was written: nobody can be told of them.
    pub damaged: Vec<String>,
}

/// The checksum of an event in the outbox, with where it stands: one in another's place is known as well.
pub(super) fn sealed(capture: i64, number: i64, (id, lane): (&str, &str), body: &[u8]) -> i64 {
    let numbers = [capture.to_be_bytes(), number.to_be_bytes()];
    i64::from(checksum(&[numbers.as_flattened(), id.as_bytes(), lane.as_bytes(), body]))
}

impl Store {
    /// What waits to be brought to the log, oldest first, up to so many records and about so many bytes.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn outbox(&self, capture: i64, records: usize, bytes: usize) -> Result<Waiting, StoreError> {
        let mut transaction = self.database.read().await?;
        let limit = i64::try_from(records).unwrap_or(i64::MAX);
        let mut waiting = Waiting::default();
        let mut size = 0;
        for row in transaction.all(WAITING, bind![capture, limit]).await? {
            let number = row.integer("number")?;
            // A value that cannot be read as what it is was not written so either.
            let (Ok(id), Ok(lane), Ok(body)) = (row.text("id"), row.text("lane"), row.bytes("body")) else {
                waiting.last = number;
                waiting.damaged.push(format!("number {number}"));
                continue;
            };
            size += body.len();
            if size > bytes && !waiting.records.is_empty() {
                break;
            }
            waiting.last = number;
            let written = row.optional_number("checksum")?;
            let is_whole = written.is_none_or(|it| it == sealed(capture, number, (&id, &lane), &body));
            match (id.parse(), lane.parse()) {
                (Ok(id), Ok(lane)) if is_whole => waiting.records.push(NewRecord { id, lane, body }),
                _ => waiting.damaged.push(id),
            }
        }
        Ok(waiting)
    }

    /// Forgets what the log has, up to this number.
    ///
    /// # Errors
    /// [`StoreError::CaptureFenced`]: whoever has the capture now brings it again, which the log knows by its ids.
    pub async fn outbox_told(&self, hold: CaptureHold, last: i64) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        ensure_held(&mut transaction, hold).await?;
        transaction.run(TOLD, bind![hold.capture, last]).await?;
        transaction.commit().await
    }
}
