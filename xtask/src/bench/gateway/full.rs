//! The whole of the gateway benchmark: every stage on and messages checked, thousands of interfaces beside the one that is asked,
//! keys and tokens, each way of speaking beside nginx speaking the same, bodies from 1 kB to 1 MB, snapshots that are activated
//! under load, and what interfaces cost in memory.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use tempfile::TempDir;

use super::{CONNECTIONS, Part, Plan, Round, Side, half_load, latency, middle, reload, throughput};
use crate::bench::figures::{Figure, Promise, report};
use crate::bench::{fabric, nginx, tokens, upstream};
use crate::load::{self, Keys, Speech, Target, certificate};

/// What the gateway may cost with every stage on, as a multiple of nginx as a bare proxy.
const CPU: Promise = Promise::AtMost(1.6);
const ITEMS: &str = "/bench/v1/sites/ghent/items/";

/// Interfaces beside the one that is asked, and their grants.
const OTHERS: usize = 5_000;
/// Tokens that take turns where none is to be remembered: more than the threads of a node together keep.
const TOKENS: usize = 24_576;

/// What the sides are started before.
struct Stage<'a> {
    fabric: &'a Path,
    upstream: SocketAddr,
    directory: &'a Path,
}

/// Measures all of it or one part, prints the figures and holds them to their promises.
pub(super) async fn run(quick: bool, only: Option<Part>) -> Result<()> {
    let directory = TempDir::with_prefix("selvage-bench-")?;
    let directory = directory.path();
    let issuer = tokens::Issuer::new()?;
    let shown = directory.join("keys.json");
    std::fs::write(&shown, issuer.keys()?.to_string())?;
    let (_upstream, upstream) = upstream::start_with_keys(directory, &shown).await?;
    let plan = Plan {
        throughput_pairs: if quick { 1 } else { 4 },
        throughput: if quick { Duration::from_millis(600) } else { Plan::of(quick).throughput },
        warm_up: if quick { Duration::from_millis(700) } else { Plan::of(quick).warm_up },
        latency_pairs: if quick { 3 } else { Plan::of(quick).latency_pairs },
        ..Plan::of(quick)
    };
    let fabric = fabric::write_full("full", upstream, directory, if quick { 500 } else { OTHERS })?;
    let stage = Stage { fabric: &fabric, upstream, directory };
    let mut figures = Vec::new();
    let wanted = |part| only.is_none_or(|only| only == part);
    if wanted(Part::Stages) {
        let (base, peer) = stage.sides("every-stage", Speech::Http1).await?;
        figures.extend(first_issue(&base, &peer, &plan).await?);
    }
    if only.is_none() {
        let (base, peer) = stage.sides("bodies", Speech::Http1).await?;
        let (base, peer) = bodies(base, peer, &plan, &mut figures).await?;
        with_tokens(base, peer, &issuer, &plan, &mut figures).await?;
        // Other answers than nginx gives: what it costs to take one apart is told, and nothing is promised of it.
        let (base, peer) = stage.sides_for("bench-scoped", "scoped", Speech::Http1).await?;
        let value = cpu_ratio(&base, &peer, &plan).await?;
        figures.push(Figure { name: "cpu_ratio_scoped", value, promise: Promise::Nothing });
    }
    let spoken = [("cpu_ratio_http2", Speech::Http2, Part::Http2), ("cpu_ratio_tls", Speech::Tls, Part::Tls)];
    for (name, speech, _) in spoken.into_iter().filter(|(_, _, part)| wanted(*part)) {
        let (base, peer) = stage.sides(name, speech).await?;
        figures.push(Figure { name, value: cpu_ratio(&base, &peer, &plan).await?, promise: CPU });
    }
    if wanted(Part::Reload) {
        figures.extend(reload::figures(upstream, directory, &plan, quick).await?);
    }
    report("gateway-full", &figures)
}

