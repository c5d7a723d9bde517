//! Brings what a capture has to tell from the outbox to the event log, in order. What was brought and not yet forgotten is brought
//! again after a crash: the log knows it by its ids. INVARIANT: DURABLE-ACK: nothing is forgotten before the log has it.

use std::sync::Arc;
use std::time::Duration;

use selvage_log::EventLog;
use selvage_model::code;
use selvage_model::event::MOST_RECORDS;
use selvage_model::name::InterfaceRef;
use selvage_store::{CaptureHold, Store, StoreError};
use tokio::sync::Notify;

/// Bytes that are brought at once.
const MOST_AT_ONCE: usize = 4_000_000;
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Brings what there is, for as long as the capture is held.
pub(crate) async fn run(
    store: &Store,
    log: &Arc<dyn EventLog>,
    stream: &InterfaceRef,
    hold: CaptureHold,
    more: &Notify,
) {
    let mut silent = false;
    loop {
        match bring(store, log, stream, hold).await {
            Ok(true) => {
                silent = false;
                continue;
            }
            Ok(false) => silent = false,
            Err(Stop::Fenced) => return,
            Err(Stop::Later(why)) => {
                if !silent {
                    tracing::warn!(interface = %stream, why, "captured events wait in the outbox");
                }
                silent = true;
            }
        }
        tokio::select! {
            () = more.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

enum Stop {
    Fenced,
    Later(String),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::CaptureFenced { .. } => Self::Fenced,
            error => Self::Later(error.to_string()),
        }
    }
}

/// Brings one append's worth; whether there was anything.
async fn bring(store: &Store, log: &Arc<dyn EventLog>, stream: &InterfaceRef, hold: CaptureHold) -> Result<bool, Stop> {
    let waiting = store.outbox(hold.capture, MOST_RECORDS, MOST_AT_ONCE).await?;
    if waiting.records.is_empty() && waiting.damaged.is_empty() {
        return Ok(false);
    }
    if !waiting.records.is_empty() {
        log.append(stream, waiting.records).await.map_err(|error| Stop::Later(error.to_string()))?;
    }
    // INVARIANT: NOTHING-LOST: what cannot be told is named before it is forgotten.
    for id in &waiting.damaged {
        tracing::error!(code = %code::OUTBOX_DAMAGED, interface = %stream, "the event `{id}` is damaged in the outbox, and not told");
    }
    store.outbox_told(hold, waiting.last).await?;
    Ok(true)
}
