//! Keeps a task for each subscription that this node is to deliver, and shares them with the other nodes: each subscription has one
//! node that it prefers, and only who holds its cursor delivers. It never decides whether a subscription may be delivered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use selvage_model::code;
use selvage_model::name::InterfaceRef;
use selvage_store::{CursorMove, NewCursor, StoreError, SubscriptionStep, TakenCursor};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::run::{DeliveryConfig, Ended, Job, Means, Run};

/// After what is temporary it is tried again so much later.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The node that a subscription prefers: the same for all who know the same nodes, and about as many for each.
pub fn preferred<'a>(subscription: &str, nodes: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    nodes.max_by_key(|node| {
        let mut digest = Sha256::new();
        digest.update(subscription.as_bytes());
        digest.update(b"\n");
        digest.update(node.as_bytes());
        digest.finalize().to_vec()
    })
}

/// The tasks of this node.
pub struct Keeper {
    means: Arc<Means>,
    tasks: Mutex<HashMap<String, Task>>,
}

struct Task {
    job: Job,
    stop: watch::Sender<bool>,
    acts: watch::Sender<i64>,
    handle: JoinHandle<()>,
}

impl Keeper {
    /// A keeper without tasks. Called within a runtime.
    pub fn new(config: DeliveryConfig) -> Self {
        Self { means: Arc::new(Means::new(config)), tasks: Mutex::default() }
    }

    /// Delivers these subscriptions, and no others. Those that are others now are stopped first: what they have under way is
    /// waited for by their own task, and by nobody else.
    pub fn set(&self, jobs: Vec<Job>) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted: HashMap<&str, &Job> = jobs.iter().map(|job| (job.subscription.id.as_str(), job)).collect();
        for (id, task) in tasks.iter() {
            let same = wanted.get(id.as_str()).is_some_and(|job| is_same(job, &task.job));
            if !same {
                let _ = task.stop.send(true);
            }
        }
        tasks.retain(|_, task| !task.handle.is_finished());
        for job in jobs {
            if tasks.contains_key(&job.subscription.id) {
                continue;
            }
            let (stop, stopped) = watch::channel(false);
            let (acts, acted) = watch::channel(0);
            let handle = tokio::spawn(keep(Arc::clone(&self.means), job.clone(), stopped, acted));
            tasks.insert(job.subscription.id.clone(), Task { job, stop, acts, handle });
        }
    }

    /// Tells how often people acted on lanes, by subscription: whoever has not seen it looks again.
    pub fn acted(&self, acts: &[(String, i64)]) {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, count) in acts {
            if let Some(task) = tasks.get(id) {
                task.acts.send_if_modified(|known| std::mem::replace(known, *count) != *count);
            }
        }
    }

    /// Finishes what is under way and ends.
    pub async fn end(&self) {
        let tasks: Vec<Task> = {
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            tasks.drain().map(|(_, task)| task).collect()
        };
        for task in &tasks {
            let _ = task.stop.send(true);
        }
        for task in tasks {
            let _ = task.handle.await;
        }
    }
}

/// Whether the same would be done: how a subscription stands may have been noted meanwhile.
fn is_same(left: &Job, right: &Job) -> bool {
    left.endpoint == right.endpoint
        && left.calendar == right.calendar
        && left.interface == right.interface
        && left.scope == right.scope
        && left.granted == right.granted
        && left.shared == right.shared
        && left.subscription.terms == right.subscription.terms
        && left.subscription.interface == right.subscription.interface
}

/// Takes the cursor whenever it is free, and delivers as long as it has it.
async fn keep(means: Arc<Means>, job: Job, mut stop: watch::Receiver<bool>, acts: watch::Receiver<i64>) {
    let (label, config) = (job.subscription.label(), &means.config);
    let mut lost: Option<Run> = None;
    while !*stop.borrow() {
        let pause = match begin(&means, &job, &mut lost).await {
            Ok(Some(mut run)) => match run.run(stop.clone(), acts.clone()).await {
                Ended::Stopped => return,
                Ended::Lost => {
                    lost = Some(run);
                    AGAIN_AFTER
                }
                Ended::Done => {
                    end(config, &job).await;
                    AGAIN_AFTER
                }
                ended @ (Ended::Gone | Ended::Full) => {
                    suspend(config, &job, ended).await;
                    config.lease
                }
            },
            Ok(None) => (config.lease / 4).max(Duration::from_millis(50)),
            Err(error) => later(&label, &error),
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.changed() => {}
        }
    }
    if let Some(mut lost) = lost
        && let Err(error) = lost.note().await
    {
        tracing::warn!("{}: what came of `{label}` last is not noted, and comes again: {error}", error.code());
    }
}

