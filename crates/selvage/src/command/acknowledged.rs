//! Waiting until a change of the access state is known to every node: each has acknowledged it, or its access lease has run
//! out, so that it knows it cannot tell. INVARIANT: REVOKED-NOW

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use selvage_store::{NodeRecord, Store};
use serde_json::{Value, json};

use super::{StoreChoice, say, words};

const LOOK_AGAIN: Duration = Duration::from_millis(15);

/// Why access is taken, by whom, and where that is kept.
#[derive(Args)]
pub(crate) struct Said {
    /// Why, for the ledger; who is blocked is told it too.
    #[arg(long, value_parser = words)]
    pub(crate) because: String,
    /// Who says so, for the ledger.
    #[arg(long, value_name = "NAME", default_value = "cli", value_parser = words)]
    pub(crate) by: String,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) store: StoreChoice,
}

/// What a node made of a change.
enum Answer {
    /// It refuses what is revoked since so long after the change.
    Acknowledged(Duration),
    /// It said nothing; its lease ran out so long after the change. Until then it may serve what declares it.
    RanOut { after: Duration, may_serve_until: Timestamp },
    /// It ended in order.
    Left,
}

/// What became of a change on every node.
pub(crate) struct Acknowledged {
    nodes: Vec<(NodeRecord, Answer)>,
    took: Duration,
}

/// Waits for every node that could still go by an older state than the one of now, which was changed at `since`.
///
/// # Errors
/// Those of the store.
pub(crate) async fn wait(store: &Store, since: Timestamp) -> anyhow::Result<Acknowledged> {
    let revision = store.access_revision().await?;
    let mut open: BTreeMap<String, NodeRecord> = BTreeMap::new();
    let mut nodes = Vec::new();
    let mut first = true;
    loop {
        let (now, found) = store.nodes().await?;
        if first {
            // One that came later has read the newest state; one long gone serves nothing.
            let matters = |node: &&NodeRecord| serves_until(node) > now;
            open = found.iter().filter(matters).map(|node| (node.id.clone(), node.clone())).collect();
            first = false;
        }
        let mut found: BTreeMap<String, NodeRecord> = found.into_iter().map(|node| (node.id.clone(), node)).collect();
        open.retain(|id, before| {
            let (node, answer) = match found.remove(id) {
                Some(node) => {
                    let Some(answer) = answer(&node, revision, since, now) else { return true };
                    (node, answer)
                }
                None => (before.clone(), Answer::Left),
            };
            nodes.push((node, answer));
            false
        });
        if open.is_empty() {
            nodes.sort_by(|(a, _), (b, _)| (&a.address, &a.id).cmp(&(&b.address, &b.id)));
            return Ok(Acknowledged { nodes, took: between(since, now) });
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn answer(node: &NodeRecord, revision: u64, since: Timestamp, now: Timestamp) -> Option<Answer> {
    if node.revision >= revision {
        return Some(Answer::Acknowledged(between(since, node.acknowledged)));
    }
    (node.lease_until <= now)
        .then(|| Answer::RanOut { after: between(since, node.lease_until), may_serve_until: serves_until(node) })
}

fn serves_until(node: &NodeRecord) -> Timestamp {
    node.lease_until.checked_add(node.serves_for).unwrap_or(Timestamp::MAX)
}

fn between(since: Timestamp, until: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(since)).unwrap_or_default()
}

impl Acknowledged {
    /// What each node made of it, as JSON.
    pub(crate) fn nodes(&self) -> Value {
        self.nodes.iter().map(|(node, answer)| told(node, answer)).collect()
    }

    /// Prints what came of it: text, or JSON for scripts.
    ///
    /// # Errors
    /// When it cannot be printed.
    pub(crate) fn print(&self, what: &str, as_json: bool) -> anyhow::Result<()> {
        if as_json {
            return say(json!({"what": what, "took_ms": millis(self.took), "nodes": self.nodes()}));
        }
        say(what)?;
        if self.nodes.is_empty() {
            return say("no node runs that would have to know");
        }
        for (node, answer) in &self.nodes {
            let (address, id) = (&node.address, &node.id);
            match answer {
                Answer::Acknowledged(after) => {
                    say(format_args!("node {address} ({id}) knows, after {} ms", millis(*after)))?;
                }
                Answer::Left => say(format_args!("node {address} ({id}) ended"))?,
                Answer::RanOut { after, may_serve_until } => {
                    let after = millis(*after);
                    let text =
                        format!("node {address} ({id}) did not answer; its access lease ran out after {after} ms");
                    if node.serves_for.is_zero() {
                        say(format_args!("{text}, and it serves nothing without"))?;
                    } else {
                        let until = format!("{may_serve_until:.0}");
                        say(format_args!("{text}; what is declared `serve_for` may be served there until {until}"))?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn told(node: &NodeRecord, answer: &Answer) -> Value {
    let (address, id) = (&node.address, &node.id);
    match answer {
        Answer::Acknowledged(after) => json!({"node": id, "address": address, "acknowledged_ms": millis(*after)}),
        Answer::Left => json!({"node": id, "address": address, "ended": true}),
        Answer::RanOut { after, may_serve_until } => json!({
            "node": id, "address": address, "lease_ran_out_ms": millis(*after),
            "may_serve_until": (!node.serves_for.is_zero()).then(|| may_serve_until.to_string()),
        }),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
