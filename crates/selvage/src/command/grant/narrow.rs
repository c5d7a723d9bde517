//! `selvage grant narrow`: what is not needed is taken. It opens nothing, so nobody has to approve.

use clap::Args;
use jiff::Timestamp;

use crate::command::acknowledged::{self, Said};
use crate::command::signature::Signed;
use crate::command::terms::Taken;
use crate::command::{Outcome, say};

/// Takes something from a grant.
#[derive(Args)]
pub(crate) struct Narrow {
    /// The grant's id, as `selvage grant list` shows it.
    id: String,
    #[command(flatten)]
    taken: Taken,
    #[command(flatten)]
    said: Said,
}

impl Narrow {
    /// Takes it, and returns when every node knows.
    pub(super) async fn run(self) -> anyhow::Result<Outcome> {
        let Said { because, signature, json, store } = self.said;
        let Signed { store, by } = signature.act(store.existing().await?).await?;
        let (since, narrowing) = (Timestamp::now(), self.taken.narrowing());
        let grant = store.narrow_grant(&self.id, |terms| narrowing.of(terms), &by, &because).await?;
        let what = format!("{} is narrowed: {} on {}", self.id, grant.consumer, grant.interface);
        acknowledged::wait(&store, since).await?.print(&what, json)?;
        if grant.id != self.id && !json {
            let id = &grant.id;
            say(format_args!("what is left is {id}; the manifest's own terms are held back from now on"))?;
        }
        Ok(Outcome::Well)
    }
}
