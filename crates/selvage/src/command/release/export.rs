//! `selvage release export`: a release that was approved here, for another store.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::command::change::{Signing, at_desk};
use crate::command::{Outcome, StoreChoice, say};
use crate::node::release::told;

/// Writes a release for another store.
#[derive(Args)]
pub(crate) struct Export {
    /// The release's id, or that of the change that made it, where several made the same.
    id: String,
    /// The file to write. It holds the manifests, who decided what, and nothing secret.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    store: StoreChoice,
}

impl Export {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let desk = at_desk(&self.store).await?;
        let seal = self.signing.seal(&self.store)?;
        let exported = desk.export(&self.id, &seal, None).await.map_err(told)?;
        std::fs::write(&self.out, &exported.text).with_context(|| format!("cannot write `{}`", self.out.display()))?;
        say(format_args!(
            "{} of {}, with what was seen in {} environments, signed with {}: {}",
            exported.release,
            exported.domain,
            exported.receipts,
            seal.key().id,
            self.out.display()
        ))?;
        Ok(Outcome::Well)
    }
}
