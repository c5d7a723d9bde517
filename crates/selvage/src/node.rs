//! A node: store, engine, gateway and console put together, and kept on the newest release and access state.
//! Everything is compiled off the path and swapped whole; what does not compile changes nothing.

mod alive;
mod budget;
mod checkpoints;
mod contracts;
pub(crate) mod deliveries;
mod events;
pub(crate) mod feed;
mod governance;
mod governed;
pub(crate) mod handed;
mod issuers;
mod leases;
pub(crate) mod listener;
mod mediation;
mod notices;
mod observe;
mod proofs;
mod reachability;
pub(crate) mod release;
mod rotation;
mod tokens;
mod usage;
mod watch;
mod webhooks;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use selvage_control::desk::{Seal, kept_checkpoint};
use selvage_control::{Admitted, Console, ConsoleConfig};
use selvage_delivery::mail::MailServer;
use selvage_engine::{Engine, EngineConfig, EngineTask};
use selvage_gateway::{BudgetMoment, Gateway, GatewayConfig, Proofs, Sharing, WebhookKeys};
use selvage_log::{EventLog, JetStreamConfig};
use selvage_model::access::{AccessState, Credential, Principal};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::system::SecretName;
use selvage_model::name::EnvironmentName;
use selvage_store::{NewNode, Store};
use tokio::task::JoinHandle;

use crate::key;
use alive::Alive;
use budget::Budgets;
use deliveries::Delivering;
use events::Events;
use feed::{Feed, Registered};
use handed::HandedOut;
use listener::Listener;
use mediation::{EngineMediation, Told};
use reachability::Reachability;
use release::{Active, Beginning, Current, ReleaseSource};
use tokens::Entering;
use usage::Keeping;

/// How a node is set up.
pub(crate) struct NodeConfig {
    /// Where releases come from.
    pub(crate) source: ReleaseSource,
    /// The environment.
    pub(crate) environment: EnvironmentName,
    /// Whether changes of the directory are taken.
    pub(crate) watch: bool,
    /// The store.
    pub(crate) store: Store,
    /// The file of the event log's marks, apart from the store.
    pub(crate) marks: Option<PathBuf>,
    /// The directory of the store, where it is a file there.
    pub(crate) data: Option<PathBuf>,
    /// The broker that keeps the events, where it is not the store.
    pub(crate) broker: Option<JetStreamConfig>,
    /// Where consumers call.
    pub(crate) listen: SocketAddr,
    /// Where the console is.
    pub(crate) console: SocketAddr,
    /// Where metrics and probes are.
    pub(crate) admin: SocketAddr,
    /// Gateway threads.
    pub(crate) threads: usize,
    /// What is said about the gateway's listener.
    pub(crate) listener: Listener,
    /// How long a claim lasts without a sign of life.
    pub(crate) lease: Duration,
    /// How long keys are kept.
    pub(crate) keep_keys: Duration,
    /// How long the node may be sure of the access state without hearing from the store, where that is said.
    pub(crate) access_lease: Option<Duration>,
    /// The secrets that accounts name.
    pub(crate) secrets: BTreeMap<SecretName, String>,
    /// Where they were read and are read again when they change.
    pub(crate) secrets_from: Option<PathBuf>,
    /// What signs releases, where this node does that.
    pub(crate) seal: Option<Arc<Seal>>,
    /// What signs checkpoints of the ledger, where this node does that.
    pub(crate) ledger_seal: Option<Arc<Seal>>,
    /// Where mail is given away, where this node sends any.
    pub(crate) mail: Option<MailServer>,
}

impl NodeConfig {
    fn engine(&self, node: String) -> EngineConfig {
        EngineConfig {
            environment: self.environment.clone(),
            node,
            lease: self.lease,
            key_lifetime: self.keep_keys,
            secrets: self.secrets.clone(),
        }
    }

    fn gateway(&self) -> anyhow::Result<GatewayConfig> {
        let mut config = GatewayConfig {
            admin: Some(self.admin),
            ready_at_once: false,
            threads: self.threads,
            // A file is one node's; on a server there may be others.
            sharing: if self.store.is_shared() { Sharing::All } else { Sharing::Quotas },
            pages: Some(crate::embedded::error_page),
            ..GatewayConfig::new(self.listen)
        };
        self.listener.apply(&mut config)?;
        Ok(config)
    }
}

/// A running node.
pub(crate) struct Node {
    gateway: Arc<Gateway>,
    budgets: Budgets,
    console: Console,
    current: Arc<Current>,
    engine_task: EngineTask,
    followers: Vec<JoinHandle<()>>,
    keeper: Keeping,
    events: (Events, Delivering, Option<Alive>),
    entering: Entering,
    store: Store,
    node: String,
}

