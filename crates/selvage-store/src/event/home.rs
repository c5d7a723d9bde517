//! Of which environment the events of a store are. Streams, captures, copies, subscriptions and cursors have no environment of their own, so
//! nodes of two would read and move the same ones: the first that keeps events here has them, and the others are refused.
//! INVARIANT: NOTHING-LOST: what one environment's consumers have not had yet is consumed by no other's.

use selvage_model::name::EnvironmentName;

use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::bind;

/// Whose the events of a store are, for an environment that would keep its own there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventHome {
    /// Its own.
    Here,
    /// Those of this one.
    Elsewhere(EnvironmentName),
    /// There are some of before that was known, and they may be those of this one, which goes first.
    Unclear(EnvironmentName),
}

statements! {
    HOME = "SELECT environment FROM event_home";
    SETTLE = "INSERT INTO event_home (id, environment) VALUES (1, $1) ON CONFLICT (id) DO NOTHING";
    BEFORE = "SELECT id FROM event_stream LIMIT 1";
    RAN = "SELECT environment FROM node WHERE environment <> $1 UNION SELECT environment FROM activation WHERE environment <> $1 \
           UNION SELECT environment FROM release_run WHERE environment <> $1 \
           UNION SELECT environment FROM promise_count WHERE environment <> $1 \
           UNION SELECT environment FROM lifecycle_notice WHERE environment <> $1 ORDER BY environment";
}

/// Whose the events of this store are; nobody's yet where nothing has kept any.
pub(crate) async fn of(transaction: &mut Transaction) -> Result<Option<EnvironmentName>, StoreError> {
    transaction.first(HOME, bind![]).await?.map(|row| row.parsed("environment")).transpose()
}

impl Store {
    /// Whose the events of this store are; nobody's yet where nothing has kept any.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn event_home(&self) -> Result<Option<EnvironmentName>, StoreError> {
        of(&mut self.database.read().await?).await
    }

    /// Says whose the events of this store are, and makes them this environment's where they are nobody's. Where there are events of before
    /// that was known, one of these goes first, if it ran here.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn settle_event_home(
        &self,
        environment: &EnvironmentName,
        first: &[EnvironmentName],
    ) -> Result<EventHome, StoreError> {
        let mut transaction = self.database.write().await?;
        let whose =
            |home: EnvironmentName| if &home == environment { EventHome::Here } else { EventHome::Elsewhere(home) };
        if let Some(home) = of(&mut transaction).await? {
            return Ok(whose(home));
        }
        if transaction.first(BEFORE, bind![]).await?.is_some() {
            for row in transaction.all(RAN, bind![environment.as_str()]).await? {
                let other: EnvironmentName = row.parsed("environment")?;
                if first.contains(&other) {
                    return Ok(EventHome::Unclear(other));
                }
            }
        }
        // Of two nodes that begin at once, one writes first.
        transaction.run(SETTLE, bind![environment.as_str()]).await?;
        let home = transaction.only(HOME, bind![]).await?.parsed("environment")?;
        transaction.commit().await?;
        Ok(whose(home))
    }
}
