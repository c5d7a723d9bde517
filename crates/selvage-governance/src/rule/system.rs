//! Systems that interfaces use can be reached: in each environment that is in use, at an address, with an account.

use std::collections::{BTreeMap, BTreeSet};

use selvage_model::code;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::api::Api;
use selvage_model::manifest::system::Connector;
use selvage_model::name::{InterfaceRef, SystemName};

use super::LintRule;
use crate::lint::{Context, Report};

pub(crate) const ENVIRONMENT: LintRule = LintRule {
    code: code::ENVIRONMENT_MISSING,
    name: "used-system-is-everywhere",
    severity: Severity::Warning,
    waivable: true,
    check: environment,
};

/// The systems behind apis that are served, each with one of these.
fn used<'a>(context: &Context<'a>) -> BTreeMap<&'a SystemName, &'a InterfaceRef> {
    let mut used = BTreeMap::new();
    for (reference, interface) in context.served() {
        match interface.api() {
            Some(Api::Mediated(serves)) => used.entry(&serves.system.value).or_insert(reference),
            Some(Api::Direct { upstream, .. }) => used.entry(&upstream.system.value).or_insert(reference),
            None => continue,
        };
    }
    used
}

/// An environment is in use where a system that serves declares it; one that nobody has reached yet asks nothing.
fn environment(context: &Context<'_>, report: &mut Report) {
    let fabric = context.fabric;
    let used = used(context);
    let serving = used.keys().filter_map(|name| fabric.systems.get(name));
    let in_use: BTreeSet<_> = serving.flat_map(|system| &system.environments).map(|it| &it.name.value).collect();
    for (name, interface) in &used {
        let Some(system) = fabric.systems.get(name) else { continue };
        for environment in in_use.iter().filter(|environment| system.environment(environment).is_none()) {
            let known = |environment| {
                fabric.settings.iter().flat_map(|it| &it.environments).any(|it| &it.name.value == environment)
            };
            if !known(*environment) {
                continue;
            }
            let message =
                format!("`{name}` serves `{interface}` and is not declared for `{environment}`, where others are");
            let finding = Finding::warning(code::ENVIRONMENT_MISSING, &system.place, message);
            report.add(name, finding.fix(format!("add `{environment}` to its `environments`")));
        }
    }
}

pub(crate) const ACCESS: LintRule = LintRule {
    code: code::SYSTEM_ACCESS,
    name: "used-system-can-be-reached",
    severity: Severity::Error,
    waivable: false,
    check: access,
};

fn access(context: &Context<'_>, report: &mut Report) {
    let accounts = accounts(context);
    for (name, interface) in used(context) {
        let Some(system) = context.fabric.systems.get(name) else { continue };
        for environment in &system.environments {
            if environment.url.is_none() {
                let message = format!("`{name}` serves `{interface}` and has no address in `{}`", environment.name);
                let finding = Finding::error(code::SYSTEM_ACCESS, &environment.name.place, message);
                report.add(name, finding.fix("add its `url`"));
            }
            let wanted = accounts.get(name).filter(|_| system.connector == Connector::Odoo);
            let has = |name: &str| environment.accounts.iter().any(|account| account.name.value == name);
            if let Some(account) = wanted.into_iter().flatten().find(|account| !has(account)) {
                let message =
                    format!("`{name}` serves `{interface}` and has no account `{account}` in `{}`", environment.name);
                let finding = Finding::error(code::SYSTEM_ACCESS, &environment.name.place, message);
                report.add(
                    name,
                    finding.fix(format!("add `accounts: {{{account}: {{login: …, api_key: {{secret: …}}}}}}`")),
                );
            }
        }
    }
}

/// The accounts by which each system is spoken to, in the order of the interfaces that name them.
fn accounts<'a>(context: &Context<'a>) -> BTreeMap<&'a SystemName, Vec<&'a str>> {
    let mut accounts: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (_, interface) in context.served() {
        let Some(Api::Mediated(serves)) = interface.api() else { continue };
        let account = serves.account.as_ref().map_or("default", |account| account.value.as_str());
        let known = accounts.entry(&serves.system.value).or_default();
        if !known.contains(&account) {
            known.push(account);
        }
    }
    accounts
}
