//! Where the ids of a broker's stream are: of every event that it has, not only of the newest, which nodes have in memory. Written behind the
//! appends, many at a time, so that none waits for it. What it says is proven at the broker by whoever asks: it holds hashes.

use std::collections::HashMap;

use selvage_model::event::EventId;
use selvage_model::name::InterfaceRef;
use sha2::{Digest as _, Sha256};

use super::Stream;
use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Parameter, bind};

/// How many ids one statement looks for or writes.
const MANY: usize = 32;
/// So many bytes of an id's SHA-256 are kept.
const HASH: usize = 16;

statements! {
    PLACES = "SELECT hash, sequence FROM broker_id WHERE stream = $1 AND hash IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, \
              $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33)";
    NOTE = "INSERT INTO broker_id (stream, hash, sequence) VALUES ($1, $2, $3), ($1, $4, $5), ($1, $6, $7), ($1, $8, $9), ($1, $10, $11), \
            ($1, $12, $13), ($1, $14, $15), ($1, $16, $17), ($1, $18, $19), ($1, $20, $21), ($1, $22, $23), ($1, $24, $25), ($1, $26, $27), \
            ($1, $28, $29), ($1, $30, $31), ($1, $32, $33), ($1, $34, $35), ($1, $36, $37), ($1, $38, $39), ($1, $40, $41), ($1, $42, $43), \
            ($1, $44, $45), ($1, $46, $47), ($1, $48, $49), ($1, $50, $51), ($1, $52, $53), ($1, $54, $55), ($1, $56, $57), ($1, $58, $59), \
            ($1, $60, $61), ($1, $62, $63), ($1, $64, $65) ON CONFLICT (stream, hash) DO NOTHING";
    INDEXED = "SELECT indexed_to FROM broker_index WHERE stream = $1";
    REACHED = "INSERT INTO broker_index (stream, indexed_to) VALUES ($1, $2) ON CONFLICT (stream) DO UPDATE SET \
               indexed_to = CASE WHEN broker_index.indexed_to > excluded.indexed_to THEN broker_index.indexed_to \
               ELSE excluded.indexed_to END";
    RETIRED = "DELETE FROM broker_id WHERE stream = $1 AND sequence <= $2";
    LOST = "DELETE FROM broker_id WHERE stream = $1 AND sequence > $2";
    BACK = "UPDATE broker_index SET indexed_to = $2 WHERE stream = $1 AND indexed_to > $2";
}

type Hash = [u8; HASH];

impl Store {
    /// Up to which sequence the index has every id of a broker's stream; none where it was not begun.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a stream that was never opened.
    pub async fn broker_indexed(&self, stream: &InterfaceRef) -> Result<Option<u64>, StoreError> {
        let mut transaction = self.database.read().await?;
        let stream = Stream::find(&mut transaction, stream).await?;
        indexed(&mut transaction, stream.id).await
    }

    /// Adds ids with their sequences to the index, which has every id up to `to` then. Nothing is written, and it is `false`, where another
    /// epoch has begun: the sequences may mean something else.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a stream that was never opened.
    pub async fn index_broker_ids(
        &self,
        stream: &InterfaceRef,
        epoch: u32,
        ids: &[(EventId, u64)],
        to: u64,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.database.write().await?;
        let stream = Stream::hold(&mut transaction, stream).await?;
        if stream.epoch != epoch {
            return Ok(false);
        }
        // Another node may have been here.
        let before = indexed(&mut transaction, stream.id).await?.unwrap_or_default();
        let new: Vec<&(EventId, u64)> = ids.iter().filter(|(_, sequence)| *sequence > before).collect();
        for chunk in new.chunks(MANY) {
            let padded = chunk.iter().chain(std::iter::repeat_n(chunk.last(), MANY).flatten()).take(MANY);
            let rows = padded.flat_map(|(id, sequence)| {
                [Parameter::Bytes(hash(id).to_vec()), Parameter::Integer(Some(number(*sequence)))]
            });
            transaction.run(NOTE, bind![stream.id].into_iter().chain(rows)).await?;
        }
        transaction.run(REACHED, bind![stream.id, number(to)]).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Where these ids are, as far as the index has them: each with a sequence at which the broker has it, unless something else is there by
    /// now.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a stream that was never opened.
    pub async fn broker_places(
        &self,
        stream: &InterfaceRef,
        ids: &[EventId],
    ) -> Result<Vec<(EventId, u64)>, StoreError> {
        let mut transaction = self.database.read().await?;
        let stream = Stream::find(&mut transaction, stream).await?;
        let by_hash: HashMap<Hash, &EventId> = ids.iter().map(|id| (hash(id), id)).collect();
        let hashes: Vec<&Hash> = by_hash.keys().collect();
        let mut found = Vec::new();
        for chunk in hashes.chunks(MANY) {
            let padded = chunk.iter().chain(std::iter::repeat_n(chunk.last(), MANY).flatten()).take(MANY);
            let padded = padded.map(|hash| Parameter::Bytes(hash.to_vec()));
            for row in transaction.all(PLACES, bind![stream.id].into_iter().chain(padded)).await? {
                let hash: Option<Hash> = row.bytes("hash")?.try_into().ok();
                let id = hash.and_then(|hash| by_hash.get(&hash));
                if let Some(id) = id {
                    found.push(((*id).clone(), row.count("sequence")?));
                }
            }
        }
        Ok(found)
    }
}

/// Forgets ids of what retention took.
pub(super) async fn retired(transaction: &mut Transaction, stream: i64, to: u64) -> Result<(), StoreError> {
    transaction.run(RETIRED, bind![stream, number(to)]).await.map(drop)
}

/// Forgets ids of what the broker lost: their sequences are given again.
pub(super) async fn lost(transaction: &mut Transaction, stream: i64, kept: u64) -> Result<(), StoreError> {
    transaction.run(LOST, bind![stream, number(kept)]).await?;
    transaction.run(BACK, bind![stream, number(kept)]).await.map(drop)
}

async fn indexed(transaction: &mut Transaction, stream: i64) -> Result<Option<u64>, StoreError> {
    transaction.first(INDEXED, bind![stream]).await?.map(|row| row.count("indexed_to")).transpose()
}

fn hash(id: &EventId) -> Hash {
    let digest: [u8; 32] = Sha256::digest(id.as_str().as_bytes()).into();
    let mut hash = [0; HASH];
    hash.iter_mut().zip(digest).for_each(|(kept, byte)| *kept = byte);
    hash
}

fn number(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}
