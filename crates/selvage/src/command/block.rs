//! `selvage block`: cuts a consumer or an interface off at once, on every node, until a person lifts it. No release and no
//! grant is stronger.

use clap::{Args, Subcommand};
use comfy_table::Table;
use jiff::Timestamp;
use selvage_model::access::Blocked;
use selvage_model::name::{ConsumerName, InterfaceRef};

use super::acknowledged::{self, Said};
use super::known::must_be_known;
use super::signature::Signed;
use super::{Outcome, StoreChoice, TABLE, say};

/// Cuts consumers and interfaces off, and lifts that again.
#[derive(Subcommand)]
pub(crate) enum Block {
    /// Refuses everything that a consumer asks for.
    Consumer(BlockConsumer),
    /// Refuses everything that an interface is asked for.
    Interface(BlockInterface),
    /// Lists the blocks that stand.
    List(List),
    /// Lifts a block.
    Lift(Lift),
}

/// Refuses everything that a consumer asks for.
#[derive(Args)]
pub(crate) struct BlockConsumer {
    /// The consumer.
    name: ConsumerName,
    /// Also where nothing declares it.
    #[arg(long)]
    anyway: bool,
    #[command(flatten)]
    said: Said,
}

/// Refuses everything that an interface is asked for.
#[derive(Args)]
pub(crate) struct BlockInterface {
    /// The interface with its major version, as `inventory@2`.
    interface: InterfaceRef,
    /// Also where nothing declares it.
    #[arg(long)]
    anyway: bool,
    #[command(flatten)]
    said: Said,
}

/// Lists the blocks that stand.
#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    store: StoreChoice,
}

/// Lifts a block.
#[derive(Args)]
pub(crate) struct Lift {
    /// The block's id, as `selvage block list` shows it.
    id: String,
    #[command(flatten)]
    said: Said,
}

impl Block {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::Consumer(block) => block.said.block(Blocked::Consumer(block.name), block.anyway).await,
            Self::Interface(block) => block.said.block(Blocked::Interface(block.interface), block.anyway).await,
            Self::List(list) => list.run().await,
            Self::Lift(lift) => lift.run().await,
        }
    }
}

impl Said {
    async fn block(self, what: Blocked, anyway: bool) -> anyhow::Result<Outcome> {
        let Signed { store, by } = self.signature.act(self.store.existing().await?).await?;
        if !anyway {
            must_be_known(&store, &what).await?;
        }
        let block = store.block(&what, &by, &self.because).await?;
        let what = format!("{} blocks {}", block.id, named(&block.what));
        acknowledged::wait(&store, block.since).await?.print(&what, self.json)?;
        Ok(Outcome::Well)
    }
}

impl List {
    async fn run(self) -> anyhow::Result<Outcome> {
        let blocks = self.store.existing().await?.blocks().await?;
        let mut table = Table::new();
        table.load_style(TABLE).set_header(["BLOCK", "ON", "SINCE", "BY", "BECAUSE"]);
        for block in blocks {
            let (on, since, by) =
                (named(&block.what), format!("{:.0}", block.since), block.by.unwrap_or_else(|| "-".to_owned()));
            table.add_row([block.id, on, since, by, block.because]);
        }
        say(table)?;
        Ok(Outcome::Well)
    }
}

impl Lift {
    async fn run(self) -> anyhow::Result<Outcome> {
        let Said { because, signature, json, store } = self.said;
        let Signed { store, by } = signature.admit(store.existing().await?).await?;
        let block = store.lift_block(&self.id, &by, &because).await?;
        let what = format!("{} on {} is lifted", block.id, named(&block.what));
        acknowledged::wait(&store, Timestamp::now()).await?.print(&what, json)?;
        Ok(Outcome::Well)
    }
}

fn named(what: &Blocked) -> String {
    match what {
        Blocked::Consumer(name) => format!("consumer {name}"),
        Blocked::Interface(interface) => format!("interface {interface}"),
    }
}
