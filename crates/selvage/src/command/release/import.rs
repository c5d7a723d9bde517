//! `selvage release import`: a release that another store approved becomes one of this store.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::command::change::desk;
use crate::command::signature::{Signature, Signed};
use crate::command::{Outcome, StoreChoice, say};
use crate::node::release::told;

/// Takes a release of another store over.
#[derive(Args)]
pub(crate) struct Import {
    /// The file that `selvage release export` wrote.
    file: PathBuf,
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    store: StoreChoice,
}

impl Import {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let file = self.file.display();
        let text = std::fs::read(&self.file).with_context(|| format!("cannot read `{file}`"))?;
        // What is no text is no package.
        let text = String::from_utf8_lossy(&text);
        let Signed { store, by } = self.signature.decide(self.store.existing().await?).await?;
        let it = desk(store).import(&text, &by).await.map_err(told)?;
        let is = if it.is_new { "is a release here" } else { "was a release here already" };
        say(format_args!(
            "{} of {} {is}; {} receipts of the store of {}",
            it.release, it.domain, it.receipts, it.from
        ))?;
        Ok(Outcome::Well)
    }
}
