//! Which captures this node works on: those of the active fabric, begun and ended as it changes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use selvage_log::EventLog;
use selvage_model::name::InterfaceRef;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::worker;
use crate::shared::Shared;

const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The captures of a node.
pub struct CaptureTask {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl CaptureTask {
    /// Ends every capture in this node; another may go on at once.
    pub async fn shutdown(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }
}

/// Begins.
pub(crate) fn run(shared: &Arc<Shared>, log: Arc<dyn EventLog>) -> CaptureTask {
    let (stop, stopped) = watch::channel(false);
    let task = shared.runtime.spawn(follow(Arc::clone(shared), log, stopped));
    CaptureTask { stop, task }
}

async fn follow(shared: Arc<Shared>, log: Arc<dyn EventLog>, mut stopped: watch::Receiver<bool>) {
    let mut working: BTreeMap<InterfaceRef, JoinHandle<()>> = BTreeMap::new();
    loop {
        let active = shared.active();
        working.retain(|interface, worker| {
            let kept = active.watched(interface).is_some() && !worker.is_finished();
            if !kept {
                worker.abort();
                shared.captures.standing().remove(interface);
            }
            kept
        });
        for interface in active.all_watched() {
            working.entry(interface.clone()).or_insert_with(|| {
                let work = worker::run(Arc::clone(&shared), interface.clone(), Arc::clone(&log), stopped.clone());
                shared.runtime.spawn(work)
            });
        }
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => break,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    for (_, worker) in working {
        let _ = worker.await;
    }
}
