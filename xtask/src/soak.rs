//! `cargo xtask soak`: mixed load for an hour while the systems behind are slow, reset, answer garbage and are down. The
//! memory does not grow, no connection is stuck, every write has its end and its one effect, and tier-1 does not feel a flood
//! of tier-3; a part of the clients speaks HTTP/2, and a part TLS. Times are compared only within one run; `--quick` shows the same in less than 45 seconds. At the end errors are planted,
//! and the checks have to see them.

mod client;
mod fabric;
mod flood;
mod planted;
mod system;
mod watch;
mod writes;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use tempfile::TempDir;
use tokio::task::{JoinHandle, JoinSet};

use self::client::{Client, Counts, Line, Speech};
use self::fabric::Stack;
use self::flood::Flood;
use self::system::{Mode, System};
use self::watch::{Memory, Metrics};
use crate::bench::figures::{Figure, Promise, median, report};
use crate::load;
use crate::release;

/// How often tier-1 is asked a second, over how many connections.
const PULSE_RATE: f64 = 100.0;
const PULSE_CONNECTIONS: usize = 16;
/// How long an answer may take before its connection counts as stuck; and the pause after which none may be left.
const SETTLE: Duration = Duration::from_secs(3);
/// After how many turns it is told how far it is.
const PROGRESS: u32 = 15;

/// How long to go on.
#[derive(Args)]
pub(crate) struct Options {
    /// Within 45 s.
    #[arg(long)]
    quick: bool,
    /// Minutes under load where not quick.
    #[arg(long, default_value_t = 60)]
    minutes: u32,
    /// Tries the programs as they were built for debugging; its times say little.
    #[arg(long)]
    unoptimised: bool,
}

struct Plan {
    warm_up: Duration,
    /// How often calm and flood take turns, and how long each lasts.
    turns: u32,
    turn: Duration,
    /// How long a system stays as it is.
    mode: Duration,
    /// How often Odoo breaks off the answer to a create.
    trouble: Duration,
    /// By how many percent the memory may grow in the second half of it.
    growth: f64,
}

impl Plan {
    fn of(options: &Options) -> Self {
        let turn = Duration::from_secs(if options.quick { 1 } else { 10 });
        match options.quick {
            true => Self {
                warm_up: Duration::from_secs(4),
                turns: 12,
                turn,
                mode: Duration::from_millis(900),
                trouble: Duration::from_secs(4),
                // Within seconds caches are still filled.
                growth: 10.0,
            },
            false => Self {
                warm_up: Duration::from_secs(60),
                turns: (options.minutes * 3).max(4),
                turn,
                mode: Duration::from_secs(7),
                trouble: Duration::from_secs(20),
                growth: 1.0,
            },
        }
    }
}

/// Runs it, prints the figures and holds them to their promises.
pub(crate) async fn run(options: &Options) -> Result<()> {
    if !options.unoptimised {
        release::required(&["selvage", "xtask"]).await?;
    }
    let plan = Plan::of(options);
    let directory = TempDir::with_prefix("selvage-soak-")?;
    let (plant, shaky) = (System::start(Mode::Steady)?, System::start(Mode::Steady)?);
    let stack = Stack::start(directory.path(), &plant, &shaky).await?;
    let load = Load::start(&stack, &shaky, &plan);
    tokio::time::sleep(plan.warm_up).await;

    let measured = Measured::of(&plan, &stack, &load).await?;
    let counts = load.end().await?;
    let stuck = stuck(&stack, &counts).await?;
    let unfinished = stack.unfinished()?;
    let confirmed = counts.confirmed();
    let wrong = writes::wrong(&confirmed, &writes::made(&stack.factory).await?);
    counts.print();
    let (calm, flooded) = (median(measured.calm), median(measured.flooded));
    eprintln!("tier-1: p99 {:.1} ms calm, {:.1} ms in the flood", calm * 1e3, flooded * 1e3);
    eprintln!("errors are planted now, and have to be seen:");
    let missed = planted::missed(&stack, &confirmed).await?;
    missed.iter().for_each(|what| eprintln!("planted and not seen: {what}"));
    let figure = |name, value, promise| Figure { name, value, promise };
    let (none, some) = (Promise::AtMost(0.0), Promise::AtLeast(1.0));
    let mut figures = vec![
        figure("tier1_p99_ratio", flooded / calm, Promise::AtMost(1.2)),
        figure("tier1_refused", measured.refused as f64, none),
        figure("rss_growth_percent", growth_percent(&measured.memory)?, Promise::AtMost(plan.growth)),
        figure("stuck_connections", stuck, none),
        figure("writes", client::of(&counts.writes), some),
        figure("writes_looked_for", client::of(&counts.looked_up), some),
        figure("writes_without_end", unfinished, none),
        figure("orders_wrong", wrong as f64, none),
        figure("mediated_failed", client::of(&counts.mediated_failed), none),
        figure("bad_times_met", shaky.met() as f64, Promise::AtLeast(system::BAD)),
        figure("answers_strange", counts.strange(), none),
        figure("floods_without_refusal", measured.mild_floods, none),
        figure("planted_missed", missed.len() as f64, none),
    ];
    figures.extend(counts.faults().map(|(name, count)| figure(name, count, some)));
    report("soak", &figures)
}

