//! What makes a restored state safe to run: everything that counts up goes above whatever it may have come to after the backup,
//! nobody holds anything, and what may have been sent since is in doubt. INVARIANT: NOTHING-LOST, and never done twice for it.

use selvage_model::code;
use selvage_model::event::Position;
use selvage_model::name::InterfaceRef;
use serde_json::{Value, json};

use super::restore::{Restored, Restoring};
use super::{BackupSummary, ended};
use crate::database::Transaction;
use crate::error::StoreError;
use crate::event::position;
use crate::ledger;
use crate::statement::statements;
use crate::value::{Micros, bind};

/// Epochs of streams rise by so many: one for each gap that may have been found after the backup, of which nobody knows any more.
const EPOCHS: u32 = 10;

// Epochs and fences rise by so much that nothing which was held after the backup is below: each takes one to rise by one.
statements! {
    REVISION = "UPDATE access_revision SET revision = revision + 1000000 WHERE id = 1";
    NODES = "DELETE FROM node";
    SLICES = "DELETE FROM budget_slice";
    CURSORS = "UPDATE event_cursor SET node = '', leased_until = 0, \
               fence = CASE WHEN fence < $1 THEN CAST($1 AS BIGINT) ELSE fence END + 1000000";
    CAPTURES = "UPDATE capture SET node = '', leased_until = 0, fence = fence + 1000000";
    EPOCHS_OF_OPERATIONS = "UPDATE operation SET epoch = epoch + 1000000 WHERE state IN ('pending', 'unknown', 'stuck')";
    EFFECTS = "UPDATE effect SET state = 'sent', sends = CASE WHEN sends = 0 THEN 1 ELSE sends END, sent_at = $1 \
               WHERE state IN ('intended', 'sent', 'unknown') AND operation IN \
               (SELECT id FROM operation WHERE state IN ('pending', 'unknown'))";
    DOUBTFUL = "UPDATE operation SET state = 'unknown', probes = 0, probe_at = $1, due_at = $1, waits = NULL, because = $2, \
                changed_at = $1 WHERE state IN ('pending', 'unknown') AND id IN (SELECT operation FROM effect)";
    STUCK = "UPDATE operation SET state = 'stuck', because = $2, waits = NULL, due_at = NULL, probe_at = NULL, changed_at = $1 \
             WHERE state IN ('pending', 'unknown') AND verb <> 'create' AND id NOT IN (SELECT operation FROM effect)";
    LANES = "DELETE FROM lane WHERE operation IN (SELECT id FROM operation WHERE state = 'stuck')";
    CREATES = "UPDATE operation SET due_at = $1 WHERE state = 'pending'";
    STREAMS = "SELECT id, name, epoch, next_offset FROM event_stream ORDER BY name";
    EPOCH = "INSERT INTO event_epoch (stream, epoch, first_offset, lost_from, lost_to, began_at) \
             VALUES ($1, $2, $3, $4, $5, $6)";
    RAISE = "UPDATE event_stream SET epoch = $2, next_offset = $3 WHERE id = $1";
}

/// Makes what was loaded safe, and enters that it was restored.
pub(super) async fn make(
    transaction: &mut Transaction,
    backup: BackupSummary,
    how: &Restoring,
) -> Result<Restored, StoreError> {
    let now = transaction.now().await?;
    transaction.run(REVISION, bind![]).await?;
    transaction.run(NODES, bind![]).await?;
    transaction.run(SLICES, bind![]).await?;
    // A cursor's first fence is a time, so that the time of now is above every one that was taken since.
    transaction.run(CURSORS, bind![now]).await?;
    transaction.run(CAPTURES, bind![]).await?;
    let (doubtful, stuck) = doubt(transaction, &backup, now).await?;
    let streams = raise_streams(transaction, how, now).await?;
    let ended = match &how.lost {
        Some(lost) => ended::take_over(transaction, lost, &how.by).await?,
        None => Vec::new(),
    };
    let restored = Restored { backup, streams, ended, doubtful, stuck };
    ledger::append(transaction, &how.by, "store.restored", "store", &detail(&restored, how)).await?;
    Ok(restored)
}

/// INVARIANT: ONE-EFFECT: whatever was under way may have been carried out after the backup. With an effect on record it is looked
/// for once the longest transaction is over; a create is looked for by its external id before it is sent; the rest a person has seen.
async fn doubt(transaction: &mut Transaction, backup: &BackupSummary, now: Micros) -> Result<(u64, u64), StoreError> {
    let because = format!("{}: the store was restored as it was at {:.0}", code::OPERATION_RESTORED, backup.taken);
    let look = format!("{because}; whether this was done since is to be seen in the system");
    transaction.run(EPOCHS_OF_OPERATIONS, bind![]).await?;
    transaction.run(EFFECTS, bind![now]).await?;
    let doubtful = transaction.run(DOUBTFUL, bind![now, because.as_str()]).await?;
    let stuck = transaction.run(STUCK, bind![now, look.as_str()]).await?;
    transaction.run(LANES, bind![]).await?;
    transaction.run(CREATES, bind![now]).await?;
    Ok((doubtful, stuck))
}

/// Begins a new epoch of every stream: what is appended from now on is numbered above everything that was appended after the
/// backup, and whoever opens the stream is told that events may be lost.
async fn raise_streams(
    transaction: &mut Transaction,
    how: &Restoring,
    now: Micros,
) -> Result<Vec<(InterfaceRef, Position)>, StoreError> {
    let mut streams = Vec::new();
    for row in transaction.all(STREAMS, bind![]).await? {
        let (id, next, name) = (row.integer("id")?, row.count("next_offset")?, row.parsed::<InterfaceRef>("name")?);
        let epoch = u32::try_from(row.count("epoch")?).map_err(|_| StoreError::damaged("an epoch is too large"))?;
        let mark = how.marks.get(&name);
        let epoch = mark.map_or(epoch, |mark| epoch.max(mark.epoch())) + EPOCHS;
        let first = mark.map_or(next, |mark| next.max(mark.offset() + 1));
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let lost = (number(next), number(first - 1));
        transaction.run(EPOCH, bind![id, i64::from(epoch), number(first), lost.0, lost.1, now]).await?;
        transaction.run(RAISE, bind![id, i64::from(epoch), number(first)]).await?;
        streams.push((name, position(epoch, first)?));
    }
    Ok(streams)
}

fn detail(restored: &Restored, how: &Restoring) -> Value {
    let Restored { backup, streams, ended, doubtful, stuck } = restored;
    let streams: Vec<Value> =
        streams.iter().map(|(stream, first)| json!([stream.to_string(), first.to_string()])).collect();
    json!({
        "as_of": backup.taken.to_string(),
        "sha256": backup.sha256,
        "entries": backup.entries,
        "access_accepted": how.accepted.map(|time| time.to_string()),
        "lost_store_read": how.lost.is_some(),
        "ended_by_lost_store": ended,
        "streams_go_on_at": streams,
        "operations_in_doubt": doubtful,
        "operations_for_a_person": stuck,
    })
}
