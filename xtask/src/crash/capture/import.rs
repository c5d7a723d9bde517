//! Products that somebody imports while a node follows: each of them is told once, and the node has no more memory for it than a bound.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::changes::OURS;
use super::checker::{Broken, Fact, Told};
use super::site::{Consumer, LOOK_EVERY, SILENCE, Site};
use crate::daemon::Daemon;
use crate::http;
use crate::selvage::Node;

/// The most memory that a node may have, whatever is imported.
pub(super) const MOST_MEGABYTES: f64 = 256.0;
/// Products that are made by one call.
const TOGETHER: u64 = 500;
const FOLLOWING: &str = "selvage_capture_following{interface=\"product-events@1\",system=\"odoo\"} 1";
const FOLLOWS_WITHIN: Duration = Duration::from_secs(60);

/// What came of an import.
pub(super) struct Imported {
    /// How many products it had.
    pub(super) products: u64,
    /// The most memory that the node had.
    pub(super) peak_megabytes: f64,
    pub(super) broken: Vec<Broken>,
}

/// What was told of each product, by its number.
struct Tally {
    told: Vec<bool>,
    broken: Vec<Broken>,
}

pub(super) async fn run(directory: &Path, products: u64) -> Result<Imported> {
    // All ids are compared now and then; every two seconds of so many would be another run.
    let site = Site::new(directory, &[("reconcile_deletes: 2s", "reconcile_deletes: 5m")]).await?;
    let node = site.with(Node::embedded("import", &site.fabric, &directory.join("data"))?);
    let consumer = Consumer::of(&node)?;
    let running = node.start(directory).await?;
    follows(&node, &running).await?;
    let began = Instant::now();
    let (made, told) = tokio::join!(make(&site, products), all_told(consumer, products));
    made?;
    let broken = told?;
    let peak_megabytes = running.peak_megabytes()?;
    eprintln!("{products} products imported and told in {} s, {peak_megabytes:.0} MB", began.elapsed().as_secs());
    Ok(Imported { products, peak_megabytes, broken })
}

async fn follows(node: &Node, running: &Daemon) -> Result<()> {
    let began = Instant::now();
    loop {
        let metrics = http::get(node.admin, "/metrics").await?;
        if String::from_utf8_lossy(&metrics.body).contains(FOLLOWING) {
            return Ok(());
        }
        ensure!(began.elapsed() < FOLLOWS_WITHIN, "the node does not follow: {}", running.output());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn make(site: &Site, products: u64) -> Result<()> {
    let mut first = 0;
    while first < products {
        let until = (first + TOGETHER).min(products);
        let product = |number| json!({"name": format!("part {number}"), "default_code": format!("{OURS}{number}")});
        let values: Vec<Value> = (first..until).map(product).collect();
        site.factory.admin("product.product", "create", json!([values]), json!({})).await?;
        first = until;
    }
    Ok(())
}

/// What is wrong with what is told, once all of it is, or nothing more comes.
async fn all_told(mut consumer: Consumer, products: u64) -> Result<Vec<Broken>> {
    let mut tally = Tally { told: vec![false; usize::try_from(products)?], broken: Vec::new() };
    let (mut before, mut progress, mut last) = (0, Instant::now(), false);
    loop {
        consumer.pull(&mut |told| tally.take(&told)).await?;
        let count = tally.told.iter().filter(|told| **told).count();
        if last || progress.elapsed() > SILENCE {
            break;
        }
        // What is told twice would come behind it.
        last = count == tally.told.len();
        if count > before {
            (before, progress) = (count, Instant::now());
        }
        tokio::time::sleep(if last { LOOK_EVERY * 10 } else { LOOK_EVERY }).await;
    }
    let untold = tally.told.iter().enumerate().filter(|(_, told)| !**told);
    tally.broken.extend(untold.map(|(number, _)| Broken::Lost(format!("{OURS}{number} was not told"))));
    Ok(tally.broken)
}

impl Tally {
    fn take(&mut self, told: &Told) {
        let number = told.code.strip_prefix(OURS).and_then(|number| number.parse::<usize>().ok());
        match number.and_then(|number| self.told.get_mut(number)) {
            Some(known) if told.fact == Fact::Created && !*known => *known = true,
            Some(_) => self.broken.push(Broken::Doubled(format!("{} is told again: {:?}", told.code, told.fact))),
            None => self.broken.push(Broken::Doubled(format!("{} is told, and is not there", told.code))),
        }
    }
}
