//! Retention at the broker: the broker itself takes nothing, it is told what to take, after the store knows who has not read it.
//! INVARIANT: NOTHING-LOST: what a reader has not passed yet stays, and is named, unless the caller says that it is to go.

use jiff::Timestamp;
use selvage_model::manifest::event::Retention;
use selvage_model::name::InterfaceRef;
use selvage_store::{Behind, Retired};

use super::Shared;
use super::message::{Incoming, incoming};
use crate::error::LogError;

/// How many messages one step takes at most.
const PAGE: usize = 1_000;
const PAGE_BYTES: usize = 8_000_000;
/// What a message takes at the broker beside its body, at most: so that no less is kept than was declared.
const BESIDE: u64 = 1_024;

pub(super) async fn retire(
    shared: &Shared,
    stream: &InterfaceRef,
    retention: Retention,
    insist: bool,
) -> Result<Retired, LogError> {
    shared.heads.opened(stream)?;
    let state = shared.api()?.info(stream).await?;
    if state.last_seq < state.first_seq || state.last_seq == 0 {
        return Ok(Retired::default());
    }
    if !shared.store.event_epochs(stream).await?.are_of(&state.made) {
        return Ok(Retired::default());
    }
    let page = shared.api()?.messages(stream, state.first_seq, PAGE, PAGE_BYTES).await?;
    let page: Vec<Incoming> = page.iter().map(incoming).collect::<Result<_, _>>()?;
    let whole_page = page.len();
    let keep_since = Timestamp::now().checked_sub(retention.time).unwrap_or(Timestamp::MIN);
    let mut spare = state.bytes.saturating_sub(retention.at_least.unwrap_or(0));
    let due: Vec<Incoming> = page
        .into_iter()
        .take_while(|message| {
            let size = if retention.at_least.is_some() { message.bytes + BESIDE } else { 0 };
            let due = message.at < keep_since && size <= spare;
            spare = spare.saturating_sub(size);
            due
        })
        .collect();
    let behind = readers_behind(shared, stream, &due).await?;
    let kept_from = if insist { None } else { behind.iter().map(|reader| reader.from).min() };
    let goes: Vec<&Incoming> =
        due.iter().take_while(|message| kept_from.is_none_or(|from| message.sequence < from)).collect();
    let Some(last) = goes.last() else { return Ok(Retired { behind, ..Retired::default() }) };
    // First what is known, so that nobody takes what retention took for lost.
    shared.store.note_retired(stream, last.sequence).await?;
    shared.api()?.purge(stream, last.sequence + 1).await?;
    let (records, bytes) = (goes.len() as u64, goes.iter().map(|message| message.bytes).sum());
    let more = goes.len() == whole_page && last.sequence < state.last_seq;
    Ok(Retired { records, bytes, more, behind })
}

async fn readers_behind(shared: &Shared, stream: &InterfaceRef, due: &[Incoming]) -> Result<Vec<Behind>, LogError> {
    let Some(last) = due.last() else { return Ok(Vec::new()) };
    let epochs = shared.store.event_epochs(stream).await?;
    let cursors = shared.store.cursors(stream).await?;
    let behind = cursors.into_iter().filter_map(|cursor| {
        let read = epochs.read_up_to(cursor.position);
        let first = due.iter().find(|message| message.sequence > read)?;
        let (from, to, since) = (first.sequence, last.sequence, first.at);
        Some(Behind { reader: cursor.reader, position: cursor.position, from, to, since })
    });
    Ok(behind.collect())
}
