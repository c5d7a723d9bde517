//! Products are made, changed and deleted in a simulated Odoo while who captures them has trouble. A node is killed at random moments, calls
//! fail in many ways and webhooks hint; two nodes share a capture, and the one that has it stands still past its lease, between reading and
//! writing; 200,000 products are imported at once. INVARIANT: NOTHING-LOST, LANE-ORDER: what a consumer is told, replayed onto an empty
//! table, is what Odoo has; each change once, and each record in order.

mod changes;
mod checker;
mod import;
mod killed;
mod shared;
mod site;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use serde_json::json;
use tempfile::TempDir;

use self::checker::{Broken, Fact, Table, Told, check};
use self::import::Imported;
use crate::release;

/// How much to try.
#[derive(Args)]
pub(crate) struct Options {
    /// Fewer changes, within 45 s.
    #[arg(long)]
    quick: bool,
    /// How many changes while a node is killed.
    #[arg(long)]
    changes: Option<u64>,
    /// How many products are imported at once.
    #[arg(long)]
    imported: Option<u64>,
    /// The seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only a part of it.
    #[arg(long)]
    only: Option<Part>,
}

/// The parts of a run.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// A node that is killed.
    Killed,
    /// Two nodes that share a capture.
    Shared,
    /// An import.
    Import,
}

/// What was told of a system, and what it has.
#[derive(Default)]
struct Outcome {
    /// How often the node was killed, or stood still.
    rounds: u64,
    changes: u64,
    events: Vec<Told>,
    records: Table,
}

/// Tries it, prints the figures, and fails when a promise was broken or a planted error was missed.
pub(crate) async fn run(options: &Options) -> Result<()> {
    release::required(&["selvage", "xtask"]).await?;
    let directory = TempDir::with_prefix("selvage-capture-")?;
    let is_part = |part| options.only.is_none_or(|only| only == part);
    let changes = options.changes.unwrap_or(if options.quick { 200 } else { 10_000 });
    let pauses = if options.quick { 2 } else { 40 };
    let (killed, shared) = tokio::join!(
        async {
            match is_part(Part::Killed) {
                true => killed::run(&directory.path().join("killed"), changes, options.seed).await,
                false => Ok(Outcome::default()),
            }
        },
        async {
            match is_part(Part::Shared) {
                true => shared::run(&directory.path().join("shared"), pauses, options.seed).await,
                false => Ok(Outcome::default()),
            }
        }
    );
    let products = options.imported.unwrap_or(if options.quick { 5_000 } else { 200_000 });
    let imported = match is_part(Part::Import) {
        true => Some(import::run(&directory.path().join("import"), products).await?),
        false => None,
    };
    report(options, &killed?, &shared?, imported.as_ref())
}

/// Errors planted behind what was told: how many, and how many of them were seen.
fn planted(events: &[Told], records: &Table) -> (u64, u64) {
    let changed = events.iter().rposition(|event| event.fact == Fact::Changed);
    let with = |change: &dyn Fn(&mut Vec<Told>)| {
        let mut events = events.to_vec();
        change(&mut events);
        check(&events, records)
    };
    let Some(last) = changed.filter(|last| events.len() > last + 1) else { return (0, 0) };
    let dropped = with(&|events| drop(events.pop()));
    let doubled = with(&|events| events.extend(events.last().cloned()));
    let turned = with(&|events| {
        let moved = events.remove(last);
        events.insert(0, moved);
    });
    let seen = [
        dropped.iter().any(|broken| matches!(broken, Broken::Lost(_))),
        doubled.iter().any(|broken| matches!(broken, Broken::Doubled(_))),
        turned.iter().any(|broken| matches!(broken, Broken::Reordered(_))),
    ];
    (seen.len() as u64, seen.iter().filter(|seen| **seen).count() as u64)
}

fn report(options: &Options, killed: &Outcome, shared: &Outcome, imported: Option<&Imported>) -> Result<()> {
    let both = [killed, shared];
    let mut broken: Vec<Broken> = both.iter().flat_map(|of| check(&of.events, &of.records)).collect();
    broken.extend(imported.iter().flat_map(|of| of.broken.iter().cloned()));
    for broken in broken.iter().take(20) {
        eprintln!("BROKEN: {broken:?}");
    }
    let count = |kind: fn(&Broken) -> bool| broken.iter().filter(|broken| kind(broken)).count();
    let (planted, caught) = both
        .iter()
        .map(|of| planted(&of.events, &of.records))
        .fold((0, 0), |(all, seen), (planted, caught)| (all + planted, seen + caught));
    let megabytes = imported.map(|of| of.peak_megabytes);
    let figures = json!({
        "kills": killed.rounds,
        "pauses": shared.rounds,
        "changes": killed.changes + shared.changes,
        "records": killed.records.len() + shared.records.len(),
        "events": killed.events.len() + shared.events.len(),
        "imported": imported.map_or(0, |of| of.products),
        "peak_memory_megabytes": megabytes.map(f64::round),
        "doubled": count(|broken| matches!(broken, Broken::Doubled(_))),
        "lost": count(|broken| matches!(broken, Broken::Lost(_))),
        "reordered": count(|broken| matches!(broken, Broken::Reordered(_))),
        "planted": planted,
        "planted_caught": caught,
    });
    println!("{}", json!({"name": "capture", "figures": figures}));
    ensure!(broken.is_empty(), "a promise was broken: see above; repeat it with `--seed {}`", options.seed);
    let had_to_plant = options.only != Some(Part::Import);
    ensure!(planted > 0 || !had_to_plant, "nothing could be planted");
    ensure!(planted == caught, "the checker missed {} planted errors", planted - caught);
    let most = import::MOST_MEGABYTES;
    ensure!(megabytes.is_none_or(|peak| peak <= most), "the node had {megabytes:?} MB at most, and may have {most}");
    Ok(())
}
