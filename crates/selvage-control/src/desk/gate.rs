//! Gates: what an environment wants to see before a release is activated there. Selvage looks itself, and what it saw is recorded
//! with the activation.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;
use selvage_model::code;
use selvage_model::domain::domain_of;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::{Interface, Lifecycle, Objective};
use selvage_model::manifest::organisation::{Environment, Gates};
use selvage_model::manifest::rule::Waiver;
use selvage_model::name::{DomainName, EnvironmentName, InterfaceRef};
use selvage_model::scalar::spell;
use selvage_model::usage::{PromiseCount, PromiseKey, Promised};
use selvage_store::{DomainActivation, ForeignReceipt, NodeRecord, ReleaseRun, Store};
use serde::Serialize;

use super::elsewhere::{self, Before, Counting};
use super::{Desk, DeskError, Files, Looked, Tried, Untried, day, union};

/// For how long after its last node said something an environment is still this store's to look at: a node that is away for a moment
/// leaves no room for what others say.
const OWN_FOR: Duration = Duration::from_secs(24 * 3600);

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
    /// What it was closed for, and a waiver opened it for: on what, until when and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
}

impl Gate {
    fn new(gate: &'static str, open: bool, saw: String) -> Self {
        Self { gate, open, saw, passed_in_emergency: false, waived: Vec::new() }
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

/// Among so many releases that were active there last it is looked for what comes back.
const LOOKED_BACK: usize = 20;

/// A release on its way into an environment.
pub(super) struct Passing<'a> {
    pub(super) environment: &'a Environment,
    pub(super) domain: &'a DomainName,
    pub(super) release: &'a str,
    pub(super) looked: &'a Looked,
    /// What the domain has active there and the release says otherwise, or no more.
    pub(super) was: &'a Fabric,
    pub(super) history: &'a [DomainActivation],
    pub(super) now: Timestamp,
}

impl Passing<'_> {
    /// How what other stores saw counts here.
    fn counting(&self) -> Counting {
        Counting { now: self.now, most: self.environment.gates.receipts.unwrap_or(Gates::RECEIPTS) }
    }
}

/// Looks at every gate that the environment declares.
pub(super) async fn gates(passing: &Passing<'_>, desk: &Desk) -> Result<Vec<Gate>, DeskError> {
    let (look, store) = (desk.look.as_ref(), &desk.store);
    let environment = passing.environment;
    let receipts = store.receipts_of(passing.domain, passing.release).await?;
    let mut gates = Vec::new();
    let mut soaks = Vec::new();
    for before in environment.after.iter().map(|before| &before.value) {
        let (ran, is_own) = ran(passing, before, store).await?;
        // What this store can see itself, nobody else tells it.
        let elsewhere = elsewhere::of(&receipts, before).filter(|_| !is_own).collect();
        let seen = Seen { ran, elsewhere };
        gates.push(after(passing, before, &seen));
        soaks.extend(environment.gates.soak.map(|soak| soaked(passing, before, (soak, &seen))));
    }
    gates.extend(soaks);
    if environment.gates.tests {
        gates.push(tests(&desk.hard(|| look.tests(passing.looked, passing.domain)).await));
    }
    if environment.gates.faults {
        let tried = look.faults(passing.looked, (&environment.name.value, passing.domain)).await;
        gates.push(faults(&tried, passing));
    }
    if environment.gates.budget {
        gates.push(budget(passing, desk).await?);
    }
    Ok(gates)
}

/// What the nodes of an environment say of a release.
enum Ran {
    /// They ran it, for so long.
    For(Duration),
    /// They run or ran something else.
    Never,
    /// There are none, and never were.
    Nobody,
}

