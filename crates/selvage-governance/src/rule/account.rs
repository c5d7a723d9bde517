//! Technical accounts and addresses: one account for each purpose and none that may do everything, encrypted where it is
//! earnest, and what is tried out does not touch what is earnest.

use std::collections::BTreeMap;

use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::{Severity, show};
use selvage_model::manifest::system::SystemEnvironment;

use super::LintRule;
use crate::lint::{Context, Report};

pub(crate) const SHARED: LintRule = LintRule {
    code: code::ACCOUNT_SHARED,
    name: "accounts-are-not-shared",
    severity: Severity::Warning,
    waivable: true,
    check: shared,
};

fn shared(context: &Context<'_>, report: &mut Report) {
    for system in context.fabric.systems.values() {
        for environment in &system.environments {
            let mut first: BTreeMap<&str, &str> = BTreeMap::new();
            for account in &environment.accounts {
                let name = account.name.value.as_str();
                let other = *first.entry(account.login.as_str()).or_insert(name);
                if other != name {
                    let login = show(&account.login);
                    let message =
                        format!("the accounts `{other}` and `{name}` of `{}` are one login, {login}", system.name);
                    let finding = SHARED.finding(&account.name.place, message);
                    let fix =
                        "give each a login of its own with the rights that it needs; the system's log tells them apart";
                    report.add(&system.name, finding.fix(fix));
                }
            }
        }
    }
}

pub(crate) const ADMINISTRATOR: LintRule = LintRule {
    code: code::ACCOUNT_ADMINISTRATOR,
    name: "no-administrator-account",
    severity: Severity::Warning,
    waivable: true,
    check: administrator,
};

/// Logins that may do everything.
const ADMINISTRATORS: &[&str] = &["admin", "administrator", "root", "superuser", "sysadmin", "__system__", "sa"];

fn administrator(context: &Context<'_>, report: &mut Report) {
    for system in context.fabric.systems.values() {
        for environment in &system.environments {
            for account in &environment.accounts {
                let login = account.login.split('@').next().unwrap_or_default().to_ascii_lowercase();
                if ADMINISTRATORS.contains(&login.as_str()) {
                    let (name, login) = (&account.name, show(&account.login));
                    let message =
                        format!("the account `{name}` of `{}` is {login}, who may do everything", system.name);
                    let finding = ADMINISTRATOR.finding(&account.name.place, message);
                    let fix = "make a technical user with the rights that its interfaces need; `selvage odoo probe` lists them";
                    report.add(&system.name, finding.fix(fix));
                }
            }
        }
    }
}

pub(crate) const PLAIN: LintRule = LintRule {
    code: code::ADDRESS_PLAIN,
    name: "protected-is-encrypted",
    severity: Severity::Warning,
    waivable: true,
    check: plain,
};

fn plain(context: &Context<'_>, report: &mut Report) {
    for system in context.fabric.systems.values() {
        for environment in system.environments.iter().filter(|it| is_protected(context.fabric, it)) {
            let Some(url) = &environment.url else { continue };
            let Some(rest) = url.value.strip_prefix("http://") else { continue };
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let is_here = host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
            if !is_here {
                let message = format!("`{}` is spoken to in the clear in `{}`", system.name, environment.name);
                let finding = PLAIN.finding(&url.place, message);
                let fix = "write `https://`, or waive it where the network between is yours alone";
                report.add(&system.name, finding.fix(fix));
            }
        }
    }
}

fn is_protected(fabric: &Fabric, environment: &SystemEnvironment) -> bool {
    let mut declared = fabric.settings.iter().flat_map(|settings| &settings.environments);
    declared.any(|it| it.name.value == environment.name.value && it.protected)
}

pub(crate) const APART: LintRule = LintRule {
    code: code::ENVIRONMENTS_MIXED,
    name: "environments-are-apart",
    severity: Severity::Warning,
    waivable: true,
    check: apart,
};

fn apart(context: &Context<'_>, report: &mut Report) {
    for system in context.fabric.systems.values() {
        let (protected, others): (Vec<_>, Vec<_>) =
            system.environments.iter().partition(|it| is_protected(context.fabric, it));
        for other in others {
            let same = |it: &&&SystemEnvironment| {
                it.url.is_some()
                    && it.url.as_ref().map(|url| &url.value) == other.url.as_ref().map(|url| &url.value)
                    && it.database == other.database
            };
            if let Some(earnest) = protected.iter().find(same) {
                let message = format!(
                    "`{}` is the same server and database in `{}` as in `{}`, which is protected",
                    system.name, other.name, earnest.name
                );
                let finding = APART.finding(&other.name.place, message);
                report.add(&system.name, finding.fix("give what is tried out a database of its own"));
            }
        }
    }
}
