//! Whose approval a change takes: computed from what it changes and whom that concerns, never chosen by who proposes it. Who sits
//! on a board and who owns what is asked of what runs, so that no change appoints its own judges. INVARIANT: APPROVED

mod people;
mod standing;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use selvage_model::change::{Affected, Need, Requirement};
use selvage_model::domain::domain_of;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::rule::ApprovalRule;
use selvage_model::name::{DomainName, InterfaceRef};
use serde_json::json;

use crate::compare::{Area, Difference, Verdict};
use crate::lint::Context;
use crate::rule::own_rule::judge::{Judge, Known};
use crate::rule::own_rule::subject::{self, INTERFACE, Type, Variables};

pub use standing::{Standing, Waiting, standing};

/// What rules of approval look at.
pub(crate) const KNOWN: Known = &[
    (
        "change",
        &[
            ("domain", Type::Text),
            ("breaking", Type::Flag),
            ("unproven", Type::Flag),
            ("emergency", Type::Flag),
            ("differences", Type::Number),
            ("areas", Type::Texts),
            ("interfaces", Type::Texts),
            ("consumers", Type::Texts),
        ],
    ),
    ("interface", INTERFACE),
];

/// A change as far as approvals depend on it.
#[derive(Clone, Copy)]
pub struct Proposed<'a> {
    /// The domain whose release it becomes.
    pub domain: &'a DomainName,
    /// Who proposes it.
    pub author: &'a str,
    /// Everything as it is, of all domains.
    pub before: &'a Fabric,
    /// Everything as it would be.
    pub after: &'a Fabric,
    /// What is different.
    pub differences: &'a [Difference],
    /// Whom it would break.
    pub affected: &'a [Affected],
    /// It is released by one person first.
    pub emergency: bool,
    /// The day.
    pub today: Date,
}

/// Whose approval a change takes: never nobody's.
pub fn requirements(proposed: &Proposed<'_>) -> Vec<Requirement> {
    let mut needs = Needs::default();
    owners(proposed, &mut needs);
    consumers(proposed, &mut needs);
    boards(proposed, &mut needs);
    rules(proposed, &mut needs);
    if needs.0.is_empty() {
        needs.add(
            Need::Board { domain: proposed.domain.clone(), quorum: 1 },
            "a second pair of eyes on every change".to_owned(),
        );
    }
    needs.0.into_iter().map(|(need, because)| people::fill(proposed, need, because)).collect()
}

/// Needs with their reasons, each once.
#[derive(Default)]
struct Needs(BTreeMap<Need, BTreeSet<String>>);

impl Needs {
    fn add(&mut self, need: Need, because: String) {
        self.0.entry(need).or_default().insert(because);
    }
}

/// What is touched, with the gravest that is done to it.
fn touched(differences: &[Difference]) -> BTreeMap<&InterfaceRef, Verdict> {
    let mut touched = BTreeMap::new();
    for difference in differences {
        let Some(interface) = &difference.interface else { continue };
        let gravest = touched.entry(interface).or_insert(difference.verdict);
        *gravest = difference.verdict.max(*gravest);
    }
    touched
}

/// Whoever owns what is touched; of something new, whoever is to own it.
fn owners(proposed: &Proposed<'_>, needs: &mut Needs) {
    for (interface, verdict) in touched(proposed.differences) {
        let known = proposed.before.interfaces.get(interface).or_else(|| proposed.after.interfaces.get(interface));
        if let Some(team) = known.and_then(|interface| interface.owner.as_ref()) {
            let because = format!("{interface} has a difference that is {}", verdict.as_str());
            needs.add(Need::Owner { team: team.value.clone() }, because);
        }
    }
}

/// Whoever answers for those that it would break.
fn consumers(proposed: &Proposed<'_>, needs: &mut Needs) {
    for affected in proposed.affected {
        let need = Need::Consumer { consumer: affected.consumer.clone() };
        needs.add(need, format!("{} would be broken: {}", affected.interface, affected.because));
    }
}

/// The board of the domain where its order is changed, and one of each other domain that is concerned.
fn boards(proposed: &Proposed<'_>, needs: &mut Needs) {
    let order = [Area::Rule, Area::Authority, Area::Organisation];
    for area in order {
        if proposed.differences.iter().any(|difference| difference.class.area == area) {
            let quorum = people::quorum(proposed, proposed.domain);
            let need = Need::Board { domain: proposed.domain.clone(), quorum };
            needs.add(need, format!("it changes something of `{}`", area.as_str()));
        }
    }
    for (domain, because) in crossed(proposed) {
        needs.add(Need::Board { domain, quorum: 1 }, because);
    }
}

/// The other domains that it concerns.
fn crossed(proposed: &Proposed<'_>) -> BTreeSet<(DomainName, String)> {
    let interfaces = touched(proposed.differences).into_keys().filter_map(|interface| {
        let domain = proposed.before.governing(interface).or_else(|| proposed.after.governing(interface))?;
        Some((domain, format!("{interface} is governed there")))
    });
    let consumers = proposed.affected.iter().filter_map(|affected| {
        let domain = proposed.before.home(&affected.consumer)?;
        Some((domain, format!("{} uses {} there", affected.consumer, affected.interface)))
    });
    interfaces.chain(consumers).filter(|(domain, _)| domain != proposed.domain).collect()
}

