//! `selvage parked-operations`: operations whose system lacks what they need, as a node sees them, for whoever is on call. What is parked is
//! known to nodes alone, and goes on by itself: there is nothing to try again and nothing to give up. Writes that were begun are another
//! matter (`selvage operations`).

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};
use comfy_table::Table;
use selvage_model::delivery::Cause;
use selvage_model::name::InterfaceRef;
use serde_json::Value;

use super::signature::operators_key;
use super::{Outcome, TABLE, say};

const PATIENCE: Duration = Duration::from_secs(10);

/// Shows operations whose system lacks what they need.
#[derive(Subcommand)]
pub(crate) enum ParkedOperations {
    /// Lists them as a node sees them, with what is in the way and how it goes away.
    List(List),
    /// Shows one: all that its system lacks, since when, and what to do about it.
    Show(Show),
}

/// Shows one.
#[derive(Args)]
pub(crate) struct Show {
    /// Its interface, as `stock@1`.
    interface: InterfaceRef,
    /// The operation, as the list has it.
    operation: String,
    #[command(flatten)]
    asked: Asked,
}

/// Lists them.
#[derive(Args)]
pub(crate) struct List {
    /// Only of this interface, as `stock@1`.
    #[arg(long)]
    interface: Option<InterfaceRef>,
    /// Only for this cause.
    #[arg(long)]
    cause: Option<Cause>,
    #[command(flatten)]
    asked: Asked,
}

/// Which node, and as whom.
#[derive(Args)]
struct Asked {
    /// The node's console, as `http://127.0.0.1:7081`.
    #[arg(long, value_name = "URL")]
    node: reqwest::Url,
    /// The file of an operator's key, instead of `SELVAGE_OPERATOR_KEY`.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl ParkedOperations {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
        }
    }
}

impl Show {
    async fn run(self) -> anyhow::Result<Outcome> {
        let which = [("interface", self.interface.to_string()), ("operation", self.operation.clone())];
        let parked = self.asked.ask(&which).await?;
        let Some(one) = parked.first() else {
            let (operation, interface) = (&self.operation, &self.interface);
            say(format_args!("`{operation}` of `{interface}` is not parked, as far as the node has seen"))?;
            return Ok(Outcome::Wrong);
        };
        if self.asked.json {
            say(format_args!("{one:#}"))?;
            return Ok(Outcome::Well);
        }
        for (name, word) in WORDS {
            let said = one.get(name).and_then(Value::as_str).unwrap_or("-");
            say(format_args!("{word:<11}{said}"))?;
        }
        say("steps      none: it goes on by itself once the system has what it lacks, and nothing of it was begun")?;
        Ok(Outcome::Well)
    }
}

/// What is told of one, and how that is called here.
const WORDS: [(&str, &str); 8] = [
    ("interface", "interface"),
    ("operation", "operation"),
    ("system", "system"),
    ("since", "since"),
    ("cause", "cause"),
    ("code", "code"),
    ("because", "because"),
    ("fix", "fix"),
];

impl List {
    async fn run(self) -> anyhow::Result<Outcome> {
        let interface = self.interface.iter().map(|interface| ("interface", interface.to_string()));
        let cause = self.cause.iter().map(|cause| ("cause", cause.to_string()));
        let parked = self.asked.ask(&interface.chain(cause).collect::<Vec<_>>()).await?;
        if self.asked.json {
            say(format_args!("{:#}", Value::Array(parked)))?;
        } else if parked.is_empty() {
            say("none: systems have what their operations need, as far as the node has seen")?;
        } else {
            say(table(&parked))?;
        }
        Ok(Outcome::Well)
    }
}

impl Asked {
    async fn ask(&self, which: &[(&str, String)]) -> anyhow::Result<Vec<Value>> {
        let key = operators_key(self.key_file.as_deref())?;
        let key = key.context("nodes tell operators only: set `SELVAGE_OPERATOR_KEY`, or say `--key-file`")?;
        let (node, mut url) = (self.node.to_string(), self.node.clone());
        url.set_path("/api/parked-operations");
        let mut query = url.query_pairs_mut();
        query.clear();
        query.extend_pairs(which);
        drop(query);
        let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
        let answer =
            client.get(url).bearer_auth(key).send().await.with_context(|| format!("`{node}` does not answer"))?;
        let found = answer.status();
        let body = answer.bytes().await.with_context(|| format!("`{node}` broke off its answer"))?;
        let mut body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let detail = body.get("detail").and_then(Value::as_str);
        let detail = detail.unwrap_or("is it the address of the node's console?");
        anyhow::ensure!(found.is_success(), "`{node}` answers {found}: {detail}");
        match body.get_mut("items").map(Value::take) {
            Some(Value::Array(parked)) => Ok(parked),
            _ => anyhow::bail!("`{node}` answers something else than a node would"),
        }
    }
}

fn table(parked: &[Value]) -> Table {
    let mut table = Table::new();
    let header = ["INTERFACE", "OPERATION", "SYSTEM", "SINCE", "CAUSE", "CODE", "BECAUSE", "FIX"];
    table.load_style(TABLE).set_header(header);
    for one in parked {
        let of = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
        table.add_row(["interface", "operation", "system", "since", "cause", "code", "because", "fix"].map(of));
    }
    table
}
