//! `selvage diff`: what is different between two states of a fabric, or between two contracts, what each difference means, and whom
//! it concerns.

mod contracts;
mod git;
mod state;

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use selvage_governance::compare::compatibility::{Earlier, broken};
use selvage_governance::compare::{self, Class, Difference, Verdict};
use selvage_model::code;
use selvage_model::fabric::Fabric;

use super::{Outcome, StoreChoice, say};
use crate::report::comparison::{self, Comparison};
use state::States;

/// Compares two states of a fabric, or two contracts, and says whom a change breaks.
#[derive(Args)]
pub(crate) struct Diff {
    /// What there was: a directory, a git revision (`main`, `HEAD~1:fabric`), or a release of the store (`rel_…`). Or a contract by
    /// itself: a file with OpenAPI, AsyncAPI or a JSON Schema, or a revision of the other one.
    #[arg(required_unless_present = "explain")]
    base: Option<String>,
    /// What there is to be, in the same ways.
    #[arg(default_value = ".")]
    head: String,
    /// An earlier state of the contract that there is to be: it has to go together with each (transitive compatibility). Or of the
    /// fabric, for what its objects and events promise towards every state.
    #[arg(long, value_name = "STATE")]
    also: Vec<String>,
    /// Prints JSON.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Prints Markdown, for pull requests.
    #[arg(long)]
    markdown: bool,
    /// Names who would break, by the use that the store has seen.
    #[arg(long)]
    impact: bool,
    /// From which verdict on the command fails.
    #[arg(long, value_enum, default_value_t = FailOn::Unproven, value_name = "VERDICT")]
    fail_on: FailOn,
    /// Says what a class of differences means, as `interface.operation.removed.request`.
    #[arg(long, value_name = "CLASS", exclusive = true)]
    explain: Option<String>,
    #[command(flatten)]
    store: StoreChoice,
}

/// From which verdict on the command fails.
#[derive(Clone, Copy, ValueEnum)]
enum FailOn {
    /// What cannot be told counts as breaking.
    Unproven,
    /// Only what is known to break somebody.
    Breaking,
    /// Nothing.
    Never,
}

impl FailOn {
    fn fails(self, difference: &Difference) -> bool {
        match self {
            Self::Unproven => difference.verdict >= Verdict::Unproven,
            Self::Breaking => difference.verdict >= Verdict::Breaking,
            Self::Never => false,
        }
    }
}

impl Diff {
    /// Compares and prints; wrong where something is as grave as was asked for.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        if let Some(class) = &self.explain {
            say(explained(class)?)?;
            return Ok(Outcome::Well);
        }
        let base = self.base.clone().unwrap_or_default();
        if contracts::are_meant(&base, &self.head) {
            return self.contracts(&base).await;
        }
        let file = self.also.iter().find(|name| std::path::Path::new(name).is_file());
        anyhow::ensure!(
            file.is_none(),
            "{}: `{}` is a file; these are states of a fabric",
            code::CONTRACTS_UNLIKE,
            file.map(String::as_str).unwrap_or_default()
        );
        let States { before, after, also } = state::read(&base, &self.head, &self.also, &self.store).await?;
        let mut differences = compare::fabrics(&before, &after);
        compare::judge_by_day(&mut differences, &after, Timestamp::now().to_zoned(TimeZone::UTC).date());
        let impact = match self.impact {
            true => Some(selvage_control::desk::impact(&self.store.existing().await?, &before, &differences).await?),
            false => None,
        };
        let earlier: Vec<Earlier<'_>> = also.iter().map(|(name, fabric)| Earlier { name, fabric }).collect();
        let mut compared = Comparison::new((&base, &self.head), (&before, &after), &differences, impact.as_ref());
        compared.broken = broken(Earlier { name: &base, fabric: &before }, &earlier, &after);
        self.tell(&compared)
    }

    /// Compares two contracts by themselves.
    async fn contracts(&self, base: &str) -> anyhow::Result<Outcome> {
        let code = code::CONTRACTS_UNLIKE;
        anyhow::ensure!(
            !self.impact,
            "{code}: use is counted for interfaces; compare the fabrics that have the contracts"
        );
        let found = contracts::compare(base, &self.also, &self.head).await?;
        let none = Fabric::default();
        let mut compared = Comparison::new((base, &self.head), (&none, &none), &found.differences, None);
        compared.contract = Some(found.kind);
        self.tell(&compared)
    }

    fn tell(&self, compared: &Comparison<'_>) -> anyhow::Result<Outcome> {
        say(match (self.json, self.markdown) {
            (true, _) => comparison::json::write(compared),
            (_, true) => comparison::markdown::write(compared),
            _ => comparison::human::write(compared),
        })?;
        let breaks = !compared.broken.is_empty() && !matches!(self.fail_on, FailOn::Never);
        let fails = breaks || compared.differences.iter().any(|difference| self.fail_on.fails(difference));
        Ok(if fails { Outcome::Wrong } else { Outcome::Well })
    }
}

/// A class for people.
fn explained(text: &str) -> anyhow::Result<String> {
    let all = || compare::TABLES.iter().copied().flatten().chain(compare::BACKSTOPS).copied();
    let Some(class) = all().find(|class| class.code == text) else {
        let distance = |class: &&Class| strsim::levenshtein(text, class.code);
        let nearest = all().min_by_key(distance).map_or("", |class| class.code);
        let code = code::DIFFERENCE_UNKNOWN;
        anyhow::bail!("{code}: there is no class `{text}` of differences; did you mean `{nearest}`?");
    };
    let mut written = format!("{}: {}\n\n{}\n", class.code, class.verdict.as_str(), class.because);
    if let Some(example) = crate::embedded::comparison_example(class.area.as_str(), class.code) {
        // Writing to a string cannot fail.
        let _ = write!(written, "\nFor example:\n\n{}", example.trim_end());
    }
    Ok(written.trim_end().to_owned())
}
