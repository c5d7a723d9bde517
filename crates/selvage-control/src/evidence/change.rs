//! Changes, and who decided what about them under which findings.

use selvage_model::change::Change;
use selvage_store::LedgerEntry;
use serde_json::{Value, json};

use super::section::{Section, text, texts, time};
use super::seen::{Seen, detail};
use crate::desk::told_and_folded;

/// Differences and findings of a change that are told; the rest is counted.
const MOST: usize = 50;

pub(super) fn changes(seen: &Seen) -> Section {
    let mut section = Section::new(
        "changes",
        "Changes",
        "Changes that were worked on, released, or whose release was active in the period. Findings, differences and approvals are those \
         of the last version; of earlier versions the ledger has the risk.",
        [
            ("change", "Change"),
            ("title", "What it is"),
            ("domain", "Domain"),
            ("author", "Author"),
            ("state", "State"),
            ("risk", "Risk"),
            ("differences", "Differences"),
            ("findings", "Findings"),
            ("affected", "Whom it concerns"),
            ("requires", "Whose approval it takes, and why"),
        ],
    );
    for it in &seen.changes {
        let state = format!("{}, version {}{}", it.state, it.version, if it.emergency { ", emergency" } else { "" });
        section.row(
            [
                text(&it.id),
                text(&it.title),
                text(&it.domain),
                text(&it.author),
                text(state),
                text(&it.report.risk),
                differences(it, seen),
                findings(it),
                affected(it, seen),
                requires(it),
            ],
            seen.about(&it.id),
        );
    }
    section
}

fn few(all: Vec<String>, left_out: &str) -> Value {
    let more = all.len().saturating_sub(MOST);
    let told = all.into_iter().take(MOST);
    match more {
        0 => texts(told),
        more => texts(told.chain([format!("and {more} more {left_out}")])),
    }
}

fn differences(it: &Change, seen: &Seen) -> Value {
    let member = |difference: &Value, name: &str| difference[name].as_str().unwrap_or_default().to_owned();
    let concerns = |difference: &&Value| {
        let interface = difference["interface"].as_str();
        interface.is_none_or(|name| seen.scope.interfaces.is_empty() || seen.scope.ids.contains(name))
    };
    let told = it.report.differences.iter().filter(concerns).map(|difference| {
        format!("{} {} {}", member(difference, "verdict"), member(difference, "code"), member(difference, "at"))
    });
    let counts =
        format!("in all {} breaking, {} unproven, {} safe", it.report.breaking, it.report.unproven, it.report.safe);
    few([counts].into_iter().chain(told).collect(), "differences")
}

fn findings(it: &Change) -> Value {
    let member = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let (told, folded) = told_and_folded(it);
    let told = told.into_iter();
    let told = told.map(|it| format!("{} {} {}", member(it, "severity"), member(it, "code"), member(it, "message")));
    let folded = (folded > 0).then(|| format!("{folded} that stood before it in other domains"));
    few(folded.into_iter().chain(told).collect(), "findings")
}

fn affected(it: &Change, seen: &Seen) -> Value {
    let concerns = it.report.affected.iter().filter(|it| seen.scope.has(&it.interface));
    texts(concerns.map(|it| {
        let mut last = it.last_used.map_or_else(String::new, |last| format!(", last used {last:.0}"));
        for (environment, at) in &it.environments {
            last.push_str(&format!(", in {environment} {at:.0}"));
        }
        format!("{} on {}{last}: {}", it.consumer, it.interface, it.because)
    }))
}

fn requires(it: &Change) -> Value {
    texts(it.requirements.iter().map(|it| format!("{}: {}", it.need, it.because.join("; "))))
}

pub(super) fn decisions(seen: &Seen) -> Section {
    let mut section = Section::new(
        "decisions",
        "Decisions",
        "What people said about these changes, each about one version; what was said about an earlier version counts no more.",
        [
            ("at", "When"),
            ("change", "Change"),
            ("version", "Version"),
            ("who", "Who"),
            ("verdict", "Verdict"),
            ("because", "Why"),
        ],
    );
    let is_one = |action: &str| {
        matches!(
            action,
            "change.decided" | "change.rejected" | "change.withdrawn" | "change.reopened" | "change.ratified"
        )
    };
    for entry in seen.entries.iter().filter(|entry| is_one(&entry.action)) {
        let verdict = match entry.action.as_str() {
            "change.decided" => detail(entry, "verdict"),
            other => other.trim_start_matches("change."),
        };
        let version = entry.detail.get("version").cloned().unwrap_or_else(|| json!(""));
        let because = text(detail(entry, "because"));
        let cells = [time(entry.at), text(&entry.subject), version, text(entry.signed_by()), text(verdict), because];
        section.row(cells, vec![entry.seq]);
    }
    elsewhere(seen, &mut section);
    section
}

/// What was decided in other stores about what was taken over from them.
fn elsewhere(seen: &Seen, section: &mut Section) {
    for import in &seen.imports {
        let Some(change) = seen.changes.iter().find(|change| change.id == import.change) else { continue };
        let is_its = |entry: &&LedgerEntry| entry.action == "release.imported" && entry.subject == import.release;
        let entries: Vec<u64> = seen.entries.iter().filter(is_its).map(|entry| entry.seq).collect();
        for it in &change.decisions {
            let verdict = text(format!("{} in the store of {}", it.verdict, import.from));
            let cells =
                [time(it.at), text(&change.id), json!(it.version), text(it.signed_by()), verdict, text(&it.because)];
            section.row(cells, entries.clone());
        }
    }
}

pub(super) fn delegations(seen: &Seen) -> Section {
    let mut section = Section::new(
        "delegations",
        "Seats that were lent",
        "Seats of boards that somebody else filled for a time.",
        [
            ("at", "When"),
            ("what", "What"),
            ("domain", "Domain"),
            ("seat", "Seat"),
            ("by", "By"),
            ("to", "To"),
            ("until", "Until"),
        ],
    );
    for entry in seen.acts(&["board.delegated", "board.delegation-ended"]) {
        let what = if entry.action == "board.delegated" { "lent" } else { "ended" };
        let of = |name: &str| text(detail(entry, name));
        let cells = [
            time(entry.at),
            text(format!("{what}: {}", entry.subject)),
            of("domain"),
            of("discipline"),
            text(entry.signed_by()),
            of("to"),
            of("until"),
        ];
        section.row(cells, vec![entry.seq]);
    }
    section
}
