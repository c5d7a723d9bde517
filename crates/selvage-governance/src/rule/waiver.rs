//! Waivers: a rule set aside for one thing until a day. One that has ended, that sets nothing aside or that sets aside
//! what must hold is itself a finding.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::Date;
use selvage_model::code;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::rule::Waiver;

use super::LintRule;
use crate::lint::{Context, Found, Report};

pub(crate) const OVER: LintRule = LintRule {
    code: code::WAIVER_OVER,
    name: "waiver-has-not-ended",
    severity: Severity::Error,
    waivable: false,
    check: over,
};

fn over(context: &Context<'_>, report: &mut Report) {
    for waiver in context.fabric.waivers.iter().filter(|waiver| has_ended(context, waiver)) {
        let message = format!("the waiver of `{}` on `{}` ended on {}", waiver.rule, waiver.on, waiver.until);
        let finding = Finding::error(code::WAIVER_OVER, &waiver.until.place, message);
        report.add(&waiver.on, finding.fix("resolve what it was for and remove it, or have a new end approved"));
    }
}

pub(crate) const SOON: LintRule = LintRule {
    code: code::WAIVER_ENDS,
    name: "waiver-ends-soon",
    severity: Severity::Warning,
    waivable: false,
    check: soon,
};

/// How long before its end a waiver is told of: long enough to resolve what it is for.
const DAYS_BEFORE: i32 = 14;

fn soon(context: &Context<'_>, report: &mut Report) {
    let soon = context.today.checked_add(DAYS_BEFORE.days()).unwrap_or(Date::MAX);
    let alive = context.fabric.waivers.iter().filter(|waiver| !has_ended(context, waiver));
    for waiver in alive.filter(|waiver| waiver.until.value <= soon) {
        let message = format!("the waiver of `{}` on `{}` ends on {}", waiver.rule, waiver.on, waiver.until);
        let finding = SOON.finding(&waiver.until.place, message);
        report.add(&waiver.on, finding.fix("resolve what it is for now, or have a new end approved"));
    }
}

fn has_ended(context: &Context<'_>, waiver: &Waiver) -> bool {
    waiver.until.value < context.today
}

pub(crate) const IDLE: LintRule = LintRule {
    code: code::WAIVER_IDLE,
    name: "waiver-is-needed",
    severity: Severity::Warning,
    waivable: false,
    check: nothing,
};

/// Found when waivers are applied.
fn nothing(_: &Context<'_>, _: &mut Report) {}

pub(crate) const REFUSED: LintRule = LintRule {
    code: code::WAIVER_REFUSED,
    name: "waiver-is-allowed",
    severity: Severity::Error,
    waivable: false,
    check: refused,
};

fn refused(context: &Context<'_>, report: &mut Report) {
    for waiver in &context.fabric.waivers {
        let (why, fix) = if is_held(context, waiver) {
            let why = "it is a guardrail, and the waiver does not stand in the file that declares the fabric";
            (why, "resolve what it was for, or ask those who keep the fabric's own file to take the waiver in there")
        } else if context.rule(&waiver.rule.value).is_some_and(|rule| !rule.waivable) {
            let why = "without it the fabric could not run, or could not be trusted";
            (why, "resolve what it was for, and remove the waiver")
        } else {
            continue;
        };
        let message = format!("`{}` cannot be waived: {why}", waiver.rule);
        let finding = REFUSED.finding(&waiver.rule.place, message);
        report.add(&waiver.on, finding.fix(fix));
    }
}

/// Whether a guardrail holds the waiver back: no domain loosens one by itself, only whoever keeps the fabric's own file.
fn is_held(context: &Context<'_>, waiver: &Waiver) -> bool {
    let Some(settings) = &context.fabric.settings else { return false };
    let names = |name: &str| {
        name == waiver.rule.value || context.rule(&waiver.rule.value).is_some_and(|rule| rule.name == name)
    };
    let is_guardrail = settings.guardrails.iter().any(|guardrail| names(guardrail.value.as_str()));
    is_guardrail && waiver.place.file != settings.place.file
}

/// Whether a rule of this word may be waived.
fn is_waivable(context: &Context<'_>, waiver: &Waiver) -> bool {
    let own = context.fabric.rules.keys().any(|name| name.as_str() == waiver.rule.value);
    let built_in = context.rule(&waiver.rule.value).is_some_and(|rule| rule.waivable);
    (own || built_in) && !is_held(context, waiver)
}

/// Sets findings aside, and finds waivers that set nothing aside.
pub(crate) fn apply(context: &Context<'_>, report: &mut Report) {
    let mut alive: BTreeMap<&str, Vec<(&Waiver, bool)>> = BTreeMap::new();
    for waiver in &context.fabric.waivers {
        if !has_ended(context, waiver) && is_waivable(context, waiver) {
            alive.entry(&waiver.on.value).or_default().push((waiver, false));
        }
    }
    if alive.is_empty() {
        return;
    }
    report.found.retain(|found| {
        let mut is_waived = false;
        for name in &found.about {
            for (waiver, is_used) in alive.get_mut(name.as_str()).into_iter().flatten() {
                if concerns(context, waiver, found) {
                    (is_waived, *is_used) = (true, true);
                }
            }
        }
        !is_waived
    });
    let names = context.names();
    for (waiver, _) in alive.into_values().flatten().filter(|(_, is_used)| !is_used) {
        if names.contains(&waiver.on.value) {
            let message = format!("the waiver of `{}` on `{}` sets nothing aside", waiver.rule, waiver.on);
            let finding = IDLE.finding(&waiver.rule.place, message);
            report.add(&waiver.on, finding.fix("remove it: what it was for is resolved"));
        }
    }
}

fn concerns(context: &Context<'_>, waiver: &Waiver, found: &Found) -> bool {
    match &found.own_rule {
        Some(own) => *own == waiver.rule.value,
        None => context.rule(&waiver.rule.value).is_some_and(|rule| rule.code == found.finding.code),
    }
}
