//! Keys that sign releases: which the store knows, letting one in, and letting nothing count any more that one signs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use comfy_table::Table;
use selvage_control::desk::public_key;
use selvage_store::{ReleaseKey, Word};

use crate::command::change::desk;
use crate::command::signature::{Signature, Signed};
use crate::command::{Outcome, StoreChoice, TABLE, say, words};
use crate::node::release::told;

/// Lets a key sign.
#[derive(Args)]
pub(crate) struct Trust {
    /// The public key, as `selvage release key` prints it.
    #[arg(value_name = "KEY", value_parser = public_key)]
    key: ReleaseKey,
    #[command(flatten)]
    signature: Signature,
    /// Why, for the ledger.
    #[arg(long, value_parser = words)]
    because: String,
    #[command(flatten)]
    store: StoreChoice,
}

/// Takes that back.
#[derive(Args)]
pub(crate) struct Distrust {
    /// The key's id, as `selvage release keys` lists it.
    #[arg(value_name = "ID")]
    key: String,
    #[command(flatten)]
    signature: Signature,
    /// Why, for the ledger.
    #[arg(long, value_parser = words)]
    because: String,
    #[command(flatten)]
    store: StoreChoice,
}

/// Lists keys.
#[derive(Args)]
pub(crate) struct Keys {
    #[command(flatten)]
    store: StoreChoice,
}

impl Trust {
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let Signed { store, by } = self.signature.decide(self.store.begun().await?).await?;
        desk(store).trust(&self.key, Word { by: &by, because: &self.because }).await.map_err(told)?;
        say(format_args!("{} signs releases of this store from now on", self.key.id))?;
        Ok(Outcome::Well)
    }
}

impl Distrust {
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let Signed { store, by } = self.signature.decide(self.store.existing().await?).await?;
        let known = desk(store).distrust(&self.key, Word { by: &by, because: &self.because }).await.map_err(told)?;
        say(format_args!("nothing that {} signs counts any more; what runs goes on", known.key.id))?;
        Ok(Outcome::Well)
    }
}

impl Keys {
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let mut table = Table::new();
        table.load_style(TABLE).set_header(["KEY", "PUBLIC", "KNOWN SINCE", "TRUSTED"]);
        for known in self.store.existing().await?.known_release_keys().await? {
            let trusted = known.distrusted.map_or_else(|| "yes".to_owned(), |at| format!("not since {at:.0}"));
            let public = STANDARD.encode(known.key.public);
            table.add_row([known.key.id, public, format!("{:.0}", known.made), trusted]);
        }
        say(table)?;
        Ok(Outcome::Well)
    }
}
