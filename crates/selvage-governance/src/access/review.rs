//! What whoever looks after access should know: what is not used, has no owner, is shared, ends soon, or is used though it should
//! not be. Pure: what is alive and what was used are given. It names, and never ends anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::access::{AccessState, LiveGrant, Principal};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::consumer::{Consumer, Identity};
use selvage_model::manifest::interface::{Interface, InterfaceBody, Lifecycle};
use selvage_model::name::{ConsumerName, InterfaceRef};
use selvage_model::usage::{UsageTotal, Used};

use super::OWNER;

/// What is named in time to do something about it.
const SOON: Duration = Duration::from_secs(30 * 86_400);

/// What is known.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// What is declared.
    pub fabric: &'a Fabric,
    /// What is alive.
    pub access: &'a AccessState,
    /// Since when each grant is there.
    pub granted: &'a BTreeMap<String, Timestamp>,
    /// When keys and grants were used last.
    pub used: &'a BTreeMap<Used, Timestamp>,
    /// What was counted in the span that is looked at; deliveries are use without requests.
    pub totals: &'a [UsageTotal],
    /// Its beginning: what was not used since then is idle.
    pub since: Timestamp,
    /// Now.
    pub now: Timestamp,
}

impl Known<'_> {
    /// Since when an interface has to be silent to be idle: since the beginning of the span, and for longer where it says that it is used
    /// more rarely, as at a year's end.
    fn silent_since(&self, interface: &InterfaceRef) -> Timestamp {
        let used = self.fabric.interfaces.get(interface).and_then(|interface| interface.used);
        let rarely = used.and_then(|used| self.now.checked_sub(used.silence()).ok());
        rarely.map_or(self.since, |rarely| rarely.min(self.since))
    }

    /// Whether a grant was used as lately as its interface asks for.
    fn is_used(&self, grant: &LiveGrant) -> bool {
        let last = self.used.get(&Used::Grant(grant.id.clone()));
        last.is_some_and(|last| *last >= self.silent_since(&grant.interface))
    }
}

/// What a remark is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concern {
    /// An interface that is retired or deprecated, and still used.
    Zombie,
    /// Several consumers that prove themselves as one.
    Shared,
    /// A consumer that nobody answers for.
    Ownerless,
    /// A grant, a key or a consumer that was not used for long.
    Idle,
    /// An interface that nobody may use, or nobody does.
    Orphan,
    /// A grant or a key that ends soon.
    Ending,
    /// A person's key that is older than what is looked at, and has no end.
    Endless,
}

impl Concern {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zombie => "zombie",
            Self::Shared => "shared",
            Self::Ownerless => "ownerless",
            Self::Idle => "idle",
            Self::Orphan => "orphan",
            Self::Ending => "ending",
            Self::Endless => "endless",
        }
    }
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something to know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remark {
    /// What it is about.
    pub concern: Concern,
    /// Which consumer, interface, grant or key.
    pub subject: String,
    /// What is so, in words.
    pub says: String,
}

fn remark(concern: Concern, subject: &(impl ToString + ?Sized), says: impl Into<String>) -> Remark {
    Remark { concern, subject: subject.to_string(), says: says.into() }
}

/// Everything there is to know, the gravest first.
pub fn review(known: Known<'_>) -> Vec<Remark> {
    let mut remarks = Vec::new();
    remarks.extend(idle_grants(known));
    remarks.extend(idle_keys(known));
    remarks.extend(idle_consumers(known));
    remarks.extend(ownerless(known));
    remarks.extend(shared(known.fabric));
    remarks.extend(ending(known));
    remarks.extend(endless(known));
    remarks.extend(interfaces(known));
    remarks.sort();
    remarks
}

/// Grants that are alive, with their time not over.
fn alive<'a>(known: Known<'a>) -> impl Iterator<Item = &'a LiveGrant> {
    let lasts =
        move |grant: &&LiveGrant| grant.ended.is_none() && grant.terms.until.is_none_or(|until| until > known.now);
    known.access.grants.iter().filter(lasts)
}

fn idle_grants(known: Known<'_>) -> impl Iterator<Item = Remark> {
    alive(known).filter_map(move |grant| {
        let last = known.used.get(&Used::Grant(grant.id.clone()));
        let since = known.silent_since(&grant.interface);
        let old = known.granted.get(&grant.id).is_some_and(|granted| *granted < since);
        let idle = last.map_or(old, |last| *last < since);
        let says = format!("{} on {}: {}", grant.consumer, grant.interface, last_used(last.copied()));
        idle.then(|| remark(Concern::Idle, &grant.id, says))
    })
}

