//! The gateway beside nginx: the same requests to the same upstream, in turns within one run, on a machine they share.
//! Never compares figures of different runs: each ratio is taken between neighbouring rounds.

mod full;
mod reload;

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use tempfile::TempDir;

use super::figures::{Figure, Promise, median, report};
use super::{cpu, fabric, nginx, upstream};
use crate::daemon::Daemon;
use crate::load::{self, Speech, Target};
use crate::release;

const CONNECTIONS: usize = 32;
/// How long a slice is whose p99 is taken: some thousand requests.
const SLICE: Duration = Duration::from_millis(100);

/// How to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Fewer and shorter rounds, within 45 s.
    #[arg(long)]
    quick: bool,
    /// Every stage on, thousands of interfaces, snapshots that are activated meanwhile, HTTP/2, TLS and larger bodies.
    #[arg(long)]
    full: bool,
    /// Of these stages one alone.
    #[arg(long, value_enum, requires = "full")]
    only: Option<Part>,
    /// Measures builds as they are, to try the benchmark itself: its figures mean nothing.
    #[arg(long, hide = true)]
    unoptimised: bool,
    /// What to measure beside nginx; nginx itself shows how far the method alone is off 1.
    #[arg(long, value_enum, default_value = "selvage", hide = true)]
    peer: Peer,
}

/// A part of the whole.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Throughput, CPU and latency with every stage on.
    Stages,
    /// Snapshots that are activated under load.
    Reload,
    /// HTTP/2 beside nginx.
    Http2,
    /// TLS beside nginx.
    Tls,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Peer {
    Selvage,
    Nginx,
}

/// How many rounds of each kind a side gets, and how long they last.
struct Plan {
    warm_up: Duration,
    throughput_pairs: usize,
    throughput: Duration,
    latency_pairs: usize,
    latency: Duration,
}

impl Plan {
    fn of(quick: bool) -> Self {
        match quick {
            true => Self {
                warm_up: Duration::from_secs(1),
                throughput_pairs: 5,
                throughput: Duration::from_millis(1200),
                latency_pairs: 14,
                latency: Duration::from_millis(600),
            },
            false => Self {
                warm_up: Duration::from_secs(3),
                throughput_pairs: 8,
                throughput: Duration::from_secs(3),
                latency_pairs: 40,
                latency: Duration::from_secs(1),
            },
        }
    }
}

/// One of the two that are compared.
struct Side {
    name: &'static str,
    daemon: Daemon,
    target: Target,
}

/// One closed-loop round of a side.
struct Round {
    per_second: f64,
    cpu_micros: f64,
}

/// Measures, prints the figures and holds them to their promises.
pub(crate) async fn run(options: &Options) -> Result<()> {
    match options.peer {
        _ if options.unoptimised => {}
        Peer::Selvage => release::required(&["selvage", "xtask"]).await?,
        Peer::Nginx => release::required(&["xtask"]).await?,
    }
    if options.full {
        return full::run(options.quick, options.only).await;
    }
    let directory = TempDir::with_prefix("selvage-bench-")?;
    let (_upstream, upstream) = upstream::start(directory.path()).await?;
    let path = "/bench/v1/items/".to_owned();
    let (daemon, address) = nginx::start("nginx", Speech::Http1, upstream, directory.path()).await?;
    let target = Target { address, path: path.clone(), keys: "slv_unused".into(), speech: Speech::Http1 };
    let base = Side { name: "nginx", daemon, target };
    let peer = peer(options.peer, upstream, path, directory.path()).await?;

    let plan = Plan::of(options.quick);
    for side in [&base, &peer] {
        load::closed(side.target.clone(), CONNECTIONS, plan.warm_up).await?;
    }
    let rounds = throughput(&base, &peer, &plan).await?;
    let rate = half_load(&rounds);
    let latencies = latency(&base, &peer, rate, &plan).await?;
    report(
        "gateway",
        &[
            Figure {
                name: "throughput_ratio",
                value: middle(&rounds, |base, peer| peer.per_second / base.per_second),
                promise: Promise::AtLeast(0.9),
            },
            Figure {
                name: "cpu_ratio",
                value: middle(&rounds, |base, peer| peer.cpu_micros / base.cpu_micros),
                promise: Promise::AtMost(1.35),
            },
            Figure { name: "p99_ratio_half_load", value: latencies.ratio(), promise: Promise::AtMost(1.25) },
        ],
    )
}

