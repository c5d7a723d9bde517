//! `kind: Rule`, `kind: ApprovalRule` and `kind: Waiver`: what governance adds to the built-in checks.

use jiff::civil::Date;
use serde_json::Value;

use crate::finding::Severity;
use crate::name::{ConsumerName, RuleName};
use crate::source::{Place, Spanned};

/// A team's own lint.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Where it is declared.
    pub place: Place,
    /// Its name.
    pub name: RuleName,
    /// What it judges.
    pub about: Subject,
    /// When it has something to say: CEL, as written. True is a finding.
    pub when: Spanned<String>,
    /// How grave it is.
    pub severity: Severity,
    /// What it says.
    pub says: String,
    /// What it must find nothing in.
    pub good: Vec<RuleCase>,
    /// What it must find something in.
    pub bad: Vec<RuleCase>,
}

/// What a rule judges, one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Interfaces.
    Interface,
    /// Grants, with their consumer and interface.
    Grant,
    /// Consumers.
    Consumer,
    /// Objects.
    Object,
    /// Mappings, with their object and system.
    Mapping,
    /// Systems.
    System,
}

/// A test of a rule: what is said of the subject and of what stands beside it; all else is not said.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleCase {
    /// Where it is declared.
    pub place: Place,
    /// Members by variable.
    pub said: Value,
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

impl Waiver {
    /// Who answers for the thing, where it is a consumer or one of its subscriptions, as `line-board/work-order-events-v1`.
    pub fn consumer(&self) -> Option<ConsumerName> {
        let on = self.on.value.as_str();
        on.split_once('/').map_or(on, |(consumer, _)| consumer).parse().ok()
    }
}
