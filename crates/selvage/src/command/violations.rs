//! `selvage violations`: where messages did not fit their contracts, and whether an interface is ready to go from report to
//! enforce. It shows what nodes have counted in the store; samples are masked there already.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clap::Args;
use comfy_table::Table;
use jiff::Timestamp;
use selvage_model::name::InterfaceRef;
use selvage_store::ContractCheck;
use serde_json::{Value, json};

use super::{Outcome, StoreChoice, TABLE, duration, say};

/// Shows where messages did not fit their contracts.
#[derive(Args)]
pub(crate) struct Violations {
    /// Only of this interface, as `stock@1`.
    interface: Option<String>,
    /// Whether each interface is ready to go from report to enforce, and whom it would break.
    #[arg(long)]
    readiness: bool,
    /// How long nothing may have been found before it is ready.
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = duration)]
    quiet: Duration,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreChoice,
}

/// One side of one interface.
#[derive(Default)]
struct Readiness {
    mode: String,
    checked: u64,
    unfit: u64,
    unchecked: u64,
    since: Option<Timestamp>,
    /// When something was found last.
    found: Option<Timestamp>,
    breaks: BTreeSet<String>,
}

impl Violations {
    /// Prints them.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let wanted: Option<InterfaceRef> = match &self.interface {
            Some(text) => Some(text.parse().map_err(|_| anyhow::anyhow!("`{text}` is no interface: write `stock@1`"))?),
            None => None,
        };
        let mut checks = newest(self.store.open().await?.contract_checks().await?);
        checks.retain(|check| wanted.as_ref().is_none_or(|wanted| *wanted == check.interface));
        match (self.readiness, self.json) {
            (false, false) => print_violations(&checks)?,
            (false, true) => say(format_args!("{:#}", violations_as_json(&checks)))?,
            (true, as_json) => self.print_readiness(&checks, as_json)?,
        }
        Ok(Outcome::Well)
    }

    fn print_readiness(&self, checks: &[ContractCheck], as_json: bool) -> anyhow::Result<()> {
        let now = Timestamp::now();
        let sides = readiness(checks);
        if as_json {
            let rows = sides.iter().map(|((interface, side), it)| {
                json!({
                    "interface": interface, "side": side, "mode": it.mode, "checked": it.checked, "unfit": it.unfit,
                    "unchecked": it.unchecked, "since": it.since, "last_violation": it.found,
                    "ready": it.is_ready(self.quiet, now), "verdict": it.verdict(self.quiet, now), "breaks": it.breaks,
                })
            });
            return say(format_args!("{:#}", Value::Array(rows.collect())));
        }
        if sides.is_empty() {
            return say("none: no message was checked yet");
        }
        let mut table = Table::new();
        let header = ["INTERFACE", "SIDE", "MODE", "CHECKED", "UNFIT", "UNCHECKED", "SINCE", "VERDICT", "WOULD BREAK"];
        table.load_style(TABLE).set_header(header);
        for ((interface, side), it) in &sides {
            let breaks: Vec<&str> = it.breaks.iter().map(String::as_str).collect();
            table.add_row([
                interface.clone(),
                side.clone(),
                it.mode.clone(),
                it.checked.to_string(),
                it.unfit.to_string(),
                it.unchecked.to_string(),
                it.since.map(|since| format!("{since:.0}")).unwrap_or_default(),
                it.verdict(self.quiet, now),
                breaks.join(", "),
            ]);
        }
        say(table)
    }
}

impl Readiness {
    fn is_ready(&self, quiet: Duration, now: Timestamp) -> bool {
        self.verdict(quiet, now) == "ready"
    }

    /// `ready`, or what speaks against it.
    fn verdict(&self, quiet: Duration, now: Timestamp) -> String {
        let within = |at: Timestamp| now.duration_since(at).unsigned_abs() < quiet;
        if self.mode == "enforce" {
            return "enforced".to_owned();
        }
        match (self.found, self.since) {
            (Some(found), _) if within(found) => format!("not yet: violated until {found:.0}"),
            _ if self.unchecked > 0 => format!("not yet: {} could not be checked", self.unchecked),
            (_, Some(since)) if within(since) => format!("not yet: seen only since {since:.0}"),
            (_, None) => "not yet: nothing seen".to_owned(),
            _ => "ready".to_owned(),
        }
    }
}

/// Only what was counted against the newest text of each contract.
fn newest(checks: Vec<ContractCheck>) -> Vec<ContractCheck> {
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

fn readiness(checks: &[ContractCheck]) -> BTreeMap<(String, String), Readiness> {
    let mut sides: BTreeMap<(String, String), Readiness> = BTreeMap::new();
    for check in checks {
        let it = sides.entry((check.interface.to_string(), check.side.clone())).or_default();
        it.mode.clone_from(&check.mode);
        it.checked += check.checked;
        it.unfit += check.unfit;
        it.unchecked += check.unchecked;
        it.since = Some(it.since.map_or(check.first, |since| since.min(check.first)));
        it.found = it.found.max(check.violations.iter().map(|found| found.last).max());
        if check.unfit + check.unchecked > 0 {
            it.breaks.insert(check.consumer.clone());
        }
    }
    sides
}

fn print_violations(checks: &[ContractCheck]) -> anyhow::Result<()> {
    if checks.iter().all(|check| check.violations.is_empty()) {
        let seen: u64 = checks.iter().map(|check| check.checked).sum();
        return say(format_args!("none: {seen} messages were checked, and every one fitted"));
    }
    let mut table = Table::new();
    let header = ["INTERFACE", "OPERATION", "SIDE", "CONSUMER", "WHERE", "RULE", "TIMES", "LAST", "SAMPLE"];
    table.load_style(TABLE).set_header(header);
    for check in checks {
        for found in &check.violations {
            table.add_row([
                check.interface.to_string(),
                check.operation.clone(),
                check.side.clone(),
                check.consumer.clone(),
                format!("{} {}", found.place, found.field),
                found.rule.clone(),
                found.count.to_string(),
                format!("{:.0}", found.last),
                found.sample.clone(),
            ]);
        }
    }
    say(table)
}

fn violations_as_json(checks: &[ContractCheck]) -> Value {
    let rows = checks.iter().flat_map(|check| {
        check.violations.iter().map(move |found| {
            json!({
                "interface": check.interface.to_string(), "operation": check.operation, "side": check.side,
                "consumer": check.consumer, "mode": check.mode, "in": found.place, "field": found.field,
                "rule": found.rule, "count": found.count, "first": found.first, "last": found.last,
                "sample": found.sample,
            })
        })
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_ready_when_it_was_quiet_long_enough() {
        let now: Timestamp = "2026-11-23T06:00:00Z".parse().unwrap();
        let ago = |hours| Some(now - jiff::SignedDuration::from_hours(hours));
        let quiet = Duration::from_secs(7 * 24 * 3600);
        let it = |mode: &str, since, found, unchecked| {
            let readiness = Readiness { mode: mode.to_owned(), since, found, unchecked, ..Readiness::default() };
            readiness.verdict(quiet, now)
        };
        assert_eq!(it("report", ago(200), None, 0), "ready");
        assert_eq!(it("report", ago(400), ago(200), 0), "ready");
        assert_eq!(it("report", ago(400), ago(100), 0), "not yet: violated until 2026-11-19T02:00:00Z");
        assert_eq!(it("report", ago(100), None, 0), "not yet: seen only since 2026-11-19T02:00:00Z");
        assert_eq!(it("report", ago(400), None, 3), "not yet: 3 could not be checked");
        assert_eq!(it("enforce", ago(400), ago(1), 3), "enforced");
    }
}
