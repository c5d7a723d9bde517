//! The log at a NATS server with JetStream: one JetStream stream for each interface, with a fixed number of subjects that lanes are
//! spread over. Publishes are guarded by the stream's last sequence, so that nodes do not pass each other, a publish whose answer was
//! lost is found instead of repeated, however long that takes, and a loss is noticed. Marks, epochs and cursors are in the store.

mod api;
mod config;
mod durability;
mod keeper;
mod known;
mod message;
mod reading;
mod retention;
mod writer;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use selvage_model::event::{Appended, EventId, Gap, NewRecord, Position, Record};
use selvage_model::manifest::event::Retention;
use selvage_model::name::InterfaceRef;
use selvage_store::{OpenedStream, ReadLimit, Retired, Store};
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

use crate::error::LogError;
use crate::heads::Heads;
use crate::queue::{self, Queue};
use crate::{Answer, Batch, EventLog};
use api::Api;
pub use config::{BrokerCredentials, BrokerTls, JetStreamConfig};
use keeper::Keeper;
use known::Known;
use writer::StreamWriter;

/// How many ids of a stream's newest events are in memory, so that an event that comes again is not appended again. Those of the others are in
/// the store.
const KNOWN_IDS: usize = 20_000;
/// How often other nodes' appends are looked for, while somebody waits. Own appends wake at once.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The log at a broker.
pub struct JetStreamLog {
    shared: Arc<Shared>,
    queues: Mutex<HashMap<InterfaceRef, Queue>>,
    tasks: Vec<JoinHandle<()>>,
}

/// What all parts of the log use.
struct Shared {
    config: JetStreamConfig,
    /// The broker, once it was there and was asked.
    api: OnceCell<Api>,
    store: Store,
    heads: Arc<Heads>,
    keeper: Keeper,
    known: Mutex<HashMap<InterfaceRef, Arc<Mutex<Known>>>>,
}

impl JetStreamLog {
    /// Connects, and asks every server whether it writes before it answers.
    ///
    /// # Errors
    /// [`LogError::BrokerUnsafe`] where one does not, and nobody waived it; [`LogError::BrokerUnfit`] for a broker that is too old
    /// or takes only small messages; [`LogError::Unavailable`].
    pub async fn connect(config: &JetStreamConfig, store: Store) -> Result<Self, LogError> {
        let log = Self::new(config, store);
        log.shared.connected().await?;
        Ok(log)
    }

    /// The same, but a broker that is not there yet is looked for again each time that a stream is opened.
    ///
    /// # Errors
    /// [`LogError::BrokerUnsafe`] and [`LogError::BrokerUnfit`] of a broker that is there.
    pub async fn start(config: &JetStreamConfig, store: Store) -> Result<Self, LogError> {
        let log = Self::new(config, store);
        match log.shared.connected().await {
            Err(error) if error.is_transient() => {
                tracing::error!(code = %error.code(), "the broker is not there: {error}");
            }
            outcome => outcome.map(|_| ())?,
        }
        Ok(log)
    }

    /// Lets a stream be read that nodes append to, and opens it not: nothing is made at the broker, and no epoch begins. What ids it has
    /// is not known then, and nothing is appended.
    ///
    /// # Errors
    /// [`LogError::BrokerUnfit`] where the broker has no such stream, and those of the broker and the store.
    pub async fn look_at(&self, stream: &InterfaceRef) -> Result<(), LogError> {
        self.shared.connected().await?;
        self.shared.heads.open(stream, last(&self.shared, stream).await?);
        Ok(())
    }

    fn new(config: &JetStreamConfig, store: Store) -> Self {
        let heads = Arc::new(Heads::default());
        let (keeper, keeping) = Keeper::start(store.clone());
        let (config, api) = (config.clone(), OnceCell::new());
        let shared = Arc::new(Shared { config, api, store, heads, keeper, known: Mutex::default() });
        let looking = tokio::spawn(look(Arc::clone(&shared)));
        Self { shared, queues: Mutex::default(), tasks: vec![keeping, looking] }
    }

