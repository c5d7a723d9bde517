//! `selvage check`: all problems of a fabric directory at once.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use selvage_model::finding::Severity;

use super::{Outcome, say};
use crate::directory;
use crate::report;

/// Reads a fabric directory and names every problem in it.
#[derive(Args)]
pub(crate) struct Check {
    /// The fabric's directory.
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// How the findings are written.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// How findings are written.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// For people, with the lines in question.
    Human,
    /// One JSON document.
    Json,
    /// SARIF 2.1.0, for code review tools.
    Sarif,
}

impl Check {
    /// Checks and prints; wrong when there are errors.
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        let checked = directory::check(&self.directory)?;
        directory::must_hold_manifests(&self.directory, &checked)?;
        let text = match self.format {
            Format::Human => report::human::write(&checked),
            Format::Json => report::json::write(&checked),
            Format::Sarif => report::sarif::write(&checked),
        };
        say(text)?;
        let wrong = checked.findings.iter().any(|finding| finding.severity == Severity::Error);
        Ok(if wrong { Outcome::Wrong } else { Outcome::Well })
    }
}
