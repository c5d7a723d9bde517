//! Retention at the broker: the broker itself takes nothing, it is told what to take, after the store knows who has not read it.
//! INVARIANT: NOTHING-LOST: what a reader has not passed yet stays, and is named, unless the caller says that it is to go or there is more
//! than the interface lets be kept; then who loses it is named.

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
    let kept = Kept { bytes: state.bytes, messages: (state.last_seq + 1).saturating_sub(state.first_seq) };
    let (due, beyond) = due(page, kept, retention);
    let behind = readers_behind(shared, stream, &due).await?;
    let kept_from = if insist { None } else { behind.iter().map(|reader| reader.from).min() };
    let is_kept =
        |sequence: u64| kept_from.is_some_and(|from| sequence >= from) && beyond.is_none_or(|to| sequence > to);
    let goes: Vec<&Incoming> = due.iter().take_while(|message| !is_kept(message.sequence)).collect();
    let Some(last) = goes.last() else { return Ok(Retired { behind, left: state.bytes, ..Retired::default() }) };
    // First what is known, so that nobody takes what retention took for lost.
    shared.store.note_retired(stream, last.sequence).await?;
    shared.api()?.purge(stream, last.sequence + 1).await?;
    let (records, bytes) = (goes.len() as u64, goes.iter().map(|message| message.bytes).sum());
    let more = goes.len() == whole_page && last.sequence < state.last_seq;
    let lost = Behind::who_lose(&behind, beyond);
    Ok(Retired { records, bytes, more, behind, lost, left: state.bytes.saturating_sub(bytes) })
}

/// How much the broker keeps of a stream.
#[derive(Clone, Copy)]
struct Kept {
    bytes: u64,
    messages: u64,
}

/// What is due of the oldest messages, and up to where it goes whoever has not read it, since there is more than may be kept.
fn due(page: Vec<Incoming>, kept: Kept, retention: Retention) -> (Vec<Incoming>, Option<u64>) {
    let keep_since = Timestamp::now().checked_sub(retention.time).unwrap_or(Timestamp::MIN);
    let mut spare = kept.bytes.saturating_sub(retention.at_least.unwrap_or(0));
    let mut too_much = retention.ceiling().map_or(0, |most| kept.bytes.saturating_sub(most));
    // What the broker keeps beside a body is known on the average alone: rather too little is taken, and the rest at the next look.
    let average = kept.bytes / kept.messages.max(1);
    let (mut due, mut beyond) = (Vec::new(), None);
    for message in page {
        let size = if retention.at_least.is_some() { message.bytes + BESIDE } else { 0 };
        if too_much > 0 {
            beyond = Some(message.sequence);
        } else if message.at >= keep_since || size > spare {
            break;
        }
        (spare, too_much) = (spare.saturating_sub(size), too_much.saturating_sub(message.bytes.max(average)));
        due.push(message);
    }
    (due, beyond)
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
