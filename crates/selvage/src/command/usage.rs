//! `selvage usage`: who uses what, and how often, from the store: also of nodes that run no more.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use comfy_table::Table;
use jiff::Timestamp;
use selvage_model::name::InterfaceRef;
use selvage_model::usage::{UsageCount, UsageGap, UsageTotal};
use serde_json::json;

use super::{Outcome, StoreChoice, TABLE, duration, say};

/// Shows who uses what, and how often.
#[derive(Args)]
pub(crate) struct Usage {
    /// Of this interface (`inventory@2`, or its name for all its versions) or of this consumer alone.
    #[arg(value_name = "INTERFACE|CONSUMER")]
    subject: Option<String>,
    /// How far back.
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = duration)]
    since: Duration,
    /// What is told apart. Default: interfaces; consumers where an interface is given.
    #[arg(long, value_enum)]
    by: Option<By>,
    /// Prints JSON: everything that is counted by itself.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreChoice,
}

/// What is told apart.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// Each interface.
    Interface,
    /// Each consumer.
    Consumer,
    /// Each operation of an interface.
    Operation,
    /// Each attribute of an interface: asked for, searched by or sent.
    Attribute,
}

/// A line of the table.
#[derive(Clone, Default)]
struct Line {
    count: UsageCount,
    last: Timestamp,
}

impl Usage {
    /// Adds up and prints.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let store = self.store.existing().await?;
        let now = Timestamp::now();
        let since = now.checked_sub(self.since).context("so long ago there was no time")?;
        let mut totals = store.usage_since(since, now).await?;
        let is_interface = self.narrow(&mut totals)?;
        let gaps = store.usage_gaps(since).await?;
        if self.json {
            say(as_json(since, &totals, &gaps))?;
            return Ok(Outcome::Well);
        }
        let by = self.by.unwrap_or(if is_interface { By::Consumer } else { By::Interface });
        say(table(&lines(&totals, by), by))?;
        for UsageGap { node, from, until } in gaps {
            say(format_args!(
                "node {node} ended without a word: what it served from {from:.0} to {until:.0} is not counted"
            ))?;
        }
        Ok(Outcome::Well)
    }

    /// Keeps what concerns the subject, and says whether that is an interface.
    fn narrow(&self, totals: &mut Vec<UsageTotal>) -> anyhow::Result<bool> {
        let Some(subject) = &self.subject else { return Ok(false) };
        let is = |interface: &InterfaceRef| interface.name.as_str() == subject || interface.to_string() == *subject;
        let is_interface = totals.iter().any(|total| is(&total.key.interface)) || subject.contains('@');
        let of = |total: &UsageTotal| total.key.consumer.as_ref().is_some_and(|consumer| consumer.as_str() == subject);
        anyhow::ensure!(
            is_interface || totals.is_empty() || totals.iter().any(of),
            "in this time nothing was counted of an interface or a consumer `{subject}`"
        );
        totals.retain(|total| if is_interface { is(&total.key.interface) } else { of(total) });
        Ok(is_interface)
    }
}

fn lines(totals: &[UsageTotal], by: By) -> Vec<(Vec<String>, Line)> {
    let mut lines: BTreeMap<Vec<String>, Line> = BTreeMap::new();
    for UsageTotal { key, count, last } in totals {
        let interface = key.interface.to_string();
        let name = match (by, &key.attribute) {
            (By::Interface, None) => vec![interface],
            (By::Consumer, None) => vec![key.consumer.as_ref().map_or("(unknown)".to_owned(), ToString::to_string)],
            (By::Operation, None) => {
                let operation = if key.operation.is_empty() { "(undeclared)" } else { key.operation.as_str() };
                vec![interface, operation.to_owned()]
            }
            (By::Attribute, Some(of)) => vec![interface, of.attribute.clone(), of.way.as_str().to_owned()],
            _ => continue,
        };
        let line = lines.entry(name).or_default();
        (line.count, line.last) = (line.count.plus(*count), line.last.max(*last));
    }
    let mut lines: Vec<_> = lines.into_iter().collect();
    lines.sort_by_key(|(_, line)| Reverse(line.count.requests));
    lines
}

fn table(lines: &[(Vec<String>, Line)], by: By) -> Table {
    let mut table = Table::new();
    let names: &[&str] = match by {
        By::Interface => &["INTERFACE"],
        By::Consumer => &["CONSUMER"],
        By::Operation => &["INTERFACE", "OPERATION"],
        By::Attribute => &["INTERFACE", "ATTRIBUTE", "WAY"],
    };
    // Whether a request was refused is counted with the request, not with each of its attributes.
    let counts: &[&str] =
        if by == By::Attribute { &["REQUESTS", "LAST"] } else { &["REQUESTS", "REFUSED", "FAILED", "PLANNED", "LAST"] };
    table.load_style(TABLE).set_header(names.iter().chain(counts));
    for (name, Line { count, last }) in lines {
        let mut row = name.clone();
        row.push(count.requests.to_string());
        if by != By::Attribute {
            row.extend([count.refused, count.failed, count.planned].map(|number| number.to_string()));
        }
        row.push(format!("{last:.0}"));
        table.add_row(row);
    }
    table
}

fn as_json(since: Timestamp, totals: &[UsageTotal], gaps: &[UsageGap]) -> serde_json::Value {
    let usage: Vec<_> = totals
        .iter()
        .map(|UsageTotal { key, count, last }| {
            json!({
                "interface": key.interface.to_string(),
                "consumer": key.consumer.as_ref().map(ToString::to_string),
                "operation": key.operation,
                "attribute": key.attribute.as_ref().map(|of| &of.attribute),
                "way": key.attribute.as_ref().map(|of| of.way.as_str()),
                "requests": count.requests, "refused": count.refused, "failed": count.failed,
                "planned": count.planned,
                "last": last.to_string(),
            })
        })
        .collect();
    let gaps: Vec<_> = gaps
        .iter()
        .map(|gap| json!({"node": gap.node, "from": gap.from.to_string(), "until": gap.until.to_string()}))
        .collect();
    json!({"since": since.to_string(), "usage": usage, "gaps": gaps})
}
