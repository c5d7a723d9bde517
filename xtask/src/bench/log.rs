//! `cargo xtask bench log`: durable appends of 1 KiB events a second, in process, at 1 to 1,024 in flight, beside JetStream with
//! `sync_interval: always` and with its default, through JetStream's own client, on the same disk in one run.
//!
//! Each side is a process of its own that is measured by what it acknowledged. Rounds go in turns, so that what else the machine does
//! weighs on every side.

mod appender;

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use clap::Args;
use tempfile::TempDir;
use tokio::process::Command;

use super::figures::{Figure, Promise, median, report};
use crate::release;
use crate::services::nats::Nats;

pub(crate) use self::appender::{AppenderOptions, serve};

/// How many appends are under way at once.
const IN_FLIGHT: [usize; 4] = [1, 16, 128, 1_024];

/// How much is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// Fewer and shorter rounds, within 45 s.
    #[arg(long)]
    quick: bool,
}

/// Appends a second, by round, of each side.
#[derive(Default)]
struct Rates {
    ours: Vec<f64>,
    always: Vec<f64>,
    default: Vec<f64>,
}

/// Measures, prints the figures and holds them to their promises.
pub(crate) async fn run(options: &Options) -> Result<()> {
    release::required(&["xtask"]).await?;
    let directory = TempDir::with_prefix("selvage-bench-log-")?;
    let (always, default) = (Nats::start("always").await?, Nats::start("2m").await?);
    let (rounds, seconds) = if options.quick { (1, 2) } else { (3, 5) };
    let mut figures = Vec::new();
    for (in_flight, name) in IN_FLIGHT.into_iter().zip(["appends_1", "appends_16", "appends_128", "appends_1024"]) {
        let mut rates = Rates::default();
        for round in 0..rounds {
            let place = directory.path().join(format!("{in_flight}-{round}"));
            rates
                .ours
                .push(measure(&format!("sqlite:{}", place.display()), in_flight, seconds, directory.path()).await?);
            rates.always.push(measure(&always.url(), in_flight, seconds, directory.path()).await?);
            rates.default.push(measure(&default.url(), in_flight, seconds, directory.path()).await?);
        }
        let ratio = |to: &[f64]| median(rates.ours.iter().zip(to).map(|(ours, theirs)| ours / theirs).collect());
        let (to_always, to_default) = (ratio(&rates.always), ratio(&rates.default));
        let (ours, always, default) = (median(rates.ours), median(rates.always), median(rates.default));
        eprintln!("{in_flight:5} in flight: {ours:.0}/s; JetStream, always: {always:.0}/s; by default: {default:.0}/s");
        let figure = |name, value, bound| Figure { name, value, promise: Promise::AtLeast(bound) };
        figures.push(figure(name, ours, 1.0));
        figures.extend((in_flight == 128).then(|| figure("ratio_to_always_128", to_always, 8.0)));
        figures.extend((in_flight == 1_024).then(|| figure("ratio_to_default_1024", to_default, 0.0)));
    }
    report("log", &figures)
}

/// Appends a second of one side, in a process of its own.
async fn measure(to: &str, in_flight: usize, seconds: u64, directory: &Path) -> Result<f64> {
    let mut appender = Command::new(release::program("xtask"));
    appender.args(["bench", "appender", "--to", to]);
    appender.args(["--in-flight", &in_flight.to_string(), "--seconds", &seconds.to_string()]);
    let output = appender.current_dir(directory).stderr(Stdio::inherit()).kill_on_drop(true).output().await?;
    ensure!(output.status.success(), "the appender ended with {}", output.status);
    let printed = String::from_utf8(output.stdout)?;
    printed.trim().parse().context("the appender printed no number")
}
