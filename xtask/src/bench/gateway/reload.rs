//! Latency while other snapshots of thousands of interfaces and grants are activated, beside the same gateway left alone; and
//! what so many interfaces take of memory.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{CONNECTIONS, Plan, SLICE};
use crate::bench::figures::{Figure, Promise, median};
use crate::bench::reloader::{KEY, MEMORY};
use crate::daemon::{Daemon, free_port};
use crate::load::{self, Speech, Target};

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
    for pair in 0..plan.latency_pairs {
        for activating in [pair % 2 == 0, pair % 2 != 0] {
            if activating {
                std::fs::write(&switch, "")?;
            } else {
                let _ = std::fs::remove_file(&switch);
            }
            let latencies = load::open(target.clone(), CONNECTIONS, rate, plan.latency).await?;
            let slices = latencies.quantiles(0.99, SLICE).into_iter().map(|slice| slice.as_secs_f64());
            if activating { busy.extend(slices) } else { calm.extend(slices) }
        }
    }
    let (calm, busy) = (median(calm), median(busy));
    eprintln!("p99 of the middle slice at {rate:.0}/s: {:.0} µs, {:.0} µs while activating", calm * 1e6, busy * 1e6);
    Ok(vec![Figure { name: "reload_p99_ratio", value: busy / calm, promise: Promise::AtMost(1.05) }])
}

fn start(upstream: SocketAddr, directory: &Path, switch: &Path, interfaces: usize) -> Result<(Daemon, SocketAddr)> {
    let port = free_port()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench", "reloader", "--port", &port.to_string(), "--upstream", &upstream.to_string()]);
    command.args(["--interfaces", &interfaces.to_string(), "--switch"]).arg(switch);
    let daemon = Daemon::start("reloader", &mut command, directory)?;
    Ok((daemon, SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
}
