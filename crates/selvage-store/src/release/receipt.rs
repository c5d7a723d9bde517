//! Receipts: what a store saw of a release in its environments, from when to when it was active there, how long nodes ran it, and what its
//! gates showed. A store makes them of what it saw itself, and keeps those of others beside it. Nobody is named in them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::name::{DomainName, EnvironmentName};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Micros, Row, bind};

/// What a store saw of a release in one of its environments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Where.
    pub environment: EnvironmentName,
    /// When it was active there, oldest first.
    pub spells: Vec<Spell>,
    /// How long nodes ran it there; nothing where none did.
    pub ran: Option<Ran>,
}

/// A time in which a release was active.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spell {
    /// Since when.
    pub from: Timestamp,
    /// Until another one was; nothing while it is.
    pub to: Option<Timestamp>,
    /// It ended because somebody went back from it.
    pub gone_back_from: bool,
    /// It began because somebody went back to it, through no gates.
    pub gone_back_to: bool,
    /// What the gates of the environment showed when it began.
    pub gates: Value,
}

/// For how long nodes ran a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ran {
    /// Since when.
    pub first: Timestamp,
    /// When a node said so last.
    pub last: Timestamp,
    /// Seconds in all in which at least one node ran it.
    pub seconds: u64,
}

impl Receipt {
    /// For how long it was active in all, as of a moment.
    pub fn active_for(&self, seen: Timestamp) -> Duration {
        let spans = self.spells.iter().map(|spell| spell.to.unwrap_or(seen).duration_since(spell.from));
        spans.map(|span| Duration::try_from(span).unwrap_or_default()).sum()
    }
}

/// A receipt of another store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignReceipt {
    /// The id of the key with which that store signed it.
    pub from: String,
    /// As of when, by that store's clock.
    pub seen: Timestamp,
    /// When it was brought here.
    pub imported: Timestamp,
    /// Since when the word of that store counts no more, where its key is not trusted now.
    pub distrusted: Option<Timestamp>,
    /// What was seen.
    pub receipt: Receipt,
}

statements! {
    SPELLS = "SELECT environment, release_id, activated_at, is_rollback, gates FROM activation WHERE domain = $1 ORDER BY ordinal";
    RUNS = "SELECT environment, first_at, last_at, ran_for FROM release_run WHERE domain = $1 AND release_id = $2";
    KEEP = "INSERT INTO release_receipt (domain, release_id, environment, signed_with, seen_at, imported_at, receipt) \
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (domain, release_id, environment, signed_with, seen_at) DO NOTHING";
    OTHERS = "SELECT signed_with, seen_at, imported_at, receipt, distrusted_at FROM release_receipt \
              LEFT JOIN release_key ON release_key.id = release_receipt.signed_with WHERE domain = $1 AND release_id = $2 \
              ORDER BY environment, signed_with, seen_at";
}

impl Store {
    /// What this store saw of a release itself, by environment, and as of when.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn receipts_here(
        &self,
        domain: &DomainName,
        release: &str,
    ) -> Result<(Timestamp, Vec<Receipt>), StoreError> {
        let mut transaction = self.database.read().await?;
        let mut spells: BTreeMap<EnvironmentName, Vec<Spell>> = BTreeMap::new();
        let mut active: BTreeMap<EnvironmentName, bool> = BTreeMap::new();
        for row in transaction.all(SPELLS, bind![domain.as_str()]).await? {
            let (environment, since) = (row.parsed::<EnvironmentName>("environment")?, row.time("activated_at")?);
            let (is_it, is_back) = (row.text("release_id")? == release, row.integer("is_rollback")? != 0);
            if active.insert(environment.clone(), is_it) == Some(true)
                && let Some(ended) = spells.get_mut(&environment).and_then(|spells| spells.last_mut())
            {
                (ended.to, ended.gone_back_from) = (Some(since), is_back);
            }
            if is_it {
                let gates = row.optional_json("gates")?.unwrap_or(Value::Array(Vec::new()));
                let spell = Spell { from: since, to: None, gone_back_from: false, gone_back_to: is_back, gates };
                spells.entry(environment).or_default().push(spell);
            }
        }
        let mut ran = BTreeMap::new();
        for row in transaction.all(RUNS, bind![domain.as_str(), release]).await? {
            ran.insert(row.parsed::<EnvironmentName>("environment")?, run(&row)?);
        }
        let receipt = |(environment, spells): (EnvironmentName, Vec<Spell>)| Receipt {
            ran: ran.remove(&environment),
            environment,
            spells,
        };
        let receipts = spells.into_iter().map(receipt).collect();
        Ok((transaction.now().await?.timestamp()?, receipts))
    }

    /// What other stores saw of a release: of each store and environment the newest, by environment.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn receipts_of(&self, domain: &DomainName, release: &str) -> Result<Vec<ForeignReceipt>, StoreError> {
        let rows = self.database.read().await?.all(OTHERS, bind![domain.as_str(), release]).await?;
        let mut newest: Vec<ForeignReceipt> = Vec::new();
        for row in &rows {
            let it = foreign(row)?;
            // The newest of each comes last.
            newest.retain(|other| (&other.from, &other.receipt.environment) != (&it.from, &it.receipt.environment));
            newest.push(it);
        }
        Ok(newest)
    }
}

/// Keeps what another store saw, and says whether it is new.
pub(super) async fn keep(
    transaction: &mut Transaction,
    (domain, release): (&DomainName, &str),
    (from, seen): (&str, Timestamp),
    receipt: &Receipt,
) -> Result<bool, StoreError> {
    let now = transaction.now().await?;
    let text = serde_json::to_string(receipt).map_err(|error| StoreError::damaged(error.to_string()))?;
    let environment = receipt.environment.as_str();
    let parameters = bind![domain.as_str(), release, environment, from, Micros::from(seen), now, text];
    Ok(transaction.run(KEEP, parameters).await? == 1)
}

fn run(row: &Row) -> Result<Ran, StoreError> {
    let seconds = Duration::from_micros(row.count("ran_for")?).as_secs();
    Ok(Ran { first: row.time("first_at")?, last: row.time("last_at")?, seconds })
}

fn foreign(row: &Row) -> Result<ForeignReceipt, StoreError> {
    Ok(ForeignReceipt {
        from: row.text("signed_with")?,
        seen: row.time("seen_at")?,
        imported: row.time("imported_at")?,
        distrusted: row.optional_time("distrusted_at")?,
        receipt: row.json("receipt")?,
    })
}
