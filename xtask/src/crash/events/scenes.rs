//! What disks, brokers and clocks do to a log, one after the other. What cannot be kept is named; everything else is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::checker::{Broken, check};
use super::disk::{End, copy};
use super::load::{AGAIN, Load};
use super::stand::{Keeping, Stand};
use super::wire::{Ask, Client, Reply};
use super::{Servers, Tally, flipped};
use crate::crash::random::Random;

pub(super) const WORKS: Duration = Duration::from_millis(400);
/// What is under way when a disk is full is answered within this.
const GRACE: Duration = Duration::from_millis(300);
/// And so soon it goes on once there is space.
const GOES_ON_WITHIN: Duration = Duration::from_secs(10);
/// The lease of the node that stands still, in milliseconds.
const LEASE: u64 = 500;

/// Plays every scene.
pub(super) async fn all(
    directory: &Path,
    servers: &mut Servers,
    away: Duration,
    random: &mut Random,
    tally: &mut Tally,
) -> Result<()> {
    let wrong = full_disk(&directory.join("full")).await?;
    tally.scene("a full disk", &wrong);
    let wrong = old_backup(&directory.join("backup")).await?;
    tally.scene("a backup of before", &wrong);
    let wrong = flipped::anywhere(&directory.join("flipped"), random).await?;
    tally.scene("a flipped byte in each file", &wrong);
    let wrong = flipped::in_events(&directory.join("flipped-events"), random).await?;
    tally.scene("a flipped byte in an event", &wrong);
    let wrong = broker_away(&directory.join("away"), servers, away).await?;
    tally.scene("a broker that is away", &wrong);
    let wrong = stood_still(directory, servers).await?;
    tally.scene("a node that stood still past its lease", &wrong);
    Ok(())
}

fn told(broken: &[Broken]) -> Vec<String> {
    broken.iter().take(5).map(|broken| format!("{broken:?}")).collect()
}

/// Nothing is acknowledged while there is no space; everything goes on once there is.
async fn full_disk(directory: &Path) -> Result<Vec<String>> {
    let mut stand = Stand::new(directory, Keeping::Embedded, None)?;
    stand.start().await?;
    let load = Load::start(&stand.socket(), 0);
    let mut wrong = Vec::new();
    for _ in 0..2 {
        tokio::time::sleep(WORKS).await;
        stand.fill(true)?;
        // What was written before is synced and answered yet.
        tokio::time::sleep(GRACE).await;
        let full = load.acknowledged();
        tokio::time::sleep(WORKS).await;
        let more = load.acknowledged() - full;
        if more > 0 {
            wrong.push(format!("{more} events were acknowledged while the disk was full"));
        }
        stand.fill(false)?;
        let began = Instant::now();
        while load.acknowledged() <= full && began.elapsed() < GOES_ON_WITHIN {
            tokio::time::sleep(AGAIN).await;
        }
        if load.acknowledged() <= full {
            wrong.push("nothing was acknowledged once the disk had space".to_owned());
        }
    }
    load.note(|seen| seen.kills += 1);
    stand.end(End::PowerCut)?;
    let gap = stand.start().await?;
    let mut observed = load.finish().await?;
    // Readers whose cursor could not be moved for want of space are given the same again.
    observed.kills += 20;
    observed.faults.extend(gap);
    stand.end(End::Kill)?;
    wrong.extend(told(&check(&observed)));
    Ok(wrong)
}

