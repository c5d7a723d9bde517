//! Names in consumers, grants, subscriptions, flows, approval rules and waivers.

use std::collections::BTreeSet;

use selvage_model::code;
use selvage_model::manifest::flow::{Action, Step};
use selvage_model::source::Spanned;

use super::Search;
use crate::lint::Context;
use crate::rule::RULES;
use crate::rule::cycle::inner;

pub(super) fn search(search: &mut Search<'_, '_>, context: &Context<'_>) {
    consumers(search);
    leases(search);
    flows(search);
    approvals(search);
    waivers(search, context);
}

fn consumers(search: &mut Search<'_, '_>) {
    let fabric = search.fabric;
    let mut owners: BTreeSet<&str> = fabric.teams.keys().map(|name| name.as_str()).collect();
    owners.extend(fabric.domains.keys().map(|name| name.as_str()));
    for consumer in fabric.consumers.values() {
        search.word(&consumer.name, "team or domain", &consumer.owner, &owners);
        if let Some((issuer, _)) = consumer.token_subject() {
            search.key(&consumer.name, "issuer", issuer, &fabric.issuers);
        }
    }
}

fn leases(search: &mut Search<'_, '_>) {
    let fabric = search.fabric;
    for team in fabric.teams.values() {
        if let Some(notices) = &team.notices {
            search.key(&team.name, "system", &notices.system, &fabric.systems);
        }
    }
    for domain in fabric.domains.values() {
        if let Some(notices) = &domain.notices {
            search.key(&domain.name, "system", &notices.system, &fabric.systems);
        }
    }
    for grant in &fabric.grants {
        search.key(&grant.consumer, "consumer", &grant.consumer, &fabric.consumers);
        search.key(&grant.consumer, "interface", &grant.interface, &fabric.interfaces);
    }
    for subscription in &fabric.subscriptions {
        let about = &subscription.consumer;
        search.key(about, "consumer", &subscription.consumer, &fabric.consumers);
        search.key(about, "interface", &subscription.interface, &fabric.interfaces);
        if let Some(deliver) = &subscription.deliver {
            search.key(about, "system", &deliver.system, &fabric.systems);
        }
    }
}

fn flows(search: &mut Search<'_, '_>) {
    let fabric = search.fabric;
    let events = search.events();
    for flow in fabric.flows.values() {
        search.key(&flow.name, "interface", &flow.interface, &fabric.interfaces);
        if let Some(event) = &flow.trigger {
            search.word(&flow.name, "event", event, &events);
        }
        steps(search, &flow.name, &flow.steps, &events);
    }
}

fn steps(search: &mut Search<'_, '_>, flow: &impl ToString, steps_of: &[Step], events: &BTreeSet<&str>) {
    let known = &search.names.systems_and_roles;
    for step in steps_of {
        match &step.action {
            Action::Call { target, undo, .. } => {
                for target in [Some(target), undo.as_ref()].into_iter().flatten() {
                    let system = target.value.split('.').next().unwrap_or_default().to_owned();
                    search.word(flow, "system or role", &Spanned::new(system, target.place.clone()), known);
                }
            }
            Action::Emit { event, .. } => search.word(flow, "event", event, events),
            Action::Wait { event: Some(event), .. } => search.word(flow, "event", event, events),
            Action::Approve { by, .. } => search.key(flow, "team", by, &search.fabric.teams),
            _ => {}
        }
        for inner in inner(step) {
            steps(search, flow, inner, events);
        }
    }
}

fn approvals(search: &mut Search<'_, '_>) {
    let seats = search.fabric.domains.values().flat_map(|domain| &domain.board);
    let mut who: BTreeSet<&str> = seats.map(|(discipline, _)| discipline.value.as_str()).collect();
    who.extend(["owner", "affected-consumers", "board"]);
    for rule in search.fabric.approval_rules.values() {
        for require in &rule.require {
            search.word(&rule.name, "approver", require, &who);
        }
    }
    for waiver in &search.fabric.waivers {
        for approver in &waiver.approved_by {
            search.word(&waiver.on, "approver", approver, &who);
        }
    }
}

fn waivers(search: &mut Search<'_, '_>, context: &Context<'_>) {
    let fabric = search.fabric;
    let mut rules: BTreeSet<&str> = RULES.iter().flat_map(|rule| [rule.code.as_str(), rule.name]).collect();
    rules.extend(fabric.rules.keys().map(|name| name.as_str()));
    // Judged when a change is proposed, by what was used and by what was there before, and when a gate has tried it.
    rules.extend([code::RETIREMENT_EARLY, code::ACCESS_ENDING, code::FAULTS_UNTRIED].map(|code| code.as_str()));
    if fabric.waivers.is_empty() {
        return;
    }
    let names = context.names();
    let known: Vec<String> = names.iter().cloned().collect();
    for waiver in &fabric.waivers {
        search.word(&waiver.on, "rule", &waiver.rule, &rules);
        // What is delivered is tried for each subscription, so that one may be waived by itself.
        let is_untried = waiver.rule.value == code::FAULTS_UNTRIED.as_str();
        let is_one = || fabric.subscriptions.iter().any(|it| it.label().as_ref() == Some(&waiver.on.value));
        if !(names.contains(&waiver.on.value) || is_untried && is_one()) {
            let what = "interface, object, mapping, system, code set, issuer, flow, team or consumer";
            search.note(&waiver.on, what, &waiver.on, &known);
        }
    }
}
