//! The one writer of a stream in this process: publishes what waits as one atomic batch, on the condition that the stream's last
//! sequence is the one that it has seen. Where another node was faster, an answer was lost, or the broker lost something, it looks
//! at what the broker has and goes on from there. INVARIANT: DURABLE-ACK: nothing is answered before the broker acknowledged all of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use selvage_model::event::{Appended, EventId, Position};
use selvage_model::name::InterfaceRef;
use selvage_store::{EventBatch, EventEpochs};

use super::api::{Outgoing, Published, State};
use super::known::Known;
use super::message::{incoming, outgoing};
use super::{KNOWN_IDS, Shared, lock, reading};
use crate::error::LogError;
use crate::queue::{Group, Writer};

/// How often a publish is begun anew because others were faster.
const OVERTAKEN: u32 = 50;
/// How often a publish is looked for and repeated where its answer was lost.
const LOST: u32 = 2;
/// So many ids that the store's index does not have are written to it at once.
const INDEX_AT: usize = 2_000;
/// Where so many cannot be written nothing more is appended: what is known of them is in memory alone.
const MOST_UNINDEXED: usize = KNOWN_IDS - 2_000;
/// How much is read at a time when it looks.
const PAGE: (usize, usize) = (1_000, 8_000_000);

pub(super) struct StreamWriter {
    shared: Arc<Shared>,
    stream: InterfaceRef,
    known: Arc<Mutex<Known>>,
    epochs: EventEpochs,
    /// The stream's last sequence, as far as it was looked at: every id up to here is known, within bounds.
    seen: u64,
    /// Up to here the store's index has every id, and these are behind it.
    indexed: u64,
    unindexed: Vec<(EventId, u64)>,
    /// What is known is of this epoch, to its end. Otherwise nothing is published before everything was looked at anew.
    read: bool,
}

/// Where a record of a group will be.
enum Place {
    At(u64),
    /// The so-manieth of the new messages; `true` where the group has the id more than once, and this is not the first.
    New(usize, bool),
}

impl Writer for StreamWriter {
    /// With one append more, an atomic batch holds it (1,000).
    const RECORDS: usize = 500;

    async fn write(&mut self, group: Group) {
        let outcome = self.append(&group.batches).await;
        group.answer(outcome);
    }

    fn doubt(&mut self) {
        self.read = false;
    }

    async fn end(&mut self) {}
}

impl StreamWriter {
    pub(super) async fn begin(
        shared: Arc<Shared>,
        stream: InterfaceRef,
        known: Arc<Mutex<Known>>,
    ) -> Result<Self, LogError> {
        let epochs = shared.store.event_epochs(&stream).await?;
        let (seen, indexed, unindexed) = (0, 0, Vec::new());
        let mut writer = Self { shared, stream, known, epochs, seen, indexed, unindexed, read: false };
        let state = writer.shared.api()?.info(&writer.stream).await?;
        writer.look_anew(&state).await?;
        Ok(writer)
    }

    async fn append(&mut self, batches: &[EventBatch]) -> Result<Vec<Vec<Appended>>, LogError> {
        let (mut overtaken, mut lost) = (0, 0);
        self.index_soon().await?;
        // A broker may come back with just as much as this node has seen: others may have marked more.
        let marked = self.shared.store.broker_mark(&self.stream).await?;
        if !self.read || marked > Position::new(self.epochs.current(), self.seen) {
            self.catch_up().await?;
        }
        loop {
            // What was looked at anew may be another stream, and what was known of the one before is in none.
            let older = self.older(batches).await?;
            let connection = self.shared.api()?.confirm().await?;
            let (messages, places) = self.plan(batches, &older);
            if messages.is_empty() {
                return self.answers(batches, &places, 0);
            }
            let count = messages.len() as u64;
            match self.shared.api()?.publish(&self.stream, &connection, self.seen, messages).await {
                Ok(Published::Last(last)) if last == self.seen + count => {
                    let first = self.seen + 1;
                    self.published(batches, &places, last)?;
                    return self.answers(batches, &places, first);
                }
                Ok(Published::Last(last)) => {
                    let reason = format!("it gave sequence {last} where {} was due", self.seen + count);
                    return Err(LogError::BrokerUnfit { reason });
                }
                Ok(Published::Overtaken) if overtaken < OVERTAKEN => overtaken += 1,
                Ok(Published::Overtaken) => return Err(LogError::unavailable("other nodes are always faster")),
                Err(error) if !matches!(error, LogError::Unavailable { .. }) || lost == LOST => return Err(error),
                Err(_) => lost += 1,
            }
            self.catch_up().await?;
        }
    }

    /// The messages of what is new, and where each record will be.
    fn plan(&self, batches: &[EventBatch], older: &HashMap<EventId, u64>) -> (Vec<Outgoing>, Vec<Place>) {
        let known = lock(&self.known);
        let mut of_group: HashMap<&EventId, usize> = HashMap::new();
        let (mut messages, mut places) = (Vec::new(), Vec::new());
        for record in batches.iter().flat_map(|batch| &batch.records) {
            if let Some(offset) = known.place(&record.id).or_else(|| older.get(&record.id).copied()) {
                places.push(Place::At(offset));
            } else if let Some(index) = of_group.get(&record.id) {
                places.push(Place::New(*index, true));
            } else {
                places.push(Place::New(messages.len(), false));
                of_group.insert(&record.id, messages.len());
                messages.push(outgoing(record));
            }
        }
        (messages, places)
    }

