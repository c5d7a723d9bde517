//! `selvage demo`: the simulated factory, the sample fabric and Selvage in one process, with a shift of traffic.

mod guide;
mod shift;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use selvage_factory::mes::MesConfig;
use selvage_factory::odoo::{Automation, OdooConfig};
use selvage_factory::{Factory, FactoryConfig, RunningFactory};
use selvage_model::access::Principal;
use selvage_model::manifest::system::SecretName;
use selvage_model::name::ConsumerName;
use selvage_store::{NewKey, Store};
use tokio::task::JoinSet;

use super::factory::Major;
use super::{Outcome, StoreChoice, say, until_stopped};
use crate::node::listener::Listener;
use crate::node::release::ReleaseSource;
use crate::node::{Node, NodeConfig};
use crate::{embedded, key};

/// Who issues keys in the demo, for the ledger.
const DEMO: &str = "demo";
/// Who may log in: one of the board, who sees what the people of the sample see.
const OPERATOR: &str = "p.moreau";
/// By which the simulated MES knows what Selvage tells it: a secret of nothing but the demo.
const MES_SECRET: &str = "whsec_c2VsdmFnZSBkZW1vOiB0aGUgTUVTIG9mIEdoZW50";
/// By which the webhooks of the simulated Odoo are known.
const HOOK_SECRET: &str = "demo-hook-of-odoo";
/// Addresses that the sample's `systems.yaml` names, replaced by those that the factory got.
const SAMPLE_ADDRESSES: [&str; 3] = ["http://127.0.0.1:18069", "http://127.0.0.1:18071", "http://127.0.0.1:18072"];

/// Starts a simulated factory with a sample fabric, and traffic through it. Nothing to install.
#[derive(Args)]
pub(crate) struct Demo {
    /// Where consumers call; a free port where this one is taken.
    #[arg(long, value_name = "PORT", default_value_t = 7080)]
    port: u16,
    /// Where the console is; a free port where this one is taken.
    #[arg(long, value_name = "PORT", default_value_t = 7081)]
    console_port: u16,
    /// The version of the simulated Odoo: 18 speaks JSON-RPC, 19 speaks JSON-2.
    #[arg(long, value_enum, value_name = "MAJOR", default_value_t = Major::V18)]
    odoo_version: Major,
    /// Seconds between two steps of the shift; 0 for no traffic.
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    pace: f64,
}

impl Demo {
    /// Runs until stopped.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let odoo = OdooConfig { version: self.odoo_version.into(), ..OdooConfig::default() };
        let place = tempfile::Builder::new().prefix("selvage-demo-").tempdir()?;
        let secrets = secrets(&odoo);
        let mes = MesConfig { port: 0, secret: Some(MES_SECRET.to_owned()) };
        let factory = Factory::start(FactoryConfig { odoo, mes, ..FactoryConfig::default() }).await?;
        let fabric = place.path().join("fabric");
        unpack(&fabric, &factory)?;
        let data = place.path().join("data");
        let store = StoreChoice::embedded(data.clone());
        let (marks, store) = (store.marks(), store.open().await?);
        let keys = Keys::issue(&store).await?;
        let node = Node::start(NodeConfig {
            source: ReleaseSource::Directory(fabric.clone()),
            environment: "dev".parse()?,
            watch: true,
            store,
            data: None,
            marks,
            broker: None,
            listen: free_or(self.port)?,
            console: free_or(self.console_port)?,
            admin: free_or(0)?,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            listener: Listener::default(),
            lease: Duration::from_secs(10),
            keep_keys: Duration::from_secs(7 * 86_400),
            secrets,
            secrets_from: None,
            seal: None,
            ledger_seal: None,
            mail: None,
            access_lease: None,
        })
        .await?;
        let base = format!("http://{}", node.gateway_address());
        hint(&factory, &base)?;
        let prepared = shift::prepare(&base, &keys).await.context("the sample's first order could not be made")?;
        say(guide::text(&node, (&base, &factory), &keys, &prepared, (&fabric, &data)).await)?;
        let mut shifts = Vec::new();
        let mut boards = JoinSet::new();
        if self.pace > 0.0 {
            let pace = Duration::from_secs_f64(self.pace);
            shifts = shift::start(&factory, &base, &keys, &prepared, pace)?;
            boards.spawn(shift::boards(base.clone(), keys.of("shop-floor-board").to_owned(), pace));
        }
        until_stopped().await?;
        drop((shifts, boards));
        node.shutdown().await;
        factory.shutdown().await;
        Ok(Outcome::Well)
    }
}

/// Has the simulated Odoo tell by webhook which production orders changed.
fn hint(factory: &RunningFactory, base: &str) -> anyhow::Result<()> {
    let url = format!("{base}/odoo-hints/v1/{HOOK_SECRET}");
    let rule = Automation { model: "mrp.production".to_owned(), url, fields: Vec::new() };
    factory.odoo.automate(&rule).map(drop).map_err(anyhow::Error::msg)
}

/// The keys of the sample's consumers and of the operator.
pub(super) struct Keys {
    by_consumer: BTreeMap<&'static str, String>,
    operator: String,
}

impl Keys {
    const CONSUMERS: [&'static str; 6] =
        ["planning", "mes-ghent", "mes-brno", "shop-floor-board", "warehouse", "quality-desk"];

    async fn issue(store: &Store) -> anyhow::Result<Self> {
        let mut by_consumer = BTreeMap::new();
        for name in Self::CONSUMERS {
            let principal = Principal::Consumer(name.parse::<ConsumerName>()?);
            by_consumer.insert(name, issue(store, principal).await?);
        }
        Ok(Self { by_consumer, operator: issue(store, Principal::Operator(OPERATOR.to_owned())).await? })
    }

    fn of(&self, consumer: &str) -> &str {
        self.by_consumer.get(consumer).map_or("", String::as_str)
    }
}

async fn issue(store: &Store, principal: Principal) -> anyhow::Result<String> {
    let secret = key::generate();
    store.issue_key(NewKey { principal, hash: key::hash(&secret), expires: None }, DEMO).await?;
    Ok(secret)
}

/// The keys of the simulated Odoo's technical users, by the names that the sample's accounts use.
fn secrets(odoo: &OdooConfig) -> BTreeMap<SecretName, String> {
    let names = [("svc-read", "odoo/read"), ("svc-mrp", "odoo/mrp")];
    let accounts = odoo.accounts.iter().filter_map(|account| {
        let (_, name) = names.iter().find(|(login, _)| *login == account.login)?;
        Some((SecretName((*name).to_owned()), account.key.clone()))
    });
    let others = [("mes-ghent/hooks", MES_SECRET), ("odoo/hook", HOOK_SECRET)];
    accounts.chain(others.map(|(name, secret)| (SecretName(name.to_owned()), secret.to_owned()))).collect()
}

/// The sample fabric with the factory's real addresses in it.
fn unpack(fabric: &Path, factory: &RunningFactory) -> anyhow::Result<()> {
    embedded::unpack_sample(fabric)?;
    let systems = fabric.join("systems.yaml");
    let mut text = std::fs::read_to_string(&systems)?;
    for (sample, real) in SAMPLE_ADDRESSES.iter().zip([factory.odoo_url(), factory.mes_url(), factory.wms_url()]) {
        text = text.replace(sample, &real);
    }
    std::fs::write(&systems, text)?;
    Ok(())
}

/// This port on the loopback, or a free one where it is taken.
fn free_or(port: u16) -> anyhow::Result<SocketAddr> {
    let asked = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(asked).or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    Ok(listener.local_addr()?)
}
