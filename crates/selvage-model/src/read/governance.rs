//! Rule, ApprovalRule, Waiver.

use super::fields::Fields;
use crate::finding::Severity;
use crate::manifest::rule::{ApprovalRule, Rule, RuleCase, Subject, Waiver};
use crate::scalar;
use crate::source::Spanned;
use crate::yaml::Node;

pub(super) fn rule(fields: Fields<'_>) -> Option<Rule> {
    const SUBJECTS: &[(&str, Subject)] = &[
        ("interface", Subject::Interface),
        ("grant", Subject::Grant),
        ("consumer", Subject::Consumer),
        ("object", Subject::Object),
        ("mapping", Subject::Mapping),
        ("system", Subject::System),
    ];
    const SEVERITIES: &[(&str, Severity)] =
        &[("error", Severity::Error), ("warning", Severity::Warning), ("advice", Severity::Advice)];
    Some(Rule {
        place: fields.place().clone(),
        name: fields.parse("name")?,
        about: fields.word("about", SUBJECTS).unwrap_or(Subject::Interface),
        when: fields.spanned_text("when")?,
        severity: fields.word("severity", SEVERITIES).unwrap_or(Severity::Error),
        says: fields.text("says")?,
        good: cases(fields.items("good")),
        bad: cases(fields.items("bad")),
    })
}

fn cases(items: &[Node]) -> Vec<RuleCase> {
    items.iter().map(|node| RuleCase { place: node.place.clone(), said: node.to_value() }).collect()
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
