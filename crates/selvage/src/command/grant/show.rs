//! `selvage grant show`: a grant's terms, and what of it is used.

use std::time::Duration;

use clap::Args;
use comfy_table::Table;
use jiff::Timestamp;
use selvage_control::desk::lease::{Counted, shown};
use selvage_governance::access::{Breadth, deciders, tier};
use selvage_model::name::AttributeName;
use selvage_store::{LeaseRecord, Store};

use super::counts_in;
use crate::command::active::ActiveChoice;
use crate::command::terms::lines;
use crate::command::used::or_dash;
use crate::command::{Outcome, TABLE, duration, say};

/// Shows a grant.
#[derive(Args)]
pub(crate) struct Show {
    /// The grant's id, as `selvage grant list` shows it.
    id: String,
    /// How far back its use is counted.
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = duration)]
    since: Duration,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    active: ActiveChoice,
}

impl Show {
    /// Shows it.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let (store, fabric) = self.active.open().await?;
        let lease = store.lease(&self.id).await?;
        let counted = Counted::read(&store, self.since).await?;
        let breadth = counted.breadth(&fabric, &lease.grant);
        if self.json {
            say(shown::grant(&lease, &counted, &breadth))?;
            return Ok(Outcome::Well);
        }
        let LeaseRecord { grant, origin, granted } = lease;
        let last = counted.last_use(&grant);
        let tier = tier(&fabric, &grant.interface);
        say(format_args!("{}: {} on {} ({})", grant.id, grant.consumer, grant.interface, tier.as_str()))?;
        say(format_args!("  {:<11} {origin}, since {granted:.0}", "from"))?;
        say(format_args!("  {:<11} {}", "counts in", counts_in(&grant)))?;
        if let Some(ended) = grant.ended {
            say(format_args!("  {:<11} {ended:.0}", "ended"))?;
        }
        for (name, text) in lines(&grant.terms) {
            say(format_args!("  {name:<11} {text}"))?;
        }
        if let Some(asked) = came_from(&store, &grant.id).await? {
            say(format_args!("  {:<11} {asked}", "request"))?;
        }
        say(format_args!("  {:<11} {}", "decided by", deciders(&fabric, &grant.interface, &grant.terms)))?;
        say(format_args!("  {:<11} {}", "last used", or_dash(last)))?;
        say(format_args!("  {:<11} {breadth}, since {:.0}", "used", counted.since))?;
        say(table(&breadth))?;
        // Of a grant that counts in all of them, as what it shows is of any.
        if grant.environment.is_none() {
            for (environment, used) in counted.operations_by_environment(&grant) {
                let each: Vec<String> = used.iter().map(|(operation, last)| format!("{operation} {last:.0}")).collect();
                say(format_args!("  in {environment}: {}", each.join(", ")))?;
            }
        }
        counted.unknown().try_for_each(say)?;
        Ok(Outcome::Well)
    }
}

/// Who asked for it and who decided.
async fn came_from(store: &Store, grant: &str) -> anyhow::Result<Option<String>> {
    let requests = store.access_requests().await?;
    let request = requests.into_iter().find(|request| request.lease.as_deref() == Some(grant));
    Ok(request.and_then(|request| {
        let (_, by, because) = request.settled?;
        Some(format!("{} by {}, approved by {by}: {because}", request.id, request.asked.by))
    }))
}

fn table(breadth: &Breadth) -> Table {
    let mut table = Table::new();
    table.load_style(TABLE).set_header(["", "NAME", "LAST USED"]);
    for (name, last) in &breadth.operations {
        let last = match last {
            None if breadth.is_subscription(name) => "by a subscription".to_owned(),
            last => or_dash(*last),
        };
        table.add_row(["operation".to_owned(), name.clone(), last]);
    }
    let attributes: Vec<(&AttributeName, &Option<Timestamp>)> = breadth.attributes.iter().collect();
    for (name, last) in attributes {
        table.add_row(["attribute".to_owned(), name.to_string(), or_dash(*last)]);
    }
    table
}
