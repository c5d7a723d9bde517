//! Impact: whom differences would break, when each used last what is different, and whose signature is needed. Use that cannot be
//! known counts as use: who might break is named. Pure; the store knows the use.

mod ground;
mod seen;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use selvage_model::access::LiveGrant;
use selvage_model::fabric::Fabric;
use selvage_model::name::{ConsumerName, EnvironmentName, InterfaceRef};
use selvage_model::subscription::LiveSubscription;
use selvage_model::usage::{UsageGap, UsageTotal, UsedIn};

use crate::compare::{Area, Difference, Verdict};
use ground::Standing;
use seen::Seen;

/// What is known of use.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// What is in use.
    pub fabric: &'a Fabric,
    /// Counts of the last 15 months.
    pub usage: &'a [UsageTotal],
    /// The last of each of these by the environment in which it was, where several share a store.
    pub used_in: &'a [UsedIn],
    /// Counts that are missing.
    pub gaps: &'a [UsageGap],
    /// Since when use is counted; nothing was where there is none.
    pub counted_since: Option<Timestamp>,
    /// Grants that are alive, or were.
    pub grants: &'a [LiveGrant],
    /// When each grant was given, by its id. One that is not here may be new.
    pub granted: &'a BTreeMap<String, Timestamp>,
    /// Subscriptions that are alive, or were.
    pub subscriptions: &'a [LiveSubscription],
    /// When each subscription had an event last, by its id.
    pub delivered: &'a BTreeMap<String, Timestamp>,
    /// Now.
    pub now: Timestamp,
}

/// What differences mean for who uses what is different.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Impact {
    /// Who would break, by interface and consumer, the gravest first.
    pub affected: Vec<Affected>,
    /// The differences, by their place in the list, that are not safe and are of no interface, no consumer and nothing that
    /// interfaces stand on, or only of what governance asks for: they concern the whole, and who breaks by them cannot be narrowed down.
    pub of_all: Vec<usize>,
}

impl Impact {
    /// The consumers that would break.
    pub fn consumers(&self) -> BTreeSet<&ConsumerName> {
        self.affected.iter().map(|affected| &affected.consumer).collect()
    }
}

/// One consumer that would break at one interface.
#[derive(Clone, Debug, PartialEq)]
pub struct Affected {
    /// Who.
    pub consumer: ConsumerName,
    /// The team or domain that answers for it, whose signature is needed; nothing where no manifest declares the consumer.
    pub owner: Option<String>,
    /// At what.
    pub interface: InterfaceRef,
    /// The gravest of what it meets.
    pub verdict: Verdict,
    /// The last time that it was seen using any of what is different.
    pub last_used: Option<Timestamp>,
    /// In which environments it was seen using any of the operations that are different, and when last. Use in any of them counts.
    pub environments: BTreeMap<EnvironmentName, Timestamp>,
    /// Each difference that it meets, by its place in the list, and how that is known.
    pub meets: Vec<(usize, Use)>,
}

/// How it is known that a consumer uses what is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// It was counted.
    Seen {
        /// Requests.
        requests: u64,
        /// The last time.
        last: Timestamp,
    },
    /// It cannot be known, and so counts.
    Unknown(Unknown),
}

/// Why use cannot be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unknown {
    /// It asked for whole objects: which attributes it reads of them is its own.
    WholeObjects(Timestamp),
    /// It uses the operation, whose attributes are not counted.
    Attributes(Timestamp),
    /// It is sent the events, and had one then, where it did.
    Subscribed(Option<Timestamp>),
    /// It has a grant, and use is observed for less long than whoever uses the interface may be silent.
    TooSoon,
    /// It has a grant, and in the time that counts some use was not kept.
    Gap,
}

impl Unknown {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WholeObjects(_) => "asks for whole objects",
            Self::Attributes(_) => "uses it; attributes are not counted",
            Self::Subscribed(_) => "is sent the events",
            Self::TooSoon => "has a grant, and is observed for too short a time to say that it does not use it",
            Self::Gap => "has a grant, and some use was not kept",
        }
    }
}

impl Use {
    /// When it was seen, where it was.
    pub fn last(self) -> Option<Timestamp> {
        match self {
            Self::Seen { last, .. } => Some(last),
            Self::Unknown(Unknown::WholeObjects(last) | Unknown::Attributes(last)) => Some(last),
            Self::Unknown(Unknown::Subscribed(last)) => last,
            Self::Unknown(Unknown::TooSoon | Unknown::Gap) => None,
        }
    }
}

