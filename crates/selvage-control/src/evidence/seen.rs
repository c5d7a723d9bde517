//! What the store has of what evidence is about, read once. Tables are read after the ledger's head, and entries after it are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::access::Principal;
use selvage_model::change::{Change, signature};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::name::{DomainName, EnvironmentName, InterfaceRef};
use selvage_model::usage::{PromiseCount, PromiseKey, UsageCount, UsageGap, Used};
use selvage_store::{
    AccessRequest, BreakGlass, DeadLetter, ForeignReceipt, LaneChoice, LaneView, LeaseRecord, LedgerEntry,
    Recertification, RecertificationItem, ReleaseImport, ReleaseKey, SignedRelease, Store, StoreError,
};
use serde_json::Value;

use super::ledger::Ledger;
use super::scope::Scope;
use super::{About, Asked};
use crate::desk::{Desk, DeskError, Files, Releases, files_of, uses};

/// Entries, lanes and dead letters that are read at once.
const PAGE: u32 = 1_000;
const HOUR: Duration = Duration::from_secs(3600);

/// Everything that was seen.
pub(super) struct Seen {
    pub(super) asked: Asked,
    pub(super) now: Timestamp,
    pub(super) fabric: Fabric,
    /// The releases that the fabric is made of.
    pub(super) basis: Vec<String>,
    pub(super) scope: Scope,
    pub(super) ledger: Ledger,
    /// Entries that belong to it, oldest first.
    pub(super) entries: Vec<LedgerEntry>,
    /// Changes that belong to it and were worked on, released or active within the period.
    pub(super) changes: Vec<Change>,
    /// Their releases, with their files.
    pub(super) releases: Vec<SignedRelease>,
    /// Which of them were taken over from other stores.
    pub(super) imports: Vec<ReleaseImport>,
    /// What other stores saw of them, by release.
    pub(super) receipts: Vec<(String, ForeignReceipt)>,
    pub(super) keys: Vec<ReleaseKey>,
    pub(super) access: Access,
    pub(super) letters: Vec<DeadLetter>,
    pub(super) lanes: Vec<LaneView>,
    pub(super) usage: Usage,
}

/// Who may do what, and who answered for it.
pub(super) struct Access {
    pub(super) leases: Vec<LeaseRecord>,
    pub(super) used: BTreeMap<Used, Timestamp>,
    pub(super) requests: Vec<AccessRequest>,
    pub(super) campaigns: Vec<Recertification>,
    pub(super) items: Vec<RecertificationItem>,
    pub(super) break_glasses: Vec<BreakGlass>,
}

/// What was counted of requests.
pub(super) struct Usage {
    /// By slot and interface, within the period.
    pub(super) course: Vec<(Timestamp, InterfaceRef, UsageCount)>,
    pub(super) began: Option<Timestamp>,
    pub(super) gaps: Vec<UsageGap>,
    /// What came of what is promised within the period, in the environment that was asked about, or in all of them.
    pub(super) promises: BTreeMap<PromiseKey, PromiseCount>,
}

impl Seen {
    /// Whether a moment is within the period.
    pub(super) fn is_in(&self, at: Timestamp) -> bool {
        at >= self.asked.from && at <= self.asked.to
    }

    /// The numbers of the entries about this thing.
    pub(super) fn about(&self, subject: &str) -> Vec<u64> {
        self.entries.iter().filter(|entry| entry.subject == subject).map(|entry| entry.seq).collect()
    }

    /// A name by which somebody signed something about this thing, and whether that was proven.
    pub(super) fn signed(&self, subject: &str, by: &str) -> String {
        let is_it = |entry: &LedgerEntry| entry.subject == subject && entry.actor == by && entry.is_unproven();
        signature(by, self.entries.iter().any(is_it))
    }

    /// Entries of these actions within the period.
    pub(super) fn acts<'a>(&'a self, actions: &'a [&str]) -> impl Iterator<Item = &'a LedgerEntry> {
        let is_one = |entry: &&LedgerEntry| actions.contains(&entry.action.as_str()) && self.is_in(entry.at);
        self.entries.iter().filter(is_one)
    }
}

/// A text of an entry's detail.
pub(super) fn detail<'a>(entry: &'a LedgerEntry, name: &str) -> &'a str {
    entry.detail.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Whether an entry says that something became a release here: it was made, or taken over from another store.
pub(super) fn is_made(entry: &LedgerEntry) -> bool {
    entry.action.starts_with("release.made") || entry.action == "release.imported"
}

