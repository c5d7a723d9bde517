//! How long evidence is kept: by the class of what it is about, unless somebody says otherwise; and how long the store keeps what it is
//! made of. A package says both, and none is taken away before its day.

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::About;
use super::package::Package;
use super::seen::Seen;
use crate::desk::day;

/// How long a package is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// The class: the gravest criticality of what it is about, or `control`.
    pub class: String,
    /// Until this day.
    pub keep_until: Date,
    /// Why until then.
    pub because: String,
    /// How long the store keeps what it is made of.
    pub sources: Vec<Kept>,
}

/// How long the store keeps something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What.
    pub what: String,
    /// How long.
    pub kept: String,
}

/// Years by class, where the fabric says nothing.
const YEARS: [(&str, u32); 5] = [("control", 10), ("tier-1", 10), ("tier-2", 5), ("tier-3", 3), ("unclassified", 3)];

const SOURCES: [(&str, &str); 4] = [
    ("the ledger, changes, decisions, releases, activations, grants, requests, reviews", "as long as the store"),
    ("counts of requests", "by minute for 26 hours, by hour for 40 days, by day for 458 days"),
    ("dead letters", "30 days after they were decided about; the decision stays in the ledger"),
    ("counts of answers that were as promised, by environment", "by hour for 40 days, by day for 458 days"),
];

pub(super) fn of(seen: &Seen) -> Retention {
    let class = class(seen);
    let (years, says) = match declared(seen, class) {
        Some(years) => (years, ", as the fabric declares"),
        None => (YEARS.iter().find(|(known, _)| *known == class).map_or(10, |(_, years)| *years), ""),
    };
    let by_class = day(seen.now).checked_add(i64::from(years).years()).unwrap_or(Date::MAX);
    let (keep_until, because) = match seen.asked.keep_until {
        Some(said) => (said, "whoever made it said so".to_owned()),
        None => (by_class, format!("evidence of the class {class} is kept for {years} years{says}")),
    };
    let kept = |(what, kept): (&str, &str)| Kept { what: what.to_owned(), kept: kept.to_owned() };
    Retention { class: class.to_owned(), keep_until, because, sources: SOURCES.into_iter().map(kept).collect() }
}

/// What the fabric says of this class.
fn declared(seen: &Seen, class: &str) -> Option<u32> {
    let years = seen.fabric.settings.as_ref()?.evidence_years;
    match class {
        "control" => years.control,
        "tier-1" => years.tier_1,
        "tier-2" => years.tier_2,
        "tier-3" => years.tier_3,
        _ => years.unclassified,
    }
}

fn class(seen: &Seen) -> &'static str {
    if matches!(seen.asked.about, About::Control(_)) {
        return "control";
    }
    let interfaces = seen.scope.interfaces.iter().filter_map(|it| seen.fabric.interfaces.get(it));
    let classes = interfaces.filter_map(|it| it.classification.as_ref()).map(|it| it.criticality.as_str());
    // The words of tiers go by their gravity.
    classes.min().unwrap_or("unclassified")
}

/// Whether a package has been kept for as long as it is to be.
pub fn may_go(package: &Package, today: Date) -> bool {
    package.retention.keep_until < today
}
