//! What a plant depends on depends on nothing less; who is called when it fails.

use selvage_model::code;
use selvage_model::finding::Severity;
use selvage_model::manifest::interface::{Criticality, Interface, InterfaceBody};
use selvage_model::name::InterfaceRef;

use super::LintRule;
use super::interface::is_tier_1;
use super::lifecycle::successor;
use crate::lint::{Context, Report};

pub(crate) const LOWER: LintRule = LintRule {
    code: code::TIER_1_ON_LESS,
    name: "tier-1-stands-on-tier-1",
    severity: Severity::Warning,
    waivable: true,
    check: lower,
};

fn lower(context: &Context<'_>, report: &mut Report) {
    let fabric = context.fabric;
    for flow in fabric.flows.values() {
        let Some((reference, _)) =
            fabric.interfaces.get_key_value(&flow.interface.value).filter(|(_, it)| is_tier_1(it))
        else {
            continue;
        };
        let Some(event) = &flow.trigger else { continue };
        let mut sources = context.served().filter(|(_, interface)| offers(interface, &event.value));
        if let Some((source, tier)) = sources.find_map(|(source, it)| Some((source, less(it)?))) {
            let message = format!("`{reference}` is tier-1, and begins with an event of `{source}`, which is {tier}");
            let finding = LOWER.finding(&event.place, message);
            report.add(reference, finding.fix("make what it depends on tier-1 as well, with its promises"));
        }
    }
    for (reference, interface) in context.served().filter(|(_, interface)| is_tier_1(interface)) {
        let Some(named) = successor(&interface.lifecycle) else { continue };
        let next = fabric.interfaces.get(&named.value).and_then(less);
        if let Some(tier) = next {
            let message = format!("`{reference}` is tier-1, and its consumers are sent to `{named}`, which is {tier}");
            let finding = LOWER.finding(&named.place, message);
            report.add(reference, finding.fix("make its successor tier-1 as well, with its promises"));
        }
    }
}

/// The tier, where it is less than 1.
fn less(interface: &Interface) -> Option<&'static str> {
    match interface.classification.as_ref()?.criticality {
        Criticality::Tier1 => None,
        Criticality::Tier2 => Some("tier-2"),
        Criticality::Tier3 => Some("tier-3"),
    }
}

/// Whether this event comes from the interface.
fn offers(interface: &Interface, event: &str) -> bool {
    match &interface.body {
        InterfaceBody::Event(body) => body.events.iter().any(|known| known.name.value == event),
        InterfaceBody::File(body) => body.into.event.value == event,
        InterfaceBody::Webhook(body) => body.into.as_ref().is_some_and(|into| into.event.value == event),
        InterfaceBody::Api(_) | InterfaceBody::Flow => false,
    }
}

pub(crate) const ON_CALL: LintRule = LintRule {
    code: code::NOBODY_ON_CALL,
    name: "tier-1-owner-is-on-call",
    severity: Severity::Warning,
    waivable: true,
    check: on_call,
};

/// The role that is called at night.
const CALLED: &str = "on_call";

fn on_call(context: &Context<'_>, report: &mut Report) {
    let tier_1 = |(_, interface): &(&InterfaceRef, &Interface)| is_tier_1(interface);
    for (reference, interface) in context.served().filter(tier_1) {
        let Some(owner) = &interface.owner else { continue };
        let Some(team) = context.fabric.teams.get(&owner.value) else { continue };
        if !team.roles.iter().any(|(role, people)| role.value == CALLED && !people.is_empty()) {
            let message = format!("`{reference}` is tier-1, and nobody of `{owner}` is on call when it stops");
            let finding = ON_CALL.finding(&owner.place, message);
            report.add(reference, finding.fix("give the team `roles: {on_call: […]}`"));
        }
    }
}

pub(crate) const EMPTY: LintRule = LintRule {
    code: code::TEAM_EMPTY,
    name: "team-has-somebody",
    severity: Severity::Warning,
    waivable: true,
    check: empty,
};

fn empty(context: &Context<'_>, report: &mut Report) {
    for team in context.fabric.teams.values() {
        if team.roles.iter().all(|(_, people)| people.is_empty()) {
            let message = format!("nobody is in the team `{}`: what it owns has no owner", team.name);
            let finding = EMPTY.finding(&team.place, message);
            report.add(&team.name, finding.fix("add `roles: {owner: [<person>]}`"));
        }
    }
}
