//! Releases and where they are active. A release is content-addressed and never edited; activating appends. Here those of a
//! directory that is served whole; those of domains are beside.

pub(crate) mod active;
pub(crate) mod import;
pub(crate) mod receipt;
pub(crate) mod signed;

use active::AskedAccess;
use jiff::Timestamp;
use selvage_model::name::EnvironmentName;
use serde_json::{Value, json};

use crate::Store;
use crate::access;
use crate::access::grant::{self, AppliedGrants};
use crate::access::subscription::ask::AppliedSubscriptions;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::ledger;
use crate::statement::statements;
use crate::value::bind;

/// A release as it was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// Its content address, `rel_…`.
    pub id: String,
    /// What it holds.
    pub content: Value,
    /// Since when.
    pub recorded: Timestamp,
    /// Who recorded it.
    pub by: String,
}

/// What is active in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    /// The release's id.
    pub release: String,
    /// Since when.
    pub since: Timestamp,
    /// Who activated it.
    pub by: String,
}

statements! {
    RECORD = "INSERT INTO fabric_release (id, content, recorded_at, recorded_by) VALUES ($1, $2, $3, $4) \
              ON CONFLICT (id) DO NOTHING";
    BY_ID = "SELECT id, content, recorded_at, recorded_by FROM fabric_release WHERE id = $1";
    EXISTS = "SELECT id FROM fabric_release WHERE id = $1";
    ACTIVATE = "INSERT INTO activation (ordinal, environment, release_id, activated_at, activated_by) \
                SELECT COALESCE(MAX(ordinal), 0) + 1, CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS BIGINT), CAST($4 AS TEXT) FROM activation";
    ACTIVE = "SELECT release_id, activated_at, activated_by FROM activation WHERE environment = $1 \
              AND domain IS NULL ORDER BY ordinal DESC LIMIT 1";
    ENVIRONMENTS = "SELECT DISTINCT environment FROM activation ORDER BY environment";
    LAST = "SELECT COALESCE(MAX(ordinal), 0) AS ordinal FROM activation";
}

/// A directory that an environment is to run.
#[derive(Clone, Debug)]
pub struct NewDirectory<'a> {
    /// Where.
    pub environment: &'a EnvironmentName,
    /// Its content address.
    pub release: &'a str,
    /// What it holds.
    pub content: &'a Value,
    /// Who says so.
    pub by: &'a str,
    /// What it asks for.
    pub asks: &'a AskedAccess,
}

impl Store {
    /// Makes a directory what an environment runs, and the access what it asks for, all at once. INVARIANT: APPROVED: not where a release
    /// of a domain is active in whatever environment: whoever activates one is seen, also in this moment.
    ///
    /// # Errors
    /// [`StoreError::BesideReleases`] there; those of the database.
    pub async fn activate_directory(
        &self,
        new: &NewDirectory<'_>,
    ) -> Result<(AppliedGrants, AppliedSubscriptions), StoreError> {
        let mut transaction = self.database.write().await?;
        access::hold(&mut transaction).await?;
        ledger::hold(&mut transaction).await?;
        if let Some(active) = active::all(&mut transaction).await?.into_iter().next() {
            let (release, domain, environment) = (active.release, active.domain, active.environment);
            return Err(StoreError::BesideReleases { release, domain, environment });
        }
        record(&mut transaction, (new.release, new.content, new.by)).await?;
        activate(&mut transaction, new.environment, (new.release, new.by)).await?;
        let grants = grant::apply(&mut transaction, (Some(new.environment), &new.asks.grants), new.by).await?;
        if !grants.is_nothing() {
            access::end_overdue(&mut transaction).await?;
        }
        let subscriptions = active::subscribed(&mut transaction, new.asks, new.by).await?;
        if !grants.is_nothing() || !subscriptions.is_nothing() {
            access::raise(&mut transaction).await?;
        }
        transaction.commit().await?;
        Ok((grants, subscriptions))
    }

    /// Keeps a release; `false` where it was there already, unchanged since.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn record_release(&self, id: &str, content: &Value, by: &str) -> Result<bool, StoreError> {
        let mut transaction = self.database.write().await?;
        ledger::hold(&mut transaction).await?;
        let new = record(&mut transaction, (id, content, by)).await?;
        transaction.commit().await?;
        Ok(new)
    }

    /// A release by its id.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn release(&self, id: &str) -> Result<Option<Release>, StoreError> {
        let mut transaction = self.database.read().await?;
        let Some(row) = transaction.first(BY_ID, bind![id]).await? else { return Ok(None) };
        Ok(Some(Release {
            id: row.text("id")?,
            content: row.json("content")?,
            recorded: row.time("recorded_at")?,
            by: row.text("recorded_by")?,
        }))
    }

    /// Makes a recorded release the active one of an environment; `false` where it was that already.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a release that was not recorded.
    pub async fn activate(&self, environment: &EnvironmentName, release: &str, by: &str) -> Result<bool, StoreError> {
        let mut transaction = self.database.write().await?;
        ledger::hold(&mut transaction).await?; // one activation at a time, so that ordinals are theirs alone
        let is_new = activate(&mut transaction, environment, (release, by)).await?;
        if is_new {
            transaction.commit().await?;
        }
        Ok(is_new)
    }

    /// Every environment in which anything is active.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn active_environments(&self) -> Result<Vec<EnvironmentName>, StoreError> {
        let rows = self.database.read().await?.all(ENVIRONMENTS, bind![]).await?;
        rows.iter().map(|row| row.parsed("environment")).collect()
    }

    /// The ordinal of the last activation, in whichever environment; 0 where there was none.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn last_activation(&self) -> Result<u64, StoreError> {
        self.database.read().await?.only(LAST, bind![]).await?.count("ordinal")
    }

    /// What is active in an environment.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn active(&self, environment: &EnvironmentName) -> Result<Option<Activation>, StoreError> {
        let mut transaction = self.database.read().await?;
        let Some(row) = transaction.first(ACTIVE, bind![environment.as_str()]).await? else { return Ok(None) };
        Ok(Some(Activation {
            release: row.text("release_id")?,
            since: row.time("activated_at")?,
            by: row.text("activated_by")?,
        }))
    }
}

/// Keeps it; `false` where it is there.
async fn record(transaction: &mut Transaction, (id, content, by): (&str, &Value, &str)) -> Result<bool, StoreError> {
    let now = transaction.now().await?;
    let new = transaction.run(RECORD, bind![id, content.to_string(), now, by]).await? == 1;
    if new {
        ledger::append(transaction, by, "release.recorded", id, &json!({})).await?;
    }
    Ok(new)
}

/// Puts it behind what was active before; `false` where it is that.
async fn activate(
    transaction: &mut Transaction,
    environment: &EnvironmentName,
    (release, by): (&str, &str),
) -> Result<bool, StoreError> {
    if transaction.first(EXISTS, bind![release]).await?.is_none() {
        return Err(StoreError::NotFound { what: "release", id: release.to_owned() });
    }
    let before = transaction.first(ACTIVE, bind![environment.as_str()]).await?;
    let before = before.map(|row| row.text("release_id")).transpose()?;
    if before.as_deref() == Some(release) {
        return Ok(false);
    }
    let now = transaction.now().await?;
    transaction.run(ACTIVATE, bind![environment.as_str(), release, now, by]).await?;
    let detail = json!({"release": release, "before": before});
    ledger::append(transaction, by, "release.activated", environment.as_str(), &detail).await?;
    Ok(true)
}
