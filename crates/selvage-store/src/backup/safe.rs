//! What makes a restored state safe to run: everything that counts up goes above whatever it may have come to after the backup,
//! nobody holds anything, and what may have been sent since is in doubt. INVARIANT: NOTHING-LOST, and never done twice for it.

use std::time::Duration;

use selvage_model::code;
use selvage_model::event::Position;
use selvage_model::name::InterfaceRef;
use serde_json::{Value, json};

use super::restore::{Postponed, Restored, Restoring};
use super::{BackupSummary, ended};
use crate::access;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::event::{Lost, Stream, cursor, known, opening, position};
use crate::ledger;
use crate::statement::statements;
use crate::value::{Micros, bind};

/// Who is waited for has at least so much more time.
const LONGER: Duration = Duration::from_secs(7 * 86_400);
/// Epochs of streams rise by so many: one for each gap that may have been found after the backup, of which nobody knows any more.
const EPOCHS: u32 = 10;

// Epochs and fences rise by so much that nothing which was held after the backup is below: each takes one to rise by one.
statements! {
    REVISION = "UPDATE access_revision SET revision = revision + 1000000 WHERE id = 1";
    WAITING = "SELECT id FROM recertification WHERE closed_at IS NULL UNION ALL \
               SELECT lease AS id FROM break_glass WHERE verdict IS NULL UNION ALL \
               SELECT id FROM change_proposal WHERE ratify_until IS NOT NULL ORDER BY id";
    CAMPAIGNS = "UPDATE recertification SET until_at = until_at + $1 WHERE closed_at IS NULL";
    REVIEWS = "UPDATE break_glass SET review_by = review_by + $1 WHERE verdict IS NULL";
    EMERGENCIES = "UPDATE change_proposal SET ratify_until = ratify_until + $1 WHERE ratify_until IS NOT NULL";
    LEASES = "UPDATE lease SET touched = (SELECT revision FROM access_revision WHERE id = 1)";
    NODES = "DELETE FROM node";
    SLICES = "DELETE FROM budget_slice";
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
    STREAMS = "SELECT id, name, epoch, next_offset, retired_to, kept_bytes, made, checksum FROM event_stream ORDER BY name";
}

/// Makes what was loaded safe, and enters that it was restored.
pub(super) async fn make(
    transaction: &mut Transaction,
    backup: BackupSummary,
    how: &Restoring,
) -> Result<Restored, StoreError> {
    let now = transaction.now().await?;
    transaction.run(REVISION, bind![]).await?;
    // A node that went on knows leases of the lost store: all of them are others to it.
    transaction.run(LEASES, bind![]).await?;
    transaction.run(NODES, bind![]).await?;
    transaction.run(SLICES, bind![]).await?;
    // A cursor's first fence is a time, so that the time of now is above every one that was taken since.
    cursor::fence_all(transaction, now).await?;
    transaction.run(CAPTURES, bind![]).await?;
    let (doubtful, stuck) = doubt(transaction, &backup, now).await?;
    known::rebuild(transaction).await?;
    let streams = raise_streams(transaction, how).await?;
    let (ended, answered) = match &how.lost {
        Some(lost) => {
            (ended::take_over(transaction, lost, &how.by).await?, ended::take_answers(transaction, lost).await?)
        }
        None => (Vec::new(), Vec::new()),
    };
    let postponed = postpone(transaction, &backup, now).await?;
    access::raise(transaction).await?;
    let restored = Restored { backup, streams, ended, answered, postponed, doubtful, stuck };
    ledger::append(transaction, &how.by, "store.restored", "store", &detail(&restored, how)).await?;
    Ok(restored)
}

/// INVARIANT: FAIL-SAFE: what was answered for after the backup is open again, and overdue: it does not end before anybody can say so
/// again. What was opened for hours ends by its clock all the same.
async fn postpone(transaction: &mut Transaction, backup: &BackupSummary, now: Micros) -> Result<Postponed, StoreError> {
    let rows = transaction.all(WAITING, bind![]).await?;
    let ids = rows.iter().map(|row| row.text("id")).collect::<Result<Vec<_>, _>>()?;
    let passed = Duration::try_from(now.timestamp()?.duration_since(backup.taken)).unwrap_or_default();
    let by = passed.max(LONGER);
    let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
    for deadline in [CAMPAIGNS, REVIEWS, EMERGENCIES] {
        transaction.run(deadline, bind![micros]).await?;
    }
    Ok(Postponed { by, ids })
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
) -> Result<Vec<(InterfaceRef, Position)>, StoreError> {
    let mut streams = Vec::new();
    for row in transaction.all(STREAMS, bind![]).await? {
        let (stream, name) = (Stream::from_row(&row)?, row.parsed::<InterfaceRef>("name")?);
        let mark = how.marks.get(&name);
        let epoch = mark.map_or(stream.epoch, |mark| stream.epoch.max(mark.epoch())) + EPOCHS;
        let first = mark.map_or(stream.next, |mark| stream.next.max(mark.offset() + 1));
        opening::begin(transaction, &stream, Lost { epoch, first, from: stream.next, to: first - 1 }).await?;
        Stream { epoch, next: first, ..stream }.write(transaction).await?;
        streams.push((name, position(epoch, first)?));
    }
    Ok(streams)
}

fn detail(restored: &Restored, how: &Restoring) -> Value {
    let Restored { backup, streams, ended, answered, postponed, doubtful, stuck } = restored;
    let streams: Vec<Value> =
        streams.iter().map(|(stream, first)| json!([stream.to_string(), first.to_string()])).collect();
    json!({
        "as_of": backup.taken.to_string(),
        "sha256": backup.sha256,
        "entries": backup.entries,
        "access_accepted": how.accepted.map(|time| time.to_string()),
        "lost_store_read": how.lost.is_some(),
        "ended_by_lost_store": ended,
        "answered_in_lost_store": answered,
        "deadlines_later_by_seconds": postponed.by.as_secs(),
        "deadlines_later_of": postponed.ids,
        "streams_go_on_at": streams,
        "operations_in_doubt": doubtful,
        "operations_for_a_person": stuck,
        "faults_accepted": how.faults,
    })
}