/// The dead letters of a scope, however many there are, the settled ones too.
async fn every_letter(store: &Store, scope: &Scope) -> Result<Vec<DeadLetter>, StoreError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.letters_page(&LaneChoice::default(), true, after.as_deref(), PAGE).await?;
        all.extend(page.0.into_iter().filter(|it| scope.has(&it.interface)));
        match page.1 {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}

/// The lanes of a scope that are set aside, however many there are.
async fn every_lane(store: &Store, scope: &Scope) -> Result<Vec<LaneView>, StoreError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.lanes_page(&LaneChoice::default(), after.as_ref(), PAGE).await?;
        all.extend(page.0.into_iter().filter(|it| scope.has(&it.interface)));
        match page.1 {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}

/// Looks at everything, but for the ledger as a whole, which was looked at before.
pub(super) async fn look(desk: &Desk, asked: &Asked, ledger: Ledger) -> Result<Seen, DeskError> {
    let store = &desk.store;
    let (files, basis) = files_at(store, asked).await?;
    let fabric = desk.hard(|| desk.look.read(&files)).await;
    let mut changes = store.changes().await?;
    let mut scope = Scope::new(&asked.about, &fabric, &changes);
    changes.retain(|change| scope.has_change(&asked.about, change));
    let access = access(store, asked, &mut scope).await?;
    known(asked, &fabric, &changes, &access)?;
    let (letters, lanes) = (every_letter(store, &scope).await?, every_lane(store, &scope).await?);
    let subscriptions = store.subscriptions().await?;
    scope.ids.extend(subscriptions.into_iter().filter(|it| scope.interfaces.contains(&it.interface)).map(|it| it.id));
    scope.ids.extend(letters.iter().map(|letter| letter.id.clone()));
    scope.ids.extend(changes.iter().flat_map(|change| [change.id.clone(), change.release.clone()]));
    let of_releases = store.signed_releases().await?;
    let all = entries(store, ledger.head.entries, &mut scope).await?;
    let mut in_play = in_play(&all, asked, &of_releases);
    in_play.retain(|id| changes.iter().any(|change| &change.id == id));
    changes.retain(|change| in_play.contains(&change.id));
    let entries = cited(all, asked, &in_play, &access);
    super::paper::fits(entries.len(), asked.most)?;
    let releases = releases(store, &of_releases, &in_play).await?;
    let mut imports = store.release_imports().await?;
    imports.retain(|it| releases.iter().any(|release| release.change == it.change));
    let receipts = receipts(store, &releases).await?;
    let usage = usage(store, asked).await?;
    let (keys, now) = (store.release_keys().await?, ledger.head.at);
    let asked = asked.clone();
    Ok(Seen {
        asked,
        now,
        fabric,
        basis,
        scope,
        ledger,
        entries,
        changes,
        releases,
        imports,
        receipts,
        keys,
        access,
        letters,
        lanes,
        usage,
    })
}

/// What other stores saw of these releases.
async fn receipts(store: &Store, releases: &[SignedRelease]) -> Result<Vec<(String, ForeignReceipt)>, DeskError> {
    let mut receipts = Vec::new();
    // The same files may have been released more than once.
    let all: BTreeSet<(&DomainName, &String)> = releases.iter().map(|release| (&release.domain, &release.id)).collect();
    for (domain, release) in all {
        let of_it = store.receipts_of(domain, release).await?;
        receipts.extend(of_it.into_iter().map(|receipt| (release.clone(), receipt)));
    }
    Ok(receipts)
}

/// What was declared at the end of the period: what was active in the environment, or what every domain had released last.
async fn files_at(store: &Store, asked: &Asked) -> Result<(Files, Vec<String>), DeskError> {
    let releases = match &asked.environment {
        Some(environment) => match active_at(store, environment, asked.to).await? {
            Active::Domains(releases) => releases,
            Active::Directory(id, files) => return Ok((files, vec![id])),
        },
        None => last_of(store.signed_releases().await?, asked.to),
    };
    if releases.is_empty() {
        let place = asked.environment.as_ref().map_or("released".to_owned(), |it| format!("active in `{it}`"));
        let message = format!("nothing was {place} at {:.0}, by what this store knows", asked.to);
        let fix = match &asked.environment {
            Some(_) => {
                "`selvage release list` shows what was active where; ask for a later period, or for another environment"
            }
            None => "name the environment with `--env`; what is served from a directory was never released",
        };
        return Err(DeskError::refused(code::EVIDENCE_UNKNOWN, message, fix));
    }
    let basis = releases.values().cloned().collect();
    Ok((files_of(store, &releases, None).await?, basis))
}

