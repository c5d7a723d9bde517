//! Controls: what an organisation wants to hold, what is examined for it, and what that comes to. Some are of every fabric; others are
//! the rules, guardrails and rules of approval that the fabric declares. Where nothing could be examined, that is the verdict.

mod declared;
mod kept;
mod released;
mod reviewed;

use selvage_model::fabric::Fabric;
use serde::{Deserialize, Serialize};

use super::About;
use super::seen::Seen;

/// A control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Its id.
    pub id: String,
    /// What is to hold.
    pub title: String,
    /// What is examined.
    pub examines: String,
    judge: Judge,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Judge {
    BuiltIn(usize),
    Rule(String),
    Approval(String),
}

/// What a control comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The control.
    pub id: String,
    /// What is to hold.
    pub title: String,
    /// What is examined.
    pub examines: String,
    /// `met`, `not met`, `not examined`.
    pub verdict: String,
    /// What was seen, or why nothing was.
    pub saw: String,
    /// Where it does not hold.
    pub cases: Vec<String>,
    /// The entries of the ledger that prove it.
    pub entries: Vec<u64>,
}

/// What somebody saw who examined a control.
enum Judged {
    Seen { saw: String, cases: Vec<String>, entries: Vec<u64> },
    Unexamined(String),
}

impl Judged {
    fn seen(saw: impl Into<String>, cases: Vec<String>, entries: Vec<u64>) -> Self {
        Self::Seen { saw: saw.into(), cases, entries }
    }

    fn not(because: impl Into<String>) -> Self {
        Self::Unexamined(because.into())
    }
}

/// A control of every fabric.
struct BuiltIn {
    id: &'static str,
    title: &'static str,
    examines: &'static str,
    judge: fn(&Seen) -> Judged,
}

/// What every fabric has.
const BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        id: "four-eyes",
        title: "Nobody releases alone",
        examines: "for each release of the period that was no emergency: approvals of its last version by others than its author, who proved who they are",
        judge: released::four_eyes,
    },
    BuiltIn {
        id: "signed-releases",
        title: "What runs is what was signed",
        examines: "content address and signature of each release that was made or active in the period",
        judge: released::signed,
    },
    BuiltIn {
        id: "protected-environments",
        title: "Nothing runs in a protected environment that was not released",
        examines: "each activation in an environment that is declared protected",
        judge: released::protected,
    },
    BuiltIn {
        id: "gates",
        title: "What is activated has passed the gates",
        examines: "the gates that Selvage recorded with each activation of the period; going back has none",
        judge: released::gates,
    },
    BuiltIn {
        id: "emergency-ratification",
        title: "Emergencies are ratified in time",
        examines: "each release of the period that was made before it was approved",
        judge: released::emergencies,
    },
    BuiltIn {
        id: "break-glass-review",
        title: "Access in emergencies is reviewed in time, by somebody else",
        examines: "each lease that was opened without approval in the period",
        judge: reviewed::break_glass,
    },
    BuiltIn {
        id: "access-decision",
        title: "Nobody grants what they asked for themselves",
        examines: "each request for access that was decided in the period",
        judge: reviewed::decisions,
    },
    BuiltIn {
        id: "access-terms",
        title: "Access has a purpose and an end",
        examines: "each grant that was alive at the end of the period",
        judge: reviewed::terms,
    },
    BuiltIn {
        id: "access-recertification",
        title: "Somebody answers for access in time",
        examines: "each grant in a campaign whose deadline was in the period",
        judge: reviewed::recertification,
    },
    BuiltIn {
        id: "retirement",
        title: "What is retired is used no more",
        examines: "requests that retired interfaces answered in the period",
        judge: kept::retirement,
    },
    BuiltIn {
        id: "waivers",
        title: "Waivers have an end and an approver",
        examines: "each waiver that was declared at the end of the period",
        judge: kept::waivers,
    },
    BuiltIn {
        id: "availability",
        title: "What is promised of availability is kept",
        examines: "each promise of availability, by the requests that were counted in the period",
        judge: kept::availability,
    },
    BuiltIn {
        id: "ledger-integrity",
        title: "The ledger is whole",
        examines: "every entry of the ledger, the chain, its head, and every checkpoint that is signed with the known key",
        judge: kept::ledger,
    },
    BuiltIn {
        id: "ledger-checkpoints",
        title: "The ledger is signed",
        examines: "whether the newest checkpoint that is signed with the known key covers what is cited",
        judge: kept::checkpoints,
    },
];

/// Every control: those of every fabric, and those that this one declares.
pub fn controls(fabric: &Fabric) -> Vec<Control> {
    let built_in = BUILT_IN.iter().enumerate().map(|(number, it)| Control {
        id: it.id.to_owned(),
        title: it.title.to_owned(),
        examines: it.examines.to_owned(),
        judge: Judge::BuiltIn(number),
    });
    built_in.chain(declared::controls(fabric)).collect()
}

/// What the controls come to that are asked for.
pub(super) fn judge(seen: &Seen) -> Vec<Verdict> {
    let asked = |control: &Control| match &seen.asked.about {
        About::Control(Some(id)) => &control.id == id,
        _ => true,
    };
    let controls = controls(&seen.fabric).into_iter().filter(asked);
    controls.map(|control| verdict(judged(seen, &control.judge), control)).collect()
}

fn judged(seen: &Seen, judge: &Judge) -> Judged {
    match judge {
        Judge::BuiltIn(number) => match BUILT_IN.get(*number) {
            Some(control) => (control.judge)(seen),
            None => Judged::not("there is no such control"),
        },
        Judge::Rule(name) => declared::rule(seen, name),
        Judge::Approval(name) => declared::approval(seen, name),
    }
}

fn verdict(judged: Judged, control: Control) -> Verdict {
    let (verdict, saw, cases, entries) = match judged {
        Judged::Unexamined(because) => ("not examined", because, Vec::new(), Vec::new()),
        Judged::Seen { saw, cases, entries } => {
            let verdict = if cases.is_empty() { "met" } else { "not met" };
            (verdict, saw, cases, entries)
        }
    };
    let Control { id, title, examines, .. } = control;
    Verdict { id, title, examines, verdict: verdict.to_owned(), saw, cases, entries }
}
