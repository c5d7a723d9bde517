//! `selvage operator`: people who may log in at the console.

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use selvage_model::access::{Credential, Principal};
use selvage_model::code;
use selvage_store::{NewKey, is_nobody};

use super::active::desk_over;
use super::key::{after, own};
use super::signature::{Signature, Signed};
use super::{Outcome, StoreChoice, say, words};
use crate::key;
use crate::node::release::{Coded, told};

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
    /// The key ends after so many days.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    days: Option<u32>,
    /// Lets the person in without anybody's key, for this reason: where all keys of those are lost who could. Keys that the person had are
    /// taken back, and the ledger and evidence say so for good.
    #[arg(long, value_name = "WHY", value_parser = words)]
    locked_out: Option<String>,
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    store: StoreChoice,
}

/// What somebody is told who lets a person in past all keys.
fn past(could: &BTreeSet<String>) -> String {
    let told = "nobody's key was shown: the ledger says so for good, and so do evidence of changes and the console";
    if could.is_empty() {
        return told.to_owned();
    }
    let names = could.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    format!("{told}, with who could have signed instead, as their keys count ({}): {names}", could.len())
}

impl Operator {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let Self::Add(add) = self;
        let (name, code) = (add.name, code::NAME_RESERVED);
        if is_nobody(&name) {
            let message = format!(
                "{code}: `{name}` is how the ledger names what no person does: name the person as boards and teams do"
            );
            return Err(Coded::refused(code, message));
        }
        let Signed { store, by } = match &add.locked_out {
            None => add.signature.admit(add.store.begun().await?).await?,
            Some(_) => add.signature.act(add.store.existing().await?).await?,
        };
        let has_one = |it: &Credential| it.revoked.is_none() && it.principal == Principal::Operator(name.clone());
        match (&add.locked_out, store.operator_keys().await?.iter().any(has_one)) {
            (Some(_), _) => {}
            (None, true) => own(&name, &by)?,
            (None, false) => desk_over(&store).may_add_operators(&by).await.map_err(told)?,
        }
        let secret = key::generate();
        let expires = add.days.map(after).transpose()?;
        let new = NewKey { principal: Principal::Operator(name), hash: key::hash(&secret), expires };
        match &add.locked_out {
            None => store.issue_key(new, &by).await?,
            Some(because) => {
                let could = desk_over(&store).could_add_operators().await.map_err(told)?;
                eprintln!("selvage: {}", past(&could));
                store.let_in(new, &by, (because, &could)).await?
            }
        };
        say(secret)?;
        if expires.is_none() {
            eprintln!("It has no end of its own: say `--days`, so that a lost key is worth nothing one day.");
        }
        Ok(Outcome::Well)
    }
}
