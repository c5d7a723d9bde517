//! `selvage catalogue list` and `selvage catalogue search`: a line for each interface.

use clap::Args;
use comfy_table::Table;
use selvage_governance::catalogue::{self, Entry};
use serde_json::Value;

use super::Source;
use crate::command::{Outcome, TABLE, say};
use crate::report;

/// A page of what is found.
#[derive(Args)]
struct Page {
    /// So many at most; all of them where not given.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Only what comes behind this interface.
    #[arg(long, value_name = "NAME")]
    after: Option<String>,
}

/// Lists interfaces.
#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    page: Page,
    /// Prints JSON: all that is known of each.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: Source,
}

/// Finds interfaces.
#[derive(Args)]
pub(crate) struct Search {
    /// Words that are all found in what is known of an interface.
    #[arg(required = true, value_name = "WORDS")]
    words: Vec<String>,
    #[command(flatten)]
    page: Page,
    /// Prints JSON: all that is known of each.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: Source,
}

impl List {
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let Some(read) = self.source.read().await? else { return Ok(Outcome::Wrong) };
        let entries = read.entries();
        self.page.print(entries.iter().collect(), self.json)?;
        Ok(Outcome::Well)
    }
}

impl Search {
    /// Prints what is found, the best first; wrong where there is nothing.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let Some(read) = self.source.read().await? else { return Ok(Outcome::Wrong) };
        let entries = read.entries();
        let found = catalogue::search(&entries, &self.words.join(" "));
        let outcome = if found.is_empty() { Outcome::Wrong } else { Outcome::Well };
        self.page.print(found, self.json)?;
        Ok(outcome)
    }
}

impl Page {
    fn print(&self, found: Vec<&Entry>, as_json: bool) -> anyhow::Result<()> {
        let (page, next) = catalogue::page(found, self.after.as_deref(), self.limit.unwrap_or(usize::MAX));
        print(&page, as_json)?;
        if let Some(next) = next {
            eprintln!("selvage: there are more: --after {next}");
        }
        Ok(())
    }
}

fn print(entries: &[&Entry], as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let all = entries.iter().map(|entry| catalogue::shown(entry, &[]));
        return say(format_args!("{:#}", Value::Array(all.collect())));
    }
    let mut table = Table::new();
    table.load_style(TABLE).set_header([
        "INTERFACE",
        "TYPE",
        "STATE",
        "TIER",
        "OWNER",
        "ON CALL",
        "CONSUMERS",
        "ABOUT",
    ]);
    for entry in entries {
        let tier = entry.classification.iter().find(|(word, _)| *word == "criticality");
        table.add_row([
            entry.interface.to_string(),
            entry.kind.to_owned(),
            entry.state().to_owned(),
            tier.map_or("-".to_owned(), |(_, tier)| tier.clone()),
            entry.owner.as_ref().map_or("-".to_owned(), ToString::to_string),
            entry.on_call().join(", "),
            entry.consumers.len().to_string(),
            report::visible(entry.description.as_deref().unwrap_or_default(), false),
        ]);
    }
    say(table)
}
