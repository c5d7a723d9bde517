//! `kind: Rule`, `kind: ApprovalRule` and `kind: Waiver`: what governance adds to the built-in checks.

use jiff::civil::Date;

use crate::finding::Severity;
use crate::name::RuleName;
use crate::source::{Place, Spanned};

/// A team's own lint.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Where it is declared.
    pub place: Place,
    /// Its name.
    pub name: RuleName,
    /// What it is about: CEL, as written. True is a finding.
    pub when: Spanned<String>,
    /// How grave it is.
    pub severity: Severity,
    /// What it says.
    pub says: String,
}

/// Which changes need whose approval.
#[derive(Clone, Debug, PartialEq)]
pub struct ApprovalRule {
    /// Where it is declared.
    pub place: Place,
    /// Its name.
    pub name: RuleName,
    /// For which changes: CEL, as written.
    pub when: Spanned<String>,
    /// Whose approval: owner, affected-consumers, board, or a discipline.
    pub require: Vec<Spanned<String>>,
}

/// A rule set aside for one thing, for a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiver {
    /// Where it is declared.
    pub place: Place,
    /// The rule: a code, or a rule's name.
    pub rule: Spanned<String>,
    /// The thing, as `legacy-stock@1`.
    pub on: Spanned<String>,
    /// Why.
    pub because: String,
    /// Until this day.
    pub until: Spanned<Date>,
    /// Who approved.
    pub approved_by: Vec<Spanned<String>>,
}
