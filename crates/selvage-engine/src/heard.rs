//! Hints that webhooks gave and that are not noted yet. Whoever gives one waits for nothing, since it holds up the work of a person in
//! its system meanwhile: those that come together are noted together, and twelve of one record are one. One that is lost with the node
//! costs time and nothing else: the next look finds what it would have told.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use selvage_model::arrival::Hint;

use crate::shared::Shared;

/// Hints are gathered for so long.
const GATHER: Duration = Duration::from_millis(10);
/// So many different ones wait at most; what is beyond is found by the next look.
const MOST: usize = 10_000;

#[derive(Default)]
pub(crate) struct Heard(Mutex<BTreeSet<Hint>>);

impl Heard {
    /// Takes a hint; whether it is the first of those that are gathered now.
    fn take(&self, hint: Hint) -> bool {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = waiting.is_empty();
        if waiting.len() < MOST {
            waiting.insert(hint);
        }
        is_first
    }

    fn all(&self) -> BTreeSet<Hint> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Hears a hint.
pub(crate) fn hear(shared: &Arc<Shared>, hint: Hint) {
    if !shared.heard.take(hint) {
        return;
    }
    let own = Arc::clone(shared);
    shared.runtime.spawn(async move {
        tokio::time::sleep(GATHER).await;
        for Hint { system, record, id } in own.heard.all() {
            if let Err(error) = own.store.hint_capture(&system, &record, id).await {
                tracing::warn!(
                    "{}: a hint was not noted; the next look finds what it would have told: {error}",
                    error.code()
                );
            }
        }
        own.captures.hinted.notify_waiters();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_hints_of_one_record_are_one() {
        let heard = Heard::default();
        let hint = |id| Hint { system: "odoo".parse().unwrap(), record: "mrp.production".to_owned(), id };
        let first: Vec<bool> = (0..12).map(|_| heard.take(hint(5))).collect();
        assert_eq!(first.iter().filter(|first| **first).count(), 1);
        assert!(!heard.take(hint(6)));
        assert_eq!(heard.all().len(), 2);
        assert!(heard.take(hint(5)), "what comes later is gathered anew");
    }
}
