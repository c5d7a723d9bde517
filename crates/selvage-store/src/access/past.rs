//! The access state as it was: who had which key, which grant on which terms, and who was blocked. Of what nobody wrote down before
//! the history began, the terms are those of then. Subscriptions are not in it: no request is decided by one.

use jiff::Timestamp;
use selvage_model::access::AccessState;
use selvage_model::name::{DomainName, EnvironmentName};

use super::{block, grant, key};
use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Micros, bind};

statements! {
    REACHED = "INSERT INTO access_history (revision, reached_at) SELECT revision, CAST($1 AS BIGINT) FROM access_revision \
               WHERE id = 1 ON CONFLICT (revision) DO NOTHING";
    TERMS = "INSERT INTO lease_history (lease, since, terms) SELECT id, CAST($2 AS BIGINT), terms FROM lease WHERE id = $1 \
             ON CONFLICT (lease, since) DO UPDATE SET terms = excluded.terms";
    REVISION = "SELECT COALESCE(MAX(revision), 0) AS revision FROM access_history WHERE reached_at <= $1";
    KEYS = "SELECT id, principal_kind, principal, key_hash, issued_at, expires_at, \
            CASE WHEN revoked_at <= $1 THEN revoked_at END AS revoked_at FROM credential WHERE issued_at <= $1 \
            ORDER BY issued_at, id";
    GRANTS = "SELECT id, consumer, interface, environment, CASE WHEN ended_at <= $1 THEN ended_at END AS ended_at, \
              COALESCE((SELECT h.terms FROM lease_history AS h WHERE h.lease = lease.id AND h.since <= $1 \
              ORDER BY h.since DESC LIMIT 1), terms) AS terms FROM lease WHERE granted_at <= $1 ORDER BY granted_at, id";
    BLOCKS = "SELECT id, kind, subject, because, blocked_at FROM access_block WHERE blocked_at <= $1 \
              AND (lifted_at IS NULL OR lifted_at > $1) ORDER BY blocked_at, id";
    ACTIVE = "SELECT domain, release_id FROM activation AS a WHERE environment = $1 AND activated_at <= $2 \
              AND ordinal = (SELECT MAX(b.ordinal) FROM activation AS b WHERE b.environment = a.environment \
              AND b.activated_at <= $2 AND (b.domain = a.domain OR (b.domain IS NULL AND a.domain IS NULL))) ORDER BY ordinal";
}

/// What was active in an environment: a directory's release, or those of domains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveThen {
    /// Whose; none of a directory that was served whole.
    pub domain: Option<DomainName>,
    /// The release's id.
    pub release: String,
}

impl Store {
    /// The access state at a time.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn access_state_at(&self, time: Timestamp) -> Result<AccessState, StoreError> {
        let mut transaction = self.database.read().await?;
        let at = Micros::from(time);
        let revision = transaction.only(REVISION, bind![at]).await?.count("revision")?;
        let credentials =
            transaction.all(KEYS, bind![at]).await?.iter().map(key::credential).collect::<Result<_, _>>()?;
        let grants = transaction.all(GRANTS, bind![at]).await?.iter().map(grant::live).collect::<Result<_, _>>()?;
        let blocks = transaction.all(BLOCKS, bind![at]).await?.iter().map(block::block).collect::<Result<_, _>>()?;
        Ok(AccessState { revision, credentials, grants, blocks, subscriptions: Vec::new() })
    }

    /// What was active in an environment at a time, in the order in which it was activated.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn active_at(
        &self,
        environment: &EnvironmentName,
        time: Timestamp,
    ) -> Result<Vec<ActiveThen>, StoreError> {
        let mut transaction = self.database.read().await?;
        let rows = transaction.all(ACTIVE, bind![environment.as_str(), Micros::from(time)]).await?;
        let active = |row: &crate::value::Row| {
            let domain = row.optional_text("domain")?.map(|_| row.parsed("domain")).transpose()?;
            Ok(ActiveThen { domain, release: row.text("release_id")? })
        };
        rows.iter().map(active).collect()
    }
}

/// Notes when the access state was reached, in the transaction that changed it.
pub(super) async fn reached(transaction: &mut Transaction) -> Result<(), StoreError> {
    let now = transaction.now().await?;
    transaction.run(REACHED, bind![now]).await.map(drop)
}

/// Notes the terms that a lease has from now on, by whoever gives it any.
pub(crate) async fn note(transaction: &mut Transaction, lease: &str) -> Result<(), StoreError> {
    let now = transaction.now().await?;
    transaction.run(TERMS, bind![lease, now]).await.map(drop)
}
