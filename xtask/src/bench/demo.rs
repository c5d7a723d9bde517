//! `cargo xtask bench demo`: how long the demo takes to be up, how much memory it keeps once nothing is asked of it, and how long after an
//! order is released through the API the MES has been told of it by a webhook. Of the release build, several times; a process of its own
//! each time.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use hyper::header::{AUTHORIZATION, HeaderName};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::figures::{self, Figure, Promise};
use crate::daemon::Daemon;
use crate::{http, release};

/// How long the demo is left alone before its memory is read.
const REST: Duration = Duration::from_secs(5);
/// What it prints last.
const UP: &str = "Ctrl-c ends everything";

/// The fact that the MES is told.
const RELEASED: &str = ".production-order.released";
const TOLD_WITHIN: Duration = Duration::from_secs(30);

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
    let mut told = Vec::new();
    for _ in 0..if options.quick { 3 } else { 9 } {
        let Round { up, resident, told: after } = round().await?;
        eprintln!("up after {up:.2} s, {resident:.0} MB when idle, the MES is told after {after:.2} s");
        seconds.push(up);
        megabytes.push(resident);
        told.push(after);
    }
    let figure = |name, values, bound| Figure { name, value: figures::median(values), promise: Promise::AtMost(bound) };
    figures::report(
        "demo",
        &[
            figure("seconds_until_up", seconds, 5.0),
            figure("idle_megabytes", megabytes, 120.0),
            figure("seconds_until_told", told, 1.0),
        ],
    )
}

/// What a round measured, in seconds and megabytes.
struct Round {
    up: f64,
    resident: f64,
    told: f64,
}

async fn round() -> Result<Round> {
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
    let resident = resident_megabytes(demo.pid())?;
    let told = told(&std::fs::read_to_string(&log)?).await?;
    Ok(Round { up, resident, told })
}

/// Releases the order that the demo names, as it says, and waits until the MES shows that it was told.
async fn told(printed: &str) -> Result<f64> {
    let line = |with: &str| printed.lines().find(|line| line.contains(with)).context(format!("no line with `{with}`"));
    let quoted = |line: &str| line.split('\'').nth(1).and_then(|url| url.strip_prefix("http://")).map(str::to_owned);
    let (release, events) = (quoted(line("/release'")?), quoted(line("/api/events'")?));
    let (release, events) = (release.context("no address")?, events.context("no address")?);
    let key = line("export PLANNING=")?.trim_start_matches("export PLANNING=");
    let split = |address: &str| -> Result<_> {
        let (host, path) = address.split_once('/').context("an address without a path")?;
        Ok((host.parse()?, format!("/{path}")))
    };
    let ((gateway, release), (mes, events)) = (split(&release)?, split(&events)?);
    let headers = [
        (AUTHORIZATION, format!("Bearer {key}")),
        (HeaderName::from_static("idempotency-key"), "bench-demo".to_owned()),
    ];
    let began = Instant::now();
    let answer = http::post(gateway, &release, &headers, &json!({}), TOLD_WITHIN).await?;
    ensure!(answer.status == 200, "the release is answered with {}: {}", answer.status, answer.json()?);
    loop {
        let told = http::get(mes, &events).await?.json()?;
        let items = told.get("items").and_then(Value::as_array).context("the MES shows no events")?;
        let is_release =
            |item: &Value| item.get("type").and_then(Value::as_str).is_some_and(|kind| kind.ends_with(RELEASED));
        if items.iter().any(is_release) {
            return Ok(began.elapsed().as_secs_f64());
        }
        ensure!(began.elapsed() < TOLD_WITHIN, "the MES is not told: {told}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
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
