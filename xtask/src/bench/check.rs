//! `cargo xtask bench check`: a generated fabric of 10,000 interfaces, 2,000 consumers and 20,000 grants is read, judged by every
//! rule and compiled as a gateway runs it, by the release build of `selvage check`; and one five times as large beside it.

mod fabric;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;
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
    /// Another number of interfaces than 10,000: its figures are shown, and nothing is promised of them.
    #[arg(long, default_value_t = PROMISED)]
    interfaces: usize,
    /// Writes the fabric into this directory and measures nothing.
    #[arg(long, value_name = "DIR")]
    write: Option<std::path::PathBuf>,
}

/// Measures, prints the figures and holds them to their promises.
pub(crate) async fn run(options: &Options) -> Result<()> {
    if let Some(directory) = &options.write {
        return fabric::write(directory, options.interfaces).map(|_| ());
    }
    release::required(&["selvage"]).await?;
    let rounds = if options.quick { 3 } else { 7 };
    let small = measured(options.interfaces, rounds)?;
    let large = measured(options.interfaces * GROWTH, if options.quick { 1 } else { 3 })?;
    let growth = large.seconds / small.seconds / GROWTH as f64;
    eprintln!("{} times as large: {:.2} s, {:.0} MB", GROWTH, large.seconds, large.megabytes);
    let at_most = |name, value, bound| Figure { name, value, promise: promise(options.interfaces, bound) };
    figures::report(
        "check",
        &[
            at_most("seconds", small.seconds, 2.0),
            at_most("peak_mb", small.megabytes, 600.0),
            at_most("growth_ratio", growth, 1.3),
        ],
    )
}

/// Writes a large fabric in which nothing is wrong; how many manifests it has.
pub(super) fn write(directory: &Path, interfaces: usize) -> Result<usize> {
    fabric::write(directory, interfaces)
}

/// How many interfaces the promises are made of.
const PROMISED: usize = 10_000;
/// How many times larger the second fabric is.
const GROWTH: usize = 5;

fn promise(interfaces: usize, bound: f64) -> Promise {
    if interfaces == PROMISED { Promise::AtMost(bound) } else { Promise::Nothing }
}

/// What checking a fabric takes.
struct Taken {
    seconds: f64,
    megabytes: f64,
}

fn measured(interfaces: usize, rounds: usize) -> Result<Taken> {
    let directory = TempDir::with_prefix("selvage-bench-check-")?;
    let manifests = fabric::write(directory.path(), interfaces)?;
    let mut all = Vec::new();
    for _ in 0..rounds {
        let taken = once(directory.path(), manifests)?;
        eprintln!("{interfaces} interfaces: {:.2} s, {:.0} MB", taken.seconds, taken.megabytes);
        all.push(taken);
    }
    Ok(Taken {
        seconds: figures::median(all.iter().map(|taken| taken.seconds).collect()),
        megabytes: all.iter().map(|taken| taken.megabytes).fold(0.0, f64::max),
    })
}

fn once(directory: &Path, manifests: usize) -> Result<Taken> {
    let mut command = Command::new(release::program("selvage"));
    command.arg("check").arg(directory).args(["--env", "dev", "--at", DAY, "--format", "json"]);
    let output = tempfile::tempfile()?;
    let began = Instant::now();
    let mut child =
        command.stdin(Stdio::null()).stdout(output.try_clone()?).spawn().context("cannot start `selvage check`")?;
    let mut peak = None;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        // A process that has just ended has none any more.
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        peak = peak_megabytes(&status).or(peak);
        std::thread::sleep(LOOK);
    };
    let seconds = began.elapsed().as_secs_f64();
    let told = told(output)?;
    is_in_order(&told, manifests)?;
    ensure!(status.success(), "`selvage check` ended with {status}");
    Ok(Taken { seconds, megabytes: peak.context("the kernel did not say how much memory `selvage check` had")? })
}

/// What was printed.
fn told(mut output: std::fs::File) -> Result<String> {
    use std::io::{Read as _, Seek as _};
    output.rewind()?;
    let mut text = String::new();
    output.read_to_string(&mut text)?;
    Ok(text)
}

/// An error unless all of the fabric was read, and nothing was found in it.
fn is_in_order(told: &str, manifests: usize) -> Result<()> {
    let document: Value = serde_json::from_str(told).context("`selvage check` did not print JSON")?;
    let findings = document.get("findings").and_then(Value::as_array).context("it printed no findings")?;
    let first = findings.first().map(ToString::to_string).unwrap_or_default();
    ensure!(findings.is_empty(), "the generated fabric is not in order: {first}");
    let read = document.pointer("/summary/manifests").and_then(Value::as_u64).context("it counted no manifests")?;
    ensure!(u64::try_from(manifests)? == read, "it read {read} manifests of {manifests}");
    Ok(())
}

/// The most memory that a process ever had, in units of 10⁶ bytes, as the kernel counts it.
fn peak_megabytes(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    (kibibytes > 0.0).then_some(kibibytes * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_was_not_read_is_none() {
        assert_eq!(peak_megabytes("Name:\tselvage\nVmHWM:\t 1000000 kB\n"), Some(1024.0));
        for status in ["", "Name:\tselvage\n", "VmHWM:\t many kB\n", "VmHWM:\t 0 kB\n"] {
            assert_eq!(peak_megabytes(status), None, "{status}");
        }
        let own = std::fs::read_to_string("/proc/self/status").unwrap();
        assert!(peak_megabytes(&own).unwrap() > 1.0);
    }

    #[test]
    fn only_a_whole_fabric_without_findings_is_in_order() {
        for (told, is_right) in [
            (r#"{"findings": [], "summary": {"manifests": 7}}"#, true),
            (r#"{"findings": [], "summary": {"manifests": 6}}"#, false),
            (r#"{"findings": [{"code": "FAB1001"}], "summary": {"manifests": 7}}"#, false),
            (r#"{"summary": {"manifests": 7}}"#, false),
            (r#"{"findings": []}"#, false),
            ("", false),
        ] {
            assert_eq!(is_in_order(told, 7).is_ok(), is_right, "{told}");
        }
    }

    #[test]
    fn promises_are_made_of_one_size_and_a_fabric_is_counted() {
        assert!(matches!(promise(10_000, 2.0), Promise::AtMost(_)));
        assert!(matches!(promise(9_900, 2.0), Promise::Nothing));
        let directory = TempDir::new().unwrap();
        // A unit: team, 2 systems, 2 objects, 2 mappings, 100 interfaces, a flow, 20 consumers with 10 grants each.
        assert_eq!(fabric::write(directory.path(), 200).unwrap(), 3 + 2 * (1 + 2 + 2 + 2 + 100 + 1 + 20 + 200));
    }
}
