//! Versions: in their own field, the older one on its way out.

use std::collections::BTreeMap;

use selvage_model::code;
use selvage_model::finding::{Severity, show};
use selvage_model::manifest::api::Api;
use selvage_model::manifest::interface::{Interface, InterfaceBody, Lifecycle};
use selvage_model::name::InterfaceRef;

use super::LintRule;
use super::lifecycle::successor;
use super::pack::is_of_pack;
use crate::lint::{Context, Report};
use crate::nearest::shortened;

pub(crate) const IN_NAME: LintRule = LintRule {
    code: code::VERSION_IN_NAME,
    name: "no-version-in-names",
    severity: Severity::Warning,
    waivable: true,
    check: in_name,
};

fn in_name(context: &Context<'_>, report: &mut Report) {
    let interfaces = context.fabric.interfaces.iter();
    let interfaces = interfaces.map(|(reference, it)| (reference.to_string(), it.name.as_str(), &it.place));
    let objects = context.fabric.objects.iter().filter(|(_, it)| !is_of_pack(&it.place));
    let objects = objects.map(|(reference, it)| (reference.to_string(), it.name.as_str(), &it.place));
    for (reference, name, place) in interfaces.chain(objects) {
        if let Some(version) = name.split('-').find(|part| is_version(part)) {
            let message =
                format!("{} has a version in its name: the next one would be another thing to everybody", show(name));
            let finding = IN_NAME.finding(place, message);
            let fix = format!("leave `{version}` out and write `version:`; it is known as `{}`", "name@major");
            report.add(&reference, finding.fix(fix));
        }
    }
}

/// `v2`.
fn is_version(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

pub(crate) const OLDER: LintRule = LintRule {
    code: code::OLDER_ACTIVE,
    name: "older-version-is-deprecated",
    severity: Severity::Advice,
    waivable: true,
    check: older,
};

fn older(context: &Context<'_>, report: &mut Report) {
    let mut newest: BTreeMap<&str, &InterfaceRef> = BTreeMap::new();
    let active = |(_, interface): &(&InterfaceRef, &Interface)| interface.lifecycle == Lifecycle::Active;
    for (reference, _) in context.fabric.interfaces.iter().filter(active) {
        // By name and then by version: the last is the newest.
        newest.insert(reference.name.as_str(), reference);
    }
    for (reference, interface) in context.fabric.interfaces.iter().filter(active) {
        let Some(next) = newest.get(reference.name.as_str()).filter(|next| next.major > reference.major) else {
            continue;
        };
        let message = format!("`{reference}` is active beside `{next}`: nobody tells its consumers to move");
        let finding = OLDER.finding(&interface.place, message);
        let fix = format!("write `lifecycle: deprecated` with a `sunset`, and `successor: {next}`");
        report.add(reference, finding.fix(fix));
    }
}

pub(crate) const LESS: LintRule = LintRule {
    code: code::SUCCESSOR_LESS,
    name: "successor-does-the-same",
    severity: Severity::Warning,
    waivable: true,
    check: less,
};

fn less(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in &context.fabric.interfaces {
        if !matches!(interface.lifecycle, Lifecycle::Deprecated(_)) {
            continue;
        }
        let Some(named) = successor(&interface.lifecycle) else { continue };
        let Some(next) = context.fabric.interfaces.get(&named.value) else { continue };
        let missing = missing(interface, next);
        if !missing.is_empty() {
            let message = format!("`{reference}` has {}, and its successor `{named}` has not", shortened(&missing));
            let finding = LESS.finding(&named.place, message);
            report.add(reference, finding.fix("let the successor have it, or tell its consumers what to do instead"));
        }
    }
}

/// What the one offers and the other does not, where the two can be compared.
fn missing(interface: &Interface, next: &Interface) -> Vec<String> {
    match (&interface.body, &next.body) {
        (InterfaceBody::Api(Api::Mediated(old)), InterfaceBody::Api(Api::Mediated(new))) => {
            let has = |operation| new.operations.iter().any(|known| known.value == operation);
            let gone = old.operations.iter().filter(|operation| !has(operation.value));
            gone.map(ToString::to_string).collect()
        }
        (InterfaceBody::Event(old), InterfaceBody::Event(new)) => {
            let has = |name: &str| new.events.iter().any(|known| known.name.value == name);
            old.events.iter().map(|event| event.name.value.clone()).filter(|name| !has(name)).collect()
        }
        _ => Vec::new(),
    }
}
