//! One installation to be killed: two gateways on one database, and a simulated Odoo in a process of its own.
//! It serves seed after seed; each one has its own key and its own order, so none knows of another.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::checker::{Observed, Terminal};
use super::client::{Create, Ended};
use super::fabric;
use super::trouble::Trouble;
use crate::crash::factory::Factory;
use crate::daemon::Daemon;
use crate::selvage::Node;

/// How often one create is sent at once.
const CLIENTS: usize = 50;
/// How long an operation may stay without an end once every client has its answer.
const SETTLE_WITHIN: Duration = Duration::from_secs(15);

/// A running installation.
pub(super) struct Stack {
    directory: PathBuf,
    gateways: Vec<Gateway>,
    credential: String,
    /// The simulated Odoo.
    pub(super) factory: Factory,
}

struct Gateway {
    node: Node,
    daemon: Daemon,
}

impl Stack {
    /// Starts it in a directory of its own, on an empty database.
    pub(super) async fn start(directory: &Path, database: &str) -> Result<Self> {
        std::fs::create_dir_all(directory)?;
        let factory = Factory::start(directory).await?;
        let (fabric, secrets) = fabric::write(directory, factory.odoo)?;
        let secrets = secrets.display().to_string();
        let mut gateways = Vec::new();
        let mut credential = String::new();
        for name in ["gateway-0", "gateway-1"] {
            let node = Node::on_postgres(name, &fabric, database)?.with(&["--lease", "2s", "--secrets", &secrets]);
            if credential.is_empty() {
                credential = node.issue_key(fabric::CONSUMER)?;
            }
            let daemon = node.start(directory).await?;
            gateways.push(Gateway { node, daemon });
        }
        Ok(Self { directory: directory.to_owned(), gateways, credential, factory })
    }

    /// Sends one create from all clients through the trouble; returns what came of it once it is over, and whether clients
    /// still waited when the gateway was killed.
    pub(super) async fn suffer(&mut self, seed: u64, trouble: &Trouble) -> Result<(Observed, bool)> {
        let origin = Self::origin(seed);
        let create = Arc::new(self.create(seed, &origin)?);
        for fault in trouble.faults() {
            self.factory.inject(&fault).await?;
        }
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let create = Arc::clone(&create);
            clients.spawn(async move { create.until_answered(number).await });
        }
        tokio::time::sleep(trouble.kill_after).await;
        let mut ended = Vec::new();
        while let Some(client) = clients.try_join_next() {
            ended.push(client?);
        }
        let in_flight = !clients.is_empty();
        self.kill(trouble.victim)?;
        if let Some(back_after) = trouble.back_after {
            tokio::time::sleep(back_after).await;
            self.revive(trouble.victim).await?;
        }
        while let Some(client) = clients.join_next().await {
            ended.push(client?);
        }
        if trouble.back_after.is_none() {
            self.revive(trouble.victim).await?;
        }
        let unresolved = settle(&create, &ended).await;
        self.factory.clear_faults().await?;
        let observed = Observed {
            orders: self.factory.orders(&origin).await?,
            terminals: ended.into_iter().map(|ended| ended.terminal).collect::<Vec<Terminal>>(),
            unresolved,
        };
        Ok((observed, in_flight))
    }

    /// The writes of all seeds so far that have no end.
    pub(super) fn unresolved(&mut self) -> Result<Option<String>> {
        self.gateway(0)?.node.unresolved()
    }

    /// The origin that the order of a seed carries; no other order does.
    pub(super) fn origin(seed: u64) -> String {
        format!("CLAIM-{seed}")
    }

    fn create(&self, seed: u64, origin: &str) -> Result<Create> {
        let mut addresses = self.gateways.iter().map(|gateway| gateway.node.address);
        let pair = addresses.next().zip(addresses.next());
        let (first, second) = pair.context("a stack has two gateways")?;
        Ok(Create {
            gateways: [first, second],
            credential: self.credential.clone(),
            key: format!("claims-{seed}"),
            body: body(origin),
        })
    }

    fn kill(&mut self, number: usize) -> Result<()> {
        self.gateway(number)?.daemon.kill()
    }

    async fn revive(&mut self, number: usize) -> Result<()> {
        let directory = self.directory.clone();
        let gateway = self.gateway(number)?;
        gateway.daemon = gateway.node.start(&directory).await?;
        Ok(())
    }

    fn gateway(&mut self, number: usize) -> Result<&mut Gateway> {
        self.gateways.get_mut(number).context("a stack has two gateways")
    }
}

/// The create that every client sends.
fn body(origin: &str) -> Value {
    json!({
        "product": fabric::PRODUCT,
        "quantity": {"value": "5", "unit": "1"},
        "site": "ghent",
        "origin": origin,
    })
}

/// Waits until each operation that a client heard of has an end; returns those that have none.
async fn settle(create: &Create, ended: &[Ended]) -> Vec<String> {
    let mut operations: Vec<&String> = ended.iter().filter_map(|ended| ended.operation.as_ref()).collect();
    operations.sort();
    operations.dedup();
    let mut unresolved = Vec::new();
    for operation in operations {
        let settled = tokio::time::timeout(SETTLE_WITHIN, async {
            loop {
                match create.state(0, operation).await {
                    Ok(state) if state == "done" => return,
                    _ => tokio::time::sleep(Duration::from_millis(200)).await,
                }
            }
        });
        if settled.await.is_err() {
            unresolved.push(operation.clone());
        }
    }
    unresolved
}
