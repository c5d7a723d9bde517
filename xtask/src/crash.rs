//! `cargo xtask crash`: promises that have to hold while processes are killed and systems misbehave.
//! Everything random comes from a seed that is printed, so that a run can be repeated.

mod claims;
mod factory;
mod random;

use anyhow::Result;
use clap::Subcommand;

/// What can be tried.
#[derive(Subcommand)]
pub(crate) enum Crash {
    /// One create with one key, sent 50 times at once to two gateways of which one is killed.
    Claims(claims::Options),
}

/// Runs one of them.
pub(crate) async fn run(crash: Crash) -> Result<()> {
    match crash {
        Crash::Claims(options) => claims::run(&options).await,
    }
}
