//! The store that is lost, where it can still be read: what had ended there, what somebody had answered for. It is evidence: it is
//! opened for reading alone, and not brought up to date.

use selvage_model::access::{AccessState, GrantTerms};

use crate::Store;
use crate::access::break_glass::BreakGlass;
use crate::access::recertification::RecertificationItem;
use crate::database::Database;
use crate::error::StoreError;
use crate::migration;

/// The first version that has everything which an access state is.
const ACCESS_SINCE: i64 = 9;
/// The first version that keeps who cut somebody off.
const SIGNED_SINCE: i64 = 28;
/// The first version that has campaigns and leases without approval.
const LEASES_SINCE: i64 = 12;

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
    let mut access = store.access_state().await?;
    if found >= SIGNED_SINCE {
        access.blocks = store.blocks().await?;
    }
    let has_leases = found >= LEASES_SINCE;
    let items = if has_leases { store.recertification_items().await? } else { Vec::new() };
    let opened = if has_leases { store.break_glasses().await? } else { Vec::new() };
    Ok(LostStore { access, items, opened, narrows })
}
