//! Direct interfaces, when they should not be; and what only direct interfaces can be told about checks.

use std::collections::BTreeMap;

use selvage_model::code;
use selvage_model::finding::Severity;
use selvage_model::manifest::api::Api;
use selvage_model::manifest::interface::{Check, Interface, Lifecycle};
use selvage_model::manifest::system::Connector;
use selvage_model::name::{InterfaceRef, SystemName};

use super::LintRule;
use crate::lint::{Context, Report};

pub(crate) const ERP: LintRule = LintRule {
    code: code::DIRECT_ERP,
    name: "no-direct-erp-internals",
    severity: Severity::Advice,
    waivable: true,
    check: erp,
};

fn erp(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served() {
        let Some(Api::Direct { upstream, .. }) = interface.api() else { continue };
        let system = context.fabric.systems.get(&upstream.system.value);
        let is_odoo = system.is_some_and(|system| system.connector == Connector::Odoo);
        if is_odoo && !is_excused(context, &ERP, interface) {
            let message = format!(
                "`{reference}` passes requests to Odoo as they are: its consumers depend on Odoo's own records"
            );
            let finding = ERP.finding(&upstream.system.place, message);
            report.add(reference, finding.fix(way_out(context, &ERP, "serve an object instead (`control: mediated`)")));
        }
    }
}

/// Whether the interface's own `because` is enough: not where the rule is a guardrail, which the interface's domain loosens by no word.
fn is_excused(context: &Context<'_>, rule: &LintRule, interface: &Interface) -> bool {
    interface.because.is_some() && !context.is_guardrail(rule.name)
}

fn way_out(context: &Context<'_>, rule: &LintRule, instead: &str) -> String {
    if context.is_guardrail(rule.name) {
        return format!("{instead}; it is a guardrail, of which only the fabric's own file takes a waiver");
    }
    format!("{instead}, or say why not with `because`")
}

pub(crate) const UNCHECKED: LintRule = LintRule {
    code: code::DIRECT_UNCHECKED,
    name: "mediated-is-always-checked",
    severity: Severity::Error,
    waivable: false,
    check: unchecked,
};

fn unchecked(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served() {
        let is_mediated = matches!(interface.api(), Some(Api::Mediated(_)));
        if is_mediated && interface.validation.request != Check::Enforce {
            let message =
                format!("`{reference}` is mediated: what does not fit the object is refused, whatever it says");
            let finding = UNCHECKED.finding(&interface.place, message);
            report.add(reference, finding.fix("write `validation: {request: enforce}`, or leave it out"));
        }
    }
}

pub(crate) const SEVERAL: LintRule = LintRule {
    code: code::SYSTEMS_SHOW,
    name: "one-interface-for-many-systems",
    severity: Severity::Advice,
    waivable: true,
    check: several,
};

/// The same contract from several systems: consumers choose systems, and know when one is replaced.
fn several(context: &Context<'_>, report: &mut Report) {
    let mut first: BTreeMap<&str, (&InterfaceRef, &SystemName, bool)> = BTreeMap::new();
    let active = context.fabric.interfaces.iter().filter(|(_, interface)| interface.lifecycle == Lifecycle::Active);
    for (reference, interface) in active {
        let Some(Api::Direct { openapi, upstream, .. }) = interface.api() else { continue };
        let says_why = is_excused(context, &SEVERAL, interface);
        let (other, system, said_why) =
            *first.entry(&openapi.value).or_insert((reference, &upstream.system.value, says_why));
        if *system != upstream.system.value && !says_why && !said_why {
            let message = format!(
                "`{reference}` offers of `{}` what `{other}` offers of `{system}`: its consumers have to choose systems",
                upstream.system
            );
            let finding = SEVERAL.finding(&upstream.system.place, message);
            let instead = "serve one object of both (`control: mediated`)";
            report.add(reference, finding.fix(way_out(context, &SEVERAL, instead)));
        }
    }
}
