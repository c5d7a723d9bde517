//! Random verbs on random orders, each with its own key, while Odoo resets, hangs and collides, gateways are killed and
//! messages come twice or late. INVARIANT: ONE-EFFECT, LANE-ORDER: stock, orders, lots and work orders in Odoo are what was
//! confirmed. Every seed is another story; one that fails is repeated with `--first SEED --seeds 1`.

mod checker;
mod fabric;
mod planted;
mod stack;
mod step;
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use self::checker::{Broken, Observed, check};
use self::stack::Stack;
use self::step::Script;
use crate::release;
use crate::services::postgres::Postgres;

/// How much to try.
#[derive(Args)]
pub(crate) struct Options {
    /// As many seeds as fit into 30 s.
    #[arg(long)]
    quick: bool,
    /// How many seeds.
    #[arg(long, default_value_t = 2_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    first: u64,
}

const QUICK: Duration = Duration::from_secs(25);
/// How many installations work through the seeds side by side. Most of the time they wait for an outcome.
const STACKS: usize = 18;
/// One in so many has two gateways on PostgreSQL, the others one gateway on an embedded store.
const ON_POSTGRES: usize = 4;

/// What all seeds led to.
#[derive(Default)]
struct Tally {
    seeds: u64,
    doubled: u64,
    lost: u64,
    reordered: u64,
    stuck: u64,
    handed_over: u64,
    planted: u64,
    planted_caught: u64,
}

/// The seeds that are still to be tried.
struct Queue {
    next: AtomicU64,
    end: u64,
    until: Option<Instant>,
}

impl Queue {
    fn take(&self) -> Option<u64> {
        if self.until.is_some_and(|until| Instant::now() > until) {
            return None;
        }
        let seed = self.next.fetch_add(1, Ordering::Relaxed);
        (seed < self.end).then_some(seed)
    }
}

/// Tries all seeds, prints the figures, and fails when a promise was broken or a planted error was missed.
pub(crate) async fn run(options: &Options) -> Result<()> {
    release::required(&["selvage", "xtask"]).await?;
    let postgres = Postgres::start().await?;
    let directory = TempDir::with_prefix("selvage-verbs-")?;
    let began = Instant::now();
    let queue = Arc::new(Queue {
        next: AtomicU64::new(options.first),
        end: options.first.saturating_add(options.seeds),
        until: options.quick.then(|| began + QUICK),
    });
    let tally = Arc::new(Mutex::new(Tally::default()));
    let stacks = STACKS.min(usize::try_from(options.seeds).unwrap_or(STACKS)).max(1);
    let mut workers = JoinSet::new();
    for number in 0..stacks {
        let name = format!("verbs_{number}");
        let database = if number % ON_POSTGRES == 0 {
            postgres.create_database(&name)?;
            Some(postgres.url(&name))
        } else {
            None
        };
        // One after the other: two that look for a free port at once may find the same.
        let mut stack = Stack::start(&directory.path().join(&name), database.as_deref()).await?;
        let (queue, tally) = (Arc::clone(&queue), Arc::clone(&tally));
        workers.spawn(async move { work(&mut stack, &queue, &tally, number == 0).await });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    let tally = tally.lock().await;
    eprintln!(
        "{} seeds in {:.0} s; {} operations wait for a person, all of them listed; a person ended {} counts",
        tally.seeds,
        began.elapsed().as_secs_f64(),
        tally.stuck,
        tally.handed_over
    );
    report(&tally)
}

/// Takes seeds until none is left; then, where asked, one more with errors planted behind it.
async fn work(stack: &mut Stack, queue: &Queue, tally: &Mutex<Tally>, plants: bool) -> Result<()> {
    while let Some(seed) = queue.take() {
        let began = Instant::now();
        let script = Script::of(seed);
        let (observed, _) = stack.suffer(seed, &script).await?;
        let broken = check(&observed);
        let kills = script.steps.iter().filter(|(_, trouble)| trouble.killed_after.is_some()).count();
        let troubles: Vec<&str> =
            script.steps.iter().map(|(_, trouble)| trouble.name).filter(|name| *name != "none").collect();
        let verdict = if broken.is_empty() { "ok" } else { "BROKEN" };
        let (steps, took) = (script.steps.len(), began.elapsed().as_secs_f64());
        eprintln!("seed {seed:>5}: {steps} steps, {kills} kills, {}: {verdict}, {took:.1} s", troubles.join(", "));
        for broken in &broken {
            eprintln!("            {broken:?}");
        }
        tally.lock().await.count(&broken, &observed);
    }
    if plants {
        let (planted, caught) = planted::plant(stack, queue.end).await?;
        let mut tally = tally.lock().await;
        tally.planted += planted;
        tally.planted_caught += caught;
    }
    Ok(())
}

impl Tally {
    fn count(&mut self, broken: &[Broken], observed: &Observed) {
        let any = |kind: fn(&Broken) -> bool| u64::from(broken.iter().any(kind));
        self.seeds += 1;
        self.doubled += any(|broken| matches!(broken, Broken::Doubled(_)));
        self.lost += any(|broken| matches!(broken, Broken::Lost(_)));
        self.reordered += any(|broken| matches!(broken, Broken::Reordered(_)));
        self.stuck += observed.stuck.len() as u64;
        self.handed_over += observed.handed_over as u64;
    }
}

fn report(tally: &Tally) -> Result<()> {
    let Tally { seeds, doubled, lost, reordered, stuck, handed_over, planted, planted_caught } = *tally;
    let figures = json!({
        "seeds": seeds,
        "doubled": doubled,
        "lost": lost,
        "reordered": reordered,
        "unknown_listed": stuck,
        "at_risk_handed_over": handed_over,
        "planted": planted,
        "planted_caught": planted_caught,
    });
    println!("{}", json!({"name": "verbs", "figures": figures}));
    ensure!(doubled + lost + reordered == 0, "a promise was broken: see the seeds above");
    ensure!(planted > 0 && planted == planted_caught, "the checker missed {} planted errors", planted - planted_caught);
    Ok(())
}
