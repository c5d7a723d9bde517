//! `selvage ledger`: what was decided and done, and whether the record of it is whole.

use clap::{Args, Subcommand};
use comfy_table::Table;

use super::{Outcome, StoreChoice, TABLE, say};

/// Shows and verifies the ledger.
#[derive(Subcommand)]
pub(crate) enum Ledger {
    /// Lists entries, oldest first.
    List(List),
    /// Recomputes the chain and names what was altered, removed or inserted.
    Verify(Verify),
}

/// Lists entries.
#[derive(Args)]
pub(crate) struct List {
    /// The first entry's number.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// How many.
    #[arg(long, default_value_t = 100)]
    limit: u32,
    #[command(flatten)]
    store: StoreChoice,
}

/// Recomputes the chain.
#[derive(Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    store: StoreChoice,
}

impl Ledger {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::List(list) => list.run().await,
            Self::Verify(verify) => verify.run().await,
        }
    }
}

fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl List {
    async fn run(self) -> anyhow::Result<Outcome> {
        let entries = self.store.existing().await?.ledger(self.from, self.limit).await?;
        let mut table = Table::new();
        table.load_style(TABLE).set_header(["NO", "WHEN", "WHO", "WHAT", "ON", "DETAIL"]);
        for entry in entries {
            let at = format!("{:.0}", entry.at);
            table.add_row([
                entry.seq.to_string(),
                at,
                entry.actor,
                entry.action,
                entry.subject,
                entry.detail.to_string(),
            ]);
        }
        say(table)?;
        Ok(Outcome::Well)
    }
}

impl Verify {
    async fn run(self) -> anyhow::Result<Outcome> {
        let check = self.store.existing().await?.verify_ledger().await?;
        say(format_args!("{} entries, head {}", check.entries, hex(&check.head)))?;
        for fault in &check.faults {
            say(fault)?;
        }
        Ok(if check.is_whole() { Outcome::Well } else { Outcome::Wrong })
    }
}
