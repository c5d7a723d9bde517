//! Controls that the fabric declares: its rules and guardrails, by what they find in what was declared at the end of the period, and its
//! rules of approval, by the changes that they bound.

use std::collections::BTreeSet;

use jiff::Timestamp;
use selvage_governance::approval::is_met;
use selvage_governance::found_by;
use selvage_model::change::{Change, Decision, DecisionVerdict, Requirement, Seat};
use selvage_model::fabric::Fabric;
use selvage_store::LedgerEntry;

use super::{Control, Judge, Judged};
use crate::desk::day;
use crate::evidence::section::count;
use crate::evidence::seen::{Seen, detail};

pub(super) fn controls(fabric: &Fabric) -> Vec<Control> {
    let guardrails: Vec<&str> =
        fabric.settings.iter().flat_map(|it| &it.guardrails).map(|name| name.value.as_str()).collect();
    let mut names: BTreeSet<&str> = fabric.rules.keys().map(|name| name.as_str()).collect();
    names.extend(&guardrails);
    let rules = names.into_iter().map(|name| {
        let says = fabric.rules.values().find(|rule| rule.name.as_str() == name).map(|rule| rule.says.clone());
        let what = if guardrails.contains(&name) { "the guardrail" } else { "the rule" };
        Control {
            id: format!("rule:{name}"),
            title: says.map_or_else(|| format!("{what} {name} holds"), |says| format!("{what} {name}: {says}")),
            examines: "what the rule finds in what was declared at the end of the period, and what of it is waived"
                .to_owned(),
            judge: Judge::Rule(name.to_owned()),
        }
    });
    let approvals = fabric.approval_rules.values().map(|rule| Control {
        id: format!("approval:{}", rule.name),
        title: format!("approvals by {} where {}", words(rule.require.iter().map(|it| it.value.as_str())), rule.when),
        examines: "each change that the rule bound and that was released or active in the period: as many proven approvals as it took".to_owned(),
        judge: Judge::Approval(rule.name.to_string()),
    });
    rules.chain(approvals).collect()
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

pub(super) fn rule(seen: &Seen, name: &str) -> Judged {
    let Some(found) = found_by(&seen.fabric, day(seen.asked.to), name) else {
        return Judged::not(format!("nothing declares a rule `{name}`"));
    };
    let about = &seen.asked.about;
    let here = found.into_iter().filter(|it| seen.scope.names(about, &it.about, &it.finding.place.file));
    let (waived, left): (Vec<_>, Vec<_>) = here.partition(|it| it.is_waived);
    let cases = left.iter().map(|it| format!("{} {}: {}", it.finding.code, it.finding.place, it.finding.message));
    let waived = match waived.len() {
        0 => "nothing is waived".to_owned(),
        _ => format!("waived: {}", words(waived.iter().map(|it| it.finding.message.as_str()))),
    };
    Judged::seen(format!("{}; {waived}", count(left.len(), "finding")), cases.collect(), Vec::new())
}

pub(super) fn approval(seen: &Seen, name: &str) -> Judged {
    let (mut cases, mut entries, mut number) = (Vec::new(), Vec::new(), 0_usize);
    let bound = format!("the rule `{name}`");
    for release in &seen.releases {
        let Some(change) = seen.changes.iter().find(|change| change.id == release.change) else { continue };
        let by_rule = |it: &&Requirement| it.because.iter().any(|because| because.starts_with(&bound));
        let requirements: Vec<&Requirement> = change.requirements.iter().filter(by_rule).collect();
        if requirements.is_empty() {
            continue;
        }
        number += 1;
        entries.extend(seen.about(&change.id));
        for lacks in requirements.into_iter().filter_map(|it| lacks(&seen.entries, change, it)) {
            let emergency = if change.emergency { "; it was an emergency" } else { "" };
            cases.push(format!("{} of {}: {lacks}{emergency}", release.id, change.id));
        }
    }
    match number {
        0 => Judged::not("no change that the rule bound was released or active in the period"),
        number => Judged::seen(count(number, "change"), cases, entries),
    }
}

/// What an approval lacks that the change takes: words of as many as it asks for, each on a seat of their own, who said them last and
/// proved who they are.
fn lacks(entries: &[LedgerEntry], change: &Change, requirement: &Requirement) -> Option<String> {
    let of_version = change.decisions.iter().filter(|it| it.version == change.version && it.person != change.author);
    let words: Vec<&Decision> = of_version.filter(|it| it.verdict != DecisionVerdict::Comment).collect();
    let is_last = |it: &Decision| words.iter().rfind(|other| other.person == it.person).is_some_and(|last| *last == it);
    let approvals: Vec<&Decision> =
        words.iter().copied().filter(|it| it.verdict == DecisionVerdict::Approve && is_last(it)).collect();
    let is_filled = |names_count: bool| {
        let counting: Vec<&Decision> = approvals.iter().copied().filter(|it| names_count || !it.unproven).collect();
        let lent = |seat: &Seat| {
            let stood_in = counting.iter().filter(|it| was_lent(entries, change, seat, it, names_count));
            let people = seat.people.iter().cloned().chain(stood_in.map(|it| it.person.clone())).collect();
            Seat { people, ..seat.clone() }
        };
        let seats: Vec<Seat> = requirement.seats.iter().map(lent).collect();
        is_met(&requirement.need, &seats, |person| counting.iter().any(|it| it.person == person))
    };
    if is_filled(false) {
        return None;
    }
    let need = &requirement.need;
    Some(match (approvals.is_empty(), is_filled(true)) {
        (_, true) => format!("approval of {need} rests on names that nobody proved"),
        (true, false) => format!("no approval of {need}"),
        (false, false) => format!("not enough approved of {need}"),
    })
}

/// Whether a seat was lent to this person when they said it, by somebody of the seat who is not the author; and by a name alone, where
/// such count.
fn was_lent(entries: &[LedgerEntry], change: &Change, seat: &Seat, said: &Decision, names_count: bool) -> bool {
    let mut lent = entries.iter().filter(|entry| entry.action == "board.delegated");
    let Some(board) = &seat.board else { return false };
    let is_it = |entry: &LedgerEntry| {
        let until: Option<Timestamp> = detail(entry, "until").parse().ok();
        detail(entry, "domain") == board.as_str()
            && detail(entry, "discipline") == seat.name
            && detail(entry, "to") == said.person
            && entry.actor != change.author
            && seat.people.contains(&entry.actor)
            && (names_count || !entry.is_unproven())
            && entry.at <= said.at
            && until.is_some_and(|until| said.at < until)
    };
    lent.any(is_it)
}

#[cfg(test)]
#[path = "declared/tests.rs"]
mod tests;
