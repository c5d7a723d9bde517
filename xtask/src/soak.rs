//! `cargo xtask soak`: mixed load for an hour while the systems behind are slow, reset, answer garbage and are down. The
//! memory does not grow, no connection is stuck, every write has its end, and tier-1 does not feel a flood of tier-3.
//! Times are compared only within one run; `--quick` shows the same in less than 45 seconds.

mod client;
mod fabric;
mod flood;
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

use self::client::Counts;
use self::fabric::Stack;
use self::flood::Flood;
use self::system::{Mode, System};
use self::watch::{Memory, Metrics};
use crate::bench::figures::{Figure, Promise, median, report};
use crate::load::{self, Speech, Target};
use crate::release;

/// How often tier-1 is asked a second, over how many connections.
const PULSE_RATE: f64 = 100.0;
const PULSE_CONNECTIONS: usize = 16;
/// How long an answer may take before its connection counts as stuck; and the pause after which none may be left.
const SETTLE: Duration = Duration::from_secs(3);

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
}

impl Plan {
    fn of(options: &Options) -> Self {
        let turn = Duration::from_secs(if options.quick { 1 } else { 10 });
        match options.quick {
            true => Self { warm_up: Duration::from_secs(4), turns: 12, turn, mode: Duration::from_millis(900) },
            false => Self {
                warm_up: Duration::from_secs(60),
                turns: (options.minutes * 3).max(3),
                turn,
                mode: Duration::from_secs(7),
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
    let load = Load::start(&stack, &shaky, plan.mode);
    tokio::time::sleep(plan.warm_up).await;

    let mut memory = Memory::of(stack.pid());
    let pulse = Target {
        address: stack.address,
        path: "/pulse/v1/items/".to_owned(),
        keys: stack.key.as_str().into(),
        speech: Speech::Http1,
    };
    let (mut calm, mut flooded) = (Vec::new(), Vec::new());
    for turn in 0..plan.turns {
        for floods in [turn % 2 == 1, turn % 2 == 0] {
            load.flood.set(floods);
            let latencies = load::open(pulse.clone(), PULSE_CONNECTIONS, PULSE_RATE, plan.turn).await?;
            let p99 = latencies.quantile(0.99)?.as_secs_f64();
            if floods { &mut flooded } else { &mut calm }.push(p99);
            memory.look()?;
        }
    }
    let counts = load.end().await?;
    let stuck = stuck(&stack, &counts).await?;
    let unfinished = stack.unfinished()?;
    counts.print();
    eprintln!(
        "tier-1: p99 {:.1} ms calm, {:.1} ms in the flood",
        median(calm.clone()) * 1e3,
        median(flooded.clone()) * 1e3
    );
    let figure = |name, value, promise| Figure { name, value, promise };
    let (none, some) = (Promise::AtMost(0.0), Promise::AtLeast(1.0));
    report(
        "soak",
        &[
            figure("tier1_p99_ratio", median(flooded) / median(calm), Promise::AtMost(1.2)),
            figure("memory_growth_ratio", memory.growth(), Promise::AtMost(1.2)),
            figure("stuck_connections", stuck, none),
            figure("writes_without_end", unfinished, none),
            figure("faults_met", counts.faults_met(), some),
            figure("tier3_refused", counts.refused(), some),
        ],
    )
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
    fn start(stack: &Stack, shaky: &System, mode: Duration) -> Self {
        let counts = Arc::new(Counts::default());
        let over = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for number in 0..client::SHAKY_CLIENTS {
            tasks.spawn(client::ask_shaky(
                stack.target("/shaky/v1/items/"),
                number,
                Arc::clone(&counts),
                Arc::clone(&over),
            ));
        }
        for number in 0..writes::CLIENTS {
            tasks.spawn(writes::write_and_read(stack.writer(), number, Arc::clone(&counts), Arc::clone(&over)));
        }
        let flood = Flood::start(&stack.target("/reports/v1/items/"), &counts, &over, &mut tasks);
        let shaky = tokio::spawn(shaky.clone().take_turns(mode));
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

/// Connections that nobody uses and nobody closed, places that nobody has and nobody gave back, requests without an
/// answer.
async fn stuck(stack: &Stack, counts: &Counts) -> Result<f64> {
    let began = Instant::now();
    loop {
        let metrics = Metrics::read(stack.admin).await?;
        let left = metrics.sum("selvage_gateway_connections") + metrics.sum("selvage_gateway_upstream_in_hand");
        #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
        let stuck = left + counts.unanswered() as f64;
        if stuck == 0.0 || began.elapsed() > SETTLE {
            return Ok(stuck);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
