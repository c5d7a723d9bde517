//! `cargo xtask bench copies`: stock is read from a copy, as fast as a node gives it and a thousand times a second, while the simulated Odoo
//! counts what it is asked. What is promised is that the node keeps up, and that Odoo sees the capture and nothing else: as many calls
//! while a board reads as while nobody does.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;
use tempfile::TempDir;

use super::figures::{Figure, Promise, median, report};
use crate::crash::factory::{Factory, SECRETS};
use crate::load::{Speech, Target, closed, open};
use crate::selvage::Node;
use crate::{http, release};

const FABRIC: &str = include_str!("../../fabrics/copies/fabric.yaml");
const FOLLOWING: &str = "selvage_capture_following{interface=\"stock-events@1\",system=\"odoo\"} 1";
const CONSUMER: &str = "board";
/// What a board asks for that shows some products of a plant; the last of them, which there is not, differs from read to read.
const PATH: &str = "/stock-board/v1/inventory-positions?limit=20&site=ghent&product=WHL-1&product=PRT-";
/// How often it is read where latencies are taken.
const RATE: f64 = 1_000.0;
const CONNECTIONS: usize = 16;
const FOLLOWS_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Calls that a look more may make: where a round begins says whether it has one more than the other.
const A_LOOK: f64 = 30.0;

/// How much is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// Shorter and fewer rounds, within 45 s.
    #[arg(long)]
    quick: bool,
}

/// What a round measured.
struct Round {
    reads_per_second: f64,
    p99_ms: f64,
    /// Calls that Odoo was made while it was read, beyond those of a time as long in which it was not.
    odoo_reads: f64,
}

/// Measures, prints the figures and holds them to their promises.
pub(crate) async fn run(options: &Options) -> Result<()> {
    release::required(&["selvage", "xtask"]).await?;
    let directory = TempDir::with_prefix("selvage-bench-copies-")?;
    let factory = Factory::start(directory.path()).await?;
    let node = node(directory.path(), &factory)?;
    let key = node.issue_key(CONSUMER)?;
    let _running = node.start(directory.path()).await?;
    follows(&node).await?;
    let target = Target { address: node.address, path: PATH.to_owned(), keys: key.into(), speech: Speech::Http1 };
    shown(&target).await?;
    let (rounds, lasts) = if options.quick { (2, 3) } else { (5, 10) };
    let mut measured = Vec::new();
    for _ in 0..rounds {
        let round = round(&target, &factory, Duration::from_secs(lasts)).await?;
        let Round { reads_per_second, p99_ms, odoo_reads } = &round;
        eprintln!(
            "{reads_per_second:.0} reads a second, p99 {p99_ms:.2} ms at {RATE}, {odoo_reads} more calls to Odoo"
        );
        measured.push(round);
    }
    let of = |value: fn(&Round) -> f64| median(measured.iter().map(value).collect());
    let figure = |name, value, promise| Figure { name, value, promise };
    report(
        "copies",
        &[
            figure("reads_per_second", of(|round| round.reads_per_second), Promise::AtLeast(RATE)),
            figure("p99_ms", of(|round| round.p99_ms), Promise::AtMost(50.0)),
            figure("odoo_reads", of(|round| round.odoo_reads), Promise::AtMost(A_LOOK)),
        ],
    )
}

fn node(directory: &Path, factory: &Factory) -> Result<Node> {
    let fabric = directory.join("fabric");
    std::fs::create_dir_all(&fabric)?;
    std::fs::write(fabric.join("fabric.yaml"), FABRIC.replace("ODOO", &factory.odoo.to_string()))?;
    let secrets = directory.join("secrets");
    std::fs::write(&secrets, SECRETS)?;
    let node = Node::embedded("copies", &fabric, &directory.join("data"))?;
    Ok(node.with(&["--secrets", &secrets.display().to_string()]))
}

async fn follows(node: &Node) -> Result<()> {
    let began = Instant::now();
    loop {
        let metrics = http::get(node.admin, "/metrics").await?;
        if String::from_utf8_lossy(&metrics.body).contains(FOLLOWING) {
            return Ok(());
        }
        ensure!(began.elapsed() < FOLLOWS_WITHIN, "the stock is not captured");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What is read is there, and comes from the copy.
async fn shown(target: &Target) -> Result<()> {
    let answer = http::get_with_key(target.address, &format!("{PATH}0"), target.keys.of(0), FOLLOWS_WITHIN).await?;
    let page = answer.json()?;
    let items = page.get("items").and_then(Value::as_array).context("a page has items")?;
    let kind = page.pointer("/source/kind").and_then(Value::as_str);
    ensure!(!items.is_empty() && kind == Some("copy"), "the copy does not answer: {page}");
    Ok(())
}

/// As long without reads as with them, so that the capture's own calls are known.
async fn round(target: &Target, factory: &Factory, lasts: Duration) -> Result<Round> {
    let before = factory.calls().await?;
    tokio::time::sleep(2 * lasts).await;
    let alone = factory.calls().await? - before;
    let before = factory.calls().await?;
    let done = closed(target.clone(), CONNECTIONS, lasts).await?;
    let latencies = open(target.clone(), CONNECTIONS, RATE, lasts).await?;
    let read = factory.calls().await? - before;
    Ok(Round {
        reads_per_second: done.answers / done.took.as_secs_f64(),
        p99_ms: latencies.quantile(0.99)?.as_secs_f64() * 1e3,
        odoo_reads: (read - alone).max(0.0),
    })
}
