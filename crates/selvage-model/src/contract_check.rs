//! What was found when messages were checked against their contracts, as plain data between the gateway that counts, the
//! store that keeps, and whoever shows it; and whether an interface is ready to go from report to enforce.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::name::InterfaceRef;

/// The checks of one side of an operation, for one consumer and one text of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractCheck {
    /// Which interface.
    pub interface: InterfaceRef,
    /// Which text of its contract: the first of its hash.
    pub contract: String,
    /// Whose messages; empty where nobody knows.
    pub consumer: String,
    /// Which operation.
    pub operation: String,
    /// `request` or `response`.
    pub side: String,
    /// `report` or `enforce`, as it was last.
    pub mode: String,
    /// Messages that were checked.
    pub checked: u64,
    /// Messages that did not fit.
    pub unfit: u64,
    /// Messages whose body could not be checked.
    pub unchecked: u64,
    /// When the last of them was, where any was.
    pub unchecked_last: Option<Timestamp>,
    /// Since when.
    pub first: Timestamp,
    /// Until when.
    pub last: Timestamp,
    /// Where they did not fit, the most frequent first.
    pub violations: Vec<ContractViolation>,
}

/// A field in which a rule of the contract was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractViolation {
    /// `path`, `query`, `header`, `cookie` or `body`.
    pub place: String,
    /// A parameter's name, or a JSON Pointer with `*` for indexes.
    pub field: String,
    /// The keyword of the schema.
    pub rule: String,
    /// How often.
    pub count: u64,
    /// When first.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
    /// What stood there last, masked.
    pub sample: String,
}

/// What the messages of one side of an interface have come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// `report` or `enforce`, as it was last.
    pub mode: String,
    /// Messages that were checked.
    pub checked: u64,
    /// Messages that did not fit.
    pub unfit: u64,
    /// Messages whose body could not be checked.
    pub unchecked: u64,
    /// When the last of them was.
    pub unchecked_last: Option<Timestamp>,
    /// Since when it is looked at.
    pub since: Option<Timestamp>,
    /// When a message was seen last.
    pub last: Option<Timestamp>,
    /// When something was found last.
    pub found: Option<Timestamp>,
    /// Whose messages would have been refused.
    pub breaks: BTreeSet<String>,
}

/// Each side of each interface, by interface and side.
pub type Sides = BTreeMap<(InterfaceRef, String), Readiness>;

/// Whether a side may go from report to enforce, or what speaks against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is enforced already.
    Enforced,
    /// Nothing speaks against it.
    Ready,
    /// Something did not fit, not long enough ago.
    Violated(Timestamp),
    /// A message went unchecked, not long enough ago.
    Unchecked(Timestamp),
    /// It is looked at since then only.
    Young(Timestamp),
    /// No message was seen.
    Unseen,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Enforced => f.write_str("enforced"),
            Self::Ready => f.write_str("ready"),
            Self::Violated(until) => write!(f, "not yet: violated until {until:.0}"),
            Self::Unchecked(until) => write!(f, "not yet: unchecked until {until:.0}"),
            Self::Young(since) => write!(f, "not yet: seen only since {since:.0}"),
            Self::Unseen => f.write_str("not yet: nothing seen"),
        }
    }
}

impl Readiness {
    /// How long nothing may have been found before it is ready, where nobody says another time.
    pub const QUIET: Duration = Duration::from_secs(7 * 24 * 3600);

    /// Whether it may be enforced after being quiet for so long.
    pub fn verdict(&self, quiet: Duration, now: Timestamp) -> Verdict {
        let within = |at: Timestamp| now.duration_since(at).unsigned_abs() < quiet;
        if self.mode == "enforce" {
            return Verdict::Enforced;
        }
        match (self.found, self.unchecked_last, self.since) {
            (Some(found), ..) if within(found) => Verdict::Violated(found),
            (_, Some(unchecked), _) if within(unchecked) => Verdict::Unchecked(unchecked),
            (.., Some(since)) if within(since) => Verdict::Young(since),
            (.., None) => Verdict::Unseen,
            _ => Verdict::Ready,
        }
    }
}

/// Only what was counted against the newest text of each contract.
pub fn newest(checks: Vec<ContractCheck>) -> Vec<ContractCheck> {
    let mut texts: BTreeMap<InterfaceRef, (Timestamp, String)> = BTreeMap::new();
    for check in &checks {
        let known = texts.entry(check.interface.clone()).or_insert_with(|| (check.last, check.contract.clone()));
        if check.last > known.0 {
            *known = (check.last, check.contract.clone());
        }
    }
    let is_newest =
        |check: &ContractCheck| texts.get(&check.interface).is_some_and(|(_, text)| *text == check.contract);
    checks.into_iter().filter(is_newest).collect()
}

/// What these checks say of each side of each interface.
pub fn readiness(checks: &[ContractCheck]) -> Sides {
    let mut sides = Sides::new();
    for check in checks {
        let it = sides.entry((check.interface.clone(), check.side.clone())).or_default();
        if it.last.is_none_or(|last| last < check.last) {
            it.mode.clone_from(&check.mode);
            it.last = Some(check.last);
        }
        it.checked += check.checked;
        it.unfit += check.unfit;
        it.unchecked += check.unchecked;
        it.unchecked_last = it.unchecked_last.max(check.unchecked_last);
        it.since = Some(it.since.map_or(check.first, |since| since.min(check.first)));
        it.found = it.found.max(check.violations.iter().map(|found| found.last).max());
        if check.unfit + check.unchecked > 0 {
            it.breaks.insert(check.consumer.clone());
        }
    }
    sides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_ready_when_it_was_quiet_long_enough() {
        let now: Timestamp = "2026-11-23T06:00:00Z".parse().unwrap();
        let ago = |hours| Some(now - jiff::SignedDuration::from_hours(hours));
        let it = |mode: &str, since, found, unchecked| {
            let readiness =
                Readiness { mode: mode.to_owned(), since, found, unchecked_last: unchecked, ..Readiness::default() };
            readiness.verdict(Readiness::QUIET, now).to_string()
        };
        assert_eq!(it("report", ago(200), None, None), "ready");
        assert_eq!(it("report", ago(400), ago(200), None), "ready");
        assert_eq!(it("report", ago(400), ago(100), None), "not yet: violated until 2026-11-19T02:00:00Z");
        assert_eq!(it("report", ago(100), None, None), "not yet: seen only since 2026-11-19T02:00:00Z");
        assert_eq!(it("report", ago(400), None, ago(100)), "not yet: unchecked until 2026-11-19T02:00:00Z");
        assert_eq!(it("report", ago(400), None, ago(200)), "ready", "that is long ago");
        assert_eq!(it("report", None, None, None), "not yet: nothing seen");
        assert_eq!(it("enforce", ago(400), ago(1), ago(1)), "enforced");
    }
}
