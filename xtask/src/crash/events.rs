//! 64 producers append and 8 readers keep cursors while nodes are killed and their power is cut: everything that was acknowledged is
//! delivered, in the order of its lane, once but for what was under way. INVARIANT: DURABLE-ACK, LANE-ORDER, NOTHING-LOST. Then what disks,
//! brokers and clocks do to a log: a full disk, a flipped byte, an old backup, a broker that is away, a node that stood still.
//!
//! A power cut is real to the node that keeps a file: a preloaded library keeps a copy of what was synced, and the next node finds nothing
//! else. Of PostgreSQL and NATS the node is killed, and the server with it in one of three rounds.

mod checker;
mod load;
mod node;
mod planted;
mod scenes;
mod stand;
mod wire;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::json;
use tempfile::TempDir;

use self::checker::{Broken, Observed, check};
use self::load::Load;
pub(crate) use self::node::{NodeOptions, serve};
use self::stand::{End, Keeping, Stand, WORKS};
use super::random::Random;
use crate::services::nats::Nats;
use crate::services::postgres::Postgres;

/// How much to try.
#[derive(Args)]
pub(crate) struct Options {
    /// Fewer rounds, within 45 s.
    #[arg(long)]
    quick: bool,
    /// The seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// How often a node is ended, by where it keeps events.
const ROUNDS: [u64; 3] = [160, 50, 50];
const QUICK_ROUNDS: [u64; 3] = [10, 3, 3];
/// Rounds between two looks at whether everything was delivered.
const EPISODE: u64 = 20;

/// Numbers of events begin so far apart, so that a load never sends what one before it sent.
const FIRST: u64 = 1_000_000;

/// What everything led to.
#[derive(Default)]
struct Tally {
    rounds: u64,
    power_cuts: u64,
    acknowledged: usize,
    repeated: usize,
    broken: Vec<Broken>,
    planted: u64,
    planted_caught: u64,
    scenes: u64,
}

/// The servers that are tried, which are killed too.
struct Servers {
    postgres: Postgres,
    nats: Nats,
}

/// Tries everything, prints the figures, and fails when a promise was broken or a planted error was missed.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let began = Instant::now();
    let directory = TempDir::with_prefix("selvage-events-")?;
    let mut servers = Servers { postgres: Postgres::start().await?, nats: Nats::start("always").await? };
    let (mut random, mut tally) = (Random::from_seed(options.seed), Tally::default());
    let rounds = if options.quick { QUICK_ROUNDS } else { ROUNDS };
    for ((name, keeping), rounds) in Keeping::all(&servers.postgres, &servers.nats)?.into_iter().zip(rounds) {
        let mut stand = Stand::new(&directory.path().join(name), keeping, None)?;
        let mut left = rounds;
        while left > 0 {
            let now = left.min(EPISODE);
            left -= now;
            let observed = episode(&mut stand, &mut servers, now, &mut random, &mut tally).await?;
            tally.take(name, &observed);
        }
    }
    planted::plant(directory.path(), &mut tally).await?;
    let away = Duration::from_secs(if options.quick { 3 } else { 180 });
    scenes::all(directory.path(), &mut servers, away, &mut random, &mut tally).await?;
    eprintln!("{} rounds and {} scenes in {:.0} s", tally.rounds, tally.scenes, began.elapsed().as_secs_f64());
    tally.report(options.seed)
}

/// So many rounds with one load, which sees everything delivered at the end.
async fn episode(
    stand: &mut Stand,
    servers: &mut Servers,
    rounds: u64,
    random: &mut Random,
    tally: &mut Tally,
) -> Result<Observed> {
    let mut gaps = vec![stand.start().await?];
    let load = Load::start(&stand.socket(), tally.rounds * FIRST);
    for _ in 0..rounds {
        tokio::time::sleep(random.millis(WORKS)).await;
        let end = if stand.has_power() && !random.once_in(3) { End::PowerCut } else { End::Kill };
        load.note(|seen| seen.kills += 1);
        stand.end(end)?;
        tally.rounds += 1;
        tally.power_cuts += u64::from(end == End::PowerCut);
        if random.once_in(3) {
            stand.crash_server(servers).await?;
        }
        gaps.push(stand.start().await?);
    }
    load.note(|seen| seen.faults.extend(gaps.into_iter().flatten()));
    let observed = load.finish().await?;
    stand.end(End::Kill)?;
    Ok(observed)
}

impl Tally {
    fn take(&mut self, name: &'static str, observed: &Observed) {
        let broken = check(observed);
        let delivered: usize = observed.delivered.values().map(Vec::len).sum();
        let (kept, readers) = (observed.acknowledged.len(), observed.delivered.len());
        let repeated = delivered.saturating_sub(kept * readers);
        eprintln!(
            "{name}: {} ends, {kept} events acknowledged, {repeated} given again, {} broken",
            observed.kills,
            broken.len()
        );
        for broken in broken.iter().take(10) {
            eprintln!("    BROKEN: {broken:?}");
        }
        self.acknowledged += kept;
        self.repeated += repeated;
        self.broken.extend(broken);
    }

    /// Notes how a scene ended: with nothing, or with what is wrong.
    fn scene(&mut self, name: &'static str, wrong: &[String]) {
        eprintln!(
            "{name}: {}",
            if wrong.is_empty() { "ok".to_owned() } else { format!("BROKEN: {}", wrong.join("; ")) }
        );
        self.broken.extend(wrong.iter().map(|wrong| Broken::Fault(format!("{name}: {wrong}"))));
        self.scenes += 1;
    }

    fn count(&self, kind: fn(&Broken) -> bool) -> usize {
        self.broken.iter().filter(|broken| kind(broken)).count()
    }

    fn report(&self, seed: u64) -> Result<()> {
        let figures = json!({
            "rounds": self.rounds,
            "power_cuts": self.power_cuts,
            "acknowledged": self.acknowledged,
            "doubled": self.count(|broken| matches!(broken, Broken::Doubled { .. })),
            "lost": self.count(|broken| matches!(broken, Broken::Lost { .. })),
            "reordered": self.count(|broken| matches!(broken, Broken::Reordered { .. })),
            "faults": self.count(|broken| matches!(broken, Broken::Fault(_) | Broken::Repeated { .. })),
            "given_again": self.repeated,
            "scenes": self.scenes,
            "planted": self.planted,
            "planted_caught": self.planted_caught,
        });
        println!("{}", json!({"name": "events", "figures": figures}));
        ensure!(self.broken.is_empty(), "a promise was broken: see above; repeat it with `--seed {seed}`");
        let missed = self.planted - self.planted_caught;
        ensure!(self.planted > 0 && missed == 0, "the checker missed {missed} planted errors");
        Ok(())
    }
}
