//! How interfaces end: with a day and a successor, and in time. INVARIANT: LIVE-LIFECYCLE

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use selvage_model::code;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::interface::{Criticality, Lifecycle};
use selvage_model::name::InterfaceRef;
use selvage_model::source::Spanned;

use super::LintRule;
use super::interface::is_tier_1;
use crate::lint::{Context, Report};

/// What to use instead, where the interface says so.
pub(crate) fn successor(lifecycle: &Lifecycle) -> Option<&Spanned<InterfaceRef>> {
    match lifecycle {
        Lifecycle::Deprecated(deprecation) => deprecation.successor.as_ref(),
        Lifecycle::Retired { successor } => successor.as_ref(),
        Lifecycle::Draft | Lifecycle::Active | Lifecycle::Blocked { .. } => None,
    }
}

pub(crate) const NO_END: LintRule = LintRule {
    code: code::DEPRECATION_OPEN,
    name: "deprecated-needs-end",
    severity: Severity::Warning,
    waivable: true,
    check: no_end,
};

fn no_end(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in &context.fabric.interfaces {
        let Lifecycle::Deprecated(deprecation) = &interface.lifecycle else { continue };
        let missing = match (deprecation.sunset, &deprecation.successor) {
            (Some(_), Some(_)) => continue,
            (None, Some(_)) => "a `sunset`",
            (Some(_), None) => "a `successor`",
            (None, None) => "a `sunset` and a `successor`",
        };
        let message = format!("`{reference}` is deprecated without {missing}: its consumers cannot plan");
        let finding = Finding::warning(code::DEPRECATION_OPEN, &interface.place, message);
        report
            .add(reference, finding.fix("say both: `deprecation: {since: …, sunset: <day>, successor: <name@major>}`"));
    }
}

pub(crate) const PASSED: LintRule = LintRule {
    code: code::SUNSET_PASSED,
    name: "sunset-is-kept",
    severity: Severity::Warning,
    waivable: true,
    check: passed,
};

fn passed(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in &context.fabric.interfaces {
        let Lifecycle::Deprecated(deprecation) = &interface.lifecycle else { continue };
        if let Some(sunset) = deprecation.sunset.filter(|sunset| *sunset < context.today) {
            let message = format!("`{reference}` was to be gone from {sunset} on, and is still served");
            let finding = Finding::warning(code::SUNSET_PASSED, &interface.place, message);
            report.add(
                reference,
                finding.fix("write `lifecycle: retired`, or name a later sunset and tell its consumers"),
            );
        }
    }
}

pub(crate) const SUCCESSOR: LintRule = LintRule {
    code: code::SUCCESSOR_GONE,
    name: "successor-is-there",
    severity: Severity::Warning,
    waivable: true,
    check: gone,
};

fn gone(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in &context.fabric.interfaces {
        let Some(named) = successor(&interface.lifecycle) else { continue };
        let Some(next) = context.fabric.interfaces.get(&named.value) else { continue };
        if !matches!(next.lifecycle, Lifecycle::Active) {
            let message =
                format!("`{reference}` sends its consumers to `{named}`, which is {}", next.lifecycle.as_str());
            let finding = Finding::warning(code::SUCCESSOR_GONE, &named.place, message);
            report.add(reference, finding.fix("name an interface that is active"));
        }
    }
}

pub(crate) const HURRIED: LintRule = LintRule {
    code: code::SUNSET_HURRIED,
    name: "sunset-leaves-time",
    severity: Severity::Warning,
    waivable: true,
    check: hurried,
};

/// Days from the announcement to the end: whoever uses tier-1 or tier-2 plans in quarters.
const DAYS: i32 = 90;
const DAYS_TIER_3: i32 = 30;

fn hurried(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in &context.fabric.interfaces {
        let Lifecycle::Deprecated(deprecation) = &interface.lifecycle else { continue };
        let Some(sunset) = deprecation.sunset else { continue };
        let criticality = interface.classification.as_ref().map(|class| class.criticality);
        let least = if criticality.is_none_or(|it| it == Criticality::Tier3) { DAYS_TIER_3 } else { DAYS };
        let days = deprecation.since.duration_until(sunset).as_hours() / 24;
        if days < i64::from(least) {
            let message =
                format!("`{reference}` ends {days} days after that was announced: its consumers need {least}");
            let finding = HURRIED.finding(&interface.place, message);
            report.add(reference, finding.fix("choose a later `sunset`, or have a waiver approved by those concerned"));
        }
    }
}

/// A brownout finds out who still asks; what lasts longer is an outage.
const LONGEST_BROWNOUT: Duration = Duration::from_secs(24 * 3600);

pub(crate) const BROWNOUT: LintRule = LintRule {
    code: code::BROWNOUT_UNFIT,
    name: "brownout-is-bearable",
    severity: Severity::Error,
    waivable: false,
    check: brownout,
};

/// INVARIANT: FAIL-SAFE: a window in a manifest is time alone.
fn brownout(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in &context.fabric.interfaces {
        let Lifecycle::Deprecated(deprecation) = &interface.lifecycle else { continue };
        for window in &deprecation.brownouts {
            let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
            let lasts = Duration::try_from(window.to.duration_since(window.from)).unwrap_or_default();
            let (message, fix) = if is_tier_1(interface) {
                (
                    format!("`{reference}` is tier-1: a plant would stand while it refuses"),
                    "remove it, and talk to its consumers",
                )
            } else if lasts > LONGEST_BROWNOUT {
                (
                    format!("`{reference}` would refuse everything for more than a day"),
                    "make it some hours, several times",
                )
            } else if day(window.from) < deprecation.since {
                (format!("`{reference}` would refuse before it is deprecated"), "begin after `since`")
            } else if deprecation.sunset.is_some_and(|sunset| day(window.from) >= sunset) {
                (format!("`{reference}` is gone by then"), "begin before `sunset`")
            } else {
                continue;
            };
            report.add(reference, BROWNOUT.finding(&window.place, message).fix(fix));
        }
    }
}