impl Node {
    /// Reads the directory, opens everything and serves.
    ///
    /// # Errors
    /// When the directory has errors (they are printed), an address is taken, or the store is not there.
    pub(crate) async fn start(config: NodeConfig) -> anyhow::Result<Self> {
        let Beginning { release, secrets, registered, engine, access, snapshot, refused } =
            release::begin(&config).await?;
        let Registered { node, lease, heard_until } = registered;
        let (keys, since) = (Arc::default(), jiff::Timestamp::now());
        let current = Arc::new(Current::new(Active { release, access, keys, since }));
        if let Some((active, error)) = refused {
            current.refuse(active, &error);
        }
        let (handed_out, engine_task, told) = (HandedOut::new(engine.clone()), engine.run(), Told::default());
        let here = (config.store.clone(), config.environment.clone());
        let mediation = EngineMediation::new(&engine, here, (&current, &handed_out), told.clone());
        let gateway = Gateway::start(config.gateway()?, Arc::new(snapshot), Arc::new(mediation));
        let gateway = Arc::new(gateway.context("the gateway did not start")?);
        use_secrets(&gateway, secrets);
        gateway.heard(heard_until);
        let alive = alive::begin(&config.store, config.data.as_deref(), &node.id).await;
        let budgets = Budgets::new(config.store.clone(), node.id.clone());
        // What was spent before this node began is known before anyone is told that it serves.
        budgets.settle(&gateway, BudgetMoment::First).await;
        let reachability = Reachability::default();
        let events = Events::start(&config, &current, told.behind).await?.serving(&engine);
        let console =
            console(&config, &gateway, &engine, &reachability, &current, told.deliveries.clone(), events.log()).await?;
        let (secrets, store) = (rotation::Secrets::new(config.secrets), config.store.clone());
        let here = deliveries::Here::of(&config.environment, &node.id, handed_out.holding(), &told.deliveries);
        let delivering = Delivering::start(&store, events.log(), &current, &secrets, here);
        let keeper =
            usage::keep(gateway.counted(), &store, (&config.environment, node.id.as_str()), &current, told.usage);
        let entering = tokens::enter(gateway.counted(), store.clone(), node.id.clone());
        let follower = Arc::new(release::Follower {
            source: config.source.clone(),
            environment: config.environment,
            store: config.store,
            engine,
            gateway: Arc::downgrade(&gateway),
            current: Arc::clone(&current),
            secrets: secrets.clone(),
            prepared: release::prepared::Prepared::default(),
            taking: tokio::sync::Mutex::default(),
            changed: tokio::sync::Notify::new(),
            told: tokio::sync::Notify::new(),
        });
        let rotation = rotation::follow_from(config.secrets_from, &follower, &secrets, config.watch)?;
        let node = NewNode { address: gateway.address().to_string(), ..node };
        let feed = Feed { follower: Arc::clone(&follower), node: node.clone(), lease };
        let mut followers = vec![
            tokio::spawn(contracts::follow(store.clone(), Arc::downgrade(&gateway), handed_out, Arc::clone(&current))),
            tokio::spawn(feed.follow()),
            tokio::spawn(issuers::follow(Arc::clone(&follower), secrets, told.issuers)),
        ];
        followers.extend(keepers(&follower, config.mail, (told.leases, told.governed), (&budgets, reachability)));
        followers.extend(rotation.into_iter().chain(config.listener.follow(Arc::downgrade(&gateway))));
        followers.extend(sealing(config.ledger_seal, config.marks.as_deref(), &store));
        if let (ReleaseSource::Directory(directory), true) = (config.source, config.watch) {
            followers.push(watch::follow_directory(follower, directory)?);
        }
        events.make_ready(&gateway).await;
        let (node, events) = (node.id, (events, delivering, alive));
        Ok(Self { gateway, budgets, console, current, engine_task, followers, keeper, events, entering, store, node })
    }

    /// Whether an environment is protected, by what runs.
    pub(crate) fn is_protected(&self, environment: &EnvironmentName) -> bool {
        let release = Arc::clone(&self.current.active().release);
        let mut environments = release.fabric.settings.iter().flat_map(|settings| &settings.environments);
        environments.any(|it| &it.name.value == environment && it.protected)
    }

    /// Where consumers call.
    pub(crate) fn gateway_address(&self) -> SocketAddr {
        self.gateway.address()
    }

    /// Where the console is.
    pub(crate) fn console_address(&self) -> SocketAddr {
        self.console.address()
    }

    /// Where metrics and probes are.
    pub(crate) fn admin_address(&self) -> SocketAddr {
        self.gateway.admin_address().unwrap_or_else(|| self.gateway.address())
    }

    /// A path of the console that logs in once who has this key.
    pub(crate) async fn console_link(&self, key: &str) -> Option<String> {
        let admitted = admit(&self.current.active().access, key)?;
        self.console.one_time_link(&admitted).await.ok().flatten()
    }

    /// Says at `/readyz` that it is going to end, and serves on.
    pub(crate) fn announce_end(&self) {
        self.gateway.announce_end();
    }

