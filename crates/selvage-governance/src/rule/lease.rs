//! Consumers and their leases: bounded, needed, and moved before what they use is gone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use selvage_model::code;
use selvage_model::finding::Severity;
use selvage_model::manifest::consumer::{Grant, Identity};
use selvage_model::manifest::interface::{DataClass, Interface, Lifecycle};
use selvage_model::name::{ConsumerName, InterfaceRef};

use super::LintRule;
use super::interface::is_tier_1;
use super::lifecycle::successor;
use crate::lint::{Context, Report};

/// Who signs for a grant remembers it for so long.
const YEARS: i32 = 2;
/// Consumers move in the last quarter at the latest.
const DAYS_TO_MOVE: i32 = 90;

fn granted<'a>(context: &Context<'a>) -> impl Iterator<Item = (&'a Grant, &'a Interface)> {
    let fabric = context.fabric;
    fabric.grants.iter().filter_map(|grant| Some((grant, fabric.interfaces.get(&grant.interface.value)?)))
}

/// The last day of a grant.
fn last_day(grant: &Grant) -> Option<Date> {
    grant.until.as_ref().map(|until| until.value.to_zoned(TimeZone::UTC).date())
}

pub(crate) const LONG: LintRule = LintRule {
    code: code::GRANT_LONG,
    name: "grant-ends-in-sight",
    severity: Severity::Advice,
    waivable: true,
    check: long,
};

fn long(context: &Context<'_>, report: &mut Report) {
    let most = context.today.checked_add(YEARS.years()).unwrap_or(Date::MAX);
    for grant in &context.fabric.grants {
        let (Some(until), Some(last)) = (&grant.until, last_day(grant)) else { continue };
        if last > most {
            let (consumer, interface) = (&grant.consumer, &grant.interface);
            let message = format!("the grant of `{consumer}` on `{interface}` lasts until {last}: who will know why?");
            let finding = LONG.finding(&until.place, message);
            report.add_lease(
                consumer,
                interface,
                finding.fix(format!("end it within {YEARS} years, and renew it then")),
            );
        }
    }
}

pub(crate) const NARROW: LintRule = LintRule {
    code: code::GRANT_WIDENED,
    name: "narrow-grant-counts",
    severity: Severity::Warning,
    waivable: true,
    check: narrow,
};

fn narrow(context: &Context<'_>, report: &mut Report) {
    let mut of: BTreeMap<(&ConsumerName, &InterfaceRef), Vec<&Grant>> = BTreeMap::new();
    for grant in &context.fabric.grants {
        of.entry((&grant.consumer.value, &grant.interface.value)).or_default().push(grant);
    }
    for grants in of.values().filter(|grants| grants.len() > 1) {
        for grant in grants.iter().filter(|grant| is_narrow(grant)) {
            if let Some(wide) = grants.iter().find(|other| !is_narrow(other) && covers(other, grant)) {
                let (consumer, interface) = (&grant.consumer, &grant.interface);
                let message = format!("what this grant leaves out, `{consumer}` may have by the one at {}", wide.place);
                let finding = NARROW.finding(&grant.place, message);
                let fix = "keep one of the two: grants add up";
                report.add_lease(consumer, interface, finding.fix(fix));
            }
        }
    }
}

fn is_narrow(grant: &Grant) -> bool {
    !grant.rows.is_empty() || !grant.except.is_empty()
}

/// Whether the one lets through whatever the other does, as long as that lasts.
fn covers(wide: &Grant, grant: &Grant) -> bool {
    let has = |operation: &str| wide.operations.iter().any(|known| known.value == operation);
    let lasts = match (&wide.until, &grant.until) {
        (None, _) => true,
        (Some(wide), Some(narrow)) => wide.value >= narrow.value,
        (Some(_), None) => false,
    };
    lasts && grant.operations.iter().all(|operation| has(&operation.value))
}

pub(crate) const RETIRED: LintRule = LintRule {
    code: code::GRANT_RETIRED,
    name: "retired-is-not-granted",
    severity: Severity::Advice,
    waivable: true,
    check: retired,
};

