//! 64 producers append and 8 readers keep cursors while nodes are killed and their power is cut: everything that was acknowledged is
//! delivered, in the order of its lane, once but for what was under way. INVARIANT: DURABLE-ACK, LANE-ORDER, NOTHING-LOST. Then what disks,
//! brokers and clocks do to a log: a full disk, a flipped byte, an old backup, a broker that is away, a node that stood still.
//!
//! A power cut is real to the node that keeps a file and to the server of PostgreSQL: a preloaded library keeps a copy of what was synced,
//! and the next one finds nothing else. Where PostgreSQL or NATS keeps events, the node ends, or the server while the node works, or first
//! the server and then the node. NATS is killed only: it calls the system without a library between.
//! Nothing ends before its round has shown something: events were acknowledged, everybody was given some, and some are under way. All of it
//! is tried twice: with a node that is the log and little else, and through the front door of the product.

mod checker;
mod disk;
mod door;
mod flipped;
mod load;
mod node;
mod planted;
mod scenes;
mod stand;
mod wire;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use serde_json::json;
use tempfile::TempDir;

use self::checker::{Broken, ENOUGH, Observed, check};
use self::disk::End;
use self::load::{Load, is_at_work};
pub(crate) use self::node::{NodeOptions, serve};
use self::stand::{Keeping, Stand, Strike, WORKS};
use super::random::Random;
use crate::release;
use crate::services::nats::Nats;
use crate::services::postgres::Postgres;
use crate::test::peers;

/// How much to try.
#[derive(Args)]
pub(crate) struct Options {
    /// Fewer rounds, within 45 s.
    #[arg(long)]
    quick: bool,
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
    /// Rounds with the log.
    Log,
    /// Rounds with the product, over HTTP and webhooks.
    Door,
    /// What disks, brokers and clocks do.
    Scenes,
}

/// How often a node or its server is ended, by where it keeps events: with the next ones at least a hundred times each.
const ROUNDS: [u64; 3] = [100, 60, 60];
const QUICK_ROUNDS: [u64; 3] = [2, 1, 1];
/// The same for the nodes that are reached over HTTP.
const DOOR_ROUNDS: [u64; 3] = [80, 60, 60];
const QUICK_DOOR_ROUNDS: [u64; 3] = [1, 1, 1];
/// Rounds between two looks at whether everything was delivered.
const EPISODE: u64 = 20;
/// Rounds between two words about how far it is.
const SAY_EVERY: u64 = 5;

/// Numbers of events begin so far apart, so that a load never sends what one before it sent.
const FIRST: u64 = 1_000_000;

/// What everything led to.
struct Tally {
    began: Instant,
    rounds: u64,
    /// Those of them that were tried through the front door.
    front_door: u64,
    power_cuts: u64,
    /// A server ended while its node worked.
    servers: u64,
    /// A round in which too little was done to show anything.
    idle_rounds: u64,
    least_acknowledged: Option<usize>,
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
    let directory = TempDir::with_prefix("selvage-events-")?;
    // Installed once, where it is not yet.
    peers::nats_server().await?;
    let began = Instant::now();
    let parts = [Part::Log, Part::Door, Part::Scenes].map(|part| part.run(options, directory.path(), began));
    let mut tally = Tally::new(began);
    if options.quick {
        // Most of it is waiting.
        let [log, door, scenes] = parts;
        let (log, door, scenes) = tokio::join!(log, door, scenes);
        [log?, door?, scenes?].into_iter().for_each(|part| tally.add(part));
    } else {
        for part in parts {
            tally.add(part.await?);
        }
    }
    tally.say(&format!("{} rounds and {} scenes", tally.rounds, tally.scenes));
    tally.report(options)
}

