//! `selvage evidence`: what the ledger and the store prove, as a package of a document and a page; and checking one without the store.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand};
use comfy_table::Table;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use selvage_control::desk::kept_checkpoint;
use selvage_control::evidence::{About, Asked, Package, begin, controls, end, may_go, page, period, seal, verify};
use selvage_model::code;
use selvage_model::name::{DomainName, EnvironmentName, InterfaceRef};
use serde_json::Value;

use super::change::at_desk;
use super::ledger::{Signer, public};
use super::signature::Signature;
use super::{Outcome, StoreChoice, TABLE, active, say};
use crate::node::release::told;
use crate::report;

/// Writes, checks and prunes packages of evidence.
#[derive(Subcommand)]
pub(crate) enum Evidence {
    /// Writes the evidence of one interface.
    Interface(OfInterface),
    /// Writes the evidence of everything that a domain governs.
    Domain(OfDomain),
    /// Writes what one control comes to, or `all` of them.
    Control(OfControl),
    /// Lists the controls, of every fabric and those that this one declares.
    Controls(Controls),
    /// Checks a package by itself: its digest, its signature, the ledger's entries in it, the signatures of its releases.
    Verify(Verify),
    /// Takes away the packages of a directory that have been kept for as long as they are to be.
    Prune(Prune),
}

/// The evidence of an interface.
#[derive(Args)]
pub(crate) struct OfInterface {
    /// The interface, as `orders@1`.
    #[arg(value_name = "NAME@VERSION")]
    interface: InterfaceRef,
    #[command(flatten)]
    make: Make,
}

/// The evidence of a domain.
#[derive(Args)]
pub(crate) struct OfDomain {
    /// The domain.
    #[arg(value_name = "NAME")]
    domain: DomainName,
    #[command(flatten)]
    make: Make,
}

/// What controls come to.
#[derive(Args)]
pub(crate) struct OfControl {
    /// The control's id, as `selvage evidence controls` lists it; `all` of them.
    #[arg(value_name = "ID|all")]
    control: String,
    #[command(flatten)]
    make: Make,
}

/// How a package is made.
#[derive(Args)]
pub(crate) struct Make {
    /// From when: a time, or a day from its beginning (UTC). 90 days before the end where not given.
    #[arg(long, value_name = "TIME|DAY", value_parser = begin)]
    from: Option<Timestamp>,
    /// Until when: a time, or a day to its end. Now where not given.
    #[arg(long, value_name = "TIME|DAY", value_parser = end)]
    to: Option<Timestamp>,
    /// The directory that the document and the page are written into.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Judges by what was active in this environment, instead of what each domain had released last.
    #[arg(long, value_name = "NAME")]
    env: Option<EnvironmentName>,
    #[command(flatten)]
    signature: Signature,
    /// Until which day it is to be kept, instead of what its class says.
    #[arg(long, value_name = "DAY")]
    keep_until: Option<Date>,
    /// The public key that signed the ledger's checkpoints, where the private one is elsewhere.
    #[arg(long, value_name = "PUBLIC", value_parser = public)]
    key: Option<[u8; 32]>,
    #[command(flatten)]
    signer: Signer,
    #[command(flatten)]
    store: StoreChoice,
}

/// Lists controls.
#[derive(Args)]
pub(crate) struct Controls {
    /// As declared by what is active in this environment, instead of what each domain released last.
    #[arg(long, value_name = "NAME")]
    env: Option<EnvironmentName>,
    #[command(flatten)]
    store: StoreChoice,
}

/// Checks a package.
#[derive(Args)]
pub(crate) struct Verify {
    /// The document.
    file: PathBuf,
    /// The public key that has to have signed it and its checkpoints, as `selvage ledger key` printed it; without it, the one that the
    /// document names, which says nothing about who made it.
    #[arg(long, value_name = "PUBLIC", value_parser = public)]
    key: Option<[u8; 32]>,
}

/// Takes packages away.
#[derive(Args)]
pub(crate) struct Prune {
    /// The directory.
    directory: PathBuf,
    /// Only says what would be taken away.
    #[arg(long)]
    dry_run: bool,
}

impl Evidence {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::Interface(it) => it.make.run(About::Interface(it.interface)).await,
            Self::Domain(it) => it.make.run(About::Domain(it.domain)).await,
            Self::Control(it) => {
                let id = (it.control != "all").then_some(it.control);
                it.make.run(About::Control(id)).await
            }
            Self::Controls(it) => it.run().await,
            Self::Verify(verify) => verify.run(),
            Self::Prune(prune) => prune.run(),
        }
    }
}

