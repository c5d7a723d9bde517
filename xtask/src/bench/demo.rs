//! `cargo xtask bench demo`: how long the demo takes to be up, how much memory it keeps once nothing is asked of it, and what it shows of
//! events: an order that is released through the API reaches the MES by webhook, a MES that was stopped catches up in order, and stock is
//! read a thousand times a second from a copy while Odoo sees the captures alone. Of the release build, several times; a process of its
//! own each time.

mod printed;
mod shown;

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use tempfile::TempDir;

use super::figures::{self, Figure, Promise};
use crate::daemon::Daemon;
use crate::release;

use printed::Printed;
use shown::{CaughtUp, Reads};

/// How long the demo is left alone before its memory is read.
const REST: Duration = Duration::from_secs(5);
/// What it prints last.
const UP: &str = "Ctrl-c ends everything";
/// How often stock is read in a second.
const RATE: f64 = 1_000.0;
/// Calls that a look more of the captures may make: a time with reads may have one more than the time without.
const A_LOOK: f64 = 30.0;

/// How much is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// Fewer and shorter rounds, within a minute.
    #[arg(long)]
    quick: bool,
}

/// What a round measured.
struct Round {
    seconds_until_up: f64,
    idle_megabytes: f64,
    order_to_mes_ms: f64,
    caught_up: CaughtUp,
    reads: Reads,
}

/// Measures, prints the figures and holds them to their promises.
pub(crate) async fn run(options: &Options) -> Result<()> {
    release::required(&["selvage"]).await?;
    let (rounds, lasts) = if options.quick { (2, 3) } else { (5, 10) };
    let mut measured = Vec::new();
    for _ in 0..rounds {
        let round = round(Duration::from_secs(lasts)).await?;
        let Round { seconds_until_up: up, idle_megabytes, order_to_mes_ms, caught_up, reads } = &round;
        eprintln!(
            "up after {up:.2} s, {idle_megabytes:.0} MB when idle, the MES is told after {order_to_mes_ms:.0} ms and caught up {:.1} s after it \
             was started again, {:.0} reads a second with a p99 of {:.1} ms and {} more calls to Odoo",
            caught_up.after.as_secs_f64(),
            reads.a_second,
            reads.p99_ms,
            reads.odoo_calls,
        );
        measured.push(round);
    }
    let of = |value: fn(&Round) -> f64| figures::median(measured.iter().map(value).collect());
    // One round in which anything was out of order, or Odoo was asked, is one too many.
    let worst = |value: fn(&Round) -> f64| measured.iter().map(value).fold(f64::NEG_INFINITY, f64::max);
    let figure = |name, value, promise| Figure { name, value, promise };
    figures::report(
        "demo",
        &[
            figure("seconds_until_up", of(|round| round.seconds_until_up), Promise::AtMost(5.0)),
            figure("idle_megabytes", of(|round| round.idle_megabytes), Promise::AtMost(120.0)),
            figure("order_to_mes_ms", of(|round| round.order_to_mes_ms), Promise::AtMost(1_000.0)),
            figure("caught_up_out_of_order", worst(|round| round.caught_up.astray), Promise::AtMost(0.0)),
            figure("caught_up_seconds", of(|round| round.caught_up.after.as_secs_f64()), Promise::AtMost(30.0)),
            figure("reads_per_second", of(|round| round.reads.a_second), Promise::AtLeast(RATE * 0.999)),
            figure("reads_p99_ms", of(|round| round.reads.p99_ms), Promise::AtMost(50.0)),
            figure("odoo_calls_of_reads", worst(|round| round.reads.odoo_calls), Promise::AtMost(A_LOOK)),
        ],
    )
}

async fn round(lasts: Duration) -> Result<Round> {
    let directory = TempDir::with_prefix("selvage-bench-demo-")?;
    let mut command = Command::new(release::program("selvage"));
    command.args(["demo", "--port", "0", "--console-port", "0", "--pace", "0"]);
    let began = Instant::now();
    let mut demo = Daemon::start("demo", &mut command, directory.path())?;
    let log = directory.path().join("demo.log");
    let printed = || std::fs::read_to_string(&log).is_ok_and(|text| text.contains(UP));
    demo.until("come up", || async { printed() }).await?;
    let seconds_until_up = began.elapsed().as_secs_f64();
    tokio::time::sleep(REST).await;
    let idle_megabytes = resident_megabytes(demo.pid())?;
    let demo = Printed::read(&std::fs::read_to_string(&log)?)?;
    let order_to_mes_ms = shown::told(&demo).await?.as_secs_f64() * 1e3;
    let caught_up = shown::caught_up(&demo).await?;
    let reads = shown::reads(&demo, RATE, lasts).await?;
    Ok(Round { seconds_until_up, idle_megabytes, order_to_mes_ms, caught_up, reads })
}

/// Resident memory of a process, in units of 10⁶ bytes, as the kernel counts it.
fn resident_megabytes(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kibibytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok())
        .context("the kernel does not say how much memory the demo has")?;
    Ok(kibibytes * 1024.0 / 1e6)
}
