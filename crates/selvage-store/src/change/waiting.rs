//! What of changes waits for people, without what is in them: for whoever counts it again and again.

use jiff::Timestamp;
use selvage_model::name::DomainName;

use crate::Store;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Row, bind};

statements! {
    WAITING = "SELECT domain, proposed_at, ratify_until FROM change_proposal WHERE state IN ('open', 'rejected') OR ratify_until IS NOT NULL \
               ORDER BY proposed_at, id";
}

/// A change that waits for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingChange {
    /// Whose release it becomes, or is.
    pub domain: DomainName,
    /// Since when.
    pub proposed: Timestamp,
    /// Until when it is to be ratified, where it is an emergency that was released.
    pub ratify_until: Option<Timestamp>,
}

impl Store {
    /// Changes that are open or rejected, and emergencies that nobody has ratified, oldest first; with the time by the store's clock.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn waiting_changes(&self) -> Result<(Timestamp, Vec<WaitingChange>), StoreError> {
        let mut transaction = self.database.read().await?;
        let now = transaction.now().await?.timestamp()?;
        let rows = transaction.all(WAITING, bind![]).await?;
        Ok((now, rows.iter().map(waiting).collect::<Result<_, _>>()?))
    }
}

fn waiting(row: &Row) -> Result<WaitingChange, StoreError> {
    Ok(WaitingChange {
        domain: row.parsed("domain")?,
        proposed: row.time("proposed_at")?,
        ratify_until: row.optional_time("ratify_until")?,
    })
}
