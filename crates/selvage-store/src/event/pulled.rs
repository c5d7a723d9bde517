//! How far consumers have read that pull without a group. Noted now and then, since nothing is held back by it: what is lost of it where a
//! store fails is told later, and not wrongly.

use jiff::Timestamp;
use selvage_model::event::Position;
use selvage_model::name::{ConsumerName, InterfaceRef};

use super::{Stream, read_position, stored};
use crate::Store;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Row, bind};

statements! {
    NOTE = "INSERT INTO pulled_to (stream, consumer, position, heard_at) VALUES ($1, $2, $3, $4) \
            ON CONFLICT (stream, consumer) DO UPDATE SET heard_at = excluded.heard_at, \
            position = CASE WHEN excluded.position > pulled_to.position THEN excluded.position ELSE pulled_to.position END";
    OF_STREAM = "SELECT consumer, position, heard_at FROM pulled_to WHERE stream = $1 ORDER BY consumer";
    FORGET = "DELETE FROM pulled_to WHERE stream = $1 AND consumer = $2";
}

/// How far a consumer has read that pulls without a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PulledTo {
    /// Who.
    pub consumer: ConsumerName,
    /// It has what stands up to here.
    pub position: Position,
    /// When it asked last.
    pub heard: Timestamp,
}

impl Store {
    /// Notes how far consumers have read. What is behind what is known already moves nothing. Streams that are not there are passed over.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_pulled(&self, all: &[(InterfaceRef, ConsumerName, Position)]) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        for (stream, consumer, position) in all {
            let stream = match Stream::find(&mut transaction, stream).await {
                Ok(stream) => stream.id,
                Err(StoreError::NotFound { .. }) => continue,
                Err(error) => return Err(error),
            };
            transaction.run(NOTE, bind![stream, consumer.as_str(), stored(*position), now]).await?;
        }
        transaction.commit().await
    }

    /// Who pulls a stream without a group, and how far each is.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a stream that was never opened.
    pub async fn pulled(&self, stream: &InterfaceRef) -> Result<Vec<PulledTo>, StoreError> {
        let mut transaction = self.database.read().await?;
        let stream = Stream::find(&mut transaction, stream).await?;
        let one = |row: &Row| {
            let (consumer, position) = (row.parsed("consumer")?, read_position(row)?);
            Ok(PulledTo { consumer, position, heard: row.time("heard_at")? })
        };
        transaction.all(OF_STREAM, bind![stream.id]).await?.iter().map(one).collect()
    }

    /// Forgets how far a consumer has read.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a stream that was never opened.
    pub async fn forget_pulled(&self, stream: &InterfaceRef, consumer: &ConsumerName) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let stream = Stream::find(&mut transaction, stream).await?;
        transaction.run(FORGET, bind![stream.id, consumer.as_str()]).await?;
        transaction.commit().await
    }
}
