//! `selvage grant`: the grants that are alive, from manifests, requests and emergencies, and what of them is used. A grant that is
//! ended or narrowed stays so; more is asked for anew.

mod narrow;
mod propose;
mod show;

use clap::{Args, Subcommand};
use comfy_table::Table;
use jiff::Timestamp;
use selvage_control::desk::uses;
use selvage_model::access::LiveGrant;
use selvage_model::name::ConsumerName;
use selvage_model::usage::Used;
use selvage_store::LeaseRecord;

use super::acknowledged::{self, Said};
use super::signature::Signed;
use super::{Outcome, StoreChoice, TABLE, say};

/// Lists, narrows and ends the grants that are alive, and says what of them is used.
#[derive(Subcommand)]
pub(crate) enum Grant {
    /// Lists grants with their terms.
    List(List),
    /// Shows a grant with its terms, and what of it is used.
    Show(show::Show),
    /// Lists grants of which something could be taken that nobody uses, with the command that takes it.
    Propose(propose::Propose),
    /// Takes operations, attributes, rows or time from a grant for good, at once on every node.
    Narrow(narrow::Narrow),
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
            Self::Show(show) => show.run().await,
            Self::Propose(propose) => propose.run().await,
            Self::Narrow(narrow) => narrow.run().await,
            Self::End(end) => end.run().await,
        }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<Outcome> {
        let store = self.store.existing().await?;
        let leases = store.leases().await?;
        let now = Timestamp::now();
        let used = uses(&store, now, now).await?.last;
        let wanted = |it: &&LeaseRecord| self.consumer.as_ref().is_none_or(|consumer| &it.grant.consumer == consumer);
        let mut table = Table::new();
        table.load_style(TABLE).set_header([
            "GRANT",
            "CONSUMER",
            "INTERFACE",
            "OPERATIONS",
            "FROM",
            "COUNTS IN",
            "STATE",
            "LAST USED",
            "PURPOSE",
        ]);
        for LeaseRecord { grant, origin, .. } in leases.iter().filter(wanted) {
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
                origin.to_string(),
                counts_in(grant),
                state,
                used.get(&Used::Grant(grant.id.clone())).map_or("-".to_owned(), |at| format!("{at:.0}")),
                grant.terms.purpose.clone().unwrap_or_default(),
            ]);
        }
        say(table)?;
        Ok(Outcome::Well)
    }
}

/// Where a grant counts, in words.
pub(super) fn counts_in(grant: &LiveGrant) -> String {
    grant.environment.as_ref().map_or_else(|| "every environment".to_owned(), ToString::to_string)
}

impl End {
    async fn run(self) -> anyhow::Result<Outcome> {
        let Said { because, signature, json, store } = self.said;
        let Signed { store, by } = signature.act(store.existing().await?).await?;
        let grant = store.end_grant(&self.id, &by, &because).await?;
        let since = grant.ended.unwrap_or_else(Timestamp::now);
        let what = format!("{} has ended: {} on {}", grant.id, grant.consumer, grant.interface);
        acknowledged::wait(&store, since).await?.print(&what, json)?;
        Ok(Outcome::Well)
    }
}
