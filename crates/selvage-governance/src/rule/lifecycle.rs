//! How interfaces end: with a day and a successor, and in time. INVARIANT: LIVE-LIFECYCLE

use selvage_model::code;
use selvage_model::finding::Finding;
use selvage_model::manifest::interface::Lifecycle;
use selvage_model::name::InterfaceRef;
use selvage_model::source::Spanned;

use super::LintRule;
use crate::lint::{Context, Report};

/// What to use instead, where the interface says so.
pub(crate) fn successor(lifecycle: &Lifecycle) -> Option<&Spanned<InterfaceRef>> {
    match lifecycle {
        Lifecycle::Deprecated(deprecation) => deprecation.successor.as_ref(),
        Lifecycle::Retired { successor } => successor.as_ref(),
        Lifecycle::Draft | Lifecycle::Active | Lifecycle::Blocked { .. } => None,
    }
}

pub(crate) const NO_END: LintRule = LintRule {
    code: code::DEPRECATION_OPEN,
    name: "deprecated-needs-end",
    bad: "\
kind: Interface
name: product-list
type: api
version: 1.0
owner: master-data
lifecycle: deprecated
deprecation: {since: 2026-09-01}
classification: {criticality: tier-3, data: internal}
serves: {object: product@1, system: odoo, operations: [list]}
",
    good: "\
kind: Interface
name: product-list
type: api
version: 1.0
owner: master-data
lifecycle: deprecated
deprecation: {since: 2026-09-01, sunset: 2027-03-01, successor: products@1}
classification: {criticality: tier-3, data: internal}
serves: {object: product@1, system: odoo, operations: [list]}
",
    waivable: true,
    check: no_end,
};

fn no_end(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in &context.fabric.interfaces {
        let Lifecycle::Deprecated(deprecation) = &interface.lifecycle else { continue };
        let missing = match (deprecation.sunset, &deprecation.successor) {
            (Some(_), Some(_)) => continue,
            (None, Some(_)) => "a `sunset`",
            (Some(_), None) => "a `successor`",
            (None, None) => "a `sunset` and a `successor`",
        };
        let message = format!("`{reference}` is deprecated without {missing}: its consumers cannot plan");
        let finding = Finding::warning(code::DEPRECATION_OPEN, &interface.place, message);
        report
            .add(reference, finding.fix("say both: `deprecation: {since: …, sunset: <day>, successor: <name@major>}`"));
    }
}

pub(crate) const PASSED: LintRule = LintRule {
    code: code::SUNSET_PASSED,
    name: "sunset-is-kept",
    bad: "\
kind: Interface
name: product-list
type: api
version: 1.0
owner: master-data
lifecycle: deprecated
deprecation: {since: 2025-09-01, sunset: 2026-03-01, successor: products@1}
classification: {criticality: tier-3, data: internal}
serves: {object: product@1, system: odoo, operations: [list]}
",
    good: "\
kind: Interface
name: product-list
type: api
version: 1.0
owner: master-data
lifecycle: retired
successor: products@1
classification: {criticality: tier-3, data: internal}
serves: {object: product@1, system: odoo, operations: [list]}
",
    waivable: true,
    check: passed,
};

fn passed(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in &context.fabric.interfaces {
        let Lifecycle::Deprecated(deprecation) = &interface.lifecycle else { continue };
        if let Some(sunset) = deprecation.sunset.filter(|sunset| *sunset < context.today) {
            let message = format!("`{reference}` was to be gone from {sunset} on, and is still served");
            let finding = Finding::warning(code::SUNSET_PASSED, &interface.place, message);
            report.add(
                reference,
                finding.fix("write `lifecycle: retired`, or name a later sunset and tell its consumers"),
            );
        }
    }
}

pub(crate) const SUCCESSOR: LintRule = LintRule {
    code: code::SUCCESSOR_GONE,
    name: "successor-is-there",
    bad: "\
kind: Interface
name: product-list
type: api
version: 1.0
owner: master-data
lifecycle: retired
successor: product-list@2
classification: {criticality: tier-3, data: internal}
serves: {object: product@1, system: odoo, operations: [list]}
---
kind: Interface
name: product-list
type: api
version: 2.0
lifecycle: draft
serves: {object: product@1, system: odoo, operations: [list]}
",
    good: "\
kind: Interface
name: product-list
type: api
version: 1.0
owner: master-data
lifecycle: retired
successor: products@1
classification: {criticality: tier-3, data: internal}
serves: {object: product@1, system: odoo, operations: [list]}
",
    waivable: true,
    check: gone,
};

fn gone(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in &context.fabric.interfaces {
        let Some(named) = successor(&interface.lifecycle) else { continue };
        let Some(next) = context.fabric.interfaces.get(&named.value) else { continue };
        if !matches!(next.lifecycle, Lifecycle::Active) {
            let message =
                format!("`{reference}` sends its consumers to `{named}`, which is {}", next.lifecycle.as_str());
            let finding = Finding::warning(code::SUCCESSOR_GONE, &named.place, message);
            report.add(reference, finding.fix("name an interface that is active"));
        }
    }
}
