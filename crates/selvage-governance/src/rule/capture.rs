//! Captures of a system's changes, and the copies that are kept from them.

use selvage_model::code;
use selvage_model::finding::{Severity, show};

use super::LintRule;
use super::event::events;
use crate::lint::{Context, Report};
use selvage_model::scalar::spell;

pub(crate) const DELETES: LintRule = LintRule {
    code: code::COPY_DELETES,
    name: "copies-hear-of-deletes",
    severity: Severity::Warning,
    waivable: true,
    check: deletes,
};

fn deletes(context: &Context<'_>, report: &mut Report) {
    for (reference, interface, event) in events(context) {
        let Some(capture) = event.capture.as_ref().filter(|_| event.copy_max_age.is_some()) else { continue };
        if capture.reconcile_deletes.is_none() {
            let message =
                format!("`{reference}` keeps a copy, and a record that is deleted in the system stays in it for ever");
            let finding = DELETES.finding(&interface.place, message);
            report.add(reference, finding.fix("add `reconcile_deletes: 6h` to `capture`"));
        }
    }
}

pub(crate) const AGE: LintRule = LintRule {
    code: code::COPY_AGE,
    name: "copies-are-young-enough",
    severity: Severity::Warning,
    waivable: true,
    check: age,
};

fn age(context: &Context<'_>, report: &mut Report) {
    for (reference, interface, event) in events(context) {
        let Some(most) = event.copy_max_age else { continue };
        let poll = event.capture.as_ref().map(|capture| capture.poll);
        let why = match poll {
            None => "and nothing captures changes".to_owned(),
            Some(None) => "and nothing but hints, which get lost, tells of changes".to_owned(),
            Some(Some(poll)) if poll > most => format!("and changes are looked for every {}", spell(poll)),
            Some(Some(_)) => continue,
        };
        let message = format!("the copy of `{reference}` may be {} old, {why}", spell(most));
        let finding = AGE.finding(&interface.place, message);
        report.add(reference, finding.fix("poll at least as often as `max_age` says, or let the copy be older"));
    }
}

pub(crate) const RECORD: LintRule = LintRule {
    code: code::CAPTURE_RECORD,
    name: "capture-reads-the-mapped-record",
    severity: Severity::Warning,
    waivable: true,
    check: record,
};

fn record(context: &Context<'_>, report: &mut Report) {
    for (reference, interface, event) in events(context) {
        let (Some(capture), Some(system)) = (&event.capture, &event.produced_by) else { continue };
        for declared in &event.events {
            let mappings = context.mappings_of(&declared.object.value, &system.value);
            let Some(mapping) = mappings.first() else { continue };
            if mappings.iter().all(|mapping| mapping.record != capture.record) {
                let (captured, mapped) = (show(&capture.record), show(&mapping.record));
                let message = format!("`{reference}` captures {captured}, and `{}` is a {mapped}", declared.object);
                let finding = RECORD.finding(&interface.place, message);
                report.add(reference, finding.fix("capture the record that the mapping is of"));
                break;
            }
        }
    }
}