impl Make {
    async fn run(self, about: About) -> anyhow::Result<Outcome> {
        let (from, to) = period(self.from, self.to, Timestamp::now()).map_err(anyhow::Error::msg)?;
        let desk = at_desk(&self.store).await?.vouched_by(self.store.beside(kept_checkpoint::NAME));
        let key = self.signer.existing(&self.store)?;
        let by = match self.signature.is_there()? {
            true => Some(self.signature.speak(self.store.existing().await?).await?.by),
            false => None,
        };
        let asked = Asked { about, from, to, environment: self.env, by, keep_until: self.keep_until, most: None };
        let package = desk.evidence(&asked, key.as_ref(), self.key).await.map_err(told)?;
        let document = seal(&package, key.as_ref())?;
        let digest = document.get("digest").and_then(Value::as_str).unwrap_or_default();
        let signed_with = key.map(|it| it.key().id.clone());
        let html = page(&package, digest, signed_with.as_deref());
        let paths = write(&self.out, &package, &format!("{document:#}\n"), &html)?;
        for path in paths {
            say(path.display())?;
        }
        let count = |verdict: &str| package.controls.iter().filter(|it| it.verdict == verdict).count();
        let (met, not_met, not) = (count("met"), count("not met"), count("not examined"));
        say(format_args!("{digest}; controls: {met} met, {not_met} not met, {not} not examined"))?;
        for fault in &package.ledger.faults {
            eprintln!(
                "selvage: {}: {}: no checkpoint was signed of it",
                code::LEDGER_BROKEN,
                report::visible(fault, false)
            );
        }
        if signed_with.is_none() {
            eprintln!("selvage: it is not signed: the ledger's key is not here; give it with `--ledger-key FILE`");
        }
        Ok(Outcome::Well)
    }
}

/// Writes both files, for their owner alone, over nothing that is there.
fn write(directory: &Path, package: &Package, document: &str, html: &str) -> anyhow::Result<[PathBuf; 2]> {
    fs::create_dir_all(directory).with_context(|| format!("cannot make the directory `{}`", directory.display()))?;
    let paths = ["json", "html"].map(|ending| directory.join(package.file_name(ending)));
    for (path, text) in paths.iter().zip([document, html]) {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
        written.with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(paths)
}

impl Controls {
    async fn run(self) -> anyhow::Result<Outcome> {
        let store = self.store.existing().await?;
        let fabric = match &self.env {
            Some(environment) => Arc::new(active::fabric(&store, environment).await?),
            None => at_desk(&self.store).await?.released().await.map_err(told)?,
        };
        let mut table = Table::new();
        table.load_style(TABLE).set_header(["CONTROL", "WHAT IS TO HOLD", "WHAT IS EXAMINED"]);
        for control in controls(&fabric) {
            let title = report::visible(&control.title, false);
            table.add_row([control.id, title, control.examines]);
        }
        say(table)?;
        Ok(Outcome::Well)
    }
}

impl Verify {
    fn run(self) -> anyhow::Result<Outcome> {
        let shown = self.file.display();
        let text = fs::read_to_string(&self.file).with_context(|| format!("cannot read `{shown}`"))?;
        let checked = verify(&text, self.key);
        let checked = checked.map_err(|why| anyhow::anyhow!("{}: `{shown}`: {why}", code::EVIDENCE_UNREADABLE))?;
        let package = &checked.package;
        let title = report::visible(&package.title, false);
        say(format_args!("{title}, {:.0} to {:.0}, made {:.0}", package.from, package.to, package.made))?;
        say(format_args!("digest {}", checked.digest))?;
        match &checked.signed_with {
            Some(key) => say(format_args!("signed with {key}"))?,
            None => say("not signed")?,
        }
        let (entries, signed) = checked.entries;
        say(format_args!("{entries} entries of the ledger, {signed} of them below a signed checkpoint"))?;
        for fault in &package.ledger.faults {
            say(format_args!("when it was made: {}", report::visible(fault, false)))?;
        }
        for (code, fault) in &checked.faults {
            say(format_args!("{code}: {}", report::visible(fault, false)))?;
        }
        if self.key.is_none() && checked.faults.is_empty() {
            say("whole; give the public key with `--key` to know who made it")?;
        }
        Ok(if checked.faults.is_empty() { Outcome::Well } else { Outcome::Wrong })
    }
}

impl Prune {
    fn run(self) -> anyhow::Result<Outcome> {
        let unusable = || format!("cannot read `{}`", self.directory.display());
        let mut paths = Vec::new();
        for entry in fs::read_dir(&self.directory).with_context(unusable)? {
            let path = entry.with_context(unusable)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with("evidence-") && name.ends_with(".json") {
                paths.push(path);
            }
        }
        paths.sort();
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let mut outcome = Outcome::Well;
        for path in paths {
            let shown = path.display();
            // Only what says itself, unaltered, that its time is over.
            let checked = fs::read_to_string(&path).map_err(|error| error.to_string()).and_then(|it| verify(&it, None));
            match checked {
                Ok(checked) if checked.faults.is_empty() && may_go(&checked.package, today) => {
                    say(format_args!("{shown}: kept until {}", checked.package.retention.keep_until))?;
                    if !self.dry_run {
                        remove(&path)?;
                    }
                }
                Ok(checked) if checked.faults.is_empty() => {}
                Ok(_) => {
                    outcome = Outcome::Wrong;
                    say(format_args!("{}: `{shown}` stays: it was altered", code::EVIDENCE_ALTERED))?;
                }
                Err(why) => {
                    outcome = Outcome::Wrong;
                    say(format_args!("{}: `{shown}` stays: {why}", code::EVIDENCE_UNREADABLE))?;
                }
            }
        }
        Ok(outcome)
    }
}

/// Takes a document away, and its page.
fn remove(path: &Path) -> anyhow::Result<()> {
    let page = path.with_extension("html");
    if page.exists() {
        fs::remove_file(&page).with_context(|| format!("cannot remove `{}`", page.display()))?;
    }
    fs::remove_file(path).with_context(|| format!("cannot remove `{}`", path.display()))
}
