//! What every interface says of itself: who owns it, which domain governs it, how much depends on it, what it promises.
//! Drafts may still be silent.

use selvage_model::code;
use selvage_model::domain;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::interface::{Criticality, Interface};
use selvage_model::name::InterfaceRef;

use super::LintRule;
use crate::lint::{Context, Report};
use crate::nearest::listed;

pub(crate) const OWNER: LintRule = LintRule {
    code: code::INTERFACE_OWNER,
    name: "interface-needs-owner",
    severity: Severity::Error,
    waivable: true,
    check: owner,
};

fn owner(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served() {
        if interface.owner.is_none() {
            let message = format!("nobody owns `{reference}`: nobody would be asked about a change or called at night");
            let finding = Finding::error(code::INTERFACE_OWNER, &interface.place, message);
            report.add(reference, finding.fix("add `owner: <team>`"));
        }
    }
}

pub(crate) const CLASS: LintRule = LintRule {
    code: code::INTERFACE_CLASS,
    name: "interface-needs-classification",
    severity: Severity::Warning,
    waivable: true,
    check: class,
};

fn class(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served() {
        if interface.classification.is_none() {
            let message =
                format!("`{reference}` does not say how much depends on it: under load nobody knows what to keep up");
            let finding = Finding::warning(code::INTERFACE_CLASS, &interface.place, message);
            report
                .add(reference, finding.fix("add `classification: {criticality: tier-1, tier-2 or tier-3, data: …}`"));
        }
    }
}

/// Whether a plant stops without it.
pub(crate) fn is_tier_1(interface: &Interface) -> bool {
    let criticality = interface.classification.as_ref().map(|classification| classification.criticality);
    criticality == Some(Criticality::Tier1)
}

pub(crate) const SLO: LintRule = LintRule {
    code: code::TIER_1_SLO,
    name: "tier-1-needs-slo",
    severity: Severity::Warning,
    waivable: true,
    check: slo,
};

fn slo(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served() {
        if is_tier_1(interface) && interface.slo.is_empty() {
            let message =
                format!("`{reference}` is tier-1 and promises nothing: nobody is alarmed before a plant stands still");
            let finding = Finding::warning(code::TIER_1_SLO, &interface.place, message);
            report
                .add(reference, finding.fix("add `slo: [{availability: 99.9%, window: 30d}]`, or choose another tier"));
        }
    }
}

pub(crate) const DOMAIN: LintRule = LintRule {
    code: code::INTERFACE_DOMAIN,
    name: "interface-needs-domain",
    severity: Severity::Error,
    waivable: false,
    check: governed,
};

fn governed(context: &Context<'_>, report: &mut Report) {
    let domains: Vec<&str> = context.fabric.domains.keys().map(|name| name.as_str()).collect();
    if domains.len() < 2 {
        return;
    }
    // What lies in a domain's directory is that domain's.
    let silent = |(_, interface): &(&InterfaceRef, &Interface)| {
        interface.domain.is_none() && domain::named(&interface.place.file).is_none()
    };
    for (reference, interface) in context.fabric.interfaces.iter().filter(silent) {
        let message = format!("there are {} domains, and `{reference}` does not say which governs it", domains.len());
        let finding = Finding::error(code::INTERFACE_DOMAIN, &interface.place, message);
        report.add(reference, finding.fix(format!("add `domain:` with one of {}", listed(&domains))));
    }
}
