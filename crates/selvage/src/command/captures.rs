//! `selvage captures` and `selvage copies`: how captures of systems' changes and the copies that are kept from them stand, what is
//! parked in them, and a person's word on those that stand still. It works on the store and asks no system anything.

use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use comfy_table::Table;
use jiff::Timestamp;
use selvage_model::name::InterfaceRef;
use selvage_model::scalar;
use selvage_store::{CaptureRow, CaptureStage, Store, StoreError, Word};
use serde_json::{Value, json};

use super::signature::{Signature, Signed};
use super::{Outcome, StoreChoice, TABLE, say, words};

/// How many parked records are shown.
const MOST_SHOWN: usize = 500;

/// Shows captures of systems' changes, and lets those go on that stand still.
#[derive(Subcommand)]
pub(crate) enum Captures {
    /// Lists them: how far each is, how late, and what waits.
    List(List),
    /// Shows the records that are parked in one, each with its cause.
    Show(Show),
    /// Lets one go on that stands still because its system went back in time or lost many records.
    Resume(Resume),
}

/// Shows copies of objects, and builds them anew.
#[derive(Subcommand)]
pub(crate) enum Copies {
    /// Lists them: how many records, how old.
    List(List),
    /// Reads everything anew while what is there is served; what is other is told as events.
    Rebuild(Rebuild),
}

/// Lists them.
#[derive(Args)]
pub(crate) struct List {
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreChoice,
}

/// Shows what is parked in one.
#[derive(Args)]
pub(crate) struct Show {
    /// The event interface, as `work-order-events@1`.
    interface: InterfaceRef,
    #[command(flatten)]
    store: StoreChoice,
}

/// Lets one go on.
#[derive(Args)]
#[command(group = ArgGroup::new("how").required(true))]
pub(crate) struct Resume {
    /// The event interface, as `work-order-events@1`.
    interface: InterfaceRef,
    /// What is other than last known is told, deletions too.
    #[arg(long, group = "how")]
    tell: bool,
    /// How the records are now becomes the last known state, untold.
    #[arg(long, group = "how")]
    baseline: bool,
    #[command(flatten)]
    said: Said,
}

/// Builds one anew.
#[derive(Args)]
pub(crate) struct Rebuild {
    /// The event interface that keeps the copy, as `stock-events@1`.
    interface: InterfaceRef,
    #[command(flatten)]
    said: Said,
}

/// By whom, why, and where that is kept.
#[derive(Args)]
struct Said {
    /// Why, for the ledger.
    #[arg(long, value_parser = words)]
    because: String,
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    store: StoreChoice,
}

impl Captures {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::List(list) => list.run(|_| true, captures, "none: nothing was captured yet").await,
            Self::Show(show) => show.run().await,
            Self::Resume(resume) => resume.run().await,
        }
    }
}

impl Copies {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::List(list) => {
                list.run(|row| row.keeps_copy, copies, "none: no copy is kept from what is captured").await
            }
            Self::Rebuild(Rebuild { interface, said }) => {
                let Signed { store, by } = said.signature.act(said.store.existing().await?).await?;
                store.rebuild_copy(&interface, Word { by: &by, because: &said.because }).await?;
                say(format_args!("everything that `{interface}` captures is read anew"))?;
                Ok(Outcome::Well)
            }
        }
    }
}

impl List {
    async fn run(
        self,
        is_one: fn(&CaptureRow) -> bool,
        table: fn(&[CaptureRow]) -> Table,
        none: &str,
    ) -> anyhow::Result<Outcome> {
        let mut rows = self.store.existing().await?.captures().await?;
        rows.retain(is_one);
        if self.json {
            say(format_args!("{:#}", rows.iter().map(as_json).collect::<Value>()))?;
        } else if rows.is_empty() {
            say(none)?;
        } else {
            say(table(&rows))?;
        }
        Ok(Outcome::Well)
    }
}

fn captures(rows: &[CaptureRow]) -> Table {
    let mut table = Table::new();
    let header = ["INTERFACE", "SYSTEM", "RECORD", "STATE", "LAG", "RECORDS", "PARKED", "TO TELL", "NODE", "BECAUSE"];
    table.load_style(TABLE).set_header(header);
    for row in rows {
        table.add_row([
            row.interface.to_string(),
            row.system.to_string(),
            row.record.clone(),
            row.stands().to_owned(),
            age(row),
            row.records.to_string(),
            row.parked.to_string(),
            row.waiting.to_string(),
            row.node.clone(),
            row.paused.as_ref().map(|why| format!("{}: {}", why.code, why.because)).unwrap_or_default(),
        ]);
    }
    table
}

fn copies(rows: &[CaptureRow]) -> Table {
    let mut table = Table::new();
    table.load_style(TABLE).set_header(["KEPT BY", "SYSTEM", "RECORD", "STATE", "AGE", "RECORDS"]);
    for row in rows {
        let (interface, system, record) = (row.interface.to_string(), row.system.to_string(), row.record.clone());
        table.add_row([interface, system, record, row.stands().to_owned(), age(row), row.records.to_string()]);
    }
    table
}

fn as_json(row: &CaptureRow) -> Value {
    json!({
        "interface": row.interface.to_string(), "system": row.system, "record": row.record, "state": row.stands(),
        "looked_at": row.state.looked_at, "records": row.records, "parked": row.parked, "to_tell": row.waiting,
        "node": row.node, "paused": row.paused.as_ref().map(|why| json!({"code": why.code, "because": why.because})),
    })
}

/// How long ago the last look began that saw everything.
fn age(row: &CaptureRow) -> String {
    let Some(at) = row.state.looked_at else { return "not yet".to_owned() };
    let ago = Duration::try_from(Timestamp::now().duration_since(at)).unwrap_or_default();
    scalar::spell(Duration::from_secs(ago.as_secs()))
}

impl Show {
    async fn run(self) -> anyhow::Result<Outcome> {
        let store = self.store.existing().await?;
        let row = find(&store, &self.interface).await?;
        let parked = store.parked_captures(row.id, 0, MOST_SHOWN).await?;
        if parked.is_empty() {
            say("none: every record is captured as it is")?;
            return Ok(Outcome::Well);
        }
        let mut table = Table::new();
        table.load_style(TABLE).set_header(["RECORD", "SINCE", "CAUSE", "CODE", "BECAUSE"]);
        for parked in parked {
            let record = format!("{}-{}", row.system, parked.record);
            let (since, cause) = (format!("{:.0}", parked.since), parked.cause.to_string());
            table.add_row([record, since, cause, parked.code, parked.reason]);
        }
        say(table)?;
        Ok(Outcome::Well)
    }
}

impl Resume {
    async fn run(self) -> anyhow::Result<Outcome> {
        let how = if self.baseline { CaptureStage::Baseline } else { CaptureStage::Telling };
        let Signed { store, by } = self.said.signature.act(self.said.store.existing().await?).await?;
        let word = Word { by: &by, because: &self.said.because };
        store.resume_capture(&self.interface, how, word).await?;
        say(format_args!("the capture of `{}` goes on", self.interface))?;
        Ok(Outcome::Well)
    }
}

async fn find(store: &Store, interface: &InterfaceRef) -> anyhow::Result<CaptureRow> {
    let mut rows = store.captures().await?.into_iter();
    let found = rows.find(|row| &row.interface == interface);
    Ok(found.ok_or_else(|| StoreError::NotFound { what: "capture", id: interface.to_string() })?)
}
