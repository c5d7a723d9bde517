//! What of access waits for somebody, and what was settled lately.

use jiff::Timestamp;
use selvage_governance::access::{Deciders, deciders};
use selvage_model::fabric::Fabric;
use selvage_store::{AccessRequest, BreakGlass, RequestState};

use crate::desk::{Desk, DeskError};

/// Settled requests that are given.
const MOST_SETTLED: usize = 50;

/// What waits, and what does not any more.
#[derive(Clone, Debug, Default)]
pub struct AccessWaits {
    /// Requests that nobody has decided, oldest first, with who may.
    pub open: Vec<(AccessRequest, Deciders)>,
    /// Access that was opened without approval, and that is open still or that nobody has reviewed; with who may.
    pub opened: Vec<(BreakGlass, Deciders)>,
    /// Requests that were settled, the newest first.
    pub settled: Vec<AccessRequest>,
    /// As of when.
    pub now: Timestamp,
}

impl Desk {
    /// What of access waits for whom, by the fabric that is active.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn access_waits(&self, fabric: &Fabric) -> Result<AccessWaits, DeskError> {
        let (open, mut settled): (Vec<_>, Vec<_>) =
            self.store.access_requests().await?.into_iter().partition(|it| it.state == RequestState::Open);
        let since = |it: &AccessRequest| it.settled.as_ref().map(|(at, ..)| *at);
        settled.sort_by_key(|it| std::cmp::Reverse(since(it)));
        settled.truncate(MOST_SETTLED);
        let whose = |it: AccessRequest| {
            let deciders = deciders(fabric, &it.asked.interface, &it.asked.terms);
            (it, deciders)
        };
        let whose_opened = |it: BreakGlass| {
            let deciders = deciders(fabric, &it.grant.interface, &it.grant.terms);
            (it, deciders)
        };
        let opened = self.store.pending_break_glasses().await?;
        Ok(AccessWaits {
            open: open.into_iter().map(whose).collect(),
            opened: opened.into_iter().map(whose_opened).collect(),
            settled,
            now: Timestamp::now(),
        })
    }
}
