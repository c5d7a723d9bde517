//! What a request meets before and behind an upstream's door: room in this thread, places, breakers, and the counters of
//! what came of it.

use std::cell::Cell;
use std::time::Instant;

use selvage_model::code;
use selvage_model::manifest::interface::Criticality;
use selvage_model::problem::Problem;

use super::{Admitted, Asked};
use crate::admission::Passage;
use crate::outcome::Outcome;
use crate::refusal::Refusal;

/// One of the requests that this thread has in hand, until it is dropped.
pub(crate) struct OneMore<'a>(&'a Cell<u32>);

impl<'a> OneMore<'a> {
    /// Counts it.
    pub(crate) fn begin(in_hand: &'a Cell<u32>) -> Self {
        in_hand.set(in_hand.get() + 1);
        Self(in_hand)
    }
}

impl Drop for OneMore<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

impl<'a> Asked<'a> {
    /// The refusal of a request that this thread has no room for: the least critical find none first.
    pub(crate) fn no_room(self, criticality: Criticality) -> Option<Refusal<'a>> {
        let most = self.worker.room.most(criticality);
        (self.worker.in_hand.get() >= most).then(|| {
            let detail = "this node has as many requests in hand as it takes of this criticality";
            Refusal::of(Problem::new(503, code::NODE_BUSY, detail).retry_after(1))
        })
    }

    /// The places that a request has none of yet, at once where they are free.
    pub(crate) async fn enter(self, admitted: &mut Admitted<'a>) -> Result<(), Problem> {
        let Some(queued) = &admitted.taken.queued else { return Ok(()) };
        match queued.enter_now(self.worker.shared.books.nanos(Instant::now())) {
            Some(entered) => {
                admitted.taken.entered = entered;
                admitted.taken.queued = None;
                Ok(())
            }
            // Large, and rare.
            None => Box::pin(self.queue(admitted)).await,
        }
    }

    /// Waits for the places that a request has none of yet; what to answer where it gets none, or where its right ended while
    /// it waited. INVARIANT: REVOKED-NOW
    pub(crate) async fn queue(self, admitted: &mut Admitted<'a>) -> Result<(), Problem> {
        let Some(queued) = admitted.taken.queued.take() else { return Ok(()) };
        let books = &self.worker.shared.books;
        admitted.taken.entered = queued.enter(|| books.nanos(Instant::now())).await?;
        self.ended_meanwhile(&admitted.permit).map_or(Ok(()), Err)
    }

    /// Counts a request to an upstream that is sent a second time.
    pub(crate) fn sent_again(self, upstream: u32) {
        self.worker.shard.sent_again(self.local.live.upstream(upstream));
    }

    /// Counts what came of a request to an upstream, and tells its breaker.
    pub(crate) fn came_of(self, upstream: u32, passage: Option<Passage>, outcome: Outcome) {
        self.worker.shard.came_of(self.local.live.upstream(upstream), outcome);
        let Some(passage) = passage else { return };
        let now = self.worker.shared.books.nanos(Instant::now());
        if passage.end(now, outcome.verdict()) {
            let upstream = self.local.live.snapshot.upstream(upstream);
            let system = upstream.map_or_else(String::new, |upstream| upstream.system.to_string());
            tracing::warn!(%system, "a system fails too often and is left alone for a while");
        }
    }
}
