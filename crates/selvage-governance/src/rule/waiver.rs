//! Waivers: a rule set aside for one thing until a day. One that has ended, that sets nothing aside or that sets aside
//! what must hold is itself a finding.

use selvage_model::code;
use selvage_model::finding::Finding;
use selvage_model::manifest::rule::Waiver;

use super::LintRule;
use crate::lint::{Context, Found, Report};

pub(crate) const OVER: LintRule = LintRule {
    code: code::WAIVER_OVER,
    name: "waiver-has-not-ended",
    bad: "\
kind: Waiver
rule: FAB2107
on: products@1
because: The vendor's API has no paging
until: 2026-03-01
approved_by: [board]
",
    good: "\
kind: Interface
name: whole-list
type: api
version: 1.0
owner: erp-team
classification: {criticality: tier-3, data: internal}
contract: {openapi: contracts/whole-list.yaml}
upstream: {system: wms, path: /api/stock}
---
kind: Waiver
rule: FAB2107
on: whole-list@1
because: The vendor's API has no paging
until: 2027-03-01
approved_by: [board]
",
    waivable: false,
    check: over,
};

fn over(context: &Context<'_>, report: &mut Report) {
    for waiver in context.fabric.waivers.iter().filter(|waiver| has_ended(context, waiver)) {
        let message = format!("the waiver of `{}` on `{}` ended on {}", waiver.rule, waiver.on, waiver.until);
        let finding = Finding::error(code::WAIVER_OVER, &waiver.until.place, message);
        report.add(&waiver.on, finding.fix("resolve what it was for and remove it, or have a new end approved"));
    }
}

fn has_ended(context: &Context<'_>, waiver: &Waiver) -> bool {
    waiver.until.value < context.today
}

pub(crate) const IDLE: LintRule = LintRule {
    code: code::WAIVER_IDLE,
    name: "waiver-is-needed",
    bad: "\
kind: Waiver
rule: FAB2107
on: products@1
because: It was so once
until: 2027-03-01
approved_by: [board]
",
    good: "\
kind: Interface
name: whole-list
type: api
version: 1.0
owner: erp-team
classification: {criticality: tier-3, data: internal}
contract: {openapi: contracts/whole-list.yaml}
upstream: {system: wms, path: /api/stock}
---
kind: Waiver
rule: FAB2107
on: whole-list@1
because: The vendor's API has no paging
until: 2027-03-01
approved_by: [board]
",
    waivable: false,
    check: nothing,
};

/// Found when waivers are applied.
fn nothing(_: &Context<'_>, _: &mut Report) {}

pub(crate) const REFUSED: LintRule = LintRule {
    code: code::WAIVER_REFUSED,
    name: "waiver-is-allowed",
    bad: "\
kind: Fabric
name: velo-works
environments: {dev: {}, test: {}}
guardrails: [lists-have-pages]
---
kind: Interface
name: drawings
type: api
version: 1.0
owner: erp-team
classification: {criticality: tier-3, data: internal}
contract: {openapi: contracts/stock.yaml}
upstream: {system: wms}
---
kind: Waiver
rule: lists-have-pages
on: drawings@1
because: It was so always
until: 2027-03-01
approved_by: [board]
",
    good: "\
kind: Fabric
name: velo-works
environments: {dev: {}, test: {}}
guardrails: [lists-have-pages]
---
kind: Interface
name: drawings
type: api
version: 1.0
owner: erp-team
classification: {criticality: tier-3, data: internal}
contract: {openapi: contracts/stock.yaml}
upstream: {system: wms}
",
    waivable: false,
    check: refused,
};

fn refused(context: &Context<'_>, report: &mut Report) {
    for waiver in &context.fabric.waivers {
        let why = if is_guardrail(context, waiver) {
            "it is a guardrail of the fabric"
        } else if context.rule(&waiver.rule.value).is_some_and(|rule| !rule.waivable) {
            "without it the fabric could not run, or could not be trusted"
        } else {
            continue;
        };
        let message = format!("`{}` cannot be waived: {why}", waiver.rule);
        let finding = Finding::error(code::WAIVER_REFUSED, &waiver.rule.place, message);
        report.add(&waiver.on, finding.fix("resolve what it was for, and remove the waiver"));
    }
}

fn is_guardrail(context: &Context<'_>, waiver: &Waiver) -> bool {
    let guardrails = context.fabric.settings.iter().flat_map(|settings| &settings.guardrails);
    let names = |name: &str| {
        name == waiver.rule.value || context.rule(&waiver.rule.value).is_some_and(|rule| rule.name == name)
    };
    guardrails.into_iter().any(|guardrail| names(guardrail.value.as_str()))
}

/// Whether a rule of this word may be waived.
fn is_waivable(context: &Context<'_>, waiver: &Waiver) -> bool {
    let own = context.fabric.rules.keys().any(|name| name.as_str() == waiver.rule.value);
    let built_in = context.rule(&waiver.rule.value).is_some_and(|rule| rule.waivable);
    (own || built_in) && !is_guardrail(context, waiver)
}

/// Sets findings aside, and finds waivers that set nothing aside.
pub(crate) fn apply(context: &Context<'_>, report: &mut Report) {
    let alive =
        context.fabric.waivers.iter().filter(|waiver| !has_ended(context, waiver) && is_waivable(context, waiver));
    for waiver in alive {
        let before = report.found.len();
        report.found.retain(|found| !concerns(context, waiver, found));
        if report.found.len() == before && context.fabric_knows(&waiver.on.value) {
            let message = format!("the waiver of `{}` on `{}` sets nothing aside", waiver.rule, waiver.on);
            let finding = Finding::warning(code::WAIVER_IDLE, &waiver.rule.place, message);
            report.add(&waiver.on, finding.fix("remove it: what it was for is resolved"));
        }
    }
}

fn concerns(context: &Context<'_>, waiver: &Waiver, found: &Found) -> bool {
    let rule = match &found.own_rule {
        Some(own) => *own == waiver.rule.value,
        None => context.rule(&waiver.rule.value).is_some_and(|rule| rule.code == found.finding.code),
    };
    rule && found.about.contains(&waiver.on.value)
}
