//! `selvage operations`: writes whose outcome is not known, for whoever is on call.

use clap::{Args, Subcommand};
use comfy_table::Table;

use super::{Outcome, StoreChoice, TABLE, say};

/// How many are listed.
const MOST_LISTED: u32 = 500;

/// Shows writes whose outcome is not known.
#[derive(Subcommand)]
pub(crate) enum Operations {
    /// Lists them, oldest first.
    List(List),
}

/// Lists them.
#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    store: StoreChoice,
}

impl Operations {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let Self::List(list) = self;
        let rows = list.store.open().await?.unresolved(MOST_LISTED).await?;
        if rows.is_empty() {
            say(format_args!("none: every write is confirmed or refused"))?;
            return Ok(Outcome::Well);
        }
        let mut table = Table::new();
        table.load_style(TABLE).set_header(["OPERATION", "WHAT", "CONSUMER", "SINCE", "STATE", "BECAUSE"]);
        for row in rows {
            let what = format!("{} {}", row.interface, row.operation);
            let because = row.because.unwrap_or_default();
            let since = format!("{:.0}", row.created);
            table.add_row([
                row.id.to_string(),
                what,
                row.consumer.to_string(),
                since,
                row.state.as_str().to_owned(),
                because,
            ]);
        }
        say(table)?;
        Ok(Outcome::Well)
    }
}
