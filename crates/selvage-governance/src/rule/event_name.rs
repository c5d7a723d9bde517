//! Names of event types: the last part says what has happened, so that it is a participle. Words are judged by their endings and a
//! list; what is wrong with English is a waiver's to say.

use selvage_model::code;
use selvage_model::finding::{Severity, show};

use super::LintRule;
use super::event::{COMMANDS, events};
use crate::lint::{Context, Report};

pub(crate) const TENSE: LintRule = LintRule {
    code: code::EVENT_TENSE,
    name: "event-names-are-past",
    severity: Severity::Warning,
    waivable: true,
    check: tense,
};

/// Participles that end otherwise than in `-ed`, of what happens in plants and offices.
const IRREGULAR: &[&str] = &[
    "begun",
    "bent",
    "born",
    "borne",
    "bought",
    "bound",
    "broken",
    "brought",
    "built",
    "burnt",
    "burst",
    "caught",
    "chosen",
    "cut",
    "dealt",
    "done",
    "drawn",
    "driven",
    "drunk",
    "dug",
    "fallen",
    "fed",
    "felt",
    "flown",
    "forbidden",
    "forgotten",
    "fought",
    "found",
    "frozen",
    "given",
    "gone",
    "gotten",
    "grown",
    "held",
    "hidden",
    "hit",
    "hung",
    "hurt",
    "kept",
    "known",
    "laid",
    "lain",
    "learnt",
    "led",
    "left",
    "lent",
    "let",
    "lit",
    "lost",
    "made",
    "meant",
    "met",
    "mistaken",
    "overdrawn",
    "overrun",
    "overtaken",
    "paid",
    "proven",
    "put",
    "quit",
    "read",
    "rebuilt",
    "redone",
    "remade",
    "repaid",
    "rerun",
    "reset",
    "resold",
    "rewritten",
    "ridden",
    "risen",
    "run",
    "said",
    "seen",
    "sent",
    "set",
    "shaken",
    "shown",
    "shrunk",
    "shut",
    "sold",
    "sought",
    "spent",
    "split",
    "spread",
    "spun",
    "stolen",
    "stood",
    "struck",
    "stuck",
    "sunk",
    "swept",
    "sworn",
    "taken",
    "taught",
    "thrown",
    "told",
    "torn",
    "understood",
    "undone",
    "unwound",
    "upheld",
    "upset",
    "withdrawn",
    "withheld",
    "won",
    "worn",
    "wound",
    "woven",
    "written",
    "wrought",
];
/// Words that end in `-ed` and are no participles.
const OTHERS: &[&str] = &[
    "bed", "bleed", "breed", "exceed", "feed", "heed", "indeed", "need", "proceed", "red", "seed", "shed", "speed",
    "succeed", "weed",
];

fn tense(context: &Context<'_>, report: &mut Report) {
    for (reference, _, event) in events(context) {
        for declared in &event.events {
            let last = declared.name.value.rsplit('.').next().unwrap_or_default();
            // A command is told as such.
            if is_past(last) || COMMANDS.contains(&last) {
                continue;
            }
            let name = show(&declared.name.value);
            let message = format!("{name} does not say what has happened: `{last}` is no participle");
            let finding = TENSE.finding(&declared.name.place, message);
            report.add(reference, finding.fix("name the fact by what has happened, as `released`, `counted`, `sent`"));
        }
    }
}

/// Whether one of the words between dashes says that something has happened: `written-off` does, and `step-done`.
fn is_past(fact: &str) -> bool {
    fact.split('-')
        .any(|word| (word.ends_with("ed") && word.len() > 3 && !OTHERS.contains(&word)) || IRREGULAR.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn participles_are_told_from_other_words() {
        for past in [
            "released",
            "changed",
            "started",
            "put-away",
            "written-off",
            "step-done",
            "sold",
            "built",
            "frozen",
            "applied",
            "ran-and-stopped",
            "out-of-stock-reached",
            "fed",
        ] {
            assert!(is_past(past), "{past}");
        }
        for other in [
            "change",
            "release",
            "status",
            "update",
            "feed",
            "speed",
            "stock-level",
            "red",
            "ed",
            "snapshot",
            "picking",
            "need",
        ] {
            assert!(!is_past(other), "{other}");
        }
    }
}
