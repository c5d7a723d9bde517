//! Whose approval a change takes: computed from what it changes and whom that concerns, never chosen by who proposes it. Who sits
//! on a board and who owns what is asked of what runs, so that no change appoints its own judges. INVARIANT: APPROVED

mod opened;
mod order;
mod people;
mod standing;
mod waiver;

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

pub(crate) use people::without;

pub use order::changes_who_decides;
pub use standing::{Sitting, Standing, Waiting, is_lent, is_met, standing};

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
    opened::guarded(proposed, &mut needs);
    waiver::approvers(proposed, &mut needs);
    if needs.0.is_empty() {
        needs.add(
            Need::Board { domain: proposed.domain.clone(), quorum: 1 },
            "a second pair of eyes on every change".to_owned(),
        );
    }
    people::fill(proposed, needs.0)
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
    // Who answers for a consumer decides about what is declared of it: also about who answers for it.
    let of_consumers = ["consumer", "consumer-owner", "identity"];
    let of_waivers = ["waiver", "waiver-approver"];
    let concerns = |it: &&Difference| {
        of_consumers.contains(&it.class.element)
            || (of_waivers.contains(&it.class.element) && it.verdict != Verdict::Safe)
    };
    for difference in proposed.differences.iter().filter(concerns) {
        for consumer in difference.consumers.iter().filter(|it| proposed.before.consumers.contains_key(*it)) {
            needs.add(
                Need::Consumer { consumer: consumer.clone() },
                format!("`{}` of {consumer}", difference.class.code),
            );
        }
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
    let interfaces = touched(proposed.differences).into_keys().flat_map(|interface| {
        let domains = governing(proposed, interface).into_iter();
        domains.map(move |domain| (domain, format!("{interface} is governed there")))
    });
    let consumers = proposed.affected.iter().filter_map(|affected| {
        let domain = proposed.before.home(&affected.consumer)?;
        Some((domain, format!("{} uses {} there", affected.consumer, affected.interface)))
    });
    interfaces.chain(consumers).filter(|(domain, _)| domain != proposed.domain).collect()
}

/// The domains that govern an interface, as it is and as it becomes.
fn governing(proposed: &Proposed<'_>, interface: &InterfaceRef) -> BTreeSet<DomainName> {
    [proposed.before, proposed.after].into_iter().filter_map(|fabric| fabric.governing(interface)).collect()
}

/// What the fabric's own rules require: those of the group for everybody, those of a domain for itself and for what it governs. Those
/// that the change takes away still hold for it, and those that it brings already do.
fn rules(proposed: &Proposed<'_>, needs: &mut Needs) {
    let of_before = proposed.before.approval_rules.values();
    let all = of_before.chain(proposed.after.approval_rules.values());
    let mut seen: Vec<&ApprovalRule> = Vec::new();
    for rule in all {
        if seen.contains(&rule) {
            continue;
        }
        seen.push(rule);
        let domain = domain_of(&rule.place.file);
        let binds_all = domain == DomainName::group() || &domain == proposed.domain;
        let differences: Vec<&Difference> = proposed
            .differences
            .iter()
            .filter(|difference| {
                let interface = difference.interface.as_ref();
                binds_all || interface.is_some_and(|interface| governing(proposed, interface).contains(&domain))
            })
            .collect();
        if binds_all || !differences.is_empty() {
            // The board that a rule names is of the domain that is changed, or of the one whose rule it is.
            let domain = if binds_all { proposed.domain } else { &domain };
            require(proposed, &Asked { rule, domain, differences }, needs);
        }
    }
}

/// A rule with what it is asked about.
struct Asked<'a> {
    rule: &'a ApprovalRule,
    domain: &'a DomainName,
    differences: Vec<&'a Difference>,
}

fn require(proposed: &Proposed<'_>, asked: &Asked<'_>, needs: &mut Needs) {
    let rule = asked.rule;
    // What cannot be judged is taken to hold: lint tells what is wrong with it.
    let judge = Judge::over(&rule.when.value, KNOWN).ok();
    let holds = |variables: &Variables| judge.as_ref().is_none_or(|judge| judge.holds(variables).unwrap_or(true));
    let reads_interface = judge.as_ref().is_none_or(|judge| judge.reads("interface"));
    let whole = Variables::from([("change".to_owned(), change(proposed, &asked.differences))]);
    if !reads_interface {
        if holds(&whole) {
            words(proposed, asked, None, needs);
        }
        return;
    }
    // It may hold whatever the interface is, and then also where none is touched.
    if judge.as_ref().is_some_and(|judge| judge.holds(&whole).unwrap_or(false)) {
        words(proposed, asked, None, needs);
    }
    let before = Context::new(proposed.before, proposed.today);
    let after = Context::new(proposed.after, proposed.today);
    let mut by_interface: BTreeMap<&InterfaceRef, Vec<&Difference>> = BTreeMap::new();
    for difference in &asked.differences {
        if let Some(interface) = &difference.interface {
            by_interface.entry(interface).or_default().push(difference);
        }
    }
    for (interface, own) in by_interface {
        let seen = |context: &Context<'_>| {
            context.fabric.interfaces.get(interface).map(|declared| subject::interface(context, declared))
        };
        // It counts as it was and as it becomes, so that no change slips out of a rule by what it changes.
        for declared in [seen(&before), seen(&after)].into_iter().flatten() {
            let variables =
                Variables::from([("change".to_owned(), change(proposed, &own)), ("interface".to_owned(), declared)]);
            if holds(&variables) {
                words(proposed, asked, Some(interface), needs);
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
fn words(proposed: &Proposed<'_>, asked: &Asked<'_>, interface: Option<&InterfaceRef>, needs: &mut Needs) {
    let (rule, domain) = (asked.rule, asked.domain);
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
                let quorum = people::quorum(proposed, domain);
                needs.add(Need::Board { domain: domain.clone(), quorum }, because.clone());
            }
            discipline => {
                let (domain, discipline) = (domain.clone(), discipline.to_owned());
                needs.add(Need::Discipline { domain, discipline }, because.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests;
