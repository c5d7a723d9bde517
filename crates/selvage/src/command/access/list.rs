//! `selvage access list` and `show`: requests and what came of them.

use clap::Args;
use comfy_table::Table;
use selvage_control::desk::lease::shown;
use selvage_governance::access::deciders_beside;
use selvage_model::name::ConsumerName;
use selvage_store::RequestState;
use serde_json::{Value, json};

use crate::command::active::{ActiveChoice, desk_over};
use crate::command::terms::lines;
use crate::command::{Outcome, StoreChoice, TABLE, say};
use crate::node::release::told;

/// Lists requests.
#[derive(Args)]
pub(crate) struct List {
    /// For this consumer alone.
    #[arg(long, value_name = "NAME")]
    consumer: Option<ConsumerName>,
    /// Those that are settled too.
    #[arg(long)]
    all: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreChoice,
}

/// Shows a request.
#[derive(Args)]
pub(crate) struct Show {
    /// The request's id.
    id: String,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    active: ActiveChoice,
}

impl List {
    /// Lists them, oldest first.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let mut requests = self.store.existing().await?.access_requests().await?;
        requests.retain(|request| {
            let open = self.all || request.state == RequestState::Open;
            open && self.consumer.as_ref().is_none_or(|consumer| consumer == &request.asked.consumer)
        });
        if self.json {
            say(json!(requests.iter().map(shown::request).collect::<Vec<_>>()))?;
            return Ok(Outcome::Well);
        }
        let mut table = Table::new();
        table.load_style(TABLE).set_header(["REQUEST", "CONSUMER", "INTERFACE", "OPERATIONS", "BY", "SINCE", "STATE"]);
        for request in requests {
            table.add_row([
                request.id,
                request.asked.consumer.to_string(),
                request.asked.interface.to_string(),
                request.asked.terms.operations.join(", "),
                request.asked.by,
                format!("{:.0}", request.at),
                request.state.to_string(),
            ]);
        }
        say(table)?;
        Ok(Outcome::Well)
    }
}

impl Show {
    /// Shows it, with who may decide under what is active now.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let (store, fabric) = self.active.open().await?;
        let request = store.access_request(&self.id).await?;
        let about = (&request.asked.interface, &request.asked.terms);
        let sitting = desk_over(&store).sitting().await.map_err(told)?;
        let deciders = deciders_beside(&fabric, about, &request.asked.by, &sitting);
        if self.json {
            say(shown::decided_by(shown::request(&request), &deciders))?;
            return Ok(Outcome::Well);
        }
        let asked = &request.asked;
        say(format_args!("{}: {} on {}", request.id, asked.consumer, asked.interface))?;
        say(format_args!("  {:<11} {} since {:.0}, by {}", "state", request.state, request.at, asked.by))?;
        for (name, text) in lines(&asked.terms) {
            say(format_args!("  {name:<11} {text}"))?;
        }
        for finding in asked.findings.as_array().into_iter().flatten() {
            let text = |name: &str| finding.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            say(format_args!("  {:<11} {} {}", text("severity"), text("code"), text("message")))?;
        }
        match &request.settled {
            Some((at, by, because)) => say(format_args!("  {:<11} {by} at {at:.0}: {because}", "settled"))?,
            None => say(format_args!("  {:<11} {deciders}", "decided by"))?,
        }
        if let Some(lease) = &request.lease {
            say(format_args!("  {:<11} {lease}", "grant"))?;
        }
        Ok(Outcome::Well)
    }
}
