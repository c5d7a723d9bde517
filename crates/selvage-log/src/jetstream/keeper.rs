//! Keeps the marks of the broker's streams in the store: what was acknowledged, a few times a second and beside the appends, so that no
//! append waits for two systems. A mark that is behind names a little less of a gap.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selvage_model::event::Position;
use selvage_model::name::InterfaceRef;
use selvage_store::Store;
use tokio::task::JoinHandle;

use super::lock;

const MARK_EVERY: Duration = Duration::from_millis(200);

#[derive(Clone)]
pub(super) struct Keeper {
    store: Store,
    raised: Arc<Mutex<BTreeMap<InterfaceRef, Position>>>,
}

impl Keeper {
    pub(super) fn start(store: Store) -> (Self, JoinHandle<()>) {
        let keeper = Self { store, raised: Arc::default() };
        let keeping = keeper.clone();
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(MARK_EVERY).await;
                keeping.flush().await;
            }
        });
        (keeper, task)
    }

    /// Notes what was acknowledged.
    pub(super) fn raise(&self, stream: &InterfaceRef, head: Position) {
        let mut raised = lock(&self.raised);
        let mark = raised.entry(stream.clone()).or_insert(head);
        *mark = head.max(*mark);
    }

    /// Writes what was noted.
    pub(super) async fn flush(&self) {
        let raised = std::mem::take(&mut *lock(&self.raised));
        for (stream, head) in raised {
            if let Err(error) = self.store.mark_broker_stream(&stream, head).await {
                tracing::warn!("the mark of `{stream}` was not written: {error}");
                self.raise(&stream, head);
            }
        }
    }
}
