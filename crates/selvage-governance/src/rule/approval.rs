//! Rules of approval can be applied: they look at what there is, and say yes or no.

use selvage_model::code;
use selvage_model::finding::Severity;

use super::LintRule;
use super::own_rule::judge::Judge;
use crate::approval::KNOWN;
use crate::lint::{Context, Report};

pub(crate) const APPLIES: LintRule = LintRule {
    code: code::APPROVAL_RULE,
    name: "approval-rules-can-be-applied",
    severity: Severity::Error,
    waivable: false,
    check: applies,
};

fn applies(context: &Context<'_>, report: &mut Report) {
    for rule in context.fabric.approval_rules.values() {
        if let Err(Some(why)) = Judge::over(&rule.when.value, KNOWN).map(drop) {
            let finding = APPLIES.finding(&rule.when.place, why);
            report.add(&rule.name, finding.fix(fix()));
        }
    }
}

fn fix() -> String {
    let known = KNOWN.iter().map(|(variable, members)| {
        let names: Vec<String> = members.iter().map(|(name, _)| format!("`{name}`")).collect();
        format!("`{variable}` has {}", names.join(", "))
    });
    known.collect::<Vec<_>>().join("; ")
}
