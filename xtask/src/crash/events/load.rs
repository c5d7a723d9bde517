//! Producers that send each event until it is kept, and readers that keep a cursor, over every restart of a node.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use super::checker::Observed;
use super::node::BATCH;
use super::wire::{Ask, Client, Event, Reply};

/// How many append at once, each to a lane of its own.
pub(super) const PRODUCERS: usize = 64;
/// How many read.
pub(super) const READERS: usize = 8;
/// How long producers may take to their end.
pub(super) const ENDED_WITHIN: Duration = Duration::from_secs(60);
/// Nothing more comes where nobody was given anything for so long.
const SILENCE: Duration = Duration::from_secs(3);
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);
pub(super) const AGAIN: Duration = Duration::from_millis(10);
/// A cursor's lease, in milliseconds.
const LEASE: u64 = 2_000;

/// Everything that works on a stand.
pub(super) struct Load {
    seen: Arc<Mutex<Observed>>,
    producing: Arc<AtomicBool>,
    reading: Arc<AtomicBool>,
    producers: JoinSet<()>,
    readers: JoinSet<()>,
}

impl Load {
    /// Producers and readers begin; the numbers of the events do with `first`.
    pub(super) fn start(socket: &Path, first: u64) -> Self {
        let seen = Arc::new(Mutex::new(Observed { at_once: BATCH, ..Observed::default() }));
        let (producing, reading) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(true)));
        let (mut producers, mut readers) = (JoinSet::new(), JoinSet::new());
        for producer in 0..PRODUCERS {
            producers.spawn(produce(socket.to_owned(), (producer, first), Arc::clone(&producing), Arc::clone(&seen)));
        }
        for reader in 0..READERS {
            with(&seen, |seen| drop(seen.delivered.insert(reader, Vec::new())));
            readers.spawn(read(socket.to_owned(), reader, Arc::clone(&reading), Arc::clone(&seen)));
        }
        Self { seen, producing, reading, producers, readers }
    }

    /// Changes what was seen.
    pub(super) fn note(&self, work: impl FnOnce(&mut Observed)) {
        with(&self.seen, work);
    }

    /// What was seen, for who waits until it shows something.
    pub(super) fn seen(&self) -> &Mutex<Observed> {
        &self.seen
    }

    /// How much was acknowledged so far.
    pub(super) fn acknowledged(&self) -> usize {
        with(&self.seen, |seen| seen.acknowledged.len())
    }

    /// Lets producers come to their end and readers read everything; the node has to run.
    pub(super) async fn finish(mut self) -> Result<Observed> {
        self.producing.store(false, Ordering::Relaxed);
        let ended = async { while self.producers.join_next().await.is_some() {} };
        ensure!(tokio::time::timeout(ENDED_WITHIN, ended).await.is_ok(), "producers are not answered");
        let mut progress = (Instant::now(), 0);
        while progress.0.elapsed() < SILENCE && !with(&self.seen, |seen| is_read(seen)) {
            tokio::time::sleep(LOOK_EVERY).await;
            let delivered = with(&self.seen, |seen| seen.delivered.values().map(Vec::len).sum::<usize>());
            if delivered > progress.1 {
                progress = (Instant::now(), delivered);
            }
        }
        self.reading.store(false, Ordering::Relaxed);
        while self.readers.join_next().await.is_some() {}
        Ok(with(&self.seen, std::mem::take))
    }
}

/// Whether every reader was given all that was acknowledged.
pub(super) fn is_read(seen: &Observed) -> bool {
    seen.delivered.values().all(|events| {
        let given: BTreeSet<(usize, u64)> = events.iter().map(|event| (event.producer, event.number)).collect();
        seen.acknowledged.is_subset(&given)
    })
}

/// A round may take so long until it shows something.
const WORKS_WITHIN: Duration = Duration::from_secs(30);

/// Waits until a round has shown something and much is under way; whether it came to that.
pub(super) async fn is_at_work(seen: &Mutex<Observed>) -> bool {
    let began = Instant::now();
    while began.elapsed() < WORKS_WITHIN {
        if with(seen, |seen| seen.is_at_work()) {
            return true;
        }
        tokio::time::sleep(AGAIN / 2).await;
    }
    false
}

/// What was seen, alone.
pub(super) fn with<T>(seen: &Mutex<Observed>, work: impl FnOnce(&mut Observed) -> T) -> T {
    work(&mut seen.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Sends one event after the other, each until it is kept.
async fn produce(
    socket: PathBuf,
    (producer, first): (usize, u64),
    producing: Arc<AtomicBool>,
    seen: Arc<Mutex<Observed>>,
) {
    let (mut client, mut number) = (None, first);
    while producing.load(Ordering::Relaxed) {
        with(&seen, |seen| seen.in_flight += 1);
        let answer = asked(&mut client, &socket, &Ask::Append { producer, number }).await;
        with(&seen, |seen| seen.in_flight -= 1);
        match answer {
            Some(Reply::Kept { .. }) => {
                with(&seen, |seen| seen.acknowledge((producer, number)));
                number += 1;
            }
            _ => tokio::time::sleep(AGAIN).await,
        }
    }
}

/// Reads on from its cursor, and moves it behind what it was given.
async fn read(socket: PathBuf, reader: usize, reading: Arc<AtomicBool>, seen: Arc<Mutex<Observed>>) {
    let (mut client, mut held) = (None, None);
    let name = format!("subscription/tried/{reader}");
    while reading.load(Ordering::Relaxed) {
        let Some((after, fence)) = held.take() else {
            match asked(&mut client, &socket, &Ask::Take { reader: name.clone(), lease: LEASE }).await {
                Some(Reply::Taken { position, fence }) => held = Some((position, fence)),
                _ => tokio::time::sleep(AGAIN).await,
            }
            continue;
        };
        match asked(&mut client, &socket, &Ask::Read { after: after.clone() }).await {
            Some(Reply::Events(events)) => {
                let Some(last) = events.last().map(|event: &Event| event.position.clone()) else {
                    held = Some((after, fence));
                    tokio::time::sleep(AGAIN).await;
                    continue;
                };
                with(&seen, |seen| {
                    seen.delivered.entry(reader).or_default().extend(events);
                    seen.give(reader);
                });
                let moved = Ask::Move { reader: name.clone(), fence, to: last.clone() };
                if matches!(asked(&mut client, &socket, &moved).await, Some(Reply::Moved)) {
                    held = Some((last, fence));
                }
            }
            Some(Reply::Refused { code, reason }) if code != "FAB7018" && code != "FAB7001" => {
                with(&seen, |seen| seen.faults.push(format!("reader {reader} after {after}: {code}: {reason}")));
                tokio::time::sleep(AGAIN * 10).await;
            }
            _ => tokio::time::sleep(AGAIN).await,
        }
    }
}

/// One answer; `None` where the node is away. The next one is asked over a new connection then.
async fn asked(client: &mut Option<Client>, socket: &Path, ask: &Ask) -> Option<Reply> {
    if client.is_none() {
        *client = Client::connect(socket).await.ok();
    }
    let answer = client.as_mut()?.ask(ask).await;
    if answer.is_err() {
        *client = None;
    }
    answer.ok()
}
