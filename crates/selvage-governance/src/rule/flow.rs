//! Flows and interfaces of type flow belong together, one to one.

use std::collections::BTreeMap;

use selvage_model::code;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::interface::InterfaceBody;

use super::LintRule;
use crate::lint::{Context, Report};

pub(crate) const INTERFACE: LintRule = LintRule {
    code: code::FLOW_INTERFACE,
    name: "flow-has-its-interface",
    severity: Severity::Error,
    waivable: false,
    check: interface,
};

fn interface(context: &Context<'_>, report: &mut Report) {
    let mut governed = BTreeMap::new();
    for flow in context.fabric.flows.values() {
        let reference = &flow.interface;
        if let Some(other) = governed.insert(&reference.value, &flow.name) {
            let message = format!("`{reference}` governs the flow `{other}` already");
            let finding = Finding::error(code::FLOW_INTERFACE, &reference.place, message);
            report.add(&flow.name, finding.fix("give each flow an interface of its own"));
        }
        let Some(interface) = context.fabric.interfaces.get(&reference.value) else { continue };
        if !matches!(interface.body, InterfaceBody::Flow) {
            let message = format!("`{reference}` is of type {}, not flow", interface.body.type_word());
            let finding = Finding::error(code::FLOW_INTERFACE, &reference.place, message);
            report.add(&flow.name, finding.fix("declare an interface of `type: flow` for it"));
        }
    }
    for (reference, interface) in context.served() {
        if matches!(interface.body, InterfaceBody::Flow) && !governed.contains_key(reference) {
            let message = format!("no flow names `{reference}`");
            let finding = Finding::error(code::FLOW_INTERFACE, &interface.place, message);
            report.add(reference, finding.fix("add a `kind: Flow` with this `interface`, or write `lifecycle: draft`"));
        }
    }
}
