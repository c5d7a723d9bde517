//! One create with one key, sent 50 times at once to two gateways on one PostgreSQL, one of them killed in the middle,
//! while Odoo resets, hangs and refuses to serialize. INVARIANT: ONE-EFFECT: one order in Odoo, one answer for all.
//! Every seed is a different moment and a different trouble; a seed that fails is repeated with `--first SEED --seeds 1`.

mod checker;
mod fabric;
mod planted;
mod stack;
mod trouble;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use self::checker::{Broken, check};
use self::stack::Stack;
use self::trouble::Trouble;
use crate::release;
use crate::services::postgres::Postgres;

/// How much to try.
#[derive(Args)]
pub(crate) struct Options {
    /// Fewer seeds, within 45 s.
    #[arg(long)]
    quick: bool,
    /// How many seeds.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    first: u64,
}

/// Seeds of `--quick`.
const QUICK_SEEDS: u64 = 20;
/// How many installations, each with its own gateways, database and Odoo, work through the seeds side by side.
const STACKS: usize = 4;

/// What all seeds led to.
#[derive(Default)]
struct Tally {
    seeds: u64,
    doubled: u64,
    lost: u64,
    differing: u64,
    /// Seeds whose gateway was killed while clients still waited.
    killed_in_flight: u64,
    planted: u64,
    planted_caught: u64,
}

/// Tries all seeds, prints the figures, and fails when a promise was broken or a planted error was missed.
pub(crate) async fn run(options: &Options) -> Result<()> {
    release::required(&["selvage", "xtask"]).await?;
    let seeds = if options.quick { QUICK_SEEDS } else { options.seeds };
    let end = options.first + seeds;
    let postgres = Postgres::start().await?;
    let directory = TempDir::with_prefix("selvage-claims-")?;
    let next = Arc::new(AtomicU64::new(options.first));
    let tally = Arc::new(Mutex::new(Tally::default()));
    let began = Instant::now();

    let mut workers = JoinSet::new();
    for number in 0..STACKS {
        let database = format!("claims_{number}");
        postgres.create_database(&database)?;
        let stack = Stack::start(&directory.path().join(&database), &postgres.url(&database)).await?;
        workers.spawn(work(stack, Arc::clone(&next), end, Arc::clone(&tally)));
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    let tally = tally.lock().await;
    eprintln!(
        "{} seeds in {:.0} s; in {} of them clients waited when the gateway was killed",
        tally.seeds,
        began.elapsed().as_secs_f64(),
        tally.killed_in_flight
    );
    report(&tally)
}

/// Takes seeds until none is left; then one more, with errors planted behind it.
async fn work(mut stack: Stack, next: Arc<AtomicU64>, end: u64, tally: Arc<Mutex<Tally>>) -> Result<()> {
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            break;
        }
        let trouble = Trouble::of(seed);
        let began = Instant::now();
        let (observed, killed_in_flight) = stack.suffer(seed, &trouble).await?;
        let broken = check(&observed);
        let took = began.elapsed().as_secs_f64();
        let verdict = if broken.is_empty() { "ok" } else { "BROKEN" };
        eprintln!("seed {seed:>5}: {trouble}: {verdict}, {took:.1} s");
        for broken in &broken {
            eprintln!("            {broken:?}");
        }
        tally.lock().await.count(&broken, killed_in_flight);
    }
    let (planted, caught) = planted::plant(&mut stack, end).await?;
    let unresolved = stack.unresolved()?;
    let mut tally = tally.lock().await;
    if let Some(unresolved) = unresolved {
        eprintln!("BROKEN: writes without an end:\n{unresolved}");
        tally.lost += 1;
    }
    tally.planted += planted;
    tally.planted_caught += caught;
    Ok(())
}

impl Tally {
    fn count(&mut self, broken: &[Broken], killed_in_flight: bool) {
        let any = |kind: fn(&Broken) -> bool| u64::from(broken.iter().any(kind));
        self.seeds += 1;
        self.doubled += any(|broken| matches!(broken, Broken::Doubled(_)));
        self.lost += any(|broken| matches!(broken, Broken::Lost(_)));
        self.differing += any(|broken| matches!(broken, Broken::Differing(_)));
        self.killed_in_flight += u64::from(killed_in_flight);
    }
}

fn report(tally: &Tally) -> Result<()> {
    let Tally { seeds, doubled, lost, differing, planted, planted_caught, .. } = *tally;
    let figures = json!({
        "seeds": seeds,
        "doubled": doubled,
        "lost": lost,
        "reordered": 0,
        "differing": differing,
        "planted": planted,
        "planted_caught": planted_caught,
    });
    println!("{}", json!({"name": "claims", "figures": figures}));
    ensure!(doubled + lost + differing == 0, "a promise was broken: see the seeds above");
    ensure!(planted > 0 && planted == planted_caught, "the checker missed {} planted errors", planted - planted_caught);
    Ok(())
}
