//! Brings a store's tables to the version that this binary knows, in one transaction, one node at a time.
//! Never touches a store that a newer binary made.

use crate::database::Database;
use crate::error::StoreError;
use crate::ledger;
use crate::statement::statements;
use crate::value::bind;

/// The steps in order; the store's version is how many of them it has had. Append only.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001.sql"),
    include_str!("../migrations/0002.sql"),
    include_str!("../migrations/0003.sql"),
    include_str!("../migrations/0004.sql"),
    include_str!("../migrations/0005.sql"),
    include_str!("../migrations/0006.sql"),
    include_str!("../migrations/0007.sql"),
    include_str!("../migrations/0008.sql"),
    include_str!("../migrations/0009.sql"),
    include_str!("../migrations/0010.sql"),
    include_str!("../migrations/0011.sql"),
    include_str!("../migrations/0012.sql"),
];

/// Any number that nobody else in the database locks by: the letters `selvage1`.
const LOCK: i64 = i64::from_be_bytes(*b"selvage1");

const TABLE: &str =
    "CREATE TABLE IF NOT EXISTS store_version (version BIGINT PRIMARY KEY, reached_at BIGINT NOT NULL);";

statements! {
    VERSION = "SELECT COALESCE(MAX(version), 0) AS version FROM store_version";
    REACHED = "INSERT INTO store_version (version, reached_at) VALUES ($1, $2)";
}

/// Runs the steps that the store has not had.
pub(crate) async fn run(database: &Database) -> Result<(), StoreError> {
    take(database, MIGRATIONS).await
}

/// A store as an older binary made it, which knew so many steps.
#[cfg(test)]
pub(crate) async fn run_first(database: &Database, steps: usize) -> Result<(), StoreError> {
    take(database, &MIGRATIONS[..steps]).await
}

async fn take(database: &Database, steps: &[&str]) -> Result<(), StoreError> {
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    let mut transaction = database.write().await?;
    transaction.alone(LOCK).await?;
    transaction.script(TABLE).await?;
    let found = transaction.only(VERSION, bind![]).await?.integer("version")?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for (version, step) in (1..).zip(steps).filter(|(version, _)| *version > found) {
        transaction.script(step).await?;
        let now = transaction.now().await?;
        transaction.run(REACHED, bind![version, now]).await?;
    }
    if found == 0 {
        ledger::begin(&mut transaction).await?;
    }
    transaction.commit().await
}
