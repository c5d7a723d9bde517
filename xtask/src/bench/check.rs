//! `cargo xtask bench check`: a generated fabric of 10,000 interfaces, 2,000 consumers and 20,000 grants is read, judged by every
//! rule and compiled as a gateway runs it, by the release build of `selvage check`; and one five times as large beside it.

mod fabric;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use tempfile::TempDir;

use super::figures::{self, Figure, Promise};
use crate::release;

/// The day as of which is judged, so that nothing of what is generated ends.
const DAY: &str = "2026-11-23";
/// How often the kernel is asked for the memory of the process.
const LOOK: Duration = Duration::from_millis(2);

/// How much is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// Fewer rounds, within 45 s.
    #[arg(long)]
    quick: bool,
    /// Another number of interfaces than 10,000, of which the promises are not made.
    #[arg(long, default_value_t = 10_000)]
    interfaces: usize,
    /// Writes the fabric into this directory and measures nothing.
    #[arg(long, value_name = "DIR")]
    write: Option<std::path::PathBuf>,
}

/// Measures, prints the figures and holds them to their promises.
pub(crate) async fn run(options: &Options) -> Result<()> {
    if let Some(directory) = &options.write {
        return fabric::write(directory, options.interfaces);
    }
    release::required(&["selvage"]).await?;
    let rounds = if options.quick { 3 } else { 7 };
    let small = measured(options.interfaces, rounds)?;
    let large = measured(options.interfaces * GROWTH, if options.quick { 1 } else { 3 })?;
    let growth = large.seconds / small.seconds / GROWTH as f64;
    eprintln!("{} times as large: {:.2} s, {:.0} MB", GROWTH, large.seconds, large.megabytes);
    let at_most = |name, value, bound| Figure { name, value, promise: Promise::AtMost(bound) };
    figures::report(
        "check",
        &[
            at_most("seconds", small.seconds, 2.0),
            at_most("peak_mb", small.megabytes, 600.0),
            at_most("growth_ratio", growth, 1.3),
        ],
    )
}

/// How many times larger the second fabric is.
const GROWTH: usize = 5;

/// What checking a fabric takes.
struct Taken {
    seconds: f64,
    megabytes: f64,
}

fn measured(interfaces: usize, rounds: usize) -> Result<Taken> {
    let directory = TempDir::with_prefix("selvage-bench-check-")?;
    fabric::write(directory.path(), interfaces)?;
    let mut all = Vec::new();
    for _ in 0..rounds {
        let taken = once(directory.path())?;
        eprintln!("{interfaces} interfaces: {:.2} s, {:.0} MB", taken.seconds, taken.megabytes);
        all.push(taken);
    }
    Ok(Taken {
        seconds: figures::median(all.iter().map(|taken| taken.seconds).collect()),
        megabytes: all.iter().map(|taken| taken.megabytes).fold(0.0, f64::max),
    })
}

fn once(directory: &Path) -> Result<Taken> {
    let mut command = Command::new(release::program("selvage"));
    command.arg("check").arg(directory).args(["--env", "dev", "--at", DAY, "--format", "json"]);
    let output = tempfile::tempfile()?;
    let began = Instant::now();
    let mut child =
        command.stdin(Stdio::null()).stdout(output.try_clone()?).spawn().context("cannot start `selvage check`")?;
    let mut peak = 0.0_f64;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        peak = peak.max(peak_megabytes(child.id()).unwrap_or_default());
        std::thread::sleep(LOOK);
    };
    let seconds = began.elapsed().as_secs_f64();
    let told = told(output)?;
    ensure!(status.success() && told.is_empty(), "the generated fabric is not in order ({status}): {told}");
    Ok(Taken { seconds, megabytes: peak })
}

/// The first of what was found; nothing where all is well.
fn told(mut output: std::fs::File) -> Result<String> {
    use std::io::{Read as _, Seek as _};
    output.rewind()?;
    let mut text = String::new();
    output.read_to_string(&mut text)?;
    let document: serde_json::Value = serde_json::from_str(&text).context("`selvage check` did not print JSON")?;
    let first = document.get("findings").and_then(|findings| findings.get(0));
    Ok(first.map(ToString::to_string).unwrap_or_default())
}

/// The most memory that a process ever had, in units of 10⁶ bytes, as the kernel counts it.
fn peak_megabytes(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}
