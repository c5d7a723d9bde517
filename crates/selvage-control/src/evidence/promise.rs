//! What interfaces promise, and what was counted of it. Where nothing was counted, or the store keeps nothing, that is what is said.

use rust_decimal::Decimal;
use selvage_model::manifest::interface::{Objective, Slo};
use selvage_model::name::InterfaceRef;
use selvage_model::scalar::spell;
use selvage_model::usage::{PromiseCount, PromiseKey, Promised, UsageCount};
use serde_json::{Value, json};

use super::section::{Section, text};
use super::seen::Seen;

/// What came of a promise.
pub(super) enum Outcome {
    /// It was kept, with what was counted.
    Kept(String),
    /// It was not.
    Broken(String),
    /// Nobody knows, and why.
    Unmeasured(String),
}

impl Outcome {
    fn word(&self) -> &'static str {
        match self {
            Self::Kept(_) => "kept",
            Self::Broken(_) => "broken",
            Self::Unmeasured(_) => "not measured",
        }
    }

    fn says(&self) -> &str {
        match self {
            Self::Kept(says) | Self::Broken(says) | Self::Unmeasured(says) => says,
        }
    }
}

/// Every promise of what it is about, with what was counted and what came of it.
pub(super) fn outcomes(seen: &Seen) -> Vec<(InterfaceRef, String, UsageCount, Outcome)> {
    let mut outcomes = Vec::new();
    for (reference, interface) in seen.fabric.interfaces.iter().filter(|(it, _)| seen.scope.has(it)) {
        let count = counted(seen, reference);
        for slo in &interface.slo {
            let (promise, share) = match &slo.objective {
                Objective::Availability(share) => (Promised::Well, share.0 / Decimal::ONE_HUNDRED),
                Objective::Latency { quantile, under } => (Promised::Within(*under), *quantile),
            };
            let key = PromiseKey { interface: reference.clone(), promise };
            let outcome = outcome(promise, share, seen.usage.promises.get(&key).copied().unwrap_or_default());
            outcomes.push((reference.clone(), in_words(slo), count, outcome));
        }
    }
    outcomes
}

/// Requests of an interface within the period.
pub(super) fn counted(seen: &Seen, interface: &InterfaceRef) -> UsageCount {
    let of_it = seen.usage.course.iter().filter(|(_, it, _)| it == interface);
    of_it.fold(UsageCount::default(), |all, (_, _, count)| all.plus(*count))
}

fn in_words(slo: &Slo) -> String {
    let window = spell(slo.window);
    match &slo.objective {
        Objective::Availability(share) => format!("{}% of requests do not fail, over {window}", share.0.normalize()),
        Objective::Latency { quantile, under } => {
            let share = (quantile * Decimal::ONE_HUNDRED).normalize();
            format!("{share}% of answers come within {}, over {window}", spell(*under))
        }
    }
}

fn outcome(promise: Promised, share: Decimal, count: PromiseCount) -> Outcome {
    let (what, may_be) = match promise {
        Promised::Well => ("did not fail", ""),
        Promised::Within(_) => ("came in time", " be late"),
    };
    if count.answers == 0 {
        return Outcome::Unmeasured("no answer was counted by it in the period".to_owned());
    }
    let (may, broken) = count.broken(share);
    let came = Decimal::from(count.kept) * Decimal::ONE_HUNDRED / Decimal::from(count.answers);
    let came = came.round_dp(4).normalize();
    let says = format!("{came}% of {} {what}; {} may{may_be}", count.answers, may.floor());
    if broken > may { Outcome::Broken(says) } else { Outcome::Kept(says) }
}

pub(super) fn promises(seen: &Seen) -> Section {
    let says = "What is promised, and the requests that were counted in the whole period; a request failed where it was answered with a \
                status of 5xx. Outcomes are by the environment that was asked about, where one was, and by whole hours; latencies from a request's head to its answer's head, \
                at the node, since it was first promised there. What a declared brownout refused was promised to nobody, and is counted apart. What is older than 40 days is by whole days. Maintenance is not taken out.";
    let mut section = Section::new(
        "promises",
        "Promises (SLO)",
        &format!("{says}{}", gaps(seen)),
        [
            ("interface", "Interface"),
            ("promise", "Promise"),
            ("requests", "Requests"),
            ("refused", "Refused (4xx)"),
            ("failed", "Failed (5xx)"),
            ("planned", "Refused by brownouts"),
            ("outcome", "Outcome"),
            ("saw", "What was seen"),
        ],
    );
    let silent = seen.fabric.interfaces.iter().filter(|(it, interface)| seen.scope.has(it) && interface.slo.is_empty());
    let silent = silent.map(|(reference, _)| {
        let none = Outcome::Unmeasured("nothing is promised".to_owned());
        (reference.clone(), "none".to_owned(), counted(seen, reference), none)
    });
    for (interface, promise, count, outcome) in outcomes(seen).into_iter().chain(silent) {
        let number = |number: u64| -> Value { json!(number) };
        section.row(
            [
                text(interface),
                text(promise),
                number(count.requests),
                number(count.refused),
                number(count.failed),
                number(count.planned),
                text(outcome.word()),
                text(outcome.says()),
            ],
            Vec::new(),
        );
    }
    section
}

/// What is known to be missing from the counts.
fn gaps(seen: &Seen) -> String {
    let began = match seen.usage.began {
        None => " Nothing was ever counted in this store.".to_owned(),
        Some(began) if began > seen.asked.from => format!(" Counts begin at {began:.0}, after the period began."),
        Some(_) => String::new(),
    };
    let gaps =
        seen.usage.gaps.iter().map(|gap| {
            format!(" Node {} took with it what it served from {:.0} to {:.0}.", gap.node, gap.from, gap.until)
        });
    [began].into_iter().chain(gaps).collect()
}
