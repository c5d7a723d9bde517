//! The same through the product's front door: the `selvage` binary is killed, and its power cut, while 64 producers publish over HTTP and 8
//! subscriptions deliver by webhook, each machine a lane. What is acknowledged is a 2xx, and what is delivered is what a receiver was sent.
//! INVARIANT: DURABLE-ACK, LANE-ORDER, NOTHING-LOST.

mod harmed;
mod paused;
mod producers;
mod pulled;
mod receiver;
mod restored;

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use selvage_model::code;

use super::checker::{Broken, Observed, check};
use super::disk::{Disk, End};
use super::load::{LOOK_EVERY, READERS, is_at_work, is_read, with};
use super::stand::{Keeping, Strike, end_of};
use super::{EPISODE, FIRST, Servers, Tally};
use crate::crash::random::Random;
use crate::daemon::Daemon;
use crate::selvage::Node;
pub(super) use paused::stood_still;
use producers::{Producers, Target};
use receiver::{DOUBLES, LOSES, REORDERS, REPEATS, Receiver};

const FABRIC: &str = include_str!("../../../fabrics/events/fabric.yaml");
/// So many messages of a subscription are under way at most (`max_in_flight` below).
const UNDER_WAY: usize = 16;
/// How long a node works before it ends.
const WORKS: std::ops::Range<u64> = 300..2_000;
/// Everybody is delivered to within this time, at first.
const BEGINS_WITHIN: Duration = Duration::from_secs(60);
/// Nothing more comes where nobody was sent anything for so long: longer than a lane that failed twice waits.
const SILENCE: Duration = Duration::from_secs(20);
/// The same where something is meant to be missing.
const PLANTED_SILENCE: Duration = Duration::from_secs(4);
/// Every error that is planted shows in this many, however slow the machine is.
const PLANTED_EVENTS: usize = 1_000;
const PLANTED_WITHIN: Duration = Duration::from_secs(30);
/// Power cuts while errors are planted.
const PLANTED_CUTS: usize = 4;
/// What a node may not say where nothing was broken: a gap, what is damaged, missing or ahead, what was parked or passed over.
const TELLS_OF_LOSS: [&str; 6] = ["FAB7012", "FAB7013", "FAB7014", "FAB7015", "FAB5081", "FAB5086"];

/// An installation: a node, its receiver, and what is kept.
pub(super) struct Door {
    directory: PathBuf,
    disk: Disk,
    keeping: Keeping,
    node: Node,
    key: String,
    receiver: Receiver,
    seen: Arc<Mutex<Observed>>,
    running: Option<Daemon>,
}

impl Door {
    /// An installation in an empty directory; its node does not run yet.
    async fn new(name: &str, directory: &Path, keeping: Keeping) -> Result<Self> {
        Self::on(Disk::new(directory)?, name, directory, keeping).await
    }

    async fn on(disk: Disk, name: &str, directory: &Path, keeping: Keeping) -> Result<Self> {
        let seen = Arc::default();
        let receiver = Receiver::start(Arc::clone(&seen)).await?;
        let fabric = directory.join("fabric");
        fs::create_dir_all(&fabric)?;
        fs::write(fabric.join("fabric.yaml"), manifests(&receiver)?)?;
        let node = match &keeping {
            Keeping::Embedded => Node::embedded(name, &fabric, &disk.files())?.within(disk.followed()),
            Keeping::Postgres(url) => Node::on_postgres(name, &fabric, url)?,
            Keeping::JetStream { url, monitoring } => {
                let broker = ["--events", url, "--events-monitoring", monitoring, "--events-prefix", "door"];
                Node::embedded(name, &fabric, &disk.files())?.with(&broker).within(disk.followed())
            }
        };
        let node = node.with(&["--lease", "1s"]);
        let key = node.issue_key("producer")?;
        disk.end(End::Kill)?;
        let directory = directory.to_owned();
        Ok(Self { directory, disk, keeping, node, key, receiver, seen, running: None })
    }

    async fn start(&mut self) -> Result<()> {
        self.running = Some(self.node.start(&self.directory).await?);
        Ok(())
    }

    /// Ends the node in one way or the other. What its disk has then is what the next one finds.
    fn end(&mut self, end: End) -> Result<()> {
        with(&self.seen, |seen| seen.may_come_again(UNDER_WAY));
        end_of(&self.disk, &self.keeping, &mut self.running, end)
    }

