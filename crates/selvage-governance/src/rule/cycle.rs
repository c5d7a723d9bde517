//! Things that wait for each other: environments, steps of flows, successors.

use std::collections::BTreeMap;

use selvage_model::code;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::flow::{Action, Step};
use selvage_model::source::Place;

use super::LintRule;
use super::lifecycle::successor;
use crate::graph::rings;
use crate::lint::{Context, Report};

pub(crate) const CYCLE: LintRule = LintRule {
    code: code::CYCLE,
    name: "nothing-waits-for-itself",
    severity: Severity::Error,
    waivable: false,
    check: cycles,
};

fn cycles(context: &Context<'_>, report: &mut Report) {
    environments(context, report);
    flows(context, report);
    successors(context, report);
}

fn environments(context: &Context<'_>, report: &mut Report) {
    let Some(settings) = &context.fabric.settings else { return };
    let mut waits = BTreeMap::new();
    let mut places = BTreeMap::new();
    for environment in &settings.environments {
        let name = environment.name.value.as_str();
        waits.insert(name, environment.after.iter().map(|after| after.value.as_str()).collect());
        places.insert(name, &environment.name.place);
    }
    tell(&settings.name, &waits, &places, "environments wait for each other", report);
}

fn flows(context: &Context<'_>, report: &mut Report) {
    for flow in context.fabric.flows.values() {
        let mut waits = BTreeMap::new();
        let mut places = BTreeMap::new();
        collect(&flow.steps, &mut waits, &mut places);
        tell(&flow.name, &waits, &places, "steps wait for each other", report);
    }
}

/// A step waits for those that it names, or else for the one before it.
fn collect<'a>(
    steps: &'a [Step],
    waits: &mut BTreeMap<&'a str, Vec<&'a str>>,
    places: &mut BTreeMap<&'a str, &'a Place>,
) {
    let mut before: Option<&str> = None;
    for step in steps {
        let id = step.id.value.as_str();
        let named: Vec<&str> = step.after.iter().map(|after| after.value.as_str()).collect();
        waits.insert(id, if named.is_empty() { before.into_iter().collect() } else { named });
        places.insert(id, &step.id.place);
        before = Some(id);
        for inner in inner(step) {
            collect(inner, waits, places);
        }
    }
}

/// The steps inside a step.
pub(crate) fn inner(step: &Step) -> Vec<&[Step]> {
    match &step.action {
        Action::Choose { branches } => branches.iter().map(|(_, steps)| steps.as_slice()).collect(),
        Action::Parallel { branches } => branches.iter().map(Vec::as_slice).collect(),
        Action::ForEach { steps, .. } => vec![steps],
        _ => Vec::new(),
    }
}

fn successors(context: &Context<'_>, report: &mut Report) {
    let interfaces = &context.fabric.interfaces;
    let named: Vec<(String, Option<String>, &Place)> = interfaces
        .iter()
        .map(|(reference, interface)| {
            let successor = successor(&interface.lifecycle);
            let place = successor.map_or(&interface.place, |successor| &successor.place);
            (reference.to_string(), successor.map(|successor| successor.value.to_string()), place)
        })
        .collect();
    let waits =
        named.iter().map(|(name, next, _)| (name.as_str(), next.iter().map(String::as_str).collect())).collect();
    let places = named.iter().map(|(name, _, place)| (name.as_str(), *place)).collect();
    tell("interfaces", &waits, &places, "interfaces succeed each other", report);
}

fn tell<'a>(
    about: &(impl ToString + ?Sized),
    waits: &BTreeMap<&'a str, Vec<&'a str>>,
    places: &BTreeMap<&'a str, &'a Place>,
    what: &str,
    report: &mut Report,
) {
    for ring in rings(waits) {
        let Some((first, place)) = ring.first().and_then(|first| Some((first, places.get(first)?))) else { continue };
        let path = ring.iter().chain([first]).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" → ");
        let finding = Finding::error(code::CYCLE, place, format!("{what}: {path}"));
        report.add(about, finding.fix("let one of them wait for none of the others"));
    }
}
