//! Reading, judging and comparing a large fabric takes seconds of a processor. One piece of it at a time, and none of it where a node
//! renews its leases and answers requests; beside it one that goes back, since lines stand while somebody waits for that. INVARIANT: SHIELDED-PATH

use std::sync::Arc;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

use super::Desk;

impl Desk {
    /// The desk for what does not wait behind what is proposed, compared and tried: one of these at a time, too.
    pub(super) fn ahead(&self) -> Self {
        Self { one_at_a_time: Arc::clone(&self.ahead), ..self.clone() }
    }

    /// Works something out, once nothing else is being worked out.
    pub(crate) async fn hard<T>(&self, work: impl FnOnce() -> T) -> T {
        // The semaphore is never closed.
        let _one = self.one_at_a_time.acquire().await.ok();
        match Handle::current().runtime_flavor() {
            RuntimeFlavor::CurrentThread => work(),
            _ => block_in_place(work),
        }
    }
}
