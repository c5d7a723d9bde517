//! Checkpoints of the ledger while a node runs: one every hundred entries, or when the newest entries have waited a quarter of an
//! hour. Where several nodes have the key, whoever is first keeps it.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use selvage_control::desk::{Seal, sign_checkpoint};
use selvage_store::{LedgerHead, Store, StoreError};

/// How often it is looked whether one is due.
const LOOK_EVERY: Duration = Duration::from_secs(20);
const ENTRIES: u64 = 100;
const AFTER: SignedDuration = SignedDuration::from_mins(15);

/// Signs for as long as the node runs.
pub(crate) async fn follow(store: Store, seal: Arc<Seal>) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // Checkpoints of a store that was restored elsewhere are of another key: whoever has this one is to have something to verify by.
    let mut is_first = true;
    loop {
        ticks.tick().await;
        match look(&store, &seal, is_first).await {
            Ok(()) => is_first = false,
            Err(error) => tracing::warn!("the ledger has no new checkpoint: {error}"),
        }
    }
}

async fn look(store: &Store, seal: &Seal, is_first: bool) -> Result<(), StoreError> {
    let (head, last) = (store.ledger_head().await?, store.last_checkpoint().await?);
    let is_another = last.as_ref().is_some_and(|last| last.signed_with != seal.key().id);
    if is_due(&head, last.map(|last| last.head).as_ref()) || (is_first && is_another) {
        store.keep_checkpoint(&sign_checkpoint(seal, head)).await?;
    }
    Ok(())
}

fn is_due(head: &LedgerHead, last: Option<&LedgerHead>) -> bool {
    let Some(last) = last else { return true };
    let new = head.entries.saturating_sub(last.entries);
    new >= ENTRIES || (new > 0 && head.at.duration_since(last.at) >= AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_due_by_entries_or_by_time_and_never_of_nothing() {
        let head = |entries, at: &str| LedgerHead { entries, hash: [0; 32], at: at.parse().unwrap() };
        let last = head(50, "2026-11-26T06:00:00Z");
        for (entries, at, expected) in [
            (50, "2026-11-26T06:00:00Z", false),
            (50, "2026-12-26T06:00:00Z", false),
            (51, "2026-11-26T06:14:59Z", false),
            (51, "2026-11-26T06:15:00Z", true),
            (149, "2026-11-26T06:00:01Z", false),
            (150, "2026-11-26T06:00:01Z", true),
            // A ledger that was put back has fewer.
            (40, "2026-11-26T07:00:00Z", false),
        ] {
            assert_eq!(is_due(&head(entries, at), Some(&last)), expected, "{entries} {at}");
        }
        assert!(is_due(&last, None));
    }
}
