//! `cargo xtask bench demo`: how long the demo takes to be up, and how much memory it keeps once nothing is asked of it.
//! Of the release build, several times; a process of its own each time.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use tempfile::TempDir;

use super::figures::{self, Figure, Promise};
use crate::daemon::Daemon;
use crate::release;

/// How long the demo is left alone before its memory is read.
const REST: Duration = Duration::from_secs(5);
/// What it prints last.
const UP: &str = "Ctrl-c ends everything";

/// How much is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// Fewer rounds, within 45 s.
    #[arg(long)]
    quick: bool,
}

/// Measures, prints the figures and holds them to their promises.
pub(crate) async fn run(options: &Options) -> Result<()> {
    release::required(&["selvage"]).await?;
    let mut seconds = Vec::new();
    let mut megabytes = Vec::new();
    for _ in 0..if options.quick { 3 } else { 9 } {
        let (up, resident) = round().await?;
        eprintln!("up after {up:.2} s, {resident:.0} MB when idle");
        seconds.push(up);
        megabytes.push(resident);
    }
    let figure = |name, values, bound| Figure { name, value: figures::median(values), promise: Promise::AtMost(bound) };
    figures::report("demo", &[figure("seconds_until_up", seconds, 5.0), figure("idle_megabytes", megabytes, 120.0)])
}

async fn round() -> Result<(f64, f64)> {
    let directory = TempDir::with_prefix("selvage-bench-demo-")?;
    let mut command = Command::new(release::program("selvage"));
    command.args(["demo", "--port", "0", "--console-port", "0", "--pace", "0"]);
    let began = Instant::now();
    let mut demo = Daemon::start("demo", &mut command, directory.path())?;
    let log = directory.path().join("demo.log");
    let printed = || std::fs::read_to_string(&log).is_ok_and(|text| text.contains(UP));
    demo.until("come up", || async { printed() }).await?;
    let up = began.elapsed().as_secs_f64();
    tokio::time::sleep(REST).await;
    Ok((up, resident_megabytes(demo.pid())?))
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
