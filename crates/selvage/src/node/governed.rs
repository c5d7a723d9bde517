//! What governance waits for and what runs by it, for `/metrics`: changes, emergencies, releases, and findings about interfaces. It is looked at
//! beside the path, once in a while, for the whole store; it decides nothing, and nobody waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use selvage_control::desk::uses;
use selvage_governance::access::{Concern, Known, review};
use selvage_model::name::DomainName;
use selvage_store::{DomainActivation, Store, StoreError, WaitingChange};
use tokio::time::Instant;

use super::release::Current;

/// How often it is looked at what waits.
const EVERY: Duration = Duration::from_secs(15);
/// How often use is gone through for findings, which takes longer.
const FINDINGS_EVERY: Duration = Duration::from_secs(300);
/// Use as far back as `selvage access review` looks, and shadow traffic as `selvage shadow` does.
const USED_WITHIN: Duration = Duration::from_secs(90 * 86_400);
const SHADOW_WITHIN: Duration = Duration::from_secs(7 * 86_400);

const DAY: i64 = 86_400;
/// Ages of what waits, by their words: younger than so many seconds.
const AGES: [(&str, i64); 4] = [("day", DAY), ("week", 7 * DAY), ("month", 30 * DAY), ("longer", i64::MAX)];

/// What was seen last, in Prometheus' text format.
#[derive(Debug, Default)]
pub(crate) struct Governed(Mutex<String>);

impl Governed {
    /// Nothing until it was looked at.
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What is seen.
#[derive(Debug, Default)]
struct Sight {
    waiting: Vec<WaitingChange>,
    active: Vec<DomainActivation>,
    findings: Findings,
    /// The store's time.
    now: Timestamp,
}

/// Findings about interfaces, counted.
#[derive(Clone, Copy, Debug, Default)]
struct Findings {
    shadow: usize,
    zombie: usize,
    orphan: usize,
}

/// Looks for as long as the node runs.
pub(crate) async fn follow(store: Store, current: Arc<Current>, governed: Arc<Governed>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut found, mut is_failing) = (None, false);
    loop {
        ticks.tick().await;
        match look(&store, &current, &mut found).await {
            Ok(sight) => {
                *governed.0.lock().unwrap_or_else(PoisonError::into_inner) = text(&sight);
                is_failing = false;
            }
            Err(error) if !is_failing => {
                is_failing = true;
                tracing::warn!("{}: what governance waits for cannot be counted: {error}", error.code());
            }
            Err(_) => {}
        }
    }
}

async fn look(
    store: &Store,
    current: &Arc<Current>,
    found: &mut Option<(Instant, Findings)>,
) -> Result<Sight, StoreError> {
    if found.is_none_or(|(at, _)| at.elapsed() >= FINDINGS_EVERY) {
        *found = Some((Instant::now(), findings(store, current).await?));
    }
    let findings = found.map(|(_, findings)| findings).unwrap_or_default();
    let (now, waiting) = store.waiting_changes().await?;
    Ok(Sight { waiting, active: store.active_domains().await?, findings, now })
}

/// Of what this node runs, and of what was asked of any.
async fn findings(store: &Store, current: &Arc<Current>) -> Result<Findings, StoreError> {
    let now = Timestamp::now();
    let ago = |span| now.checked_sub(span).unwrap_or(Timestamp::UNIX_EPOCH);
    let since = ago(USED_WITHIN);
    let shadow = store.shadow_since(ago(SHADOW_WITHIN)).await?.len();
    let totals = uses(store, since, now).await?.totals;
    let active = current.active();
    // A large fabric is gone through for a while.
    let reviewing = tokio::task::spawn_blocking(move || {
        let (fabric, access) = (active.release.fabric.as_ref(), &active.access);
        let (granted, used) = (BTreeMap::new(), BTreeMap::new());
        let known = Known { fabric, access, granted: &granted, used: &used, totals: &totals, since, now };
        let remarks = review(known);
        let count = |concern| remarks.iter().filter(|remark| remark.concern == concern).count();
        Findings { shadow, zombie: count(Concern::Zombie), orphan: count(Concern::Orphan) }
    });
    Ok(reviewing.await.unwrap_or(Findings { shadow, ..Findings::default() }))
}

fn text(sight: &Sight) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_all(&mut text, sight);
    text
}

