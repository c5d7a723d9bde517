//! What changes while a node runs: the access state, asked twice a second, and the directory, when it is watched.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::release::Follower;

/// Twice a second, so that a revocation is seen by every node within one. INVARIANT: REVOKED-NOW
const ACCESS_EVERY: Duration = Duration::from_millis(400);
/// Editors write a file in several steps; a change is read when it has been quiet for so long.
const QUIET: Duration = Duration::from_millis(200);

/// Follows the access state for as long as the node runs.
pub(crate) async fn follow_access(follower: Arc<Follower>) {
    let mut ticks = tokio::time::interval(ACCESS_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = follower.take_access().await {
            tracing::warn!("the access state could not be read; the last one goes on: {error:#}");
        }
    }
}

/// Follows the directory for as long as the node runs.
///
/// # Errors
/// When the directory cannot be watched.
pub(crate) fn follow_directory(follower: Arc<Follower>) -> anyhow::Result<JoinHandle<()>> {
    let (sender, mut changes) = mpsc::channel::<()>(1);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let reads_only = event.as_ref().is_ok_and(|event| event.kind.is_access());
        if !reads_only {
            // Full means that a change is already waiting to be read.
            let _ = sender.try_send(());
        }
    })?;
    watcher
        .watch(&follower.directory, RecursiveMode::Recursive)
        .with_context(|| format!("cannot watch `{}`", follower.directory.display()))?;
    Ok(tokio::spawn(async move {
        let _watcher = watcher;
        while changes.recv().await.is_some() {
            while tokio::time::timeout(QUIET, changes.recv()).await.is_ok_and(|change| change.is_some()) {}
            follower.take_directory().await;
        }
    }))
}
