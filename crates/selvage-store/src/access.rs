//! Access state: keys, leases and blocks, alive outside releases and always the stronger. Every change raises the revision,
//! by which nodes see that they have to compile anew.

pub(crate) mod block;
pub(crate) mod break_glass;
pub(crate) mod grant;
pub(crate) mod key;
pub(crate) mod lease;
pub(crate) mod past;
pub(crate) mod recertification;
pub(crate) mod request;
pub(crate) mod session;
pub(crate) mod subscription;

use selvage_model::access::AccessState;

use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::event::group;
use crate::statement::statements;
use crate::value::{Micros, bind};

statements! {
    REVISION = "SELECT revision FROM access_revision WHERE id = 1";
    HOLD = "UPDATE access_revision SET revision = revision WHERE id = 1";
    RAISE = "UPDATE access_revision SET revision = revision + 1 WHERE id = 1";
}

impl Store {
    /// Everything alive and everything that was, at one revision.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn access_state(&self) -> Result<AccessState, StoreError> {
        self.state_with(None).await
    }

    /// The same, by one who knows the state of a revision before: of leases, only what was written since is read, however many there are.
    /// INVARIANT: REVOKED-NOW
    ///
    /// # Errors
    /// Those of the database.
    pub async fn access_state_after(&self, known: &AccessState) -> Result<AccessState, StoreError> {
        self.state_with(Some(known)).await
    }

    async fn state_with(&self, known: Option<&AccessState>) -> Result<AccessState, StoreError> {
        let mut transaction = self.database.read().await?;
        let revision = revision(&mut transaction).await?;
        let credentials = key::all(&mut transaction).await?;
        let grants = match known.filter(|known| known.revision <= revision) {
            Some(known) => grant::all_after(&mut transaction, (&known.grants, known.revision)).await?,
            None => grant::all(&mut transaction).await?,
        };
        let blocks = block::all(&mut transaction).await?;
        let subscriptions = subscription::all(&mut transaction).await?;
        Ok(AccessState { revision, credentials, grants, blocks, subscriptions })
    }

    /// The revision alone: cheap enough to be asked each second.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn access_revision(&self) -> Result<u64, StoreError> {
        let rows = self.database.look(REVISION, bind![]).await?;
        let row = rows.first().ok_or_else(|| StoreError::damaged("a row that every store has is missing"))?;
        row.count("revision")
    }
}

/// Which access state it is, as the transaction sees it.
pub(crate) async fn revision(transaction: &mut Transaction) -> Result<u64, StoreError> {
    transaction.only(REVISION, bind![]).await?.count("revision")
}

/// Lets changes of access state follow one another: taken before anything else is read or locked.
pub(crate) async fn hold(transaction: &mut Transaction) -> Result<(), StoreError> {
    transaction.run(HOLD, bind![]).await.map(drop)
}

/// The same, and the time by the database's clock then: whoever waited for another sees what that one wrote before.
async fn access_hold_and_now(transaction: &mut Transaction) -> Result<Micros, StoreError> {
    hold(transaction).await?;
    transaction.now().await
}

/// Ends subscriptions and groups that have no right any more, in the transaction that took the right. INVARIANT: REVOKED-NOW
pub(crate) async fn end_overdue(transaction: &mut Transaction) -> Result<(), StoreError> {
    subscription::end_overdue(transaction).await?;
    group::end_overdue(transaction).await.map(drop)
}

/// Says that access state has changed. INVARIANT: REVOKED-NOW: in the transaction of the change itself.
pub(crate) async fn raise(transaction: &mut Transaction) -> Result<(), StoreError> {
    transaction.run(RAISE, bind![]).await?;
    past::reached(transaction).await
}
