//! Revocation: three nodes under load on one PostgreSQL, one of them stopped meanwhile. From when a revocation is asked for
//! until the last answer that the key still got anywhere, the stopped node included once it goes on.

use std::net::SocketAddr;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::figures::{Figure, Promise, report};
use super::{fabric, upstream};
use crate::daemon::Daemon;
use crate::load::{self, Speech, Target};
use crate::selvage::Node;
use crate::services::postgres::Postgres;
use crate::{http, process, release};

const NODES: usize = 3;
/// The one that is stopped.
const STOPPED: usize = 2;
const CONSUMER: &str = "bench-client";
const PATH: &str = "/bench/v1/items/";
const CONNECTIONS: usize = 4;
const PROBES: usize = 4;
/// How long a key is asked with before it is taken back, while a node is stopped, and after it goes on.
const BEFORE: Duration = Duration::from_millis(500);
const STOPPED_FOR: Duration = Duration::from_millis(1500);
const AFTER: Duration = Duration::from_millis(1500);
const PATIENCE: Duration = Duration::from_secs(10);

/// How often to revoke.
#[derive(Args)]
pub(crate) struct Options {
    /// Fewer rounds, within 45 s.
    #[arg(long)]
    quick: bool,
}

/// What came of one revocation.
struct Round {
    /// The last answer that the key got on any node, after it was taken back.
    last_answer: Duration,
    /// How long the command took.
    returned: Duration,
}

/// Measures, prints the figures and holds them to their promises.
pub(crate) async fn run(options: &Options) -> Result<()> {
    release::required(&["selvage", "xtask"]).await?;
    let directory = TempDir::with_prefix("selvage-bench-revocation-")?;
    let postgres = Postgres::start().await?;
    postgres.create_database("revocation")?;
    let (_upstream, upstream) = upstream::start(directory.path()).await?;
    let manifests = fabric::write("revocation", upstream, directory.path(), "on_partition: refuse\n")?;
    let mut nodes = Vec::new();
    for number in 0..NODES {
        let node = Node::on_postgres(&format!("node-{number}"), &manifests, &postgres.url("revocation"))?;
        let daemon = node.start(directory.path()).await?;
        nodes.push((node, daemon));
    }
    let mut rounds = Vec::new();
    for _ in 0..if options.quick { 4 } else { 20 } {
        let round = revoke(&nodes).await?;
        let (last, returned) = (round.last_answer.as_millis(), round.returned.as_millis());
        eprintln!("last answer after {last} ms, the command returned after {returned} ms");
        rounds.push(round);
    }
    ensure!(!rounds.is_empty(), "nothing was measured");
    let worst = |of: fn(&Round) -> Duration| rounds.iter().map(of).max().unwrap_or_default().as_secs_f64() * 1e3;
    report(
        "revocation",
        &[
            Figure {
                name: "revoked_after_ms",
                value: worst(|round| round.last_answer),
                promise: Promise::AtMost(1_000.0),
            },
            Figure {
                name: "command_returned_after_ms",
                value: worst(|round| round.returned),
                promise: Promise::AtMost(2_000.0),
            },
        ],
    )
}

async fn revoke(nodes: &[(Node, Daemon)]) -> Result<Round> {
    let (first, _) = nodes.first().context("there is no node")?;
    let steady = first.issue_key(CONSUMER)?;
    let before = first.key_ids()?;
    let victim = first.issue_key(CONSUMER)?;
    let id = first.key_ids()?.into_iter().find(|id| !before.contains(id)).context("the new key is not listed")?;
    for (node, _) in nodes {
        until_known(node.address, &victim).await?;
        until_known(node.address, &steady).await?;
    }
    let lasts = BEFORE + STOPPED_FOR + AFTER;
    let loads: Vec<_> = nodes
        .iter()
        .take(STOPPED)
        .map(|(node, _)| {
            let target = Target {
                address: node.address,
                path: PATH.to_owned(),
                keys: steady.as_str().into(),
                speech: Speech::Http1,
            };
            tokio::spawn(load::closed(target, CONNECTIONS, lasts))
        })
        .collect();
    let over = Arc::new(AtomicBool::new(false));
    let probes: Vec<JoinHandle<Option<Instant>>> = nodes
        .iter()
        .flat_map(|(node, _)| std::iter::repeat_n(node.address, PROBES))
        .map(|address| tokio::spawn(probe(address, victim.clone(), Arc::clone(&over))))
        .collect();
    tokio::time::sleep(BEFORE).await;
    let (third, stopped) = nodes.get(STOPPED).context("there is no third node")?;
    process::send(stopped.pid(), "STOP");
    let began = Instant::now();
    let told = first.revoke_key(&id);
    let returned = began.elapsed();
    tokio::time::sleep(STOPPED_FOR.saturating_sub(began.elapsed())).await;
    process::send(stopped.pid(), "CONT");
    told?;
    // The one that stood still refuses until it has heard, as its interface declares, and serves as the others do from there on.
    until_known(third.address, &steady).await?;
    let target =
        Target { address: third.address, path: PATH.to_owned(), keys: steady.as_str().into(), speech: Speech::Http1 };
    load::closed(target, CONNECTIONS, AFTER).await?;
    over.store(true, Ordering::Relaxed);
    let mut last_answer = Duration::ZERO;
    for probe in probes {
        let last = probe.await?.context("a node never answered the key at all")?;
        last_answer = last_answer.max(last.saturating_duration_since(began));
    }
    for load in loads {
        load.await??;
    }
    // A node that answers nobody has not heard of a revocation: each refuses the key, and takes the other.
    for (node, _) in nodes {
        for (key, expected) in [(&victim, 401), (&steady, 200)] {
            let answer = http::get_with_key(node.address, &format!("{PATH}1"), key, PATIENCE).await?;
            ensure!(answer.status == expected, "{} answers {} and not {expected}", node.address, answer.status);
        }
    }
    Ok(Round { last_answer, returned })
}

/// Asks again and again; says when an answer came last.
async fn probe(address: SocketAddr, key: String, over: Arc<AtomicBool>) -> Option<Instant> {
    let mut last = None;
    while !over.load(Ordering::Relaxed) {
        if let Ok(answer) = http::get_with_key(address, &format!("{PATH}1"), &key, PATIENCE).await
            && answer.status == 200
        {
            last = Some(Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    last
}

async fn until_known(address: SocketAddr, key: &str) -> Result<()> {
    let began = Instant::now();
    loop {
        let answer = http::get_with_key(address, &format!("{PATH}1"), key, PATIENCE).await?;
        if answer.status == 200 {
            return Ok(());
        }
        ensure!(began.elapsed() < PATIENCE, "{address} does not take the key: {}", answer.status);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
