//! What changes while a node runs: the directory, when it is watched.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::release::Follower;

/// Editors write a file in several steps; a change is read when it has been quiet for so long.
const QUIET: Duration = Duration::from_millis(200);
/// A change is read at last after so long, quiet or not.
const LOUDEST: Duration = Duration::from_secs(2);
/// How often it is looked whether the directory is still the same one.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Follows the directory for as long as the node runs.
///
/// # Errors
/// When the directory cannot be watched.
pub(crate) fn follow_directory(follower: Arc<Follower>, directory: PathBuf) -> anyhow::Result<JoinHandle<()>> {
    let (sender, mut changes) = mpsc::channel::<()>(1);
    // What changed since the directory was read first is not told by a watch that begins now.
    let _ = sender.try_send(());
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let reads_only = event.as_ref().is_ok_and(|event| event.kind.is_access());
        if !reads_only {
            // Full means that a change is already waiting to be read.
            let _ = sender.try_send(());
        }
    })?;
    let mut watched = Watched { directory, watcher, identity: None };
    watched.renew().with_context(|| format!("cannot watch `{}`", watched.directory.display()))?;
    Ok(tokio::spawn(async move {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                change = changes.recv() => match change {
                    Some(()) => settle(&mut changes).await,
                    None => return,
                },
                _ = looks.tick() => match watched.renew() {
                    Ok(true) => {}
                    Ok(false) => continue,
                    Err(error) => {
                        tracing::warn!("the directory cannot be watched: {error}");
                        continue;
                    }
                },
            }
            follower.take_directory().await;
        }
    }))
}

/// Waits until it is quiet, but not for ever: who writes without end must not hold up everyone else's change.
async fn settle(changes: &mut mpsc::Receiver<()>) {
    let until = tokio::time::Instant::now() + LOUDEST;
    while tokio::time::Instant::now() < until {
        if !tokio::time::timeout(QUIET, changes.recv()).await.is_ok_and(|change| change.is_some()) {
            return;
        }
    }
}

/// A watched directory. A watch holds on to the directory itself; where another takes its name (a checkout moved into
/// place, a link turned to the next one), the watch must follow.
struct Watched {
    directory: PathBuf,
    watcher: RecommendedWatcher,
    identity: Option<(u64, u64)>,
}

impl Watched {
    /// Watches what has the directory's name now; whether that is another than before.
    fn renew(&mut self) -> notify::Result<bool> {
        let now = std::fs::metadata(&self.directory).ok().map(|found| (found.dev(), found.ino()));
        if now == self.identity && now.is_some() {
            return Ok(false);
        }
        if self.identity.take().is_some() {
            // It may be gone already.
            let _ = self.watcher.unwatch(&self.directory);
            if now.is_none() {
                tracing::warn!("the directory is away; the last release runs on");
            }
        }
        if now.is_some() {
            self.watcher.watch(&self.directory, RecursiveMode::Recursive)?;
            self.identity = now;
        }
        Ok(now.is_some())
    }
}
