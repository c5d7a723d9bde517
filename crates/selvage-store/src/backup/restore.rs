//! A backup put into a store that has nothing yet: all of it in one transaction, with what makes it safe to run and the entry that
//! says so. A file that is not whole, or an access state that nobody answers for, changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::event::Position;
use selvage_model::name::InterfaceRef;

use super::examine::{CheckedBackup, check_backup};
use super::file::{Line, Lines, Table};
use super::lost::LostStore;
use super::table::Loading;
use super::{BackupSummary, safe};
use crate::Store;
use crate::database::{Database, Patience, Transaction};
use crate::error::StoreError;
use crate::migration;
use crate::statement::Sql;
use crate::value::bind;

/// How a backup is to be restored.
#[derive(Clone, Debug, Default)]
pub struct Restoring {
    /// Who does it.
    pub by: String,
    /// They proved it by a key that the backup knows.
    pub is_proven: bool,
    /// The time of the access state that somebody answers for: the backup's own.
    pub accepted: Option<Timestamp>,
    /// The store that is lost, where it could still be read: what has ended by it stays so, and what was answered for too.
    pub lost: Option<LostStore>,
    /// What streams are known to have acknowledged, where that was kept apart from the store.
    pub marks: BTreeMap<InterfaceRef, Position>,
    /// What is known to be wrong with what the backup holds, in words, and is restored all the same.
    pub faults: Vec<String>,
}

/// What a restore came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The backup.
    pub backup: BackupSummary,
    /// The head of each stream of events: the first one of a new epoch.
    pub streams: Vec<(InterfaceRef, Position)>,
    /// Keys, grants, subscriptions and blocks that are as the lost store had them: what it had ended has ended.
    pub ended: Vec<String>,
    /// Items of campaigns, and grants without approval, that somebody had answered for in the lost store.
    pub answered: Vec<String>,
    /// Deadlines that are later by as much as nobody could keep them.
    pub postponed: Postponed,
    /// Operations that may have been carried out since: they are looked for, not sent.
    pub doubtful: u64,
    /// Operations of which nothing was on record yet and which cannot be looked for: a person decides.
    pub stuck: u64,
}

/// What somebody is waited for with, and has more time for now: time passed in which nobody could answer, or what they answered is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Postponed {
    /// By so much.
    pub by: Duration,
    /// Campaigns, grants without approval and emergency changes, by id.
    pub ids: Vec<String>,
}

// Which table has to be there before which.
const REFERENCES: Sql = Sql {
    sqlite: "SELECT child.name AS child, parent.\"table\" AS parent FROM sqlite_master child, \
             pragma_foreign_key_list(child.name) parent WHERE child.type = 'table'",
    postgres: "SELECT CAST(child.relname AS TEXT) AS child, CAST(parent.relname AS TEXT) AS parent FROM pg_constraint \
               JOIN pg_class child ON child.oid = conrelid JOIN pg_class parent ON parent.oid = confrelid \
               WHERE contype = 'f' AND child.relnamespace = CAST(current_schema() AS regnamespace)",
};

#[cfg(test)]
pub(crate) const STATEMENTS: &[(&str, Sql)] = &[("REFERENCES", REFERENCES)];

impl Store {
    /// Makes the store at this address what a backup holds, and safe to run.
    ///
    /// # Errors
    /// [`StoreError::BackupDamaged`], [`StoreError::Newer`] for a backup of a newer binary, [`StoreError::BackupUntrue`] for one whose
    /// ledger is not whole, where nobody said that this is known, [`StoreError::Unaccepted`] where nobody
    /// answers for its access state, [`StoreError::Occupied`] where there is a store already, and those of the database. Then
    /// nothing was changed.
    pub async fn restore(url: &str, file: &Path, how: &Restoring) -> Result<Restored, StoreError> {
        let CheckedBackup { summary: backup, faults, .. } = check_backup(file)?;
        let known = migration::known();
        if !faults.is_empty() && how.faults.is_empty() {
            return Err(StoreError::BackupUntrue { faults: faults.iter().map(ToString::to_string).collect() });
        }
        let accepted = how.accepted.is_some_and(|accepted| accepted.as_second() == backup.taken.as_second());
        if !accepted && how.lost.is_none() {
            return Err(StoreError::Unaccepted { taken: backup.taken });
        }
        let database = Database::connect(url, Patience::Command).await?;
        let database = if how.is_proven { database } else { database.unproven() };
        let mut transaction = database.write().await?;
        transaction.without_limit().await?;
        if migration::begin(&mut transaction).await? != 0 {
            return Err(StoreError::Occupied);
        }
        migration::reach(&mut transaction, 0, backup.version).await?;
        load(&mut transaction, file, backup.version).await?;
        migration::reach(&mut transaction, backup.version, known).await?;
        let restored = safe::make(&mut transaction, backup, how).await?;
        transaction.commit().await?;
        database.close().await;
        Ok(restored)
    }
}