    /// What is to end does, and runs again when this returns.
    async fn strike(&mut self, strike: Strike, servers: &mut Servers) -> Result<()> {
        let Self { disk, keeping, running, seen, .. } = self;
        // What a node could not note for want of its server comes again as what it had no time to note.
        with(seen, |seen| seen.may_come_again(UNDER_WAY));
        strike.strike(keeping, servers, |end| end_of(disk, keeping, running, end)).await?;
        match strike.node() {
            Some(_) => self.start().await,
            None => Ok(()),
        }
    }

    /// So many rounds with one load, which sees everything delivered at the end.
    async fn episode(
        &mut self,
        servers: &mut Servers,
        rounds: u64,
        random: &mut Random,
        tally: &mut Tally,
    ) -> Result<Observed> {
        self.start().await?;
        let producers = self.begin(tally.rounds * FIRST).await?;
        for round in 0..rounds {
            tally.progress(round, rounds);
            tokio::time::sleep(random.millis(WORKS)).await;
            let strike = Strike::draw(&self.keeping, random);
            let worked = is_at_work(&self.seen).await;
            with(&self.seen, |seen| tally.round(worked, seen.end_round(), strike));
            tally.front_door += 1;
            self.strike(strike, servers).await?;
        }
        producers.finish().await?;
        let observed = self.delivered(SILENCE).await;
        let said = self.running.as_ref().map(Daemon::output).unwrap_or_default();
        self.end(End::Kill)?;
        Ok(Observed { faults: [observed.faults, losses(&said)].concat(), ..observed })
    }

    /// Begins a load, and returns once everybody is delivered to.
    async fn begin(&self, first: u64) -> Result<Producers> {
        self.begin_at(self.node.address, first).await
    }