/// The figures of the plain benchmark, with every stage on.
async fn first_issue(base: &Side, peer: &Side, plan: &Plan) -> Result<[Figure; 3]> {
    let rounds = rounds(base, peer, plan).await?;
    let slices = latency(base, peer, half_load(&rounds), plan).await?;
    Ok([
        Figure {
            name: "throughput_ratio",
            value: middle(&rounds, |base, peer| peer.per_second / base.per_second),
            promise: Promise::AtLeast(0.9),
        },
        Figure {
            name: "cpu_ratio",
            value: middle(&rounds, |base, peer| peer.cpu_micros / base.cpu_micros),
            promise: CPU,
        },
        Figure { name: "p99_ratio_half_load", value: slices.ratio(), promise: Promise::AtMost(1.25) },
    ])
}

impl Stage<'_> {
    /// nginx and Selvage before the same upstream, spoken to in the same way.
    async fn sides(&self, name: &str, speech: Speech) -> Result<(Side, Side)> {
        self.sides_for("bench-client", name, speech).await
    }

    /// The same by the key of this consumer.
    async fn sides_for(&self, consumer: &str, name: &str, speech: Speech) -> Result<(Side, Side)> {
        let side = |name, daemon, address, keys| {
            let target = Target { address, path: ITEMS.to_owned(), keys, speech };
            Side { name, daemon, target }
        };
        let (daemon, address) = nginx::start(&format!("nginx-{name}"), speech, self.upstream, self.directory).await?;
        let base = side("nginx", daemon, address, Keys::from("slv_unused"));
        let [chain, key] = ["listener.pem", "listener.key"].map(|name| certificate(name).display().to_string());
        let tls = ["--tls-certificate", &chain, "--tls-key", &key];
        let more: &[&str] = if speech == Speech::Tls { &tls } else { &[] };
        let (daemon, address, key) =
            fabric::start_for(consumer, &format!("selvage-{name}"), self.fabric, self.directory, more).await?;
        Ok((base, side("selvage", daemon, address, key.into())))
    }
}

async fn cpu_ratio(base: &Side, peer: &Side, plan: &Plan) -> Result<f64> {
    Ok(middle(&rounds(base, peer, plan).await?, |base, peer| peer.cpu_micros / base.cpu_micros))
}

async fn rounds(base: &Side, peer: &Side, plan: &Plan) -> Result<Vec<(Round, Round)>> {
    eprintln!("{:?}, {}…", base.target.speech, base.target.path);
    for side in [base, peer] {
        load::closed(side.target.clone(), CONNECTIONS, plan.warm_up).await?;
    }
    throughput(base, peer, plan).await
}

/// The same with a token in the place of the key: one that the gateway remembers, and ones that it has to check.
async fn with_tokens(
    mut base: Side,
    mut peer: Side,
    issuer: &tokens::Issuer,
    plan: &Plan,
    figures: &mut Vec<Figure>,
) -> Result<()> {
    let tokens = issuer.tokens(TOKENS)?;
    let one: Vec<String> = tokens.iter().take(1).cloned().collect();
    for (name, tokens, promise) in
        [("cpu_ratio_jwt_cached", one, CPU), ("cpu_ratio_jwt_uncached", tokens, Promise::Nothing)]
    {
        eprintln!("{} tokens", tokens.len());
        for side in [&mut base, &mut peer] {
            side.target.path = ITEMS.to_owned();
            side.target.keys = tokens.clone().into();
        }
        figures.push(Figure { name, value: cpu_ratio(&base, &peer, plan).await?, promise });
    }
    Ok(())
}

/// The same with answers of these sizes.
async fn bodies(mut base: Side, mut peer: Side, plan: &Plan, figures: &mut Vec<Figure>) -> Result<(Side, Side)> {
    for (name, size) in [
        ("cpu_ratio_1_kb", 1_000),
        ("cpu_ratio_16_kb", 16_000),
        ("cpu_ratio_128_kb", 128_000),
        ("cpu_ratio_1_mb", 1_000_000),
    ] {
        for side in [&mut base, &mut peer] {
            side.target.path = format!("/bench/v1/sites/ghent/bytes/{size}/");
        }
        figures.push(Figure { name, value: cpu_ratio(&base, &peer, plan).await?, promise: CPU });
    }
    Ok((base, peer))
}
