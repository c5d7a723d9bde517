//! `selvage access notices`: who was told that what they use ends, and who could not be.

use clap::Args;
use comfy_table::Table;
use selvage_control::desk::lease::shown;
use selvage_store::LifecycleNotice;
use serde_json::json;

use crate::command::{Outcome, StoreChoice, TABLE, say};

/// Lists what consumers' owners were told of interfaces that end.
#[derive(Args)]
pub(crate) struct Notices {
    /// Only what nobody took yet.
    #[arg(long)]
    untold: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreChoice,
}

impl Notices {
    /// Lists them, oldest first.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let mut notices = self.store.existing().await?.lifecycle_notices().await?;
        notices.retain(|notice| !self.untold || notice.told.is_none());
        if self.json {
            say(json!(notices.iter().map(shown::notice).collect::<Vec<_>>()))?;
            return Ok(Outcome::Well);
        }
        let mut table = Table::new();
        table.load_style(TABLE).set_header(["ENVIRONMENT", "INTERFACE", "CONSUMER", "STAGE", "STATE"]);
        for it in &notices {
            let (interface, consumer) = (it.notice.interface.to_string(), it.notice.consumer.to_string());
            table.add_row([it.environment.to_string(), interface, consumer, it.notice.stage.clone(), state(it)]);
        }
        say(table)?;
        Ok(Outcome::Well)
    }
}

/// How it stands, in words.
fn state(notice: &LifecycleNotice) -> String {
    let because = notice.because.as_deref().unwrap_or("nobody has tried");
    match (notice.told, notice.due) {
        (Some(told), _) => format!("told {told:.0}"),
        (None, Some(due)) => format!("again {due:.0}: {because}"),
        (None, None) => format!("given up: {because}"),
    }
}
