//! The one writer of a stream in this process: publishes what waits as one atomic batch, guarded by the last sequence of each
//! subject. Where another node was faster, or an answer was lost, it looks at what the broker has and goes on from there.
//! INVARIANT: DURABLE-ACK: nothing is answered before the broker acknowledged all of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use selvage_model::event::{Appended, EventId, Position};
use selvage_model::name::InterfaceRef;
use selvage_store::EventBatch;
use tokio::sync::mpsc;

use super::api::{Outgoing, PARTITIONS, Published, State};
use super::known::Known;
use super::message::{incoming, outgoing, partition};
use super::{KNOWN_IDS, Shared, lock};
use crate::error::LogError;
use crate::queue::{Group, Job};

/// A group takes no more once it has so many records: with one append more, an atomic batch holds it (1,000).
const RECORDS: usize = 500;
/// How often a publish is begun anew because others were faster.
const OVERTAKEN: u32 = 50;
/// How often a publish is looked for and repeated where its answer was lost.
const LOST: u32 = 2;
/// How much is read at a time when it looks.
const PAGE: (usize, usize) = (1_000, 8_000_000);

pub(super) struct Writer {
    shared: Arc<Shared>,
    stream: InterfaceRef,
    known: Arc<Mutex<Known>>,
    epoch: u32,
    /// Every message up to here was looked at.
    seen: u64,
    /// The last sequence that this process knows of.
    newest: u64,
    /// The last sequence of each subject; 0 where it has no message.
    last: [u64; PARTITIONS],
}

/// Where a record of a group will be.
enum Place {
    At(u64),
    /// The so-manieth of the new messages; `true` where the group has the id more than once, and this is not the first.
    New(usize, bool),
}

impl Writer {
    pub(super) async fn begin(
        shared: Arc<Shared>,
        stream: InterfaceRef,
        known: Arc<Mutex<Known>>,
        epoch: u32,
    ) -> Result<Self, LogError> {
        let mut writer = Self { shared, stream, known, epoch, seen: 0, newest: 0, last: [0; PARTITIONS] };
        let state = writer.shared.api.info(&writer.stream).await?;
        writer.look_anew(&state).await?;
        Ok(writer)
    }

