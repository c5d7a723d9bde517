//! Events: facts in order, kept for a time, from one producer.

use std::collections::BTreeMap;

use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::{Severity, show};
use selvage_model::manifest::event::{Carried, EventInterface};
use selvage_model::manifest::interface::{Interface, InterfaceBody};
use selvage_model::manifest::object::{Attribute, Shape};
use selvage_model::manifest::system::Zone;
use selvage_model::name::InterfaceRef;

use super::LintRule;
use crate::lint::{Context, Report};

/// Interfaces of type event that carry something.
pub(super) fn events<'a>(
    context: &Context<'a>,
) -> impl Iterator<Item = (&'a InterfaceRef, &'a Interface, &'a EventInterface)> {
    context.served().filter_map(|(reference, interface)| match &interface.body {
        InterfaceBody::Event(event) => Some((reference, interface, event)),
        _ => None,
    })
}

pub(crate) const FACT: LintRule = LintRule {
    code: code::EVENT_COMMAND,
    name: "events-are-facts",
    severity: Severity::Advice,
    waivable: true,
    check: fact,
};

/// Words that tell somebody to do something.
pub(super) const COMMANDS: &[&str] = &[
    "add", "approve", "archive", "cancel", "change", "close", "create", "delete", "finish", "notify", "pause",
    "process", "publish", "receive", "release", "remove", "report", "request", "send", "ship", "start", "stop", "sync",
    "trigger", "update", "upsert",
];

fn fact(context: &Context<'_>, report: &mut Report) {
    for (reference, _, event) in events(context) {
        for declared in &event.events {
            let last = declared.name.value.rsplit('.').next().unwrap_or_default();
            if COMMANDS.contains(&last) {
                let name = show(&declared.name.value);
                let message = format!("{name} tells somebody to do something; an event says what has happened");
                let finding = FACT.finding(&declared.name.place, message);
                report
                    .add(reference, finding.fix("name the fact: `released`, `changed`; what is to be done is a call"));
            }
        }
    }
}

pub(crate) const LANE: LintRule = LintRule {
    code: code::EVENT_LANE,
    name: "events-have-lanes",
    severity: Severity::Warning,
    waivable: true,
    check: lane,
};

fn lane(context: &Context<'_>, report: &mut Report) {
    for (reference, interface, event) in events(context) {
        if event.lane.is_none() {
            let message = format!("`{reference}` does not say what orders its events: a later fact may come first");
            let finding = LANE.finding(&interface.place, message);
            report.add(reference, finding.fix("add `lane: data.<attribute>`, the identity of what changes"));
        }
    }
}

pub(crate) const RETENTION: LintRule = LintRule {
    code: code::EVENT_RETENTION,
    name: "events-are-kept",
    severity: Severity::Warning,
    waivable: true,
    check: retention,
};

fn retention(context: &Context<'_>, report: &mut Report) {
    for (reference, interface, event) in events(context) {
        if event.retention.is_none() {
            let message = format!("`{reference}` does not say how long its events are kept for those who were away");
            let finding = RETENTION.finding(&interface.place, message);
            report.add(reference, finding.fix("add `retention: {for: 30d}`: longer than any consumer may be away"));
        }
    }
}

pub(crate) const LANE_ATTRIBUTE: LintRule = LintRule {
    code: code::LANE_UNKNOWN,
    name: "lane-is-an-attribute",
    severity: Severity::Error,
    waivable: false,
    check: lane_attribute,
};

fn lane_attribute(context: &Context<'_>, report: &mut Report) {
    for (reference, interface, event) in events(context) {
        let Some(lane) = &event.lane else { continue };
        let path = lane.strip_prefix("data.").unwrap_or_default();
        for declared in &event.events {
            let (found, of, fix) = match &declared.carried {
                Carried::Object(object) => {
                    let Some(known) = context.fabric.objects.get(&object.value) else { continue };
                    // Which record it is: each has that, whatever its attributes.
                    let found = orders(&known.attributes, path).or((path == "id").then_some(true));
                    (found, format!("`{object}`"), "write `data.` and an attribute of the object, or `data.id`")
                }
                Carried::Schema(file) => {
                    let Some(schema) = context.fabric.schemas.get(&file.value) else { continue };
                    let found = schema.orders(&path.split('.').collect::<Vec<_>>());
                    let fix = "write `data.` and a member that the schema requires, a text or a whole number";
                    (found, format!("the schema of {}", show(&declared.name.value)), fix)
                }
            };
            let message = match found {
                Some(true) => continue,
                None => format!("the lane {} of `{reference}` is nothing of {of}", show(lane)),
                Some(false) if declared.schema().is_some() => {
                    format!("the lane {} of `{reference}` is not always a text or a whole number in {of}", show(lane))
                }
                Some(false) => {
                    format!("the lane {} of `{reference}` is no text in {of}: it orders nothing", show(lane))
                }
            };
            report.add(reference, LANE_ATTRIBUTE.finding(&interface.place, message).fix(fix));
            break;
        }
    }
}

/// Whether what a path leads to can be the key of a lane: a text or a whole number. `None` where it leads to nothing.
fn orders(attributes: &[Attribute], path: &str) -> Option<bool> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let attribute = attributes.iter().find(|attribute| attribute.name.value.as_str() == first)?;
    match (&attribute.shape, rest) {
        (Shape::Group(members), Some(rest)) => orders(members, rest),
        (Shape::Quantity { .. }, Some("value" | "unit")) | (Shape::Money, Some("amount" | "currency")) => Some(true),
        (_, Some(_)) => None,
        (Shape::Boolean | Shape::Quantity { .. } | Shape::Money | Shape::List(_) | Shape::Group(_), None) => {
            Some(false)
        }
        (_, None) => Some(true),
    }
}

pub(crate) const PRODUCER: LintRule = LintRule {
    code: code::EVENT_PRODUCERS,
    name: "one-producer-of-an-event",
    severity: Severity::Error,
    waivable: true,
    check: producer,
};

fn producer(context: &Context<'_>, report: &mut Report) {
    let mut first: BTreeMap<&str, (&InterfaceRef, &EventInterface)> = BTreeMap::new();
    for (reference, _, event) in events(context) {
        for declared in &event.events {
            let (other, known) = *first.entry(&declared.name.value).or_insert((reference, event));
            let is_other = other.name != reference.name && !at_different_sites(context.fabric, known, event);
            if is_other {
                let message = format!("{} comes from `{other}` already", show(&declared.name.value));
                let finding = PRODUCER.finding(&declared.name.place, message);
                let fix = "let one interface produce it; what others know of the object feeds that by their authority";
                report.add(reference, finding.fix(fix));
            }
        }
    }
}

/// Each plant may have a producer of its own.
fn at_different_sites(fabric: &Fabric, one: &EventInterface, other: &EventInterface) -> bool {
    let site = |event: &EventInterface| match &fabric.systems.get(&event.produced_by.as_ref()?.value)?.zone {
        Zone::Site(site) => Some(site.value.clone()),
        Zone::Cloud => None,
    };
    matches!((site(one), site(other)), (Some(one), Some(other)) if one != other)
}