fn later(label: &str, error: &StoreError) -> Duration {
    // The stream is opened by the node when it starts, or when its interface appears.
    if !matches!(error, StoreError::NotFound { .. }) {
        tracing::warn!("{}: `{label}` is taken up later: {error}", error.code());
    }
    AGAIN_AFTER
}

async fn take(config: &DeliveryConfig, job: &Job) -> Result<Option<(CursorMove, Instant)>, StoreError> {
    let stream: InterfaceRef = job.subscription.interface.clone();
    let reader = job.subscription.reader().map_err(|_| StoreError::NotFound { what: "reader", id: String::new() })?;
    let asked = Instant::now();
    let new = NewCursor {
        stream: stream.clone(),
        reader: reader.clone(),
        start: job.subscription.begins,
        node: config.node.clone(),
        lease: config.lease,
    };
    Ok(match config.store.take_cursor(&new).await? {
        TakenCursor::Taken { position, fence } => Some((CursorMove { stream, reader, fence, to: position }, asked)),
        TakenCursor::Held { .. } => None,
    })
}

/// Takes it up, where its cursor is free, once what a run before it left is noted.
async fn begin(means: &Arc<Means>, job: &Job, lost: &mut Option<Run>) -> Result<Option<Run>, StoreError> {
    let _permit = means.begins.acquire().await;
    let config = &means.config;
    if let Some(run) = lost {
        run.note().await?;
        *lost = None;
    }
    let Some((held, taken)) = take(config, job).await? else { return Ok(None) };
    let id = &job.subscription.id;
    config.store.step_subscription(id, SubscriptionStep::Begun, &config.node, "a node delivers it").await?;
    Run::begin(Arc::clone(means), job.clone(), held, taken).await.map(Some)
}

/// What was to be repeated has been.
async fn end(config: &DeliveryConfig, job: &Job) {
    let (step, because) = (SubscriptionStep::End, "everything was sent again");
    if let Err(error) = config.store.step_subscription(&job.subscription.id, step, &config.node, because).await {
        tracing::warn!("{}: `{}` ends later: {error}", error.code(), job.subscription.label());
    }
}

async fn suspend(config: &DeliveryConfig, job: &Job, ended: Ended) {
    let (code, because) = match ended {
        Ended::Gone => (code::ENDPOINT_GONE, "the endpoint answered that it wants nothing more (410)"),
        _ => (code::LANES_PARKED, "too many of its lanes are parked"),
    };
    tracing::error!(code = %code, "`{}` is suspended: {because}", job.subscription.label());
    let step = SubscriptionStep::Suspend;
    if let Err(error) = config.store.step_subscription(&job.subscription.id, step, &config.node, because).await {
        tracing::warn!("{}: `{}` is suspended later: {error}", error.code(), job.subscription.label());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_share_subscriptions_and_keep_most_when_one_comes() {
        let nodes = ["a", "b", "c"];
        let of = |nodes: &[&str], number: usize| {
            preferred(&format!("sub_{number}"), nodes.iter().copied()).map(str::to_owned)
        };
        let mut counts = HashMap::new();
        let mut moved = 0;
        for number in 0..300 {
            *counts.entry(of(&nodes[..2], number)).or_insert(0) += 1;
            let (before, after) = (of(&nodes[..2], number), of(&nodes, number));
            assert!(before == after || after.as_deref() == Some("c"));
            moved += usize::from(before != after);
        }
        assert!(counts.values().all(|count| (110..190).contains(count)), "{counts:?}");
        assert!((60..140).contains(&moved), "{moved}");
        assert_eq!(preferred("sub_1", std::iter::empty()), None);
    }
}
