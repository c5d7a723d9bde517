//! Which releases nodes ran in an environment, and for how long any of them did: what was activated and never ran has proven nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::name::{DomainName, EnvironmentName};

use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Micros, Row, bind};

/// Between two words of nodes that they run something, at most so much counts as run.
const WITHOUT_A_WORD: Duration = Duration::from_secs(60);

/// A release that nodes ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseRun {
    /// Where.
    pub environment: EnvironmentName,
    /// Whose.
    pub domain: DomainName,
    /// Which.
    pub release: String,
    /// Since when.
    pub first: Timestamp,
    /// When a node said so last.
    pub last: Timestamp,
    /// For how long in all at least one node ran it.
    pub ran_for: Duration,
}

statements! {
    RAN = "INSERT INTO release_run (environment, domain, release_id, first_at, last_at, ran_for) VALUES ($1, $2, $3, $4, $4, 0) \
           ON CONFLICT (environment, domain, release_id) DO UPDATE SET ran_for = release_run.ran_for + CASE \
           WHEN excluded.last_at > release_run.last_at AND excluded.last_at - release_run.last_at <= CAST($5 AS BIGINT) \
           THEN excluded.last_at - release_run.last_at ELSE 0 END, last_at = CASE \
           WHEN excluded.last_at > release_run.last_at THEN excluded.last_at ELSE release_run.last_at END";
    ALL = "SELECT environment, domain, release_id, first_at, last_at, ran_for FROM release_run WHERE environment = $1 ORDER BY first_at";
}

impl Store {
    /// Notes that a node runs these releases in an environment.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_runs(
        &self,
        environment: &EnvironmentName,
        releases: &BTreeMap<DomainName, String>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        note(&mut transaction, environment, releases, now).await?;
        transaction.commit().await
    }

    /// What nodes ran in an environment, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn runs_in(&self, environment: &EnvironmentName) -> Result<Vec<ReleaseRun>, StoreError> {
        let rows = self.database.read().await?.all(ALL, bind![environment.as_str()]).await?;
        rows.iter().map(run).collect()
    }
}

pub(super) async fn note(
    transaction: &mut Transaction,
    environment: &EnvironmentName,
    releases: &BTreeMap<DomainName, String>,
    now: Micros,
) -> Result<(), StoreError> {
    let most = Micros(0).after(WITHOUT_A_WORD).0;
    for (domain, release) in releases {
        let values = bind![environment.as_str(), domain.as_str(), release.as_str(), now, most];
        transaction.run(RAN, values).await?;
    }
    Ok(())
}

fn run(row: &Row) -> Result<ReleaseRun, StoreError> {
    Ok(ReleaseRun {
        environment: row.parsed("environment")?,
        domain: row.parsed("domain")?,
        release: row.text("release_id")?,
        first: row.time("first_at")?,
        last: row.time("last_at")?,
        ran_for: Duration::from_micros(row.count("ran_for")?),
    })
}