/// The last release of each domain that was there by then: the last by their count, since a clock that went back makes none older.
fn last_of(all: Vec<SignedRelease>, to: Timestamp) -> Releases {
    all.into_iter().filter(|it| it.recorded <= to).map(|it| (it.domain, it.id)).collect()
}

enum Active {
    Domains(Releases),
    Directory(String, Files),
}

/// What was active in an environment: whatever was activated last says which of the two it ran by.
async fn active_at(store: &Store, environment: &EnvironmentName, to: Timestamp) -> Result<Active, DeskError> {
    let active = store.active_at(environment, to).await?;
    match active.last() {
        Some(newest) if newest.domain.is_none() => {
            let id = newest.release.clone();
            let found = store.release(&id).await?;
            let found = found.ok_or_else(|| StoreError::NotFound { what: "release", id: id.clone() })?;
            let files = found.content.as_object().into_iter().flatten();
            let text = |(path, text): (&String, &Value)| Some((path.clone(), text.as_str()?.to_owned()));
            Ok(Active::Directory(id, files.filter_map(text).collect()))
        }
        _ => Ok(Active::Domains(active.into_iter().filter_map(|it| Some((it.domain?, it.release))).collect())),
    }
}

/// Leases that were alive within the period, and whatever was asked for and answered about them. Notes their ids.
async fn access(store: &Store, asked: &Asked, scope: &mut Scope) -> Result<Access, DeskError> {
    let mut leases = store.leases().await?;
    leases.retain(|lease| scope.has(&lease.grant.interface));
    leases.retain(|it| it.granted <= asked.to && it.grant.ended.is_none_or(|ended| ended >= asked.from));
    let ids: BTreeSet<&str> = leases.iter().map(|lease| lease.grant.id.as_str()).collect();
    let mut requests = store.access_requests().await?;
    requests.retain(|request| scope.has(&request.asked.interface));
    let mut items = store.recertification_items().await?;
    items.retain(|item| ids.contains(item.grant.id.as_str()));
    let mut campaigns = store.recertifications().await?;
    campaigns.retain(|it| items.iter().any(|item| item.campaign == it.id));
    let mut break_glasses = store.break_glasses().await?;
    break_glasses.retain(|it| scope.has(&it.grant.interface));
    scope.ids.extend(leases.iter().flat_map(|it| [it.grant.id.clone(), it.grant.consumer.to_string()]));
    scope.ids.extend(requests.iter().map(|it| it.id.clone()));
    scope.ids.extend(items.iter().map(|it| it.id.clone()));
    scope.ids.extend(campaigns.iter().map(|it| it.id.clone()));
    scope.ids.extend(break_glasses.iter().map(|it| it.grant.id.clone()));
    for key in store.access_state().await?.credentials {
        if matches!(&key.principal, Principal::Consumer(consumer) if scope.ids.contains(consumer.as_str())) {
            scope.ids.insert(key.id);
        }
    }
    let now = Timestamp::now();
    let used = uses(store, now, now).await?.last;
    Ok(Access { leases, used, requests, campaigns, items, break_glasses })
}

/// Something that neither the fabric nor the store knows is a mistake, and not an interface without evidence.
fn known(asked: &Asked, fabric: &Fabric, changes: &[Change], access: &Access) -> Result<(), DeskError> {
    let is_known = match &asked.about {
        About::Interface(it) => fabric.interfaces.contains_key(it) || !changes.is_empty() || !access.leases.is_empty(),
        About::Domain(it) => fabric.domains.contains_key(it) || !changes.is_empty() || it == &DomainName::group(),
        About::Control(None) => true,
        About::Control(Some(id)) => super::control::controls(fabric).iter().any(|control| &control.id == id),
    };
    if is_known {
        return Ok(());
    }
    let fix = match &asked.about {
        About::Interface(_) => "`selvage catalogue list` shows what interfaces there are, with their versions",
        About::Domain(_) => "`selvage board seats` shows what domains there are",
        About::Control(_) => "`selvage evidence controls` shows what controls there are",
    };
    Err(DeskError::refused(code::EVIDENCE_UNKNOWN, format!("nobody knows {}", asked.about), fix))
}

/// Every entry that belongs to it.
async fn entries(store: &Store, last: u64, scope: &mut Scope) -> Result<Vec<LedgerEntry>, DeskError> {
    let (mut found, mut from) = (Vec::new(), 1);
    loop {
        let page = store.ledger(from, PAGE).await?;
        let Some(end) = page.last().map(|entry| entry.seq) else { return Ok(found) };
        for entry in page.into_iter().filter(|entry| entry.seq <= last) {
            if scope.concerns(&entry) {
                if entry.action == "board.delegated" {
                    scope.ids.insert(entry.subject.clone());
                }
                found.push(entry);
            }
        }
        if end >= last {
            return Ok(found);
        }
        from = end + 1;
    }
}

