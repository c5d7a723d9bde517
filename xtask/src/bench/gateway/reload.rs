//! Latency while other snapshots of thousands of interfaces and grants are activated, beside the same gateway left alone; and
//! what so many interfaces take of memory. That snapshots are activated is not believed but seen, at the gateway's own port.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::task::JoinHandle;

use super::{CONNECTIONS, Plan, SLICE};
use crate::bench::figures::{Figure, Promise, median};
use crate::bench::reloader::{EACH, KEY, MEMORY, TELLING};
use crate::daemon::{Daemon, free_port};
use crate::http;
use crate::load::{self, Speech, Target};

/// How many activations a second must have been seen to be in force: two fewer than are made, since one that is seen late hides the next.
const LEAST_ACTIVATIONS: f64 = 20.0;
/// How often it is asked which snapshot is active: several times while each is.
const LOOK: Duration = Duration::from_millis(12);
const PATIENCE: Duration = Duration::from_secs(5);

/// Measures; prints what interfaces take of memory.
pub(super) async fn figures(upstream: SocketAddr, directory: &Path, plan: &Plan, quick: bool) -> Result<Vec<Figure>> {
    let interfaces = if quick { 500 } else { 5_000 };
    let switch = directory.join("activate");
    let (mut daemon, address) = start(upstream, directory, &switch, interfaces)?;
    // Compiling the snapshots comes first.
    while !daemon.output().contains(MEMORY) {
        daemon.until("compile its snapshots", || async { true }).await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    daemon.listens(address).await?;
    let output = daemon.output();
    let memory = output.lines().find_map(|line| line.strip_prefix(MEMORY)).context("it printed no memory")?;
    eprintln!("memory per 1,000 interfaces: {memory}");
    let target = Target { address, path: "/item-0/v1/items/".to_owned(), keys: KEY.into(), speech: Speech::Http1 };
    load::closed(target.clone(), CONNECTIONS, plan.warm_up).await?;
    let done = load::closed(target.clone(), CONNECTIONS, plan.throughput).await?;
    let rate = done.answers / done.took.as_secs_f64() / 2.0;
    let (mut calm, mut busy) = (Vec::new(), Vec::new());
    let (mut seen_calm, mut seen_busy) = (0, 0);
    for pair in 0..plan.latency_pairs {
        for activating in [pair % 2 == 0, pair % 2 != 0] {
            if activating {
                std::fs::write(&switch, "")?;
            } else {
                let _ = std::fs::remove_file(&switch);
            }
            // The swap that is under way belongs to neither.
            tokio::time::sleep(EACH * 2).await;
            let watch = Watch::begin(address);
            let latencies = load::open(target.clone(), CONNECTIONS, rate, plan.latency).await?;
            let seen = watch.end().await?;
            let slices = latencies.quantiles(0.99, SLICE).into_iter().map(|slice| slice.as_secs_f64());
            let (p99s, count) = if activating { (&mut busy, &mut seen_busy) } else { (&mut calm, &mut seen_calm) };
            p99s.extend(slices);
            *count += activations(&seen);
        }
    }
    let (calm, busy) = (median(calm), median(busy));
    eprintln!("p99 of the middle slice at {rate:.0}/s: {:.0} µs, {:.0} µs while activating", calm * 1e6, busy * 1e6);
    let seconds = plan.latency.as_secs_f64() * plan.latency_pairs as f64;
    let figure = |name, value, promise| Figure { name, value, promise };
    Ok(vec![
        figure("reload_p99_ratio", busy / calm, Promise::AtMost(1.05)),
        figure("activations_per_second", seen_busy as f64 / seconds, Promise::AtLeast(LEAST_ACTIVATIONS)),
        figure("reload_activations_when_calm", seen_calm as f64, Promise::AtMost(0.0)),
    ])
}

/// Asks the gateway all the time, and busy or calm alike, for what every other snapshot grants.
struct Watch {
    over: Arc<AtomicBool>,
    seen: JoinHandle<Result<Vec<bool>>>,
}

impl Watch {
    fn begin(address: SocketAddr) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (is_over, path) = (Arc::clone(&over), format!("/{TELLING}/v1/items/1"));
        let seen = tokio::spawn(async move {
            let mut seen = Vec::new();
            while !is_over.load(Ordering::SeqCst) {
                let answer = http::get_with_key(address, &path, KEY, PATIENCE).await?;
                match answer.status {
                    200 => seen.push(true),
                    403 => seen.push(false),
                    other => bail!("{path} answered {other}: {}", String::from_utf8_lossy(&answer.body)),
                }
                tokio::time::sleep(LOOK).await;
            }
            Ok(seen)
        });
        Self { over, seen }
    }

    async fn end(self) -> Result<Vec<bool>> {
        self.over.store(true, Ordering::SeqCst);
        self.seen.await?
    }
}

/// How many snapshots became active that differ from the one before: each grants what that did not, or the other way round.
fn activations(seen: &[bool]) -> usize {
    seen.windows(2).filter(|pair| pair.first() != pair.last()).count()
}

fn start(upstream: SocketAddr, directory: &Path, switch: &Path, interfaces: usize) -> Result<(Daemon, SocketAddr)> {
    let port = free_port()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench", "reloader", "--port", &port.to_string(), "--upstream", &upstream.to_string()]);
    command.args(["--interfaces", &interfaces.to_string(), "--switch"]).arg(switch);
    let daemon = Daemon::start("reloader", &mut command, directory)?;
    Ok((daemon, SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_of_what_is_granted_are_activations() {
        for (seen, expected) in [
            (vec![], 0),
            (vec![true; 50], 0),
            (vec![false; 50], 0),
            (vec![true, true, false, false, true], 2),
            (vec![true, false, true, false], 3),
        ] {
            assert_eq!(activations(&seen), expected, "{seen:?}");
        }
    }
}
