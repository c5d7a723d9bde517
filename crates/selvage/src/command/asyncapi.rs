//! `selvage asyncapi [INTERFACE]`: the contract of event interfaces and webhooks, for those who send and receive and for their tools.

use std::path::PathBuf;

use clap::Args;
use selvage_mapping::asyncapi::{self, Server};
use selvage_model::code;

use super::Outcome;
use super::openapi::{Format, find};
use crate::{directory, report};

/// Prints the contract of event interfaces and webhooks as AsyncAPI 3.0.
#[derive(Args)]
pub(crate) struct Asyncapi {
    /// The interface, as `work-order-events@1`; without its version where there is one only. All that are served where none is named.
    interface: Option<String>,
    /// The fabric's directory.
    #[arg(long, value_name = "DIR", default_value = ".")]
    fabric: PathBuf,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Yaml)]
    format: Format,
    /// Where consumers and systems call, as `https://api.example.com`.
    #[arg(long, value_name = "URL")]
    server: Option<Server>,
}

impl Asyncapi {
    /// Prints the contract, or what is wrong with the fabric.
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        let checked = directory::check(&self.fabric)?;
        directory::must_hold_manifests(&self.fabric, &checked)?;
        if !checked.runs() {
            // Not where a contract is expected: the output often goes into a file.
            eprintln!("{}", report::human::write(&checked));
            return Ok(Outcome::Wrong);
        }
        let interfaces = match &self.interface {
            Some(name) => vec![find(&checked.fabric, name)?],
            None => asyncapi::served(&checked.fabric),
        };
        if interfaces.is_empty() {
            anyhow::bail!("{}: the fabric serves no event interface and no webhook", code::CONTRACT_UNMADE);
        }
        let document = asyncapi::document(&checked.fabric, &interfaces, self.server.as_ref())
            .map_err(|error| anyhow::anyhow!("{}: {error}", code::CONTRACT_UNMADE))?;
        self.format.print(&document)
    }
}
