//! Retirement on live traffic: what is still used goes on being served, and what was blocked for a while counts as served.
//! INVARIANT: LIVE-LIFECYCLE

use std::collections::BTreeMap;

use jiff::Timestamp;
use selvage_governance::retirement::{quiet, retirement};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::interface::{Interface, Lifecycle};
use selvage_model::name::{EnvironmentName, InterfaceRef};
use selvage_model::usage::UsedIn;

use super::{Desk, DeskError, Uses, day, uses};

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
            let mut finding =
                retirement(interface, used.get(reference).map(|used| used.last), quiet(interface), now, waived)?;
            if let Some(used) = used.get(reference) {
                finding.message.push_str(&used.places());
            }
            Some(finding)
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
    ) -> Result<BTreeMap<InterfaceRef, UsedLast>, DeskError> {
        let longest = ending.iter().map(|(_, interface)| quiet(interface)).max().unwrap_or_default();
        let since = now.checked_sub(longest).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut found: BTreeMap<InterfaceRef, UsedLast> = BTreeMap::new();
        let Uses { totals, by_environment, .. } = uses(&self.store, since, now).await?;
        for total in totals {
            let seen = found.entry(total.key.interface).or_default();
            seen.last = total.last.max(seen.last);
        }
        for UsedIn { environment, key, last } in by_environment {
            if let (Some(environment), Some(seen)) = (environment, found.get_mut(&key.interface)) {
                let there = seen.environments.entry(environment).or_insert(last);
                *there = last.max(*there);
            }
        }
        Ok(found)
    }
}

/// When an interface was used last, anywhere and in each environment. Use in any of them stands in the way.
#[derive(Default)]
struct UsedLast {
    last: Timestamp,
    environments: BTreeMap<EnvironmentName, Timestamp>,
}

impl UsedLast {
    /// Where, in words; nothing where nobody kept that.
    fn places(&self) -> String {
        let places: Vec<String> = self.environments.iter().map(|(name, at)| format!("{name} at {at:.0}")).collect();
        if places.is_empty() { String::new() } else { format!(": in {}", places.join(", ")) }
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