    /// The same with a load at another node.
    async fn begin_at(&self, address: SocketAddr, first: u64) -> Result<Producers> {
        let delivered = (0..READERS).map(|reader| (reader, Vec::new())).collect();
        with(&self.seen, |seen| *seen = Observed { delivered, ..Observed::default() });
        let target = Target { address, key: self.key.clone() };
        let producers = Producers::start(&target, first, &self.seen);
        let began = Instant::now();
        while with(&self.seen, |seen| seen.delivered.values().any(Vec::is_empty)) {
            ensure!(began.elapsed() < BEGINS_WITHIN, "not everybody is delivered to");
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(producers)
    }

    /// The power is cut some times, and the node is started again.
    async fn cuts(&mut self) -> Result<()> {
        for _ in 0..PLANTED_CUTS {
            tokio::time::sleep(Duration::from_millis(WORKS.start)).await;
            is_at_work(&self.seen).await;
            with(&self.seen, Observed::end_round);
            self.end(End::PowerCut)?;
            self.start().await?;
        }
        Ok(())
    }

    /// What was seen, once everything has arrived, or nothing more comes.
    async fn delivered(&self, silence: Duration) -> Observed {
        let mut progress = (Instant::now(), 0);
        while progress.0.elapsed() < silence && !with(&self.seen, |seen| is_read(seen)) {
            tokio::time::sleep(LOOK_EVERY).await;
            let delivered = with(&self.seen, |seen| seen.delivered.values().map(Vec::len).sum::<usize>());
            if delivered > progress.1 {
                progress = (Instant::now(), delivered);
            }
        }
        with(&self.seen, std::mem::take)
    }
}

/// What a node says of losses that may not be.
fn losses(said: &str) -> Vec<String> {
    let losses = said.lines().filter(|line| TELLS_OF_LOSS.iter().any(|code| line.contains(code)));
    losses.take(5).map(|line| format!("the node says: {line}")).collect()
}

fn manifests(receiver: &Receiver) -> Result<String> {
    let mut text = FABRIC.replace("RECEIVER", &receiver.address.to_string());
    for reader in 0..READERS {
        write!(
            text,
            "---\nkind: Subscription\nconsumer: producer\ninterface: machine-states@1\nname: s-{reader}\n\
             events: [crash.machine.stopped]\nfrom: oldest\n\
             deliver: {{system: receiver, path: /hooks/{reader}, max_in_flight: {UNDER_WAY}, timeout: 10s}}\n"
        )?;
    }
    Ok(text)
}

/// Every way to keep events, so many rounds each.
pub(super) async fn rounds(
    directory: &Path,
    servers: &mut Servers,
    rounds: [u64; 3],
    random: &mut Random,
    tally: &mut Tally,
) -> Result<()> {
    let keepings = Keeping::all(&servers.postgres, &servers.nats, "door")?;
    for ((name, keeping), rounds) in keepings.into_iter().zip(rounds) {
        let mut door = Door::new("node", &directory.join(format!("door-{name}")), keeping).await?;
        let mut left = rounds;
        while left > 0 {
            let now = left.min(EPISODE);
            left -= now;
            let observed = door.episode(servers, now, random, tally).await?;
            tally.take(&format!("{name} through HTTP"), &observed);
        }
    }
    Ok(())
}

/// What disks do to the product, and what a backup of before gives back: each scene, and what was wrong in it.
pub(super) async fn scenes(directory: &Path) -> Result<[(&'static str, Vec<String>); 3]> {
    Ok([
        ("a backup of before, restored by the product", restored::play(directory).await?),
        ("a full disk under the product", harmed::full_disk(directory).await?),
        ("a flipped byte under the product", harmed::flipped(directory).await?),
    ])
}

/// Whether what was planted is among what was broken.
type IsFound = fn(&[Broken]) -> bool;

/// Four readers break a promise, and in another installation the disk does: the checker has to find each of them. Whether it did.
pub(super) async fn plant(directory: &Path) -> Result<[(&'static str, bool); 5]> {
    let (readers, early) = (broken_by_readers(directory), broken_by_disk(directory));
    let (readers, early) = tokio::join!(readers, early);
    let (readers, early) = (readers?, early?);
    let table: [(&str, IsFound); 4] = [
        ("loss", |broken| lost(broken, LOSES).any(|event| !lost(broken, DOUBLES).any(|other| other == event))),
        ("double", |broken| broken.iter().any(|broken| matches!(broken, Broken::Doubled { .. }))),
        ("reorder", |broken| broken.iter().any(|broken| matches!(broken, Broken::Reordered { reader: REORDERS, .. }))),
        ("restart", |broken| broken.iter().any(|broken| matches!(broken, Broken::Repeated { reader: REPEATS, .. }))),
    ];
    let [loss, double, reorder, restart] = table.map(|(planted, is_found)| (planted, is_found(&readers)));
    // What was acknowledged before the sync never came to somebody, and the node said so.
    let (early, is_named) = early;
    let was_lost = early.iter().any(|broken| matches!(broken, Broken::Lost { .. }));
    if was_lost != is_named {
        eprintln!("    by the disk: lost {was_lost}, named {is_named}");
    }
    let is_lost = was_lost && is_named;
    Ok([loss, double, reorder, restart, ("acknowledgement before the sync", is_lost)])
}

async fn broken_by_readers(directory: &Path) -> Result<Vec<Broken>> {
    let mut door = Door::new("planted", &directory.join("door-planted"), Keeping::Embedded).await?;
    door.receiver.plant();
    door.start().await?;
    let producers = door.begin(0).await?;
    door.cuts().await?;
    let began = Instant::now();
    let is_given = || {
        with(&door.seen, |seen| {
            let given = |reader| seen.delivered.get(&reader).map_or(0, Vec::len);
            given(REORDERS) >= PLANTED_EVENTS && given(REPEATS) > 2 * seen.may_repeat(REPEATS)
        })
    };
    while !is_given() && began.elapsed() < PLANTED_WITHIN {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    producers.finish().await?;
    door.receiver.repeat();
    let observed = door.delivered(PLANTED_SILENCE).await;
    door.end(End::Kill)?;
    Ok(check(&observed))
}

/// The product as it is, on a disk that says too early that it has written: what the node acknowledges is not kept yet. What was broken,
/// and whether a node that found less than was acknowledged named it.
async fn broken_by_disk(directory: &Path) -> Result<(Vec<Broken>, bool)> {
    let place = directory.join("door-early");
    let mut door = Door::on(Disk::new(&place)?.late(), "early", &place, Keeping::Embedded).await?;
    door.start().await?;
    let producers = door.begin(0).await?;
    // A cut may fall so that the disk had written just before, or that the mark had not.
    let mut is_named = false;
    for _ in 0..PLANTED_CUTS {
        door.cuts().await?;
        let said = door.running.as_ref().map(Daemon::output).unwrap_or_default();
        is_named = said.contains(code::LOG_GAP.as_str());
        if is_named {
            break;
        }
    }
    producers.finish().await?;
    let observed = door.delivered(PLANTED_SILENCE).await;
    door.end(End::Kill)?;
    Ok((check(&observed), is_named))
}

/// What this reader never got.
fn lost(broken: &[Broken], who: usize) -> impl Iterator<Item = (usize, u64)> {
    broken.iter().filter_map(move |broken| match broken {
        Broken::Lost { reader, producer, number } if *reader == who => Some((*producer, *number)),
        _ => None,
    })
}
