//! `selvage change`: what is proposed, what people decide about it, and what becomes of it.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand};
use comfy_table::Table;
use selvage_control::desk::{Deciding, Desk, Seal};
use selvage_model::change::{ChangeState, DecisionVerdict};
use selvage_model::name::DomainName;
use selvage_store::{AskedChanges, ChangeStates, Store};

use super::signature::{Signature, Signed};
use super::{Outcome, StoreChoice, TABLE, say, words};
use crate::looking::Looking;
use crate::node::release::told;
use crate::report;

/// Shows changes, and decides about them.
#[derive(Subcommand)]
pub(crate) enum ChangeCommand {
    /// Lists changes, the newest first.
    List(List),
    /// Shows a change: what is different, whom that concerns, what it takes and what was said.
    Show(Show),
    /// Approves a change.
    Approve(Decide),
    /// Rejects a change.
    Reject(Decide),
    /// Leaves the decision to others.
    Abstain(Decide),
    /// Says something about a change.
    Comment(Decide),
    /// Takes a change back; its author alone can.
    Withdraw(Decide),
    /// Makes an approved change a release, signed.
    Release(Release),
}

/// Lists changes.
#[derive(Args)]
pub(crate) struct List {
    /// Of this domain.
    #[arg(long, value_name = "NAME")]
    domain: Option<DomainName>,
    /// Released and withdrawn ones too; without it, only emergencies of them that nobody ratified in time.
    #[arg(long)]
    all: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    /// So many at most.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    limit: u32,
    /// Only what was proposed before this one.
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    #[command(flatten)]
    store: StoreChoice,
}

/// Shows a change.
#[derive(Args)]
pub(crate) struct Show {
    /// The change's id.
    id: String,
    /// Lists also what the check finds in other domains and found before.
    #[arg(long)]
    all: bool,
    /// Prints JSON, with all of it.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreChoice,
}

/// Says something about a change.
#[derive(Args)]
pub(crate) struct Decide {
    /// The change's id.
    id: String,
    #[command(flatten)]
    signature: Signature,
    /// Why.
    #[arg(long, value_parser = words)]
    because: String,
    /// The version that was looked at: refused where there is another by now. What was altered is not decided about without it.
    #[arg(long, value_name = "N")]
    version: Option<u32>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreChoice,
}

/// Makes a change a release.
#[derive(Args)]
pub(crate) struct Release {
    /// The change's id.
    id: String,
    #[command(flatten)]
    signature: Signature,
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    store: StoreChoice,
}

/// With what releases are signed.
#[derive(Args)]
pub(crate) struct Signing {
    /// The file of the private key that signs releases; made where there is none. `release.key` beside an embedded store where not
    /// given.
    #[arg(long, value_name = "FILE")]
    signing_key: Option<PathBuf>,
}

impl Signing {
    /// The key; made where there is none, beside a store that is there or in the file that is said.
    pub(crate) fn seal(&self, store: &StoreChoice) -> anyhow::Result<Seal> {
        if self.signing_key.is_none() {
            store.must_be_there()?;
        }
        let path = self.signing_key.clone().or_else(|| store.beside("release.key"));
        let path = path.context("say which key signs: `--signing-key FILE`; it is made where there is none")?;
        Ok(Seal::open(&path)?)
    }

    /// The key of a node that releases: the one that is said, or that is there beside an embedded store.
    pub(crate) fn seal_of_node(&self, store: &StoreChoice) -> anyhow::Result<Option<Arc<Seal>>> {
        let beside = || store.beside("release.key").filter(|path| path.exists());
        let path = self.signing_key.clone().or_else(beside);
        Ok(path.map(|path| Seal::open(&path)).transpose()?.map(Arc::new))
    }
}

/// The desk over a store that is there.
pub(crate) async fn at_desk(store: &StoreChoice) -> anyhow::Result<Desk> {
    Ok(desk(store.existing().await?))
}

/// The desk over a store.
pub(crate) fn desk(store: Store) -> Desk {
    Desk::new(store, Arc::new(Looking))
}