    /// Where those of these ids are that are not among the newest, and that the broker still has there.
    async fn older(&self, batches: &[EventBatch]) -> Result<HashMap<EventId, u64>, LogError> {
        let unknown: Vec<EventId> = {
            let known = lock(&self.known);
            let ids = batches.iter().flat_map(|batch| &batch.records).map(|record| &record.id);
            ids.filter(|id| !known.is_whole() && known.place(id).is_none()).cloned().collect()
        };
        let mut older = HashMap::new();
        if unknown.is_empty() {
            return Ok(older);
        }
        for (id, sequence) in self.shared.store.broker_places(&self.stream, &unknown).await? {
            if reading::is_at(&self.shared, &self.stream, &id, sequence).await? {
                older.insert(id, sequence);
            }
        }
        Ok(older)
    }

    /// Writes ids to the store's index where there are many by now. It may be late, but not so late that memory forgets what it has not.
    async fn index_soon(&mut self) -> Result<(), LogError> {
        if self.unindexed.len() < INDEX_AT {
            return Ok(());
        }
        match self.index().await {
            Err(error) if self.unindexed.len() < MOST_UNINDEXED => {
                tracing::warn!("{}: ids of `{}` are noted later: {error}", error.code(), self.stream);
                Ok(())
            }
            outcome => outcome,
        }
    }

    async fn index(&mut self) -> Result<(), LogError> {
        let epoch = self.epochs.current();
        if !self.shared.store.index_broker_ids(&self.stream, epoch, &self.unindexed, self.seen).await? {
            self.read = false;
            return Err(LogError::unavailable("its stream has begun another epoch"));
        }
        self.indexed = self.seen;
        self.unindexed.clear();
        Ok(())
    }

    fn note(&mut self, id: &EventId, sequence: u64) {
        lock(&self.known).note(id, sequence);
        if sequence > self.indexed {
            self.unindexed.push((id.clone(), sequence));
        }
    }

    /// Notes what the broker took, right behind what was seen.
    fn published(&mut self, batches: &[EventBatch], places: &[Place], last: u64) -> Result<(), LogError> {
        for (record, place) in batches.iter().flat_map(|batch| &batch.records).zip(places) {
            if let Place::New(index, false) = place {
                self.note(&record.id, self.seen + 1 + *index as u64);
            }
        }
        self.seen = last;
        let head = self.epochs.position(last)?;
        self.shared.heads.raise(&self.stream, head);
        self.shared.keeper.raise(&self.stream, head);
        Ok(())
    }

    fn answers(&self, batches: &[EventBatch], places: &[Place], first: u64) -> Result<Vec<Vec<Appended>>, LogError> {
        let mut places = places.iter();
        let mut answers = Vec::with_capacity(batches.len());
        for batch in batches {
            let of_batch = places.by_ref().take(batch.records.len()).map(|place| {
                let (offset, known) = match place {
                    Place::At(offset) => (*offset, true),
                    Place::New(index, known) => (first + *index as u64, *known),
                };
                Ok(Appended { position: self.epochs.position(offset)?, known })
            });
            answers.push(of_batch.collect::<Result<_, LogError>>()?);
        }
        Ok(answers)
    }

    /// Looks at what came since, by whomever, and whether everything that anybody knows of is still there.
    ///
    /// INVARIANT: NOTHING-LOST: where the broker does not have what it acknowledged, to this node or to another that marked it, a
    /// new epoch begins, and who appends is told the gap.
    async fn catch_up(&mut self) -> Result<(), LogError> {
        // The mark first: others append and mark while the broker is asked.
        let marked = self.shared.store.broker_mark(&self.stream).await?;
        // A stream that is gone is made again: what it had is a gap.
        let state = self.shared.api()?.info_or_open(&self.stream).await?;
        let epoch = self.epochs.current();
        let seen = Position::new(epoch, self.seen).filter(|_| self.read);
        let mark = marked.max(seen);
        let behind = mark.is_some_and(|mark| state.last_seq < mark.offset());
        // Somebody else may have made it again, and put in more than this node has seen.
        if !behind
            && self.epochs.are_of(&state.made)
            && self.read
            && marked.is_none_or(|marked| marked.epoch() == epoch)
        {
            return self.look(&state).await;
        }
        self.read = false;
        let opened = self.shared.store.open_broker_stream(&self.stream, state.found(), mark).await?;
        self.epochs = self.shared.store.event_epochs(&self.stream).await?;
        self.look_anew(&state).await?;
        match opened.gap {
            Some(gap) => Err(LogError::Gap(gap)),
            None => Ok(()),
        }
    }

    async fn look(&mut self, state: &State) -> Result<(), LogError> {
        self.seen = self.seen.max(state.first_seq.saturating_sub(1)).min(state.last_seq);
        while self.seen < state.last_seq {
            let page = self.shared.api()?.messages(&self.stream, self.seen + 1, PAGE.0, PAGE.1).await?;
            if page.is_empty() {
                return Err(LogError::unavailable("the broker's replica is behind"));
            }
            for message in &page {
                let message = incoming(message)?;
                if let Some((id, ..)) = &message.content {
                    self.note(id, message.sequence);
                }
                self.seen = message.sequence;
            }
            // Memory forgets nothing that the index does not have.
            if self.unindexed.len() >= INDEX_AT {
                self.index().await?;
            }
        }
        Ok(())
    }

    /// Forgets what it knew and looks at the newest part of the stream, and at what the store's index does not have.
    async fn look_anew(&mut self, state: &State) -> Result<(), LogError> {
        let newest = state.last_seq.saturating_sub(KNOWN_IDS as u64);
        // What was there before the index was begun is not in it.
        let indexed = self.shared.store.broker_indexed(&self.stream).await?;
        self.indexed = indexed.unwrap_or(newest).min(state.last_seq);
        self.unindexed.clear();
        self.seen = newest.min(self.indexed);
        lock(&self.known).clear(self.seen < state.first_seq.max(1));
        self.look(state).await?;
        self.read = true;
        Ok(())
    }
}
