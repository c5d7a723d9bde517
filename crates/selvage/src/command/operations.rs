//! `selvage operations`: writes whose outcome is not known, for whoever is on call: how they stand, and a person's word on
//! those that nothing else can end. It never looks into a system itself.

use clap::{Args, Subcommand, ValueEnum};
use comfy_table::Table;
use selvage_model::code;
use selvage_model::manifest::api::Operation;
use selvage_model::name::EnvironmentName;
use selvage_model::operation::{OperationId, OperationState, StoredAnswer};
use selvage_model::problem::Problem;
use selvage_store::{OperationRecord, Store, Waits, Word};
use serde_json::{Value, json};

use super::signature::{Signature, Signed};
use super::{Outcome, StoreChoice, TABLE, say, words};

/// How many are listed.
const MOST_LISTED: u32 = 500;

/// Shows writes whose outcome is not known, and ends those that only a person can end.
#[derive(Subcommand)]
pub(crate) enum Operations {
    /// Lists them, of every environment, oldest first.
    List(List),
    /// Says how a stuck one ended; its key gets that answer from now on.
    Settle(Settle),
    /// Has a stuck one looked at again, as if nobody had looked yet.
    Retry(Retry),
}

/// Lists them.
#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    store: StoreChoice,
}

/// Says how a stuck one ended.
#[derive(Args)]
pub(crate) struct Settle {
    /// The operation, as `selvage operations list` shows it.
    #[arg(value_parser = operation)]
    id: OperationId,
    /// Whether the system has what was meant.
    #[arg(long = "as", value_name = "OUTCOME")]
    outcome: Ended,
    /// What was seen, for the ledger and for whoever sent it.
    #[arg(long, value_parser = words)]
    because: String,
    /// The object that its key gets, as JSON; only where it is done.
    #[arg(long, value_name = "JSON", value_parser = object)]
    answer: Option<Value>,
    #[command(flatten)]
    said: Said,
}

/// Has a stuck one looked at again.
#[derive(Args)]
pub(crate) struct Retry {
    /// The operation, as `selvage operations list` shows it.
    #[arg(value_parser = operation)]
    id: OperationId,
    /// Why, for the ledger.
    #[arg(long, default_value = "what stood in the way is gone", value_parser = words)]
    because: String,
    /// Of which environment it is, where the list says that it is not known.
    #[arg(long, value_name = "ENVIRONMENT")]
    env: Option<EnvironmentName>,
    #[command(flatten)]
    said: Said,
}

/// By whom, and where that is kept.
#[derive(Args)]
struct Said {
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    store: StoreChoice,
}

impl Said {
    async fn signed(&self) -> anyhow::Result<Signed> {
        self.signature.act(self.store.existing().await?).await
    }
}

/// How a person saw it end.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Ended {
    /// It stands in the system as it was meant, or near enough.
    Done,
    /// It does not stand in the system, and will not.
    Refused,
}

impl Operations {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::List(list) => list.run().await,
            Self::Settle(settle) => settle.run().await,
            Self::Retry(retry) => retry.run().await,
        }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<Outcome> {
        let rows = self.store.existing().await?.unresolved(MOST_LISTED).await?;
        if rows.is_empty() {
            say(format_args!("none: every write is confirmed or refused"))?;
            return Ok(Outcome::Well);
        }
        let mut table = Table::new();
        table.load_style(TABLE).set_header([
            "OPERATION",
            "ENVIRONMENT",
            "WHAT",
            "CONSUMER",
            "SINCE",
            "STATE",
            "BECAUSE",
        ]);
        for row in rows {
            let what = format!("{} {}", row.interface, row.operation);
            let because = row.because.clone().unwrap_or_default();
            let since = format!("{:.0}", row.created);
            let environment = row.environment.as_ref().map_or_else(|| "not known".to_owned(), ToString::to_string);
            let (id, consumer, state) = (row.id.to_string(), row.consumer.to_string(), word(&row).to_owned());
            table.add_row([id, environment, what, consumer, since, state, because]);
        }
        say(table)?;
        Ok(Outcome::Well)
    }
}

/// Its state, as its consumer is told it.
fn word(row: &OperationRecord) -> &'static str {
    match row.waits {
        Some(Waits::GivenBack) => "given-back",
        _ => row.state.as_str(),
    }
}

impl Settle {
    async fn run(self) -> anyhow::Result<Outcome> {
        if self.outcome == Ended::Refused && self.answer.is_some() {
            anyhow::bail!("`--answer` is the object of a write that is done; what was refused has none");
        }
        let Signed { store, by } = self.said.signed().await?;
        let outcome = self.ended(&store).await?;
        let word = Word { by: &by, because: &self.because };
        let record = store.settle(&self.id, &outcome, word).await?;
        let (id, state) = (&record.id, record.state.as_str());
        say(format_args!("{id} is {state}; its key gets that answer from now on"))?;
        Ok(Outcome::Well)
    }

    async fn ended(&self, store: &Store) -> anyhow::Result<OperationState> {
        if self.outcome == Ended::Refused {
            let problem = Problem::new(422, code::SETTLED_REFUSED, self.because.clone());
            let body = problem.body(self.id.as_str());
            return Ok(OperationState::Refused(StoredAnswer { status: problem.status, body, location: None }));
        }
        let kind = store.operation(&self.id).await?.map(|record| record.operation);
        let status = if kind == Some(Operation::Create) { 201 } else { 200 };
        let said = || json!({"operation": self.id.as_str(), "settled_because": self.because});
        let body = self.answer.clone().unwrap_or_else(said);
        Ok(OperationState::Done(StoredAnswer { status, body, location: None }))
    }
}

impl Retry {
    async fn run(self) -> anyhow::Result<Outcome> {
        let Signed { store, by } = self.said.signed().await?;
        let store = self.env.as_ref().map_or_else(|| store.clone(), |env| store.in_environment(env));
        store.look_again(&self.id, Word { by: &by, because: &self.because }).await?;
        say(format_args!("{} is looked at again by the next node that has time", self.id))?;
        Ok(Outcome::Well)
    }
}

fn operation(text: &str) -> Result<OperationId, String> {
    text.parse().map_err(|()| "this is no operation's id; it begins with `op_`".to_owned())
}

fn object(text: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if value.is_object() { Ok(value) } else { Err("a JSON object is needed".to_owned()) }
}