fn retired(context: &Context<'_>, report: &mut Report) {
    for (grant, interface) in granted(context) {
        let is_over = last_day(grant).is_some_and(|last| last < context.today);
        if !is_over && matches!(interface.lifecycle, Lifecycle::Retired { .. }) {
            let (consumer, reference) = (&grant.consumer, &grant.interface);
            let message = format!("`{reference}` is retired: `{consumer}` gets nothing but 410 by this grant");
            let finding = RETIRED.finding(&grant.place, message);
            let fix = match successor(&interface.lifecycle) {
                Some(next) => format!("remove it, and grant `{next}` where that is needed"),
                None => "remove it".to_owned(),
            };
            report.add_lease(consumer, reference, finding.fix(fix));
        }
    }
}

pub(crate) const MOVE: LintRule = LintRule {
    code: code::CONSUMER_STAYS,
    name: "consumers-can-move",
    severity: Severity::Warning,
    waivable: true,
    check: moved,
};

fn moved(context: &Context<'_>, report: &mut Report) {
    let soon = context.today.checked_add(DAYS_TO_MOVE.days()).unwrap_or(Date::MAX);
    for (grant, interface) in granted(context) {
        let Lifecycle::Deprecated(deprecation) = &interface.lifecycle else { continue };
        let Some(sunset) = deprecation.sunset.filter(|sunset| *sunset >= context.today && *sunset <= soon) else {
            continue;
        };
        let Some(next) = successor(&interface.lifecycle) else { continue };
        let (consumer, reference) = (&grant.consumer, &grant.interface);
        let is_there = context.grants_on(&next.value).iter().any(|other| other.consumer.value == consumer.value);
        if !is_there && context.fabric.interfaces.contains_key(&next.value) {
            let message =
                format!("`{reference}` is gone from {sunset} on, and `{consumer}` has no grant on `{next}` yet");
            let finding = MOVE.finding(&grant.place, message);
            report.add_lease(consumer, reference, finding.fix(format!("grant `{next}`, so that it can move in time")));
        }
    }
}

pub(crate) const UNUSED: LintRule = LintRule {
    code: code::CONSUMER_IDLE,
    name: "consumer-uses-something",
    severity: Severity::Advice,
    waivable: true,
    check: unused,
};

fn unused(context: &Context<'_>, report: &mut Report) {
    let fabric = context.fabric;
    let granted = fabric.grants.iter().map(|grant| &grant.consumer.value);
    let using: BTreeSet<&ConsumerName> =
        granted.chain(fabric.subscriptions.iter().map(|it| &it.consumer.value)).collect();
    for consumer in fabric.consumers.values().filter(|consumer| !using.contains(&consumer.name)) {
        let message =
            format!("`{}` has no grant and no subscription: its keys open nothing, and can still leak", consumer.name);
        let finding = UNUSED.finding(&consumer.place, message);
        report.add(&consumer.name, finding.fix("grant it what it is for, or remove it and revoke its keys"));
    }
}

pub(crate) const UNBOUNDED: LintRule = LintRule {
    code: code::GRANT_UNBOUNDED,
    name: "tier-1-is-shared-fairly",
    severity: Severity::Advice,
    waivable: true,
    check: unbounded,
};

fn unbounded(context: &Context<'_>, report: &mut Report) {
    for (grant, _) in granted(context).filter(|(grant, interface)| grant.rate.is_none() && is_tier_1(interface)) {
        let (consumer, interface) = (&grant.consumer, &grant.interface);
        let message = format!("`{consumer}` alone can use up `{interface}`, which is tier-1");
        let finding = UNBOUNDED.finding(&grant.place, message);
        report.add_lease(consumer, interface, finding.fix("add `limits: {rate: …}` to the grant"));
    }
}

pub(crate) const WEAK: LintRule = LintRule {
    code: code::IDENTITY_WEAK,
    name: "restricted-needs-more-than-a-key",
    severity: Severity::Warning,
    waivable: true,
    check: weak,
};

fn weak(context: &Context<'_>, report: &mut Report) {
    for (grant, interface) in granted(context) {
        let data = interface.classification.as_ref().and_then(|class| class.data);
        let identity = context.fabric.consumers.get(&grant.consumer.value).map(|consumer| &consumer.identity);
        if data == Some(DataClass::Restricted) && matches!(identity, Some(Identity::ApiKey { .. })) {
            let (consumer, interface) = (&grant.consumer, &grant.interface);
            let message =
                format!("`{interface}` carries restricted data, and a copied key is enough to be `{consumer}`");
            let finding = WEAK.finding(&grant.place, message);
            let fix = "let it prove who it is by `mtls`, `oidc` or short-lived tokens (`oauth`)";
            report.add_lease(consumer, interface, finding.fix(fix));
        }
    }
}
