//! The access feed: every change of keys, grants and blocks is taken within a moment, and the store is told. The node has a
//! lease there, renewed only while it runs the newest state, so whoever revokes knows which node has heard; and the gateway
//! knows until when it may be sure. INVARIANT: REVOKED-NOW

use std::sync::Arc;
use std::time::{Duration, Instant};

use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::OnPartition;
use selvage_model::name::EnvironmentName;
use selvage_store::{NewNode, NodeReleases, NodeWord, SignOfLife, Store, StoreError};

use super::NodeConfig;
use super::release::Follower;
use crate::key;

/// How often it is looked for a change: each look is one statement.
const EVERY: Duration = Duration::from_millis(100);
/// A lease is renewed so many times before it would run out.
const RENEWALS: u32 = 4;
/// Where each renewal is a write to one file on a disk of this machine, they are further apart.
const LEASE_OF_FILE: Duration = Duration::from_secs(5);
/// Short enough that a revocation has its answer within a second, whatever became of a node.
const LEASE: Duration = Duration::from_millis(800);

/// How long leases last on this store, where nobody says.
fn lease_on(store: &Store) -> Duration {
    if store.is_file() { LEASE_OF_FILE } else { LEASE }
}

/// A node that those who change the access state wait for.
pub(crate) struct Registered {
    pub(crate) node: NewNode,
    pub(crate) lease: Duration,
    /// Until when it may be sure of what it reads from now on.
    pub(crate) heard_until: Instant,
}

/// Makes a node known that is about to read the access state.
///
/// # Errors
/// Those of the store.
pub(crate) async fn register(config: &NodeConfig, fabric: &Fabric) -> Result<Registered, StoreError> {
    let node = NewNode {
        id: format!("{}-{}", std::process::id(), key::node_mark()),
        environment: config.environment.to_string(),
        address: config.listen.to_string(),
    };
    let lease = config.access_lease.unwrap_or_else(|| lease_on(&config.store));
    let heard_until = Instant::now() + lease;
    let sign = SignOfLife { revision: 0, lease, serves_for: serves_for_most(fabric, &config.environment) };
    config.store.register_node(&node, sign).await?;
    Ok(Registered { node, lease, heard_until })
}

/// The longest that anything is served while the access state is not heard.
fn serves_for_most(fabric: &Fabric, environment: &EnvironmentName) -> Duration {
    let environments = fabric.settings.iter().flat_map(|settings| &settings.environments);
    let here = environments.filter(|here| here.name.value == *environment).find_map(|here| here.on_partition);
    let said = fabric.interfaces.values().filter_map(|interface| interface.on_partition);
    let unsaid = here.unwrap_or(OnPartition::DEFAULT);
    said.chain([unsaid]).map(OnPartition::serves_for).max().unwrap_or_default()
}

/// A node's part in the feed.
pub(crate) struct Feed {
    pub(crate) follower: Arc<Follower>,
    pub(crate) node: NewNode,
    pub(crate) lease: Duration,
}

/// How the feed goes.
#[derive(Default)]
struct State {
    renewed: Option<Instant>,
    /// The revision that was acknowledged.
    revision: Option<u64>,
    /// What is known there of the releases here.
    noted: Option<NodeReleases>,
    deaf: bool,
}

impl Feed {
    /// Follows the access state for as long as the node runs.
    pub(crate) async fn follow(self) {
        let mut ticks = tokio::time::interval(EVERY.min(self.lease / RENEWALS));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut state = State::default();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.follower.told.notified() => {}
            }
            // A database that hangs must not keep the feed from trying again.
            let patience = self.lease.max(Duration::from_secs(1));
            let heard = match tokio::time::timeout(patience, self.hear(&mut state)).await {
                Ok(heard) => heard,
                Err(_) => Err(anyhow::anyhow!("no answer in time")),
            };
            self.tell(&mut state, heard);
        }
    }

    /// Takes what has changed, renews the lease where it is time, and says what runs.
    async fn hear(&self, state: &mut State) -> anyhow::Result<()> {
        // Before anything is asked: what is heard is at least as new as this moment.
        let began = Instant::now();
        let changed = self.follower.take_access().await?;
        let Some(gateway) = self.follower.gateway.upgrade() else { return Ok(()) };
        let sign = SignOfLife {
            revision: gateway.snapshot().revision(),
            lease: self.lease,
            serves_for: gateway.snapshot().serves_for_most(),
        };
        let says = self.follower.current.says();
        let is_news = state.noted.as_ref() != Some(&says);
        let fresh = state.renewed.is_some_and(|renewed| renewed.elapsed() < self.lease / RENEWALS);
        if (changed || is_news || !fresh || state.revision != Some(sign.revision))
            && self.renew(sign, says, state).await?
        {
            gateway.heard(began + self.lease);
            (state.renewed, state.revision) = (Some(began), Some(sign.revision));
        }
        Ok(())
    }

    /// Renews the lease, and says with it what runs, where that is another; `false` where there is something newer to hear first.
    async fn renew(&self, sign: SignOfLife, says: NodeReleases, state: &mut State) -> anyhow::Result<bool> {
        let store = &self.follower.store;
        if state.renewed.is_none() {
            // What it was registered with before may have left the choice of the port to the system.
            store.register_node(&self.node, sign).await?;
        }
        let runs = self.follower.current.active();
        let begins = says.runs != state.noted.as_ref().and_then(|noted| noted.runs.clone());
        let begins = begins.then_some((&self.follower.environment, &runs.release.parts));
        let word = (state.noted.as_ref() != Some(&says)).then_some(NodeWord { says: &says, begins });
        match store.renew_lease_saying(&self.node.id, sign, word).await {
            // Forgotten: it was cut off for long, or its store was put back.
            Err(StoreError::NotFound { .. }) => {
                store.register_node(&self.node, sign).await?;
                state.noted = None;
                Ok(false)
            }
            renewed => {
                let renewed = renewed?;
                state.noted = Some(says);
                Ok(renewed)
            }
        }
    }

    fn tell(&self, state: &mut State, heard: anyhow::Result<()>) {
        let over = state.renewed.is_none_or(|renewed| renewed.elapsed() > self.lease);
        match heard {
            Err(error) if !state.deaf && over => {
                state.deaf = true;
                let code = code::ACCESS_UNHEARD;
                tracing::warn!("{code}: the access state cannot be heard; `on_partition` counts from now: {error:#}");
            }
            Ok(()) if state.deaf && !over => {
                state.deaf = false;
                tracing::warn!("the access state is heard again");
            }
            _ => {}
        }
    }
}
