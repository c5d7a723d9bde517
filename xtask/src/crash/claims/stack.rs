//! One installation to be killed: two gateways on one database, and a simulated Odoo in a process of its own.
//! It serves seed after seed; each one has its own key and its own order, so none knows of another.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::checker::Observed;
use super::fabric;
use super::trouble::Trouble;
use crate::crash::client::{Ended, Terminal, Write};
use crate::crash::factory::Factory;
use crate::crash::gateways::Gateways;
use crate::selvage::Node;

const PATH: &str = "/production-orders/v1/production-orders";
/// How often one create is sent at once.
const CLIENTS: usize = 50;
/// How long an operation may stay without an end once every client has its answer.
const SETTLE_WITHIN: Duration = Duration::from_secs(15);

/// A running installation.
pub(super) struct Stack {
    gateways: Gateways,
    /// The simulated Odoo.
    pub(super) factory: Factory,
}

impl Stack {
    /// Starts it in a directory of its own, on an empty database.
    pub(super) async fn start(directory: &Path, database: &str) -> Result<Self> {
        std::fs::create_dir_all(directory)?;
        let factory = Factory::start(directory).await?;
        let (fabric, secrets) = fabric::write(directory, factory.odoo)?;
        let secrets = secrets.display().to_string();
        let node = |name| {
            anyhow::Ok(Node::on_postgres(name, &fabric, database)?.with(&["--lease", "2s", "--secrets", &secrets]))
        };
        let nodes = vec![node("gateway-0")?, node("gateway-1")?];
        let gateways = Gateways::start(directory, nodes, fabric::CONSUMER).await?;
        Ok(Self { gateways, factory })
    }

    /// Sends one create from all clients through the trouble; returns what came of it once it is over, and whether clients
    /// still waited when the gateway was killed.
    pub(super) async fn suffer(&mut self, seed: u64, trouble: &Trouble) -> Result<(Observed, bool)> {
        let origin = Self::origin(seed);
        let create = Arc::new(self.create(seed, &origin));
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
        self.gateways.kill(trouble.victim)?;
        if let Some(back_after) = trouble.back_after {
            tokio::time::sleep(back_after).await;
            self.gateways.revive(trouble.victim).await?;
        }
        while let Some(client) = clients.join_next().await {
            ended.push(client?);
        }
        if trouble.back_after.is_none() {
            self.gateways.revive(trouble.victim).await?;
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
    pub(super) fn unresolved(&self) -> Result<Option<String>> {
        self.gateways.unresolved()
    }

    /// The origin that the order of a seed carries; no other order does.
    pub(super) fn origin(seed: u64) -> String {
        format!("CLAIM-{seed}")
    }

    fn create(&self, seed: u64, origin: &str) -> Write {
        Write {
            gateways: self.gateways.addresses(),
            credential: self.gateways.credential.clone(),
            path: PATH.to_owned(),
            key: format!("claims-{seed}"),
            body: body(origin),
        }
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
async fn settle(create: &Write, ended: &[Ended]) -> Vec<String> {
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