/// Fills the tables, each after those that it refers to. They stand in the file as they were made, which is nearly always that
/// order already; for others the file is gone through again.
async fn load(transaction: &mut Transaction, file: &Path, version: i64) -> Result<(), StoreError> {
    let parents = parents(transaction).await?;
    let order = in_order(&parents, migration::tables(version))?;
    for name in order.iter().rev() {
        // What the steps put there themselves.
        transaction.run_text(format!("DELETE FROM {name}"), Vec::new()).await?;
    }
    let mut left: BTreeSet<String> = order.into_iter().collect();
    while !left.is_empty() {
        let before = left.len();
        let lines = pass(transaction, file, &parents, &mut left).await?;
        if left.len() == before {
            return Err(lines.damaged(&format!("it lacks {}", left.into_iter().collect::<Vec<_>>().join(", "))));
        }
    }
    Ok(())
}

/// Goes through the file once and loads the tables whose turn it is when they come by.
async fn pass(
    transaction: &mut Transaction,
    file: &Path,
    parents: &Parents,
    left: &mut BTreeSet<String>,
) -> Result<Lines, StoreError> {
    let mut lines = Lines::open(file)?;
    let mut loading: Option<Loading> = None;
    loop {
        match lines.next()? {
            Line::Head(_) => {}
            Line::Table(Table { name, columns }) => {
                put(transaction, loading.take()).await?;
                let ready = parents.get(&name).is_none_or(|parents| parents.is_disjoint(left));
                if ready && left.remove(&name) {
                    loading = Some(Loading::new(name, columns));
                }
            }
            Line::Row(cells) => {
                if let Some(loading) = &mut loading
                    && loading.take(transaction, cells).await?.is_none()
                {
                    return Err(lines.damaged("the row is not of its table"));
                }
            }
            Line::End(_) => {
                put(transaction, loading).await?;
                return Ok(lines);
            }
        }
    }
}

async fn put(transaction: &mut Transaction, loading: Option<Loading>) -> Result<(), StoreError> {
    match loading {
        Some(mut loading) => loading.put(transaction).await,
        None => Ok(()),
    }
}

/// Which tables a table refers to.
type Parents = BTreeMap<String, BTreeSet<String>>;

async fn parents(transaction: &mut Transaction) -> Result<Parents, StoreError> {
    let mut parents = Parents::new();
    for row in transaction.all(REFERENCES, bind![]).await? {
        let (child, parent) = (row.text("child")?, row.text("parent")?);
        if child != parent {
            parents.entry(child).or_default().insert(parent);
        }
    }
    Ok(parents)
}

/// The tables, each behind those that it refers to.
fn in_order(parents: &Parents, tables: Vec<String>) -> Result<Vec<String>, StoreError> {
    let (mut order, mut left) = (Vec::new(), tables);
    while !left.is_empty() {
        let ready = |name: &String| parents.get(name).is_none_or(|parents| parents.iter().all(|it| order.contains(it)));
        let (now, later): (Vec<_>, Vec<_>) = left.into_iter().partition(ready);
        if now.is_empty() {
            return Err(StoreError::damaged(format!("tables refer to each other: {}", later.join(", "))));
        }
        order.extend(now);
        left = later;
    }
    Ok(order)
}
