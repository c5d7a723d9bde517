//! The hold on an operation: while it is worked on, its lease is extended; when that fails, whoever works on it stops.
//! INVARIANT: ONE-EFFECT: what is not surely held is not sent.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use selvage_connect::odoo::Sure;
use selvage_model::operation::OperationId;
use selvage_store::{Store, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A hold with its heartbeat; ends with it.
pub(crate) struct Hold {
    pub(crate) operation: OperationId,
    pub(crate) epoch: i64,
    lease: Duration,
    last: Arc<Mutex<Instant>>,
    lost: watch::Receiver<bool>,
    beat: JoinHandle<()>,
}

impl Hold {
    /// Begins to extend a lease that was given now.
    pub(crate) fn begin(store: Store, operation: OperationId, epoch: i64, lease: Duration, since: Instant) -> Self {
        let last = Arc::new(Mutex::new(since));
        let (tell, lost) = watch::channel(false);
        let beat = beat(store, operation.clone(), epoch, lease, Arc::clone(&last), tell);
        Self { operation, epoch, lease, last, lost, beat: tokio::spawn(beat) }
    }

    /// Waits until it is lost.
    pub(crate) async fn lost(&self) {
        let mut lost = self.lost.clone();
        // The channel closes only with the heartbeat, which ends only when the hold is lost.
        let _ = lost.wait_for(|lost| *lost).await;
    }

    /// Whether the lease surely has not run out, by this node's own clock and with a margin.
    pub(crate) fn is_sure(&self) -> bool {
        is_sure(&self.last, &self.lost, self.lease)
    }

    /// The same question for whoever sends, asked before each call.
    pub(crate) fn sure(&self) -> Sure {
        let (last, lost, lease) = (Arc::clone(&self.last), self.lost.clone(), self.lease);
        Arc::new(move || is_sure(&last, &lost, lease))
    }
}

fn is_sure(last: &Mutex<Instant>, lost: &watch::Receiver<bool>, lease: Duration) -> bool {
    let last = *last.lock().unwrap_or_else(PoisonError::into_inner);
    !*lost.borrow() && last.elapsed() < lease * 3 / 4
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.beat.abort();
    }
}

async fn beat(
    store: Store,
    operation: OperationId,
    epoch: i64,
    lease: Duration,
    last: Arc<Mutex<Instant>>,
    tell: watch::Sender<bool>,
) {
    loop {
        tokio::time::sleep(lease / 4).await;
        let before = Instant::now();
        match store.extend(&operation, epoch, lease).await {
            Ok(()) => *last.lock().unwrap_or_else(PoisonError::into_inner) = before,
            Err(StoreError::Fenced { .. }) => break,
            // The lease may still be extended before it ends.
            Err(error) => {
                tracing::warn!(%operation, %error, "lease not extended");
                let since = *last.lock().unwrap_or_else(PoisonError::into_inner);
                if since.elapsed() >= lease {
                    break;
                }
            }
        }
    }
    let _ = tell.send(true);
}
