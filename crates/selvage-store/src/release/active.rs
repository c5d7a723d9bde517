//! Which release of each domain is active in an environment. Activating appends, makes the access what is asked for then, and raises
//! the revision of the access state, all at once: nodes hear of it as they hear of a revocation, within a second, and whoever activates
//! knows when each has. What was judged by another state than there is activates nothing.

use jiff::Timestamp;
use selvage_model::name::{DomainName, EnvironmentName};
use serde_json::{Value, json};

use crate::Store;
use crate::access;
use crate::access::grant::{self, AppliedGrants, Asked};
use crate::access::subscription::ask::{self, AppliedSubscriptions, AskedSubscription};
use crate::database::Transaction;
use crate::error::StoreError;
use crate::ledger;
use crate::statement::statements;
use crate::value::{Row, bind};

/// A release that is to be active.
#[derive(Clone, Debug)]
pub struct NewActivation<'a> {
    /// Where.
    pub environment: &'a EnvironmentName,
    /// Whose release.
    pub domain: &'a DomainName,
    /// Which.
    pub release: &'a str,
    /// Who says so.
    pub by: &'a str,
    /// Why.
    pub because: &'a str,
    /// What the gates of the environment said.
    pub gates: &'a Value,
    /// It was active there before.
    pub is_rollback: bool,
    /// The ordinal of the last activation by which all of this was judged; 0 where there was none.
    pub seen: u64,
    /// What is asked for once this is active.
    pub asks: &'a AskedAccess,
}

/// The access that is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AskedAccess {
    /// Grants, by what is active in the environment.
    pub grants: Vec<Asked>,
    /// Subscriptions, by what is active where the events of the store are kept; they are approved. None where that is another environment:
    /// they stay as they are.
    pub subscriptions: Option<Vec<AskedSubscription>>,
}

/// What came of an activation.
#[derive(Clone, Debug, PartialEq)]
pub struct AppliedActivation {
    /// Whether it is active since now.
    pub activated: Activated,
    /// What came of the grants.
    pub grants: AppliedGrants,
    /// What came of the subscriptions.
    pub subscriptions: AppliedSubscriptions,
}

/// What is or was active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainActivation {
    /// Its number: a later activation has a higher one, in whichever environment.
    pub ordinal: u64,
    /// Where.
    pub environment: EnvironmentName,
    /// Whose.
    pub domain: DomainName,
    /// The release.
    pub release: String,
    /// Since when.
    pub since: Timestamp,
    /// Who activated it.
    pub by: String,
    /// Why.
    pub because: String,
    /// Whether it was gone back to.
    pub is_rollback: bool,
}

/// Whether something was activated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activated {
    /// It is active now.
    Now(Timestamp),
    /// It was that before.
    Before,
}

statements! {
    EXISTS = "SELECT id FROM fabric_release WHERE id = $1 AND domain = $2";
    ACTIVATE = "INSERT INTO activation (ordinal, environment, domain, release_id, activated_at, activated_by, because, gates, is_rollback) \
                SELECT COALESCE(MAX(ordinal), 0) + 1, CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS BIGINT), CAST($5 AS TEXT), \
                CAST($6 AS TEXT), CAST($7 AS TEXT), CAST($8 AS BIGINT) FROM activation";
    LAST = "SELECT release_id FROM activation WHERE environment = $1 AND domain = $2 ORDER BY ordinal DESC LIMIT 1";
    SEEN = "SELECT COALESCE(MAX(ordinal), 0) AS ordinal FROM activation WHERE domain IS NOT NULL";
    ACTIVE = "SELECT ordinal, environment, domain, release_id, activated_at, activated_by, because, is_rollback FROM activation AS a WHERE domain IS NOT NULL \
              AND ordinal = (SELECT MAX(ordinal) FROM activation AS b WHERE b.environment = a.environment AND b.domain = a.domain) \
              ORDER BY environment, domain";
    HISTORY = "SELECT ordinal, environment, domain, release_id, activated_at, activated_by, because, is_rollback FROM activation WHERE domain IS NOT NULL \
               ORDER BY ordinal DESC";
}

impl Store {
    /// Makes a release of a domain the active one in an environment, and the access that of what is active then. INVARIANT:
    /// REVOKED-NOW: whoever asks no more has nothing from the moment on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a release that the domain does not have, [`StoreError::ActivationMoved`] where something was
    /// activated since it was judged.
    pub async fn activate_domain(&self, new: &NewActivation<'_>) -> Result<AppliedActivation, StoreError> {
        let asked = (Some(new.environment), new.asks.grants.as_slice());
        let planned = self.planned_access(asked).await?;
        let mut transaction = self.database.write().await?;
        access::hold(&mut transaction).await?;
        ledger::hold(&mut transaction).await?; // one activation at a time, so that ordinals are theirs alone
        if transaction.only(SEEN, bind![]).await?.count("ordinal")? != new.seen {
            return Err(StoreError::ActivationMoved { release: new.release.to_owned() });
        }
        let plan = match planned {
            (revision, plan) if revision == access::revision(&mut transaction).await? => plan,
            _ => grant::planned(&mut transaction, asked).await?,
        };
        let activated = append(&mut transaction, new).await?;
        let grants = grant::carry_out(&mut transaction, plan, new.by).await?;
        if !grants.is_nothing() {
            access::end_overdue(&mut transaction).await?;
        }
        let subscriptions = subscribed(&mut transaction, new.asks, new.by).await?;
        if activated != Activated::Before || !grants.is_nothing() || !subscriptions.is_nothing() {
            access::raise(&mut transaction).await?;
            transaction.commit().await?;
        }
        Ok(AppliedActivation { activated, grants, subscriptions })
    }

