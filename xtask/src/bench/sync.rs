//! A whole list of products, through the connector and the mapping, beside the same requests made bare: sent by a plain
//! client that reads the answers and drops them. In turns within one run; each ratio is taken within a pair of neighbours.
//!
//! The simulated Odoo is a process of its own, and so is the side that is measured, so that its memory can be told. Both sides
//! have one request under way at a time, as on Odoo Online; what is measured is what Selvage adds that the wait for
//! the next answer does not hide.
//!
//! The simulated Odoo makes a page of 500 products in a few milliseconds of one core, which no Odoo does. So it waits before it
//! answers a call for products, and the processors are free meanwhile, as they are where the Odoo is another machine. What
//! Selvage's own work costs is a figure of its own, so that the wait cannot hide it.

mod child;
mod lister;
mod recorder;
mod replay;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::json;
use tempfile::TempDir;

use self::child::Lister;
use self::recorder::Recorder;
use super::cpu;
use super::figures::{Figure, Promise, median, report};
use crate::daemon::{Daemon, free_port};
use crate::{http, release};

pub(crate) use self::lister::{ListerOptions, serve};

/// How long the simulated Odoo waits before it answers a call for products.
const PAGE_TAKES: Duration = Duration::from_millis(100);
/// The list after which memory is looked at first.
const FEW: usize = 5_000;

/// How much is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// Fewer rounds, within 45 s.
    #[arg(long)]
    quick: bool,
}

/// Measures, prints the figures and holds them to their promises.
pub(crate) async fn run(options: &Options) -> Result<()> {
    release::required(&["selvage", "xtask"]).await?;
    let directory = TempDir::with_prefix("selvage-bench-sync-")?;
    let (products, pairs) = if options.quick { (15_000, 2) } else { (100_000, 4) };
    let (_factory, odoo) = factory(products, directory.path()).await?;
    let requests = requests(odoo).await?;
    eprintln!("{} requests list {products} products", requests.len());

    let mut lister = Lister::start(odoo)?;
    lister.list(FEW).await?;
    let peak_of_few = lister.peak_megabytes()?;
    let (mut ratios, mut cpu_micros) = (Vec::new(), Vec::new());
    for pair in 0..pairs {
        let before = cpu::of_family(lister.pid())?;
        let (bare, listed) = if pair % 2 == 0 {
            let bare = replay::run(odoo, &requests).await?;
            (bare, lister.list(0).await?)
        } else {
            let listed = lister.list(0).await?;
            (replay::run(odoo, &requests).await?, listed)
        };
        ensure!(listed.records >= products && listed.unshown == 0, "{listed:?}");
        let cpu = cpu::of_family(lister.pid())?.saturating_sub(before);
        cpu_micros.push(cpu.as_secs_f64() * 1e6 / listed.records as f64);
        let ratio = listed.took().as_secs_f64() / bare.as_secs_f64();
        let rate = listed.records as f64 / listed.took().as_secs_f64();
        eprintln!("bare {bare:.2?}, as objects {:.2?} ({rate:.0} products/s): {ratio:.3}", listed.took());
        ratios.push(ratio);
    }
    let peak = lister.peak_megabytes()?;
    eprintln!("{peak_of_few:.1} MB after {FEW} products, {peak:.1} MB after {products}, again and again");
    let figure = |name, value, bound| Figure { name, value, promise: Promise::AtMost(bound) };
    report(
        "sync",
        &[
            figure("overhead_ratio", median(ratios), 1.15),
            figure("cpu_micros_per_product", median(cpu_micros), 60.0),
            figure("peak_megabytes", peak, 64.0),
            figure("peak_growth_ratio", peak / peak_of_few, 1.25),
        ],
    )
}

async fn factory(products: usize, directory: &Path) -> Result<(Daemon, SocketAddr)> {
    let port = free_port()?;
    let odoo = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut command = Command::new(release::program("selvage"));
    command.args(["factory", "--odoo-port", &port.to_string(), "--mes-port", "0", "--wms-port", "0"]);
    command.args(["--products", &products.to_string()]);
    let mut daemon = Daemon::start("factory", &mut command, directory)?;
    daemon.listens(odoo).await?;
    let wait = json!({
        "kind": "latency", "ms": PAGE_TAKES.as_millis() as u64, "model": "product.product", "method": "search_read",
    });
    let told = http::post(odoo, "/_factory/faults", &[], &wait, Duration::from_secs(5)).await?;
    ensure!(told.status < 300, "the simulated Odoo does not wait: {}", told.status);
    Ok((daemon, odoo))
}

/// What one listing asks for, once versions, users and units are known.
async fn requests(odoo: SocketAddr) -> Result<Vec<recorder::Recorded>> {
    let recorder = Recorder::start(odoo).await?;
    let mut lister = Lister::start(recorder.address)?;
    lister.list(FEW).await?;
    recorder.take();
    lister.list(0).await?;
    let requests = recorder.take();
    ensure!(requests.len() > 1, "nothing was asked");
    Ok(requests)
}

/// How one listing went.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Listed {
    records: usize,
    /// Records that are no objects.
    unshown: usize,
    micros: u64,
}

impl Listed {
    fn took(&self) -> Duration {
        Duration::from_micros(self.micros)
    }
}
