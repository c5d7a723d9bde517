//! Keys of accounts end, and a system that does not accept its account any more answers nothing. What is known of the day is
//! what the manifest says: nothing is asked of the system here.

use jiff::ToSpan;
use jiff::civil::Date;
use selvage_model::code;
use selvage_model::finding::{Finding, Severity};

use super::LintRule;
use crate::lint::{Context, Report};

/// How long before its end a key is told of: long enough for whoever makes keys to be there once.
const DAYS_BEFORE: i32 = 14;

pub(crate) const ENDS: LintRule = LintRule {
    code: code::ODOO_KEY_ENDS,
    name: "keys-are-changed-in-time",
    severity: Severity::Warning,
    waivable: true,
    check: ends,
};

fn ends(context: &Context<'_>, report: &mut Report) {
    let soon = context.today.checked_add(DAYS_BEFORE.days()).unwrap_or(Date::MAX);
    for system in context.fabric.systems.values() {
        for environment in &system.environments {
            for account in &environment.accounts {
                let Some(expires) = account.expires.as_ref().filter(|expires| expires.value <= soon) else { continue };
                let ends = if expires.value < context.today { "ended" } else { "ends" };
                let (name, of, day) = (&account.name.value, &system.name, expires.value);
                let message =
                    format!("the key of account `{name}` of `{of}` in `{}` {ends} on {day}", environment.name);
                let fix = "make another key in the system, put it into the secret store under the name that `next` gives, \
                           and then move `expires`";
                report.add(of, Finding::warning(code::ODOO_KEY_ENDS, &expires.place, message).fix(fix));
            }
        }
    }
}
