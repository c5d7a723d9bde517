//! `selvage propose`: puts the files of a domain forward to become its next release. They are checked as they would run, compared with
//! the last release, and given the approvals that they take.

use std::path::PathBuf;

use clap::Args;
use selvage_control::desk::Proposal;
use selvage_model::name::DomainName;

use super::change::desk;
use super::signature::{Signature, Signed};
use super::{Outcome, StoreChoice, say, words};
use crate::directory;
use crate::node::release::told;
use crate::report;

/// Proposes the files of a domain as its next release.
#[derive(Args)]
pub(crate) struct Propose {
    /// The fabric's directory.
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// What the change is, in a line.
    #[arg(long, value_parser = words)]
    title: String,
    #[command(flatten)]
    signature: Signature,
    /// The domain; may be left out where all files are of one.
    #[arg(long, value_name = "NAME")]
    domain: Option<DomainName>,
    /// One person may release and activate it before it is approved, who owns something in the domain, is on call there or sits on its
    /// board; it has to be ratified within 24 hours then.
    #[arg(long)]
    emergency: bool,
    /// The change that this is another version of: what was decided about the one before counts no more.
    #[arg(long, value_name = "ID")]
    change: Option<String>,
    /// Lists also what the check finds in other domains and found before.
    #[arg(long)]
    all: bool,
    /// Prints JSON, with all of it.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreChoice,
}

impl Propose {
    /// Proposes and shows what it takes.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let files = directory::files(&self.directory)?;
        // The first release of all comes before the first node: it makes the store.
        let Signed { store, by } = self.signature.decide(self.store.begun().await?).await?;
        let desk = desk(store);
        let proposal = Proposal {
            domain: self.domain,
            files,
            title: self.title,
            author: by,
            emergency: self.emergency,
            amends: self.change,
        };
        let change = desk.propose(proposal).await.map_err(told)?;
        let (change, standing) = desk.change(&change.id).await.map_err(told)?;
        if self.json {
            say(serde_json::to_string_pretty(&report::change::json(&change, &standing))?)?;
        } else {
            say(report::change::human(&change, &standing, self.all))?;
        }
        Ok(Outcome::Well)
    }
}