async fn peer(peer: Peer, upstream: std::net::SocketAddr, path: String, directory: &Path) -> Result<Side> {
    match peer {
        Peer::Selvage => {
            let (daemon, address, key) =
                fabric::start("selvage", &fabric::write("selvage", upstream, directory, "")?, directory, &[]).await?;
            let target = Target { address, path, keys: key.into(), speech: Speech::Http1 };
            Ok(Side { name: "selvage", daemon, target })
        }
        Peer::Nginx => {
            let (daemon, address) = nginx::start("nginx-peer", Speech::Http1, upstream, directory).await?;
            let target = Target { address, path, keys: "slv_unused".into(), speech: Speech::Http1 };
            Ok(Side { name: "nginx-peer", daemon, target })
        }
    }
}

/// Closed-loop rounds in the order A B, B A, A B, …, so that a drift of the machine favours neither.
async fn throughput(base: &Side, peer: &Side, plan: &Plan) -> Result<Vec<(Round, Round)>> {
    let mut pairs = Vec::new();
    for pair in 0..plan.throughput_pairs {
        let (base_round, peer_round) = if pair % 2 == 0 {
            let base_round = saturate(base, plan.throughput).await?;
            (base_round, saturate(peer, plan.throughput).await?)
        } else {
            let peer_round = saturate(peer, plan.throughput).await?;
            (saturate(base, plan.throughput).await?, peer_round)
        };
        pairs.push((base_round, peer_round));
    }
    Ok(pairs)
}

async fn saturate(side: &Side, lasts: Duration) -> Result<Round> {
    let cpu_before = cpu::of_family(side.daemon.pid())?;
    let idle_before = cpu::idle()?;
    let done = load::closed(side.target.clone(), CONNECTIONS, lasts).await?;
    let cpu_used = cpu::of_family(side.daemon.pid())?.saturating_sub(cpu_before);
    let idle = cpu::idle()?.saturating_sub(idle_before).as_secs_f64() / done.took.as_secs_f64();
    ensure!(done.answers > 0.0, "{} answered nothing", side.name);
    let round = Round {
        per_second: done.answers / done.took.as_secs_f64(),
        cpu_micros: cpu_used.as_secs_f64() * 1e6 / done.answers,
    };
    let Round { per_second, cpu_micros } = round;
    eprintln!("{:>10}: {per_second:>7.0} answers/s, {cpu_micros:.1} µs CPU each, {idle:.2} cores idle", side.name);
    Ok(round)
}

/// Half of what the slower of the two did in the middle of its rounds.
fn half_load(rounds: &[(Round, Round)]) -> f64 {
    let base = median(rounds.iter().map(|(base, _)| base.per_second).collect());
    let peer = median(rounds.iter().map(|(_, peer)| peer.per_second).collect());
    base.min(peer) / 2.0
}

/// The p99 of every slice of every round of each side.
#[derive(Default)]
struct Slices {
    base: Vec<f64>,
    peer: Vec<f64>,
}

impl Slices {
    /// The middle slice of the one beside the middle slice of the other: a stall of the machine falls into few of them,
    /// and never decides.
    fn ratio(&self) -> f64 {
        median(self.peer.clone()) / median(self.base.clone())
    }
}

async fn latency(base: &Side, peer: &Side, rate: f64, plan: &Plan) -> Result<Slices> {
    let mut slices = Slices::default();
    for pair in 0..plan.latency_pairs {
        if pair % 2 == 0 {
            slices.base.extend(p99(base, rate, plan.latency).await?);
            slices.peer.extend(p99(peer, rate, plan.latency).await?);
        } else {
            slices.peer.extend(p99(peer, rate, plan.latency).await?);
            slices.base.extend(p99(base, rate, plan.latency).await?);
        }
    }
    Ok(slices)
}

async fn p99(side: &Side, rate: f64, lasts: Duration) -> Result<Vec<f64>> {
    let latencies = load::open(side.target.clone(), CONNECTIONS, rate, lasts).await?;
    let (p50, p99) = (latencies.quantile(0.5)?, latencies.quantile(0.99)?);
    let slices: Vec<f64> = latencies.quantiles(0.99, SLICE).iter().map(Duration::as_secs_f64).collect();
    let middle = median(slices.clone()) * 1e6;
    eprintln!("{:>10}: at {rate:.0}/s p50 {p50:.2?}, p99 {p99:.2?}, of the middle slice {middle:.0} µs", side.name);
    Ok(slices)
}

/// The median of what a function makes of each pair.
fn middle<T>(pairs: &[(T, T)], ratio: impl Fn(&T, &T) -> f64) -> f64 {
    median(pairs.iter().map(|(base, peer)| ratio(base, peer)).collect())
}
