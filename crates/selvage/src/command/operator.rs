//! `selvage operator`: people who may log in at the console.

use clap::{Args, Subcommand};
use selvage_model::access::Principal;
use selvage_store::NewKey;

use super::{Outcome, StoreChoice, say, words};
use crate::key;

/// Adds people who may log in at the console.
#[derive(Subcommand)]
pub(crate) enum Operator {
    /// Makes a key for a person and prints it, once.
    Add(Add),
}

/// Makes a key for a person.
#[derive(Args)]
pub(crate) struct Add {
    /// The person's name, as the ledger shall name them.
    #[arg(value_parser = words)]
    name: String,
    /// Who adds them, for the ledger.
    #[arg(long, value_name = "NAME", default_value = "cli", value_parser = words)]
    by: String,
    #[command(flatten)]
    store: StoreChoice,
}

impl Operator {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let Self::Add(add) = self;
        let store = add.store.open().await?;
        let secret = key::generate();
        let new = NewKey { principal: Principal::Operator(add.name), hash: key::hash(&secret), expires: None };
        store.issue_key(new, &add.by).await?;
        say(secret)?;
        Ok(Outcome::Well)
    }
}
