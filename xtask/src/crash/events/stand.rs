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
use crate::crash::random::Random;
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

    /// Whether the files of its node follow what was synced, so that its power can be cut. Of PostgreSQL a node has the marks alone.
    pub(super) fn has_power(&self) -> bool {
        matches!(self, Self::Embedded | Self::JetStream { .. })
    }

    /// Whether what the server that keeps events has synced is followed, so that its power can be cut. NATS calls the system without a
    /// library between.
    fn server_has_power(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Ends the server that keeps events, where one does.
    fn fail(&self, servers: &mut Servers, end: End) -> Result<()> {
        match (self, end) {
            (Self::Embedded, _) => Ok(()),
            (Self::Postgres(_), End::Kill) => {
                servers.postgres.fail();
                Ok(())
            }
            (Self::Postgres(_), End::PowerCut) => servers.postgres.cut_power(),
            (Self::JetStream { .. }, _) => servers.nats.fail(),
        }
    }

    /// Starts it again with what it had written.
    async fn come_back(&self, servers: &mut Servers) -> Result<()> {
        match self {
            Self::Embedded => Ok(()),
            Self::Postgres(_) => servers.postgres.come_back().await,
            Self::JetStream { .. } => servers.nats.come_back().await,
        }
    }
}

/// What ends in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strike {
    /// The node.
    Node(End),
    /// The server that keeps its events, with the node alive and at work.
    Server(End),
    /// The server, and the node while it has nothing to write to.
    Both { node: End, server: End },
}

impl Strike {
    /// One of them, where a server can end.
    pub(super) fn draw(keeping: &Keeping, random: &mut Random) -> Self {
        let cut = !random.once_in(3);
        let end = |has_power: bool| if has_power && cut { End::PowerCut } else { End::Kill };
        let (node, server) = (end(keeping.has_power()), end(keeping.server_has_power()));
        match random.within(0..3) {
            _ if matches!(keeping, Keeping::Embedded) => Self::Node(node),
            0 => Self::Node(node),
            1 => Self::Server(server),
            _ => Self::Both { node, server },
        }
    }

    /// Ends what is to end, and starts the server again: the node is started by who ended it.
    pub(super) async fn strike(
        self,
        keeping: &Keeping,
        servers: &mut Servers,
        end_node: impl FnOnce(End) -> Result<()>,
    ) -> Result<()> {
        match self {
            Self::Node(end) => end_node(end),
            Self::Server(server) => {
                keeping.fail(servers, server)?;
                tokio::time::sleep(SERVER_AWAY).await;
                keeping.come_back(servers).await
            }
            Self::Both { node, server } => {
                keeping.fail(servers, server)?;
                tokio::time::sleep(SERVER_AWAY).await;
                end_node(node)?;
                keeping.come_back(servers).await
            }
        }
    }

    /// How the node ended, where it did.
    pub(super) fn node(self) -> Option<End> {
        match self {
            Self::Node(node) | Self::Both { node, .. } => Some(node),
            Self::Server(_) => None,
        }
    }

    /// Whether something loses what it had not synced.
    pub(super) fn is_power_cut(self) -> bool {
        match self {
            Self::Node(end) | Self::Server(end) => end == End::PowerCut,
            Self::Both { node, server } => node == End::PowerCut || server == End::PowerCut,
        }
    }
}

/// A server is away for so long at least: its node sees that.
const SERVER_AWAY: Duration = Duration::from_millis(100);

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
        self.keeping.has_power()
    }

    /// What ends in this round.
    pub(super) fn draw(&self, random: &mut Random) -> Strike {
        Strike::draw(&self.keeping, random)
    }

    /// It ends, and runs again when this returns; says what was lost where the node did.
    pub(super) async fn strike(&mut self, strike: Strike, servers: &mut Servers) -> Result<Option<String>> {
        let Self { disk, keeping, node, .. } = self;
        let end_node = |end| end_of(disk, keeping, node, end);
        strike.strike(keeping, servers, end_node).await?;
        match strike.node() {
            Some(_) => self.start().await,
            None => Ok(None),
        }
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
        end_of(&self.disk, &self.keeping, &mut self.node, end)
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
}

/// A node ends, and its disk has what it has then.
pub(super) fn end_of(disk: &Disk, keeping: &Keeping, node: &mut Option<Daemon>, end: End) -> Result<()> {
    node.take().context("no node runs")?.kill()?;
    if keeping.has_power() { disk.end(end) } else { Ok(()) }
}

/// How long a node works before it ends.
pub(super) const WORKS: std::ops::Range<u64> = 100..600;
