//! The workspace's own tasks: tests, services, benchmarks, crash runs, screenshots.
//! It is a tool of developers and CI; nothing of it is part of what users run.
#![allow(clippy::disallowed_methods, reason = "a developer's tool reads the developer's environment")]

mod bench;
mod daemon;
mod graph;
mod http;
mod load;
mod process;
mod release;
mod selvage;
mod services;
mod test;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};

/// Tasks of the Selvage workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check everything that has to hold before a change lands.
    Test(test::Options),
    /// Compare which crate uses which with what the architecture allows.
    Graph {
        /// Record the graph as it stands.
        #[arg(long)]
        bless: bool,
    },
    /// Measure a promise about speed.
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Start the services that tests need, print their environment, keep them until ctrl-c.
    Services,
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Test(options) => test::run(options).await,
        Task::Graph { bless: true } => graph::bless(),
        Task::Graph { bless: false } => graph::check(),
        Task::Bench(bench) => unless_interrupted(bench::run(bench)).await,
        Task::Services => services::run().await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a task whose children end when it is dropped; a signal drops it.
async fn unless_interrupted(task: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::select! {
        done = task => done,
        signal = process::interrupted() => bail!("interrupted by SIG{}", signal?),
    }
}
