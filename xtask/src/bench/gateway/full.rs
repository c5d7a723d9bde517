//! The whole of the gateway benchmark: each way of speaking beside nginx speaking the same, bodies from 1 kB to 1 MB, snapshots
//! that are activated under load, and what interfaces cost in memory.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use tempfile::TempDir;

use super::{CONNECTIONS, Plan, Side, middle, reload, throughput};
use crate::bench::figures::{Figure, Promise, report};
use crate::bench::{fabric, nginx, upstream};
use crate::load::{self, Speech, Target, certificate};

/// What the gateway may cost with every stage on, as a multiple of nginx as a bare proxy.
const CPU: Promise = Promise::AtMost(1.6);
const ITEMS: &str = "/bench/v1/items/";

/// Measures, prints the figures and holds them to their promises.
pub(super) async fn run(quick: bool) -> Result<()> {
    let directory = TempDir::with_prefix("selvage-bench-")?;
    let (_upstream, upstream) = upstream::start(directory.path()).await?;
    let plan = Plan { throughput_pairs: if quick { 1 } else { 4 }, ..Plan::of(quick) };
    let mut figures = Vec::new();
    for (name, speech) in
        [("cpu_ratio", Speech::Http1), ("cpu_ratio_http2", Speech::Http2), ("cpu_ratio_tls", Speech::Tls)]
    {
        let (base, peer) = sides(name, speech, upstream, directory.path()).await?;
        figures.push(Figure { name, value: cpu_ratio(&base, &peer, &plan).await?, promise: CPU });
        if speech == Speech::Http1 {
            figures.extend(bodies(base, peer, &plan).await?);
        }
    }
    figures.extend(reload::figures(upstream, directory.path(), &plan, quick).await?);
    report("gateway-full", &figures)
}

/// nginx and Selvage before the same upstream, spoken to in the same way.
async fn sides(name: &str, speech: Speech, upstream: SocketAddr, directory: &Path) -> Result<(Side, Side)> {
    let (daemon, address) = nginx::start(&format!("nginx-{name}"), speech, upstream, directory).await?;
    let target = Target { address, path: ITEMS.to_owned(), key: "slv_unused".to_owned(), speech };
    let base = Side { name: "nginx", daemon, target };
    let [chain, key] = ["listener.pem", "listener.key"].map(|name| certificate(name).display().to_string());
    let tls = ["--tls-certificate", &chain, "--tls-key", &key];
    let more: &[&str] = if speech == Speech::Tls { &tls } else { &[] };
    let (daemon, address, key) = fabric::start(&format!("selvage-{name}"), upstream, directory, more).await?;
    let target = Target { address, path: ITEMS.to_owned(), key, speech };
    Ok((base, Side { name: "selvage", daemon, target }))
}

async fn cpu_ratio(base: &Side, peer: &Side, plan: &Plan) -> Result<f64> {
    eprintln!("{:?}, {}…", base.target.speech, base.target.path);
    for side in [base, peer] {
        load::closed(side.target.clone(), CONNECTIONS, plan.warm_up).await?;
    }
    let rounds = throughput(base, peer, plan).await?;
    Ok(middle(&rounds, |base, peer| peer.cpu_micros / base.cpu_micros))
}

/// The same with answers of these sizes.
async fn bodies(mut base: Side, mut peer: Side, plan: &Plan) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (name, size) in [
        ("cpu_ratio_1_kb", 1_000),
        ("cpu_ratio_16_kb", 16_000),
        ("cpu_ratio_128_kb", 128_000),
        ("cpu_ratio_1_mb", 1_000_000),
    ] {
        for side in [&mut base, &mut peer] {
            side.target.path = format!("/bench/v1/bytes/{size}/");
        }
        figures.push(Figure { name, value: cpu_ratio(&base, &peer, plan).await?, promise: CPU });
    }
    Ok(figures)
}
