//! The log in the store's own tables, on SQLite or PostgreSQL: one writer that commits what waits together, readers that read
//! committed records, and a look at what other processes appended while somebody waits.

mod writer;

use std::collections::HashMap;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use selvage_model::event::{Appended, EventId, Gap, NewRecord, Position, Record};
use selvage_model::manifest::event::Retention;
use selvage_model::name::InterfaceRef;
use selvage_store::{OpenedStream, ReadLimit, Retired, Store};
use tokio::task::JoinHandle;

use crate::error::{LogError, fault_error};
use crate::heads::Heads;
use crate::mark::MarkFile;
use crate::queue::{self, Queue};
use crate::{Answer, Batch, EventLog};
use writer::SqlWriter;

/// How often other processes' appends are looked for, while somebody waits. Own appends wake at once.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The log in a store.
pub struct SqlLog {
    store: Store,
    heads: Arc<Heads>,
    marks: Option<Arc<MarkFile>>,
    queue: Queue,
    look: JoinHandle<()>,
}

impl SqlLog {
    /// The log of this store. `marks` is a file, apart from the store and not part of its backups, that remembers what was
    /// acknowledged; without it, only a tail that the store itself knows of can be missed.
    ///
    /// # Errors
    /// [`LogError::Mark`] where the file cannot be used.
    pub fn new(store: Store, marks: Option<&Path>) -> Result<Self, LogError> {
        let marks = marks.map(MarkFile::open).transpose()?.map(Arc::new);
        let heads = Arc::new(Heads::default());
        let (queue, jobs) = Queue::new();
        let writer = SqlWriter::new(store.clone(), Arc::clone(&heads), marks.clone());
        tokio::spawn(queue::work(writer, jobs));
        let look = tokio::spawn(look(store.clone(), Arc::clone(&heads)));
        Ok(Self { store, heads, marks, queue, look })
    }

    async fn open_stream(&self, stream: &InterfaceRef) -> Result<OpenedStream, LogError> {
        let mark = self.marks.as_ref().map(|marks| marks.read(stream)).transpose()?.flatten();
        let opened = self.store.open_event_stream(stream, mark).await?;
        if let (Some(marks), Some(_)) = (&self.marks, &opened.gap) {
            marks.raise(&[(stream.clone(), opened.head)])?;
            marks.sync()?;
        }
        self.heads.open(stream, opened.last);
        Ok(opened)
    }

    async fn read_batch(&self, stream: &InterfaceRef, after: Position, limit: ReadLimit) -> Result<Batch, LogError> {
        let batch = self.store.read_events(stream, after, limit).await?;
        match batch.fault {
            Some(fault) if batch.records.is_empty() => Err(fault_error(&fault, stream, after)),
            _ => Ok(Batch { records: batch.records, head: batch.head }),
        }
    }
}

impl EventLog for SqlLog {
    fn open<'a>(&'a self, stream: &'a InterfaceRef) -> Answer<'a, OpenedStream> {
        Box::pin(self.open_stream(stream))
    }

    fn told<'a>(&'a self, gap: &'a Gap) -> Answer<'a, ()> {
        Box::pin(async { Ok(self.store.tell_event_gap(gap).await?) })
    }

    fn append<'a>(&'a self, stream: &'a InterfaceRef, records: Vec<NewRecord>) -> Answer<'a, Vec<Appended>> {
        Box::pin(async move {
            self.heads.opened(stream)?;
            self.queue.append(stream, records).await
        })
    }

    fn read<'a>(&'a self, stream: &'a InterfaceRef, after: Position, limit: ReadLimit) -> Answer<'a, Batch> {
        Box::pin(self.read_batch(stream, after, limit))
    }

    fn wait<'a>(&'a self, stream: &'a InterfaceRef, after: Position) -> Answer<'a, Position> {
        Box::pin(self.heads.wait(stream, after))
    }

    fn find<'a>(&'a self, stream: &'a InterfaceRef, id: &'a EventId) -> Answer<'a, Option<Record>> {
        Box::pin(async { Ok(self.store.find_event(stream, id).await?) })
    }

    fn retire<'a>(&'a self, stream: &'a InterfaceRef, retention: Retention, insist: bool) -> Answer<'a, Retired> {
        Box::pin(async move { Ok(self.store.retire_events(stream, retention, insist).await?) })
    }

    fn counts(&self, body: usize, _average: u64) -> u64 {
        body as u64
    }

    fn end(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            self.queue.end().await;
            self.look.abort();
            self.heads.end();
        })
    }
}

impl Drop for SqlLog {
    fn drop(&mut self) {
        self.look.abort();
    }
}

/// Looks for what other processes appended, as long as somebody waits.
async fn look(store: Store, heads: Arc<Heads>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let awaited = heads.awaited_streams();
        if awaited.is_empty() {
            continue;
        }
        // What is known first: others append while the database is asked.
        let known: HashMap<InterfaceRef, Position> =
            awaited.into_iter().map(|stream| (stream.clone(), heads.last(&stream))).collect();
        match store.last_events().await {
            Ok(all) => {
                for (stream, last) in all {
                    if known.get(&stream).is_some_and(|known| last < *known) {
                        writer::behind(&store, &heads, &stream).await;
                    } else {
                        heads.raise(&stream, last);
                    }
                }
            }
            Err(error) => tracing::warn!("cannot look for events that others appended: {error}"),
        }
    }
}
