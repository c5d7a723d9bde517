//! Two nodes on one database, of which one has the capture. It is stopped while Odoo's answer to it is on its way, so that it stands
//! between reading and writing; once its lease has run out the other goes on, and only when that has told something does the first one
//! wake and have the old answer. INVARIANT: LANE-ORDER: what it writes then is refused by its fence.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::site::{Consumer, Site};
use super::{Outcome, changes};
use crate::crash::random::Random;
use crate::daemon::Daemon;
use crate::selvage::Node;
use crate::services::postgres::Postgres;

/// How long a node works before it is stopped, in milliseconds.
const WORKS: std::ops::Range<u64> = 200..1_200;
/// How long an answer of Odoo is on its way to a node that is to be stopped meanwhile.
const ON_ITS_WAY: Duration = Duration::from_millis(1_500);
/// How long the other works before the first one wakes, in milliseconds.
const AWAY: std::ops::Range<u64> = 500..1_500;
/// Changes for each time that a node is stopped, and what is between two of them.
const CHANGES: u64 = 60;
const PAUSE: Duration = Duration::from_millis(40);
/// A database lets go of what a stopped node holds after half a minute.
const TAKEN_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// So many rounds between two lines about how far it is.
const TELL_EVERY: u64 = 10;

/// The two nodes, and the way to both.
struct Pair {
    site: Site,
    nodes: [Node; 2],
    running: [Daemon; 2],
}

pub(super) async fn run(directory: &Path, pauses: u64, seed: u64) -> Result<Outcome> {
    let postgres = Postgres::start().await?;
    postgres.create_database("shared")?;
    let site = Site::new(directory, &[]).await?;
    let node = |name| anyhow::Ok(site.with(Node::on_postgres(name, &site.fabric, &postgres.url("shared"))?));
    let nodes = [node("one")?.with(&["--lease", "1s"]), node("other")?.with(&["--lease", "1s"])];
    let [one, other] = &nodes;
    site.hint(one).await?;
    let consumer = Consumer::of(one)?;
    let running = [one.start(directory).await?, other.start(directory).await?];
    let pair = Pair { site, nodes, running };
    let count = pauses * CHANGES;
    let making = changes::make(Arc::clone(&pair.site.factory), (count, PAUSE), seed, Arc::default());
    let changing = tokio::spawn(making);
    let mut random = Random::from_seed(seed);
    for round in 1..=pauses {
        tokio::time::sleep(random.millis(WORKS)).await;
        pair.stand_still(random.millis(AWAY)).await?;
        if round % TELL_EVERY == 0 {
            eprintln!("{round} of {pauses} times stood still");
        }
    }
    changing.await??;
    let (events, records) = pair.site.settled(consumer).await?;
    Ok(Outcome { rounds: pauses, changes: count, events, records })
}

impl Pair {
    /// The one that has the capture stands still from an answer of Odoo on, until the other has had it for so long.
    async fn stand_still(&self, away: Duration) -> Result<()> {
        let holder = self.holder(None).await?;
        let late = json!({
            "kind": "hang", "answer_after_ms": ON_ITS_WAY.as_millis() as u64, "commit": "before",
            "model": "product.product", "method": "search_read", "times": 1,
        });
        let struck = self.site.factory.strikes().await?;
        self.site.factory.inject(&late).await?;
        let began = Instant::now();
        while self.site.factory.strikes().await? == struck {
            ensure!(began.elapsed() < TAKEN_WITHIN, "who has the capture asks nothing");
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let daemon = self.running.iter().find(|daemon| daemon.pid() == holder).context("a stranger has the capture")?;
        daemon.stand_still().await?;
        let taken = self.holder(Some(holder)).await;
        tokio::time::sleep(away).await;
        daemon.go_on();
        taken.map(drop)
    }

    /// The process that has the capture, other than this one.
    async fn holder(&self, not: Option<u32>) -> Result<u32> {
        let [one, _] = &self.nodes;
        let began = Instant::now();
        while began.elapsed() < TAKEN_WITHIN {
            let listed: Value = serde_json::from_str(&one.command(&["captures", "list", "--json"])?)?;
            let node = listed.pointer("/0/node").and_then(Value::as_str).unwrap_or_default();
            let holder = node.split('-').next().and_then(|pid| pid.parse().ok());
            if let Some(holder) = holder.filter(|holder| Some(*holder) != not) {
                return Ok(holder);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        anyhow::bail!("nobody took the capture over")
    }
}
