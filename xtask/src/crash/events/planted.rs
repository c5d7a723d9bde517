//! Nodes that break a promise, and a disk that does: the checker has to find each of them, or it proves nothing.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;

use super::Tally;
use super::checker::{Broken, check};
use super::disk::End;
use super::load::Load;
use super::node::Plant;
use super::stand::{Keeping, Stand};
use crate::services::postgres::Postgres;

const CUTS: usize = 4;
const WORKS: Duration = Duration::from_millis(300);
/// A promise that is broken once in so many events is broken in this many, however slow the machine is.
const ENOUGH: usize = 1_000;
const ENOUGH_WITHIN: Duration = Duration::from_secs(30);

/// Whether a broken promise is the one that was planted.
type IsFound = fn(&Broken) -> bool;

/// What is planted.
#[derive(Clone, Copy, Debug)]
enum Planted {
    /// A promise that the node breaks.
    InNode(Plant),
    /// The node keeps its promise, and its disk does not: each acknowledgement is given before the sync.
    EarlyAcknowledgement,
    /// The same with the disk of its server.
    EarlyServer,
}

/// Runs a node for each broken promise, cuts its power, and looks whether that was found.
pub(super) async fn plant(directory: &Path, tally: &mut Tally) -> Result<()> {
    let table: [(Planted, IsFound); 6] = [
        (Planted::InNode(Plant::Loss), |broken| matches!(broken, Broken::Lost { .. })),
        (Planted::InNode(Plant::Double), |broken| matches!(broken, Broken::Doubled { .. })),
        (Planted::InNode(Plant::Reorder), |broken| matches!(broken, Broken::Reordered { .. })),
        (Planted::InNode(Plant::Repeat), |broken| matches!(broken, Broken::Repeated { .. })),
        (Planted::EarlyAcknowledgement, |broken| matches!(broken, Broken::Lost { .. })),
        (Planted::EarlyServer, |broken| matches!(broken, Broken::Lost { .. })),
    ];
    let mut trials = JoinSet::new();
    for (number, (planted, is_found)) in table.into_iter().enumerate() {
        let place = directory.join(format!("planted-{number}"));
        trials.spawn(async move { (planted, found(place, planted, is_found).await) });
    }
    while let Some(trial) = trials.join_next().await {
        let (planted, found) = trial?;
        tally.planted(&format!("{planted:?}"), found?);
    }
    Ok(())
}

async fn found(place: PathBuf, planted: Planted, is_found: IsFound) -> Result<bool> {
    let (mut stand, cuts) = match planted {
        Planted::InNode(plant) => (Stand::new(&place, Keeping::Embedded, Some(plant))?, 1),
        Planted::EarlyAcknowledgement => (Stand::early(&place)?, CUTS),
        Planted::EarlyServer => return found_at_server(place, is_found).await,
    };
    stand.start().await?;
    let load = Load::start(&stand.socket(), 0);
    for _ in 0..cuts {
        until(&load, ENOUGH / 2).await;
        tokio::time::sleep(WORKS).await;
        load.note(|seen| seen.kills += 1);
        stand.end(End::PowerCut)?;
        stand.start().await?;
    }
    until(&load, ENOUGH).await;
    let found = check(&load.finish().await?).iter().any(is_found);
    stand.end(End::Kill)?;
    Ok(found)
}

/// A server's disk says that its log is written when it is not, and loses its power.
async fn found_at_server(place: PathBuf, is_found: IsFound) -> Result<bool> {
    let mut server = Postgres::with_power().await?;
    server.create_database("early")?;
    let mut stand = Stand::new(&place, Keeping::Postgres(server.url("early")), None)?;
    stand.start().await?;
    let load = Load::start(&stand.socket(), 0);
    until(&load, ENOUGH / 2).await;
    server.disk_lies(true)?;
    until(&load, ENOUGH).await;
    load.note(|seen| seen.kills += 1);
    server.cut_power()?;
    server.disk_lies(false)?;
    server.come_back().await?;
    stand.end(End::Kill)?;
    stand.start().await?;
    let found = check(&load.finish().await?).iter().any(is_found);
    stand.end(End::Kill)?;
    Ok(found)
}

/// Waits until so much was acknowledged, however slow the machine is.
async fn until(load: &Load, acknowledged: usize) {
    let began = Instant::now();
    while load.acknowledged() < acknowledged && began.elapsed() < ENOUGH_WITHIN {
        tokio::time::sleep(WORKS / 10).await;
    }
}
