//! Keys of consumers end: in a protected environment somebody says how old they may become.

use selvage_model::code;
use selvage_model::finding::{Finding, Severity};
use selvage_model::manifest::consumer::Identity;

use super::LintRule;
use crate::lint::{Context, Report};
use crate::nearest::listed;

pub(crate) const ENDLESS: LintRule = LintRule {
    code: code::KEY_ENDLESS,
    name: "keys-have-an-end",
    severity: Severity::Warning,
    waivable: true,
    check: endless,
};

fn endless(context: &Context<'_>, report: &mut Report) {
    let Some(settings) = &context.fabric.settings else { return };
    let consumers = context.fabric.consumers.values();
    let endless = consumers.filter(|consumer| matches!(consumer.identity, Identity::ApiKey { max_age: None }));
    let names: Vec<&str> = endless.map(|consumer| consumer.name.as_str()).collect();
    if names.is_empty() {
        return;
    }
    for environment in settings.environments.iter().filter(|known| known.protected && known.key_age.is_none()) {
        let (some, more) = names.split_at(names.len().min(4));
        let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
        let message = format!("keys of {}{more} may live for ever in `{}`", listed(some), environment.name);
        let finding = Finding::warning(code::KEY_ENDLESS, &environment.name.place, message);
        report.add(
            &settings.name,
            finding.fix("add `keys: {max_age: 180d}` to the environment, or `max_age` to each `api_key`"),
        );
    }
}
