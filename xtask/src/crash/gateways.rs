//! The gateways of one installation in processes of their own, to be killed and brought back.
//! They share one state, so whichever is left goes on with what another began.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::daemon::Daemon;
use crate::selvage::Node;

/// How often a gateway is started before it counts as gone.
const REVIVALS: usize = 5;
const REVIVE_AGAIN: Duration = Duration::from_millis(300);

/// Running gateways.
pub(crate) struct Gateways {
    directory: PathBuf,
    gateways: Vec<(Node, Daemon)>,
    /// A key of the consumer.
    pub(crate) credential: String,
}

impl Gateways {
    /// Starts these nodes, whose state is one; their output goes to files in the directory.
    pub(crate) async fn start(directory: &Path, nodes: Vec<Node>, consumer: &str) -> Result<Self> {
        let credential = nodes.first().context("there is no node")?.issue_key(consumer)?;
        let mut gateways = Vec::new();
        for node in nodes {
            let daemon = node.start(directory).await?;
            gateways.push((node, daemon));
        }
        Ok(Self { directory: directory.to_owned(), gateways, credential })
    }

    /// Where they listen.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.gateways.iter().map(|(node, _)| node.address).collect()
    }

    /// Kills one as a power cut would.
    pub(crate) fn kill(&mut self, number: usize) -> Result<()> {
        self.one(number)?.1.kill()
    }

    /// Brings it back. While it was away, a connection of somebody else may have had its port for a moment.
    pub(crate) async fn revive(&mut self, number: usize) -> Result<()> {
        let directory = self.directory.clone();
        let (node, daemon) = self.one(number)?;
        for _ in 1..REVIVALS {
            if let Ok(revived) = node.start(&directory).await {
                *daemon = revived;
                return Ok(());
            }
            tokio::time::sleep(REVIVE_AGAIN).await;
        }
        *daemon = node.start(&directory).await?;
        Ok(())
    }

    /// The writes so far that have no end, as the command lists them.
    pub(crate) fn unresolved(&self) -> Result<Option<String>> {
        self.gateways.first().context("there is no gateway")?.0.unresolved()
    }

    /// Has a person say how a stuck write ended.
    pub(crate) fn settle(&self, operation: &str, outcome: &str) -> Result<()> {
        self.gateways.first().context("there is no gateway")?.0.settle(operation, outcome)
    }

    fn one(&mut self, number: usize) -> Result<&mut (Node, Daemon)> {
        let number = number.checked_rem(self.gateways.len()).unwrap_or_default();
        self.gateways.get_mut(number).context("there is no gateway")
    }
}
