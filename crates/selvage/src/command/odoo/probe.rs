//! `selvage odoo probe`: what a server is and what will work with it, before anything is served from it.

use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use selvage_engine::probe::{AccountProbe, ProbeTarget, probe};
use selvage_model::code;

use super::target::{Chosen, TargetChoice};
use super::write;
use crate::command::{Outcome, say};

/// Probes an Odoo through the accounts of a fabric, or any Odoo by its address.
#[derive(Args)]
pub(crate) struct Probe {
    #[command(flatten)]
    target: TargetChoice,
    /// How the report is written.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// How long all of it may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    patience: u64,
}

/// How the report is written.
#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Human,
    /// One JSON document.
    Json,
}

impl Probe {
    /// Asks and prints; wrong where something that is needed will not work.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let chosen = self.target.choose()?;
        let patience = Duration::from_secs(self.patience);
        let Ok(accounts) = tokio::time::timeout(patience, ask(&chosen)).await else {
            anyhow::bail!("{}: the probe was not done within {} seconds", code::PROBE_LATE, self.patience);
        };
        match self.format {
            Format::Human => say(write::human(&chosen, &accounts))?,
            Format::Json => say(write::json(&chosen, &accounts))?,
        }
        let useless = |probe: &AccountProbe| match &probe.outcome {
            Ok(found) => chosen.ad_hoc && !found.works.iter().any(write::reads),
            Err(_) => true,
        };
        let wrong = accounts.iter().any(|probe| probe.lacks() || useless(probe));
        Ok(if wrong { Outcome::Wrong } else { Outcome::Well })
    }
}

async fn ask(chosen: &Chosen) -> Vec<AccountProbe> {
    // It draws on a terminal only.
    let spinner = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(120));
    let mut probes = Vec::new();
    for account in chosen.accounts() {
        let name = account.name.value.clone();
        let progress = |what: &str| spinner.set_message(format!("{name}: {what}"));
        let target = ProbeTarget {
            fabric: &chosen.fabric,
            system: chosen.system(),
            environment: chosen.environment(),
            account,
            secrets: &chosen.secrets,
            progress: &progress,
        };
        probes.push(probe(&target).await);
    }
    spinner.finish_and_clear();
    probes
}