/// What nodes of this store say, and whether the environment is this store's to look at: nodes of it are here, or were a day ago.
async fn ran(passing: &Passing<'_>, before: &EnvironmentName, store: &Store) -> Result<(Ran, bool), DeskError> {
    let runs = store.runs_in(before).await?;
    let is_there = |node: &NodeRecord| node.environment == before.as_str();
    let has_nodes = store.nodes().await?.1.iter().any(is_there);
    let is_late = |run: &ReleaseRun| run.last.checked_add(OWN_FOR).is_ok_and(|until| until > passing.now);
    let is_own = has_nodes || runs.iter().any(is_late);
    let ran = match runs.iter().find(|run| run.release == passing.release && &run.domain == passing.domain) {
        Some(run) => Ran::For(run.ran_for),
        None if has_nodes || !runs.is_empty() => Ran::Never,
        None => Ran::Nobody,
    };
    Ok((ran, is_own))
}

/// What nodes of this store say of a release in an environment, and what other stores do.
struct Seen<'a> {
    ran: Ran,
    elsewhere: Vec<&'a ForeignReceipt>,
}

/// Whether it runs there, or did until another followed it: what was gone back from there has proven that it is not fit, and what no node
/// of it ran has proven nothing.
fn after(passing: &Passing<'_>, before: &EnvironmentName, seen: &Seen<'_>) -> Gate {
    let counting = passing.counting();
    let others = seen.elsewhere.iter().filter_map(|it| elsewhere::before(it, counting));
    match others.fold(here(passing, before, &seen.ran), Before::and) {
        Before::Proven(saw) => Gate::new("after", true, saw),
        Before::Unproven(saw) | Before::GoneBack(saw) => Gate::new("after", false, saw),
    }
}

/// What this store saw itself.
fn here(passing: &Passing<'_>, before: &EnvironmentName, ran: &Ran) -> Before {
    let there = passing.history.iter().filter(|it| &it.environment == before && &it.domain == passing.domain);
    let mut next: Option<&DomainActivation> = None;
    // Newest first: each was followed by the one before it in this list.
    for it in there {
        if it.release == passing.release {
            let since = format!("active in {before} since {:.0}", it.since);
            return match (next, ran) {
                (Some(next), _) if next.is_rollback => {
                    Before::GoneBack(format!("gone back from in {before} {:.0}", next.since))
                }
                (_, Ran::For(_)) => Before::Proven(format!("{since}, and ran there")),
                (_, Ran::Never) => Before::Unproven(format!("{since}, and no node ran it there")),
                (_, Ran::Nobody) => Before::Proven(format!("{since}; it has no nodes")),
            };
        }
        next = Some(it);
    }
    Before::Unproven(format!("never active in {before}"))
}

/// How long it was active there in all, by the spans between activations, and nodes ran it; in one store, and not in several together.
fn soaked(passing: &Passing<'_>, before: &EnvironmentName, (soak, seen): (Duration, &Seen<'_>)) -> Gate {
    let mut until = passing.now;
    let mut total = Duration::ZERO;
    // Newest first: each ends where the next one begins.
    for it in passing.history.iter().filter(|it| &it.environment == before && &it.domain == passing.domain) {
        if it.release == passing.release {
            total += Duration::try_from(until.duration_since(it.since)).unwrap_or_default();
        }
        until = it.since;
    }
    let ran_for = if let Ran::For(time) = seen.ran { time } else { Duration::ZERO };
    let counting = passing.counting();
    let others = seen.elsewhere.iter().map(|it| (elsewhere::counts(it, counting), format!(", {}", elsewhere::by(it))));
    let all = [((total, ran_for), String::new())].into_iter().chain(others);
    let longest = all.max_by_key(|((active, ran), _)| *active.min(ran));
    let ((active, ran), by) = longest.unwrap_or_default();
    let saw = format!(
        "active in {before} for {} s, and run by its nodes for {} s, of {} s{by}",
        active.as_secs(),
        ran.as_secs(),
        soak.as_secs()
    );
    Gate::new("soak", active.min(ran) >= soak, saw)
}

