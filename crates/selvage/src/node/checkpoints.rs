//! Checkpoints of the ledger while a node runs: one every hundred entries, or when the newest entries have waited a quarter of an
//! hour. Where several nodes have the key, whoever is first keeps it. The last one is kept apart from the store, too; where the ledger
//! does not fit that any more, nothing is signed: it would pass for what was entered.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::SignedDuration;
use selvage_control::desk::{Seal, is_signed, kept_checkpoint, sign_checkpoint};
use selvage_model::code;
use selvage_store::{LedgerHead, Store};

/// How often it is looked whether one is due.
const LOOK_EVERY: Duration = Duration::from_secs(20);
const ENTRIES: u64 = 100;
const AFTER: SignedDuration = SignedDuration::from_mins(15);

/// Signs for as long as the node runs, and keeps the last one in this file.
pub(crate) async fn follow(store: Store, seal: Arc<Seal>, apart: Option<PathBuf>) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let keeping = Keeping { store, seal, apart };
    // Checkpoints of a store that was restored elsewhere are of another key: whoever has this one is to have something to verify by.
    let mut is_first = true;
    loop {
        ticks.tick().await;
        match keeping.look(is_first).await {
            Ok(None) => is_first = false,
            Ok(Some(unfit)) => tracing::error!(
                "{}: the ledger does not fit the checkpoint of entry {unfit} that is kept apart from the store: nothing is signed \
                 before somebody has looked, and put that file elsewhere",
                code::LEDGER_BROKEN
            ),
            Err(error) => tracing::warn!("the ledger has no new checkpoint: {error:#}"),
        }
    }
}

struct Keeping {
    store: Store,
    seal: Arc<Seal>,
    apart: Option<PathBuf>,
}

impl Keeping {
    /// Signs where it is time for that; the entry of the checkpoint that is kept apart, where the ledger does not fit it.
    async fn look(&self, is_first: bool) -> anyhow::Result<Option<u64>> {
        let kept = self.apart.as_deref().map(kept_checkpoint::read).transpose();
        let kept = kept.context("the one that is kept apart from the store cannot be read")?.flatten();
        let kept = kept.filter(|kept| is_signed(kept, &self.seal.key().public));
        if let Some(kept) = &kept
            && !self.store.has_head(&kept.head).await?
        {
            return Ok(Some(kept.head.entries));
        }
        let (head, mut last) = (self.store.ledger_head().await?, self.store.last_checkpoint().await?);
        let is_another = last.as_ref().is_some_and(|last| last.signed_with != self.seal.key().id);
        if is_due(&head, last.as_ref().map(|last| &last.head)) || (is_first && is_another) {
            let made = sign_checkpoint(&self.seal, head);
            self.store.keep_checkpoint(&made).await?;
            last = Some(made);
        }
        let own = last.filter(|last| is_signed(last, &self.seal.key().public));
        if let (Some(apart), Some(last)) = (&self.apart, own)
            && kept.is_none_or(|kept| kept.head.entries < last.head.entries)
        {
            kept_checkpoint::write(apart, &last).context("the last one is not kept apart from the store")?;
        }
        Ok(None)
    }
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

    #[tokio::test]
    async fn the_last_one_is_kept_apart_and_nothing_is_signed_that_does_not_fit_it() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", directory.path().join("selvage.db").display())).await.unwrap();
        let seal = Arc::new(Seal::open(&directory.path().join("ledger.key")).unwrap());
        let apart = directory.path().join("ledger.checkpoint");
        let keeping = Keeping { store, seal, apart: Some(apart.clone()) };
        assert_eq!(keeping.look(true).await.unwrap(), None);
        let kept = kept_checkpoint::read(&apart).unwrap().unwrap();
        assert_eq!(keeping.store.last_checkpoint().await.unwrap().as_ref(), Some(&kept));
        // As if the entry had been written anew.
        let other = sign_checkpoint(&keeping.seal, LedgerHead { hash: [9; 32], ..kept.head.clone() });
        kept_checkpoint::write(&apart, &other).unwrap();
        keeping.store.record_release("rel_1", &serde_json::json!({}), "ann").await.unwrap();
        assert_eq!(keeping.look(true).await.unwrap(), Some(kept.head.entries));
        assert_eq!(kept_checkpoint::read(&apart).unwrap(), Some(other));
        assert_eq!(keeping.store.checkpoints().await.unwrap().len(), 1);
        // Another key's says nothing of this one's.
        let seal = Arc::new(Seal::open(&directory.path().join("other.key")).unwrap());
        assert_eq!(Keeping { seal, ..keeping }.look(true).await.unwrap(), None);
    }
}
