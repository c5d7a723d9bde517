//! What each node runs of what is released, and why it did not take what is active: whoever activates learns both. A node that refuses a
//! release still follows the access state. INVARIANT: REVOKED-NOW

use std::collections::BTreeMap;

use jiff::Timestamp;
use selvage_model::name::{DomainName, EnvironmentName};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::NodeRecord;
use crate::DomainActivation;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Micros, Row, bind};

/// Longer reasons are cut: they name what to look for in the node's log.
const MOST_TEXT: usize = 4_000;

/// What a node says of releases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeReleases {
    /// The digest of what it runs ([`releases_digest`]); none where it serves a directory.
    pub runs: Option<String>,
    /// What is active and it did not take.
    pub refused: Option<RefusedReleases>,
}

/// Releases that a node did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedReleases {
    /// Their digest.
    pub releases: String,
    /// The code of the reason.
    pub code: String,
    /// The reason.
    pub because: String,
    /// It passes by itself, as a database that is slow does: the node goes on trying.
    pub passes: bool,
}

/// A digest of a release of each domain.
pub fn releases_digest(releases: &BTreeMap<DomainName, String>) -> String {
    let mut hasher = Sha256::new();
    for (domain, release) in releases {
        hasher.update(format!("{domain} {release}\n"));
    }
    let hex: String = hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("set_{hex}")
}

/// A digest of what is active in each environment.
pub fn digests_of_active(active: &[DomainActivation]) -> BTreeMap<EnvironmentName, String> {
    let mut releases: BTreeMap<&EnvironmentName, BTreeMap<DomainName, String>> = BTreeMap::new();
    for it in active {
        releases.entry(&it.environment).or_default().insert(it.domain.clone(), it.release.clone());
    }
    releases.into_iter().map(|(environment, releases)| (environment.clone(), releases_digest(&releases))).collect()
}

/// What a node runs, beside what is active in its environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs<'a> {
    /// That, since this moment.
    Active(Timestamp),
    /// It does not say: it serves a directory, or is of a version that knows nothing of this.
    Unsaid,
    /// Something else, and why it does not take what is active.
    Refused(&'a RefusedReleases),
    /// Something else, for the moment.
    Other,
}

impl NodeRecord {
    /// What it runs, where releases with this digest are active.
    pub fn runs(&self, active: &str) -> Runs<'_> {
        match (&self.releases.runs, &self.releases.refused) {
            (None, _) => Runs::Unsaid,
            (Some(runs), _) if runs == active => Runs::Active(self.runs_since.unwrap_or(self.acknowledged)),
            (_, Some(refused)) if refused.releases == active => Runs::Refused(refused),
            _ => Runs::Other,
        }
    }
}

statements! {
    NOTE = "UPDATE node SET refused = CAST($3 AS TEXT), \
            runs_since = CASE WHEN runs = CAST($2 AS TEXT) THEN runs_since ELSE CAST($4 AS BIGINT) END, runs = CAST($2 AS TEXT) \
            WHERE id = $1";
}

/// What a node says of its releases with its sign of life.
#[derive(Clone, Copy, Debug)]
pub struct NodeWord<'a> {
    /// What it runs and what it refuses.
    pub says: &'a NodeReleases,
    /// What it began to run, and where.
    pub begins: Option<(&'a EnvironmentName, &'a BTreeMap<DomainName, String>)>,
}

pub(super) async fn note(
    transaction: &mut Transaction,
    id: &str,
    says: &NodeReleases,
    now: Micros,
) -> Result<(), StoreError> {
    let refused = says.refused.as_ref().map(|refused| words(refused).to_string());
    transaction.run(NOTE, bind![id, says.runs.clone(), refused, now]).await.map(drop)
}

fn words(refused: &RefusedReleases) -> Value {
    let because: String = refused.because.chars().take(MOST_TEXT).collect();
    json!({"releases": refused.releases, "code": refused.code, "because": because, "passes": refused.passes})
}

/// What a row of nodes says of releases.
pub(super) fn said(row: &Row) -> Result<NodeReleases, StoreError> {
    Ok(NodeReleases {
        runs: row.optional_text("runs")?,
        refused: row.optional_text("refused")?.map(|text| refused(&text)).transpose()?,
    })
}

fn refused(text: &str) -> Result<RefusedReleases, StoreError> {
    let damaged = || StoreError::damaged("`refused` of a node says something else");
    let value: Value = serde_json::from_str(text).map_err(|_| damaged())?;
    let member = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(damaged);
    Ok(RefusedReleases {
        releases: member("releases")?,
        code: member("code")?,
        because: member("because")?,
        passes: value.get("passes").and_then(Value::as_bool).unwrap_or_default(),
    })
}