    /// Finishes what is under way and ends.
    pub(crate) async fn shutdown(self) {
        for follower in self.followers {
            follower.abort();
            // It may hold the gateway until it has ended.
            let _ = follower.await;
        }
        self.budgets.see_out(&self.gateway).await;
        if let Some(gateway) = Arc::into_inner(self.gateway) {
            gateway.shutdown().await;
        }
        // What was under way is finished and counted: the keeper writes the last of it.
        self.keeper.end().await;
        let (events, delivering, alive) = self.events;
        delivering.end().await;
        events.end().await;
        self.entering.end().await;
        // It serves nothing any more: nobody has to wait for it.
        if let Err(error) = self.store.forget_node(&self.node).await {
            tracing::warn!("the store was not told that this node ends: {error}");
        }
        self.engine_task.shutdown().await;
        self.console.shutdown().await;
        drop(alive);
    }
}

/// What signs checkpoints of the ledger, where this node does that; with marks apart, the newest is kept beside them.
fn sealing(seal: Option<Arc<Seal>>, marks: Option<&Path>, store: &Store) -> Option<JoinHandle<()>> {
    let apart = marks.map(kept_checkpoint::beside);
    Some(tokio::spawn(checkpoints::follow(store.clone(), seal?, apart)))
}

/// What takes releases and makes them ready, what keeps leases to their time and budgets to what was spent, what looks whether systems are
/// reached and what governance waits for, and what tells of interfaces that end.
fn keepers(
    follower: &Arc<release::Follower>,
    mail: Option<MailServer>,
    (figures, governed): (Arc<leases::LeaseFigures>, Arc<governed::Governed>),
    (budgets, reachability): (&Budgets, Reachability),
) -> Vec<JoinHandle<()>> {
    let (store, current) = (follower.store.clone(), Arc::clone(&follower.current));
    let (environment, secrets) = (follower.environment.clone(), follower.secrets.clone());
    let telling = notices::Telling { store, current, environment, secrets, mail };
    let (store, current) = (telling.store.clone(), Arc::clone(&telling.current));
    let keeping = leases::keep(store, current, telling.environment.clone(), figures);
    let watching = tokio::spawn(governed::follow(follower.store.clone(), Arc::clone(&follower.current), governed));
    let taking = tokio::spawn(release::taking::follow(Arc::clone(follower)));
    let preparing = tokio::spawn(release::prepared::follow(Arc::clone(follower)));
    let spending = tokio::spawn(budgets.clone().follow(follower.gateway.clone()));
    let reaching = tokio::spawn(reachability.follow(Arc::clone(&follower.current), follower.environment.clone()));
    vec![tokio::spawn(keeping), tokio::spawn(telling.run()), watching, taking, preparing, spending, reaching]
}

/// What this node shows to systems, and what proves their calls.
fn named_secrets(config: &NodeConfig, fabric: &Fabric) -> anyhow::Result<(Proofs, WebhookKeys)> {
    let secret = |name: &SecretName| config.secrets.get(name).cloned();
    Ok((proofs::of(fabric, &config.environment, secret)?, webhooks::keys(fabric, secret)?))
}

fn use_secrets(gateway: &Gateway, (proofs, webhooks): (Proofs, WebhookKeys)) {
    gateway.prove_by(proofs);
    gateway.verify_by(webhooks);
}

async fn console(
    config: &NodeConfig,
    gateway: &Arc<Gateway>,
    engine: &Engine,
    reachability: &Reachability,
    current: &Arc<Current>,
    figures: selvage_delivery::Figures,
    log: Arc<dyn EventLog>,
) -> anyhow::Result<Console> {
    let (listen, store) = (config.console, &config.store);
    let observe = observe::observer(
        Arc::clone(current),
        Arc::downgrade(gateway),
        engine.clone(),
        reachability.clone(),
        config.environment.clone(),
    );
    let usage = observe::usage(store.clone());
    let contracts = observe::contracts(store.clone(), Arc::clone(current));
    let authenticate = authenticator(Arc::clone(current));
    let lanes = observe::lanes(store.clone(), figures);
    let catalogue = observe::catalogue(store.clone(), Arc::clone(current), config.environment.clone());
    let governance = Some(governance::governance(store, log, config));
    Ok(Console::start(ConsoleConfig {
        listen,
        observe,
        usage,
        contracts,
        lanes,
        catalogue,
        authenticate,
        store: store.clone(),
        governance,
    })
    .await?)
}

/// Whose key this is, where it is an operator's and counts.
fn admit(access: &AccessState, key: &str) -> Option<Admitted> {
    let hash = key::hash(key);
    let credential = access.credentials.iter().find(|credential| credential.hash == hash && counts(credential))?;
    match &credential.principal {
        Principal::Operator(name) => Some(Admitted { operator: name.clone(), credential: credential.id.clone() }),
        Principal::Consumer(_) => None,
    }
}

fn counts(credential: &Credential) -> bool {
    let now = jiff::Timestamp::now();
    credential.revoked.is_none() && credential.expires.is_none_or(|expires| expires > now)
}

fn authenticator(current: Arc<Current>) -> selvage_control::Authenticate {
    Arc::new(move |secret| {
        let active = current.active();
        Box::pin(async move { admit(&active.access, &secret) })
    })
}