impl ChangeCommand {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Approve(decide) => decide.run(DecisionVerdict::Approve).await,
            Self::Reject(decide) => decide.run(DecisionVerdict::Reject).await,
            Self::Abstain(decide) => decide.run(DecisionVerdict::Abstain).await,
            Self::Comment(decide) => decide.run(DecisionVerdict::Comment).await,
            Self::Withdraw(decide) => decide.withdraw().await,
            Self::Release(release) => release.run().await,
        }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<Outcome> {
        let desk = at_desk(&self.store).await?;
        let states = if self.all { ChangeStates::All } else { ChangeStates::Undecided };
        let asked = AskedChanges { domain: self.domain, states, after: self.after, limit: self.limit };
        let (changes, next) = desk.changes_page(&asked).await.map_err(told)?;
        if let Some(next) = next {
            eprintln!("selvage: there are more: --after {next}");
        }
        if self.json {
            let shown: Vec<_> =
                changes.iter().map(|(change, standing)| report::change::json(change, standing)).collect();
            say(serde_json::to_string_pretty(&shown)?)?;
            return Ok(Outcome::Well);
        }
        let mut table = Table::new();
        table.load_style(TABLE).set_header(["CHANGE", "DOMAIN", "STATE", "RISK", "BY", "SINCE", "TITLE"]);
        for (it, _) in changes {
            let state = match (it.emergency, it.ratify_until, it.ratified_late) {
                (_, Some(until), _) => format!("{}, emergency, to ratify until {until:.0}", it.state),
                (_, _, Some(due)) => format!("{}, emergency, BREACH: ratified after {due:.0}", it.state),
                (true, None, None) => format!("{}, emergency", it.state),
                (false, None, None) => it.state.to_string(),
            };
            let (domain, since, title) =
                (it.domain.to_string(), format!("{:.0}", it.proposed), report::visible(&it.title, false));
            table.add_row([it.id, domain, state, it.report.risk, it.author, since, title]);
        }
        say(table)?;
        Ok(Outcome::Well)
    }
}

impl Show {
    async fn run(self) -> anyhow::Result<Outcome> {
        let (change, standing) = at_desk(&self.store).await?.change(&self.id).await.map_err(told)?;
        if self.json {
            say(serde_json::to_string_pretty(&report::change::json(&change, &standing))?)?;
        } else {
            say(report::change::human(&change, &standing, self.all))?;
        }
        Ok(Outcome::Well)
    }
}

impl Decide {
    async fn run(self, verdict: DecisionVerdict) -> anyhow::Result<Outcome> {
        let Self { id, signature, because, version, json, store } = self;
        let store = store.existing().await?;
        let Signed { store, by } = match verdict {
            DecisionVerdict::Comment => signature.speak(store).await?,
            _ => signature.decide(store).await?,
        };
        let deciding = Deciding { change: id, version, person: by, verdict, because };
        let desk = desk(store);
        let (change, standing) = desk.decide(deciding).await.map_err(told)?;
        if json {
            say(serde_json::to_string_pretty(&report::change::json(&change, &standing))?)?;
        } else {
            say(report::change::human(&change, &standing, false))?;
        }
        if change.state == ChangeState::Released && standing.rejected.is_some() {
            // What runs goes on: whether it may is for a person to say.
            for way in desk.ways_back(&change).await.map_err(told)? {
                eprintln!("selvage: {way}");
            }
        }
        Ok(Outcome::Well)
    }

    async fn withdraw(self) -> anyhow::Result<Outcome> {
        let Signed { store, by } = self.signature.decide(self.store.existing().await?).await?;
        let change = desk(store).withdraw(&self.id, &by, &self.because).await.map_err(told)?;
        say(format_args!("{} is {}", change.id, change.state))?;
        Ok(Outcome::Well)
    }
}

impl Release {
    async fn run(self) -> anyhow::Result<Outcome> {
        let Signed { store, by } = self.signature.decide(self.store.existing().await?).await?;
        let seal = self.signing.seal(&self.store)?;
        let release = desk(store).release(&self.id, &by, &seal).await.map_err(told)?;
        say(format_args!("{} of {}, signed with {}", release.id, release.domain, release.key))?;
        Ok(Outcome::Well)
    }
}
