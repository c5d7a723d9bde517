//! A small memory for answers that rarely change: bounded, and forgetting after a time. Never the truth of anything.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most answers it keeps; then it begins anew, which costs one look-up each.
const MOST: usize = 20_000;

/// Answers by question.
pub(crate) struct Cache<K, V> {
    lifetime: Duration,
    kept: Mutex<HashMap<K, (Instant, V)>>,
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    /// Empty, keeping each answer for this long.
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self { lifetime, kept: Mutex::new(HashMap::new()) }
    }

    /// The answer, where it is fresh.
    pub(crate) fn get(&self, question: &K) -> Option<V> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(question).filter(|(since, _)| since.elapsed() < self.lifetime).map(|(_, answer)| answer.clone())
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Keeps an answer.
    pub(crate) fn put(&self, question: K, answer: V) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(question, (Instant::now(), answer));
    }
}
