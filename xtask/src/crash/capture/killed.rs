//! One node on a store of its own, killed at random moments while its calls to Odoo fail in many ways.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::site::{Consumer, Site};
use super::{Outcome, changes};
use crate::crash::random::Random;
use crate::selvage::Node;

/// How long a node works before it is killed, in milliseconds.
const WORKS: std::ops::Range<u64> = 300..2_500;
/// Between two changes.
const PAUSE: Duration = Duration::from_millis(10);
/// So many rounds between two lines about how far it is.
const TELL_EVERY: u64 = 10;

pub(super) async fn run(directory: &Path, count: u64, seed: u64) -> Result<Outcome> {
    let began = Instant::now();
    let site = Site::new(directory, &[]).await?;
    let node = site.with(Node::embedded("capture", &site.fabric, &directory.join("data"))?);
    let consumer = Consumer::of(&node)?;
    site.hint(&node).await?;
    let mut running = node.start(directory).await?;
    for (number, kind) in ["reset-after", "serialization", "status", "reset-before"].iter().enumerate() {
        site.factory.inject(&json!({"kind": kind, "code": 502, "probability": 0.05, "seed": number})).await?;
    }
    let made = Arc::new(AtomicU64::new(0));
    let making = changes::make(Arc::clone(&site.factory), (count, PAUSE), seed, Arc::clone(&made));
    let changing = tokio::spawn(making);
    let (mut random, mut rounds) = (Random::from_seed(seed), 0);
    while !changing.is_finished() {
        tokio::time::sleep(random.millis(WORKS)).await;
        running.kill()?;
        rounds += 1;
        running = node.start(directory).await?;
        if rounds % TELL_EVERY == 0 {
            let seconds = began.elapsed().as_secs();
            eprintln!("{rounds} rounds, {} of {count} changes, {seconds} s", made.load(Ordering::Relaxed));
        }
    }
    changing.await??;
    site.factory.clear_faults().await?;
    let (events, records) = site.settled(consumer).await?;
    drop(running);
    Ok(Outcome { rounds, changes: count, events, records })
}