    /// What is to be done with leases, and by which access state. All of them are read, beside whoever changes them: nobody waits for
    /// that, and no node for what is active meanwhile.
    async fn planned_access(
        &self,
        asked: (Option<&EnvironmentName>, &[Asked]),
    ) -> Result<(u64, grant::Plan), StoreError> {
        let mut transaction = self.database.read().await?;
        Ok((access::revision(&mut transaction).await?, grant::planned(&mut transaction, asked).await?))
    }

    /// What would come of the access if this were what is asked for in an environment. Nothing is changed.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn preview_access(
        &self,
        environment: &EnvironmentName,
        asks: &AskedAccess,
    ) -> Result<(AppliedGrants, AppliedSubscriptions), StoreError> {
        const NOBODY: &str = "preview";
        let mut transaction = self.database.write().await?;
        access::hold(&mut transaction).await?;
        let grants = grant::apply(&mut transaction, (Some(environment), &asks.grants), NOBODY).await?;
        if !grants.is_nothing() {
            access::end_overdue(&mut transaction).await?;
        }
        let subscriptions = subscribed(&mut transaction, asks, NOBODY).await?;
        // It is never committed.
        drop(transaction);
        Ok((grants, subscriptions))
    }

    /// What is active in every environment, by environment and domain.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn active_domains(&self) -> Result<Vec<DomainActivation>, StoreError> {
        self.database.look(ACTIVE, bind![]).await?.iter().map(activation).collect()
    }

    /// What was ever activated, newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn activations(&self) -> Result<Vec<DomainActivation>, StoreError> {
        let mut transaction = self.database.read().await?;
        transaction.all(HISTORY, bind![]).await?.iter().map(activation).collect()
    }
}

/// Makes subscriptions what is asked for, where that is this environment's to ask.
pub(super) async fn subscribed(
    transaction: &mut Transaction,
    asks: &AskedAccess,
    by: &str,
) -> Result<AppliedSubscriptions, StoreError> {
    match &asks.subscriptions {
        Some(asked) => ask::apply(transaction, asked, (true, by)).await,
        None => Ok(AppliedSubscriptions::default()),
    }
}

/// What is active in every environment.
pub(super) async fn all(transaction: &mut Transaction) -> Result<Vec<DomainActivation>, StoreError> {
    transaction.all(ACTIVE, bind![]).await?.iter().map(activation).collect()
}

/// Puts it behind what was active before.
async fn append(transaction: &mut Transaction, new: &NewActivation<'_>) -> Result<Activated, StoreError> {
    let (environment, domain) = (new.environment.as_str(), new.domain.as_str());
    if transaction.first(EXISTS, bind![new.release, domain]).await?.is_none() {
        return Err(StoreError::NotFound { what: "release", id: new.release.to_owned() });
    }
    let before = transaction.first(LAST, bind![environment, domain]).await?;
    let before = before.map(|row| row.text("release_id")).transpose()?;
    if before.as_deref() == Some(new.release) {
        return Ok(Activated::Before);
    }
    let now = transaction.now().await?;
    let (gates, is_rollback) = (new.gates.to_string(), i64::from(new.is_rollback));
    let parameters = bind![environment, domain, new.release, now, new.by, new.because, gates, is_rollback];
    transaction.run(ACTIVATE, parameters).await?;
    let detail = json!({
        "domain": domain, "release": new.release, "before": before, "because": new.because, "gates": new.gates,
    });
    let action = if new.is_rollback { "release.rolled-back" } else { "release.activated" };
    ledger::append(transaction, new.by, action, environment, &detail).await?;
    let passed = passed_in_emergency(new.gates);
    if !passed.is_empty() {
        let detail = json!({"domain": domain, "release": new.release, "because": new.because, "gates": passed});
        ledger::append(transaction, new.by, "gates.passed-in-emergency", environment, &detail).await?;
    }
    Ok(Activated::Now(now.timestamp()?))
}

/// The gates that were closed, and that an emergency passed.
fn passed_in_emergency(gates: &Value) -> Vec<&Value> {
    let gates = gates.as_array().into_iter().flatten();
    gates.filter(|gate| gate.get("passed_in_emergency").and_then(Value::as_bool) == Some(true)).collect()
}

fn activation(row: &Row) -> Result<DomainActivation, StoreError> {
    Ok(DomainActivation {
        ordinal: row.count("ordinal")?,
        environment: row.parsed("environment")?,
        domain: row.parsed("domain")?,
        release: row.text("release_id")?,
        since: row.time("activated_at")?,
        by: row.text("activated_by")?,
        because: row.optional_text("because")?.unwrap_or_default(),
        is_rollback: row.integer("is_rollback")? != 0,
    })
}