impl Part {
    /// Tries this part, with servers of its own; nothing where another is wanted.
    async fn run(self, options: &Options, directory: &Path, began: Instant) -> Result<Tally> {
        let (mut random, mut tally) = (Random::from_seed(options.seed), Tally::new(began));
        if options.only.is_some_and(|only| only != self) {
            return Ok(tally);
        }
        let mut servers = Servers { postgres: Postgres::with_power().await?, nats: Nats::start("always").await? };
        match self {
            Self::Log => {
                let rounds = if options.quick { QUICK_ROUNDS } else { ROUNDS };
                log_rounds(directory, &mut servers, rounds, &mut random, &mut tally).await?;
                planted::plant(directory, &mut tally).await?;
            }
            Self::Door => {
                release::alike("selvage").await?;
                let rounds = if options.quick { QUICK_DOOR_ROUNDS } else { DOOR_ROUNDS };
                // Its server stays.
                let paused = Postgres::start().await?;
                paused.create_database("paused")?;
                let tried = door::rounds(directory, &mut servers, rounds, &mut random, &mut tally);
                let (planted, paused) = (door::plant(directory), door::stood_still(directory, paused.url("paused")));
                let (tried, planted, stood_still) = tokio::join!(tried, planted, paused);
                tried?;
                tally.scene("a node that stood still while it delivered", &stood_still?);
                for (planted, found) in planted? {
                    tally.planted(&format!("{planted} through HTTP"), found);
                }
            }
            Self::Scenes => {
                release::alike("selvage").await?;
                let away = Duration::from_secs(if options.quick { 3 } else { 180 });
                let door = door::scenes(directory);
                let log = scenes::all(directory, &mut servers, away, &mut random, &mut tally);
                let played = if options.quick {
                    let (log, played) = tokio::join!(log, door);
                    log?;
                    played?
                } else {
                    log.await?;
                    door.await?
                };
                for (name, wrong) in played {
                    tally.scene(name, &wrong);
                }
            }
        }
        Ok(tally)
    }
}

/// Every way to keep events, so many rounds each, with the log alone.
async fn log_rounds(
    directory: &Path,
    servers: &mut Servers,
    rounds: [u64; 3],
    random: &mut Random,
    tally: &mut Tally,
) -> Result<()> {
    let keepings = Keeping::all(&servers.postgres, &servers.nats, "events")?;
    for ((name, keeping), rounds) in keepings.into_iter().zip(rounds) {
        let mut stand = Stand::new(&directory.join(name), keeping, None)?;
        let mut left = rounds;
        while left > 0 {
            let now = left.min(EPISODE);
            left -= now;
            let observed = episode(&mut stand, servers, now, random, tally).await?;
            tally.take(name, &observed);
        }
    }
    Ok(())
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
    for round in 0..rounds {
        tally.progress(round, rounds);
        tokio::time::sleep(random.millis(WORKS)).await;
        let strike = stand.draw(random);
        let worked = is_at_work(load.seen()).await;
        load.note(|seen| tally.round(worked, seen.end_round(), strike));
        gaps.push(stand.strike(strike, servers).await?);
    }
    load.note(|seen| seen.faults.extend(gaps.into_iter().flatten()));
    let observed = load.finish().await?;
    stand.end(End::Kill)?;
    Ok(observed)
}

impl Tally {
    fn new(began: Instant) -> Self {
        Self {
            began,
            rounds: 0,
            front_door: 0,
            power_cuts: 0,
            servers: 0,
            idle_rounds: 0,
            least_acknowledged: None,
            acknowledged: 0,
            repeated: 0,
            broken: Vec::new(),
            planted: 0,
            planted_caught: 0,
            scenes: 0,
        }
    }

