//! Lists of direct interfaces can be read page by page: by their OpenAPI contract, an array and nothing to bound it.

use selvage_model::code;
use selvage_model::finding::{Severity, show};

use super::LintRule;
use crate::lint::{Context, Report};

pub(crate) const LIST: LintRule = LintRule {
    code: code::LIST_UNPAGED,
    name: "lists-have-pages",
    severity: Severity::Warning,
    waivable: true,
    check: list,
};

fn list(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served() {
        let Some(contract) = context.contract(interface) else { continue };
        for operation in contract.operations.iter().filter(|operation| operation.is_unbounded) {
            let path = show(&operation.path);
            let message = format!("{path} of `{reference}` answers with a whole list, however long it grows");
            let finding = LIST.finding(&operation.path_place, message);
            let fix = "add a parameter such as `limit` and `cursor`, where the system has one";
            report.add(reference, finding.fix(fix));
        }
    }
}