fn write_all(text: &mut String, sight: &Sight) -> std::fmt::Result {
    let Sight { waiting, active, findings, now } = sight;
    head(
        text,
        "changes_waiting",
        "Changes that are open or rejected, by how long they wait: a day at most, a week, a month, longer.",
    )?;
    let of_domains: BTreeSet<&DomainName> =
        active.iter().map(|it| &it.domain).chain(waiting.iter().map(|it| &it.domain)).collect();
    for domain in &of_domains {
        let ages = ages(waiting.iter().filter(|it| &it.domain == *domain && it.ratify_until.is_none()), *now);
        for ((age, _), count) in AGES.iter().zip(ages) {
            writeln!(text, "selvage_governance_changes_waiting{{domain=\"{domain}\",age=\"{age}\"}} {count}")?;
        }
    }
    head(
        text,
        "emergencies_unratified",
        "Emergencies that were released and that nobody has ratified; in time, or not any more.",
    )?;
    for domain in &of_domains {
        let of = waiting.iter().filter(|it| &it.domain == *domain).filter_map(|it| it.ratify_until);
        let (breached, open): (Vec<_>, Vec<_>) = of.partition(|until| until <= now);
        for (breach, count) in [(false, open.len()), (true, breached.len())] {
            writeln!(
                text,
                "selvage_governance_emergencies_unratified{{domain=\"{domain}\",breach=\"{breach}\"}} {count}"
            )?;
        }
    }
    head(
        text,
        "findings",
        "Paths that are asked for and not declared, interfaces that end and are used, and those that nobody uses.",
    )?;
    for (finding, count) in [("shadow", findings.shadow), ("zombie", findings.zombie), ("orphan", findings.orphan)] {
        writeln!(text, "selvage_governance_findings{{finding=\"{finding}\"}} {count}")?;
    }
    head(text, "release_active", "Releases that are active, by domain and environment.")?;
    for DomainActivation { domain, environment, release, .. } in active {
        writeln!(
            text,
            "selvage_governance_release_active{{domain=\"{domain}\",environment=\"{environment}\",release=\"{release}\"}} 1"
        )?;
    }
    head(text, "looked_timestamp_seconds", "When these were looked at last; seconds since 1970.")?;
    writeln!(text, "selvage_governance_looked_timestamp_seconds {}", now.as_second())
}

fn head(text: &mut String, name: &str, help: &str) -> std::fmt::Result {
    writeln!(text, "# HELP selvage_governance_{name} {help}\n# TYPE selvage_governance_{name} gauge")
}

/// How many are of each age.
fn ages<'a>(waiting: impl Iterator<Item = &'a WaitingChange>, now: Timestamp) -> [usize; AGES.len()] {
    let mut counts = [0; AGES.len()];
    for it in waiting {
        let seconds = now.as_second().saturating_sub(it.proposed.as_second());
        let age = AGES.iter().position(|(_, most)| seconds < *most);
        if let Some(count) = age.and_then(|age| counts.get_mut(age)) {
            *count += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_counted_by_its_age() {
        let now: Timestamp = "2027-06-01T12:00:00Z".parse().unwrap();
        let waits = |proposed: &str, ratify_until: Option<&str>| WaitingChange {
            domain: "plant-ghent".parse().unwrap(),
            proposed: proposed.parse().unwrap(),
            ratify_until: ratify_until.map(|until| until.parse().unwrap()),
        };
        let waiting = vec![
            waits("2027-06-01T11:00:00Z", None),
            waits("2027-05-31T11:00:00Z", None),
            waits("2027-05-26T11:00:00Z", None),
            waits("2027-01-01T11:00:00Z", None),
            // A clock that went back makes it young.
            waits("2027-06-02T11:00:00Z", None),
            waits("2027-06-01T11:00:00Z", Some("2027-06-02T11:00:00Z")),
            waits("2027-05-01T11:00:00Z", Some("2027-06-01T12:00:00Z")),
        ];
        let text = text(&Sight { waiting, now, ..Sight::default() });
        for line in [
            "changes_waiting{domain=\"plant-ghent\",age=\"day\"} 2",
            "changes_waiting{domain=\"plant-ghent\",age=\"week\"} 2",
            "changes_waiting{domain=\"plant-ghent\",age=\"month\"} 0",
            "changes_waiting{domain=\"plant-ghent\",age=\"longer\"} 1",
            "emergencies_unratified{domain=\"plant-ghent\",breach=\"false\"} 1",
            "emergencies_unratified{domain=\"plant-ghent\",breach=\"true\"} 1",
            "findings{finding=\"zombie\"} 0",
        ] {
            let line = format!("selvage_governance_{line}");
            assert!(text.lines().any(|told| told == line), "{line}: {text}");
        }
    }
}
