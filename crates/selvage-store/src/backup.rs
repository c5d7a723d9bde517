//! Backups: everything that a store holds, as it was at one moment, in one file that either database takes back. Made while nodes
//! go on; a file that is not whole is refused. It decides nothing about whether a restored state is right to run: see `restore`.

pub(crate) mod ended;
pub(crate) mod examine;
pub(crate) mod file;
pub(crate) mod lost;
pub(crate) mod restore;
pub(crate) mod safe;
pub(crate) mod table;

use std::io::{self, Write};

use jiff::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::migration;
use crate::statement::statements;
use crate::value::bind;
use file::{End, Head, Out};

statements! {
    HEAD = "SELECT entries, entry_hash FROM ledger_head WHERE id = 1";
}

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupSummary {
    /// The moment that it shows; everything acknowledged before is in it.
    pub taken: Timestamp,
    /// The version of the store's tables.
    pub version: i64,
    /// How many tables.
    pub tables: u64,
    /// How many rows.
    pub rows: u64,
    /// How many entries the ledger had.
    pub entries: u64,
    /// SHA-256 of the file up to its last line, as hexadecimal digits.
    pub sha256: String,
}

impl Store {
    /// Writes everything that the store holds, as it is at one moment; who writes meanwhile does not wait.
    ///
    /// # Errors
    /// Those of the database; [`StoreError::BackupFile`] where it cannot be written.
    pub async fn back_up(&self, to: &mut (dyn Write + Send)) -> Result<BackupSummary, StoreError> {
        // Before the snapshot: what was acknowledged until then is surely in it.
        let taken = self.database.read().await?.now().await?.timestamp()?;
        let mut transaction = self.database.read().await?;
        transaction.without_limit().await?;
        let head = transaction.only(HEAD, bind![]).await?;
        let version = migration::version(&mut transaction).await?;
        let entries = head.count("entries")?;
        let mut out = Out::new(to);
        out.head(&Head { version, taken, entries, head: head.hash("entry_hash")? })?;
        let mut end = End::default();
        for name in migration::tables(version) {
            end.rows += table::write(&mut transaction, &name, &mut out).await?;
            end.tables += 1;
        }
        let sha256 = out.end(&end)?;
        Ok(BackupSummary { taken, version, tables: end.tables, rows: end.rows, entries, sha256 })
    }
}

fn unusable(error: &io::Error) -> StoreError {
    StoreError::BackupFile { reason: error.to_string() }
}
