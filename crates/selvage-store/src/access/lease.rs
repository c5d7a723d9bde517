//! Leases wherever they come from: what each is, and terms that are made narrower. Narrower is for good: a manifest that still asks
//! for the wider terms is held back.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use selvage_model::access::{GrantTerms, LiveGrant};
use selvage_model::name::{ConsumerName, InterfaceRef};
use serde_json::json;
use uuid::Uuid;

use super::{grant, past};
use crate::Store;
use crate::access;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::ledger;
use crate::statement::statements;
use crate::value::{Row, bind};

/// Where a lease comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseOrigin {
    /// A manifest asks for it.
    Manifest,
    /// Somebody asked, and somebody else approved.
    Request,
    /// Somebody opened it in an emergency, without approval.
    BreakGlass,
}

impl LeaseOrigin {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Request => "request",
            Self::BreakGlass => "break-glass",
        }
    }
}

impl fmt::Display for LeaseOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for LeaseOrigin {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let all = [Self::Manifest, Self::Request, Self::BreakGlass];
        all.into_iter().find(|origin| origin.as_str() == word).ok_or(())
    }
}

/// A lease with where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct LeaseRecord {
    /// The lease.
    pub grant: LiveGrant,
    /// Where it comes from.
    pub origin: LeaseOrigin,
    /// Since when it is granted.
    pub granted: Timestamp,
}

statements! {
    ALL = "SELECT id, origin, consumer, interface, terms, environment, granted_at, ended_at FROM lease ORDER BY granted_at, id";
    BY_ID = "SELECT id, origin, consumer, interface, terms, environment, granted_at, ended_at FROM lease WHERE id = $1";
    GRANT = "INSERT INTO lease (id, origin, consumer, interface, terms, granted_at) VALUES ($1, $2, $3, $4, $5, $6)";
    OF_MANIFEST = "UPDATE lease SET of_manifest = 1, environment = $2 WHERE id = $1";
    CHANGE = "UPDATE lease SET terms = $2 WHERE id = $1 AND ended_at IS NULL";
}

impl Store {
    /// Every lease that is alive or was, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn leases(&self) -> Result<Vec<LeaseRecord>, StoreError> {
        self.database.read().await?.all(ALL, bind![]).await?.iter().map(record).collect()
    }

    /// One lease.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an id that no lease has.
    pub async fn lease(&self, id: &str) -> Result<LeaseRecord, StoreError> {
        find(&mut self.database.read().await?, id).await
    }

    /// Gives a lease that is alive narrower terms, for good, and the lease as it is then. One that a manifest asks for ends, and what
    /// is left of it is another lease there: the manifest's terms do not come back, and it ends when no manifest asks for that consumer
    /// and interface any more. INVARIANT: REVOKED-NOW
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an id that no lease has, [`StoreError::AccessStands`] for one that has ended, and
    /// [`StoreError::Unnarrowed`] where `narrow` says why not.
    pub async fn narrow_grant(
        &self,
        id: &str,
        narrow: impl FnOnce(&GrantTerms) -> Result<GrantTerms, String>,
        by: &str,
        because: &str,
    ) -> Result<LiveGrant, StoreError> {
        let mut transaction = self.database.write().await?;
        access::hold(&mut transaction).await?;
        let before = find(&mut transaction, id).await?;
        let terms = narrow(&before.grant.terms);
        let terms = terms.map_err(|because| StoreError::Unnarrowed { id: id.to_owned(), because })?;
        let grant = narrow_to(&mut transaction, &before, terms, (by, because)).await?;
        access::raise(&mut transaction).await?;
        transaction.commit().await?;
        Ok(grant)
    }
}

/// Narrows one, and whatever lived by it. The caller raises the revision.
pub(super) async fn narrow_to(
    transaction: &mut Transaction,
    before: &LeaseRecord,
    terms: GrantTerms,
    (by, because): (&str, &str),
) -> Result<LiveGrant, StoreError> {
    let LeaseRecord { grant: old, origin, .. } = before;
    if old.ended.is_some() {
        return Err(StoreError::AccessStands { what: "grant", id: old.id.clone(), state: "ended" });
    }
    let id = match origin {
        LeaseOrigin::Manifest => {
            let id = insert(transaction, LeaseOrigin::Request, (&old.consumer, &old.interface), &terms).await?;
            let whose = old.environment.as_ref().map(|it| it.as_str().to_owned());
            transaction.run(OF_MANIFEST, bind![id.as_str(), whose]).await?;
            grant::end(transaction, old, by, &format!("narrowed to {id}: {because}")).await?;
            id
        }
        LeaseOrigin::Request | LeaseOrigin::BreakGlass => {
            transaction.run(CHANGE, bind![old.id.as_str(), json!(terms).to_string()]).await?;
            past::note(transaction, &old.id).await?;
            old.id.clone()
        }
    };
    access::end_overdue(transaction).await?;
    let detail = json!({"narrowed": old.id, "before": *old.terms, "terms": terms, "because": because});
    ledger::append(transaction, by, "grant.narrowed", &id, &detail).await?;
    Ok(LiveGrant { id, terms: Arc::new(terms), ..old.clone() })
}

/// A new lease; its caller says in the ledger how it came about, and raises the revision.
pub(super) async fn insert(
    transaction: &mut Transaction,
    origin: LeaseOrigin,
    (consumer, interface): (&ConsumerName, &InterfaceRef),
    terms: &GrantTerms,
) -> Result<String, StoreError> {
    let now = transaction.now().await?;
    let id = format!("grt_{:032x}", Uuid::new_v4().as_u128());
    let (interface, terms) = (interface.to_string(), json!(terms).to_string());
    let values = bind![id.as_str(), origin.as_str(), consumer.as_str(), interface, terms, now];
    transaction.run(GRANT, values).await?;
    past::note(transaction, &id).await?;
    Ok(id)
}

pub(super) async fn find(transaction: &mut Transaction, id: &str) -> Result<LeaseRecord, StoreError> {
    let row = transaction.first(BY_ID, bind![id]).await?;
    record(&row.ok_or_else(|| StoreError::NotFound { what: "grant", id: id.to_owned() })?)
}

fn record(row: &Row) -> Result<LeaseRecord, StoreError> {
    Ok(LeaseRecord { grant: grant::live(row)?, origin: row.parsed("origin")?, granted: row.time("granted_at")? })
}
