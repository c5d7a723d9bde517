//! Keeps leases to their time: access that was opened in an emergency ends with its clock, what nobody answered for in a campaign ends
//! or is escalated, and requests that cannot be granted any more are refused. Every node does so; each act is one transaction that
//! looks again, so it is done once. What is to be noticed is told loudly, and counted.

mod overdue;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, Zoned};
use selvage_control::desk::{Judging, counting};
use selvage_governance::access::{judge, tier};
use selvage_model::access::{AccessState, EndAction};
use selvage_model::code;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::interface::Criticality;
use selvage_model::name::{EnvironmentName, InterfaceRef};
use selvage_model::subscription::SubscriptionState;
use selvage_store::{AccessRequest, BreakGlass, ItemState, NewAccessRequest, RecertificationItem, Store, StoreError};

use super::release::{Current, Release};
use crate::command::active::every;
use overdue::Overdue;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(5);
/// What ends within so long is counted as such.
const SOON: Duration = Duration::from_secs(7 * 86_400);

/// What is open, at `/metrics`.
#[derive(Debug, Default)]
pub(crate) struct LeaseFigures {
    break_glass: AtomicU64,
    unreviewed: AtomicU64,
    breaches: AtomicU64,
    ending: AtomicU64,
    escalated: AtomicU64,
    requests: AtomicU64,
    overdue: AtomicU64,
}

impl LeaseFigures {
    /// In Prometheus' text format.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let table = [
            ("break_glass_open", "Grants that were opened without approval and have not ended.", &self.break_glass),
            (
                "break_glass_unreviewed",
                "Grants that were opened without approval and that nobody has reviewed.",
                &self.unreviewed,
            ),
            ("leases_ending", "Grants and subscriptions whose time is over within seven days.", &self.ending),
            (
                "breaches",
                "Grants that were opened without approval and that nobody has reviewed in time.",
                &self.breaches,
            ),
            ("recertification_escalated", "Tier-1 grants for which nobody answered in time.", &self.escalated),
            ("requests_open", "Requests for access that nobody has decided.", &self.requests),
            ("subscriptions_overdue", "Subscriptions that go on though their time is over.", &self.overdue),
        ];
        for (name, help, value) in table {
            let value = value.load(Ordering::Relaxed);
            let _ = writeln!(text, "# HELP selvage_access_{name} {help}\n# TYPE selvage_access_{name} gauge");
            let _ = writeln!(text, "selvage_access_{name} {value}");
        }
        text
    }
}

/// What was told already.
#[derive(Default)]
struct Told {
    opened: BTreeSet<String>,
    breaches: BTreeSet<String>,
    /// The activation after which requests were judged last, and the day.
    judged: Option<(u64, Date)>,
    subscriptions: Overdue,
    failing: bool,
}

/// Keeps leases to their time for as long as the node runs.
pub(crate) async fn keep(
    store: Store,
    current: Arc<Current>,
    environment: EnvironmentName,
    figures: Arc<LeaseFigures>,
) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut told = Told::default();
    loop {
        ticks.tick().await;
        match look(&store, (&current, &environment), &figures, &mut told).await {
            Ok(()) => told.failing = false,
            Err(error) if !told.failing => {
                told.failing = true;
                let code = error.downcast_ref::<StoreError>().map_or_else(String::new, |it| format!("{}: ", it.code()));
                tracing::warn!("{code}leases cannot be kept to their time: {error:#}");
            }
            Err(_) => {}
        }
    }
}

async fn look(
    store: &Store,
    (current, environment): (&Current, &EnvironmentName),
    figures: &LeaseFigures,
    told: &mut Told,
) -> anyhow::Result<()> {
    let now = Timestamp::now();
    let opened = store.pending_break_glasses().await?;
    tell_opened(&opened, now, told);
    if opened.iter().any(|it| it.grant.ended.is_none() && it.ends <= now) {
        for grant in store.end_overdue_break_glass().await? {
            let (id, consumer, interface) = (&grant.id, &grant.consumer, &grant.interface);
            tracing::warn!("break-glass access of {consumer} to {interface} has ended by its clock ({id})");
        }
    }
    count(&figures.break_glass, opened.iter().filter(|it| it.grant.ended.is_none() && it.ends > now));
    count(&figures.unreviewed, opened.iter().filter(|it| it.review.is_none()));
    count(&figures.breaches, opened.iter().filter(|it| it.is_breach(now)));
    count(&figures.escalated, lapse(store, now).await?.iter());
    let active = current.active();
    count(&figures.ending, ending((&active.access, environment), now));
    let overdue = told.subscriptions.tell(&active.access.subscriptions, now);
    figures.overdue.store(u64::try_from(overdue).unwrap_or(u64::MAX), Ordering::Relaxed);
    let open = store.open_access_requests().await?;
    count(&figures.requests, open.iter());
    // A node that still runs an older release says nothing about what the newest can grant.
    let release = Arc::clone(&active.release);
    if is_active(store, environment, &release).await? {
        refuse(store, open, told).await?;
    }
    Ok(())
}

