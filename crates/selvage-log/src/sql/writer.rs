//! The one writer of a SQL log in this process: takes what waits, commits it, notes the mark, wakes readers, answers.
//! INVARIANT: DURABLE-ACK: nothing is answered before its commit has returned.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use selvage_model::code;
use selvage_model::event::{Appended, Position};
use selvage_model::name::InterfaceRef;
use selvage_store::{EventBatch, Store, StoreError};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::error::LogError;
use crate::heads::Heads;
use crate::mark::MarkFile;
use crate::queue::{Group, Writer};

/// How often marks are brought to the disk, at most.
const SYNC_EVERY: Duration = Duration::from_millis(100);

pub(super) struct SqlWriter {
    store: Store,
    heads: Arc<Heads>,
    marks: Option<Arc<MarkFile>>,
    raised: Arc<Notify>,
    syncing: Option<JoinHandle<()>>,
}

impl SqlWriter {
    pub(super) fn new(store: Store, heads: Arc<Heads>, marks: Option<Arc<MarkFile>>) -> Self {
        let raised = Arc::new(Notify::new());
        let syncing = marks.clone().map(|marks| tokio::spawn(sync(marks, Arc::clone(&raised))));
        Self { store, heads, marks, raised, syncing }
    }

    /// Commits a group and answers everybody in it; gives it back where one of several streams cannot be appended to.
    async fn commit(&self, mut group: Group) -> Option<Group> {
        for batch in &mut group.batches {
            batch.acknowledged = self.heads.last(&batch.stream);
        }
        let committed = match group.batches.is_empty() {
            true => Ok(Vec::new()),
            false => self.store.append_events(&group.batches).await,
        };
        match committed {
            Ok(appended) => {
                note_tops(&self.heads, self.marks.as_ref(), &self.raised, tops(&group.batches, &appended)).await;
                group.answer(Ok(appended));
            }
            Err(error) if group.is_mixed() && !error.is_transient() => return Some(group),
            Err(StoreError::EventsBehind { stream, .. }) => {
                let told = behind(&self.store, &self.heads, &stream).await;
                group.answer(Err(told));
            }
            Err(error) => group.answer(Err(error.into())),
        }
        None
    }
}

impl Writer for SqlWriter {
    const RECORDS: usize = 1_024;

    /// Where one stream of a group cannot be appended to, each is committed by itself: only its own callers are told.
    async fn write(&mut self, group: Group) {
        let Some(mixed) = self.commit(group).await else { return };
        for group in mixed.by_stream() {
            self.commit(group).await;
        }
    }

    /// It knows nothing between two groups.
    fn doubt(&mut self) {}

    async fn end(&mut self) {
        if let Some(syncing) = self.syncing.take() {
            syncing.abort();
        }
        if let Some(marks) = self.marks.clone() {
            note(move || marks.sync()).await;
        }
    }
}

/// Begins a new epoch of a stream whose database went back under its nodes, and says what is to be told.
pub(super) async fn behind(store: &Store, heads: &Heads, stream: &InterfaceRef) -> LogError {
    match store.open_event_stream(stream, Some(heads.last(stream))).await {
        Ok(opened) => {
            heads.reset(stream, opened.last);
            match opened.gap {
                Some(gap) => {
                    tracing::error!(code = %code::LOG_GAP, "{gap}");
                    LogError::Gap(gap)
                }
                None => LogError::unavailable("another node began a new epoch of the stream"),
            }
        }
        Err(error) => error.into(),
    }
}

/// Notes marks, and wakes who waits.
async fn note_tops(heads: &Heads, marks: Option<&Arc<MarkFile>>, raised: &Notify, tops: Vec<(InterfaceRef, Position)>) {
    for (stream, head) in &tops {
        heads.raise(stream, *head);
    }
    let Some(marks) = marks.cloned() else { return };
    // Some bytes for the kernel's memory, which wait for nothing unless another process has the file.
    match marks.raise_at_once(&tops) {
        Ok(true) => {}
        Ok(false) => note(move || marks.raise(&tops)).await,
        Err(error) => not_noted(&error),
    }
    raised.notify_one();
}

/// The last new position of each stream in a group.
fn tops(batches: &[EventBatch], appended: &[Vec<Appended>]) -> Vec<(InterfaceRef, Position)> {
    let mut tops = BTreeMap::new();
    for (batch, appended) in batches.iter().zip(appended) {
        let new = appended.iter().filter(|appended| !appended.known).map(|appended| appended.position).max();
        if let Some(new) = new {
            let top = tops.entry(&batch.stream).or_insert(new);
            *top = new.max(*top);
        }
    }
    tops.into_iter().map(|(stream, top)| (stream.clone(), top)).collect()
}

/// Brings marks to the disk, beside the appends and not as often, so that they do not wait for the same disk: a mark that is
/// behind only misses less.
async fn sync(marks: Arc<MarkFile>, raised: Arc<Notify>) {
    loop {
        raised.notified().await;
        let marks = Arc::clone(&marks);
        note(move || marks.sync()).await;
        tokio::time::sleep(SYNC_EVERY).await;
    }
}

/// Does something with the marks off the runtime's threads. That it fails is told, and no append fails for it.
async fn note(work: impl FnOnce() -> Result<(), LogError> + Send + 'static) {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => not_noted(&error),
        Err(_) => tracing::error!("the log's mark was not written"),
    }
}

fn not_noted(error: &LogError) {
    tracing::error!("{}: {error}", error.code());
}