    /// Works until it is asked to end, or nobody can ask any more.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(first) = queue.recv().await {
            let mut group = Group::gather(first, &mut queue, RECORDS);
            let end = group.end.take();
            let outcome = self.append(&group.batches).await;
            group.answer(outcome);
            if let Some(end) = end {
                drop(queue);
                let _ = end.send(());
                return;
            }
        }
    }

    async fn append(&mut self, batches: &[EventBatch]) -> Result<Vec<Vec<Appended>>, LogError> {
        let (mut overtaken, mut lost) = (0, 0);
        loop {
            let (messages, places) = self.plan(batches);
            let partitions: Vec<usize> = messages.iter().map(|message| message.partition).collect();
            if messages.is_empty() {
                return self.answers(batches, &places, 0);
            }
            match self.shared.api.publish(&self.stream, messages).await {
                Ok(Published::Last(last)) => {
                    let first = (last + 1).saturating_sub(partitions.len() as u64);
                    self.published(batches, &places, &partitions, first);
                    return self.answers(batches, &places, first);
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
    fn plan(&self, batches: &[EventBatch]) -> (Vec<Outgoing>, Vec<Place>) {
        let known = lock(&self.known);
        let mut guarded = [false; PARTITIONS];
        let mut of_group: HashMap<&EventId, usize> = HashMap::new();
        let (mut messages, mut places) = (Vec::new(), Vec::new());
        for record in batches.iter().flat_map(|batch| &batch.records) {
            if let Some(offset) = known.place(&record.id) {
                places.push(Place::At(offset));
            } else if let Some(index) = of_group.get(&record.id) {
                places.push(Place::New(*index, true));
            } else {
                let partition = partition(&record.lane);
                let guard = guarded.get_mut(partition).is_some_and(|guarded| !std::mem::replace(guarded, true));
                let expected = guard.then(|| self.last.get(partition).copied().unwrap_or(0));
                places.push(Place::New(messages.len(), false));
                of_group.insert(&record.id, messages.len());
                messages.push(outgoing(record, expected));
            }
        }
        (messages, places)
    }

    /// Notes what the broker took.
    fn published(&mut self, batches: &[EventBatch], places: &[Place], partitions: &[usize], first: u64) {
        let mut known = lock(&self.known);
        for (record, place) in batches.iter().flat_map(|batch| &batch.records).zip(places) {
            if let Place::New(index, false) = place {
                known.note(&record.id, first + *index as u64);
            }
        }
        drop(known);
        for (offset, partition) in (first..).zip(partitions) {
            self.note_last(*partition, offset);
            self.newest = self.newest.max(offset);
        }
        if first == self.seen + 1 {
            self.seen = self.newest;
        }
        if let Some(head) = Position::new(self.epoch, self.newest) {
            self.shared.heads.raise(&self.stream, head);
            self.shared.keeper.raise(&self.stream, head);
        }
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
                let position = Position::new(self.epoch, offset);
                let position = position.ok_or_else(|| LogError::unavailable("the broker's sequence is no offset"))?;
                Ok(Appended { position, known })
            });
            answers.push(of_batch.collect::<Result<_, LogError>>()?);
        }
        Ok(answers)
    }

    /// Looks at what came since, by whomever, and whether everything that is known of is still there.
    async fn catch_up(&mut self) -> Result<(), LogError> {
        let state = self.shared.api.info(&self.stream).await?;
        let epoch = self.shared.store.event_epochs(&self.stream).await?.current();
        if state.last_seq < self.newest || epoch != self.epoch {
            return self.behind(&state).await;
        }
        // A subject of which retention took everything has no last message.
        self.last.iter_mut().filter(|last| **last < state.first_seq).for_each(|last| *last = 0);
        self.look(&state).await
    }

    async fn look(&mut self, state: &State) -> Result<(), LogError> {
        self.seen = self.seen.max(state.first_seq.saturating_sub(1)).min(state.last_seq);
        while self.seen < state.last_seq {
            let page = self.shared.api.messages(&self.stream, self.seen + 1, PAGE.0, PAGE.1).await?;
            if page.is_empty() {
                return Err(LogError::unavailable("the broker's replica is behind"));
            }
            for message in &page {
                let message = incoming(message)?;
                if let Some((id, ..)) = &message.content {
                    lock(&self.known).note(id, message.sequence);
                }
                self.note_last(message.partition, message.sequence);
                self.seen = message.sequence;
            }
        }
        self.newest = self.newest.max(self.seen);
        Ok(())
    }

    /// Forgets what it knew and looks at the newest part of the stream.
    async fn look_anew(&mut self, state: &State) -> Result<(), LogError> {
        lock(&self.known).clear();
        for partition in 0..PARTITIONS {
            let last = self.shared.api.last_of(&self.stream, partition).await?;
            if let Some(kept) = self.last.get_mut(partition) {
                *kept = last;
            }
        }
        self.seen = state.last_seq.saturating_sub(KNOWN_IDS as u64);
        self.newest = state.last_seq;
        self.look(state).await
    }

    /// INVARIANT: NOTHING-LOST: the broker does not have what it acknowledged; a new epoch begins, and who appends is told the gap.
    async fn behind(&mut self, state: &State) -> Result<(), LogError> {
        let newest = Position::new(self.epoch, self.newest);
        let opened = self.shared.store.open_broker_stream(&self.stream, state.last_seq, newest).await?;
        self.epoch = opened.head.epoch();
        self.look_anew(state).await?;
        match opened.gap {
            Some(gap) => Err(LogError::Gap(gap)),
            None => Ok(()),
        }
    }

    fn note_last(&mut self, partition: usize, offset: u64) {
        if let Some(last) = self.last.get_mut(partition) {
            *last = offset.max(*last);
        }
    }
}
