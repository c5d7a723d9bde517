//! A node that captures an Odoo is killed at random moments while products are made, changed and deleted there, calls to it fail in many
//! ways, and its webhooks hint at what changed. INVARIANT: NOTHING-LOST, LANE-ORDER: what a consumer is told, replayed onto an empty
//! table, is what Odoo has; each change once, and each record in order.

mod changes;
mod checker;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::checker::{Broken, Fact, Table, Told, check, replayed};
use super::factory::{Factory, SECRETS};
use super::random::Random;
use crate::selvage::Node;
use crate::{http, release};

const FABRIC: &str = include_str!("../../fabrics/capture/fabric.yaml");
/// By which the webhooks of the simulated Odoo are known.
const HOOK: &str = "hook-of-the-simulated-odoo";
const CONSUMER: &str = "planning";
/// How long a node works before it is killed, in milliseconds.
const WORKS: std::ops::Range<u64> = 300..2_500;
/// Nothing more was told for so long.
const SILENCE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// So many rounds between two lines about how far it is.
const TELL_EVERY: u64 = 10;

/// How much to try.
#[derive(Args)]
pub(crate) struct Options {
    /// Fewer changes, within 45 s.
    #[arg(long)]
    quick: bool,
    /// How many changes.
    #[arg(long)]
    changes: Option<u64>,
    /// The seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Tries it, prints the figures, and fails when a promise was broken or a planted error was missed.
pub(crate) async fn run(options: &Options) -> Result<()> {
    release::required(&["selvage", "xtask"]).await?;
    let began = Instant::now();
    let directory = TempDir::with_prefix("selvage-capture-")?;
    let factory = Arc::new(Factory::start(directory.path()).await?);
    let node = node(directory.path(), &factory)?;
    let key = node.issue_key(CONSUMER)?;
    let rule = json!({"model": "product.product", "url": format!("http://{}/odoo-hints/v1/{HOOK}", node.address)});
    factory.tell(&rule).await?;
    let count = options.changes.unwrap_or(if options.quick { 300 } else { 10_000 });
    let mut running = node.start(directory.path()).await?;
    for (number, kind) in ["reset-after", "serialization", "status", "reset-before"].iter().enumerate() {
        factory.inject(&json!({"kind": kind, "code": 502, "probability": 0.05, "seed": number})).await?;
    }
    let made = Arc::new(AtomicU64::new(0));
    let changing = tokio::spawn(changes::make(Arc::clone(&factory), count, options.seed, Arc::clone(&made)));
    let (mut random, mut rounds) = (Random::from_seed(options.seed), 0);
    while !changing.is_finished() {
        tokio::time::sleep(random.millis(WORKS)).await;
        running.kill()?;
        rounds += 1;
        running = node.start(directory.path()).await?;
        if rounds % TELL_EVERY == 0 {
            let seconds = began.elapsed().as_secs();
            eprintln!("{rounds} rounds, {} of {count} changes, {seconds} s", made.load(Ordering::Relaxed));
        }
    }
    changing.await??;
    factory.clear_faults().await?;
    let (events, records) = settled(&node, &key, &factory).await?;
    drop(running);
    report(rounds, count, &events, &records, options.seed)
}

fn node(directory: &Path, factory: &Factory) -> Result<Node> {
    let fabric = directory.join("fabric");
    std::fs::create_dir_all(&fabric)?;
    std::fs::write(fabric.join("fabric.yaml"), FABRIC.replace("ODOO", &factory.odoo.to_string()))?;
    let secrets = directory.join("secrets");
    std::fs::write(&secrets, format!("{SECRETS}odoo/hook={HOOK}\n"))?;
    let node = Node::embedded("capture", &fabric, &directory.join("data"))?;
    Ok(node.with(&["--secrets", &secrets.display().to_string()]))
}

/// What was told once nothing more is to come, and what there is.
async fn settled(node: &Node, key: &str, factory: &Factory) -> Result<(Vec<Told>, Table)> {
    let records = changes::records(factory).await?;
    let (mut events, mut after, mut progress) = (Vec::new(), None, Instant::now());
    loop {
        let before = events.len();
        after = pull(node, key, after, &mut events).await?;
        if replayed(&events) == records || progress.elapsed() > SILENCE {
            // What is told twice would come behind it.
            tokio::time::sleep(LOOK_EVERY * 10).await;
            pull(node, key, after, &mut events).await?;
            return Ok((events, records));
        }
        if events.len() > before {
            progress = Instant::now();
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Reads on to the end; says where that is.
async fn pull(node: &Node, key: &str, mut after: Option<String>, events: &mut Vec<Told>) -> Result<Option<String>> {
    loop {
        let from = after.as_ref().map(|after| format!("&after={after}")).unwrap_or_default();
        let path = format!("/product-events/v1/events?limit=500{from}");
        let answer = http::get_with_key(node.address, &path, key, PATIENCE).await?;
        let page = answer.json()?;
        ensure!(answer.status == 200, "the node answers {}: {page}", answer.status);
        let items = page.get("items").and_then(Value::as_array).context("a page has items")?;
        for item in items {
            let told = told(item)?;
            events.extend(changes::is_ours(&told.code).then_some(told));
        }
        let text = |name: &str| page.get(name).and_then(Value::as_str).map(str::to_owned);
        let next = text("next");
        if items.is_empty() || next == text("head") {
            return Ok(next.or(after));
        }
        after = next;
    }
}

fn told(event: &Value) -> Result<Told> {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = text("/type");
    let fact = match kind.rsplit('.').next() {
        Some("created") => Fact::Created,
        Some("changed") => Fact::Changed,
        Some("deleted") => Fact::Deleted,
        _ => bail!("`{kind}` is no fact of a product"),
    };
    Ok(Told {
        id: text("/id"),
        subject: text("/subject"),
        fact,
        time: text("/time"),
        data: event.get("data").map(Value::to_string).unwrap_or_default(),
        code: text("/data/code"),
        name: text("/data/name"),
    })
}

/// Errors planted behind what was told: how many, and how many of them were seen.
fn planted(events: &[Told], records: &Table) -> (u64, u64) {
    let changed = events.iter().rposition(|event| event.fact == Fact::Changed);
    let with = |change: &dyn Fn(&mut Vec<Told>)| {
        let mut events = events.to_vec();
        change(&mut events);
        check(&events, records)
    };
    let Some(last) = changed.filter(|last| events.len() > last + 1) else { return (0, 0) };
    let dropped = with(&|events| drop(events.pop()));
    let doubled = with(&|events| events.extend(events.last().cloned()));
    let turned = with(&|events| {
        let moved = events.remove(last);
        events.insert(0, moved);
    });
    let seen = [
        dropped.iter().any(|broken| matches!(broken, Broken::Lost(_))),
        doubled.iter().any(|broken| matches!(broken, Broken::Doubled(_))),
        turned.iter().any(|broken| matches!(broken, Broken::Reordered(_))),
    ];
    (seen.len() as u64, seen.iter().filter(|seen| **seen).count() as u64)
}

fn report(rounds: u64, changes: u64, events: &[Told], records: &Table, seed: u64) -> Result<()> {
    let broken = check(events, records);
    for broken in broken.iter().take(20) {
        eprintln!("BROKEN: {broken:?}");
    }
    let count = |kind: fn(&Broken) -> bool| broken.iter().filter(|broken| kind(broken)).count();
    let (planted, caught) = planted(events, records);
    let figures = json!({
        "rounds": rounds,
        "changes": changes,
        "records": records.len(),
        "events": events.len(),
        "doubled": count(|broken| matches!(broken, Broken::Doubled(_))),
        "lost": count(|broken| matches!(broken, Broken::Lost(_))),
        "reordered": count(|broken| matches!(broken, Broken::Reordered(_))),
        "planted": planted,
        "planted_caught": caught,
    });
    println!("{}", json!({"name": "capture", "figures": figures}));
    ensure!(broken.is_empty(), "a promise was broken: see above; repeat it with `--seed {seed}`");
    ensure!(planted > 0 && planted == caught, "the checker missed {} planted errors", planted - caught);
    Ok(())
}
