//! Conditions of grants can be judged: they look at what is there, and are true or false.

use selvage_model::code;
use selvage_model::finding::{Finding, Severity};

use super::LintRule;
use crate::condition::Condition;
use crate::lint::{Context, Report};

pub(crate) const UNFIT: LintRule = LintRule {
    code: code::CONDITION_UNFIT,
    name: "conditions-can-be-judged",
    severity: Severity::Error,
    waivable: false,
    check: unfit,
};

fn unfit(context: &Context<'_>, report: &mut Report) {
    for grant in &context.fabric.grants {
        let Some(when) = &grant.when else { continue };
        if let Err(error) = Condition::parse(&when.value) {
            let message = format!(
                "the condition of the grant of `{}` on `{}` cannot be judged: {error}",
                grant.consumer, grant.interface
            );
            let finding = Finding::error(code::CONDITION_UNFIT, &when.place, message);
            report.add_lease(&grant.consumer, &grant.interface, finding.fix(error.fix));
        }
    }
}
