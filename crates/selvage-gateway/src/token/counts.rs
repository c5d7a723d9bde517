//! What came of the requests for tokens, counted by whose they were until somebody takes it into the ledger. Bounded by the
//! consumers and keys that a snapshot knows: what strangers say of themselves is never kept.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use selvage_model::code::Code;
use selvage_model::name::ConsumerName;

/// What is counted by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenAsk {
    /// The consumer that the request named, where one is called so.
    pub consumer: Option<ConsumerName>,
    /// The id of the key that proved it; none where nothing did.
    pub key: Option<String>,
    /// Why no token was issued, where none was.
    pub refused: Option<Code>,
}

/// How often each came since it was asked last.
#[derive(Debug, Default)]
pub(crate) struct TokenCounts(Mutex<BTreeMap<TokenAsk, u64>>);

impl TokenCounts {
    /// One more.
    pub(crate) fn count(&self, ask: TokenAsk) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(ask).or_default() += 1;
    }

    /// What came since this was asked last.
    pub(crate) fn take(&self) -> BTreeMap<TokenAsk, u64> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
