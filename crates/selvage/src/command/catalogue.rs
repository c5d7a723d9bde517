//! `selvage catalogue`: what interfaces there are, whose they are, who uses them and how they are called; over a directory, or over what
//! was released. It is made anew each time, of nothing but that and what was seen.

mod list;
mod show;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use selvage_control::desk::{Desk, uses};
use selvage_governance::catalogue::{self, Entry, Known};
use selvage_model::access::LiveGrant;
use selvage_model::fabric::Fabric;
use selvage_model::name::EnvironmentName;
use selvage_model::usage::Used;
use selvage_store::Store;

use super::{Outcome, StoreGiven, active};
use crate::looking::Looking;
use crate::node::release::told;
use crate::{directory, report};

/// Shows what interfaces there are, and all that is known of each.
#[derive(Subcommand)]
pub(crate) enum Catalogue {
    /// Lists interfaces: whose, in which state, used by how many.
    List(list::List),
    /// Finds interfaces by words: of their names, owners, objects, systems, consumers, purposes.
    Search(list::Search),
    /// Shows one interface: contract, owner, state, promises, consumers, what it stands on, how it is called, what releases made of it.
    Show(show::Show),
}

impl Catalogue {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::List(list) => list.run().await,
            Self::Search(search) => search.run().await,
            Self::Show(show) => show.run().await,
        }
    }
}

/// What the catalogue is made of.
#[derive(Args)]
pub(crate) struct Source {
    /// The fabric's directory. Where no store is named either, the one that one is in.
    #[arg(long, value_name = "DIR")]
    fabric: Option<PathBuf>,
    /// What is active in this environment, instead of what each domain released last.
    #[arg(long, value_name = "NAME", conflicts_with = "fabric")]
    env: Option<EnvironmentName>,
    #[command(flatten)]
    store: StoreGiven,
}

/// What was read.
pub(crate) struct Read {
    /// What is declared.
    pub(crate) fabric: Fabric,
    store: Option<Store>,
    grants: Option<Vec<LiveGrant>>,
    last_used: BTreeMap<Used, Timestamp>,
}

impl Source {
    /// The directory that it is read from, where it is one.
    pub(crate) fn directory(&self) -> Option<PathBuf> {
        let has_store = self.store.is_some();
        self.fabric.clone().or_else(|| (!has_store).then(|| PathBuf::from(".")))
    }

    /// Reads it; nothing where the directory has errors, which are told then.
    pub(crate) async fn read(&self) -> anyhow::Result<Option<Read>> {
        let store = self.store.open().await?;
        let fabric = match (&self.fabric, &store) {
            (None, Some(store)) => Some(self.released(store).await?),
            _ => of_directory(&self.directory().unwrap_or_default())?,
        };
        let Some(fabric) = fabric else { return Ok(None) };
        let (grants, last_used) = match &store {
            Some(store) => {
                let now = Timestamp::now();
                (Some(store.access_state().await?.grants), uses(store, now, now).await?.last)
            }
            None => (None, BTreeMap::new()),
        };
        Ok(Some(Read { fabric, store, grants, last_used }))
    }

    /// What is active in the environment, or what every domain released last.
    async fn released(&self, store: &Store) -> anyhow::Result<Fabric> {
        if let Some(environment) = &self.env {
            return active::fabric(store, environment).await;
        }
        let fabric = desk(store).released().await.map_err(told)?;
        anyhow::ensure!(
            !fabric.interfaces.is_empty() || !fabric.domains.is_empty(),
            "nothing was released in this store: name what is served with `--env`, or a directory with `--fabric`"
        );
        Ok((*fabric).clone())
    }
}

impl Read {
    /// The whole catalogue.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        catalogue::entries(&self.fabric, self.known())
    }

    /// What is known beside the fabric.
    pub(crate) fn known(&self) -> Known<'_> {
        Known { grants: self.grants.as_deref(), last_used: Some(&self.last_used) }
    }

    /// The desk over the store, where one was named.
    pub(crate) fn desk(&self) -> Option<Desk> {
        self.store.as_ref().map(desk)
    }
}

fn desk(store: &Store) -> Desk {
    Desk::new(store.clone(), Arc::new(Looking))
}

fn of_directory(path: &std::path::Path) -> anyhow::Result<Option<Fabric>> {
    let checked = directory::check(path)?;
    directory::must_hold_manifests(path, &checked)?;
    if !checked.runs() {
        eprintln!("{}", report::human::write(&checked));
        return Ok(None);
    }
    Ok(Some(checked.fabric))
}
