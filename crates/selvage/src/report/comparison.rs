//! Differences between two states of a fabric as text: for people, as JSON, as Markdown for pull requests.

pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod markdown;

use std::collections::{BTreeMap, BTreeSet};

use selvage_governance::compare::compatibility::Compatibility;
use selvage_governance::compare::document::Kind;
use selvage_governance::compare::{Difference, Verdict};
use selvage_governance::impact::{Affected, Impact, Use};
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::consumer::Grant;
use selvage_model::name::InterfaceRef;

use super::visible;

/// What was compared, and what came of it.
pub(crate) struct Comparison<'a> {
    /// What the two states were called.
    pub(crate) names: (&'a str, &'a str),
    /// What there was.
    pub(crate) before: &'a Fabric,
    /// What there is to be.
    pub(crate) after: &'a Fabric,
    /// Of which kind the contracts are, where these were compared by themselves.
    pub(crate) contract: Option<Kind>,
    /// What is different.
    pub(crate) differences: &'a [Difference],
    /// Who would break, where it was asked for.
    pub(crate) impact: Option<&'a Impact>,
    /// Which promises of compatibility are not kept.
    pub(crate) broken: Vec<Finding>,
    /// The grants of the state before, by interface.
    granted: BTreeMap<&'a InterfaceRef, Vec<&'a Grant>>,
}

/// The differences of one interface, or of the fabric beside its interfaces, the gravest first.
struct Group<'a> {
    interface: Option<&'a InterfaceRef>,
    differences: Vec<&'a Difference>,
}

impl Group<'_> {
    fn verdict(&self) -> Verdict {
        self.differences.iter().map(|difference| difference.verdict).max().unwrap_or(Verdict::Safe)
    }
}

impl<'a> Comparison<'a> {
    /// What came of comparing two states.
    pub(crate) fn new(
        names: (&'a str, &'a str),
        (before, after): (&'a Fabric, &'a Fabric),
        differences: &'a [Difference],
        impact: Option<&'a Impact>,
    ) -> Self {
        let mut granted: BTreeMap<&InterfaceRef, Vec<&Grant>> = BTreeMap::new();
        for grant in &before.grants {
            granted.entry(&grant.interface.value).or_default().push(grant);
        }
        Self { names, before, after, contract: None, differences, impact, broken: Vec::new(), granted }
    }

    /// The name of a group for people.
    fn title(&self, group: &Group<'_>) -> String {
        let whole = if self.contract.is_some() { "the contract" } else { "the fabric" };
        group.interface.map_or_else(|| whole.to_owned(), ToString::to_string)
    }

    /// How well what was written and read before goes together with what is now: of each object, or of the schema.
    fn compatibility(&self) -> BTreeMap<String, Compatibility> {
        if self.contract == Some(Kind::Schema) && !self.differences.is_empty() {
            return BTreeMap::from([(self.names.1.to_owned(), Compatibility::of(self.differences))]);
        }
        let objects = Compatibility::of_fabrics(self.before, self.after).into_iter();
        objects.map(|(object, how)| (object.to_string(), how)).collect()
    }

    /// By interface, the gravest first.
    fn groups(&self) -> Vec<Group<'a>> {
        let mut by_interface: BTreeMap<Option<&InterfaceRef>, Vec<&Difference>> = BTreeMap::new();
        for difference in self.differences {
            by_interface.entry(difference.interface.as_ref()).or_default().push(difference);
        }
        let mut groups: Vec<Group<'_>> = by_interface
            .into_iter()
            .map(|(interface, mut differences)| {
                differences.sort_by(|a, b| b.verdict.cmp(&a.verdict).then_with(|| a.at.cmp(&b.at)));
                Group { interface, differences }
            })
            .collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.verdict()));
        groups
    }

    /// How many there are of each verdict: breaking, unproven, safe.
    fn counts(&self) -> (usize, usize, usize) {
        let of = |verdict| self.differences.iter().filter(|difference| difference.verdict == verdict).count();
        (of(Verdict::Breaking), of(Verdict::Unproven), of(Verdict::Safe))
    }

    fn summary(&self) -> String {
        let (breaking, unproven, safe) = self.counts();
        format!("{breaking} breaking, {unproven} unproven, {safe} safe")
    }

    /// The team that owns an interface.
    fn owner(&self, interface: &InterfaceRef) -> Option<String> {
        let known = self.before.interfaces.get(interface).or_else(|| self.after.interfaces.get(interface))?;
        known.owner.as_ref().map(ToString::to_string)
    }

    /// The consumers whose grants in the manifests before include what is different.
    fn consumers(&self, difference: &Difference) -> BTreeSet<String> {
        let Some(interface) = &difference.interface else {
            return difference.consumers.iter().map(ToString::to_string).collect();
        };
        let grants = self.granted.get(interface).into_iter().flatten().filter(|grant| {
            let named = difference.consumers.is_empty() || difference.consumers.contains(&grant.consumer.value);
            let operation = |name: &String| grant.operations.iter().any(|granted| &granted.value == name);
            let used = difference.operations.is_empty() || difference.operations.iter().any(operation);
            named && used
        });
        let declared = grants.map(|grant| grant.consumer.to_string());
        difference.consumers.iter().map(ToString::to_string).chain(declared).collect()
    }
}

/// What was there and what is there, in a line; nothing where neither can be told.
fn values(difference: &Difference) -> Option<String> {
    let shown = |value: &String| visible(value, false);
    match (&difference.before, &difference.after) {
        (None, None) => None,
        (Some(before), None) => Some(format!("was {}", shown(before))),
        (None, Some(after)) => Some(format!("now {}", shown(after))),
        (Some(before), Some(after)) => Some(format!("{} → {}", shown(before), shown(after))),
    }
}

/// How it is known that somebody uses what is different.
fn known(used: &Use) -> String {
    match used {
        Use::Seen { requests, last } => format!("{requests} requests, last {last:.0}"),
        Use::Unknown(why) => match used.last() {
            Some(last) => format!("{}, last {last:.0}", why.as_str()),
            None => why.as_str().to_owned(),
        },
    }
}

/// Whose signature is needed, and for which consumers.
fn signatures(affected: &[Affected]) -> BTreeMap<String, BTreeSet<String>> {
    let mut signatures: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for one in affected {
        let owner = one.owner.clone().unwrap_or_else(|| "(nobody known)".to_owned());
        signatures.entry(owner).or_default().insert(one.consumer.to_string());
    }
    signatures
}
