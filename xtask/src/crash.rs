//! `cargo xtask crash`: promises that have to hold while processes are killed and systems misbehave.
//! Everything random comes from a seed that is printed, so that a run can be repeated.

mod capture;
mod claims;
pub(crate) mod client;
mod events;
pub(crate) mod factory;
mod gateways;
mod random;
mod verbs;

use anyhow::Result;
use clap::Subcommand;

/// What can be tried.
#[derive(Subcommand)]
pub(crate) enum Crash {
    /// One create with one key, sent 50 times at once to two gateways of which one is killed.
    Claims(claims::Options),
    /// Random verbs with random faults: stock, orders and lots are what was confirmed, nothing twice.
    Verbs(verbs::Options),
    /// A node that captures a simulated Odoo, killed while products change there: what is told is what there is.
    Capture(capture::Options),
    /// Producers and readers while nodes are killed and their power is cut: what was acknowledged is delivered, in order.
    Events(events::Options),
    /// The node of the events run.
    #[command(hide = true)]
    EventNode(events::NodeOptions),
}

/// Runs one of them.
pub(crate) async fn run(crash: Crash) -> Result<()> {
    match crash {
        Crash::Claims(options) => claims::run(&options).await,
        Crash::Verbs(options) => verbs::run(&options).await,
        Crash::Capture(options) => capture::run(&options).await,
        Crash::Events(options) => Box::pin(events::run(&options)).await,
        Crash::EventNode(options) => events::serve(&options).await,
    }
}
