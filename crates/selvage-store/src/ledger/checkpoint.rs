//! Checkpoints: what the ledger's last entry was at a moment, signed elsewhere. A chain that was computed anew from end to end is
//! whole, and does not fit them. The store keeps them and never has the key.

use jiff::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Micros, bind};

statements! {
    HEAD = "SELECT entries, entry_hash FROM ledger_head WHERE id = 1";
    KEEP = "INSERT INTO ledger_checkpoint (entries, entry_hash, made_at, signed_with, signature) VALUES ($1, $2, $3, $4, $5) \
            ON CONFLICT (entries) DO NOTHING";
    ALL = "SELECT entries, entry_hash, made_at, signed_with, signature FROM ledger_checkpoint ORDER BY entries";
    AT = "SELECT entry_hash FROM ledger WHERE seq = $1";
    LAST = "SELECT entries, entry_hash, made_at, signed_with, signature FROM ledger_checkpoint ORDER BY entries DESC LIMIT 1";
}

/// What the ledger was at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerHead {
    /// How many entries it had.
    pub entries: u64,
    /// The hash of the last.
    pub hash: [u8; 32],
    /// When, by the store's clock.
    pub at: Timestamp,
}

/// The same with a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// What was signed.
    pub head: LedgerHead,
    /// The id of the key.
    pub signed_with: String,
    /// The signature.
    pub signature: Vec<u8>,
}

impl Store {
    /// What the ledger is now.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn ledger_head(&self) -> Result<LedgerHead, StoreError> {
        let mut transaction = self.database.read().await?;
        let row = transaction.only(HEAD, bind![]).await?;
        let at = transaction.now().await?.timestamp()?;
        Ok(LedgerHead { entries: row.count("entries")?, hash: row.hash("entry_hash")?, at })
    }

    /// Keeps a checkpoint; `false` where there is one of that entry already.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn keep_checkpoint(&self, checkpoint: &Checkpoint) -> Result<bool, StoreError> {
        let mut transaction = self.database.write().await?;
        let LedgerHead { entries, hash, at } = &checkpoint.head;
        let entries = i64::try_from(*entries).unwrap_or(i64::MAX);
        let (key, signature) = (checkpoint.signed_with.as_str(), checkpoint.signature.as_slice());
        let kept = transaction.run(KEEP, bind![entries, *hash, Micros::from(*at), key, signature]).await?;
        transaction.commit().await?;
        Ok(kept == 1)
    }

    /// Whether the ledger has the entry that it had then, with the hash that it had: nothing up to there was cut off or computed anew.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn has_head(&self, head: &LedgerHead) -> Result<bool, StoreError> {
        let seq = i64::try_from(head.entries).unwrap_or(i64::MAX);
        let row = self.database.read().await?.first(AT, bind![seq]).await?;
        Ok(head.entries == 0 || row.map(|row| row.hash("entry_hash")).transpose()? == Some(head.hash))
    }

    /// Every checkpoint, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn checkpoints(&self) -> Result<Vec<Checkpoint>, StoreError> {
        self.database.read().await?.all(ALL, bind![]).await?.iter().map(checkpoint).collect()
    }

    /// The newest checkpoint.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn last_checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        self.database.read().await?.first(LAST, bind![]).await?.as_ref().map(checkpoint).transpose()
    }
}

fn checkpoint(row: &crate::value::Row) -> Result<Checkpoint, StoreError> {
    let head = LedgerHead { entries: row.count("entries")?, hash: row.hash("entry_hash")?, at: row.time("made_at")? };
    Ok(Checkpoint { head, signed_with: row.text("signed_with")?, signature: row.bytes("signature")? })
}
