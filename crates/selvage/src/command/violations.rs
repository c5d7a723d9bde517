//! `selvage violations`: where messages did not fit their contracts, and whether an interface is ready to go from report to
//! enforce. It shows what nodes have counted in the store; samples are masked there already.

use std::time::Duration;

use clap::Args;
use comfy_table::Table;
use jiff::Timestamp;
use selvage_model::contract_check::{ContractCheck, Verdict, newest, readiness};
use selvage_model::name::InterfaceRef;
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

impl Violations {
    /// Prints them.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let wanted: Option<InterfaceRef> = match &self.interface {
            Some(text) => Some(text.parse().map_err(|_| anyhow::anyhow!("`{text}` is no interface: write `stock@1`"))?),
            None => None,
        };
        let mut checks = newest(self.store.existing().await?.contract_checks().await?);
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
                    "interface": interface.to_string(), "side": side, "mode": it.mode, "checked": it.checked, "unfit": it.unfit,
                    "unchecked": it.unchecked, "since": it.since, "last_violation": it.found,
                    "ready": it.verdict(self.quiet, now) == Verdict::Ready,
                    "verdict": it.verdict(self.quiet, now).to_string(), "breaks": it.breaks,
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
                interface.to_string(),
                side.clone(),
                it.mode.clone(),
                it.checked.to_string(),
                it.unfit.to_string(),
                it.unchecked.to_string(),
                it.since.map(|since| format!("{since:.0}")).unwrap_or_default(),
                it.verdict(self.quiet, now).to_string(),
                breaks.join(", "),
            ]);
        }
        say(table)
    }
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
