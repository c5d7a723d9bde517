//! The workspace's own tasks: tests, services, benchmarks, crash runs, screenshots.
//! It is a tool of developers and CI; nothing of it is part of what users run.
#![allow(clippy::disallowed_methods, reason = "a developer's tool reads the developer's environment")]

mod bench;
mod crash;
mod daemon;
mod docs;
mod graph;
mod http;
mod load;
mod process;
mod release;
mod screenshots;
mod selvage;
mod services;
mod soak;
mod test;

use std::process::ExitCode;

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
    /// Compare the pages of docs/objects with the manifests that ship.
    Docs {
        /// Write the pages anew.
        #[arg(long)]
        bless: bool,
    },
    /// Measure a promise about speed.
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Keep promises while processes are killed and systems misbehave.
    #[command(subcommand)]
    Crash(crash::Crash),
    /// Keep promises for an hour of mixed load while systems misbehave.
    Soak(soak::Options),
    /// Take pictures of the console's pages.
    Screenshots,
    /// Start the services that tests need, print their environment, keep them until ctrl-c.
    Services,
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Test(options) => test::run(options).await,
        Task::Graph { bless: true } => graph::bless(),
        Task::Graph { bless: false } => graph::check(),
        Task::Docs { bless } => docs::run(bless).await,
        Task::Bench(bench) => bench::run(bench).await,
        Task::Crash(crash) => process::unless_interrupted(Box::pin(crash::run(crash))).await,
        Task::Soak(options) => process::unless_interrupted(Box::pin(soak::run(&options))).await,
        Task::Screenshots => process::unless_interrupted(screenshots::run()).await,
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
