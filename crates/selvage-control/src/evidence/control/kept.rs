//! Controls of what goes on by itself: retirement, waivers, promises, and the ledger.

use selvage_model::manifest::interface::Lifecycle;

use super::Judged;
use crate::desk::{day, key_of};
use crate::evidence::promise::{Outcome, counted, outcomes};
use crate::evidence::section::count;
use crate::evidence::seen::Seen;
use crate::evidence::waiver;

pub(super) fn retirement(seen: &Seen) -> Judged {
    let retired = seen.fabric.interfaces.iter().filter(|(reference, interface)| {
        seen.scope.has(reference) && matches!(interface.lifecycle, Lifecycle::Retired { .. })
    });
    let retired: Vec<_> = retired.map(|(reference, _)| (reference, counted(seen, reference))).collect();
    if retired.is_empty() {
        return Judged::not("nothing of it is retired");
    }
    // What is refused is what retirement does.
    let answered = retired.iter().map(|(it, of)| (it, of.requests.saturating_sub(of.refused)));
    let cases = answered.filter(|(_, answered)| *answered > 0);
    let cases = cases.map(|(it, answered)| format!("{it} answered {answered} requests in the period")).collect();
    let asked: u64 = retired.iter().map(|(_, of)| of.refused).sum();
    Judged::seen(format!("{} that refused {asked} requests", count(retired.len(), "interface")), cases, Vec::new())
}

pub(super) fn waivers(seen: &Seen) -> Judged {
    let mut cases = Vec::new();
    for it in waiver::of(seen) {
        if it.until.value < day(seen.asked.to) {
            cases.push(format!("the waiver of {} on {} ended on {}", it.rule, it.on, it.until));
        }
        if it.approved_by.is_empty() {
            cases.push(format!("nobody approved the waiver of {} on {}", it.rule, it.on));
        }
    }
    match waiver::of(seen).count() {
        0 => Judged::seen("there is no waiver", Vec::new(), Vec::new()),
        number => Judged::seen(count(number, "waiver"), cases, Vec::new()),
    }
}

pub(super) fn availability(seen: &Seen) -> Judged {
    let (mut kept, mut unmeasured, mut cases) = (0_usize, 0_usize, Vec::new());
    for (interface, promise, _, outcome) in outcomes(seen) {
        match outcome {
            Outcome::Kept(_) => kept += 1,
            Outcome::Broken(says) => cases.push(format!("{interface}: {promise}: {says}")),
            Outcome::Unmeasured(_) => unmeasured += 1,
        }
    }
    if kept + cases.len() == 0 {
        return Judged::not(format!("nothing was measured: {unmeasured} promises without counts"));
    }
    Judged::seen(format!("{kept} kept, {} broken, {unmeasured} not measured", cases.len()), cases, Vec::new())
}

pub(super) fn ledger(seen: &Seen) -> Judged {
    let (check, cases) = (&seen.ledger.check, seen.ledger.faults());
    let by = match (&seen.ledger.key, seen.ledger.signed.len()) {
        (Some(_), signed) => format!("by the chain and {}", count(signed, "signed checkpoint")),
        (None, _) => "by the chain alone: it is not known which key signed its checkpoints".to_owned(),
    };
    Judged::seen(format!("entries 1 to {}, {by}", check.entries), cases, Vec::new())
}

pub(super) fn checkpoints(seen: &Seen) -> Judged {
    let Some(key) = seen.ledger.key else {
        return Judged::not("it is not known which key signs checkpoints: give it with `--ledger-key` or `--key`");
    };
    let last_cited = seen.entries.last().map_or(0, |entry| entry.seq);
    let covered = seen.ledger.signed.last().map_or(0, |it| it.head.entries);
    let mut cases = Vec::new();
    if covered < last_cited {
        cases.push(format!("entries {} to {last_cited} stand above the newest signed checkpoint", covered + 1));
    }
    if !seen.ledger.is_whole() {
        cases.push(
            "the ledger is not what was signed before: nothing of it is signed until somebody has looked".to_owned(),
        );
    }
    Judged::seen(format!("signed up to entry {covered} with {}", key_of(key).id), cases, Vec::new())
}
