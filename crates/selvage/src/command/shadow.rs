//! `selvage shadow`: requests that matched nothing that is declared, grouped by how they look.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use comfy_table::Table;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Outcome, StoreChoice, TABLE, duration, say};

/// Shows requests that nothing declares, grouped by how they look.
#[derive(Args)]
pub(crate) struct Shadow {
    /// Those that were seen within this time.
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = duration)]
    since: Duration,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreChoice,
}

impl Shadow {
    /// Lists them, most first.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let store = self.store.existing().await?;
        let since = Timestamp::now().checked_sub(self.since).context("so long ago there was no time")?;
        let groups = store.shadow_since(since).await?;
        if self.json {
            let groups: Vec<Value> = groups
                .iter()
                .map(|group| {
                    json!({
                        "method": group.shape.method, "path": group.shape.path, "requests": group.requests,
                        "likely": group.likely.as_ref().map(ToString::to_string),
                        "first": group.first.to_string(), "last": group.last.to_string(),
                    })
                })
                .collect();
            say(Value::Array(groups))?;
            return Ok(Outcome::Well);
        }
        let mut table = Table::new();
        table.load_style(TABLE).set_header(["REQUEST", "REQUESTS", "LIKELY", "FIRST", "LAST"]);
        for group in groups {
            table.add_row([
                format!("{} {}", group.shape.method, group.shape.path),
                group.requests.to_string(),
                group.likely.map_or("-".to_owned(), |likely| likely.to_string()),
                format!("{:.0}", group.first),
                format!("{:.0}", group.last),
            ]);
        }
        say(table)?;
        Ok(Outcome::Well)
    }
}
