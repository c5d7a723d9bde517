//! Nodes that take requests, by their access lease. A lease is renewed only by a node that runs the newest access state,
//! so that whoever changes it can wait until each has said so or can no longer be one that has not heard.
//! INVARIANT: REVOKED-NOW

pub(crate) mod ran;
pub(crate) mod released;

use std::time::Duration;

use jiff::Timestamp;

use crate::Store;
use crate::environment;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Micros, Row, bind};
use released::{NodeReleases, NodeWord};

/// A node that is gone is forgotten after so long.
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 3600);

/// A node that begins to take requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNode {
    /// Its id; another one with each start.
    pub id: String,
    /// The environment that it serves.
    pub environment: String,
    /// Where consumers call it.
    pub address: String,
}

/// What a node says with each sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignOfLife {
    /// The revision of the access state that it runs.
    pub revision: u64,
    /// How long its lease is to last from now.
    pub lease: Duration,
    /// The longest that any of its interfaces is served without one.
    pub serves_for: Duration,
}

/// A node as the others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRecord {
    /// Its id.
    pub id: String,
    /// The environment that it serves.
    pub environment: String,
    /// Where consumers call it.
    pub address: String,
    /// Since when it runs.
    pub started: Timestamp,
    /// The newest revision of the access state that it said it runs.
    pub revision: u64,
    /// When it said so first.
    pub acknowledged: Timestamp,
    /// When its lease runs out.
    pub lease_until: Timestamp,
    /// How long some of its interfaces may be served after that.
    pub serves_for: Duration,
    /// What it runs of what is released, and what it refuses.
    pub releases: NodeReleases,
    /// Since when it runs that.
    pub runs_since: Option<Timestamp>,
}

statements! {
    REGISTER = "INSERT INTO node (id, environment, address, started_at, revision, acknowledged_at, lease_until, serves_for) \
                VALUES ($1, $2, $3, $4, $5, $4, $6, $7) ON CONFLICT (id) DO UPDATE SET address = excluded.address";
    FORGET_OLD = "DELETE FROM node WHERE lease_until + serves_for < $1";
    RENEW = "UPDATE node SET lease_until = $4, serves_for = $5, \
             acknowledged_at = CASE WHEN revision = $2 THEN acknowledged_at ELSE CAST($3 AS BIGINT) END, revision = $2 \
             WHERE id = $1 AND EXISTS (SELECT 1 FROM access_revision WHERE access_revision.id = 1 AND access_revision.revision = $2)";
    FORGET = "DELETE FROM node WHERE id = $1";
    FREE_CURSORS = "UPDATE event_cursor SET leased_until = 0 WHERE node = $1";
    FREE_CAPTURES = "UPDATE capture SET leased_until = 0 WHERE node = $1";
    ALL = "SELECT id, environment, address, started_at, revision, acknowledged_at, lease_until, serves_for, runs, runs_since, refused FROM node \
           ORDER BY started_at, id";
    EXISTS = "SELECT id FROM node WHERE id = $1";
}

impl Store {
    /// Notes a node that begins to take requests with the access state that it says; those long gone are forgotten. Of one
    /// that is known, the address is noted.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn register_node(&self, node: &NewNode, sign: SignOfLife) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        transaction.run(FORGET_OLD, bind![now.before(REMEMBERED)]).await?;
        let (id, environment, address) = (node.id.as_str(), node.environment.as_str(), node.address.as_str());
        environment::adopt(&mut transaction, environment).await?;
        let (revision, until) = (integer(sign.revision), now.after(sign.lease));
        transaction
            .run(REGISTER, bind![id, environment, address, now, revision, until, micros(sign.serves_for)])
            .await?;
        transaction.commit().await
    }

    /// Renews a node's lease where it runs the newest access state; `false` where it does not.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a node that is not known (any more): it has to be registered again.
    pub async fn renew_lease(&self, id: &str, sign: SignOfLife) -> Result<bool, StoreError> {
        self.renew_lease_saying(id, sign, None).await
    }

    /// The same, with a node's word about its releases, which counts whether or not its lease is renewed. Both at once: whoever waits for
    /// the node waits for one commit.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a node that is not known (any more): it has to be registered again.
    pub async fn renew_lease_saying(
        &self,
        id: &str,
        sign: SignOfLife,
        word: Option<NodeWord<'_>>,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        if let Some(word) = word {
            if let Some((environment, releases)) = word.begins {
                ran::note(&mut transaction, environment, releases, now).await?;
            }
            released::note(&mut transaction, id, word.says, now).await?;
        }
        let (revision, until) = (integer(sign.revision), now.after(sign.lease));
        let renewed = transaction.run(RENEW, bind![id, revision, now, until, micros(sign.serves_for)]).await? == 1;
        // Of a node that is not known, nothing was noted either.
        if !renewed && transaction.first(EXISTS, bind![id]).await?.is_none() {
            return Err(StoreError::NotFound { what: "node", id: id.to_owned() });
        }
        transaction.commit().await?;
        Ok(renewed)
    }

    /// Forgets a node that takes no requests any more.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn forget_node(&self, id: &str) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        transaction.run(FORGET, bind![id]).await?;
        transaction.commit().await
    }

    /// Forgets a node whose process is known to have ended, and frees the cursors and captures that it had leased. Whoever takes one
    /// raises its fence, so that a node that lives after all moves nothing any more. INVARIANT: LANE-ORDER
    ///
    /// # Errors
    /// Those of the database.
    pub async fn release_node(&self, id: &str) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        for statement in [FREE_CURSORS, FREE_CAPTURES, FORGET] {
            transaction.run(statement, bind![id]).await?;
        }
        transaction.commit().await
    }

    /// Every node, oldest first, and the time by the clock that their leases are kept by.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn nodes(&self) -> Result<(Timestamp, Vec<NodeRecord>), StoreError> {
        let mut transaction = self.database.read().await?;
        let nodes: Result<Vec<_>, _> = transaction.all(ALL, bind![]).await?.iter().map(record).collect();
        let now = transaction.now().await?.timestamp()?;
        Ok((now, nodes?))
    }
}

fn record(row: &Row) -> Result<NodeRecord, StoreError> {
    Ok(NodeRecord {
        id: row.text("id")?,
        environment: row.text("environment")?,
        address: row.text("address")?,
        started: row.time("started_at")?,
        revision: row.count("revision")?,
        acknowledged: row.time("acknowledged_at")?,
        lease_until: row.time("lease_until")?,
        serves_for: Duration::from_micros(row.count("serves_for")?),
        releases: released::said(row)?,
        runs_since: row.optional_time("runs_since")?,
    })
}

fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn micros(time: Duration) -> i64 {
    Micros(0).after(time).0
}
