//! The store that is lost, where it can still be read: what had ended there, what somebody had answered for. It is evidence: it is
//! opened for reading alone, and not brought up to date.

use selvage_model::access::{AccessState, GrantTerms};

use crate::Store;
use crate::access::break_glass::{self, BreakGlass};
use crate::access::recertification::{self, RecertificationItem};
use crate::access::{self, block, grant, key, subscription};
use crate::database::Database;
use crate::error::StoreError;
use crate::migration;
use crate::statement::statements;
use crate::value::bind;

/// The first version that has everything which an access state is.
const ACCESS_SINCE: i64 = 9;
/// The first version that keeps who cut somebody off.
const SIGNED_SINCE: i64 = 28;
/// The first version that has campaigns and leases without approval.
const LEASES_SINCE: i64 = 12;

/// The first version in which a lease is of an environment.
const ENVIRONMENTS_SINCE: i64 = 38;

// The same where no lease has an environment yet.
statements! {
    GRANTS = "SELECT id, consumer, interface, terms, CAST(NULL AS TEXT) AS environment, ended_at FROM lease ORDER BY granted_at, id";
    ITEMS = "SELECT recertification_item.id AS item, campaign, lease, tier, breadth, last_used_at, state, settled_at, settled_by, \
             because, lease.id AS id, consumer, interface, terms, CAST(NULL AS TEXT) AS environment, ended_at \
             FROM recertification_item JOIN lease ON lease.id = recertification_item.lease \
             ORDER BY campaign, consumer, interface, recertification_item.id";
    OPENED = "SELECT id, consumer, interface, terms, CAST(NULL AS TEXT) AS environment, ended_at, opened_by, because, opened_at, \
              ends_at, review_by, verdict, reviewed_at, reviewed_by, review FROM break_glass \
              JOIN lease ON lease.id = break_glass.lease ORDER BY opened_at, id";
}

/// Whether the second terms open nothing that the first do not; otherwise what they would open, in words.
pub type Narrows = fn(&GrantTerms, &GrantTerms) -> Result<(), String>;

/// What could still be read.
#[derive(Clone, Debug)]
pub struct LostStore {
    /// Its access state.
    pub access: AccessState,
    /// What its campaigns had come to.
    pub items: Vec<RecertificationItem>,
    /// What was opened without approval, and what was said of it.
    pub opened: Vec<BreakGlass>,
    /// Which terms are narrower than others.
    pub narrows: Narrows,
}

impl LostStore {
    /// Reads it, and changes nothing of it.
    ///
    /// # Errors
    /// [`StoreError::LostTooOld`] for one that was made before there was what is to be read, [`StoreError::Newer`] for one that a
    /// newer binary made, and those of the database.
    pub async fn read(url: &str, narrows: Narrows) -> Result<Self, StoreError> {
        let database = Database::connect_for_reading(url).await?;
        let read = read(Store::on(database.clone()), narrows).await;
        database.close().await;
        read
    }
}

async fn read(store: Store, narrows: Narrows) -> Result<LostStore, StoreError> {
    let (found, known) = (migration::version(&mut store.database.read().await?).await?, migration::known());
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    if found < ACCESS_SINCE {
        return Err(StoreError::LostTooOld { found, needed: ACCESS_SINCE });
    }
    let has_environments = found >= ENVIRONMENTS_SINCE;
    let mut access = if has_environments { store.access_state().await? } else { access_of_before(&store).await? };
    if found >= SIGNED_SINCE {
        access.blocks = store.blocks().await?;
    }
    let has_leases = found >= LEASES_SINCE;
    let (items, opened) = match (has_leases, has_environments) {
        (false, _) => (Vec::new(), Vec::new()),
        (true, true) => (store.recertification_items().await?, store.break_glasses().await?),
        (true, false) => {
            let mut transaction = store.database.read().await?;
            let items =
                transaction.all(ITEMS, bind![]).await?.iter().map(recertification::item).collect::<Result<_, _>>()?;
            let opened = transaction.all(OPENED, bind![]).await?;
            (items, opened.iter().map(break_glass::opened).collect::<Result<_, _>>()?)
        }
    };
    Ok(LostStore { access, items, opened, narrows })
}

/// The access state of a store of before leases had an environment.
async fn access_of_before(store: &Store) -> Result<AccessState, StoreError> {
    let mut transaction = store.database.read().await?;
    let grants = transaction.all(GRANTS, bind![]).await?;
    Ok(AccessState {
        revision: access::revision(&mut transaction).await?,
        credentials: key::all(&mut transaction).await?,
        grants: grants.iter().map(grant::live).collect::<Result<_, _>>()?,
        blocks: block::all(&mut transaction).await?,
        subscriptions: subscription::all(&mut transaction).await?,
    })
}
