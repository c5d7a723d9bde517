//! `selvage grant`: the grants that are alive. A grant that is ended stays so; manifests ask for another with other terms.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use comfy_table::Table;
use jiff::Timestamp;
use selvage_model::access::LiveGrant;
use selvage_model::name::ConsumerName;
use selvage_model::usage::Used;

use super::acknowledged::{self, Said};
use super::{Outcome, StoreChoice, TABLE, say};

/// Lists and ends the grants that are alive.
#[derive(Subcommand)]
pub(crate) enum Grant {
    /// Lists grants with their terms.
    List(List),
    /// Ends a grant for good, at once on every node.
    End(End),
}

/// Lists grants.
#[derive(Args)]
pub(crate) struct List {
    /// Of this consumer alone.
    #[arg(long, value_name = "NAME")]
    consumer: Option<ConsumerName>,
    #[command(flatten)]
    store: StoreChoice,
}

/// Ends a grant.
#[derive(Args)]
pub(crate) struct End {
    /// The grant's id, as `selvage grant list` shows it.
    id: String,
    #[command(flatten)]
    said: Said,
}

impl Grant {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::List(list) => list.run().await,
            Self::End(end) => end.run().await,
        }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<Outcome> {
        let store = self.store.open().await?;
        let state = store.access_state().await?;
        let used: BTreeMap<Used, Timestamp> = store.last_used().await?.into_iter().collect();
        let wanted = |grant: &&LiveGrant| self.consumer.as_ref().is_none_or(|consumer| &grant.consumer == consumer);
        let mut table = Table::new();
        table.load_style(TABLE).set_header([
            "GRANT",
            "CONSUMER",
            "INTERFACE",
            "OPERATIONS",
            "STATE",
            "LAST USED",
            "PURPOSE",
        ]);
        for grant in state.grants.iter().filter(wanted) {
            let state = match (grant.ended, grant.terms.until) {
                (Some(at), _) => format!("ended {at:.0}"),
                (None, Some(at)) if at <= Timestamp::now() => format!("over since {at:.0}"),
                (None, Some(at)) => format!("until {at:.0}"),
                (None, None) => "without end".to_owned(),
            };
            table.add_row([
                grant.id.clone(),
                grant.consumer.to_string(),
                grant.interface.to_string(),
                grant.terms.operations.join(", "),
                state,
                used.get(&Used::Grant(grant.id.clone())).map_or("-".to_owned(), |at| format!("{at:.0}")),
                grant.terms.purpose.clone().unwrap_or_default(),
            ]);
        }
        say(table)?;
        Ok(Outcome::Well)
    }
}

impl End {
    async fn run(self) -> anyhow::Result<Outcome> {
        let Said { because, by, json, store } = self.said;
        let store = store.open().await?;
        let grant = store.end_grant(&self.id, &by, &because).await?;
        let since = grant.ended.unwrap_or_else(Timestamp::now);
        let what = format!("{} has ended: {} on {}", grant.id, grant.consumer, grant.interface);
        acknowledged::wait(&store, since).await?.print(&what, json)?;
        Ok(Outcome::Well)
    }
}
