//! Rule, ApprovalRule, Waiver.

use super::fields::Fields;
use crate::finding::Severity;
use crate::manifest::rule::{ApprovalRule, Rule, Waiver};
use crate::scalar;
use crate::source::Spanned;

pub(super) fn rule(fields: Fields<'_>) -> Option<Rule> {
    const SEVERITIES: &[(&str, Severity)] =
        &[("error", Severity::Error), ("warning", Severity::Warning), ("advice", Severity::Advice)];
    Some(Rule {
        place: fields.place().clone(),
        name: fields.parse("name")?,
        when: fields.spanned_text("when")?,
        severity: fields.word("severity", SEVERITIES).unwrap_or(Severity::Error),
        says: fields.text("says")?,
    })
}

pub(super) fn approval_rule(fields: Fields<'_>) -> Option<ApprovalRule> {
    Some(ApprovalRule {
        place: fields.place().clone(),
        name: fields.parse("name")?,
        when: fields.spanned_text("when")?,
        require: fields.texts("require"),
    })
}

pub(super) fn waiver(fields: Fields<'_>) -> Option<Waiver> {
    let until = fields.node("until")?;
    Some(Waiver {
        place: fields.place().clone(),
        rule: fields.spanned_text("rule")?,
        on: fields.spanned_text("on")?,
        because: fields.text("because")?,
        until: Spanned::new(scalar::date(until.text()?)?, until.place.clone()),
        approved_by: fields.texts("approved_by"),
    })
}
