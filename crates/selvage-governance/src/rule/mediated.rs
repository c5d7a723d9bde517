//! Mediated interfaces: the object has the operations, a mapping leads to the system, and its connector serves objects.

use selvage_model::code;
use selvage_model::finding::{Finding, Severity, show};
use selvage_model::manifest::api::{Api, Operation, Serves};
use selvage_model::manifest::system::Connector;
use selvage_model::verb::{Proof, Verb};

use super::LintRule;
use crate::lint::{Context, Report};

pub(crate) const VERB: LintRule = LintRule {
    code: code::VERB_UNFIT,
    name: "object-has-the-operation",
    severity: Severity::Error,
    waivable: false,
    check: verb,
};

fn verb(context: &Context<'_>, report: &mut Report) {
    for (reference, serves) in mediated(context) {
        let object = &serves.object.value;
        for operation in &serves.operations {
            // An object without a mapping is found by another rule.
            let mapping = context.mappings_of(object, &serves.system.value).first();
            let record = mapping.map(|mapping| mapping.record.as_str());
            if let Some(record) = record.filter(|record| is_unfit(operation.value, record)) {
                let having = Verb::records(operation.value).collect::<Vec<_>>().join("`, `");
                let message = format!("`{operation}` is a verb of `{having}`, and `{object}` is a `{record}`");
                let finding = Finding::error(code::VERB_UNFIT, &operation.place, message);
                report.add(reference, finding.fix("remove it, or serve the object that has it"));
            }
            let declared = context.fabric.objects.get(object);
            let fixed = declared.is_some_and(|object| object.attributes.iter().all(|attribute| attribute.read_only));
            let gives = matches!(operation.value, Operation::Create | Operation::Update | Operation::Revise);
            if gives && fixed {
                let message =
                    format!("every attribute of `{object}` is read only, so `{operation}` has nothing to give");
                let finding = Finding::error(code::VERB_UNFIT, &operation.place, message);
                report.add(reference, finding.fix(format!("remove `{operation}`, or let it take some attributes")));
            }
        }
    }
}

pub(crate) const AT_RISK: LintRule = LintRule {
    code: code::VERB_AT_RISK,
    name: "verbs-at-risk-have-a-person",
    severity: Severity::Advice,
    waivable: true,
    check: at_risk,
};

fn at_risk(context: &Context<'_>, report: &mut Report) {
    for (reference, serves) in mediated(context) {
        let mappings = context.mappings_of(&serves.object.value, &serves.system.value);
        let Some(mapping) = mappings.first() else { continue };
        for operation in &serves.operations {
            let verb = Verb::of(operation.value, &mapping.record);
            if verb.is_none_or(|verb| verb.proof() != Proof::AtRisk) {
                continue;
            }
            let message = format!(
                "`{operation}` of `{}` is at-risk: where no answer comes it is not sent again, and a person decides",
                mapping.record
            );
            let finding = AT_RISK.finding(&operation.place, message);
            report.add(reference, finding.fix("say who looks at `selvage operations list`, in a waiver of this rule"));
        }
    }
}

fn is_unfit(operation: Operation, record: &str) -> bool {
    operation.is_verb() && Verb::of(operation, record).is_none()
}

/// Mediated interfaces that take traffic, and what they serve.
pub(super) fn mediated<'a>(
    context: &Context<'a>,
) -> impl Iterator<Item = (&'a selvage_model::name::InterfaceRef, &'a Serves)> {
    context.served().filter_map(|(reference, interface)| match interface.api() {
        Some(Api::Mediated(serves)) => Some((reference, serves)),
        _ => None,
    })
}

pub(crate) const UNMAPPED: LintRule = LintRule {
    code: code::OBJECT_UNMAPPED,
    name: "object-is-mapped",
    severity: Severity::Error,
    waivable: false,
    check: unmapped,
};

fn unmapped(context: &Context<'_>, report: &mut Report) {
    for (reference, serves) in mediated(context) {
        let (object, system) = (&serves.object.value, &serves.system.value);
        let declared = context.fabric.objects.contains_key(object) && context.fabric.systems.contains_key(system);
        if declared && !is_wrong_connector(context, serves) && context.mappings_of(object, system).is_empty() {
            let message = format!("no mapping leads from `{object}` to `{system}`");
            let finding = Finding::error(code::OBJECT_UNMAPPED, &serves.object.place, message);
            let others = context.fabric.mappings.values().filter(|mapping| mapping.object.value == *object);
            let elsewhere: Vec<&str> = others.map(|mapping| mapping.system.value.as_str()).collect();
            report.add(
                reference,
                match elsewhere.first() {
                    Some(elsewhere) => {
                        finding.fix(format!("add a `kind: Mapping`, or serve it from {}", show(elsewhere)))
                    }
                    None => finding.fix("add a `kind: Mapping` of this object and system"),
                },
            );
        }
    }
}

pub(crate) const CONNECTOR: LintRule = LintRule {
    code: code::OBJECT_UNSERVED,
    name: "connector-serves-objects",
    severity: Severity::Error,
    waivable: false,
    check: connector,
};

fn connector(context: &Context<'_>, report: &mut Report) {
    for (reference, serves) in mediated(context) {
        if is_wrong_connector(context, serves) {
            let message = format!("the connector of `{}` does not serve objects", serves.system);
            let finding = Finding::error(code::OBJECT_UNSERVED, &serves.system.place, message);
            report.add(
                reference,
                finding.fix("serve it from an Odoo system, or pass requests on with `control: direct`"),
            );
        }
    }
}

fn is_wrong_connector(context: &Context<'_>, serves: &Serves) -> bool {
    let system = context.fabric.systems.get(&serves.system.value);
    system.is_some_and(|system| system.connector != Connector::Odoo)
}
