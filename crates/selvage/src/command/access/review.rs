//! `selvage access review`: what whoever looks after access should know.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use comfy_table::Table;
use jiff::Timestamp;
use selvage_control::desk::lease::{Counted, shown};
use selvage_governance::access::{Known, Remark, review};
use serde_json::json;

use crate::command::active::ActiveChoice;
use crate::command::{Outcome, TABLE, duration, say};

/// Names what is not used, has no owner, is shared, ends soon, or is used though it should not be.
#[derive(Args)]
pub(crate) struct Review {
    /// What was not used for so long is idle.
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = duration)]
    unused: Duration,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    active: ActiveChoice,
}

impl Review {
    /// Names it; wrong where there is anything.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let (store, fabric) = self.active.open().await?;
        let counted = Counted::read(&store, self.unused).await?;
        let access = store.access_state().await?;
        let leases = store.leases().await?;
        let granted: BTreeMap<String, Timestamp> =
            leases.into_iter().map(|lease| (lease.grant.id, lease.granted)).collect();
        let remarks = review(Known {
            fabric: &fabric,
            access: &access,
            granted: &granted,
            used: counted.last(),
            totals: &counted.totals,
            since: counted.since,
            now: counted.now,
        });
        if self.json {
            let unknown: Vec<String> = counted.unknown().collect();
            say(json!({"remarks": remarks.iter().map(shown::remark).collect::<Vec<_>>(), "unknown": unknown}))?;
        } else {
            let mut table = Table::new();
            table.load_style(TABLE).set_header(["CONCERN", "SUBJECT", "WHAT"]);
            for Remark { concern, subject, says } in &remarks {
                table.add_row([concern.as_str(), subject, says]);
            }
            say(table)?;
            counted.unknown().try_for_each(say)?;
        }
        Ok(if remarks.is_empty() { Outcome::Well } else { Outcome::Wrong })
    }
}
