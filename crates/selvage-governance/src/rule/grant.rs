//! Grants as leases: a purpose, an end, and an end that neither comes too late nor stops a plant.

use jiff::tz::TimeZone;
use selvage_model::access::EndAction;
use selvage_model::code;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::interface::Lifecycle;

use super::LintRule;
use super::interface::is_tier_1;
use crate::lint::{Context, Report};

pub(crate) const PURPOSE: LintRule = LintRule {
    code: code::GRANT_PURPOSE,
    name: "grant-needs-purpose",
    severity: Severity::Error,
    waivable: true,
    check: purpose,
};

fn purpose(context: &Context<'_>, report: &mut Report) {
    for grant in &context.fabric.grants {
        if grant.purpose.as_deref().is_none_or(|purpose| purpose.trim().is_empty()) {
            let message = format!("`{}` does not say what it uses `{}` for", grant.consumer, grant.interface);
            let finding = Finding::error(code::GRANT_PURPOSE, &grant.place, message);
            report.add_lease(
                &grant.consumer,
                &grant.interface,
                finding.fix("add `purpose:` and a sentence that its owner would sign"),
            );
        }
    }
}

pub(crate) const END: LintRule =
    LintRule { code: code::GRANT_END, name: "grant-needs-end", severity: Severity::Error, waivable: true, check: end };

fn end(context: &Context<'_>, report: &mut Report) {
    for grant in context.fabric.grants.iter().filter(|grant| grant.until.is_none()) {
        let message = format!(
            "the grant of `{}` on `{}` never ends: nobody will look at it again",
            grant.consumer, grant.interface
        );
        let finding = Finding::error(code::GRANT_END, &grant.place, message);
        report.add_lease(&grant.consumer, &grant.interface, finding.fix("add `until:` and a day within a year or two"));
    }
}

pub(crate) const OUTLIVES: LintRule = LintRule {
    code: code::GRANT_OUTLIVES,
    name: "grant-ends-before-its-interface",
    severity: Severity::Warning,
    waivable: true,
    check: outlives,
};

fn outlives(context: &Context<'_>, report: &mut Report) {
    for grant in &context.fabric.grants {
        let Some(interface) = context.fabric.interfaces.get(&grant.interface.value) else { continue };
        let Lifecycle::Deprecated(deprecation) = &interface.lifecycle else { continue };
        let (Some(sunset), Some(until)) = (deprecation.sunset, &grant.until) else { continue };
        if until.value.to_zoned(TimeZone::UTC).date() > sunset {
            let message = format!(
                "`{}` is gone from {sunset} on; the grant of `{}` lasts longer",
                grant.interface, grant.consumer
            );
            let finding = Finding::warning(code::GRANT_OUTLIVES, &until.place, message);
            let fix = match &deprecation.successor {
                Some(successor) => format!("end it before, and grant `{successor}`"),
                None => "end it before".to_owned(),
            };
            report.add_lease(&grant.consumer, &grant.interface, finding.fix(fix));
        }
    }
}

pub(crate) const OVER: LintRule = LintRule {
    code: code::GRANT_OVER,
    name: "grant-has-not-ended",
    severity: Severity::Warning,
    waivable: true,
    check: over,
};

fn over(context: &Context<'_>, report: &mut Report) {
    for grant in &context.fabric.grants {
        let Some(until) = &grant.until else { continue };
        let last = until.value.to_zoned(TimeZone::UTC).date();
        if last < context.today {
            let message = format!("the grant of `{}` on `{}` ended on {last}", grant.consumer, grant.interface);
            let finding = Finding::warning(code::GRANT_OVER, &until.place, message);
            report.add_lease(&grant.consumer, &grant.interface, finding.fix("remove it, or agree on a new end"));
        }
    }
}

pub(crate) const CUT: LintRule = LintRule {
    code: code::GRANT_CUT,
    name: "time-alone-stops-no-plant",
    severity: Severity::Warning,
    waivable: true,
    check: cut,
};

/// INVARIANT: FAIL-SAFE
fn cut(context: &Context<'_>, report: &mut Report) {
    for grant in context.fabric.grants.iter().filter(|grant| grant.on_end == EndAction::End) {
        let interface = context.fabric.interfaces.get(&grant.interface.value);
        if interface.is_some_and(is_tier_1) {
            let message =
                format!("`{}` is tier-1, and the end of this grant cuts `{}` off", grant.interface, grant.consumer);
            let finding = Finding::warning(code::GRANT_CUT, &grant.place, message);
            report.add_lease(
                &grant.consumer,
                &grant.interface,
                finding.fix("write `on_end: alarm`; people cut off, time does not"),
            );
        }
    }
}
