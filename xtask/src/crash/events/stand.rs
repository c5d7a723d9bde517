//! One installation that is tried: a node in a process of its own, its store, and the power that can be cut.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::Servers;
use super::disk::{Disk, End};
use super::node::Plant;
use super::wire::{Ask, Client, Reply};
use crate::daemon::Daemon;
use crate::services::nats::Nats;
use crate::services::postgres::Postgres;

/// Where events are kept.
pub(super) enum Keeping {
    /// In a file, on a disk that keeps only what was synced.
    Embedded,
    /// At a server with this database.
    Postgres(String),
    /// At a broker; the rest is in a file.
    JetStream { url: String, monitoring: String },
}

impl Keeping {
    /// Everything that is tried, with servers of its own.
    pub(super) fn all(postgres: &Postgres, nats: &Nats, database: &str) -> Result<Vec<(&'static str, Self)>> {
        postgres.create_database(database)?;
        let jetstream = Self::JetStream { url: nats.url(), monitoring: nats.monitoring() };
        Ok(vec![
            ("embedded", Self::Embedded),
            ("postgres", Self::Postgres(postgres.url(database))),
            ("jetstream", jetstream),
        ])
    }

    /// Kills the server that keeps events, where one does, and starts it again.
    pub(super) async fn crash_server(&self, servers: &mut Servers) -> Result<()> {
        match self {
            Self::Embedded => Ok(()),
            Self::Postgres(_) => servers.postgres.crash().await,
            Self::JetStream { .. } => servers.nats.crash(Duration::ZERO).await,
        }
    }
}

/// An installation.
pub(super) struct Stand {
    directory: PathBuf,
    disk: Disk,
    keeping: Keeping,
    plant: Option<Plant>,
    node: Option<Daemon>,
}

impl Stand {
    /// An installation in an empty directory; its node does not run yet.
    pub(super) fn new(directory: &Path, keeping: Keeping, plant: Option<Plant>) -> Result<Self> {
        let disk = Disk::new(directory)?;
        Ok(Self { directory: directory.to_owned(), disk, keeping, plant, node: None })
    }

    /// One whose disk says that it has written before it has, so that its node acknowledges before the sync.
    pub(super) fn early(directory: &Path) -> Result<Self> {
        let disk = Disk::new(directory)?.late();
        Ok(Self { directory: directory.to_owned(), disk, keeping: Keeping::Embedded, plant: None, node: None })
    }

    /// Where its node is asked.
    pub(super) fn socket(&self) -> PathBuf {
        self.directory.join("socket")
    }

    /// A file of its disk.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.disk.files().join(name)
    }

    /// Whether its power can be cut: what a server of others has written is not followed.
    pub(super) fn has_power(&self) -> bool {
        matches!(self.keeping, Keeping::Embedded)
    }

    /// Starts the node, and says what it lost.
    pub(super) async fn start(&mut self) -> Result<Option<String>> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["crash", "event-node", "--socket"]).arg(self.socket());
        let file = format!("sqlite:{}", self.file("store.db").display());
        match &self.keeping {
            Keeping::Embedded => command.args(["--store", &file, "--marks"]).arg(self.file("selvage.marks")),
            Keeping::Postgres(url) => command.args(["--store", url, "--marks"]).arg(self.file("selvage.marks")),
            Keeping::JetStream { url, monitoring } => {
                command.args(["--store", &file, "--nats", url, "--monitoring", monitoring])
            }
        };
        if let Some(plant) = self.plant.and_then(|plant| clap::ValueEnum::to_possible_value(&plant)) {
            command.args(["--plant", plant.get_name()]);
        }
        if self.has_power() {
            command.envs(self.disk.followed());
        }
        let _ = fs::remove_file(self.socket());
        let mut node = Daemon::start("node", &mut command, &self.directory)?;
        let socket = self.socket();
        node.until("answer", || async { Client::connect(&socket).await.is_ok() }).await?;
        self.node = Some(node);
        match Client::connect(&socket).await?.ask(&Ask::Opened).await? {
            Reply::Opened { gap, .. } => Ok(gap),
            other => anyhow::bail!("the node answers {other:?}"),
        }
    }

    /// Ends the node. What its disk has then is what the next one finds.
    pub(super) fn end(&mut self, end: End) -> Result<()> {
        self.node.take().context("no node runs")?.kill()?;
        if self.has_power() { self.disk.end(end) } else { Ok(()) }
    }

    /// Lets the node stand still: all of it, when this returns.
    pub(super) async fn pause(&self) -> Result<()> {
        self.node.as_ref().context("no node runs")?.stand_still().await
    }

    /// Lets it go on.
    pub(super) fn resume(&self) -> Result<()> {
        self.node.as_ref().context("no node runs")?.go_on();
        Ok(())
    }

    /// Whether its disk has space.
    pub(super) fn fill(&self, full: bool) -> Result<()> {
        self.disk.fill(full)
    }

    /// Kills the server that keeps its events, where one does, and starts it again.
    pub(super) async fn crash_server(&self, servers: &mut Servers) -> Result<()> {
        self.keeping.crash_server(servers).await
    }
}

/// How long a node works before it ends.
pub(super) const WORKS: std::ops::Range<u64> = 100..600;