/// What the fabric's own rules require: those of the group for everybody, those of a domain for itself. Those that the change takes
/// away still hold for it, and those that it brings already do.
fn rules(proposed: &Proposed<'_>, needs: &mut Needs) {
    let of_before = proposed.before.approval_rules.values();
    let all = of_before.chain(proposed.after.approval_rules.values());
    let mut seen: Vec<&ApprovalRule> = Vec::new();
    for rule in all {
        let domain = domain_of(&rule.place.file);
        let binds = domain == DomainName::group() || &domain == proposed.domain;
        if binds && !seen.contains(&rule) {
            seen.push(rule);
            require(proposed, rule, needs);
        }
    }
}

fn require(proposed: &Proposed<'_>, rule: &ApprovalRule, needs: &mut Needs) {
    // What cannot be judged is taken to hold: lint tells what is wrong with it.
    let judge = Judge::over(&rule.when.value, KNOWN).ok();
    let holds = |variables: &Variables| judge.as_ref().is_none_or(|judge| judge.holds(variables).unwrap_or(true));
    let reads_interface = judge.as_ref().is_none_or(|judge| judge.reads("interface"));
    if !reads_interface {
        let all: Vec<&Difference> = proposed.differences.iter().collect();
        if holds(&Variables::from([("change".to_owned(), change(proposed, &all))])) {
            words(proposed, rule, None, needs);
        }
        return;
    }
    let before = Context::new(proposed.before, proposed.today);
    let after = Context::new(proposed.after, proposed.today);
    for interface in touched(proposed.differences).into_keys() {
        let seen = |context: &Context<'_>| {
            context.fabric.interfaces.get(interface).map(|declared| subject::interface(context, declared))
        };
        let own: Vec<&Difference> =
            proposed.differences.iter().filter(|difference| difference.interface.as_ref() == Some(interface)).collect();
        // It counts as it was and as it becomes, so that no change slips out of a rule by what it changes.
        for declared in [seen(&before), seen(&after)].into_iter().flatten() {
            let variables =
                Variables::from([("change".to_owned(), change(proposed, &own)), ("interface".to_owned(), declared)]);
            if holds(&variables) {
                words(proposed, rule, Some(interface), needs);
            }
        }
    }
}

/// A change as rules see it: over these differences.
fn change(proposed: &Proposed<'_>, differences: &[&Difference]) -> serde_json::Value {
    let any = |verdict| differences.iter().any(|difference| difference.verdict == verdict);
    let areas: BTreeSet<&str> = differences.iter().map(|difference| difference.class.area.as_str()).collect();
    let interfaces: BTreeSet<String> =
        differences.iter().filter_map(|difference| Some(difference.interface.as_ref()?.to_string())).collect();
    let consumers: BTreeSet<&str> = proposed.affected.iter().map(|affected| affected.consumer.as_str()).collect();
    json!({
        "domain": proposed.domain.as_str(),
        "breaking": any(Verdict::Breaking),
        "unproven": any(Verdict::Unproven),
        "emergency": proposed.emergency,
        "differences": differences.len(),
        "areas": areas,
        "interfaces": interfaces,
        "consumers": consumers,
    })
}

/// What a rule requires, for one interface or for the change as a whole.
fn words(proposed: &Proposed<'_>, rule: &ApprovalRule, interface: Option<&InterfaceRef>, needs: &mut Needs) {
    let of = interface.map_or_else(String::new, |interface| format!(" for {interface}"));
    let because = format!("the rule `{}`{of}", rule.name);
    for word in &rule.require {
        match word.value.as_str() {
            "owner" => {
                let known =
                    touched(proposed.differences).into_keys().filter(|it| interface.is_none_or(|one| one == *it));
                let of = |it: &InterfaceRef| {
                    let declared = proposed.before.interfaces.get(it).or_else(|| proposed.after.interfaces.get(it))?;
                    declared.owner.as_ref().map(|team| team.value.clone())
                };
                for team in known.filter_map(of) {
                    needs.add(Need::Owner { team }, because.clone());
                }
            }
            "affected-consumers" => {
                let concerned = proposed.affected.iter().filter(|it| interface.is_none_or(|one| one == &it.interface));
                for affected in concerned {
                    needs.add(Need::Consumer { consumer: affected.consumer.clone() }, because.clone());
                }
            }
            "board" => {
                let quorum = people::quorum(proposed, proposed.domain);
                needs.add(Need::Board { domain: proposed.domain.clone(), quorum }, because.clone());
            }
            discipline => {
                let (domain, discipline) = (proposed.domain.clone(), discipline.to_owned());
                needs.add(Need::Discipline { domain, discipline }, because.clone());
            }
        }
    }
}
