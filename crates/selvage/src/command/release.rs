//! `selvage release`: what each domain released, where it is active, and making it so. Going back is one command, and takes effect on
//! every node within a second.

mod export;
mod import;
mod keys;
mod plan;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use comfy_table::Table;
use jiff::Timestamp;
use selvage_control::desk::{Activating, Desk, Files, Gate, GoingBack, Went, public_key, receipt_line, verify};
use selvage_model::name::{DomainName, EnvironmentName};
use selvage_store::{Activated, DomainActivation, ReleaseKey};

use super::change::{Signing, desk};
use super::signature::{Signature, Signed};
use super::{Outcome, StoreChoice, TABLE, acknowledged, say, words};
use crate::node::release::told;

/// Lists and activates the releases of domains.
#[derive(Subcommand)]
pub(crate) enum ReleaseCommand {
    /// Lists releases, the newest first, and where each is or was active.
    List(List),
    /// Shows the files of a release, and what other stores saw of it.
    Show(Show),
    /// Verifies the content and the signature of every release.
    Verify(Verify),
    /// Says what activating a release would do to access, and changes nothing.
    Plan(plan::Plan),
    /// Makes a release the active one of its domain in an environment.
    Activate(Activate),
    /// Goes back to the release that a domain had active before.
    Rollback(Rollback),
    /// Writes a release for another store, with what was decided about it and what this one saw of it.
    Export(export::Export),
    /// Takes a release of another store over.
    Import(import::Import),
    /// Lets another key sign releases of this store.
    Trust(keys::Trust),
    /// Lets nothing count any more that a key signs; what runs goes on.
    Distrust(keys::Distrust),
    /// Lists the keys that the store knows.
    Keys(keys::Keys),
    /// Prints the public key that signs releases, for `selvage serve --release-key`.
    Key(Key),
}

/// Lists releases.
#[derive(Args)]
pub(crate) struct List {
    /// Of this domain.
    #[arg(long, value_name = "NAME")]
    domain: Option<DomainName>,
    #[command(flatten)]
    store: StoreChoice,
}

/// Shows a release.
#[derive(Args)]
pub(crate) struct Show {
    /// The release's id.
    id: String,
    #[command(flatten)]
    store: StoreChoice,
}

/// Verifies releases.
#[derive(Args)]
pub(crate) struct Verify {
    /// A public key that they must be signed with, as `selvage release key` prints it; may be given again. Every key that the store knows
    /// where not given.
    #[arg(long = "key", value_name = "KEY", value_parser = public_key)]
    keys: Vec<ReleaseKey>,
    #[command(flatten)]
    store: StoreChoice,
}

/// Activates a release.
#[derive(Args)]
pub(crate) struct Activate {
    /// The release's id.
    id: String,
    #[command(flatten)]
    said: Said,
}

/// Goes back.
#[derive(Args)]
pub(crate) struct Rollback {
    /// The domain.
    #[arg(long, value_name = "NAME")]
    domain: DomainName,
    /// To this release; to the one that was active before where not given.
    #[arg(long, value_name = "ID")]
    to: Option<String>,
    #[command(flatten)]
    said: Said,
}

/// Where, by whom and why.
#[derive(Args)]
pub(crate) struct Said {
    /// The environment.
    #[arg(long, value_name = "NAME")]
    env: EnvironmentName,
    #[command(flatten)]
    signature: Signature,
    /// Why, for the ledger.
    #[arg(long, value_parser = words)]
    because: String,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreChoice,
}

/// Prints the public key.
#[derive(Args)]
pub(crate) struct Key {
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    store: StoreChoice,
}

impl ReleaseCommand {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Verify(verify) => verify.run().await,
            Self::Plan(plan) => plan.run().await,
            Self::Activate(activate) => activate.run().await,
            Self::Rollback(rollback) => rollback.run().await,
            Self::Export(export) => export.run().await,
            Self::Import(import) => import.run().await,
            Self::Trust(trust) => trust.run().await,
            Self::Distrust(distrust) => distrust.run().await,
            Self::Keys(keys) => keys.run().await,
            Self::Key(key) => {
                say(STANDARD.encode(key.signing.seal(&key.store)?.key().public))?;
                Ok(Outcome::Well)
            }
        }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<Outcome> {
        let store = self.store.existing().await?;
        let (active, history) = (store.active_domains().await?, store.activations().await?);
        let mut table = Table::new();
        table.load_style(TABLE).set_header(["RELEASE", "DOMAIN", "CHANGE", "MADE", "BY", "ACTIVE", "WAS ACTIVE"]);
        let (mut releases, imports) = (store.signed_releases().await?, store.release_imports().await?);
        releases.reverse();
        for it in releases.into_iter().filter(|it| self.domain.as_ref().is_none_or(|domain| domain == &it.domain)) {
            let is_of = |activation: &&DomainActivation| activation.release == it.id && activation.domain == it.domain;
            let now: Vec<&DomainActivation> = active.iter().filter(is_of).collect();
            let mut was: Vec<String> = history.iter().filter(is_of).map(|it| it.environment.to_string()).collect();
            was.sort();
            was.dedup();
            was.retain(|environment| !now.iter().any(|it| it.environment.as_str() == environment));
            let now: Vec<String> = now.iter().map(|it| format!("{} since {:.0}", it.environment, it.since)).collect();
            let made = format!("{:.0}", it.recorded);
            let mut by = it.signed_by();
            by.extend(
                imports.iter().filter(|import| import.change == it.change).map(|it| format!("\nfrom {}", it.from)),
            );
            table.add_row([it.id, it.domain.to_string(), it.change, made, by, now.join("\n"), was.join(" ")]);
        }
        say(table)?;
        Ok(Outcome::Well)
    }
}

