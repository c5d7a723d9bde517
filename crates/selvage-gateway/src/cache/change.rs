//! What a request that may change something does to what is kept: once it is over, however it ended, nothing is given that was
//! read before. It takes away a few answers at a time, so that nobody waits until thousands are gone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Cache, Inner, key};

/// How long nothing is kept of a place of which nobody knows whether it changes yet.
const UNSETTLED: Duration = Duration::from_secs(60);
/// Places of that kind that are told apart; with more of them nothing is kept.
const MOST_UNSETTLED: usize = 64;

/// A request that may change what stands at a place. Once it is over, however it ended, what was kept of it is forgotten.
pub(crate) struct Change<'c> {
    cache: &'c Cache,
    place: Arc<str>,
    settled: bool,
    /// Requests on their way know of it.
    told: bool,
}

impl Cache {
    /// Says that what stands at a place may change.
    pub(crate) fn change(&self, place: &str) -> Change<'_> {
        Change { cache: self, place: place.into(), settled: false, told: false }
    }
}

impl Inner {
    /// Whether a place may change yet.
    pub(super) fn is_unsettled(&mut self, place: &str) -> bool {
        let now = Instant::now();
        self.unsettled.retain(|(_, until)| *until > now);
        self.unsettled.len() > MOST_UNSETTLED
            || self.unsettled.iter().any(|(other, _)| key::is_part(place, other) || key::is_part(other, place))
    }

    /// Takes note that a place may change yet.
    fn unsettle(&mut self, place: &Arc<str>) {
        let until = Instant::now() + UNSETTLED;
        self.unsettled.retain(|(known, _)| known != place);
        if self.unsettled.len() <= MOST_UNSETTLED {
            self.unsettled.push((Arc::clone(place), until));
        } else if let Some((_, last)) = self.unsettled.last_mut() {
            *last = until;
        }
    }
}

impl Change<'_> {
    /// It is known what came of it.
    pub(crate) fn is_settled(&mut self) {
        self.settled = true;
    }

    /// It is over: forgets what was kept, and lets others of this thread go on meanwhile.
    pub(crate) async fn over(mut self) {
        while self.forget_some() {
            tokio::task::yield_now().await;
        }
    }

    /// Forgets some of what was kept; whether there may be more. Requests that are on their way are told first, so that none of
    /// them keeps what it read before.
    fn forget_some(&mut self) -> bool {
        let mut inner = self.cache.inner();
        if !std::mem::replace(&mut self.told, true) {
            if !self.settled {
                inner.unsettle(&self.place);
            }
            for place in key::related(&inner.asking, &self.place) {
                if let Some(asking) = inner.asking.get_mut(&place) {
                    asking.changes += 1;
                }
            }
        }
        let gone = inner.shelf.forget_some(&self.place);
        drop(inner);
        // Their memory is given back when nobody waits for it.
        !gone.is_empty()
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        while self.forget_some() {}
    }
}
