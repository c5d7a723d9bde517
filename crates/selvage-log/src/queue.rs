//! Appends that wait for a writer, bounded in number and size, and what of them is committed together: half of all that are under way, up
//! to a size, so that those who are answered make their next appends while the other half is committed. A group never waits to become
//! larger, so that a lone append is delayed by nothing. Nobody waits without an end: not for room, not for an answer, not for a writer
//! that broke off.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use selvage_model::code;
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
/// How long an append that a writer has waits for its answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// How long it is waited for a writer's end.
const END_WITHIN: Duration = Duration::from_secs(30);
/// So few KiB are never divided.
const FEW_KIB: usize = 16;
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

/// What was asked of a writer and waits for it.
pub(crate) struct Jobs {
    queue: mpsc::Receiver<Job>,
    room: Arc<Semaphore>,
}

impl Jobs {
    /// How many KiB were asked to be appended and are not answered.
    fn kib(&self) -> usize {
        (WAITING_KIB as usize).saturating_sub(self.room.available_permits())
    }
}

/// The way to a writer. Clones share it.
#[derive(Clone)]
pub(crate) struct Queue {
    jobs: mpsc::Sender<Job>,
    room: Arc<Semaphore>,
    answer_within: Duration,
}

impl Queue {
    pub(crate) fn new() -> (Self, Jobs) {
        let (jobs, queue) = mpsc::channel(WAITING);
        let room = Arc::new(Semaphore::new(WAITING_KIB as usize));
        (Self { jobs, room: Arc::clone(&room), answer_within: ANSWER_WITHIN }, Jobs { queue, room })
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
        let bytes: usize = records.iter().map(weight).sum();
        let kib = u32::try_from(kib(bytes)).unwrap_or(WAITING_KIB).min(WAITING_KIB);
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
        let late = |_| LogError::unavailable("no answer in time; what was to be appended may have been");
        let broke_off = |_| LogError::unavailable("the writer broke off; what was to be appended may have been");
        tokio::time::timeout(self.answer_within, answered).await.map_err(late)?.map_err(broke_off)?
    }

    /// Returns when the writer has done everything that was asked before, and has ended; not much later where it does not.
    pub(crate) async fn end(&self) {
        let (answer, answered) = oneshot::channel();
        let ending = async {
            if self.jobs.send(Job::End { answer }).await.is_ok() {
                let _ = answered.await;
            }
        };
        if tokio::time::timeout(END_WITHIN, ending).await.is_err() {
            tracing::error!("a writer of the log did not end in time");
        }
    }
}

/// What a record takes while it waits.
fn weight(record: &NewRecord) -> usize {
    record.body.len() + record.id.as_str().len() + record.lane.as_str().len()
}

/// The room that an append takes in the queue.
fn kib(bytes: usize) -> usize {
    bytes / 1_024 + 1
}

/// Does what is asked of a queue.
pub(crate) trait Writer: Send {
    /// A group takes no more once it has so many records.
    const RECORDS: usize;

    /// Appends a group, and answers everybody in it.
    fn write(&mut self, group: Group) -> impl Future<Output = ()> + Send;

    /// It broke off in the middle of a group: nothing that it knows is to be trusted.
    fn doubt(&mut self);

    /// Everything that was asked is done.
    fn end(&mut self) -> impl Future<Output = ()> + Send;
}

/// Lets a writer work until it is asked to end, or nobody can ask any more. A group at which it breaks off is told so, and the next
/// one is taken: one append that cannot be worked on never ends a log.
pub(crate) async fn work(mut writer: impl Writer, mut jobs: Jobs) {
    if let Some(end) = work_on(&mut writer, &mut jobs).await {
        drop(jobs);
        let _ = end.send(());
    }
}

async fn work_on<W: Writer>(writer: &mut W, jobs: &mut Jobs) -> Option<oneshot::Sender<()>> {
    let mut end = None;
    // Whoever was answered last is about to come again.
    let mut answered = 0;
    while let Some(first) = jobs.queue.recv().await {
        let half = (answered + jobs.kib()).div_ceil(2).max(FEW_KIB);
        let mut group = Group::gather(first, &mut jobs.queue, Most { kib: half, records: W::RECORDS });
        answered = group.kib;
        end = group.end.take();
        if AssertUnwindSafe(writer.write(group)).catch_unwind().await.is_err() {
            tracing::error!(code = %code::LOG_WRITER_BROKE_OFF, "a writer of the log broke off at a group of appends, and goes on");
            writer.doubt();
        }
        if end.is_some() {
            break;
        }
    }
    if AssertUnwindSafe(writer.end()).catch_unwind().await.is_err() {
        tracing::error!(code = %code::LOG_WRITER_BROKE_OFF, "a writer of the log broke off at its end");
    }
    end
}

/// A group takes no more once it has so many.
#[derive(Clone, Copy)]
struct Most {
    kib: usize,
    records: usize,
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
    kib: usize,
}

