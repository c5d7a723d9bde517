//! `selvage check`: all problems of a fabric directory at once.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use selvage_model::finding::Severity;
use selvage_model::name::EnvironmentName;

use super::{Outcome, say};
use crate::directory;
use crate::node::release;
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
    /// The day, or the time, as of which is judged what has ended, as `2027-03-01`. Default: now.
    #[arg(long, value_name = "TIME", value_parser = day)]
    at: Option<Date>,
    /// Compiles it for this environment as well, as a gateway would run it there, and names what stands in the way.
    #[arg(long, value_name = "NAME")]
    env: Option<EnvironmentName>,
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
        let today = self.at.unwrap_or_else(|| jiff::Zoned::now().date());
        let mut checked = directory::check_at(&self.directory, today)?;
        directory::must_hold_manifests(&self.directory, &checked)?;
        if let Some(environment) = &self.env {
            let mut found = release::trial(&checked, environment)?;
            checked.findings.append(&mut found);
        }
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

/// A day, or the day of a time in UTC.
fn day(text: &str) -> Result<Date, String> {
    let day = match text.parse::<Timestamp>() {
        Ok(time) => Ok(time.to_zoned(TimeZone::UTC).date()),
        Err(_) => text.parse::<Date>(),
    };
    day.map_err(|_| "write a day as `2027-03-01`, or a time as `2027-03-01T18:00Z`".to_owned())
}
