//! The ledger as a whole, as evidence sees it: checked by its chain, by the checkpoints that the store keeps and by the one that is kept
//! apart from it. It is signed anew only where all of them fit: whatever is signed passes for what was entered from then on.

use std::path::Path;

use selvage_store::{Checkpoint, LedgerCheck, LedgerHead};

use crate::desk::{Desk, DeskError, Seal, is_signed, kept_checkpoint, sign_checkpoint};

/// The ledger as a whole.
pub(super) struct Ledger {
    pub(super) head: LedgerHead,
    pub(super) check: LedgerCheck,
    /// With which key checkpoints are signed, where that is known.
    pub(super) key: Option<[u8; 32]>,
    /// Those of the store that are signed with it, oldest first.
    pub(super) signed: Vec<Checkpoint>,
    /// How many are not.
    pub(super) others: usize,
    /// Why it could not be looked whether it fits the one that is kept apart from the store.
    pub(super) unread: Option<String>,
}

impl Ledger {
    /// Looks whether it is whole and, where it is and there is a seal, signs what was looked at.
    pub(super) async fn look(desk: &Desk, seal: Option<&Seal>, key: Option<[u8; 32]>) -> Result<Self, DeskError> {
        let (store, key) = (&desk.store, seal.map(|seal| seal.key().public).or(key));
        let is_own = |it: &Checkpoint| key.is_some_and(|key| is_signed(it, &key));
        let head = store.ledger_head().await?;
        let (signed, others): (Vec<_>, Vec<_>) = store.checkpoints().await?.into_iter().partition(is_own);
        let (apart, unread) = match desk.apart.as_deref().map_or(Ok(None), kept) {
            Ok(apart) => (apart.filter(is_own), None),
            Err(because) => (None, Some(because)),
        };
        // What is signed is the head that was read before: entries may have come since.
        let heads: Vec<LedgerHead> = signed.iter().chain(&apart).map(|it| it.head.clone()).collect();
        let heads = [heads, vec![head.clone()]].concat();
        let check = store.verify_ledger_by(&heads).await?;
        let mut ledger = Self { head, check, key, signed, others: others.len(), unread };
        if let Some(seal) = seal.filter(|_| ledger.is_whole()) {
            let made = sign_checkpoint(seal, ledger.head.clone());
            if store.keep_checkpoint(&made).await? {
                ledger.signed.push(made);
                // A node may have signed what came meanwhile.
                ledger.signed.sort_by_key(|it| it.head.entries);
            }
        }
        Ok(ledger)
    }

    /// Whether nothing is wrong with it, as far as can be said.
    pub(super) fn is_whole(&self) -> bool {
        self.check.is_whole() && self.unread.is_none()
    }

    /// What is wrong with it.
    pub(super) fn faults(&self) -> Vec<String> {
        self.check.faults.iter().map(ToString::to_string).chain(self.unread.clone()).collect()
    }
}

fn kept(path: &Path) -> Result<Option<Checkpoint>, String> {
    let because = |error| format!("the checkpoint that is kept apart from the store cannot be read: {error}");
    kept_checkpoint::read(path).map_err(because)
}
