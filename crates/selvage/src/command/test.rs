//! `selvage test`: the examples of mappings are tests, and their laws are tried on generated records, or on a live system.

mod live;

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use selvage_mapping::trial::{self, ExampleResult, LawResult, Trial};
use selvage_model::manifest::mapping::Mapping;

use self::live::Live;
use super::{Outcome, say};
use crate::{directory, report};

/// Runs the examples of all mappings and checks their laws on generated records.
#[derive(Args)]
pub(crate) struct Test {
    /// The fabric's directory.
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// Generated records for each law and version.
    #[arg(long, default_value_t = 200)]
    cases: u32,
    /// What the records are generated from; the same seed gives the same records.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    live: Live,
}

impl Test {
    /// Tries every mapping; wrong when one does not hold.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        if self.live.is_meant() { self.live.run(&self.directory).await } else { self.offline() }
    }

    fn offline(&self) -> anyhow::Result<Outcome> {
        let checked = directory::check(&self.directory)?;
        directory::must_hold_manifests(&self.directory, &checked)?;
        if !checked.runs() {
            say(report::human::write(&checked))?;
            return Ok(Outcome::Wrong);
        }
        let progress = ProgressBar::new(checked.fabric.mappings.len() as u64);
        progress.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")?);
        let (mut passed, mut failed) = (0_u32, 0_u32);
        for mapping in checked.fabric.mappings.values() {
            progress.set_message(mapping.name.to_string());
            let trial = trial::run(mapping, &checked.fabric, self.cases, self.seed);
            progress.suspend(|| say(lines(mapping, &trial)))?;
            let failures = failures(&trial);
            failed += failures;
            passed += count(&trial) - failures;
            progress.inc(1);
        }
        progress.finish_and_clear();
        say(format_args!("{passed} passed, {failed} failed"))?;
        Ok(if failed == 0 { Outcome::Well } else { Outcome::Wrong })
    }
}

fn count(trial: &Trial) -> u32 {
    u32::try_from(trial.examples.len() + trial.laws.len() + trial.findings.len()).unwrap_or(u32::MAX)
}

fn failures(trial: &Trial) -> u32 {
    let examples = trial.examples.iter().filter(|example| !example.failures.is_empty()).count();
    let laws = trial.laws.iter().filter(|law| law.broken.is_some()).count();
    u32::try_from(examples + laws + trial.findings.len()).unwrap_or(u32::MAX)
}

fn lines(mapping: &Mapping, trial: &Trial) -> String {
    let mut lines = vec![format!("{} ({} to {})", mapping.name, mapping.record, mapping.object)];
    let findings = trial.findings.iter();
    lines.extend(findings.map(|finding| format!("  FAILED  {} {} {}", finding.place, finding.code, finding.message)));
    lines.extend(trial.examples.iter().map(|example| format!("  {}", example_line(example))));
    lines.extend(trial.laws.iter().map(|law| format!("  {}", law_line(law))));
    lines.join("\n")
}

fn example_line(example: &ExampleResult) -> String {
    let what = format!("example at {} in version {}", example.place, example.version);
    if example.failures.is_empty() {
        return format!("ok      {what}");
    }
    format!("FAILED  {what}\n          {}", example.failures.join("\n          "))
}

fn law_line(law: &LawResult) -> String {
    let what = format!("{} in version {}: held {} times", law.law.as_str(), law.version, law.held);
    match &law.broken {
        None => format!("ok      {what}"),
        Some(broken) => format!("FAILED  {what}\n          {broken}"),
    }
}
