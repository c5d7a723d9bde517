//! A gateway with thousands of interfaces and grants that activates another snapshot 22 times a second while a file is
//! there. It is the gateway alone: nothing is stored, and all snapshots are compiled before it listens.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use selvage_gateway::{
    BoxFuture, Declared, Gateway, GatewayConfig, Held, KeysOfIssuers, Mediation, Snapshot, SnapshotSource,
    stand_behind_the_data_path,
};
use selvage_model::access::{AccessState, Credential, KeyHash, LiveGrant, Principal};
use selvage_model::code;
use selvage_model::exchange::{MediatedAnswer, MediatedRequest};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::consumer::Grant;
use selvage_model::name::{ConsumerName, EnvironmentName};
use selvage_model::operation::OperationId;
use selvage_model::problem::Problem;
use selvage_model::read::{Sources, read};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::fabric::others_of;

/// The consumer's key.
pub(super) const KEY: &str = "slv_reload_0123456789abcdef0123456789";
/// What stands before the memory in its output.
pub(super) const MEMORY: &str = "memory: ";

const BASE: &str = include_str!("../../fabrics/gateway/fabric.yaml");
const CONTRACT: &str = include_str!("../../fabrics/gateway/contracts/items.yaml");
/// How many snapshots there are, and how long each stays.
const SNAPSHOTS: usize = 20;
pub(super) const EACH: Duration = Duration::from_millis(45);
/// The interface that every other snapshot has no grant on, so that anybody can see which of two is active.
pub(super) const TELLING: &str = "item-1";

/// What to serve.
#[derive(Args)]
pub(crate) struct Options {
    #[arg(long)]
    port: u16,
    #[arg(long)]
    upstream: SocketAddr,
    #[arg(long)]
    interfaces: usize,
    /// While this file is there, snapshots are activated.
    #[arg(long)]
    switch: PathBuf,
}

/// No interface of this gateway is mediated.
struct Nothing;

impl Mediation for Nothing {
    fn execute(&self, _: MediatedRequest, _: Held) -> BoxFuture<'static, MediatedAnswer> {
        let problem = Problem::new(404, code::UNDECLARED, "nothing is mediated here");
        Box::pin(std::future::ready(MediatedAnswer::Refused { problem, replayed: false }))
    }

    fn operation(&self, _: ConsumerName, _: OperationId) -> BoxFuture<'static, Option<Value>> {
        Box::pin(std::future::ready(None))
    }
}

/// Serves until the process is ended.
pub(super) async fn serve(options: &Options) -> Result<()> {
    let fabric = fabric(options)?;
    let environment = "dev".parse().map_err(|_| anyhow!("no name of an environment"))?;
    let before = resident()?;
    let declared = Declared::compile(&fabric, &environment);
    let declared = Arc::new(declared.map_err(|findings| anyhow!("it does not compile: {:?}", findings.first()))?);
    let make = |number| anyhow::Ok(Arc::new(snapshot(&declared, (&fabric, &environment), number)?));
    let mut snapshots = vec![make(0)?];
    let taken = resident()?.saturating_sub(before);
    println!("{MEMORY}{} kB", taken * 1_000 / u64::try_from(options.interfaces)?.max(1));
    for number in 1..SNAPSHOTS {
        snapshots.push(make(number)?);
    }
    let config = GatewayConfig::new(SocketAddr::from((Ipv4Addr::LOCALHOST, options.port)));
    let first = snapshots.first().cloned().context("there are snapshots")?;
    let gateway = Gateway::start(config, first, Arc::new(Nothing))?;
    let switch = options.switch.clone();
    // As in a node, where what activates stands behind the data path.
    let activating = tokio::task::spawn_blocking(move || {
        stand_behind_the_data_path();
        let mut next = Instant::now();
        for snapshot in snapshots.iter().cycle() {
            loop {
                next += EACH;
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
                if switch.exists() {
                    break;
                }
            }
            gateway.swap(Arc::clone(snapshot));
        }
    });
    Ok(activating.await?)
}

/// The benchmark's fabric with as many interfaces more, each with a grant.
fn fabric(options: &Options) -> Result<Fabric> {
    let mut sources = Sources::of("fabric.yaml", &BASE.replace("UPSTREAM", &options.upstream.to_string()));
    sources.insert("contracts/items.yaml", CONTRACT);
    for (file, text) in others_of(options.interfaces)?.into_iter().enumerate() {
        sources.insert(format!("interfaces/{file}.yaml"), text);
    }
    let reading = read(&sources);
    ensure!(reading.is_clean(), "the benchmark's fabric is not well: {:?}", reading.findings.first());
    Ok(reading.fabric)
}

/// One snapshot: all are of one release, as where access changes. All grants have other purposes, and one is there in every other.
fn snapshot(
    declared: &Arc<Declared>,
    (fabric, environment): (&Fabric, &EnvironmentName),
    number: usize,
) -> Result<Snapshot> {
    let is_there = |grant: &&Grant| number.is_multiple_of(2) || grant.interface.value.name.as_str() != TELLING;
    let grants = fabric.grants.iter().filter(is_there).map(|grant| {
        let mut terms = grant.terms();
        terms.purpose = Some(format!("Snapshot {number}"));
        LiveGrant {
            // As in a store: a grant keeps its name, whichever came or went.
            id: format!("grt_{}", grant.interface.value),
            consumer: grant.consumer.value.clone(),
            interface: grant.interface.value.clone(),
            terms: terms.into(),
            environment: None,
            ended: None,
        }
    });
    let credential = Credential {
        id: "key_bench".to_owned(),
        principal: Principal::Consumer("bench-client".parse().map_err(|_| anyhow!("no name of a consumer"))?),
        hash: KeyHash(Sha256::digest(KEY.as_bytes()).into()),
        issued: jiff::Timestamp::now(),
        expires: None,
        revoked: None,
    };
    let access = AccessState {
        revision: u64::try_from(number)?,
        grants: grants.collect(),
        credentials: vec![credential],
        ..AccessState::default()
    };
    let keys = KeysOfIssuers::default();
    let source = SnapshotSource { fabric, access: &access, keys: &keys, environment, release: "rel_bench" };
    Ok(Snapshot::of(Arc::clone(declared), &source))
}

/// Memory of this process in kB.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    line.split_whitespace().next().and_then(|kb| kb.parse().ok()).context("VmRSS is not as documented")
}