fn tests(tried: &Tried) -> Gate {
    let mut saw = match tried.failed.first() {
        None => "all hold".to_owned(),
        Some(first) => format!("{} do not hold; the first: {first}", tried.failed.len()),
    };
    saw.push_str(&elsewhere(tried));
    Gate::new("tests", tried.failed.is_empty(), saw)
}

/// What does not hold of other domains, which their own releases answer for; nothing where all of it does.
fn elsewhere(tried: &Tried) -> String {
    let told =
        |first: &String| format!("; of other domains alone {} do not hold; the first: {first}", tried.elsewhere.len());
    tried.elsewhere.first().map(told).unwrap_or_default()
}

/// Where nothing was tried of what the domain declares, it is closed, unless each of these is waived: what nobody could try nobody
/// vouches for but those who signed that.
fn faults(tried: &Tried, passing: &Passing<'_>) -> Gate {
    let mut saw = format!("{} hold, {} cannot be tried", tried.held.len(), tried.skipped.len());
    for told in tried.failed.iter().chain(&tried.skipped) {
        saw.push_str("; ");
        saw.push_str(told);
    }
    let mut waived = Vec::new();
    if tried.is_idle() {
        saw.push_str("; nothing was tried of what the domain declares");
        let mut left = Vec::new();
        for untried in &tried.untried {
            match waiver_of(untried, passing) {
                Some(waiver) => waived.push(format!("{}: {}", untried.what, told(waiver))),
                None => left.push(untried.what.as_str()),
            }
        }
        waived.iter().for_each(|told| saw.push_str(&format!("; waived: {told}")));
        if !left.is_empty() {
            saw.push_str(&format!("; not waived ({}): {}", code::FAULTS_UNTRIED, left.join(", ")));
            waived.clear();
        }
    }
    saw.push_str(&elsewhere(tried));
    let open = tried.failed.is_empty() && (!tried.is_idle() || !waived.is_empty());
    Gate { waived, ..Gate::new("faults", open, saw) }
}

/// What sets aside that nothing was tried of this, in what is to run, within its time.
fn waiver_of<'a>(untried: &Untried, passing: &'a Passing<'_>) -> Option<&'a Waiver> {
    let waivers = passing.looked.fabric.waivers.iter();
    let of_it =
        waivers.filter(|it| it.rule.value == code::FAULTS_UNTRIED.as_str() && untried.on.contains(&it.on.value));
    of_it.filter(|it| it.until.value >= day(passing.now)).max_by_key(|it| it.until.value)
}

fn told(waiver: &Waiver) -> String {
    let because = waiver.because.replace(';', ",");
    format!("on {} until {}, because {because}", waiver.on, waiver.until)
}

/// Whether what the domain's interfaces promise is kept in their windows, by what was counted in this environment: what is promised there now
/// and what the release brings, since no release opens its own gate. What nobody counted yet is no failure, and is told apart; what other
/// domains promise is theirs to keep.
async fn budget(passing: &Passing<'_>, desk: &Desk) -> Result<Gate, DeskError> {
    let store = &desk.store;
    let before = served_before(passing, desk).await?;
    let mut spent = Vec::new();
    let mut gone = BTreeSet::new();
    let (mut kept, mut unmeasured) = (0_usize, 0_usize);
    for (window, promises) in promises([passing.was, &before, &passing.looked.fabric], passing.domain) {
        let since = passing.now.checked_sub(window).unwrap_or(Timestamp::UNIX_EPOCH);
        let here = &passing.environment.name.value;
        let counts = store.promises_between(since, passing.now, passing.now).await?.into_iter();
        let counts: BTreeMap<PromiseKey, PromiseCount> =
            counts.filter(|(environment, _, _)| environment == here).map(|(_, key, count)| (key, count)).collect();
        for (key, share) in promises {
            if !is_served(&passing.looked.fabric, &key.interface) {
                gone.insert(key.interface.to_string());
                continue;
            }
            let count = counts.get(&key).copied().unwrap_or_default();
            let (may, broken) = count.broken(share);
            if broken > may {
                let (interface, of, may) = (&key.interface, count.answers, may.floor());
                spent.push(match key.promise {
                    Promised::Well => format!("{interface}: {broken} of {of} failed, {may} may"),
                    Promised::Within(under) => {
                        format!("{interface}: {broken} of {of} came later than {}, {may} may", spell(under))
                    }
                });
            } else if count.answers == 0 {
                unmeasured += 1;
            } else {
                kept += 1;
            }
        }
    }
    let open = spent.is_empty();
    spent.push(format!("{kept} kept, {unmeasured} not measured"));
    spent.extend(gone.into_iter().map(|interface| format!("{interface} is served no more: its promises end with it")));
    Ok(Gate::new("budget", open, spent.join("; ")))
}

