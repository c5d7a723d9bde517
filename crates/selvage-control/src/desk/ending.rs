//! What ends takes no new grants and no new subscriptions, by files as by requests. INVARIANT: LIVE-LIFECYCLE

use jiff::civil::Date;
use selvage_governance::access::added;
use selvage_model::code;
use selvage_model::fabric::Fabric;

use super::{Desk, DeskError, day};

/// Refuses access that files add to what is on its way out, unless a waiver of these says so.
pub(super) fn refuse_new_access(
    before: &Fabric,
    after: &Fabric,
    waivers: &[&Fabric],
    today: Date,
) -> Result<(), DeskError> {
    let found = added(before, after, waivers, today);
    if found.is_empty() {
        return Ok(());
    }
    let message = format!("what ends takes no new access, and {} of its grants and subscriptions are new", found.len());
    Err(DeskError::found(
        code::ACCESS_ENDING,
        message,
        "grant what takes its place, or waive it in a change that is no emergency, and that the waiver's approvers sign",
        found,
    ))
}

impl Desk {
    /// The day, by the clock of the store.
    pub(super) async fn today(&self) -> Result<Date, DeskError> {
        Ok(day(self.store.delegations().await?.0))
    }
}
