//! Gates: what an environment wants to see before a release is activated there. Selvage looks itself, and what it saw is recorded
//! with the activation.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::Objective;
use selvage_model::manifest::organisation::Environment;
use selvage_model::name::{DomainName, EnvironmentName, InterfaceRef};
use selvage_store::{DomainActivation, Store};
use serde::Serialize;

use super::{Desk, DeskError, Looked, Tried};

/// What was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gate {
    /// Which: `after`, `soak`, `tests`, `faults`, `budget`.
    pub gate: &'static str,
    /// Whether it is open.
    pub open: bool,
    /// What was seen.
    pub saw: String,
    /// It is closed, and an emergency passed it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub passed_in_emergency: bool,
}

impl Gate {
    fn new(gate: &'static str, open: bool, saw: String) -> Self {
        Self { gate, open, saw, passed_in_emergency: false }
    }

    /// Whether an emergency passes it where it is closed: what cannot wait has not run for a day, and a budget that is spent is what
    /// it mends. What fails, fails in an emergency too.
    pub(super) fn yields(&self) -> bool {
        !self.open && matches!(self.gate, "soak" | "budget")
    }

    /// Whether it keeps a release out.
    pub(super) fn stops(&self) -> bool {
        !self.open && !self.passed_in_emergency
    }
}

/// A release on its way into an environment.
pub(super) struct Passing<'a> {
    pub(super) environment: &'a Environment,
    pub(super) domain: &'a DomainName,
    pub(super) release: &'a str,
    pub(super) looked: &'a Looked,
    pub(super) history: &'a [DomainActivation],
    pub(super) now: Timestamp,
}

/// Looks at every gate that the environment declares.
pub(super) async fn gates(passing: &Passing<'_>, desk: &Desk) -> Result<Vec<Gate>, DeskError> {
    let (look, store) = (desk.look.as_ref(), &desk.store);
    let environment = passing.environment;
    let mut gates: Vec<Gate> = environment.after.iter().map(|before| after(passing, &before.value)).collect();
    if let Some(soak) = environment.gates.soak {
        gates.extend(environment.after.iter().map(|before| soaked(passing, &before.value, soak)));
    }
    if environment.gates.tests {
        gates.push(tests(&desk.hard(|| look.tests(passing.looked)).await));
    }
    if environment.gates.faults {
        gates.push(faults(&look.faults(passing.looked, &environment.name.value).await));
    }
    if environment.gates.budget {
        gates.push(budget(passing, store).await?);
    }
    Ok(gates)
}

/// Whether it runs there, or did until another followed it: what was gone back from there has proven that it is not fit.
fn after(passing: &Passing<'_>, before: &EnvironmentName) -> Gate {
    let there = passing.history.iter().filter(|it| &it.environment == before && &it.domain == passing.domain);
    let mut next: Option<&DomainActivation> = None;
    let mut saw = (false, format!("never active in {before}"));
    // Newest first: each was followed by the one before it in this list.
    for it in there {
        if it.release == passing.release {
            saw = match next {
                Some(next) if next.is_rollback => (false, format!("gone back from in {before} {:.0}", next.since)),
                _ => (true, format!("active in {before} since {:.0}", it.since)),
            };
            break;
        }
        next = Some(it);
    }
    Gate::new("after", saw.0, saw.1)
}

/// How long it was active there in all, by the spans between activations.
fn soaked(passing: &Passing<'_>, before: &EnvironmentName, soak: Duration) -> Gate {
    let mut until = passing.now;
    let mut total = Duration::ZERO;
    // Newest first: each ends where the next one begins.
    for it in passing.history.iter().filter(|it| &it.environment == before && &it.domain == passing.domain) {
        if it.release == passing.release {
            total += Duration::try_from(until.duration_since(it.since)).unwrap_or_default();
        }
        until = it.since;
    }
    let saw = format!("active in {before} for {} s of {} s", total.as_secs(), soak.as_secs());
    Gate::new("soak", total >= soak, saw)
}

fn tests(failed: &[String]) -> Gate {
    let saw = match failed.first() {
        None => "all hold".to_owned(),
        Some(first) => format!("{} do not hold; the first: {first}", failed.len()),
    };
    Gate::new("tests", failed.is_empty(), saw)
}

fn faults(tried: &Tried) -> Gate {
    let mut saw = format!("{} hold, {} cannot be tried", tried.held.len(), tried.skipped.len());
    for told in tried.failed.iter().chain(&tried.skipped) {
        saw.push_str("; ");
        saw.push_str(told);
    }
    Gate::new("faults", tried.failed.is_empty(), saw)
}

/// Whether every interface that promises an availability has failures left in its window.
async fn budget(passing: &Passing<'_>, store: &Store) -> Result<Gate, DeskError> {
    let mut spent = Vec::new();
    let mut looked_at = 0_usize;
    for (window, promises) in promises(&passing.looked.fabric) {
        let since = passing.now.checked_sub(window).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut counts: BTreeMap<InterfaceRef, (u64, u64)> = BTreeMap::new();
        for total in store.usage_since(since, passing.now).await? {
            if total.key.attribute.is_none() && promises.contains_key(&total.key.interface) {
                let (requests, failed) = counts.entry(total.key.interface.clone()).or_default();
                *requests += total.count.promised();
                *failed += total.count.failed;
            }
        }
        looked_at += promises.len();
        for (interface, (requests, failed)) in counts {
            let Some(availability) = promises.get(&interface) else { continue };
            let may_fail = rust_decimal::Decimal::from(requests) * (rust_decimal::Decimal::ONE_HUNDRED - *availability)
                / rust_decimal::Decimal::ONE_HUNDRED;
            if rust_decimal::Decimal::from(failed) > may_fail {
                spent.push(format!("{interface}: {failed} of {requests} failed, {} may", may_fail.floor()));
            }
        }
    }
    let saw = if spent.is_empty() { format!("{looked_at} promises kept") } else { spent.join("; ") };
    Ok(Gate::new("budget", spent.is_empty(), saw))
}

/// What is promised of availability, by window.
fn promises(fabric: &Fabric) -> BTreeMap<Duration, BTreeMap<InterfaceRef, rust_decimal::Decimal>> {
    let mut promises: BTreeMap<Duration, BTreeMap<InterfaceRef, rust_decimal::Decimal>> = BTreeMap::new();
    for (reference, interface) in &fabric.interfaces {
        for slo in &interface.slo {
            if let Objective::Availability(share) = &slo.objective {
                promises.entry(slo.window).or_default().insert(reference.clone(), share.0);
            }
        }
    }
    promises
}
