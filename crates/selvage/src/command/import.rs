//! `selvage import …`: drafts of manifests from what a system already has. What a person must decide stays open, and is named.

mod openapi;

use clap::Subcommand;

use super::Outcome;

/// Drafts manifests from what a system already has.
#[derive(Subcommand)]
pub(crate) enum Import {
    /// Drafts an interface and its objects from an OpenAPI contract (3.0 or 3.1, YAML or JSON).
    Openapi(openapi::ImportOpenapi),
}

impl Import {
    /// Writes the drafts and tells what was left out.
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::Openapi(openapi) => openapi.run(),
        }
    }
}
