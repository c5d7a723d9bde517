//! `selvage people`: whom the ledger names, and erasing somebody: the chain stays whole, and what it names them by leads nowhere.

use clap::{Args, Subcommand};
use comfy_table::Table;

use super::signature::{Signature, Signed};
use super::{Outcome, StoreChoice, TABLE, say, words};
use crate::report;

/// Shows whom the ledger names, and erases people from it.
#[derive(Subcommand)]
pub(crate) enum People {
    /// Lists everybody whom the ledger names, and when somebody was erased.
    List(List),
    /// Erases somebody, for good: their name goes from wherever it says who did something, and their operator's keys end.
    Erase(Erase),
}

/// Lists people.
#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    store: StoreChoice,
}

/// Erases somebody.
#[derive(Args)]
pub(crate) struct Erase {
    /// The person, as the ledger names them.
    #[arg(value_parser = words)]
    name: String,
    #[command(flatten)]
    signature: Signature,
    /// Why, for the ledger; without the name.
    #[arg(long, value_parser = words)]
    because: String,
    #[command(flatten)]
    store: StoreChoice,
}

impl People {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::List(list) => list.run().await,
            Self::Erase(erase) => erase.run().await,
        }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<Outcome> {
        let mut people = self.store.existing().await?.people().await?;
        people.sort_by_key(|person| (person.erased, person.shown()));
        let mut table = Table::new();
        table.load_style(TABLE).set_header(["PERSON", "PSEUDONYM", "ERASED"]);
        for person in people {
            let erased = person.erased.map_or_else(String::new, |at| format!("{at:.0}"));
            table.add_row([report::visible(&person.shown(), false), person.pseudonym, erased]);
        }
        say(table)?;
        Ok(Outcome::Well)
    }
}

impl Erase {
    async fn run(self) -> anyhow::Result<Outcome> {
        let Self { name, signature, because, store } = self;
        let Signed { store, by } = signature.decide(store.existing().await?).await?;
        anyhow::ensure!(by != name, "somebody else has to erase them: the entry about it names who did");
        let says_name = because.to_lowercase().contains(&name.to_lowercase());
        anyhow::ensure!(
            !says_name,
            "`--because` names who is to be erased, and stays in the ledger: say it without the name"
        );
        let erased = store.erase_person(&name, &by, &because).await?;
        say(format_args!(
            "{}: {} rows named them; the ledger goes on with {}",
            erased.shown, erased.rows, erased.pseudonym
        ))?;
        if erased.in_the_clear > 0 {
            say(format_args!(
                "{} entries of the ledger are older than pseudonyms and name them in the clear: those stay",
                erased.in_the_clear
            ))?;
        }
        if erased.mentioned > 0 {
            say(format_args!(
                "{} entries of the ledger have the name in what somebody wrote: those stay",
                erased.mentioned
            ))?;
        }
        if erased.declared > 0 {
            say(format_args!(
                "{} releases and proposed changes have files that name them: those are what was signed, and stay; release files without the \
                 name next",
                erased.declared
            ))?;
        }
        say("backups and packages of evidence that name them stay as they are")?;
        Ok(Outcome::Well)
    }
}