/// What tier-1 felt, and what the node took, while calm and flood took turns.
struct Measured {
    calm: Vec<f64>,
    flooded: Vec<f64>,
    /// Floods of which nothing was refused: they were none.
    mild_floods: f64,
    /// How often tier-1 was not answered with 200.
    refused: usize,
    /// Of each node.
    memory: [Memory; 2],
}

impl Measured {
    async fn of(plan: &Plan, stack: &Stack, load: &Load) -> Result<Self> {
        let memory = stack.pids().map(Memory::of);
        let mut measured = Self { calm: Vec::new(), flooded: Vec::new(), mild_floods: 0.0, refused: 0, memory };
        let pulse = stack.target("/pulse/v1/items/");
        for turn in 0..plan.turns {
            if turn % PROGRESS == 0 {
                eprintln!("turn {turn} of {}: {} writes so far", plan.turns, client::of(&load.counts.writes));
            }
            for floods in [turn % 2 == 1, turn % 2 == 0] {
                load.flood.set(floods);
                let refused = client::of(&load.counts.flood_refused);
                let latencies = load::open_counting(pulse.clone(), PULSE_CONNECTIONS, PULSE_RATE, plan.turn).await?;
                measured.refused += latencies.refused.len();
                if let Some(problem) = latencies.refused.first() {
                    eprintln!("tier-1 was refused {} times: {problem}", latencies.refused.len());
                }
                let p99 = latencies.quantile(0.99)?.as_secs_f64();
                if floods { &mut measured.flooded } else { &mut measured.calm }.push(p99);
                measured.memory.iter_mut().try_for_each(Memory::look)?;
                if floods && client::of(&load.counts.flood_refused) <= refused {
                    measured.mild_floods += 1.0;
                }
            }
        }
        Ok(measured)
    }
}

/// By how much the memory of that node grew whose grew most.
fn growth_percent(memory: &[Memory]) -> Result<f64> {
    memory.iter().try_fold(0.0_f64, |most, memory| Ok(most.max(memory.growth_percent()?)))
}

/// Everything that goes on beside tier-1.
struct Load {
    flood: Flood,
    shaky: JoinHandle<()>,
    tasks: JoinSet<()>,
    counts: Arc<Counts>,
    over: Arc<AtomicBool>,
}

impl Load {
    fn start(stack: &Stack, shaky: &System, plan: &Plan) -> Self {
        let counts = Arc::new(Counts::default());
        let over = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        let lines = Speech::ALL.map(|speech| (speech, Line::new()));
        for (number, (speech, line)) in (0..client::SHAKY_CLIENTS).zip(lines.iter().cycle()) {
            let path = "/shaky/v1/items/";
            let target = if speech.tls { stack.secure_target(path) } else { stack.target(path) };
            let client = Client::new(target).speaking(*speech, line).of_shaky(shaky.clone());
            tasks.spawn(client::ask_shaky(client, number, Arc::clone(&counts), Arc::clone(&over)));
        }
        for number in 0..writes::CLIENTS {
            tasks.spawn(writes::write_and_read(stack.writer(), number, Arc::clone(&counts), Arc::clone(&over)));
        }
        let flood = Flood::start(&stack.target("/reports/v1/items/"), &counts, &over, &mut tasks);
        tasks.spawn(writes::trouble(Arc::clone(&stack.factory), plan.trouble, Arc::clone(&over)));
        let shaky = tokio::spawn(shaky.clone().take_turns(plan.mode));
        Self { flood, shaky, tasks, counts, over }
    }

    /// Ends it in order: every request under way gets its answer.
    async fn end(mut self) -> Result<Arc<Counts>> {
        self.over.store(true, Ordering::SeqCst);
        self.shaky.abort();
        while let Some(done) = self.tasks.join_next().await {
            done?;
        }
        Ok(self.counts)
    }
}

/// What is left once everybody had an answer, or is not going to get one.
async fn stuck(stack: &Stack, counts: &Counts) -> Result<f64> {
    let began = Instant::now();
    loop {
        let stuck = occupied(stack).await? + counts.unanswered();
        if stuck == 0.0 || began.elapsed() > SETTLE {
            return Ok(stuck);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Connections that nobody closed, and places that nobody gave back, as the nodes tell them.
async fn occupied(stack: &Stack) -> Result<f64> {
    let mut occupied = 0.0;
    for admin in stack.admins() {
        let metrics = Metrics::read(admin).await?;
        occupied += metrics.sum("selvage_gateway_connections")? + metrics.sum("selvage_gateway_upstream_in_hand")?;
    }
    Ok(occupied)
}
