//! How fast an interface is said to be, and whether the way that it goes can be so fast.

use std::time::Duration;

use selvage_model::code;
use selvage_model::cost;
use selvage_model::finding::Severity;
use selvage_model::manifest::api::Api;
use selvage_model::manifest::interface::{Interface, InterfaceBody, Latency, Objective};
use selvage_model::manifest::system::Connector;
use selvage_model::name::InterfaceRef;

use super::LintRule;
use crate::lint::{Context, Report};
use selvage_model::scalar::spell;

/// Somebody who waits does not wait longer than this for what is captured.
const WAITED_FOR: Duration = Duration::from_secs(10);
/// Nor longer than this for an answer.
const ANSWER: Duration = Duration::from_secs(60);
/// What may take hours is not asked for more often than this.
const HASTY: Duration = Duration::from_secs(60);

pub(crate) const REAL_TIME: LintRule = LintRule {
    code: code::REAL_TIME_BY_BATCH,
    name: "real-time-is-real",
    severity: Severity::Warning,
    waivable: true,
    check: real_time,
};

fn real_time(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in of(context, Latency::RealTime) {
        let why = match &interface.body {
            InterfaceBody::File(file) => match file.source.poll {
                Some(poll) if poll <= WAITED_FOR => continue,
                Some(poll) => format!("its folder is looked at every {}", spell(poll)),
                None => "files come when they come".to_owned(),
            },
            InterfaceBody::Event(event) => match &event.capture {
                Some(capture) if !capture.webhook => match capture.poll {
                    Some(poll) if poll <= WAITED_FOR => continue,
                    Some(poll) => format!("its changes are polled every {}, without hints", spell(poll)),
                    None => continue,
                },
                _ => continue,
            },
            InterfaceBody::Api(api) => match (interface.limits.timeout, copy_age(context, api)) {
                (Some(timeout), _) if timeout > ANSWER => format!("a request may take {}", spell(timeout)),
                (_, Some((age, copy))) if age > WAITED_FOR => {
                    format!("the copy of `{copy}` that it reads may be {} old", spell(age))
                }
                _ => continue,
            },
            InterfaceBody::Webhook(_) | InterfaceBody::Flow => continue,
        };
        let finding = REAL_TIME.finding(&interface.place, format!("`{reference}` is said to be real-time, and {why}"));
        report.add(reference, finding.fix("say `latency: near-real-time` or `batch`, or make it as fast as is said"));
    }
}

/// How old the copy that an api reads may be, and who keeps it.
fn copy_age<'a>(context: &Context<'a>, api: &'a Api) -> Option<(Duration, &'a InterfaceRef)> {
    let Api::Mediated(serves) = api else { return None };
    let copy = &serves.reads.as_ref()?.copy.value;
    let InterfaceBody::Event(event) = &context.fabric.interfaces.get(copy)?.body else { return None };
    Some((event.copy_max_age?, copy))
}

fn of<'a>(context: &Context<'a>, latency: Latency) -> impl Iterator<Item = (&'a InterfaceRef, &'a Interface)> {
    let is =
        move |interface: &Interface| interface.classification.as_ref().and_then(|class| class.latency) == Some(latency);
    context.served().filter(move |(_, interface)| is(interface))
}

pub(crate) const HASTE: LintRule = LintRule {
    code: code::BATCH_BY_HASTE,
    name: "batch-is-not-hasty",
    severity: Severity::Advice,
    waivable: true,
    check: haste,
};

fn haste(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in of(context, Latency::Batch) {
        let poll = match &interface.body {
            InterfaceBody::File(file) => file.source.poll,
            InterfaceBody::Event(event) => event.capture.as_ref().and_then(|capture| capture.poll),
            _ => None,
        };
        if let Some(poll) = poll.filter(|poll| *poll < HASTY) {
            let message =
                format!("`{reference}` may take hours, and its system is asked for changes every {}", spell(poll));
            let finding = HASTE.finding(&interface.place, message);
            report.add(reference, finding.fix("poll every few minutes, or say who waits for it: another `latency`"));
        }
    }
}

pub(crate) const PROMISE: LintRule = LintRule {
    code: code::PROMISE_UNFIT,
    name: "promise-fits-the-way",
    severity: Severity::Warning,
    waivable: true,
    check: promise,
};

fn promise(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served() {
        for objective in &interface.slo {
            let Objective::Latency { under, .. } = objective.objective else { continue };
            let least = least(context, interface);
            let message = match (interface.limits.timeout, least) {
                (Some(timeout), _) if under > timeout => format!(
                    "`{reference}` promises answers under {}, and gives every request up after {}: the promise says nothing",
                    spell(under),
                    spell(timeout)
                ),
                (_, Some(least)) if under < least => format!(
                    "`{reference}` promises answers under {}, and the calls of its quickest operation take {} or more",
                    spell(under),
                    spell(least)
                ),
                _ => continue,
            };
            let finding = PROMISE.finding(&interface.place, message);
            let fix = "promise what the way through the system allows, or serve it from a copy that events keep";
            report.add(reference, finding.fix(fix));
        }
    }
}

/// The least time of a mediated interface's quickest operation.
fn least(context: &Context<'_>, interface: &Interface) -> Option<Duration> {
    let Some(Api::Mediated(serves)) = interface.api() else { return None };
    let system = context.fabric.systems.get(&serves.system.value)?;
    let calls = serves.operations.iter().map(|operation| cost::of(operation.value)).min()?;
    let millis = u64::from(calls) * u64::from(cost::CALL_MILLIS);
    (system.connector == Connector::Odoo).then(|| Duration::from_millis(millis))
}
