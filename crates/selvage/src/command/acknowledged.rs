//! Waiting until a change of the access state is known to every node: each has acknowledged it, or its access lease has run
//! out, so that it knows it cannot tell. INVARIANT: REVOKED-NOW

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use selvage_model::code;
use selvage_model::name::EnvironmentName;
use selvage_store::{NodeRecord, Runs, Store, digests_of_active};
use serde_json::{Value, json};

use super::signature::Signature;
use super::{Outcome, StoreChoice, say, words};
use crate::report;

const LOOK_AGAIN: Duration = Duration::from_millis(15);
/// How long a node may take to read what is active before it is said that it still does.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why access is taken, by whom, and where that is kept.
#[derive(Args)]
pub(crate) struct Said {
    /// Why, for the ledger; who is blocked is told it too.
    #[arg(long, value_parser = words)]
    pub(crate) because: String,
    #[command(flatten)]
    pub(crate) signature: Signature,
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
    /// It knows of it, and does not take what is active: what ran before goes on.
    Refused { code: String, because: String },
    /// It knows of it, and still runs what ran before, perhaps for a reason that passes.
    Before { because: Option<String> },
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
    wait_until(store, since, None).await
}

/// The same for what was activated in an environment: its nodes have to run it, too.
///
/// # Errors
/// Those of the store.
pub(crate) async fn wait_for_release(
    store: &Store,
    since: Timestamp,
    environment: &EnvironmentName,
) -> anyhow::Result<Acknowledged> {
    wait_until(store, since, Some(environment)).await
}

/// The same for either.
///
/// # Errors
/// Those of the store.
pub(crate) async fn wait_until(
    store: &Store,
    since: Timestamp,
    environment: Option<&EnvironmentName>,
) -> anyhow::Result<Acknowledged> {
    let began = Instant::now();
    let revision = store.access_revision().await?;
    let mut open: BTreeMap<String, NodeRecord> = BTreeMap::new();
    let mut nodes = Vec::new();
    let mut first = true;
    loop {
        // What is active by now, whoever else activated something meanwhile.
        let active = match environment {
            Some(_) => digests_of_active(&store.active_domains().await?),
            None => BTreeMap::new(),
        };
        let active = environment.and_then(|environment| Some((environment, active.get(environment)?.as_str())));
        let (now, found) = store.nodes().await?;
        let seen = Seen { revision, active, since, now, is_late: began.elapsed() > PATIENCE };
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
                    let Some(answer) = seen.answer(&node) else { return true };
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

/// What nodes are held to at a moment.
struct Seen<'a> {
    revision: u64,
    /// What is to run in an environment, by its digest.
    active: Option<(&'a EnvironmentName, &'a str)>,
    since: Timestamp,
    now: Timestamp,
    is_late: bool,
}

impl Seen<'_> {
    fn answer(&self, node: &NodeRecord) -> Option<Answer> {
        let (since, has_run_out) = (self.since, node.lease_until <= self.now);
        let may_serve_until = serves_until(node);
        let ran_out = || Answer::RanOut { after: between(since, node.lease_until), may_serve_until };
        if node.revision < self.revision {
            return has_run_out.then(ran_out);
        }
        let active = self.active.filter(|(environment, _)| environment.as_str() == node.environment);
        match active.map_or(Runs::Unsaid, |(_, digest)| node.runs(digest)) {
            Runs::Unsaid => Some(Answer::Acknowledged(between(since, node.acknowledged))),
            Runs::Active(runs) => Some(Answer::Acknowledged(between(since, runs.max(node.acknowledged)))),
            Runs::Refused(refused) if !refused.passes => {
                Some(Answer::Refused { code: refused.code.clone(), because: refused.because.clone() })
            }
            Runs::Refused(_) | Runs::Other if has_run_out => Some(ran_out()),
            Runs::Refused(refused) => self.is_late.then(|| Answer::Before { because: Some(refused.because.clone()) }),
            Runs::Other => self.is_late.then_some(Answer::Before { because: None }),
        }
    }
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

    /// Wrong where a node does not run what was activated.
    pub(crate) fn outcome(&self) -> Outcome {
        let runs_before = |answer: &Answer| matches!(answer, Answer::Refused { .. } | Answer::Before { .. });
        if self.nodes.iter().any(|(_, answer)| runs_before(answer)) { Outcome::Wrong } else { Outcome::Well }
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
                Answer::Refused { because, .. } => {
                    let (code, because) = (code::RELEASE_NOT_TAKEN, report::visible(because, true));
                    say(format_args!(
                        "node {address} ({id}) did not take it, and runs what ran before: {code}: {because}"
                    ))?;
                }
                Answer::Before { because } => {
                    let why = because.as_deref().unwrap_or("it reads what is active");
                    let (code, why) = (code::RELEASE_NOT_TAKEN, report::visible(why, true));
                    say(format_args!(
                        "node {address} ({id}) still runs what ran before, and goes on trying: {code}: {why}"
                    ))?;
                }
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
        Answer::Refused { code, because } => {
            json!({"node": id, "address": address, "refused": {"code": code, "because": because}})
        }
        Answer::Before { because } => json!({"node": id, "address": address, "runs_before": true, "because": because}),
        Answer::RanOut { after, may_serve_until } => json!({
            "node": id, "address": address, "lease_ran_out_ms": millis(*after),
            "may_serve_until": (!node.serves_for.is_zero()).then(|| may_serve_until.to_string()),
        }),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
