//! Brings a store's tables to the version that this binary knows, in one transaction, one node at a time.
//! Never touches a store that a newer binary made.

use std::collections::BTreeMap;
use std::time::Instant;

use sha2::{Digest as _, Sha256};

use crate::database::{Database, Transaction};
use crate::error::StoreError;
use crate::event::seal;
use crate::ledger;
use crate::statement::statements;
use crate::value::bind;

/// The steps in order; the store's version is how many of them it has had. Append only.
pub(crate) const MIGRATIONS: &[&str] = &[
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
    include_str!("../migrations/0013.sql"),
    include_str!("../migrations/0014.sql"),
    include_str!("../migrations/0015.sql"),
    include_str!("../migrations/0016.sql"),
    include_str!("../migrations/0017.sql"),
    include_str!("../migrations/0018.sql"),
    include_str!("../migrations/0019.sql"),
    include_str!("../migrations/0020.sql"),
    include_str!("../migrations/0021.sql"),
    include_str!("../migrations/0022.sql"),
    include_str!("../migrations/0023.sql"),
    include_str!("../migrations/0024.sql"),
    include_str!("../migrations/0025.sql"),
    include_str!("../migrations/0026.sql"),
    include_str!("../migrations/0027.sql"),
    include_str!("../migrations/0028.sql"),
    include_str!("../migrations/0029.sql"),
    include_str!("../migrations/0030.sql"),
    include_str!("../migrations/0031.sql"),
    include_str!("../migrations/0032.sql"),
    include_str!("../migrations/0033.sql"),
    include_str!("../migrations/0034.sql"),
    include_str!("../migrations/0035.sql"),
    include_str!("../migrations/0036.sql"),
    include_str!("../migrations/0037.sql"),
    include_str!("../migrations/0038.sql"),
    include_str!("../migrations/0039.sql"),
    include_str!("../migrations/0040.sql"),
    include_str!("../migrations/0041.sql"),
];

/// Behind this step, rows of the event log have a checksum each.
const SEALS: i64 = 19;

/// This step writes the events of a store in a file anew, each of them.
const WRITES_EVENTS: i64 = 41;

/// What a step says besides to each kind of database in its own words.
struct OwnWords {
    step: i64,
    sqlite: &'static str,
    postgres: &'static str,
}

/// Triggers that note at which revision a lease was written, keys that hold within an environment, and where ids of events are.
const OWN_WORDS: &[OwnWords] = &[
    OwnWords {
        step: 29,
        sqlite: include_str!("../migrations/0029.sqlite.sql"),
        postgres: include_str!("../migrations/0029.postgres.sql"),
    },
    OwnWords {
        step: 32,
        sqlite: include_str!("../migrations/0032.sqlite.sql"),
        postgres: include_str!("../migrations/0032.postgres.sql"),
    },
    // PostgreSQL's trigger sees every column.
    OwnWords { step: 38, sqlite: include_str!("../migrations/0038.sqlite.sql"), postgres: "" },
    OwnWords { step: 41, sqlite: include_str!("../migrations/0041.sqlite.sql"), postgres: "" },
];

/// What this step says to the database of a transaction in its own words; nothing for most.
fn own_words(transaction: &Transaction, version: i64) -> &'static str {
    let own = OWN_WORDS.iter().find(|own| own.step == version);
    own.map_or("", |own| transaction.of(own.sqlite, own.postgres))
}

/// Any number that nobody else in the database locks by: the letters `selvage1`.
const LOCK: i64 = i64::from_be_bytes(*b"selvage1");

/// The steps that a store has had, and what each of them was. No backup has them: who restores one takes the steps anew.
const TABLES: &str =
    "CREATE TABLE IF NOT EXISTS store_version (version BIGINT PRIMARY KEY, reached_at BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS store_step (version BIGINT PRIMARY KEY, checksum BYTEA NOT NULL);";

statements! {
    VERSION = "SELECT COALESCE(MAX(version), 0) AS version FROM store_version";
    REACHED = "INSERT INTO store_version (version, reached_at) VALUES ($1, $2)";
    STEPS = "SELECT version, checksum FROM store_step ORDER BY version";
    STEP = "INSERT INTO store_step (version, checksum) VALUES ($1, $2)";
    EVENTS = "SELECT COUNT(*) AS events FROM event_record";
}

/// Runs the steps that the store has not had.
pub(crate) async fn run(database: &Database) -> Result<(), StoreError> {
    up_to(database, known()).await
}

/// A store as an older binary made it, which knew so many steps.
#[cfg(test)]
pub(crate) async fn run_first(database: &Database, steps: usize) -> Result<(), StoreError> {
    up_to(database, i64::try_from(steps).unwrap_or(i64::MAX)).await
}

