//! `selvage odoo`: commands about Odoo servers, beside what is served from them.

mod probe;
mod target;
mod write;

use clap::Subcommand;

use super::Outcome;

/// Looks at Odoo servers.
#[derive(Subcommand)]
pub(crate) enum OdooCommand {
    /// Says what an Odoo is, what its accounts may, and which mappings and verbs will work. Changes nothing in it.
    Probe(probe::Probe),
}

impl OdooCommand {
    /// Runs the subcommand.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::Probe(probe) => probe.run().await,
        }
    }
}
