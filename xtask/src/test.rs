//! `cargo xtask test`: everything that has to hold before a change lands, one step after another.
//! Stops at the first step that fails and names the command that repeats or repairs it; never skips one in silence.

pub(crate) mod peers;
mod steps;
pub(crate) mod tools;

use std::time::Instant;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

/// What to run; everything when nothing is said.
#[derive(Args)]
pub(crate) struct Options {
    /// Run these steps alone.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Step>,
    /// Run only the tests that this nextest expression selects, and no other step.
    #[arg(long, value_name = "EXPR")]
    filter: Option<String>,
    /// After that, try what is random as often as its promises say.
    #[arg(long)]
    deep: bool,
    /// Passed on to `cargo nextest run`; no other step is run.
    #[arg(last = true)]
    nextest: Vec<String>,
}

/// The steps, in the order in which they run: what is quick and often wrong comes first.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    /// The formatting is rustfmt's.
    Fmt,
    /// Crates use each other as the architecture allows.
    Graph,
    /// Licences, sources and bans of dependencies.
    Deny,
    /// No dependency is declared and unused.
    Machete,
    /// No lint warns.
    Clippy,
    /// The documentation builds without a warning.
    Doc,
    /// The tests, with the services they need.
    Tests,
    /// What is random, as often as its promises say; with `--deep` alone.
    Deep,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Graph => "graph",
            Self::Deny => "deny",
            Self::Machete => "machete",
            Self::Clippy => "clippy",
            Self::Doc => "doc",
            Self::Tests => "tests",
            Self::Deep => "deep",
        }
    }

    /// The command that repairs what the step found, or shows it again.
    fn remedy(self) -> &'static str {
        match self {
            Self::Fmt => "repair it with: cargo fmt --all",
            Self::Graph => {
                "see the allowed list in xtask/src/graph.rs; record a wanted change with: cargo xtask graph --bless"
            }
            Self::Deny => "see the reason above and deny.toml; repeat with: cargo xtask test --only deny",
            Self::Machete => {
                "remove the named dependencies from their Cargo.toml; repeat with: cargo xtask test --only machete"
            }
            Self::Clippy => "repeat with: cargo clippy --workspace --all-targets -- -D warnings",
            Self::Doc => "repeat with: RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps",
            Self::Tests => "repeat one with: cargo xtask test --filter 'test(NAME)'",
            Self::Deep => "repeat it with: cargo xtask test --only deep",
        }
    }
}

/// Runs the chosen steps; the end of the output is nextest's summary and one line.
pub(crate) async fn run(options: Options) -> Result<()> {
    let chosen = chosen(&options);
    let began = Instant::now();
    for (index, &step) in chosen.iter().enumerate() {
        let name = step.name();
        eprintln!("[{}/{}] {name} …", index + 1, chosen.len());
        let step_began = Instant::now();
        if let Err(error) = steps::run(step, &options).await {
            bail!("step `{name}` failed: {error:#}\n       {}", step.remedy());
        }
        if !matches!(step, Step::Tests | Step::Deep) {
            eprintln!("      {name} ok, {:.1} s", step_began.elapsed().as_secs_f64());
        }
    }
    println!("all steps passed in {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

fn chosen(options: &Options) -> Vec<Step> {
    let mut steps = if !options.only.is_empty() {
        options.only.clone()
    } else if options.filter.is_some() || !options.nextest.is_empty() {
        vec![Step::Tests]
    } else {
        Step::value_variants().iter().copied().filter(|step| *step != Step::Deep).collect()
    };
    if options.deep && !steps.contains(&Step::Deep) {
        steps.push(Step::Deep);
    }
    steps
}
