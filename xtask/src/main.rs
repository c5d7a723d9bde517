//! The workspace's own tasks: tests, services, benchmarks, crash runs, screenshots.
//! It is a tool of developers and CI; nothing of it is part of what users run.
#![allow(
    clippy::disallowed_methods,
    reason = "a developer's tool reads the developer's environment"
)]

mod process;
mod services;

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
    /// Start the services that tests need, print their environment, keep them until ctrl-c.
    Services,
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().task {
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
