//! Controls of changes and releases.

use std::collections::BTreeSet;

use selvage_model::change::{Decision, DecisionVerdict};
use selvage_store::{COULD_SIGN, LET_IN, LedgerEntry};
use serde_json::Value;

use super::Judged;
use crate::desk::verify;
use crate::evidence::incident;
use crate::evidence::release::{OPEN, WAIVED, activated, gates_of};
use crate::evidence::section::count;
use crate::evidence::seen::{Seen, detail, is_made};

/// Approvals of the version that became a release, by others than whoever wrote it. Names that nobody proved are no eyes: one person
/// can write them all.
pub(super) fn four_eyes(seen: &Seen) -> Judged {
    let (mut cases, mut entries, mut number) = (Vec::new(), Vec::new(), 0_usize);
    for made in seen.acts(&["release.made"]) {
        let id = detail(made, "change");
        let of_it = || seen.entries.iter().filter(|entry| entry.subject == id && entry.seq < made.seq);
        let is_version = |entry: &&LedgerEntry| matches!(entry.action.as_str(), "change.proposed" | "change.altered");
        let Some(last) = of_it().rfind(is_version) else { continue };
        // Whoever wrote any of its versions is no second pair of eyes.
        let authors: BTreeSet<&str> = of_it().filter(is_version).map(|entry| entry.actor.as_str()).collect();
        let approves = |entry: &&LedgerEntry| {
            entry.action == "change.decided"
                && detail(entry, "verdict") == "approve"
                && entry.seq > last.seq
                && !authors.contains(entry.actor.as_str())
        };
        number += 1;
        entries.extend([last.seq, made.seq]);
        entries.extend(of_it().filter(approves).map(|entry| entry.seq));
        let release = format!("{} of {}", made.subject, detail(made, "domain"));
        let approvals = || of_it().filter(approves);
        if approvals().next().is_none() {
            cases.push(format!("{release}: nobody but its authors approved {id}"));
        } else if approvals().all(LedgerEntry::is_unproven) {
            cases.push(format!("{release}: {id} was approved by names that nobody proved: {}", names(approvals())));
        } else if of_it().filter(is_version).any(LedgerEntry::is_unproven) {
            let by = names(of_it().filter(is_version).filter(|entry| entry.is_unproven()));
            cases.push(format!("{release}: {id} was written under a name that nobody proved: {by}"));
        }
    }
    for imported in seen.acts(&["release.imported"]) {
        let id = detail(imported, "change");
        let Some(change) = seen.changes.iter().find(|change| change.id == id) else { continue };
        let approves = |it: &Decision| {
            it.verdict == DecisionVerdict::Approve && it.version == change.version && it.person != change.author
        };
        number += 1;
        entries.push(imported.seq);
        let release = format!("{} of {}", imported.subject, detail(imported, "domain"));
        let approvals = || change.decisions.iter().filter(|it| approves(it));
        if approvals().next().is_none() {
            cases.push(format!("{release}: nobody but its author approved {id}"));
        } else if approvals().all(|it| it.unproven) {
            cases.push(format!("{release}: {id} was approved by names that nobody proved"));
        }
    }
    for entry in seen.acts(&[LET_IN]) {
        let (who, because) = (detail(entry, "operator"), detail(entry, "because"));
        let could = entry.detail.get(COULD_SIGN).and_then(Value::as_array).map_or(0, Vec::len);
        let past = if could == 0 { String::new() } else { format!(", past {could} whose keys counted") };
        cases.push(format!("`{who}` got a key at {:.0} from somebody who showed none{past}: {because}", entry.at));
        entries.push(entry.seq);
    }
    match number {
        0 if cases.is_empty() => Judged::not("nothing was released in the period"),
        number => Judged::seen(count(number, "release"), cases, entries),
    }
}

/// Who signed these, each once.
fn names<'a>(entries: impl Iterator<Item = &'a LedgerEntry>) -> String {
    let names: BTreeSet<&str> = entries.map(|entry| entry.actor.as_str()).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

pub(super) fn signed(seen: &Seen) -> Judged {
    if seen.releases.is_empty() {
        return Judged::not("no release was made or active in the period");
    }
    let wrong = seen.releases.iter().filter_map(|release| verify(release, &seen.keys).err());
    let cases = wrong.map(|error| error.to_string()).collect();
    let made = seen.entries.iter().filter(|entry| is_made(entry));
    Judged::seen(count(seen.releases.len(), "release"), cases, made.map(|entry| entry.seq).collect())
}

pub(super) fn protected(seen: &Seen) -> Judged {
    let environments = seen.fabric.settings.iter().flat_map(|settings| &settings.environments);
    let protected: BTreeSet<&str> = environments.filter(|it| it.protected).map(|it| it.name.value.as_str()).collect();
    let there: Vec<&LedgerEntry> =
        activated(seen).filter(|entry| protected.contains(entry.subject.as_str()) && seen.is_in(entry.at)).collect();
    if protected.is_empty() {
        return Judged::not("no environment is declared protected");
    }
    if there.is_empty() {
        return Judged::not("nothing was activated in a protected environment in the period");
    }
    let unreleased = there.iter().filter(|entry| detail(entry, "domain").is_empty());
    let cases = unreleased.map(|entry| format!("{} in {}", detail(entry, "release"), entry.subject)).collect();
    Judged::seen(count(there.len(), "activation"), cases, there.iter().map(|entry| entry.seq).collect())
}

pub(super) fn gates(seen: &Seen) -> Judged {
    let (mut cases, mut entries, mut number, mut waived) = (Vec::new(), Vec::new(), 0_usize, 0_usize);
    for entry in seen.acts(&["release.activated"]) {
        for (gate, outcome, saw) in gates_of(entry) {
            number += 1;
            waived += usize::from(outcome == WAIVED);
            if outcome != OPEN && outcome != WAIVED {
                cases.push(format!("{} in {}: {gate} {outcome}: {saw}", detail(entry, "release"), entry.subject));
            }
        }
        entries.push(entry.seq);
    }
    match number {
        0 => Judged::not("no activation of the period had gates to pass"),
        number => {
            let mut saw = format!("{} of {}", count(number, "gate"), count(entries.len(), "activation"));
            if waived > 0 {
                saw.push_str(&format!(", {waived} of them opened by a waiver"));
            }
            Judged::seen(saw, cases, entries)
        }
    }
}

pub(super) fn emergencies(seen: &Seen) -> Judged {
    let (mut cases, mut entries, mut number) = (Vec::new(), Vec::new(), 0_usize);
    let mut pending = 0_usize;
    for it in incident::emergencies(seen) {
        number += 1;
        entries.push(it.made.seq);
        entries.extend(it.ratified.map(|entry| entry.seq));
        pending += usize::from(it.ratified.is_none() && !it.is_breach(seen.now));
        if it.is_breach(seen.now) {
            let when = it.ratified.map_or("by nobody".to_owned(), |entry| format!("late, at {:.0}", entry.at));
            cases.push(format!("{} of {}: ratified {when}", it.made.subject, detail(it.made, "domain")));
        }
    }
    match number {
        0 => Judged::seen("there was no emergency", Vec::new(), Vec::new()),
        number => {
            let saw = format!("{}, {pending} of them still to be ratified", count(number, "emergency"));
            Judged::seen(saw, cases, entries)
        }
    }
}