/// When leases end that count here, are alive and do soon, whatever their end does. What was opened in an emergency has a clock of its own.
fn ending((access, environment): (&AccessState, &EnvironmentName), now: Timestamp) -> impl Iterator<Item = Timestamp> {
    let soon = now.checked_add(SOON).unwrap_or(Timestamp::MAX);
    let lasts = access.grants_in(environment).filter(|it| it.ended.is_none() && it.terms.on_end != EndAction::Cut);
    let grants = lasts.filter_map(|it| it.terms.until);
    let alive = access.subscriptions.iter().filter(|it| it.state != SubscriptionState::Ended);
    let subscriptions = alive.filter_map(|it| it.terms.until);
    grants.chain(subscriptions).filter(move |until| (now..=soon).contains(until))
}

/// Whether what this node runs is what the store says is active.
async fn is_active(store: &Store, environment: &EnvironmentName, release: &Release) -> Result<bool, StoreError> {
    if release.parts.is_empty() {
        return Ok(store.active(environment).await?.is_some_and(|active| active.release == release.id));
    }
    let active = store.active_domains().await?.into_iter().filter(|active| active.environment == *environment);
    Ok(active.map(|active| (active.domain, active.release)).collect::<BTreeMap<_, _>>() == release.parts)
}

fn count<T>(gauge: &AtomicU64, what: impl Iterator<Item = T>) {
    gauge.store(u64::try_from(what.count()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// Once by each node: it is to be noticed, whoever looks at which log.
fn tell_opened(opened: &[BreakGlass], now: Timestamp, told: &mut Told) {
    for it in opened {
        let (id, consumer, interface) = (&it.grant.id, &it.grant.consumer, &it.grant.interface);
        if it.grant.ended.is_none() && it.ends > now && told.opened.insert(id.clone()) {
            let (code, by, because, ends) = (code::BREAK_GLASS_OPENED, &it.by, &it.because, it.ends);
            tracing::error!(
                "{code}: {by} opened {interface} for {consumer} without approval until {ends:.0}: {because} ({id})"
            );
        }
        if it.is_breach(now) && told.breaches.insert(id.clone()) {
            let code = code::BREAK_GLASS_BREACH;
            tracing::error!("{code}: nobody ratified that {} opened {interface} for {consumer} ({id})", it.by);
        }
    }
}

/// Acts on deadlines that have passed, and gives what is escalated. A grant counts in every environment of the store, so what is tier-1
/// in one of them goes on, whatever this node runs. INVARIANT: FAIL-SAFE
async fn lapse(store: &Store, now: Timestamp) -> anyhow::Result<Vec<RecertificationItem>> {
    let campaigns = store.recertifications().await?.into_iter();
    let over = campaigns.filter(|campaign| campaign.closed.is_none() && campaign.until <= now);
    let over: BTreeSet<String> = over.map(|campaign| campaign.id).collect();
    if over.is_empty() {
        return Ok(Vec::new());
    }
    let items = store.recertification_items().await?;
    let due = |item: &RecertificationItem| item.state == ItemState::Open && over.contains(&item.campaign);
    if !items.iter().any(due) {
        return Ok(escalated(items));
    }
    let every = every(store).await?;
    let is_tier_1 = |interface: &InterfaceRef| every.iter().any(|it| tier(&it.fabric, interface) == Criticality::Tier1);
    for item in store.lapse_recertifications(is_tier_1).await? {
        let (id, consumer, interface) = (&item.id, &item.grant.consumer, &item.grant.interface);
        if item.state == ItemState::Escalated {
            let code = code::RECERTIFICATION_ESCALATED;
            tracing::error!("{code}: nobody answered for the grant of {interface} to {consumer}; it goes on ({id})");
        } else {
            tracing::warn!("the grant of {interface} to {consumer} has ended: nobody answered for it in time ({id})");
        }
    }
    Ok(escalated(store.recertification_items().await?))
}

fn escalated(items: Vec<RecertificationItem>) -> Vec<RecertificationItem> {
    items.into_iter().filter(|item| item.state == ItemState::Escalated).collect()
}

/// Refuses requests that nothing which is active can grant: no environment by which access is judged. They are judged where something
/// else is active than before, or the day is another.
async fn refuse(store: &Store, open: Vec<AccessRequest>, told: &mut Told) -> anyhow::Result<()> {
    let today = Zoned::now().date();
    let by = Some((store.last_activation().await?, today));
    if told.judged == by {
        return Ok(());
    }
    let judges = Arc::new(if open.is_empty() { Vec::new() } else { counting(every(store).await?) });
    for request in open {
        let (judges, asked) = (Arc::clone(&judges), request.asked);
        // A large fabric is judged for a while.
        let judging = tokio::task::spawn_blocking(move || against(&judges, &asked, today));
        let Some(against) = judging.await.unwrap_or_default() else { continue };
        let because = format!("{}: {}", against.code, against.message);
        match store.refuse_request(&request.id, &because).await {
            Ok(_) => tracing::warn!("{}: {} is refused, {because}", code::ACCESS_REFUSED, request.id),
            // Another node was first, or somebody has decided.
            Err(StoreError::AccessStands { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    told.judged = by;
    Ok(())
}

/// What stands against a request in every environment by which access is judged; none where one of them can grant it.
fn against(judges: &[Judging], asked: &NewAccessRequest, today: Date) -> Option<Finding> {
    let mut last = None;
    for Judging { fabric, .. } in judges {
        let findings = judge(fabric, (&asked.consumer, &asked.interface), &asked.terms, today);
        last = Some(findings.into_iter().find(|finding| finding.severity == Severity::Error)?);
    }
    last
}
