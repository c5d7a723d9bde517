//! Rule, ApprovalRule, Waiver.

use super::{DATE, Format, NAME, Record, Shape, TEXT, WORD};
use crate::schema::shape::{optional, record, required};

pub(crate) static RULE: Record = record(
    "Rule",
    "A team's own lint, beside the built-in ones.",
    &[
        required("name", NAME, "Its name."),
        optional(
            "about",
            Shape::Text(Format::Words(&["interface", "grant", "consumer", "object", "mapping", "system"])),
            "What it judges, one by one. Default: interface.",
        ),
        required("when", TEXT, "CEL over what it is about, as `interface.data == 'public'`; true is a finding."),
        optional(
            "severity",
            Shape::Text(Format::Words(&["error", "warning", "advice"])),
            "How grave it is. Default: error.",
        ),
        required("says", TEXT, "What it says."),
        optional("good", CASES, "Tests: what it must find nothing in, as `{interface: {data: internal}}`."),
        optional("bad", CASES, "Tests: what it must find something in."),
    ],
);

const CASES: Shape = Shape::List(&Shape::Map(Format::Attribute, &Shape::Map(Format::Attribute, &Shape::Any)), false);

pub(crate) static APPROVAL_RULE: Record = record(
    "ApprovalRule",
    "Which changes need whose approval.",
    &[
        required("name", NAME, "Its name."),
        required("when", TEXT, "For which changes: CEL over `change` and `interface`."),
        required(
            "require",
            Shape::List(&WORD, true),
            "Whose approval: owner, affected-consumers, board, or a discipline of the board.",
        ),
    ],
);

pub(crate) static WAIVER: Record = record(
    "Waiver",
    "A rule set aside for one thing, for a time.",
    &[
        required("rule", WORD, "The rule: a code as `FAB2107`, or a rule's name."),
        required("on", TEXT, "The thing, as `legacy-stock@1`."),
        required("because", TEXT, "Why."),
        required("until", DATE, "Until this day."),
        required("approved_by", Shape::List(&WORD, true), "Who approved, as `board`."),
    ],
);