impl Group {
    /// The first job, and what waits behind it, up to so much.
    fn gather(first: Job, queue: &mut mpsc::Receiver<Job>, most: Most) -> Self {
        let mut group = Self::default();
        group.add(first);
        let has_room = |group: &Self| group.kib < most.kib && group.records < most.records;
        while group.end.is_none() && has_room(&group) && group.bytes < BYTES {
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
                self.kib += kib(bytes);
                self.batches.push(batch);
                self.waiting.push(waiting);
            }
        }
    }

    /// What of it is for each stream, in the order in which it came.
    pub(crate) fn by_stream(self) -> Vec<Self> {
        let mut groups: BTreeMap<InterfaceRef, Self> = BTreeMap::new();
        for (batch, waiting) in self.batches.into_iter().zip(self.waiting) {
            let group = groups.entry(batch.stream.clone()).or_default();
            group.batches.push(batch);
            group.waiting.push(waiting);
        }
        groups.into_values().collect()
    }

    /// Whether it is for more than one stream.
    pub(crate) fn is_mixed(&self) -> bool {
        self.batches.windows(2).any(|pair| matches!(pair, [one, other] if one.stream != other.stream))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers every append, but breaks off at one that is called `bad`, and never answers one that is called `slow`.
    #[derive(Default)]
    struct Fragile {
        kept: Vec<Waiting>,
        doubts: Arc<std::sync::atomic::AtomicUsize>,
    }

    impl Writer for Fragile {
        const RECORDS: usize = 1;

        async fn write(&mut self, group: Group) {
            let named = |name: &str| {
                group.batches.iter().flat_map(|batch| &batch.records).any(|record| record.id.as_str() == name)
            };
            assert!(!named("bad"), "an append that cannot be worked on");
            if named("slow") {
                self.kept.extend(group.waiting);
                return;
            }
            let appended = Appended { position: Position::new(1, 1).unwrap(), known: false };
            let answers = group.batches.iter().map(|batch| vec![appended; batch.records.len()]).collect();
            group.answer(Ok(answers));
        }

        fn doubt(&mut self) {
            self.doubts.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }

        async fn end(&mut self) {}
    }

    async fn append(queue: &Queue, id: &str) -> Result<Vec<Appended>, LogError> {
        let record = NewRecord { id: id.parse().unwrap(), lane: "one".parse().unwrap(), body: Vec::new() };
        queue.append(&"orders@1".parse().unwrap(), vec![record]).await
    }

    #[tokio::test]
    async fn a_writer_that_breaks_off_tells_its_callers_and_goes_on() {
        let (queue, jobs) = Queue::new();
        let doubts = Arc::default();
        let working = tokio::spawn(work(Fragile { kept: Vec::new(), doubts: Arc::clone(&doubts) }, jobs));
        for _ in 0..3 {
            let told = append(&queue, "bad").await.unwrap_err();
            assert_eq!(told.code(), code::LOG_UNAVAILABLE);
            assert!(told.to_string().contains("may have been"), "{told}");
            assert!(append(&queue, "good").await.is_ok());
        }
        assert_eq!(doubts.load(std::sync::atomic::Ordering::SeqCst), 3);
        queue.end().await;
        working.await.unwrap();
        assert!(!queue.is_open());
    }

    #[tokio::test]
    async fn nobody_waits_without_an_end_for_an_answer() {
        let (queue, jobs) = Queue::new();
        let queue = Queue { answer_within: Duration::from_millis(50), ..queue };
        tokio::spawn(work(Fragile::default(), jobs));
        let told = append(&queue, "slow").await.unwrap_err();
        assert!(told.to_string().contains("no answer in time"), "{told}");
        assert!(append(&queue, "good").await.is_ok());
    }

    /// Answers when everybody else has had a turn, and says how many each group had.
    struct Counting(mpsc::UnboundedSender<usize>);

    impl Writer for Counting {
        const RECORDS: usize = 1_024;

        async fn write(&mut self, group: Group) {
            let _ = self.0.send(group.waiting.len());
            for _ in 0..16 {
                tokio::task::yield_now().await;
            }
            let appended = Appended { position: Position::new(1, 1).unwrap(), known: false };
            let answers = group.batches.iter().map(|batch| vec![appended; batch.records.len()]).collect();
            group.answer(Ok(answers));
        }

        fn doubt(&mut self) {}

        async fn end(&mut self) {}
    }

    #[tokio::test]
    async fn half_of_what_is_under_way_is_committed_while_the_other_half_comes() {
        for (under_way, expected) in [(1, 1..=1), (12, 11..=12), (128, 60..=68), (1_000, 480..=520)] {
            let (queue, jobs) = Queue::new();
            let (counts, mut counted) = mpsc::unbounded_channel();
            tokio::spawn(work(Counting(counts), jobs));
            let append_for_ever = |queue: Queue| async move { while append(&queue, "one").await.is_ok() {} };
            let producers: Vec<_> = (0..under_way).map(|_| tokio::spawn(append_for_ever(queue.clone()))).collect();
            for _ in 0..20 {
                counted.recv().await;
            }
            for _ in 0..4 {
                let size = counted.recv().await.unwrap();
                assert!(expected.contains(&size) || size == under_way % size.max(1), "{size} of {under_way}");
            }
            producers.iter().for_each(tokio::task::JoinHandle::abort);
        }
    }

    #[test]
    fn ids_and_lanes_weigh_too() {
        let record = NewRecord { id: "four".parse().unwrap(), lane: "lane-7".parse().unwrap(), body: vec![0; 90] };
        assert_eq!(weight(&record), 100);
    }
}