/// Who would break by these differences.
pub fn impact(differences: &[Difference], known: &Known<'_>) -> Impact {
    let seen = Seen::new(known);
    let mut met: BTreeMap<(InterfaceRef, ConsumerName), Vec<(usize, Use)>> = BTreeMap::new();
    let mut of_all = Vec::new();
    for (number, difference) in differences.iter().enumerate() {
        if difference.verdict == Verdict::Safe {
            continue;
        }
        match concerned(known.fabric, &seen, difference) {
            Some(concerned) => {
                for (interface, consumer, used) in concerned {
                    met.entry((interface.clone(), consumer.clone())).or_default().push((number, used));
                }
            }
            None => of_all.push(number),
        }
    }
    let mut affected: Vec<Affected> =
        met.into_iter().map(|(who, meets)| affected(differences, known, who, meets)).collect();
    affected.sort_by(|a, b| b.verdict.cmp(&a.verdict).then_with(|| a.interface.cmp(&b.interface)));
    Impact { affected, of_all }
}

/// Whom a difference concerns, at which interface, and how that is known; none where it concerns the whole.
fn concerned<'k>(
    fabric: &'k Fabric,
    seen: &Seen<'k>,
    difference: &'k Difference,
) -> Option<Vec<(&'k InterfaceRef, &'k ConsumerName, Use)>> {
    let users = |interfaces: Vec<&'k InterfaceRef>, difference: &Difference| -> Vec<_> {
        let of = |interface: &'k InterfaceRef| {
            let users = seen.users(interface, difference).into_iter();
            users.map(move |(consumer, used)| (interface, consumer, used))
        };
        interfaces.into_iter().flat_map(of).collect()
    };
    // What governance asks for is nothing that who uses an interface would meet.
    if difference.class.area == Area::Rule {
        return None;
    }
    if let Some(interface) = &difference.interface {
        return Some(users(vec![interface], difference));
    }
    // What ends with a consumer ends wherever it is used.
    if !difference.consumers.is_empty() {
        return Some(users(seen.interfaces().collect(), difference));
    }
    match ground::standing_on(fabric, difference)? {
        Standing::Interfaces(interfaces, system) => {
            let mut found = users(interfaces, difference);
            let known: BTreeSet<_> = found.iter().map(|(interface, consumer, _)| (*interface, *consumer)).collect();
            let sent = system.into_iter().flat_map(|system| seen.delivered_to(system));
            let sent: Vec<_> =
                sent.filter(|(interface, consumer, _)| !known.contains(&(*interface, *consumer))).collect();
            found.extend(sent);
            Some(found)
        }
        // Nobody proves itself by it: it concerns nobody, and not everybody.
        Standing::Consumers(consumers) if consumers.is_empty() => Some(Vec::new()),
        Standing::Consumers(consumers) => {
            let difference = Difference { consumers, ..difference.clone() };
            Some(users(seen.interfaces().collect(), &difference))
        }
    }
}

fn affected(
    differences: &[Difference],
    known: &Known<'_>,
    (interface, consumer): (InterfaceRef, ConsumerName),
    meets: Vec<(usize, Use)>,
) -> Affected {
    let owner = known.fabric.consumers.get(&consumer).map(|consumer| consumer.owner.value.clone());
    let verdicts = meets.iter().filter_map(|(number, _)| differences.get(*number)).map(|difference| difference.verdict);
    let verdict = verdicts.max().unwrap_or(Verdict::Unproven);
    let last_used = meets.iter().filter_map(|(_, used)| used.last()).max();
    let met: Vec<&Difference> = meets.iter().filter_map(|(number, _)| differences.get(*number)).collect();
    let environments = environments(known.used_in, (&interface, &consumer), &met);
    Affected { consumer, owner, interface, verdict, last_used, environments, meets }
}

/// In which environments a consumer was seen using an operation of these differences, and when last.
fn environments(
    used_in: &[UsedIn],
    (interface, consumer): (&InterfaceRef, &ConsumerName),
    met: &[&Difference],
) -> BTreeMap<EnvironmentName, Timestamp> {
    let is_met =
        |operation: &String| met.iter().any(|it| it.operations.is_empty() || it.operations.contains(operation));
    let mut found: BTreeMap<EnvironmentName, Timestamp> = BTreeMap::new();
    for UsedIn { environment, key, last } in used_in {
        let Some(environment) = environment else { continue };
        if &key.interface == interface && key.consumer.as_ref() == Some(consumer) && is_met(&key.operation) {
            let seen = found.entry(environment.clone()).or_insert(*last);
            *seen = (*last).max(*seen);
        }
    }
    found
}
