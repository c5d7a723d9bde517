//! `selvage events forget`: a group of a consumer that reads no more is forgotten, so that retention waits no longer for it. Never a
//! subscription or what waits in a lane: those end by commands of their own.

use anyhow::bail;
use clap::Args;
use selvage_model::event::ReaderName;
use selvage_model::name::InterfaceRef;
use selvage_store::Word;

use super::interface;
use crate::command::active::desk_over;
use crate::command::signature::{Signature, Signed};
use crate::command::subscriptions::running;
use crate::command::{Outcome, StoreChoice, say, words};
use crate::node::release::told;

/// Forgets a group of a consumer, so that retention waits no longer for what it has not read.
#[derive(Args)]
pub(crate) struct Forget {
    /// The interface, as `work-order-events@1`.
    #[arg(value_parser = interface)]
    interface: InterfaceRef,
    /// The group, as `selvage events readers` lists it: `group/planning/boards`.
    reader: ReaderName,
    /// Why, for the ledger.
    #[arg(long, value_parser = words)]
    because: String,
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    store: StoreChoice,
}

impl Forget {
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let Self { interface, reader, because, signature, store } = self;
        let Some(consumer) = reader.of_group() else {
            bail!(
                "`{reader}` is no group: a subscription ends with `selvage subscriptions end`, and a lane when nothing waits in it"
            );
        };
        let Signed { store, by } = signature.admit(store.existing().await?).await?;
        if !store.operator_keys().await?.is_empty() {
            let group = (&consumer, &interface);
            desk_over(&store).may_forget(running(&store).await?, &by, group).await.map_err(told)?;
        }
        let forgotten = store.forget_reader(&interface, &reader, Word { by: &by, because: &because }).await;
        forgotten.map_err(|error| anyhow::anyhow!("{}: {error}", error.code()))?;
        say(format_args!("`{reader}` is forgotten: what it has not read of `{interface}` is retention's to take"))?;
        Ok(Outcome::Well)
    }
}
