//! Captures of a system's changes, and the copies that are kept from them.

use std::collections::BTreeMap;

use selvage_mapping::expression::{Expression, Type};
use selvage_model::code;
use selvage_model::finding::{Finding, Severity, show};
use selvage_model::manifest::api::{Reads, Serves};
use selvage_model::manifest::event::EventType;
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::manifest::object::{Attribute, Shape};
use selvage_model::scalar::spell;
use selvage_model::source::Spanned;

use super::LintRule;
use super::event::events;
use super::mediated::mediated;
use crate::lint::{Context, Report};
use crate::nearest::suggest;

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
        for object in event.events.iter().filter_map(EventType::object) {
            let mappings = context.mappings_of(&object.value, &system.value);
            let Some(mapping) = mappings.first() else { continue };
            if mappings.iter().all(|mapping| mapping.record != capture.record) {
                let (captured, mapped) = (show(&capture.record), show(&mapping.record));
                let message = format!("`{reference}` captures {captured}, and `{object}` is a {mapped}");
                let finding = RECORD.finding(&interface.place, message);
                report.add(reference, finding.fix("capture the record that the mapping is of"));
                break;
            }
        }
    }
}

pub(crate) const WHEN: LintRule = LintRule {
    code: code::EVENT_WHEN_UNFIT,
    name: "facts-are-of-their-object",
    severity: Severity::Error,
    waivable: false,
    check: when,
};

fn when(context: &Context<'_>, report: &mut Report) {
    for (reference, _, event) in events(context) {
        for declared in &event.events {
            let object = declared.object().and_then(|object| context.fabric.objects.get(&object.value));
            let (Some(when), Some(object)) = (&declared.when, object) else { continue };
            if let Some(finding) = unfit(when, &object.attributes) {
                report.add(reference, finding);
            }
        }
    }
}

/// What is wrong with a condition over how an object was and is; what cannot be read is found by another rule.
fn unfit(when: &Spanned<String>, attributes: &[Attribute]) -> Option<Finding> {
    let expression = Expression::parse(&when.value).ok()?;
    let object = Type::optional(of_attributes(attributes));
    let error = |message: String| Finding::error(code::EVENT_WHEN_UNFIT, &when.place, message);
    let finding = match expression.check(&BTreeMap::from([("before", object.clone()), ("after", object)])) {
        Ok(Type::Bool | Type::Any) => return None,
        Ok(other) => {
            error(format!("the condition makes {other}")).fix("compare it with something, so that it is true or false")
        }
        Err(misfit) => {
            let otherwise = "`before` and `after` are the object as it was and as it is";
            let fix = match &misfit.unknown {
                Some((name, known)) => suggest(name, known, otherwise),
                None => otherwise.to_owned(),
            };
            error(format!("the condition does not fit the object: {misfit}")).fix(fix)
        }
    };
    Some(finding)
}

fn of_attributes(attributes: &[Attribute]) -> Type {
    Type::record(attributes.iter().map(|attribute| {
        let of = of_shape(&attribute.shape);
        (attribute.name.value.to_string(), if attribute.optional { Type::optional(of) } else { of })
    }))
}

/// How values of a shape are in canonical JSON.
fn of_shape(shape: &Shape) -> Type {
    match shape {
        Shape::Integer => Type::Int,
        Shape::Boolean => Type::Bool,
        Shape::Quantity { .. } => Type::record([("value", Type::Text), ("unit", Type::Text)]),
        Shape::Money => Type::record([("amount", Type::Text), ("currency", Type::Text)]),
        Shape::List(of) => Type::list(of_shape(of)),
        Shape::Group(attributes) => of_attributes(attributes),
        _ => Type::Text,
    }
}

pub(crate) const KEPT: LintRule = LintRule {
    code: code::COPY_UNKEPT,
    name: "copies-that-are-read-are-kept",
    severity: Severity::Error,
    waivable: false,
    check: kept,
};

fn kept(context: &Context<'_>, report: &mut Report) {
    for (reference, serves) in mediated(context) {
        let Some(reads) = &serves.reads else { continue };
        if let Some(why) = not_kept(context, serves, reads) {
            let finding = Finding::error(code::COPY_UNKEPT, &reads.copy.place, why);
            let fix = "name an event interface with `capture` and `copy` of the same object and system";
            report.add(reference, finding.fix(fix));
        }
    }
}

fn not_kept(context: &Context<'_>, serves: &Serves, reads: &Reads) -> Option<String> {
    let copy = &reads.copy.value;
    let interface = context.fabric.interfaces.get(copy);
    let Some(InterfaceBody::Event(event)) = interface.map(|interface| &interface.body) else {
        return Some(format!("`{copy}` is no event interface, and keeps no copy"));
    };
    if event.capture.is_none() || event.copy_max_age.is_none() {
        return Some(format!("`{copy}` keeps no copy"));
    }
    if event.produced_by.as_ref().is_none_or(|system| system.value != serves.system.value) {
        return Some(format!("`{copy}` captures another system than `{}`", serves.system));
    }
    let of_object = event.events.iter().filter_map(EventType::object).any(|object| object.value == serves.object.value);
    (!of_object).then(|| format!("`{copy}` keeps a copy of another object than `{}`", serves.object))
}
