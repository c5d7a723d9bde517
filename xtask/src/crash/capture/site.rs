//! A simulated Odoo, the fabric that captures its products, and what its consumer is told, page by page.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::changes;
use super::checker::{Fact, Table, Told, replayed};
use crate::crash::factory::{Factory, SECRETS};
use crate::http;
use crate::selvage::Node;

const FABRIC: &str = include_str!("../../../fabrics/capture/fabric.yaml");
/// By which the webhooks of the simulated Odoo are known.
const HOOK: &str = "hook-of-the-simulated-odoo";
const CONSUMER: &str = "planning";
/// Nothing more was told for so long.
pub(super) const SILENCE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(10);
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(300);

/// An Odoo, and what nodes need to capture it.
pub(super) struct Site {
    pub(super) factory: Arc<Factory>,
    pub(super) fabric: PathBuf,
    secrets: String,
}

/// Who reads what is told, and where it is.
pub(super) struct Consumer {
    address: SocketAddr,
    key: String,
    after: Option<String>,
}

impl Site {
    /// Starts the Odoo in a directory of its own; the fabric has these words in the place of others.
    pub(super) async fn new(directory: &Path, changes: &[(&str, &str)]) -> Result<Self> {
        std::fs::create_dir_all(directory)?;
        let factory = Arc::new(Factory::start(directory).await?);
        let fabric = directory.join("fabric");
        std::fs::create_dir_all(&fabric)?;
        let mut text = FABRIC.replace("ODOO", &factory.odoo.to_string());
        for (before, after) in changes {
            ensure!(text.contains(before), "the fabric has no `{before}`");
            text = text.replace(before, after);
        }
        std::fs::write(fabric.join("fabric.yaml"), text)?;
        let secrets = directory.join("secrets");
        std::fs::write(&secrets, format!("{SECRETS}odoo/hook={HOOK}\n"))?;
        let secrets = secrets.display().to_string();
        Ok(Self { factory, fabric, secrets })
    }

    /// A node that knows its secrets.
    pub(super) fn with(&self, node: Node) -> Node {
        node.with(&["--secrets", &self.secrets])
    }

    /// Has Odoo tell a node of what changes.
    pub(super) async fn hint(&self, node: &Node) -> Result<()> {
        let url = format!("http://{}/odoo-hints/v1/{HOOK}", node.address);
        self.factory.tell(&json!({"model": "product.product", "url": url})).await
    }

    /// What was told once nothing more is to come, and what there is.
    pub(super) async fn settled(&self, mut consumer: Consumer) -> Result<(Vec<Told>, Table)> {
        let records = changes::records(&self.factory).await?;
        let (mut events, mut progress) = (Vec::new(), Instant::now());
        loop {
            let before = events.len();
            consumer.pull(&mut |told| events.push(told)).await?;
            if replayed(&events) == records || progress.elapsed() > SILENCE {
                // What is told twice would come behind it.
                tokio::time::sleep(LOOK_EVERY * 10).await;
                consumer.pull(&mut |told| events.push(told)).await?;
                return Ok((events, records));
            }
            if events.len() > before {
                progress = Instant::now();
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Consumer {
    /// With a key of its own, at the beginning. A node that runs already knows the key some time later.
    pub(super) fn of(node: &Node) -> Result<Self> {
        Ok(Self { address: node.address, key: node.issue_key(CONSUMER)?, after: None })
    }

    /// Reads on to the end what was told of products of ours.
    pub(super) async fn pull(&mut self, take: &mut impl FnMut(Told)) -> Result<()> {
        loop {
            let from = self.after.as_ref().map(|after| format!("&after={after}")).unwrap_or_default();
            let path = format!("/product-events/v1/events?limit=500{from}");
            let answer = http::get_with_key(self.address, &path, &self.key, PATIENCE).await?;
            let page = answer.json()?;
            ensure!(answer.status == 200, "the node answers {}: {page}", answer.status);
            let items = page.get("items").and_then(Value::as_array).context("a page has items")?;
            for item in items {
                let told = told(item)?;
                if changes::is_ours(&told.code) {
                    take(told);
                }
            }
            let text = |name: &str| page.get(name).and_then(Value::as_str).map(str::to_owned);
            let next = text("next");
            let is_all = items.is_empty() || next == text("head");
            self.after = next.or(self.after.take());
            if is_all {
                return Ok(());
            }
        }
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
