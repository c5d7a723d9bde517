//! How far who reads a stream by a cursor is: what comes next for a reader says since when it has not read.

use jiff::Timestamp;
use selvage_model::event::Position;
use selvage_model::name::InterfaceRef;
use selvage_store::Cursor;

use crate::{EventLog, LogError, ReadLimit};

/// One event is enough to say since when a reader has not read.
const ONE: ReadLimit = ReadLimit { records: 1, bytes: 1 };

/// How far a reader is.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Which, and what it has read.
    pub cursor: Cursor,
    /// The last position of the stream, as far as that is known.
    pub head: Position,
    /// When the first event was appended that it has not read; none where it has read all.
    pub unread_since: Option<Timestamp>,
    /// What it cannot read past, where something is in its way.
    pub trouble: Option<String>,
}

impl Standing {
    /// Of the reader with this cursor.
    ///
    /// # Errors
    /// Those of reading, but for what is in the reader's own way.
    pub async fn of(log: &dyn EventLog, stream: &InterfaceRef, cursor: Cursor) -> Result<Self, LogError> {
        match log.read(stream, cursor.position, ONE).await {
            Ok(batch) => {
                let unread_since = batch.records.first().map(|record| record.appended_at);
                Ok(Self { head: batch.head, cursor, unread_since, trouble: None })
            }
            Err(error @ (LogError::Damaged { .. } | LogError::Missing { .. } | LogError::Retired { .. })) => {
                let trouble = Some(format!("{}: {error}", error.code()));
                Ok(Self { head: cursor.position, cursor, unread_since: None, trouble })
            }
            Err(error) => Err(error),
        }
    }
}
