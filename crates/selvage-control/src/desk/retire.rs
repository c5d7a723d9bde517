//! Retirement on live traffic: what is still used goes on being served, and what was blocked for a while counts as served.
//! INVARIANT: LIVE-LIFECYCLE

use std::collections::BTreeMap;

use jiff::Timestamp;
use selvage_governance::retirement::{quiet, retirement};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::interface::{Interface, Lifecycle};
use selvage_model::name::InterfaceRef;

use super::{Desk, DeskError, day, uses};

impl Desk {
    /// Refuses to end what was used within its quiet period, unless a waiver of these says so.
    ///
    /// # Errors
    /// [`DeskError::Refused`] for an interface that is used; those of the store.
    pub(super) async fn refuse_early_retirement(
        &self,
        before: &Fabric,
        after: &Fabric,
        waivers: &[&Fabric],
    ) -> Result<(), DeskError> {
        let ending: Vec<(&InterfaceRef, &Interface)> =
            before.interfaces.iter().filter(|(reference, interface)| ends(reference, interface, after)).collect();
        if ending.is_empty() {
            return Ok(());
        }
        let (now, _) = self.store.delegations().await?;
        let used = self.used_last(&ending, now).await?;
        let found = ending.iter().filter_map(|(reference, interface)| {
            let waived = waivers.iter().flat_map(|fabric| &fabric.waivers).any(|waiver| {
                waiver.rule.value == code::RETIREMENT_EARLY.as_str()
                    && waiver.on.value == reference.to_string()
                    && waiver.until.value >= day(now)
            });
            retirement(interface, used.get(reference).copied(), quiet(interface), now, waived)
        });
        let errors: Vec<Finding> = found.filter(|finding| finding.severity == Severity::Error).collect();
        if errors.is_empty() {
            return Ok(());
        }
        let fix = "move who uses it and wait until it is quiet, or waive it in a change that is no emergency, and that the waiver's approvers sign";
        Err(DeskError::found(code::RETIREMENT_EARLY, "what is still used does not end", fix, errors))
    }

    /// When each interface was used last, as far back as any of these has to be quiet.
    async fn used_last(
        &self,
        ending: &[(&InterfaceRef, &Interface)],
        now: Timestamp,
    ) -> Result<BTreeMap<InterfaceRef, Timestamp>, DeskError> {
        let longest = ending.iter().map(|(_, interface)| quiet(interface)).max().unwrap_or_default();
        let since = now.checked_sub(longest).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut last = BTreeMap::new();
        for total in uses(&self.store, since, now).await?.totals {
            let seen = last.entry(total.key.interface).or_insert(total.last);
            *seen = total.last.max(*seen);
        }
        Ok(last)
    }
}

/// Whether an interface is served, and would be no more. Blocking is a person's act and lifted by one, so it ends nothing, and no
/// detour over it does.
fn ends(reference: &InterfaceRef, interface: &Interface, after: &Fabric) -> bool {
    let goes_on = |it: &Interface| {
        matches!(it.lifecycle, Lifecycle::Active | Lifecycle::Deprecated(_) | Lifecycle::Blocked { .. })
    };
    goes_on(interface) && !after.interfaces.get(reference).is_some_and(goes_on)
}