    async fn open_stream(&self, stream: &InterfaceRef) -> Result<OpenedStream, LogError> {
        // The mark first: others append and mark while the broker is asked.
        let mark = self.shared.store.broker_mark(stream).await?;
        let api = self.shared.connected().await?;
        api.confirm().await?;
        let state = api.open(stream).await?;
        let opened = self.shared.store.open_broker_stream(stream, state.found(), mark).await?;
        let head = opened.head.max(opened.last);
        if !self.queue(stream).is_ok_and(|queue| queue.is_open()) {
            let known = Arc::new(Mutex::new(Known::new(KNOWN_IDS)));
            lock(&self.shared.known).insert(stream.clone(), Arc::clone(&known));
            let writer = StreamWriter::begin(Arc::clone(&self.shared), stream.clone(), known).await?;
            let (queue, jobs) = Queue::new();
            tokio::spawn(queue::work(writer, jobs));
            lock(&self.queues).insert(stream.clone(), queue);
        }
        self.shared.heads.open(stream, opened.last);
        Ok(OpenedStream { head, ..opened })
    }

    fn queue(&self, stream: &InterfaceRef) -> Result<Queue, LogError> {
        let queue = lock(&self.queues).get(stream).cloned();
        queue.ok_or_else(|| LogError::Unopened { stream: stream.clone() })
    }
}

impl Shared {
    /// The broker, which is looked for where it was not there yet.
    async fn connected(&self) -> Result<&Api, LogError> {
        self.api.get_or_try_init(|| Api::connect(&self.config)).await
    }

    /// The broker that a stream was opened at.
    fn api(&self) -> Result<&Api, LogError> {
        self.api.get().ok_or_else(|| LogError::unavailable("the broker is not there yet"))
    }
}

impl EventLog for JetStreamLog {
    fn open<'a>(&'a self, stream: &'a InterfaceRef) -> Answer<'a, OpenedStream> {
        Box::pin(self.open_stream(stream))
    }

    fn told<'a>(&'a self, gap: &'a Gap) -> Answer<'a, ()> {
        Box::pin(async { Ok(self.shared.store.tell_event_gap(gap).await?) })
    }

    fn append<'a>(&'a self, stream: &'a InterfaceRef, records: Vec<NewRecord>) -> Answer<'a, Vec<Appended>> {
        Box::pin(async move { self.queue(stream)?.append(stream, records).await })
    }

    fn read<'a>(&'a self, stream: &'a InterfaceRef, after: Position, limit: ReadLimit) -> Answer<'a, Batch> {
        Box::pin(reading::read(&self.shared, stream, after, limit))
    }

    fn wait<'a>(&'a self, stream: &'a InterfaceRef, after: Position) -> Answer<'a, Position> {
        Box::pin(self.shared.heads.wait(stream, after))
    }

    fn find<'a>(&'a self, stream: &'a InterfaceRef, id: &'a EventId) -> Answer<'a, Option<Record>> {
        Box::pin(reading::find(&self.shared, stream, id))
    }

    fn retire<'a>(&'a self, stream: &'a InterfaceRef, retention: Retention, insist: bool) -> Answer<'a, Retired> {
        Box::pin(retention::retire(&self.shared, stream, retention, insist))
    }

    // The broker keeps more beside a body.
    fn counts(&self, body: usize, average: u64) -> u64 {
        (body as u64).max(average)
    }

    fn end(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            let queues: Vec<Queue> = lock(&self.queues).drain().map(|(_, queue)| queue).collect();
            for queue in queues {
                queue.end().await;
            }
            self.shared.keeper.flush().await;
            self.tasks.iter().for_each(JoinHandle::abort);
            self.shared.heads.end();
        })
    }
}

impl Drop for JetStreamLog {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Looks for what other nodes appended, as long as somebody waits.
async fn look(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        for stream in shared.heads.awaited_streams() {
            match last(&shared, &stream).await {
                Ok(last) => shared.heads.raise(&stream, last),
                Err(error) => tracing::warn!("cannot look for events that others appended: {error}"),
            }
        }
    }
}

/// The position of the last event at the broker.
async fn last(shared: &Shared, stream: &InterfaceRef) -> Result<Position, LogError> {
    let state = shared.api()?.info(stream).await?;
    Ok(shared.store.event_epochs(stream).await?.position(state.last_seq)?)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
