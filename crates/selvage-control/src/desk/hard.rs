//! Reading, judging and comparing a large fabric takes seconds of a processor. One piece of it at a time, and none of it where a node
//! renews its leases and answers requests. INVARIANT: SHIELDED-PATH

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

use super::Desk;

impl Desk {
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
