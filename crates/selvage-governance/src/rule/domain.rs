//! A domain's board can decide.

use selvage_model::code;
use selvage_model::finding::{Finding, Severity};

use super::LintRule;
use crate::lint::{Context, Report};

pub(crate) const QUORUM: LintRule = LintRule {
    code: code::QUORUM,
    name: "board-can-decide",
    severity: Severity::Error,
    waivable: false,
    check: quorum,
};

fn quorum(context: &Context<'_>, report: &mut Report) {
    for domain in context.fabric.domains.values() {
        let filled = domain.board.iter().filter(|(_, people)| !people.is_empty()).count();
        if domain.quorum as usize > filled {
            let message = format!("{} disciplines have to agree, and {filled} have somebody", domain.quorum);
            let finding = Finding::error(code::QUORUM, &domain.place, message);
            report.add(&domain.name, finding.fix("lower the quorum, or fill the seats"));
        }
    }
}
