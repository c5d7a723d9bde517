//! `cargo xtask bench diff`: two releases of 10,000 interfaces, most of which are different, are read and compared by the release build of
//! `selvage diff`; and two of which nothing is different but where everything stands. Then two are activated on three nodes under load.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;
use tempfile::TempDir;

use super::figures::{self, Figure, Promise};
use super::{activation, check};
use crate::release;

/// How many interfaces the promises are made of.
const PROMISED: usize = 10_000;

/// What is written in another way in each unit, file by file: (of the file, before, after).
const CHANGES: [(&str, &str, &str); 4] = [
    ("base.yaml", "max: 64, description", "max: 32, description"),
    ("base.yaml", "origin: {type: string, optional", "origin: {type: string, max: 40, optional"),
    ("mediated.yaml", "quota: 500/day", "quota: 400/day"),
    ("others.yaml", "retention: {for: 30d", "retention: {for: 7d"),
];

/// What is written in another way in each contract of direct interfaces.
const OF_CONTRACTS: (&str, &str) = ("maxLength: 64", "maxLength: 32");

/// How much is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// Fewer rounds, and smaller releases to activate, within 45 s.
    #[arg(long)]
    quick: bool,
    /// Another number of interfaces than 10,000: its figures are shown, and nothing is promised of them.
    #[arg(long, default_value_t = PROMISED)]
    interfaces: usize,
}

/// Measures, prints the figures and holds them to their promises.
pub(crate) async fn run(options: &Options) -> Result<()> {
    release::required(&["selvage"]).await?;
    let place = TempDir::with_prefix("selvage-bench-diff-")?;
    let [before, after, moved] = ["before", "after", "moved"].map(|name| place.path().join(name));
    for directory in [&before, &after, &moved] {
        check::write(directory, options.interfaces)?;
        let changes = if *directory == after { &CHANGES[..] } else { &[] };
        if *directory != before {
            each_file(directory, &|name, text| altered(name, text, changes))?;
        }
    }
    let rounds = if options.quick { 3 } else { 7 };
    let (mut all, mut still) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (seconds, differences) = once(&before, &after)?;
        // Mediated interfaces are six in ten, and each meets what is different in its object besides.
        ensure!(differences > options.interfaces / 2, "only {differences} differences were found");
        eprintln!("{} interfaces: {seconds:.2} s, {differences} differences", options.interfaces);
        all.push(seconds);
        let (seconds, differences) = once(&before, &moved)?;
        ensure!(differences == 0, "{differences} differences were found where only places are others");
        still.push(seconds);
    }
    let promise = |bound| if options.interfaces == PROMISED { Promise::AtMost(bound) } else { Promise::Nothing };
    let mut measured = vec![
        Figure { name: "seconds", value: figures::median(all), promise: promise(3.0) },
        Figure { name: "unchanged_seconds", value: figures::median(still), promise: promise(3.0) },
    ];
    if options.interfaces == PROMISED {
        measured.extend(activation::figures(options.quick).await?);
    }
    figures::report("diff", &measured)
}

/// The text with what is different in it, and every line one further down.
fn altered(name: &str, text: &str, changes: &[(&str, &str, &str)]) -> String {
    let mut text = format!("# written anew\n{text}");
    for (_, before, after) in changes.iter().filter(|(of, ..)| *of == name) {
        text = text.replace(before, after);
    }
    if !changes.is_empty() && text.contains("\nopenapi: ") {
        text = text.replace(OF_CONTRACTS.0, OF_CONTRACTS.1);
    }
    text
}

fn each_file(directory: &Path, change: &dyn Fn(&str, &str) -> String) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            each_file(&path, change)?;
            continue;
        }
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        fs::write(&path, change(name, &fs::read_to_string(&path)?))?;
    }
    Ok(())
}

/// Compares once: how long that took, and how many differences there were.
fn once(before: &Path, after: &Path) -> Result<(f64, usize)> {
    let began = Instant::now();
    let output = Command::new(release::program("selvage"))
        .arg("diff")
        .args([before, after])
        .args(["--json", "--fail-on", "never"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start `selvage diff`")?;
    let seconds = began.elapsed().as_secs_f64();
    ensure!(output.status.success(), "`selvage diff` ended with {}", output.status);
    let told: Value = serde_json::from_slice(&output.stdout).context("`selvage diff` does not print JSON")?;
    Ok((seconds, told.get("differences").and_then(Value::as_array).map_or(0, Vec::len)))
}
