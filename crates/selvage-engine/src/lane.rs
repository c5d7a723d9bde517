//! Lanes: writes on one record take effect one after the other, in the order in which they came to this node. Nothing
//! here reaches other nodes; what holds between nodes are the keys and targets of the verbs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use selvage_model::name::SystemName;
use tokio::sync::{Mutex as Lane, OwnedMutexGuard};

/// Which record: its system, what the system calls it, and its id.
pub(crate) type RecordKey = (SystemName, String, i64);

/// The lanes of the records that are being written.
#[derive(Default)]
pub(crate) struct Lanes {
    open: Mutex<HashMap<RecordKey, Weak<Lane<()>>>>,
}

impl Lanes {
    /// Waits until this record's lane is free and holds it.
    pub(crate) async fn enter(&self, key: RecordKey) -> OwnedMutexGuard<()> {
        self.lane(key).lock_owned().await
    }

    fn lane(&self, key: RecordKey) -> Arc<Lane<()>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = open.get(&key).and_then(Weak::upgrade) {
            return lane;
        }
        open.retain(|_, lane| lane.strong_count() > 0);
        let lane = Arc::new(Lane::new(()));
        open.insert(key, Arc::downgrade(&lane));
        lane
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn key(id: i64) -> RecordKey {
        ("odoo".parse().unwrap(), "mrp.production".to_owned(), id)
    }

    #[tokio::test]
    async fn one_record_is_entered_by_one_at_a_time_and_others_do_not_wait() {
        let lanes = Arc::new(Lanes::default());
        let held = lanes.enter(key(1)).await;
        let _other = lanes.enter(key(2)).await;
        let waiting = tokio::time::timeout(Duration::from_millis(20), lanes.enter(key(1))).await;
        assert!(waiting.is_err());
        drop(held);
        let _free = tokio::time::timeout(Duration::from_secs(1), lanes.enter(key(1))).await.unwrap();
    }
}
