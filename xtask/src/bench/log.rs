//! `cargo xtask bench log`: durable events of 1 KiB a second, published over HTTP at 1 to 1,024 in flight, beside JetStream with
//! `sync_interval: always` and with its default, through JetStream's own client: the same events, on the same disk, in one run. On
//! both sides each event waits for its own acknowledgement, and a client puts what waits into one write, or one request.
//!
//! Each side is asked by a process of its own, and measured by what it acknowledged. Rounds go in turns, so that what else the machine
//! does weighs on every side. The log alone, without the port before it, and a request for each event are measured once more.

mod appender;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use tempfile::TempDir;
use tokio::process::Command;

use super::figures::{Figure, Promise, median, report};
use crate::release;
use crate::selvage::Node;
use crate::services::nats::Nats;

pub(crate) use self::appender::{AppenderOptions, serve};

/// How many appends are under way at once.
const IN_FLIGHT: [usize; 4] = [1, 16, 128, 1_024];

const FABRIC: &str = include_str!("../../fabrics/log/fabric.yaml");
const OPEN_WITHIN: Duration = Duration::from_secs(20);

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
    one_by_one: Vec<f64>,
    always: Vec<f64>,
    default: Vec<f64>,
}

/// Measures, prints the figures and holds them to their promises.
pub(crate) async fn run(options: &Options) -> Result<()> {
    release::required(&["selvage", "xtask"]).await?;
    let directory = TempDir::with_prefix("selvage-bench-log-")?;
    let (rounds, seconds) = if options.quick { (1, 2) } else { (3, 5) };
    let measured = Measured { seconds, directory: directory.path().to_owned() };
    let figure = |name, value, promise| Figure { name, value, promise };
    let mut figures = Vec::new();
    for (in_flight, name) in IN_FLIGHT.into_iter().zip(["appends_1", "appends_16", "appends_128", "appends_1024"]) {
        let mut rates = Rates::default();
        for round in 0..rounds {
            // New for each round, as the node is: none of them has a log that grew.
            let (always, default) = (Nats::start("always").await?, Nats::start("2m").await?);
            rates.ours.push(measured.ours(in_flight, &format!("{in_flight}-{round}"), &[]).await?);
            if in_flight == 128 {
                let single = measured.ours(in_flight, &format!("single-{round}"), &["--one-by-one"]).await?;
                rates.one_by_one.push(single);
            }
            rates.always.push(measured.rate(&["--to", &always.url()], in_flight).await?);
            rates.default.push(measured.rate(&["--to", &default.url()], in_flight).await?);
        }
        let ratio =
            |ours: &[f64], to: &[f64]| median(ours.iter().zip(to).map(|(ours, theirs)| ours / theirs).collect());
        let (to_always, to_default) = (ratio(&rates.ours, &rates.always), ratio(&rates.ours, &rates.default));
        let single = (in_flight == 128).then(|| (ratio(&rates.one_by_one, &rates.always), median(rates.one_by_one)));
        let (ours, always, default) = (median(rates.ours), median(rates.always), median(rates.default));
        eprintln!("{in_flight:5} in flight: {ours:.0}/s; JetStream, always: {always:.0}/s; by default: {default:.0}/s");
        figures.push(figure(name, ours, Promise::Nothing));
        if let Some((to_always_single, single)) = single {
            eprintln!("  128 in flight, a request for each: {single:.0}/s");
            figures.push(figure("ratio_to_always_128", to_always, Promise::AtLeast(8.0)));
            figures.push(figure("ratio_to_always_128_one_by_one", to_always_single, Promise::Nothing));
        }
        figures.extend((in_flight == 1_024).then(|| figure("ratio_to_default_1024", to_default, Promise::Nothing)));
    }
    let alone = format!("sqlite:{}", directory.path().join("alone").display());
    let alone = measured.rate(&["--to", &alone], 128).await?;
    eprintln!("  128 in flight, the log alone: {alone:.0}/s");
    figures.push(figure("log_alone_128", alone, Promise::Nothing));
    report("log", &figures)
}

/// How long each side is measured, and where.
struct Measured {
    seconds: u64,
    directory: PathBuf,
}

impl Measured {
    /// Events a second that a node of its own takes.
    async fn ours(&self, in_flight: usize, name: &str, how: &[&str]) -> Result<f64> {
        let fabric = self.directory.join("fabric");
        std::fs::create_dir_all(&fabric)?;
        std::fs::write(fabric.join("fabric.yaml"), FABRIC)?;
        let node = Node::embedded(name, &fabric, &self.directory.join(format!("{name}-data")))?;
        // All of them come from one address here.
        let node = node.with(&["--max-connections-per-peer", "4096"]);
        let key = node.issue_key("bench-client")?;
        let _daemon = node.start(&self.directory).await?;
        let to = format!("http://{}", node.address);
        self.opened(&to, &key).await?;
        self.rate(&[&["--to", &to, "--key", &key], how].concat(), in_flight).await
    }

    /// Returns once the node's stream is open.
    async fn opened(&self, to: &str, key: &str) -> Result<()> {
        let began = Instant::now();
        while let Err(error) = appended(&["--to", to, "--key", key], 1, 0, &self.directory).await {
            ensure!(began.elapsed() < OPEN_WITHIN, "the node takes no events: {error:#}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    async fn rate(&self, to: &[&str], in_flight: usize) -> Result<f64> {
        appended(to, in_flight, self.seconds, &self.directory).await
    }
}

/// Events a second of one side, by a process of its own.
async fn appended(to: &[&str], in_flight: usize, seconds: u64, directory: &Path) -> Result<f64> {
    let mut appender = Command::new(release::program("xtask"));
    appender.args(["bench", "appender"]).args(to);
    appender.args(["--in-flight", &in_flight.to_string(), "--seconds", &seconds.to_string()]);
    let output = appender.current_dir(directory).stderr(Stdio::piped()).kill_on_drop(true).output().await?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the appender ended with {}: {error}", output.status);
    let printed = String::from_utf8(output.stdout)?;
    printed.trim().parse().context("the appender printed no number")
}