/// A store from before is found behind, and what it lost is named: nothing that was there at the backup.
async fn old_backup(directory: &Path) -> Result<Vec<String>> {
    let mut stand = Stand::new(directory, Keeping::Embedded, None)?;
    let backup = directory.join("backup");
    fs::create_dir_all(&backup)?;
    stand.start().await?;
    let load = Load::start(&stand.socket(), 0);
    tokio::time::sleep(WORKS).await;
    let mut kept = BTreeSet::new();
    load.note(|seen| kept = seen.acknowledged.clone());
    stand.end(End::Kill)?;
    copy(&directory.join("disk"), &backup)?;
    stand.start().await?;
    tokio::time::sleep(WORKS).await;
    stand.end(End::Kill)?;
    // The marks are in no backup.
    fs::copy(stand.file("selvage.marks"), backup.join("selvage.marks"))?;
    copy(&backup, &directory.join("disk"))?;
    copy(&backup, &directory.join("synced"))?;
    load.note(|seen| seen.kills += 1_000);
    let gap = stand.start().await?;
    let observed = load.finish().await?;
    stand.end(End::Kill)?;
    let mut wrong: Vec<String> = Vec::new();
    if gap.is_none() {
        wrong.push("what the backup did not have was not named".to_owned());
    }
    let broken = check(&observed).into_iter().filter(|broken| match broken {
        Broken::Lost { producer, number, .. } => kept.contains(&(*producer, *number)),
        _ => true,
    });
    wrong.extend(told(&broken.collect::<Vec<_>>()));
    Ok(wrong)
}

/// Longer away than the broker itself looks for a publish that comes twice.
async fn broker_away(directory: &Path, servers: &mut Servers, away: Duration) -> Result<Vec<String>> {
    let keeping = Keeping::JetStream { url: servers.nats.url(), monitoring: servers.nats.monitoring() };
    let mut stand = Stand::new(directory, keeping, None)?;
    // The stream is another installation's: what that knew of it is not here, and readers begin at its start.
    servers.nats.forget("selvage-machine-states-v1").await?;
    stand.start().await?;
    let load = Load::start(&stand.socket(), 0);
    tokio::time::sleep(WORKS).await;
    servers.nats.crash(away).await?;
    tokio::time::sleep(WORKS).await;
    load.note(|seen| seen.kills += 1);
    let observed = load.finish().await?;
    stand.end(End::Kill)?;
    Ok(told(&check(&observed)))
}

/// A node is stopped with a move under way, another takes the cursor over; the first one moves nothing when it goes on.
async fn stood_still(directory: &Path, servers: &mut Servers) -> Result<Vec<String>> {
    servers.postgres.create_database("paused")?;
    let url = servers.postgres.url("paused");
    let mut first = Stand::new(&directory.join("first"), Keeping::Postgres(url.clone()), None)?;
    let mut second = Stand::new(&directory.join("second"), Keeping::Postgres(url), None)?;
    first.start().await?;
    second.start().await?;
    let (mut one, mut other) = (Client::connect(&first.socket()).await?, Client::connect(&second.socket()).await?);
    for number in 0..10 {
        one.ask(&Ask::Append { producer: 0, number }).await?;
    }
    let reader = "subscription/tried/paused".to_owned();
    let Reply::Taken { position, fence } = one.ask(&Ask::Take { reader: reader.clone(), lease: LEASE }).await? else {
        bail!("the first node did not get the cursor");
    };
    let Reply::Events(events) = one.ask(&Ask::Read { after: position }).await? else { bail!("nothing was read") };
    let to = events.get(4).context("too little was read")?.position.clone();
    first.pause().await?;
    let moved = tokio::spawn(async move { one.ask(&Ask::Move { reader, fence, to }).await });
    tokio::time::sleep(Duration::from_millis(2 * LEASE)).await;
    let reader = "subscription/tried/paused".to_owned();
    let taken = other.ask(&Ask::Take { reader: reader.clone(), lease: 60_000 }).await?;
    first.resume()?;
    let late = moved.await??;
    let mut wrong = Vec::new();
    if !matches!(&taken, Reply::Taken { position, .. } if position == "0-0") {
        wrong.push(format!("the second node was answered {taken:?}"));
    }
    if !matches!(&late, Reply::Refused { code, .. } if code == "FAB7020") {
        wrong.push(format!("the first node's move was answered {late:?}"));
    }
    first.end(End::Kill)?;
    second.end(End::Kill)?;
    Ok(wrong)
}
