//! Flow and its steps.

use std::collections::BTreeMap;

use super::fields::Fields;
use crate::code;
use crate::finding::{Finding, show};
use crate::manifest::flow::{Action, Backoff, Flow, OnFailure, Step};
use crate::read::undeclared;
use crate::scalar;
use crate::schema::tables::flow::{ACTIONS, APPROVE, BRANCH, CHOICE, RETRY, STEP, TRIGGER, UNDO, WAIT};
use crate::source::Place;
use crate::yaml::Node;

pub(super) fn flow(fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<Flow> {
    let steps = steps(fields.items("steps"), findings);
    let mut ids = BTreeMap::new();
    declare(&steps, &mut ids, findings);
    refer(&steps, &ids, findings);
    Some(Flow {
        place: fields.place().clone(),
        name: fields.parse("name")?,
        interface: fields.spanned("interface")?,
        trigger: fields.record("trigger", &TRIGGER).and_then(|trigger| trigger.spanned_text("event")),
        lane: fields.text("lane"),
        on_failure: fields
            .word("on_failure", &[("undo", OnFailure::Undo), ("park", OnFailure::Park)])
            .unwrap_or(OnFailure::Park),
        scenarios: fields.spanned_text("scenarios"),
        steps,
    })
}

fn steps(nodes: &[Node], findings: &mut Vec<Finding>) -> Vec<Step> {
    nodes.iter().filter_map(|node| step(node, findings)).collect()
}

fn step(node: &Node, findings: &mut Vec<Finding>) -> Option<Step> {
    let fields = Fields::new(node, &STEP);
    let chosen = ACTIONS.iter().copied().find(|name| fields.given(name))?;
    for (name, whose) in [
        ("undo", &["call"][..]),
        ("pivot", &["call"]),
        ("retry", &["call"]),
        ("with", &["call", "emit"]),
        ("steps", &["for_each"]),
    ] {
        if let (Some(node), false) = (fields.node(name), whose.contains(&chosen)) {
            let message = format!("`{name}` belongs to {}, not to `{chosen}`", crate::read::one_of(whose));
            findings.push(Finding::error(code::FIELDS_CLASH, &node.place, message).fix("remove it"));
        }
    }
    // Before anything is missed: what stands inside is read in any case.
    let action = action(chosen, fields, findings);
    Some(Step {
        id: fields.spanned_text("id")?,
        when: fields.spanned_text("when"),
        after: fields.texts("after"),
        action: action?,
    })
}

fn action(chosen: &str, fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<Action> {
    Some(match chosen {
        "call" => call(fields)?,
        "emit" => Action::Emit { event: fields.spanned_text("emit")?, with: fields.value("with") },
        "wait" => wait(fields.record("wait", &WAIT)?, findings)?,
        "approve" => {
            let fields = fields.record("approve", &APPROVE)?;
            let within = fields.with("within", scalar::duration);
            Action::Approve { by: fields.spanned("by")?, within, escalate: fields.text("escalate") }
        }
        "map" => Action::Map { with: fields.value("map")? },
        "choose" => {
            let mut branches = Vec::new();
            for node in fields.items("choose") {
                let fields = Fields::new(node, &CHOICE);
                let steps = steps(fields.items("steps"), findings);
                branches.extend(fields.spanned_text("when").map(|when| (when, steps)));
            }
            Action::Choose { branches }
        }
        "parallel" => {
            let branch = |node| steps(Fields::new(node, &BRANCH).items("steps"), findings);
            Action::Parallel { branches: fields.items("parallel").iter().map(branch).collect() }
        }
        "for_each" => {
            if !fields.has("steps") {
                let finding = Finding::error(code::MISSING_FIELD, fields.place(), "`for_each` needs the field `steps`");
                findings.push(finding.fix("add the steps that run for each element"));
            }
            let steps = steps(fields.items("steps"), findings);
            Action::ForEach { each: fields.spanned_text("for_each")?, steps }
        }
        _ => return None,
    })
}

fn call(fields: Fields<'_>) -> Option<Action> {
    let retry = fields.record("retry", &RETRY);
    Some(Action::Call {
        target: fields.spanned_text("call")?,
        with: fields.value("with"),
        undo: fields.record("undo", &UNDO).and_then(|undo| undo.spanned_text("call")),
        pivot: fields.flag("pivot"),
        attempts: retry.and_then(|retry| retry.with("attempts", scalar::integer)),
        backoff: retry
            .and_then(|retry| {
                retry.word("backoff", &[("exponential", Backoff::Exponential), ("fixed", Backoff::Fixed)])
            })
            .unwrap_or(Backoff::Exponential),
    })
}

fn wait(fields: Fields<'_>, findings: &mut Vec<Finding>) -> Option<Action> {
    if !fields.has("for") && !fields.has("event") {
        let finding = Finding::error(code::MISSING_FIELD, fields.place(), "`wait` does not say what for");
        findings.push(finding.fix("add `for: <duration>` or `event: <event type>`"));
        return None;
    }
    Some(Action::Wait { time: fields.with("for", scalar::duration), event: fields.spanned_text("event") })
}

/// The steps inside a step.
fn inner(step: &Step) -> Vec<&[Step]> {
    match &step.action {
        Action::Choose { branches } => branches.iter().map(|(_, steps)| steps.as_slice()).collect(),
        Action::Parallel { branches } => branches.iter().map(Vec::as_slice).collect(),
        Action::ForEach { steps, .. } => vec![steps],
        _ => Vec::new(),
    }
}

fn declare<'a>(steps: &'a [Step], ids: &mut BTreeMap<&'a str, &'a Place>, findings: &mut Vec<Finding>) {
    for step in steps {
        if let Some(first) = ids.get(step.id.value.as_str()) {
            let message = format!("the step {} stands twice; first in line {}", show(&step.id.value), first.line);
            findings.push(Finding::error(code::DUPLICATE_KEY, &step.id.place, message).fix("rename one of them"));
        } else {
            ids.insert(&step.id.value, &step.id.place);
        }
        for steps in inner(step) {
            declare(steps, ids, findings);
        }
    }
}

fn refer(steps: &[Step], ids: &BTreeMap<&str, &Place>, findings: &mut Vec<Finding>) {
    for step in steps {
        for name in step.after.iter().filter(|name| !ids.contains_key(name.value.as_str())) {
            let message = format!("the flow has no step {}", show(&name.value));
            let finding = Finding::error(code::BAD_VALUE, &name.place, message);
            undeclared(finding, &name.value, ids.keys().copied(), "name a step of this flow", findings);
        }
        for steps in inner(step) {
            refer(steps, ids, findings);
        }
    }
}