    /// Adds what a part led to.
    fn add(&mut self, part: Self) {
        let Self {
            began: _,
            rounds,
            front_door,
            power_cuts,
            servers,
            idle_rounds,
            least_acknowledged,
            acknowledged,
            repeated,
            broken,
            planted,
            planted_caught,
            scenes,
        } = part;
        self.rounds += rounds;
        self.front_door += front_door;
        self.power_cuts += power_cuts;
        self.servers += servers;
        self.idle_rounds += idle_rounds;
        self.least_acknowledged = self.least_acknowledged.into_iter().chain(least_acknowledged).min();
        self.acknowledged += acknowledged;
        self.repeated += repeated;
        self.broken.extend(broken);
        self.planted += planted;
        self.planted_caught += planted_caught;
        self.scenes += scenes;
    }

    /// Says what has happened, and after how long.
    fn say(&self, what: &str) {
        eprintln!("{:5.0} s  {what}", self.began.elapsed().as_secs_f64());
    }

    /// Says now and then how far an episode is.
    fn progress(&self, round: u64, rounds: u64) {
        if round > 0 && round.is_multiple_of(SAY_EVERY) {
            self.say(&format!("… {round} of {rounds} rounds"));
        }
    }

    /// A round ends, in which so much was acknowledged.
    fn round(&mut self, worked: bool, acknowledged: usize, strike: Strike) {
        self.rounds += 1;
        self.idle_rounds += u64::from(!worked);
        self.least_acknowledged = self.least_acknowledged.into_iter().chain([acknowledged]).min();
        self.power_cuts += u64::from(strike.is_power_cut());
        self.servers += u64::from(!matches!(strike, Strike::Node(_)));
    }

    fn planted(&mut self, what: &str, found: bool) {
        self.say(&format!("planted {what}: {}", if found { "found" } else { "MISSED" }));
        self.planted += 1;
        self.planted_caught += u64::from(found);
    }

    fn take(&mut self, name: &str, observed: &Observed) {
        let broken = check(observed);
        let delivered: usize = observed.delivered.values().map(Vec::len).sum();
        let (kept, readers) = (observed.acknowledged.len(), observed.delivered.len());
        let repeated = delivered.saturating_sub(kept * readers);
        let (kills, wrong) = (observed.kills, broken.len());
        self.say(&format!("{name}: {kills} ends, {kept} events acknowledged, {repeated} given again, {wrong} broken"));
        for broken in broken.iter().take(10) {
            eprintln!("    BROKEN: {broken:?}");
        }
        self.acknowledged += kept;
        self.repeated += repeated;
        self.broken.extend(broken);
    }

    /// Notes how a scene ended: with nothing, or with what is wrong.
    fn scene(&mut self, name: &'static str, wrong: &[String]) {
        let how = if wrong.is_empty() { "ok".to_owned() } else { format!("BROKEN: {}", wrong.join("; ")) };
        self.say(&format!("{name}: {how}"));
        self.broken.extend(wrong.iter().map(|wrong| Broken::Fault(format!("{name}: {wrong}"))));
        self.scenes += 1;
    }

    fn count(&self, kind: fn(&Broken) -> bool) -> usize {
        self.broken.iter().filter(|broken| kind(broken)).count()
    }

    fn report(&self, options: &Options) -> Result<()> {
        let figures = json!({
            "rounds": self.rounds,
            "front_door": self.front_door,
            "power_cuts": self.power_cuts,
            "servers": self.servers,
            "idle_rounds": self.idle_rounds,
            "least_acknowledged_in_a_round": self.least_acknowledged,
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
        ensure!(self.broken.is_empty(), "a promise was broken: see above; repeat it with `--seed {}`", options.seed);
        ensure!(self.idle_rounds == 0, "{} rounds show nothing: too little was done in them", self.idle_rounds);
        let enough = usize::try_from(self.rounds)? * ENOUGH;
        ensure!(self.acknowledged >= enough, "{} events were acknowledged, of {enough} at least", self.acknowledged);
        let missed = self.planted - self.planted_caught;
        let had_to_plant = options.only != Some(Part::Scenes);
        ensure!((self.planted > 0 || !had_to_plant) && missed == 0, "the checker missed {missed} planted errors");
        Ok(())
    }
}