/// Changes that somebody worked on, that were released, or whose release was active within the period.
fn in_play(all: &[LedgerEntry], asked: &Asked, releases: &[SignedRelease]) -> BTreeSet<String> {
    // Of several that made the same content, the last that the ledger has before it was activated, whatever the clock was.
    let mut made: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let known = |release: &str, domain: &str| {
        releases.iter().rfind(|it| it.id == release && it.domain.as_str() == domain).map(|it| it.change.as_str())
    };
    let mut standing: BTreeMap<(&str, &str), Option<String>> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for entry in all {
        if is_made(entry) {
            made.insert((&entry.subject, detail(entry, "domain")), detail(entry, "change"));
        }
        if entry.at > asked.to {
            continue;
        }
        let is_in = entry.at >= asked.from;
        match entry.action.as_str() {
            "release.activated" | "release.rolled-back" => {
                let (release, domain) = (detail(entry, "release"), detail(entry, "domain"));
                let change = made.get(&(release, domain)).copied().or_else(|| known(release, domain));
                let change = change.map(str::to_owned);
                if is_in {
                    found.extend(change);
                } else {
                    standing.insert((&entry.subject, detail(entry, "domain")), change);
                }
            }
            "release.made" | "release.made-in-emergency" | "release.imported" if is_in => {
                found.insert(detail(entry, "change").to_owned());
            }
            action if is_in && action.starts_with("change.") => {
                found.insert(entry.subject.clone());
            }
            _ => {}
        }
    }
    found.extend(standing.into_values().flatten());
    found
}

/// Entries of the period, and older ones that say how what was alive in it came to be.
fn cited(all: Vec<LedgerEntry>, asked: &Asked, in_play: &BTreeSet<String>, access: &Access) -> Vec<LedgerEntry> {
    let leases = access.leases.iter().map(|it| it.grant.id.as_str());
    let of_leases = access.requests.iter().filter(|it| it.lease.is_some()).map(|it| it.id.as_str());
    let alive: BTreeSet<&str> = leases.chain(of_leases).collect();
    let mut standing: BTreeMap<(String, String), u64> = BTreeMap::new();
    for entry in all.iter().filter(|entry| entry.at < asked.from && entry.action.starts_with("release.")) {
        if matches!(entry.action.as_str(), "release.activated" | "release.rolled-back") {
            standing.insert((entry.subject.clone(), detail(entry, "domain").to_owned()), entry.seq);
        }
    }
    let standing: BTreeSet<u64> = standing.into_values().collect();
    let is_cited = |entry: &LedgerEntry| {
        let is_in = entry.at >= asked.from && entry.at <= asked.to;
        let is_of_change = in_play.contains(&entry.subject) || in_play.contains(detail(entry, "change"));
        let is_of_lease = alive.contains(entry.subject.as_str());
        // A seat that was lent before may have been filled within the period.
        let is_older =
            is_of_change || is_of_lease || standing.contains(&entry.seq) || entry.action == "board.delegated";
        is_in || (entry.at <= asked.to && is_older)
    };
    all.into_iter().filter(is_cited).collect()
}

async fn releases(
    store: &Store,
    all: &[SignedRelease],
    in_play: &BTreeSet<String>,
) -> Result<Vec<SignedRelease>, DeskError> {
    let mut found = Vec::new();
    for it in all.iter().filter(|it| in_play.contains(&it.change)) {
        let whole = store.signed_release(&it.id).await?;
        found.extend(whole.map(|whole| SignedRelease { content: whole.content, ..it.clone() }));
    }
    Ok(found)
}

async fn usage(store: &Store, asked: &Asked) -> Result<Usage, DeskError> {
    let mut course = store.usage_course(asked.from, Timestamp::now(), HOUR).await?;
    course.retain(|(at, _, _)| *at <= asked.to);
    let mut gaps = store.usage_gaps(asked.from).await?;
    gaps.retain(|gap| gap.from <= asked.to);
    let mut promises: BTreeMap<PromiseKey, PromiseCount> = BTreeMap::new();
    for (environment, key, count) in store.promises_between(asked.from, asked.to, Timestamp::now()).await? {
        if asked.environment.as_ref().is_none_or(|it| it == &environment) {
            let sum = promises.entry(key).or_default();
            *sum = sum.plus(count);
        }
    }
    Ok(Usage { course, began: store.usage_began().await?, gaps, promises })
}

#[cfg(test)]
#[path = "seen/tests.rs"]
mod tests;
