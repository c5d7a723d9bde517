//! `selvage nodes`: which nodes there are, whether each is heard of, what it runs of what is released, and why one does not run what is
//! active. Changes nothing.

use std::collections::BTreeMap;

use clap::Args;
use comfy_table::Table;
use jiff::Timestamp;
use selvage_model::name::EnvironmentName;
use selvage_store::{NodeRecord, Runs, digests_of_active};
use serde_json::{Value, json};

use super::{Outcome, StoreChoice, TABLE, say};
use crate::report;

/// Lists nodes, what each runs, and why one does not run what is active.
#[derive(Args)]
pub(crate) struct Nodes {
    /// Of this environment.
    #[arg(long, value_name = "NAME")]
    env: Option<EnvironmentName>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreChoice,
}

impl Nodes {
    /// Runs the command; wrong where a node that is alive refuses what is active.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let store = self.store.existing().await?;
        let (now, mut nodes) = store.nodes().await?;
        let active = digests_of_active(&store.active_domains().await?);
        nodes.retain(|node| self.env.as_ref().is_none_or(|env| env.as_str() == node.environment));
        if self.json {
            let shown: Vec<Value> = nodes.iter().map(|node| shown(node, &active, now)).collect();
            say(serde_json::to_string_pretty(&shown)?)?;
        } else {
            let mut table = Table::new();
            table.load_style(TABLE).set_header(["ADDRESS", "NODE", "ENVIRONMENT", "STARTED", "HEARD", "RUNS"]);
            for node in &nodes {
                let heard =
                    if node.lease_until > now { "now".to_owned() } else { format!("until {:.0}", node.lease_until) };
                let (address, id, environment) = (node.address.clone(), node.id.clone(), node.environment.clone());
                table.add_row([address, id, environment, format!("{:.0}", node.started), heard, told(node, &active)]);
            }
            say(table)?;
        }
        let refuses = |node: &NodeRecord| {
            let runs = runs(node, &active);
            node.lease_until > now && matches!(runs, Runs::Refused(refused) if !refused.passes)
        };
        Ok(if nodes.iter().any(refuses) { Outcome::Wrong } else { Outcome::Well })
    }
}

fn runs<'a>(node: &'a NodeRecord, active: &BTreeMap<EnvironmentName, String>) -> Runs<'a> {
    let here = active.iter().find(|(environment, _)| environment.as_str() == node.environment);
    here.map_or(Runs::Unsaid, |(_, digest)| node.runs(digest))
}

fn told(node: &NodeRecord, active: &BTreeMap<EnvironmentName, String>) -> String {
    match runs(node, active) {
        Runs::Unsaid => "a directory, or what a version before ran".to_owned(),
        Runs::Active(since) => format!("what is active, since {since:.0}"),
        Runs::Other => "what was active before: it reads what is active".to_owned(),
        Runs::Refused(refused) if refused.passes => {
            format!("what was active before, and tries again: {}", report::visible(&refused.because, true))
        }
        Runs::Refused(refused) => {
            format!("what was active before: {}: {}", refused.code, report::visible(&refused.because, true))
        }
    }
}

fn shown(node: &NodeRecord, active: &BTreeMap<EnvironmentName, String>, now: Timestamp) -> Value {
    let (runs, since, refused) = match runs(node, active) {
        Runs::Unsaid => ("unsaid", None, None),
        Runs::Active(since) => ("active", Some(since.to_string()), None),
        Runs::Other => ("before", None, None),
        Runs::Refused(refused) => ("before", None, Some(refused)),
    };
    let refused = refused.map(|it| json!({"code": it.code, "because": it.because, "tried_again": it.passes}));
    json!({
        "node": node.id, "address": node.address, "environment": node.environment, "started": node.started.to_string(),
        "heard": node.lease_until > now, "runs": runs, "since": since, "refused": refused,
    })
}
