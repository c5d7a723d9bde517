//! Releases of another store, taken over as they were approved and signed there: the change with its decisions, the release, and what that
//! store saw of it, in one transaction with its entry in the ledger. It does not judge: whether it may be taken over is for whoever calls.
//! INVARIANT: APPROVED

use jiff::Timestamp;
use selvage_model::change::{Change, signature};
use selvage_model::name::DomainName;
use serde_json::{Value, json};

use super::receipt::{self, Receipt};
use super::signed::{self, SignedRelease};
use crate::Store;
use crate::change;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::ledger;
use crate::person;
use crate::statement::statements;
use crate::value::{Row, bind};

/// What is taken over.
#[derive(Clone, Copy, Debug)]
pub struct NewImport<'a> {
    /// The change, as it was released there.
    pub change: &'a Change,
    /// What it became.
    pub release: &'a SignedRelease,
    /// The id of the key with which the other store signed all of it.
    pub from: &'a str,
    /// As of when, by that store's clock.
    pub seen: Timestamp,
    /// What it saw of the release.
    pub receipts: &'a [Receipt],
    /// SHA-256 of the package, in hexadecimal.
    pub digest: &'a str,
    /// Who brings it.
    pub by: &'a str,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppliedImport {
    /// Whether it is a release here since now, and was none before.
    pub is_new: bool,
    /// How many receipts are new.
    pub receipts: usize,
}

/// From where a release was taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseImport {
    /// The change that made it.
    pub change: String,
    /// The release.
    pub release: String,
    /// The id of the key with which the other store signed the package.
    pub from: String,
    /// When it was brought.
    pub at: Timestamp,
    /// Who brought it.
    pub by: String,
    /// That name was said, and nobody proved to be who bears it.
    pub unproven: bool,
}

impl ReleaseImport {
    /// Who brought it, and whether that was proven, as it is shown.
    pub fn signed_by(&self) -> String {
        signature(&self.by, self.unproven)
    }
}

statements! {
    NOTE = "INSERT INTO release_import (change_id, release_id, signed_with, imported_at, imported_by, unproven) VALUES ($1, $2, $3, $4, $5, $6)";
    ALL = "SELECT change_id, release_id, signed_with, imported_at, imported_by, unproven FROM release_import ORDER BY imported_at, change_id";
}

impl Store {
    /// Makes a release of another store one of this store; where it is that already, what is new of the receipts is kept, and nothing else
    /// is done.
    ///
    /// # Errors
    /// [`StoreError::ChangeStale`] where the domain's last release is another than it was compared with, [`StoreError::ChangeStands`] where
    /// a change of this id is something else here.
    pub async fn import_release(&self, new: &NewImport<'_>) -> Result<AppliedImport, StoreError> {
        let mut transaction = self.database.write().await?;
        ledger::hold(&mut transaction).await?;
        let is_new = match change::maybe(&mut transaction, &new.change.id).await? {
            Some(here) if change::is_same_release(&here, new.change) => false,
            Some(here) => return Err(change::stands(&here, "taken over from another store")),
            None => true,
        };
        if is_new {
            take_over(&mut transaction, new).await?;
        }
        let of = (&new.release.domain, new.release.id.as_str());
        let mut kept = Vec::new();
        for receipt in new.receipts {
            if receipt::keep(&mut transaction, of, (new.from, new.seen), receipt).await? {
                kept.push(receipt.environment.as_str());
            }
        }
        if is_new || !kept.is_empty() {
            let action = if is_new { "release.imported" } else { "release.receipts-imported" };
            let detail = entered(&mut transaction, new, (is_new, &kept)).await?;
            ledger::append(&mut transaction, new.by, action, of.1, &detail).await?;
            transaction.commit().await?;
        }
        Ok(AppliedImport { is_new, receipts: kept.len() })
    }

    /// Every release that was taken over from another store, by the change that made it, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn release_imports(&self) -> Result<Vec<ReleaseImport>, StoreError> {
        self.database.read().await?.all(ALL, bind![]).await?.iter().map(import).collect()
    }
}

async fn take_over(transaction: &mut Transaction, new: &NewImport<'_>) -> Result<(), StoreError> {
    let NewImport { change, release, from, by, .. } = *new;
    let head = change::head(transaction, &change.domain).await?;
    if head != change.base {
        return Err(StoreError::ChangeStale { id: change.id.clone(), base: change.base.clone(), head });
    }
    change::take_over(transaction, change, &release.content).await?;
    let (now, unproven) = (transaction.now().await?, i64::from(!transaction.is_proven()));
    // It is here since now; when it was made there, the ledger says.
    signed::keep(transaction, &SignedRelease { recorded: now.timestamp()?, ..release.clone() }).await?;
    transaction.run(NOTE, bind![change.id.as_str(), release.id.as_str(), from, now, by, unproven]).await?;
    Ok(())
}

/// What the ledger says of it: people by their pseudonyms, and nothing that they wrote.
async fn entered(
    transaction: &mut Transaction,
    new: &NewImport<'_>,
    (is_new, kept): (bool, &[&str]),
) -> Result<Value, StoreError> {
    let domain: &DomainName = &new.release.domain;
    let mut detail = json!({
        "change": new.change.id, "domain": domain.as_str(), "from": new.from, "package": new.digest,
        "seen": new.seen.to_string(), "receipts": kept,
    });
    if let (true, Some(members)) = (is_new, detail.as_object_mut()) {
        let mut decisions = Vec::new();
        for it in &new.change.decisions {
            let who = person::pseudonym(transaction, &it.person).await?;
            decisions.push(json!({
                "who": who, "verdict": it.verdict.as_str(), "version": it.version, "at": it.at.to_string(), "proven": !it.unproven,
            }));
        }
        let author = person::pseudonym(transaction, &new.change.author).await?;
        let made_by = person::pseudonym(transaction, &new.release.by).await?;
        members.extend([
            ("base".to_owned(), json!(new.change.base)),
            ("signed_with".to_owned(), json!(new.release.key)),
            ("author".to_owned(), json!(author)),
            ("made".to_owned(), json!(new.release.recorded.to_string())),
            ("made_by".to_owned(), json!(made_by)),
            ("version".to_owned(), json!(new.change.version)),
            ("decisions".to_owned(), Value::Array(decisions)),
        ]);
    }
    Ok(detail)
}

fn import(row: &Row) -> Result<ReleaseImport, StoreError> {
    Ok(ReleaseImport {
        change: row.text("change_id")?,
        release: row.text("release_id")?,
        from: row.text("signed_with")?,
        at: row.time("imported_at")?,
        by: row.text("imported_by")?,
        unproven: row.integer("unproven")? != 0,
    })
}
