//! Expressions can be read. What they look at is checked where they are used.

use selvage_mapping::expression::Expression;
use selvage_model::code;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::flow::{Action, Step};
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::source::Spanned;

use super::LintRule;
use super::cycle::inner;
use crate::lint::{Context, Report};

pub(crate) const BROKEN: LintRule = LintRule {
    code: code::EXPRESSION_BROKEN,
    name: "expressions-can-be-read",
    severity: Severity::Error,
    waivable: false,
    check: broken,
};

fn broken(context: &Context<'_>, report: &mut Report) {
    let fabric = context.fabric;
    for rule in fabric.rules.values() {
        read(&rule.name, &rule.when, report);
    }
    for rule in fabric.approval_rules.values() {
        read(&rule.name, &rule.when, report);
    }
    for (reference, object) in &fabric.objects {
        for condition in object.authority.iter().filter_map(|authority| authority.condition.as_ref()) {
            read(reference, condition, report);
        }
    }
    for (reference, interface) in &fabric.interfaces {
        if let InterfaceBody::Event(body) = &interface.body {
            for when in body.events.iter().filter_map(|event| event.when.as_ref()) {
                read(reference, when, report);
            }
        }
    }
    for flow in fabric.flows.values() {
        steps(&flow.name, &flow.steps, report);
    }
}

fn steps(flow: &impl ToString, steps_of: &[Step], report: &mut Report) {
    for step in steps_of {
        if let Some(when) = &step.when {
            read(flow, when, report);
        }
        match &step.action {
            Action::Choose { branches } => branches.iter().for_each(|(when, _)| read(flow, when, report)),
            Action::ForEach { each, .. } => read(flow, each, report),
            _ => {}
        }
        for inner in inner(step) {
            steps(flow, inner, report);
        }
    }
}

fn read(about: &impl ToString, text: &Spanned<String>, report: &mut Report) {
    if let Err(error) = Expression::parse(&text.value) {
        let finding =
            Finding::error(code::EXPRESSION_BROKEN, &text.place, format!("the expression cannot be read: {error}"));
        report.add(about, finding.fix("write it in CEL: `interface.criticality == 'tier-1'`"));
    }
}
