//! Reading at the broker: every sequence accounted for, every record proven.
//! INVARIANT: NOTHING-LOST: what the broker lost from the middle leaves a hole in its sequences, and is named.

use selvage_model::event::{EventId, Position, Record};
use selvage_model::name::InterfaceRef;
use selvage_store::{EventEpochs, ReadFault, ReadLimit};

use super::api::State;
use super::message::incoming;
use super::{Shared, lock};
use crate::Batch;
use crate::error::{LogError, fault_error};

/// How much is asked for at a time.
const MOST: (usize, usize) = (1_000, 8_000_000);
/// A message has so much beside its body, at most, and one is read beyond the limit.
const BEYOND: usize = 1_100_000;

pub(super) async fn read(
    shared: &Shared,
    stream: &InterfaceRef,
    after: Position,
    limit: ReadLimit,
) -> Result<Batch, LogError> {
    match read_once(shared, stream, after, limit).await {
        // Retention may have taken it while it was read.
        Err(LogError::Missing { .. }) => read_once(shared, stream, after, limit).await,
        read => read,
    }
}

async fn read_once(
    shared: &Shared,
    stream: &InterfaceRef,
    after: Position,
    limit: ReadLimit,
) -> Result<Batch, LogError> {
    shared.heads.opened(stream)?;
    // The broker is asked first: epochs that begin meanwhile concern what it does not have yet.
    let state = shared.api()?.info(stream).await?;
    let epochs = shared.store.event_epochs(stream).await?;
    if !epochs.are_of(&state.made) {
        return Err(made_anew(shared, stream, &state, after).await?);
    }
    let head = epochs.position(state.last_seq)?;
    let mut batch = Batch { records: Vec::new(), head };
    let mut next = first(&epochs, &state, after).map_err(|fault| fault_error(&fault, stream, after))?;
    if next > state.last_seq {
        return Ok(batch);
    }
    let (records, bytes) = (limit.records.clamp(1, MOST.0), limit.bytes.saturating_add(BEYOND).min(MOST.1));
    let mut read = 0;
    for message in shared.api()?.messages(stream, next, records, bytes).await? {
        let message = incoming(&message)?;
        let position = epochs.position(message.sequence)?;
        let fault = match message.content {
            _ if message.sequence > next => ReadFault::Missing { from: next, to: message.sequence - 1 },
            None => ReadFault::Damaged { position },
            Some((id, lane, body)) => {
                read += body.len();
                batch.records.push(Record { position, id, lane, appended_at: message.at, body });
                next += 1;
                if read >= limit.bytes {
                    return Ok(batch);
                }
                continue;
            }
        };
        return if batch.records.is_empty() { Err(fault_error(&fault, stream, after)) } else { Ok(batch) };
    }
    // A replica may be behind its leader; what the leader does not have either is lost.
    if batch.records.is_empty() && !shared.api()?.has(stream, next).await? {
        return Err(fault_error(&ReadFault::Missing { from: next, to: state.last_seq }, stream, after));
    }
    Ok(batch)
}

/// INVARIANT: NOTHING-LOST: of a stream that somebody made anew no position of before is read as if it meant the same. Its epoch begins,
/// and the first who reads is told the gap.
async fn made_anew(
    shared: &Shared,
    stream: &InterfaceRef,
    state: &State,
    after: Position,
) -> Result<LogError, LogError> {
    // Who only looks begins no epoch.
    if !lock(&shared.known).contains_key(stream) {
        return Err(LogError::unavailable("its stream was made anew, and no node has opened it since"));
    }
    // Who has read up to there knows that it was acknowledged.
    let mark = shared.store.broker_mark(stream).await?.max(Some(after));
    let opened = shared.store.open_broker_stream(stream, state.found(), mark).await?;
    Ok(opened.gap.map_or_else(|| LogError::unavailable("its stream was made anew meanwhile"), LogError::Gap))
}

/// The first sequence that a reader at this position has not read.
fn first(epochs: &EventEpochs, state: &State, after: Position) -> Result<u64, ReadFault> {
    if after > Position::new(epochs.current(), state.last_seq).unwrap_or(Position::START) {
        return Err(ReadFault::Ahead { head: epochs.position(state.last_seq).unwrap_or(Position::START) });
    }
    let next = epochs.read_up_to(after) + 1;
    let retired_to = epochs.retired_to();
    if next >= state.first_seq {
        return Ok(next);
    }
    if next <= retired_to && after != Position::START {
        return Err(ReadFault::Retired { from: next, to: retired_to });
    }
    let next = next.max(retired_to + 1);
    if next < state.first_seq { Err(ReadFault::Missing { from: next, to: state.first_seq - 1 }) } else { Ok(next) }
}

/// Whether the broker has this id at this sequence.
pub(super) async fn is_at(
    shared: &Shared,
    stream: &InterfaceRef,
    id: &EventId,
    sequence: u64,
) -> Result<bool, LogError> {
    let messages = shared.api()?.messages(stream, sequence, 1, BEYOND).await?;
    let Some(message) = messages.first() else { return Ok(false) };
    let message = incoming(message)?;
    Ok(message.sequence == sequence && message.content.is_some_and(|(there, ..)| there == *id))
}

/// An event by its id: of the newest ids are in memory, of the others in the store's index.
pub(super) async fn find(shared: &Shared, stream: &InterfaceRef, id: &EventId) -> Result<Option<Record>, LogError> {
    shared.heads.opened(stream)?;
    let known = lock(&shared.known).get(stream).cloned();
    let offset = match known.and_then(|known| lock(&known).place(id)) {
        Some(offset) => offset,
        None => match shared.store.broker_places(stream, std::slice::from_ref(id)).await?.first() {
            Some((_, offset)) => *offset,
            None => return Ok(None),
        },
    };
    let before = shared.store.event_epochs(stream).await?.position(offset.saturating_sub(1))?;
    match read(shared, stream, before, ReadLimit { records: 1, bytes: 1 }).await {
        Ok(batch) => Ok(batch.records.into_iter().find(|record| record.id == *id)),
        Err(LogError::Retired { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
