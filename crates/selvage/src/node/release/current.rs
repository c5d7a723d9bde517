//! What a node runs now, for whoever asks, and one change at a time that is put in its place.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use jiff::Timestamp;
use selvage_gateway::KeysOfIssuers;
use selvage_model::access::AccessState;
use selvage_model::name::DomainName;
use selvage_store::{NodeReleases, releases_digest};

use super::Release;
use super::refusal::Refusal;

/// What a node runs now.
#[derive(Clone)]
pub(crate) struct Active {
    /// The release.
    pub(crate) release: Arc<Release>,
    /// The access state.
    pub(crate) access: AccessState,
    /// The keys of the issuers whose tokens are taken.
    pub(crate) keys: Arc<KeysOfIssuers>,
    /// Since when the release runs here.
    pub(crate) since: Timestamp,
}

/// What a node runs, and why a change was not taken. Whoever asks what runs never waits for a change that is put in its
/// place.
pub(crate) struct Current {
    active: RwLock<Arc<Active>>,
    /// Held while one is put in the place of another.
    installing: Mutex<()>,
    rejected: Mutex<Option<String>>,
    /// What is active in the store and could not be taken.
    refused: Mutex<Option<Refusal>>,
}

impl Current {
    /// Running this.
    pub(crate) fn new(active: Active) -> Self {
        let active = RwLock::new(Arc::new(active));
        Self { active, installing: Mutex::default(), rejected: Mutex::default(), refused: Mutex::default() }
    }

    /// What runs.
    pub(crate) fn active(&self) -> Arc<Active> {
        Arc::clone(&self.active.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Why the last change was not taken.
    pub(crate) fn rejected(&self) -> Option<String> {
        self.rejected.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn reject_for(&self, because: Option<String>) {
        *self.rejected.lock().unwrap_or_else(PoisonError::into_inner) = because;
    }

    /// Puts this in the place of what was seen to run, by swapping it in, unless something else runs by now. Whoever
    /// compiled beside another's change compiles again: neither an old release nor an old access state comes back.
    /// INVARIANT: REVOKED-NOW
    pub(super) fn install(&self, seen: &Active, next: Active, swap: impl FnOnce()) -> bool {
        let _installing = self.installing.lock().unwrap_or_else(PoisonError::into_inner);
        let running = self.active();
        let is_as_seen = Arc::ptr_eq(&running.release, &seen.release)
            && running.access.revision == seen.access.revision
            && Arc::ptr_eq(&running.keys, &seen.keys);
        if !is_as_seen {
            return false;
        }
        swap();
        if !Arc::ptr_eq(&next.release, &seen.release) {
            self.accept();
        }
        *self.active.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        true
    }

    /// What is to run runs: nothing is refused any more.
    pub(super) fn accept(&self) {
        self.reject_for(None);
        *self.refusal() = None;
    }

    /// These releases could not be taken; whether that is not told yet.
    pub(in crate::node) fn refuse(&self, releases: BTreeMap<DomainName, String>, error: &anyhow::Error) -> bool {
        let mut known = self.refusal();
        let refusal = Refusal::new(releases, error, known.as_ref(), Instant::now());
        let is_new = !refusal.repeats(known.as_ref());
        self.reject(refusal.because().to_owned());
        *known = Some(refusal);
        is_new
    }

    /// Whether these releases could not be taken, and are not tried again yet.
    pub(super) fn waits(&self, releases: &BTreeMap<DomainName, String>) -> bool {
        self.refusal().as_ref().is_some_and(|refusal| refusal.is_of(releases) && Instant::now() < refusal.again)
    }

    /// When what was refused is tried again.
    pub(super) fn next_try(&self) -> Option<Instant> {
        self.refusal().as_ref().map(|refusal| refusal.again)
    }

    /// What was refused is tried again now.
    pub(super) fn try_again(&self) {
        if let Some(refusal) = self.refusal().as_mut() {
            refusal.anew(Instant::now());
        }
    }

    /// What others are told of the releases here.
    pub(crate) fn says(&self) -> NodeReleases {
        let parts = &self.active().release.parts;
        let runs = (!parts.is_empty()).then(|| releases_digest(parts));
        NodeReleases { runs, refused: self.refusal().as_ref().map(Refusal::told) }
    }

    fn refusal(&self) -> MutexGuard<'_, Option<Refusal>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn reject(&self, because: String) {
        self.reject_for(Some(because));
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use selvage_model::fabric::Fabric;

    use super::*;

    fn active(release: &Arc<Release>, revision: u64) -> Active {
        let access = AccessState { revision, ..AccessState::default() };
        Active { release: Arc::clone(release), access, keys: Arc::default(), since: Timestamp::UNIX_EPOCH }
    }

    fn release(id: &str) -> Arc<Release> {
        Arc::new(Release::new(id.to_owned(), Fabric::default(), serde_json::Value::Null, BTreeMap::new()))
    }

    #[test]
    fn who_asks_what_runs_does_not_wait_for_what_is_put_in_its_place() {
        let release = release("rel_old");
        let current = Current::new(active(&release, 1));
        let seen = current.active();
        let asked = || {
            std::thread::scope(|scope| {
                let asking = scope.spawn(|| (current.active().access.revision, current.rejected()));
                let began = Instant::now();
                while !asking.is_finished() && began.elapsed() < Duration::from_secs(5) {
                    std::thread::yield_now();
                }
                assert!(asking.is_finished(), "it waits");
                assert_eq!(asking.join().unwrap(), (1, None));
            });
        };
        assert!(current.install(&seen, active(&release, 2), asked));
        assert_eq!(current.active().access.revision, 2);
    }

    #[test]
    fn what_was_compiled_beside_another_change_is_not_put_over_it() {
        let (old, new) = (release("rel_old"), release("rel_new"));
        let current = Current::new(active(&old, 1));
        let (by_directory, by_access) = (current.active(), current.active());
        assert!(current.install(&by_directory, active(&new, 2), || ()));
        let mut swapped = false;
        assert!(!current.install(&by_access, active(&old, 2), || swapped = true), "the old release does not come back");
        assert!(!swapped);

        let (by_directory, by_access) = (current.active(), current.active());
        assert!(current.install(&by_access, active(&new, 3), || ()));
        assert!(!current.install(&by_directory, active(&old, 2), || swapped = true), "nor does the old access state");
        assert!(!swapped);
        let running = current.active();
        assert_eq!((running.release.id.as_str(), running.access.revision), ("rel_new", 3));
    }
}
