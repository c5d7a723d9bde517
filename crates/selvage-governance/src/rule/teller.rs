//! Who tells of an object, or states something of it, beside who is the record for it.

use selvage_model::code;
use selvage_model::finding::Severity;
use selvage_model::manifest::api::Serves;
use selvage_model::manifest::event::{EventType, Into};
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::manifest::object::Object;
use selvage_model::name::{InterfaceRef, ObjectRef, SystemName};
use selvage_model::source::Spanned;
use selvage_model::verb::Verb;

use super::LintRule;
use super::authority::{entries, may_be};
use super::mediated::mediated;
use crate::lint::{Context, Report};

pub(crate) const TOLD: LintRule = LintRule {
    code: code::TOLD_ELSEWHERE,
    name: "told-by-the-record",
    severity: Severity::Warning,
    waivable: true,
    check: told,
};

fn told(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served() {
        match &interface.body {
            InterfaceBody::Event(event) => {
                let Some(system) = &event.produced_by else { continue };
                for kind in &event.events {
                    of_event(context, reference, (system, kind), report);
                }
            }
            InterfaceBody::File(file) => {
                of_sender(context, reference, (&file.source.system.value, &file.into), report);
            }
            InterfaceBody::Webhook(webhook) => {
                let (Some(system), Some(into)) = (&webhook.source, &webhook.into) else { continue };
                of_sender(context, reference, (&system.value, into), report);
            }
            InterfaceBody::Api(_) | InterfaceBody::Flow => {}
        }
    }
    for (reference, serves) in mediated(context) {
        of_verbs(context, reference, serves, report);
    }
}

fn of_event(
    context: &Context<'_>,
    reference: &InterfaceRef,
    (system, kind): (&Spanned<SystemName>, &EventType),
    report: &mut Report,
) {
    let Some(object) = kind.object() else { return };
    if let Some(record) = elsewhere(context, &system.value, &object.value) {
        let message = format!(
            "`{system}` tells of `{object}` by `{reference}`, and `{record}` is the record for it: what is told may be what nobody decided"
        );
        add(reference, object, message, report);
    }
}

/// What comes in. Where a file lies, and who passes a call on, says nothing of who wrote it, unless that is a record for something itself.
fn of_sender(
    context: &Context<'_>,
    reference: &InterfaceRef,
    (system, into): (&SystemName, &Into),
    report: &mut Report,
) {
    let is_record = || {
        let mut all = context.fabric.objects.values().flat_map(|object| &object.authority);
        all.any(|entry| may_be(context, entry, system))
    };
    let Some(object) = into.object.as_ref().filter(|_| is_record()) else { return };
    if let Some(record) = elsewhere(context, system, &object.value) {
        let message = format!(
            "`{system}` says by `{reference}` what `{object}` is, and `{record}` is the record for it: what is told may be what nobody decided"
        );
        add(reference, object, message, report);
    }
}

/// Who is the record for an object, where this system is the record for nothing of it.
fn elsewhere<'a>(context: &Context<'a>, system: &SystemName, object: &ObjectRef) -> Option<&'a str> {
    let object: &'a Object = context.fabric.objects.get(object)?;
    let first = object.authority.first()?;
    let is_other = !object.authority.iter().any(|entry| may_be(context, entry, system));
    is_other.then_some(first.record.value.as_str())
}

/// Verbs that state an attribute which by its own name another system is the record for.
fn of_verbs(context: &Context<'_>, reference: &InterfaceRef, serves: &Serves, report: &mut Report) {
    let Some(object) = context.fabric.objects.get(&serves.object.value) else { return };
    let system = &serves.system.value;
    let Some(mapping) = context.mappings_of(&serves.object.value, system).first() else { return };
    for operation in &serves.operations {
        let states = Verb::of(operation.value, &mapping.record).map(Verb::states).unwrap_or_default();
        for attribute in object.attributes.iter().filter(|it| states.contains(&it.name.value.as_str())) {
            let own: Vec<_> =
                entries(object, attribute, true).into_iter().filter(|it| !it.attributes.is_empty()).collect();
            let Some(other) = own.first().filter(|_| !own.iter().any(|entry| may_be(context, entry, system))) else {
                continue;
            };
            let message = format!(
                "`{operation}` of `{reference}` states `{}`, and `{}` is the record for it, not `{system}`",
                attribute.name, other.record
            );
            add(reference, operation, message, report);
        }
    }
}

fn add<T>(reference: &InterfaceRef, at: &Spanned<T>, message: String, report: &mut Report) {
    let finding = TOLD.finding(&at.place, message);
    let fix = "let the system tell or state it that is the record, or say in the object's `authority` who decides";
    report.add(reference, finding.fix(fix));
}
