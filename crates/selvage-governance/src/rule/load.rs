//! What is declared to be asked of an Odoo, added up and compared with what it bears, for each environment and account.
//! Requests count as spread evenly over the operations of their interface; what is not limited is not counted.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use selvage_model::code;
use selvage_model::cost;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::api::{Api, Older, Operation, Serves};
use selvage_model::manifest::consumer::Grant;
use selvage_model::manifest::event::EventInterface;
use selvage_model::manifest::interface::{Interface, InterfaceBody};
use selvage_model::manifest::system::{Account, Bounds, Connector, SystemEnvironment};
use selvage_model::name::{InterfaceRef, SystemName};
use selvage_model::scalar::{Quota, Rate};

use super::LintRule;
use crate::lint::{Context, Report};

pub(crate) const OVER: LintRule = LintRule {
    code: code::SYSTEM_OVERLOADED,
    name: "system-bears-its-load",
    severity: Severity::Warning,
    waivable: true,
    check: over,
};

const DEFAULT_ACCOUNT: &str = "default";
const MINUTE: f64 = 60.0;
/// Contributors that are named.
const NAMED: usize = 3;

/// Calls a minute of one account for one thing.
struct Need<'a> {
    account: &'a str,
    who: String,
    calls: f64,
}

fn over(context: &Context<'_>, report: &mut Report) {
    let mut needs = needs(context);
    for system in context.fabric.systems.values().filter(|system| system.connector == Connector::Odoo) {
        let needs = needs.remove(&system.name).unwrap_or_default();
        for environment in &system.environments {
            let bounds = system.bounds(environment);
            let found = exceeds(&needs, None, bounds, bounds);
            let of_accounts = environment.accounts.iter().filter_map(|account| {
                let own = own_bounds(account, bounds)?;
                exceeds(&needs, Some(&account.name.value), own, bounds)
            });
            for excess in found.into_iter().chain(of_accounts) {
                let message = format!("in `{}`, `{}`{excess}", environment.name, system.name);
                let finding = Finding::warning(code::SYSTEM_OVERLOADED, &system.place, message);
                report.add(
                    &system.name,
                    finding.fix(
                        "lower `limits.rate` or set a `limits.quota` there, poll less often, or raise `limits` of the system \
                         if the server has the workers for it",
                    ),
                );
            }
        }
    }
}

pub(crate) const BOTTLENECK: LintRule = LintRule {
    code: code::BOTTLENECK,
    name: "much-read-is-kept-apart",
    severity: Severity::Advice,
    waivable: true,
    check: bottleneck,
};

/// An interface whose reads alone may take more than this of what its system bears is better kept apart from it; what the system does not
/// bear at all is found by [`OVER`].
const SHARE: f64 = 0.5;

fn bottleneck(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served() {
        let Some(Api::Mediated(serves)) = interface.api() else { continue };
        let system = context.fabric.systems.get(&serves.system.value);
        let Some(system) = system.filter(|system| system.connector == Connector::Odoo) else { continue };
        let Some(requests) = requests_a_minute(context, reference, interface) else { continue };
        let calls = requests * calls_of(serves, |operation| serves.reads.is_none() && !operation.writes());
        let least = |environment: &SystemEnvironment| calls_a_minute(system.bounds(environment));
        let borne = system.environments.iter().map(least).min_by(f64::total_cmp);
        let Some(borne) = borne.filter(|borne| calls > borne * SHARE && calls <= *borne) else { continue };
        let message = format!(
            "reading `{reference}` may ask `{}` {} times a minute, which bears {}: everybody else waits behind it",
            system.name,
            calls.ceil() as u64,
            borne.floor() as u64
        );
        let finding = BOTTLENECK.finding(&serves.system.place, message);
        let fix = "read from a copy that an event interface keeps (`serves: {reads: {copy: …}}`), go direct to a system that bears it, or \
                   lower `limits`";
        report.add(reference, finding.fix(fix));
    }
}

/// What an account may, where that is less than all of the system.
fn own_bounds(account: &Account, bounds: Bounds) -> Option<Bounds> {
    let limits = account.limits;
    (limits.concurrency.is_some() || limits.per_second.is_some()).then(|| Bounds {
        concurrency: limits.concurrency.unwrap_or(bounds.concurrency).min(bounds.concurrency),
        per_second: limits.per_second.or(bounds.per_second),
    })
}

