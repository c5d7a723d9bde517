//! Flows come to an end, forwards or back: what was done can be undone until the pivot, and every wait is bounded.

use selvage_model::code;
use selvage_model::finding::Severity;
use selvage_model::manifest::flow::{Action, Flow, OnFailure, Step};

use super::LintRule;
use super::cycle::inner;
use crate::lint::{Context, Report};

/// The steps of a flow in the order written, those inside others after them.
fn steps(flow: &Flow) -> Vec<&Step> {
    fn collect<'a>(steps: &'a [Step], found: &mut Vec<&'a Step>) {
        for step in steps {
            found.push(step);
            inner(step).into_iter().for_each(|steps| collect(steps, found));
        }
    }
    let mut found = Vec::new();
    collect(&flow.steps, &mut found);
    found
}

/// Verbs that change nothing.
const READS: [&str; 3] = ["get", "list", "read"];

pub(crate) const UNDO: LintRule = LintRule {
    code: code::STEP_UNDONE,
    name: "steps-can-be-undone",
    severity: Severity::Warning,
    waivable: true,
    check: undo,
};

fn undo(context: &Context<'_>, report: &mut Report) {
    for flow in context.fabric.flows.values().filter(|flow| flow.on_failure == OnFailure::Undo) {
        let steps = steps(flow);
        let is_pivot = |step: &&Step| matches!(step.action, Action::Call { pivot: true, .. });
        // From the pivot on it goes forward only, and what comes last need not be undone.
        let end = steps.iter().position(is_pivot).unwrap_or(steps.len().saturating_sub(1));
        for step in steps.iter().take(end) {
            let Action::Call { target, undo: None, .. } = &step.action else { continue };
            let verb = target.value.rsplit('.').next().unwrap_or_default();
            if !READS.contains(&verb) {
                let message =
                    format!("the flow `{}` is undone on failure, and nothing undoes its step `{}`", flow.name, step.id);
                let finding = UNDO.finding(&step.id.place, message);
                let fix = "add `undo: {call: …}`, make it the `pivot`, or let the flow `park` on failure";
                report.add(&flow.name, finding.fix(fix));
            }
        }
    }
}

pub(crate) const PIVOT: LintRule =
    LintRule { code: code::PIVOTS, name: "one-pivot", severity: Severity::Error, waivable: false, check: pivot };

fn pivot(context: &Context<'_>, report: &mut Report) {
    for flow in context.fabric.flows.values() {
        let mut first: Option<&Step> = None;
        for step in steps(flow) {
            let Action::Call { pivot: true, undo, .. } = &step.action else { continue };
            let message = match (undo, first) {
                (Some(_), _) => format!("the step `{}` says how it is undone, and that it cannot be", step.id),
                (None, Some(first)) => {
                    format!(
                        "`{}` and `{}` are both the pivot: what is before the second could not be undone",
                        first.id, step.id
                    )
                }
                (None, None) => {
                    first = Some(step);
                    continue;
                }
            };
            let finding = PIVOT.finding(&step.id.place, message);
            report
                .add(&flow.name, finding.fix("keep one pivot, without `undo`, and let everything after it go forward"));
        }
    }
}

pub(crate) const APPROVAL: LintRule = LintRule {
    code: code::APPROVAL_OPEN,
    name: "approvals-end",
    severity: Severity::Warning,
    waivable: true,
    check: approval,
};

fn approval(context: &Context<'_>, report: &mut Report) {
    for flow in context.fabric.flows.values() {
        for step in steps(flow) {
            let Action::Approve { by, within: None, .. } = &step.action else { continue };
            let message = format!("`{by}` may take for ever over the step `{}` of `{}`", step.id, flow.name);
            let finding = APPROVAL.finding(&step.id.place, message);
            report.add(&flow.name, finding.fix("add `within: 4h`, and whom to `escalate` to"));
        }
    }
}

pub(crate) const WAIT: LintRule =
    LintRule { code: code::WAIT_OPEN, name: "waits-end", severity: Severity::Warning, waivable: true, check: wait };

fn wait(context: &Context<'_>, report: &mut Report) {
    for flow in context.fabric.flows.values() {
        for step in steps(flow) {
            let Action::Wait { time: None, event: Some(event) } = &step.action else { continue };
            let message =
                format!("the step `{}` of `{}` waits for `{event}`, which may never come", step.id, flow.name);
            let finding = WAIT.finding(&step.id.place, message);
            report.add(&flow.name, finding.fix("add `for:` beside `event`, and a step that looks at what has come"));
        }
    }
}

pub(crate) const LANE: LintRule = LintRule {
    code: code::FLOW_LANE,
    name: "runs-have-a-lane",
    severity: Severity::Advice,
    waivable: true,
    check: lane,
};

fn lane(context: &Context<'_>, report: &mut Report) {
    for flow in context.fabric.flows.values().filter(|flow| flow.trigger.is_some() && flow.lane.is_none()) {
        let message = format!("two runs of `{}` about the same thing may overtake each other", flow.name);
        let finding = LANE.finding(&flow.place, message);
        report.add(&flow.name, finding.fix("add `lane: event.data.<identity>`"));
    }
}
