//! `cargo xtask bench deliveries`: signed deliveries a second to 1, 100 and 1,000 endpoints of which one in ten is dead, half of those
//! refusing connections and half taking them and never answering. And what the dead ones cost the others: two nodes are sent the same
//! in turns, one with dead endpoints and one that has only as many as are well, and the p99 of those that are well is compared.
//!
//! The endpoints verify every signature and the order of every lane, so that what is counted was delivered as promised.

mod receivers;
mod side;

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use tempfile::TempDir;

use self::side::Side;
use super::figures::{Figure, Promise, median, report};
use crate::release;

/// The share of what a node can deliver that it is sent where times are compared.
const SHARE: f64 = 0.3;

/// How much is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// Fewer and shorter rounds, within 45 s.
    #[arg(long)]
    quick: bool,
    /// Only with so many endpoints: 1, 100 or 1000.
    #[arg(long)]
    endpoints: Option<usize>,
}

/// How many endpoints, how many deliveries a burst comes to, and what the figures are called.
struct Size {
    endpoints: usize,
    per_second: &'static str,
    /// Of all rounds, and of the first, in which the others die.
    ratio: Option<(&'static str, &'static str)>,
}

const SIZES: [Size; 3] = [
    Size { endpoints: 1, per_second: "per_second_1", ratio: None },
    Size {
        endpoints: 100,
        per_second: "per_second_100",
        ratio: Some(("healthy_p99_ratio_100", "dying_p99_ratio_100")),
    },
    Size {
        endpoints: 1_000,
        per_second: "per_second_1000",
        ratio: Some(("healthy_p99_ratio_1000", "dying_p99_ratio_1000")),
    },
];

/// Measures, prints the figures and holds them to their promises.
pub(crate) async fn run(options: &Options) -> Result<()> {
    release::required(&["selvage", "xtask"]).await?;
    let mut figures = Vec::new();
    for size in SIZES.iter().filter(|size| options.endpoints.is_none_or(|only| only == size.endpoints)) {
        figures.extend(measure(size, options.quick).await?);
    }
    report("deliveries", &figures)
}

async fn measure(size: &Size, quick: bool) -> Result<Vec<Figure>> {
    let directory = TempDir::with_prefix("selvage-bench-deliveries-")?;
    let endpoints = size.endpoints;
    let burst = (if quick { 5_000 } else { 50_000 } / endpoints).max(2);
    let mut dead = Side::start(&format!("dead-{endpoints}"), endpoints, directory.path()).await?;
    let figure = |name, value, promise| Figure { name, value, promise };
    let Some((ratio, first)) = size.ratio else {
        let rate = dead.burst(burst, endpoints).await?;
        eprintln!("{endpoints:5} endpoint: {rate:.0} deliveries a second");
        dead.judge()?;
        return Ok(vec![figure(size.per_second, rate, Promise::Nothing)]);
    };
    let well = (0..endpoints).filter(|number| !side::dies(*number)).count();
    let mut calm = Side::start(&format!("calm-{endpoints}"), well, directory.path()).await?;
    let able = calm.burst(burst, well).await?;
    let pace = (able * SHARE / endpoints as f64).max(1.0);
    // A hundred get enough events for a p99 within a second, a thousand within two.
    let (rounds, seconds) = match quick {
        true => (3, if endpoints < 1_000 { 1 } else { 2 }),
        false => (5, 6),
    };
    let mut ratios = Vec::new();
    dead.die();
    for _ in 0..rounds {
        let without = p99(calm.paced(pace, seconds).await?);
        let with = p99(dead.paced(pace, seconds).await?);
        eprintln!(
            "{endpoints:5} endpoints, {pace:.1} events a second: p99 {with:.1?} with dead ones, {without:.1?} without"
        );
        ratios.push(with.as_secs_f64() / without.as_secs_f64());
    }
    let rate = dead.burst(burst, endpoints).await?;
    eprintln!("{endpoints:5} endpoints: {rate:.0} deliveries a second with dead ones, {able:.0} without");
    dead.judge()?;
    calm.judge()?;
    let dying = ratios.first().copied().unwrap_or_default();
    Ok(vec![
        figure(size.per_second, rate, Promise::Nothing),
        figure(first, dying, Promise::Nothing),
        figure(ratio, median(ratios), Promise::AtMost(1.2)),
    ])
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() * 99 / 100).copied().unwrap_or(Duration::MAX)
}
