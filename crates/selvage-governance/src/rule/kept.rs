//! Kept answers: an interface that says how it keeps them has some to keep.

use selvage_model::code;
use selvage_model::finding::Severity;
use selvage_model::manifest::api::Api;

use super::LintRule;
use crate::lint::{Context, Report};

pub(crate) const UNREAD: LintRule = LintRule {
    code: code::NOTHING_TO_KEEP,
    name: "kept-answers-are-read",
    severity: Severity::Warning,
    waivable: true,
    check: unread,
};

/// Only answers to GET are kept: a contract without one keeps nothing.
fn unread(context: &Context<'_>, report: &mut Report) {
    for (reference, interface) in context.served() {
        let Some(Api::Direct { openapi, cache: Some(_), .. }) = interface.api() else { continue };
        let Some(contract) = context.contract(interface) else { continue };
        if contract.operations.iter().any(|operation| operation.method == "GET") {
            continue;
        }
        let message = format!("`{reference}` says how answers are kept, and its contract has no GET: there are none");
        let fix = "remove `cache`, or declare what is read in the contract";
        report.add(reference, UNREAD.finding(&openapi.place, message).fix(fix));
    }
}
