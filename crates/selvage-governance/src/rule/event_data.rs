//! What event types carry where it is no object: a schema that data can be held to, and nothing beside it that takes an object.

use selvage_mapping::event_data::DataCheck;
use selvage_model::code;
use selvage_model::finding::{Severity, show};
use selvage_model::manifest::event::EventType;

use super::LintRule;
use super::event::events;
use super::webhook::{target, webhooks};
use crate::lint::{Context, Report};

pub(crate) const UNUSABLE: LintRule = LintRule {
    code: code::SCHEMA_UNUSABLE,
    name: "event-schemas-compile",
    severity: Severity::Error,
    waivable: false,
    check: unusable,
};

fn unusable(context: &Context<'_>, report: &mut Report) {
    for (reference, _, event) in events(context) {
        for file in event.events.iter().filter_map(EventType::schema) {
            // What is no schema was told when it was read.
            let Some(schema) = context.fabric.schemas.get(&file.value) else { continue };
            if let Err(wrong) = DataCheck::compile(schema) {
                let at = if wrong.pointer.is_empty() { "/" } else { &wrong.pointer };
                let message = format!("{} at {at}: {}", show(&file.value), wrong.because);
                let fix = "write it as JSON Schema 2020-12 says; patterns may neither look ahead or back nor refer to what they matched";
                report.add(reference, UNUSABLE.finding(&file.place, message).fix(fix));
            }
        }
    }
}

pub(crate) const OBJECT: LintRule = LintRule {
    code: code::SCHEMA_OBJECT,
    name: "events-of-records-carry-objects",
    severity: Severity::Error,
    waivable: false,
    check: object,
};

fn object(context: &Context<'_>, report: &mut Report) {
    for (reference, _, event) in events(context) {
        for (kind, file) in event.events.iter().filter_map(|kind| Some((kind, kind.schema()?))) {
            let name = show(&kind.name.value);
            let takes = [
                (event.capture.is_some(), "is captured: a mapping makes an object of a record"),
                (event.copy_max_age.is_some(), "is kept as a copy: a copy is of objects"),
                (kind.when.is_some(), "has a `when`: what was before and after is known of objects only"),
            ];
            if let Some((_, takes)) = takes.into_iter().find(|(does, _)| *does) {
                let message = format!("{name} carries what a schema says, and {takes}");
                let finding = OBJECT.finding(&file.place, message);
                report.add(
                    reference,
                    finding.fix("declare the object and write `object`, or move the type to an interface of its own"),
                );
            }
        }
    }
    for (reference, _, webhook) in webhooks(context) {
        let Some(record) = &webhook.record else { continue };
        let Some((_, event)) = target(context, webhook).filter(|(_, event)| event.schema().is_some()) else { continue };
        let message = format!(
            "{} carries what a schema says, and no mapping makes that of a {}",
            show(&event.name.value),
            show(&record.value)
        );
        report.add(
            reference,
            OBJECT.finding(&record.place, message).fix("leave `record` out: what the call says is the data"),
        );
    }
}
