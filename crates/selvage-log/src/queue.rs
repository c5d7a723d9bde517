//! Appends that wait for a writer, bounded in number and size, and what of them is committed together: everything that waits, up to
//! a size. A group never waits to become larger, so that a lone append is delayed by nothing.

use std::sync::Arc;
use std::time::Duration;

use selvage_model::event::{Appended, NewRecord, Position, fits};
use selvage_model::name::InterfaceRef;
use selvage_store::EventBatch;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::error::LogError;

/// How many appends may wait; the next one waits for room, and not for long. INVARIANT: SHIELDED-PATH
const WAITING: usize = 4_096;
/// How many KiB of records may wait.
const WAITING_KIB: u32 = 64 * 1_024;
/// How long an append waits for room.
const ROOM_WITHIN: Duration = Duration::from_secs(2);
/// A group takes no more once it has so many bytes.
const BYTES: usize = 16 * 1_024 * 1_024;

/// What a writer is asked.
pub(crate) enum Job {
    /// To append a batch.
    Append { batch: EventBatch, bytes: usize, waiting: Waiting },
    /// To end, after everything that was asked before.
    End { answer: oneshot::Sender<()> },
}

/// Somebody who waits for an answer.
pub(crate) struct Waiting {
    pub(crate) answer: oneshot::Sender<Result<Vec<Appended>, LogError>>,
    /// Its room in the queue, given back once it is answered.
    _room: OwnedSemaphorePermit,
}

/// The way to a writer. Clones share it.
#[derive(Clone)]
pub(crate) struct Queue {
    jobs: mpsc::Sender<Job>,
    room: Arc<Semaphore>,
}

impl Queue {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Job>) {
        let (jobs, taken) = mpsc::channel(WAITING);
        (Self { jobs, room: Arc::new(Semaphore::new(WAITING_KIB as usize)) }, taken)
    }

    /// Whether its writer works.
    pub(crate) fn is_open(&self) -> bool {
        !self.jobs.is_closed()
    }

    /// Hands records to the writer and waits for what came of them. Once handed over they are appended even if the caller
    /// waits no longer.
    pub(crate) async fn append(
        &self,
        stream: &InterfaceRef,
        records: Vec<NewRecord>,
    ) -> Result<Vec<Appended>, LogError> {
        fits(&records)?;
        let bytes: usize = records.iter().map(|record| record.body.len()).sum();
        let kib = u32::try_from(bytes / 1_024 + 1).unwrap_or(WAITING_KIB).min(WAITING_KIB);
        let (answer, answered) = oneshot::channel();
        let handing = async {
            let room = Arc::clone(&self.room).acquire_many_owned(kib).await.map_err(|_| ended())?;
            let place = self.jobs.reserve().await.map_err(|_| ended())?;
            let batch = EventBatch { stream: stream.clone(), records, acknowledged: Position::START };
            place.send(Job::Append { batch, bytes, waiting: Waiting { answer, _room: room } });
            Ok::<(), LogError>(())
        };
        let full = |_| LogError::unavailable("too many appends wait already");
        tokio::time::timeout(ROOM_WITHIN, handing).await.map_err(full)??;
        answered.await.map_err(|_| ended())?
    }

    /// Returns when the writer has done everything that was asked before, and has ended.
    pub(crate) async fn end(&self) {
        let (answer, answered) = oneshot::channel();
        if self.jobs.send(Job::End { answer }).await.is_ok() {
            let _ = answered.await;
        }
    }
}

/// Who waits for the same commit.
#[derive(Default)]
pub(crate) struct Group {
    pub(crate) batches: Vec<EventBatch>,
    pub(crate) waiting: Vec<Waiting>,
    /// Somebody asked the writer to end after this group.
    pub(crate) end: Option<oneshot::Sender<()>>,
    records: usize,
    bytes: usize,
}

impl Group {
    /// The first job, and what waits behind it; no more once there are `most` records.
    pub(crate) fn gather(first: Job, queue: &mut mpsc::Receiver<Job>, most: usize) -> Self {
        let mut group = Self::default();
        group.add(first);
        while group.end.is_none() && group.records < most && group.bytes < BYTES {
            match queue.try_recv() {
                Ok(job) => group.add(job),
                Err(_) => break,
            }
        }
        group
    }

    fn add(&mut self, job: Job) {
        match job {
            Job::End { answer } => self.end = Some(answer),
            Job::Append { batch, bytes, waiting } => {
                self.records += batch.records.len();
                self.bytes += bytes;
                self.batches.push(batch);
                self.waiting.push(waiting);
            }
        }
    }

    /// Tells everybody why nothing came of it, by stream.
    pub(crate) fn refuse(self, why: impl Fn(&InterfaceRef) -> LogError) {
        for (batch, waiting) in self.batches.iter().zip(self.waiting) {
            let _ = waiting.answer.send(Err(why(&batch.stream)));
        }
    }

    /// Tells everybody what came of it.
    pub(crate) fn answer(self, outcome: Result<Vec<Vec<Appended>>, LogError>) {
        match outcome {
            Ok(appended) => {
                for (waiting, appended) in self.waiting.into_iter().zip(appended) {
                    let _ = waiting.answer.send(Ok(appended));
                }
            }
            Err(error) => {
                tracing::warn!("{}: {} appends failed: {error}", error.code(), self.waiting.len());
                for waiting in self.waiting {
                    let _ = waiting.answer.send(Err(error.again()));
                }
            }
        }
    }
}

pub(crate) fn ended() -> LogError {
    LogError::unavailable("the log has ended")
}
