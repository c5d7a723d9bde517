//! What is committed together: everything that waits, up to a size. Pure but for taking from the queue; never waits itself, so
//! that a lone append is delayed by nothing.

use selvage_model::event::Appended;
use selvage_store::EventBatch;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::error::LogError;

/// A group takes no more once it has so many records.
const RECORDS: usize = 1_024;
/// A group takes no more once it has so many bytes.
const BYTES: usize = 16 * 1_024 * 1_024;

/// What the writer is asked.
pub(super) enum Job {
    /// To append a batch.
    Append {
        batch: EventBatch,
        bytes: usize,
        answer: oneshot::Sender<Result<Vec<Appended>, LogError>>,
        /// Its room in the queue, given back once it is answered.
        _room: OwnedSemaphorePermit,
    },
    /// To end, after everything that was asked before.
    End { answer: oneshot::Sender<()> },
}

/// Who waits for the same commit.
#[derive(Default)]
pub(super) struct Group {
    pub(super) batches: Vec<EventBatch>,
    pub(super) waiting: Vec<Waiting>,
    /// Somebody asked the writer to end after this group.
    pub(super) end: Option<oneshot::Sender<()>>,
    records: usize,
    bytes: usize,
}

/// Somebody who waits for an answer.
pub(super) struct Waiting {
    pub(super) answer: oneshot::Sender<Result<Vec<Appended>, LogError>>,
    _room: OwnedSemaphorePermit,
}

impl Group {
    /// The first job, and what waits behind it.
    pub(super) fn gather(first: Job, queue: &mut mpsc::Receiver<Job>) -> Self {
        let mut group = Self::default();
        group.add(first);
        while group.has_room() {
            match queue.try_recv() {
                Ok(job) => group.add(job),
                Err(_) => break,
            }
        }
        group
    }

    fn has_room(&self) -> bool {
        self.end.is_none() && self.records < RECORDS && self.bytes < BYTES
    }

    fn add(&mut self, job: Job) {
        match job {
            Job::End { answer } => self.end = Some(answer),
            Job::Append { batch, bytes, answer, _room } => {
                self.records += batch.records.len();
                self.bytes += bytes;
                self.batches.push(batch);
                self.waiting.push(Waiting { answer, _room });
            }
        }
    }
}
