//! Releases that are ready before they are active: read and checked beside what runs, so that activating one, or going back, is a matter
//! of compiling and swapping. Only a few are kept; what is not ready is read when it is active.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use selvage_control::desk::{self, Releases};

use super::source::together;
use super::{Follower, Release, ReleaseSource};

/// How often it is looked for a release that may be activated.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How many are kept ready: what ran before, and what was made since.
const MOST: usize = 3;

/// Releases that are ready.
#[derive(Default)]
pub(crate) struct Prepared {
    ready: Mutex<VecDeque<Arc<Release>>>,
    /// What could not be made ready: it is told when it is activated.
    unfit: Mutex<VecDeque<Releases>>,
}

impl Prepared {
    /// These releases, where they are ready.
    pub(super) fn get(&self, parts: &Releases) -> Option<Arc<Release>> {
        let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.iter().find(|release| &release.parts == parts).cloned()
    }

    /// Keeps one ready, and lets the oldest go.
    pub(super) fn keep(&self, release: Arc<Release>) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.retain(|known| known.parts != release.parts);
        ready.push_back(release);
        while ready.len() > MOST {
            ready.pop_front();
        }
    }

    fn is_known(&self, parts: &Releases) -> bool {
        let unfit = self.unfit.lock().unwrap_or_else(PoisonError::into_inner);
        unfit.contains(parts) || self.get(parts).is_some()
    }

    fn give_up(&self, parts: Releases) {
        let mut unfit = self.unfit.lock().unwrap_or_else(PoisonError::into_inner);
        unfit.push_back(parts);
        while unfit.len() > MOST {
            unfit.pop_front();
        }
    }
}

/// Makes ready what was released and is not active yet, for as long as the node runs.
pub(crate) async fn follow(follower: Arc<Follower>) {
    let ReleaseSource::Store { trusted } = &follower.source else { return };
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let next = match follower.next_parts().await {
            Ok(Some(next)) => next,
            Ok(None) => continue,
            Err(error) => {
                tracing::debug!("what was released cannot be read: {error:#}");
                continue;
            }
        };
        match together(&follower.store, &follower.environment, next.clone(), trusted.as_deref()).await {
            Ok(release) => follower.prepared.keep(Arc::new(release)),
            Err(error) => {
                tracing::debug!("a release cannot be made ready here: {error:#}");
                follower.prepared.give_up(next);
            }
        }
    }
}

impl Follower {
    /// What would be active here with the newest release of one domain, where that is not ready.
    async fn next_parts(&self) -> anyhow::Result<Option<Releases>> {
        let active = desk::active_in(&self.store, &self.environment).await.map_err(super::told)?;
        for domain in active.keys() {
            let Some(head) = self.store.head(domain).await? else { continue };
            let mut next = active.clone();
            next.insert(domain.clone(), head);
            if next != active && !self.prepared.is_known(&next) {
                return Ok(Some(next));
            }
        }
        Ok(None)
    }
}