/// Whether a state serves an interface, or may by its next release: what is taken away for good spends nobody's budget any more, and a draft
/// that promises less comes back soon.
fn is_served(state: &Fabric, reference: &InterfaceRef) -> bool {
    let ended = |it: &Interface| matches!(it.lifecycle, Lifecycle::Retired { .. });
    state.interfaces.get(reference).is_some_and(|it| !ended(it))
}

/// What interfaces were that the release brings back, when they were served there last: whoever takes one away and brings it back with
/// less promised opens no budget by it.
async fn served_before(passing: &Passing<'_>, desk: &Desk) -> Result<Fabric, DeskError> {
    let mut before = Fabric::default();
    let here =
        |it: &&DomainActivation| it.environment == passing.environment.name.value && &it.domain == passing.domain;
    let mut releases: Vec<&str> = Vec::new();
    for it in passing.history.iter().filter(here) {
        if !releases.contains(&it.release.as_str()) {
            releases.push(&it.release);
        }
    }
    let next = &passing.looked.fabric;
    let brought = next.interfaces.iter().filter(|(_, it)| &domain_of(&it.place.file) == passing.domain);
    let mut brought: BTreeSet<&InterfaceRef> =
        brought.map(|(reference, _)| reference).filter(|it| is_served(next, it)).collect();
    for (age, release) in releases.into_iter().take(LOOKED_BACK).enumerate() {
        if brought.is_empty() {
            break;
        }
        let mut files = Files::new();
        union::add(&union::find(&desk.store, release).await?, &mut files)?;
        // What is new was in none of them, and reading one takes long.
        let may_hold = |it: &&InterfaceRef| files.values().any(|text| text.contains(it.name.as_str()));
        if age > 0 && !brought.iter().any(may_hold) {
            continue;
        }
        let mut state = desk.hard(|| desk.look.read(&files)).await;
        let served: Vec<&InterfaceRef> = brought.iter().copied().filter(|it| is_served(&state, it)).collect();
        for reference in served {
            brought.remove(reference);
            // What is served now is in what was.
            if age > 0
                && let Some(interface) = state.interfaces.remove(reference)
            {
                before.interfaces.insert(reference.clone(), interface);
            }
        }
    }
    Ok(before)
}

/// What a domain's interfaces promise in any of these states, by window: which share of answers is so, the greatest of them.
fn promises(states: [&Fabric; 3], domain: &DomainName) -> BTreeMap<Duration, BTreeMap<PromiseKey, Decimal>> {
    let mut promises: BTreeMap<Duration, BTreeMap<PromiseKey, Decimal>> = BTreeMap::new();
    for (reference, interface) in states.into_iter().flat_map(|state| &state.interfaces) {
        for slo in interface.slo.iter().filter(|_| &domain_of(&interface.place.file) == domain) {
            let (promise, share) = match &slo.objective {
                Objective::Availability(share) => (Promised::Well, share.0 / Decimal::ONE_HUNDRED),
                Objective::Latency { quantile, under } => (Promised::Within(*under), *quantile),
            };
            let key = PromiseKey { interface: reference.clone(), promise };
            let known = promises.entry(slo.window).or_default().entry(key).or_insert(share);
            *known = share.max(*known);
        }
    }
    promises
}