impl Show {
    async fn run(self) -> anyhow::Result<Outcome> {
        let store = self.store.existing().await?;
        let found = store.signed_release(&self.id).await?;
        let release = found.with_context(|| format!("the store has no release `{}`", self.id))?;
        let (import, receipts) = desk(store).of_other_stores(&release).await.map_err(told)?;
        if let Some(import) = import {
            say(format_args!(
                "# taken over from the store of {} by {} {:.0}",
                import.from,
                import.signed_by(),
                import.at
            ))?;
        }
        for receipt in &receipts {
            say(format_args!("# {}", receipt_line(receipt)))?;
        }
        let files: Files = serde_json::from_value(release.content)?;
        for (path, text) in files {
            say(format_args!("# {path}\n{text}"))?;
        }
        Ok(Outcome::Well)
    }
}

impl Verify {
    async fn run(self) -> anyhow::Result<Outcome> {
        let store = self.store.existing().await?;
        let keys = if self.keys.is_empty() { store.release_keys().await? } else { self.keys };
        let mut wrong = 0_usize;
        let releases = store.signed_releases().await?;
        for listed in &releases {
            let Some(release) = store.signed_release(&listed.id).await? else { continue };
            if let Err(error) = verify(&release, &keys) {
                wrong += 1;
                say(format_args!("{}: {error}", error.code()))?;
            }
        }
        say(format_args!("{} releases, {wrong} of them not as they were signed", releases.len()))?;
        Ok(if wrong == 0 { Outcome::Well } else { Outcome::Wrong })
    }
}

impl Activate {
    async fn run(self) -> anyhow::Result<Outcome> {
        let (desk, activating) = self.said.at_desk().await?;
        let went = desk.activate(&self.id, &activating).await.map_err(told)?;
        self.said.tell(&went, "is active").await
    }
}

impl Rollback {
    async fn run(self) -> anyhow::Result<Outcome> {
        let (desk, activating) = self.said.at_desk().await?;
        let back = GoingBack { domain: self.domain, from: None, to: self.to };
        let went = desk.roll_back(&back, &activating).await.map_err(told)?;
        self.said.tell(&went, "is active again").await
    }
}

impl Said {
    /// The desk, and what is signed there.
    async fn at_desk(&self) -> anyhow::Result<(Desk, Activating)> {
        let Signed { store, by } = self.signature.decide(self.store.existing().await?).await?;
        let activating = Activating { environment: self.env.clone(), by, because: self.because.clone() };
        Ok((desk(store), activating))
    }

    /// Waits until every node of the environment runs it, and says so; wrong where one does not.
    async fn tell(&self, went: &Went, is: &str) -> anyhow::Result<Outcome> {
        for held in &went.held_back {
            eprintln!("selvage: {held}");
        }
        let (since, is) = match went.activated {
            Activated::Now(since) => (since, is),
            Activated::Before => (Timestamp::now(), "was active already"),
        };
        let store = self.store.existing().await?;
        let what = format!("{} of {} {is} in {}{}", went.release, went.domain, self.env, gates(&went.gates));
        let acknowledged = acknowledged::wait_for_release(&store, since, &self.env).await?;
        acknowledged.print(&what, self.json)?;
        Ok(acknowledged.outcome())
    }
}

fn gates(gates: &[Gate]) -> String {
    let told = |gate: &Gate| {
        let passed = match gate {
            Gate { passed_in_emergency: true, .. } => ", closed and passed in an emergency",
            Gate { waived, .. } if !waived.is_empty() => ", open by a waiver",
            _ => "",
        };
        format!("; {}: {}{passed}", gate.gate, gate.saw)
    };
    gates.iter().map(told).collect()
}