fn idle_keys(known: Known<'_>) -> impl Iterator<Item = Remark> {
    let keys = known
        .access
        .credentials
        .iter()
        .filter(move |key| key.revoked.is_none() && key.expires.is_none_or(|expires| expires > known.now));
    keys.filter_map(move |key| {
        let Principal::Consumer(consumer) = &key.principal else { return None };
        let last = known.used.get(&Used::Key(key.id.clone()));
        let idle = last.map_or(key.issued < known.since, |last| *last < known.since);
        idle.then(|| remark(Concern::Idle, &key.id, format!("key of {consumer}: {}", last_used(last.copied()))))
    })
}

fn last_used(last: Option<Timestamp>) -> String {
    last.map_or_else(|| "never used".to_owned(), |last| format!("last used {last:.0}"))
}

/// Consumers that have something, all of it older than the span, and used nothing in it.
fn idle_consumers(known: Known<'_>) -> impl Iterator<Item = Remark> {
    let mut used: BTreeSet<&ConsumerName> =
        known.totals.iter().filter_map(|total| total.key.consumer.as_ref()).collect();
    used.extend(alive(known).filter(|grant| known.is_used(grant)).map(|grant| &grant.consumer));
    let mut holds: BTreeMap<&ConsumerName, bool> = BTreeMap::new();
    for grant in alive(known) {
        let old = known.granted.get(&grant.id).is_some_and(|granted| *granted < known.since);
        let all_old = holds.entry(&grant.consumer).or_insert(true);
        *all_old &= old;
    }
    let idle = holds.into_iter().filter(move |(consumer, old)| *old && !used.contains(consumer));
    idle.map(move |(consumer, _)| remark(Concern::Idle, consumer, format!("no request since {:.0}", known.since)))
}

fn ownerless(known: Known<'_>) -> impl Iterator<Item = Remark> {
    let fabric = known.fabric;
    let declared = fabric.consumers.values().filter_map(move |consumer| {
        let says = match owner(fabric, consumer) {
            Owner::People => return None,
            Owner::Nobody => format!("its owner `{}` names nobody in the role `{OWNER}`", consumer.owner),
            Owner::Unknown => format!("its owner `{}` is no team and no domain", consumer.owner),
        };
        Some(remark(Concern::Ownerless, &consumer.name, says))
    });
    let holders: BTreeSet<&ConsumerName> = alive(known).map(|grant| &grant.consumer).collect();
    let undeclared = holders.into_iter().filter(move |name| !fabric.consumers.contains_key(*name));
    declared
        .chain(undeclared.map(|name| remark(Concern::Ownerless, name, "it has grants, and no manifest declares it")))
}

enum Owner {
    People,
    Nobody,
    Unknown,
}

fn owner(fabric: &Fabric, consumer: &Consumer) -> Owner {
    let word = &consumer.owner.value;
    if let Some(team) = fabric.teams.iter().find(|(name, _)| name.as_str() == word).map(|(_, team)| team) {
        let named = team.roles.iter().any(|(role, people)| role.value == OWNER && !people.is_empty());
        return if named { Owner::People } else { Owner::Nobody };
    }
    let domain = fabric.domains.keys().any(|name| name.as_str() == word);
    if domain { Owner::People } else { Owner::Unknown }
}

fn shared(fabric: &Fabric) -> impl Iterator<Item = Remark> {
    let mut subjects: BTreeMap<String, Vec<&ConsumerName>> = BTreeMap::new();
    for consumer in fabric.consumers.values() {
        let subject = match (&consumer.identity, consumer.token_subject()) {
            (Identity::Mtls { subject }, _) => format!("the certificate of `{subject}`"),
            (_, Some((issuer, subject))) => format!("`{subject}` of issuer `{issuer}`"),
            _ => continue,
        };
        subjects.entry(subject).or_default().push(&consumer.name);
    }
    subjects.into_iter().filter(|(_, consumers)| consumers.len() > 1).map(|(subject, consumers)| {
        let names: Vec<&str> = consumers.iter().map(|name| name.as_str()).collect();
        remark(
            Concern::Shared,
            &names.join(", "),
            format!("all prove themselves by {subject}: who asks cannot be told"),
        )
    })
}

