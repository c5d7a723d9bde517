//! How late a subscription is: the age of the oldest event that it has not had, whether that is under way, set aside or not read yet, and
//! whether or not anybody delivers it. Only reads.

use jiff::Timestamp;
use selvage_log::{EventLog, LogError, ReadLimit};
use selvage_model::event::Position;
use selvage_model::subscription::LiveSubscription;
use selvage_store::{Store, StoreError};

use crate::envelope;

/// So many events are looked through at a time for the first that the subscription has.
const LOOK: ReadLimit = ReadLimit { records: 64, bytes: 1_000_000 };
/// So often at most.
const MOST_LOOKS: usize = 4;

/// When the oldest event was appended that this subscription has not had; none where it has had everything. `unread` is where its cursor
/// stands, where the log has more.
///
/// # Errors
/// Those of the store, in words where they are the log's.
pub async fn oldest_waiting(
    store: &Store,
    log: &dyn EventLog,
    subscription: &LiveSubscription,
    unread: Option<Position>,
) -> Result<Option<Timestamp>, StoreError> {
    let mut oldest = store.oldest_aside(&subscription.id).await?;
    if let Some(at) = unread {
        match first_unread(log, subscription, at).await {
            Ok(unread) => oldest = oldest.into_iter().chain(unread).min(),
            Err(error) => {
                let label = subscription.label();
                tracing::debug!("{}: what `{label}` has not read is looked at later: {error}", error.code());
            }
        }
    }
    Ok(oldest)
}

/// When the first event behind the cursor was appended that the subscription has. Behind many that are others', it is as old as these.
async fn first_unread(log: &dyn EventLog, it: &LiveSubscription, at: Position) -> Result<Option<Timestamp>, LogError> {
    let (mut after, mut last) = (at, None);
    for _ in 0..MOST_LOOKS {
        let batch = log.read(&it.interface, after, LOOK).await?;
        for record in &batch.records {
            if envelope::kind(&record.body).is_some_and(|kind| it.terms.events.contains(&kind)) {
                return Ok(Some(record.appended_at));
            }
        }
        let Some(end) = batch.records.last() else { return Ok(None) };
        if end.position >= batch.head {
            return Ok(None);
        }
        (after, last) = (end.position, Some(end.appended_at));
    }
    Ok(last)
}
