//! `cargo xtask bench`: measures the promises that Selvage makes about speed, beside a known program in the same run.
//! A broken promise is an error; the last line is the figures as JSON.

mod activation;
mod capture;
mod check;
mod copies;
mod cpu;
mod deliveries;
mod demo;
mod diff;
mod fabric;
pub(crate) mod figures;
mod gateway;
mod log;
mod mapping;
mod nginx;
mod reloader;
mod revocation;
mod sync;
mod tokens;
mod upstream;

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;

use crate::process;

/// What can be measured.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// A direct interface with all its checks on, beside nginx as a bare proxy to the same upstream.
    Gateway(gateway::Options),
    /// The demo: how long until it is up, how much memory it keeps when idle.
    Demo(demo::Options),
    /// A whole list of products of an Odoo as objects, beside the same requests made bare.
    Sync(sync::Options),
    /// The side of the sync benchmark that is measured.
    #[command(hide = true)]
    Lister(sync::ListerOptions),
    /// A key taken back while three nodes are under load and one of them is stopped: how long it still opens anything.
    Revocation(revocation::Options),
    /// A release of many interfaces activated on three nodes under load, and gone back from: how long until each runs it.
    Activation(activation::Options),
    /// Durable appends to the event log, beside JetStream with and without its promise to write first.
    Log(log::Options),
    /// The side of the log benchmark that is measured.
    #[command(hide = true)]
    Appender(log::AppenderOptions),
    /// Signed deliveries to many endpoints, one in ten of them dead, and what the dead ones cost the others.
    Deliveries(deliveries::Options),
    /// A production order with ten components through its mapping and back, beside hand-written structs.
    Mapping(mapping::Options),
    /// The gateway of the reload benchmark.
    #[command(hide = true)]
    Reloader(reloader::Options),
    /// Two releases of a large generated fabric, read, compared, and activated on three nodes under load.
    Diff(diff::Options),
    /// An Odoo with 200,000 new products, captured: what memory the node takes.
    Capture(capture::Options),
    /// Stock read from a copy a thousand times a second: how fast, and what of it Odoo sees.
    Copies(copies::Options),
    /// A large generated fabric, read, judged and compiled.
    Check(check::Options),
    /// The upstream of the gateway benchmark.
    #[command(hide = true)]
    Upstream {
        /// The port of 127.0.0.1 to listen on.
        #[arg(long)]
        port: u16,
        /// A file of an issuer's keys to show.
        #[arg(long)]
        keys: Option<PathBuf>,
    },
}

/// Runs one benchmark.
pub(crate) async fn run(bench: Bench) -> Result<()> {
    match bench {
        Bench::Gateway(options) => process::unless_interrupted(gateway::run(&options)).await,
        Bench::Demo(options) => process::unless_interrupted(demo::run(&options)).await,
        Bench::Sync(options) => process::unless_interrupted(sync::run(&options)).await,
        Bench::Lister(options) => sync::serve(&options).await,
        Bench::Log(options) => process::unless_interrupted(log::run(&options)).await,
        Bench::Appender(options) => log::serve(&options).await,
        Bench::Deliveries(options) => process::unless_interrupted(deliveries::run(&options)).await,
        Bench::Mapping(options) => process::unless_interrupted(mapping::run(&options)).await,
        Bench::Reloader(options) => reloader::serve(&options).await,
        Bench::Activation(options) => process::unless_interrupted(activation::run(&options)).await,
        Bench::Revocation(options) => process::unless_interrupted(revocation::run(&options)).await,
        Bench::Diff(options) => process::unless_interrupted(diff::run(&options)).await,
        Bench::Capture(options) => process::unless_interrupted(capture::run(&options)).await,
        Bench::Copies(options) => process::unless_interrupted(copies::run(&options)).await,
        Bench::Check(options) => process::unless_interrupted(check::run(&options)).await,
        Bench::Upstream { port, keys } => upstream::run(port, keys.as_deref()).await,
    }
}