fn ending(known: Known<'_>) -> impl Iterator<Item = Remark> {
    let soon = known.now.checked_add(SOON).unwrap_or(Timestamp::MAX);
    let grants = alive(known).filter_map(move |grant| {
        let until = grant.terms.until.filter(|until| *until <= soon)?;
        Some(remark(Concern::Ending, &grant.id, format!("{} on {}: ends {until:.0}", grant.consumer, grant.interface)))
    });
    let keys = known.access.credentials.iter().filter(|key| key.revoked.is_none()).filter_map(move |key| {
        let whose = match &key.principal {
            Principal::Consumer(consumer) => consumer.to_string(),
            Principal::Operator(person) => format!("{person}, a person"),
        };
        let expires = key.expires.filter(|expires| *expires > known.now && *expires <= soon)?;
        Some(remark(Concern::Ending, &key.id, format!("key of {whose}: ends {expires:.0}")))
    });
    grants.chain(keys)
}

/// Nobody counts how often a person's key is used, and people leave.
fn endless(known: Known<'_>) -> impl Iterator<Item = Remark> {
    let keys = known.access.credentials.iter().filter(|key| key.revoked.is_none() && key.expires.is_none());
    keys.filter(move |key| key.issued < known.since).filter_map(|key| {
        let Principal::Operator(person) = &key.principal else { return None };
        let says = format!("key of {person}, a person: issued {:.0}, and has no end", key.issued);
        Some(remark(Concern::Endless, &key.id, says))
    })
}

/// INVARIANT: LIVE-LIFECYCLE
fn interfaces(known: Known<'_>) -> impl Iterator<Item = Remark> {
    let mut used: BTreeMap<&InterfaceRef, (u64, Timestamp)> = BTreeMap::new();
    for total in known.totals.iter().filter(|total| total.key.attribute.is_none()) {
        let (requests, last) = used.entry(&total.key.interface).or_insert((0, total.last));
        *requests = requests.saturating_add(total.count.requests);
        *last = (*last).max(total.last);
    }
    // Who knocks and is refused is not who calls.
    let is_call = |total: &&UsageTotal| total.key.attribute.is_none() && total.count.requests > total.count.refused;
    let called: BTreeSet<&InterfaceRef> =
        known.totals.iter().filter(is_call).map(|total| &total.key.interface).collect();
    let granted: BTreeSet<&InterfaceRef> = alive(known).map(|grant| &grant.interface).collect();
    let rarely: BTreeSet<&InterfaceRef> =
        alive(known).filter(|grant| known.is_used(grant)).map(|grant| &grant.interface).collect();
    known.fabric.interfaces.iter().filter_map(move |(reference, interface)| {
        let (state, traffic) = (interface.lifecycle.as_str(), used.get(reference));
        match (&interface.lifecycle, traffic) {
            (Lifecycle::Retired { .. } | Lifecycle::Deprecated(_), Some((requests, last))) => {
                let used = match requests {
                    0 => "and delivered".to_owned(),
                    times => format!("and asked {times} times"),
                };
                Some(remark(Concern::Zombie, reference, format!("{state}, {used}, last {last:.0}")))
            }
            (Lifecycle::Active, None) if !granted.contains(reference) && needs_grants(interface) => {
                Some(remark(Concern::Orphan, reference, "no grant and no use"))
            }
            (Lifecycle::Active, None) if needs_grants(interface) && !rarely.contains(reference) => {
                let since = known.silent_since(reference);
                Some(remark(Concern::Orphan, reference, format!("no use since {since:.0}")))
            }
            (Lifecycle::Active, _) if matches!(interface.body, InterfaceBody::Webhook(_)) => {
                // What may be silent for longer than is looked back may have been called before.
                let is_seen = known.silent_since(reference) >= known.since;
                let is_orphan = is_seen && !called.contains(reference);
                is_orphan.then(|| remark(Concern::Orphan, reference, format!("no call since {:.0}", known.since)))
            }
            _ => None,
        }
    })
}

/// Whether it is there to be asked by consumers: webhooks are called by systems, without a grant; files and flows by nobody.
fn needs_grants(interface: &Interface) -> bool {
    matches!(interface.body, InterfaceBody::Api(_) | InterfaceBody::Event(_))
}
