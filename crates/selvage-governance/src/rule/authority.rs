//! Which system is the record for what: one for each attribute, and writes go where it is.

use std::collections::BTreeMap;

use selvage_model::code;
use selvage_model::finding::Severity;
use selvage_model::manifest::api::{Operation, Serves};
use selvage_model::manifest::object::{Attribute, Authority, Object};
use selvage_model::name::SystemName;

use super::LintRule;
use super::mediated::mediated;
use crate::lint::{Context, Report};

pub(crate) const CONFLICT: LintRule = LintRule {
    code: code::AUTHORITY_CONFLICT,
    name: "one-record-of-an-attribute",
    severity: Severity::Error,
    waivable: true,
    check: conflict,
};

fn conflict(context: &Context<'_>, report: &mut Report) {
    for (reference, object) in &context.fabric.objects {
        let mut first: BTreeMap<&str, &Authority> = BTreeMap::new();
        for authority in object.authority.iter().filter(|authority| authority.condition.is_none()) {
            let named = authority.attributes.iter().map(|name| name.value.as_str());
            let for_all = authority.attributes.is_empty().then_some("*");
            for attribute in named.chain(for_all) {
                let known = first.entry(attribute).or_insert(authority);
                if known.record.value != authority.record.value {
                    let message = format!(
                        "`{}` and `{}` are both the record for `{attribute}` of `{reference}`: whoever writes last wins",
                        known.record, authority.record
                    );
                    let finding = CONFLICT.finding(&authority.record.place, message);
                    report.add(reference, finding.fix("keep one of the two, or tell their times apart with `while`"));
                }
            }
        }
    }
}

pub(crate) const ELSEWHERE: LintRule = LintRule {
    code: code::WRITES_ELSEWHERE,
    name: "writes-go-to-the-record",
    severity: Severity::Error,
    waivable: false,
    check: elsewhere,
};

fn elsewhere(context: &Context<'_>, report: &mut Report) {
    for (reference, serves) in mediated(context) {
        let Some(object) = context.fabric.objects.get(&serves.object.value) else { continue };
        for operation in &serves.operations {
            let refused = match operation.value {
                Operation::Create => refused_create(context, serves, object),
                Operation::Update | Operation::Revise => refused_change(context, serves, object),
                _ => None,
            };
            if let Some(why) = refused {
                let message = format!("every `{operation}` of `{reference}` is refused: {why}");
                let finding = ELSEWHERE.finding(&operation.place, message);
                let fix = "serve it from the system that is the record, or say in `authority` that this one is";
                report.add(reference, finding.fix(fix));
            }
        }
    }
}

/// A create gives what is required; one such attribute of another system is enough to refuse it.
fn refused_create(context: &Context<'_>, serves: &Serves, object: &Object) -> Option<String> {
    let required = writable(object).filter(|attribute| !attribute.optional);
    let system = &serves.system.value;
    required.into_iter().find_map(|attribute| {
        let entries = entries(object, attribute, false);
        let other = entries.first().filter(|_| !entries.iter().any(|entry| may_be(context, entry, system)))?;
        Some(format!("`{}` is required, and `{}` is the record for it", attribute.name, other.record))
    })
}

/// A change is possible as long as one attribute may be changed, in whatever state.
fn refused_change(context: &Context<'_>, serves: &Serves, object: &Object) -> Option<String> {
    let system = &serves.system.value;
    let may_change = |attribute: &Attribute| {
        let entries = entries(object, attribute, true);
        entries.is_empty() || entries.iter().any(|entry| may_be(context, entry, system))
    };
    let refused = writable(object).next().is_some() && !writable(object).any(may_change);
    refused.then(|| format!("`{system}` is the record for nothing that could be changed"))
}

fn writable(object: &Object) -> impl Iterator<Item = &Attribute> {
    object.attributes.iter().filter(|attribute| !attribute.read_only)
}

/// What is said of an attribute: by its name, or else for all; with what holds at times where asked.
pub(super) fn entries<'a>(object: &'a Object, attribute: &Attribute, at_times: bool) -> Vec<&'a Authority> {
    let said = || object.authority.iter().filter(|entry| at_times || entry.condition.is_none());
    let named = said().filter(|entry| entry.attributes.iter().any(|name| name.value == attribute.name.value));
    let named: Vec<&Authority> = named.collect();
    let for_all = said().filter(|entry| entry.attributes.is_empty());
    if at_times || named.is_empty() { named.into_iter().chain(for_all).collect() } else { named }
}

/// Whether the entry names the system, or a role that it plays somewhere.
pub(super) fn may_be(context: &Context<'_>, entry: &Authority, system: &SystemName) -> bool {
    entry.record.value == system.as_str() || context.plays(system, &entry.record.value)
}