async fn up_to(database: &Database, known: i64) -> Result<(), StoreError> {
    let mut transaction = database.write().await?;
    let found = begin(&mut transaction).await?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    compare(&mut transaction, found).await?;
    if found < known {
        // Tables that are made anew are as large as they are.
        transaction.without_limit().await?;
    }
    reach(&mut transaction, found, known).await?;
    if found == 0 {
        ledger::begin(&mut transaction).await?;
    }
    transaction.commit().await
}

/// The newest version that this binary knows.
pub(crate) fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Keeps other nodes from doing the same, and says which version the store has; 0 where it has nothing yet.
pub(crate) async fn begin(transaction: &mut Transaction) -> Result<i64, StoreError> {
    transaction.alone(LOCK).await?;
    transaction.script(TABLES).await?;
    version(transaction).await
}

/// The version of a store that has one.
pub(crate) async fn version(transaction: &mut Transaction) -> Result<i64, StoreError> {
    transaction.only(VERSION, bind![]).await?.integer("version")
}

/// Runs the steps after one version up to another.
pub(crate) async fn reach(transaction: &mut Transaction, from: i64, to: i64) -> Result<(), StoreError> {
    for (version, step) in (1..=to).zip(MIGRATIONS).filter(|(version, _)| *version > from) {
        transaction.script(step).await?;
        if version == SEALS {
            seal::all(transaction).await?;
        }
        let own = own_words(transaction, version);
        if version == WRITES_EVENTS && !own.is_empty() {
            write_events(transaction, own).await?;
        } else if !own.is_empty() {
            transaction.script(own).await?;
        }
        let now = transaction.now().await?;
        transaction.run(REACHED, bind![version, now]).await?;
        transaction.run(STEP, bind![version, checksum(transaction, version, step)]).await?;
    }
    Ok(())
}

/// Writes every event anew, and says before how long that may take: who waits for a node to start would end it.
async fn write_events(transaction: &mut Transaction, step: &str) -> Result<(), StoreError> {
    let events = transaction.only(EVENTS, bind![]).await?.integer("events")?;
    if events > 0 {
        tracing::warn!(
            "the store is brought up to date once, and writes its events anew: this can take minutes: {events} events"
        );
    }
    let began = Instant::now();
    transaction.script(step).await?;
    if events > 0 {
        let seconds = began.elapsed().as_secs_f64();
        tracing::warn!("the store wrote {events} events anew in {seconds:.1} s");
    }
    Ok(())
}

/// Refuses a store of which a step was another one than ours: what stands in its tables is not what this binary takes it for. Of a step
/// that was taken before checksums were kept, ours is noted.
async fn compare(transaction: &mut Transaction, found: i64) -> Result<(), StoreError> {
    let mut had = BTreeMap::new();
    for row in transaction.all(STEPS, bind![]).await? {
        had.insert(row.integer("version")?, row.hash("checksum")?);
    }
    for (version, step) in (1..=found).zip(MIGRATIONS) {
        let checksum = checksum(transaction, version, step);
        match had.get(&version) {
            Some(checksum_then) if *checksum_then != checksum => return Err(StoreError::OtherSteps { version }),
            Some(_) => {}
            None => drop(transaction.run(STEP, bind![version, checksum]).await?),
        }
    }
    Ok(())
}

/// Of a step, with what this kind of database has its own words for; however lines end where it was built.
fn checksum(transaction: &Transaction, version: i64, step: &str) -> [u8; 32] {
    Sha256::digest([step, own_words(transaction, version)].concat().replace("\r\n", "\n").as_bytes()).into()
}

/// What is of no use elsewhere or later.
const PASSING: [&str; 1] = ["console_session"];

/// The tables that a store of this version has and that a backup keeps, as they were made.
pub(crate) fn tables(version: i64) -> Vec<String> {
    let mut tables = Vec::new();
    let steps = MIGRATIONS.iter().take(usize::try_from(version).unwrap_or_default());
    for line in steps.flat_map(|step| step.lines()) {
        let words: Vec<&str> = line.split([' ', ';', '(']).filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            ["CREATE", "TABLE", name, ..] if PASSING.contains(name) => {}
            ["CREATE", "TABLE", name, ..] => tables.push((*name).to_owned()),
            ["DROP", "TABLE", name, ..] => tables.retain(|table| table != name),
            ["ALTER", "TABLE", name, "RENAME", "TO", new, ..] => {
                tables.iter_mut().filter(|table| table == name).for_each(|table| *table = (*new).to_owned());
            }
            _ => {}
        }
    }
    tables
}
