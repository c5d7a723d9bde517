//! `cargo xtask bench capture`: a node captures an Odoo in which there are suddenly 200,000 products, as behind an import, and tells each
//! of them. What is promised is its memory: it is about the same as for a tenth of them.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use tempfile::TempDir;

use super::figures::{Figure, Promise, report};
use crate::crash::factory::SECRETS;
use crate::daemon::{Daemon, free_port};
use crate::selvage::Node;
use crate::{http, release};

const FABRIC: &str = include_str!("../../fabrics/capture/fabric.yaml");
const FOLLOWING: &str = "selvage_capture_following{interface=\"product-events@1\",system=\"odoo\"} 1";
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A capture that takes longer has stopped.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// How much is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// A tenth of the products, within 45 s.
    #[arg(long)]
    quick: bool,
}

/// What capturing so many products took.
struct Captured {
    peak_megabytes: f64,
    per_second: f64,
}

/// Measures, prints the figures and holds them to their promises.
pub(crate) async fn run(options: &Options) -> Result<()> {
    release::required(&["selvage", "xtask"]).await?;
    let many = if options.quick { 20_000 } else { 200_000 };
    let records = (many - many / 10) as f64;
    let few = capture(many / 10).await?;
    let many = capture(many).await?;
    // What the whole process takes besides would hide what grows with each record.
    let per_record = (many.peak_megabytes - few.peak_megabytes).max(0.0) * 1e6 / records;
    let promise = if options.quick { Promise::Nothing } else { Promise::AtMost(100.0) };
    let figure = |name, value, promise| Figure { name, value, promise };
    report(
        "capture",
        &[
            figure("records_per_second", many.per_second, Promise::Nothing),
            figure("peak_mb", many.peak_megabytes, Promise::Nothing),
            figure("bytes_per_record", per_record, promise),
            figure("growth_ratio", many.peak_megabytes / few.peak_megabytes, Promise::AtMost(1.5)),
        ],
    )
}

async fn capture(products: u64) -> Result<Captured> {
    let directory = TempDir::with_prefix("selvage-bench-capture-")?;
    let (_factory, odoo) = factory(products, directory.path()).await?;
    let fabric = directory.path().join("fabric");
    std::fs::create_dir_all(&fabric)?;
    std::fs::write(fabric.join("fabric.yaml"), FABRIC.replace("ODOO", &odoo.to_string()))?;
    let secrets = directory.path().join("secrets");
    std::fs::write(&secrets, format!("{SECRETS}odoo/hook=hook-of-the-simulated-odoo\n"))?;
    let node = Node::embedded("capture", &fabric, &directory.path().join("data"))?;
    let node = node.with(&["--secrets", &secrets.display().to_string()]);
    let began = Instant::now();
    let daemon = node.start(directory.path()).await?;
    loop {
        let metrics = http::get(node.admin, "/metrics").await?;
        if String::from_utf8_lossy(&metrics.body).contains(FOLLOWING) {
            break;
        }
        ensure!(began.elapsed() < PATIENCE, "{products} products are not captured: {}", daemon.output());
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let (peak_megabytes, seconds) = (daemon.peak_megabytes()?, began.elapsed().as_secs_f64());
    eprintln!("{products} products in {seconds:.1} s, {peak_megabytes:.1} MB at most");
    Ok(Captured { peak_megabytes, per_second: products as f64 / seconds })
}

async fn factory(products: u64, directory: &Path) -> Result<(Daemon, SocketAddr)> {
    let odoo = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
    let mut command = Command::new(release::program("selvage"));
    command.args(["factory", "--odoo-port", &odoo.port().to_string(), "--mes-port", "0", "--wms-port", "0"]);
    command.args(["--products", &products.to_string()]);
    let mut daemon = Daemon::start("factory", &mut command, directory)?;
    daemon.listens(odoo).await?;
    Ok((daemon, odoo))
}
