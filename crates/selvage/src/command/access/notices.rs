//! `selvage access notices`: who was told that what they use ends, and who could not be.

use clap::Args;
use comfy_table::Table;
use selvage_control::desk::lease::shown;
use selvage_model::notice::NoticeWay;
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
        table.load_style(TABLE).set_header(["ENVIRONMENT", "INTERFACE", "CONSUMER", "STAGE", "WAY", "STATE"]);
        for it in &notices {
            let (interface, consumer) = (it.notice.interface.to_string(), it.notice.consumer.to_string());
            let (stage, way) = (it.notice.stage.clone(), it.notice.way.to_string());
            table.add_row([it.environment.to_string(), interface, consumer, stage, way, state(it)]);
        }
        say(table)?;
        Ok(Outcome::Well)
    }
}

/// How it stands, in words.
fn state(notice: &LifecycleNotice) -> String {
    let untried = match notice.notice.way {
        NoticeWay::Mail => "no node that sends mail (`selvage serve --mail`) has tried",
        NoticeWay::Webhook | NoticeWay::Nowhere => "nobody has tried",
    };
    let because = notice.because.as_deref().unwrap_or(untried);
    match (notice.told, notice.due) {
        (Some(told), _) => format!("told {told:.0}"),
        (None, None) if notice.notice.way == NoticeWay::Nowhere => format!("nobody to tell: {because}"),
        (None, Some(due)) => format!("again {due:.0}: {because}"),
        (None, None) => format!("given up: {because}"),
    }
}
