//! `cargo xtask bench mapping`: a production order with ten components, from Odoo's record to the object and back, beside
//! hand-written structs that do the same, in one run on one core.

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Deserialize;
use tokio::process::Command;

use super::figures::{self, Figure, Promise};
use crate::process;

/// How much is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// Fewer rounds, within 45 s.
    #[arg(long)]
    quick: bool,
}

/// Records a second, by round.
#[derive(Deserialize)]
struct Rates {
    by_mapping: Vec<f64>,
    by_hand: Vec<f64>,
}

/// Measures, prints the figures and holds them to their promises.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let mut bench = Command::new("cargo");
    bench.args(["bench", "--quiet", "-p", "selvage-mapping", "--bench", "order", "--"]);
    bench.args(options.quick.then_some("--quick")).current_dir(process::workspace()).kill_on_drop(true);
    let output = bench.stderr(std::process::Stdio::inherit()).output().await.context("cannot start `cargo bench`")?;
    ensure!(output.status.success(), "the benchmark ended with {}", output.status);
    let printed = String::from_utf8(output.stdout)?;
    let rates: Rates = serde_json::from_str(printed.lines().last().unwrap_or_default())?;
    // Each round is compared with the one beside it, so that what else the machine does weighs on both.
    let ratios =
        rates.by_hand.iter().zip(&rates.by_mapping).map(|(by_hand, by_mapping)| by_hand / by_mapping).collect();
    eprintln!("by hand {:.0} records a second", figures::median(rates.by_hand));
    let speed = figures::median(rates.by_mapping);
    figures::report(
        "mapping",
        &[
            Figure { name: "records_per_second_per_core", value: speed, promise: Promise::AtLeast(20_000.0) },
            Figure { name: "ratio_to_serde", value: figures::median(ratios), promise: Promise::AtMost(3.0) },
        ],
    )
}
