//! Tokens that were found good, by their hash, so that one that comes again costs a look and no arithmetic. Each thread has
//! its own; it is bounded, and forgets what other issuers or other keys vouched for.

use std::cell::RefCell;
use std::collections::HashMap;

use selvage_model::access::KeyHash;

use super::verify::Verified;
use crate::snapshot::KeyHasher;

/// Tokens in each of two generations: those of the older one that are not asked for again are let go together.
const MOST: usize = 4_096;

/// What a thread remembers.
#[derive(Debug, Default)]
pub(crate) struct Memory(RefCell<Generations>);

type Tokens = HashMap<KeyHash, Verified, KeyHasher>;

#[derive(Debug, Default)]
struct Generations {
    /// The issuers and keys by which they were found good.
    mark: [u8; 32],
    young: Tokens,
    old: Tokens,
}

impl Memory {
    /// What was found out about a token, by the same issuers and keys.
    pub(crate) fn recall(&self, hash: &KeyHash, mark: &[u8; 32]) -> Option<Verified> {
        let mut memory = self.0.borrow_mut();
        if memory.mark != *mark {
            return None;
        }
        if let Some(found) = memory.young.get(hash) {
            return Some(found.clone());
        }
        let found = memory.old.remove(hash)?;
        memory.put(*hash, found.clone());
        Some(found)
    }

    /// Remembers a good token.
    pub(crate) fn keep(&self, hash: KeyHash, mark: &[u8; 32], verified: Verified) {
        let mut memory = self.0.borrow_mut();
        if memory.mark != *mark {
            *memory = Generations { mark: *mark, ..Generations::default() };
        }
        memory.put(hash, verified);
    }

    /// Forgets a token that has ended.
    pub(crate) fn forget(&self, hash: &KeyHash) {
        let mut memory = self.0.borrow_mut();
        memory.young.remove(hash);
        memory.old.remove(hash);
    }
}

impl Generations {
    fn put(&mut self, hash: KeyHash, verified: Verified) {
        if self.young.len() >= MOST {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash, verified);
    }
}