/// In words, that more is needed than is borne.
fn exceeds(needs: &[Need<'_>], account: Option<&str>, bounds: Bounds, of_system: Bounds) -> Option<String> {
    let borne = calls_a_minute(bounds).min(calls_a_minute(of_system));
    let counted = needs.iter().filter(|need| account.is_none_or(|account| need.account == account));
    let mut by_who: BTreeMap<&str, f64> = BTreeMap::new();
    for need in counted {
        *by_who.entry(&need.who).or_default() += need.calls;
    }
    let sum: f64 = by_who.values().sum();
    if sum <= borne {
        return None;
    }
    let mut largest: Vec<(&str, u64)> = by_who.into_iter().map(|(who, calls)| (who, calls.ceil() as u64)).collect();
    largest.sort_by_key(|(who, calls)| (Reverse(*calls), *who));
    let named: Vec<String> = largest.iter().take(NAMED).map(|(who, calls)| format!("{who} {calls}")).collect();
    let of_account = account.map_or_else(String::new, |account| format!(", account `{account}`,"));
    let why = bounds.per_second.map_or_else(
        || format!("{} at a time, of {} ms or more each", bounds.concurrency, cost::CALL_MILLIS),
        |rate| format!("{rate} a second, {} at a time", bounds.concurrency),
    );
    let sum = sum.ceil() as u64;
    let named = named.join(", ");
    Some(format!("{of_account} may be asked {sum} times a minute and bears {} ({why}): {named}", borne.floor() as u64))
}

/// How many calls a minute these bounds let through.
pub(crate) fn calls_a_minute(bounds: Bounds) -> f64 {
    let at_a_time = f64::from(bounds.concurrency) * MINUTE * 1_000.0 / f64::from(cost::CALL_MILLIS);
    bounds.per_second.map_or(at_a_time, |rate| at_a_time.min(f64::from(rate) * MINUTE))
}

/// What each system is asked.
fn needs<'a>(context: &Context<'a>) -> BTreeMap<&'a SystemName, Vec<Need<'a>>> {
    let mut needs: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (reference, interface) in context.served() {
        let (system, account, calls) = match &interface.body {
            InterfaceBody::Api(Api::Mediated(serves)) => {
                let account = serves.account.as_ref().map_or(DEFAULT_ACCOUNT, |account| account.value.as_str());
                let Some(requests) = requests_a_minute(context, reference, interface) else { continue };
                (&serves.system.value, account, requests * calls_each(serves))
            }
            InterfaceBody::Event(event) => {
                let Some(system) = &event.produced_by else { continue };
                (&system.value, DEFAULT_ACCOUNT, captured(event))
            }
            _ => continue,
        };
        if calls > 0.0 {
            needs.entry(system).or_default().push(Need { account, who: reference.to_string(), calls });
        }
    }
    needs
}

/// Calls of a request, on average over the operations. What is read from a copy asks the system nothing.
fn calls_each(serves: &Serves) -> f64 {
    let copied = serves.reads.as_ref().is_some_and(|reads| reads.older == Older::Refuse);
    calls_of(serves, |operation| !copied || operation.writes())
}

/// Calls of a request on average over all operations, made by those that are counted.
fn calls_of(serves: &Serves, is_counted: impl Fn(&Operation) -> bool) -> f64 {
    let operations = serves.operations.iter().map(|operation| operation.value).filter(is_counted);
    let calls: u32 = operations.map(cost::of).sum();
    f64::from(calls) / serves.operations.len().max(1) as f64
}

/// The least of what the interface takes, by rate and by quota, and what its grants let through together, where all of
/// them say.
fn requests_a_minute<'a>(context: &Context<'a>, reference: &'a InterfaceRef, interface: &Interface) -> Option<f64> {
    let granted = |grant: &&Grant| {
        let rates = [grant.rate.map(per_minute), grant.quota.map(quota_per_minute)];
        rates.into_iter().flatten().min_by(f64::total_cmp)
    };
    let granted: Option<f64> = context.grants_on(reference).iter().map(granted).sum();
    let granted = granted.filter(|granted| *granted > 0.0);
    let own = [interface.limits.rate.map(per_minute), interface.limits.quota.map(quota_per_minute), granted];
    own.into_iter().flatten().min_by(f64::total_cmp)
}

fn per_minute(rate: Rate) -> f64 {
    rate.count as f64 * MINUTE / rate.per.as_secs_f64().max(f64::EPSILON)
}

fn quota_per_minute(quota: Quota) -> f64 {
    per_minute(Rate { count: quota.count, per: quota.window.shortest() })
}

/// Calls a minute that a capture, and a copy kept from it, make.
fn captured(event: &EventInterface) -> f64 {
    let every = |span: Duration| MINUTE / span.as_secs_f64().max(1.0);
    let capture = event.capture.as_ref();
    // A copy that may be no older than this is asked for as often, where nothing polls more often.
    let poll = capture.and_then(|capture| capture.poll).into_iter().chain(event.copy_max_age).min();
    let hints = if capture.is_some_and(|capture| capture.webhook) { cost::HINTS_A_MINUTE.calls } else { 0 };
    let deletes = capture.and_then(|capture| capture.reconcile_deletes);
    poll.map_or(0.0, |poll| every(poll) * f64::from(cost::POLL.calls))
        + f64::from(hints)
        + deletes.map_or(0.0, |span| every(span) * f64::from(cost::RECONCILE.calls))
}
