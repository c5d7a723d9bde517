//! The node that is tried: a log, and a socket at which events are appended and read. It can be told to break a promise, so that the
//! checker has something to find.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use selvage_log::{EventLog, JetStreamConfig, JetStreamLog, LogError, OpenedStream, ReadLimit, SqlLog};
use selvage_model::event::{NewRecord, Position};
use selvage_model::name::InterfaceRef;
use selvage_store::{CursorMove, NewCursor, Store, StoreError, TakenCursor};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::wire::{Ask, Event, Reply};

/// How much is read at a time.
pub(super) const BATCH: usize = 50;
/// How much is read at a time where a lane is to be turned: more than there are producers.
const TURNED: usize = 200;
/// A broken promise shows once in so many events.
const ONCE_IN: u64 = 20;

/// How the node is set up.
#[derive(Args)]
pub(crate) struct NodeOptions {
    /// The store: `sqlite:<path>` or `postgres://…`.
    #[arg(long)]
    store: String,
    /// The file of the marks.
    #[arg(long)]
    marks: Option<PathBuf>,
    /// The broker that keeps the events.
    #[arg(long)]
    nats: Option<String>,
    /// Its monitoring address.
    #[arg(long, default_value = "")]
    monitoring: String,
    /// Where it is asked.
    #[arg(long)]
    socket: PathBuf,
    /// The promise that it breaks.
    #[arg(long)]
    plant: Option<Plant>,
}

/// A promise that a node can be told to break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Plant {
    /// Says that it kept what it did not.
    Loss,
    /// Keeps an event twice.
    Double,
    /// Gives events out of order.
    Reorder,
    /// Lets a reader begin anew at its first position whenever it begins.
    Repeat,
}

struct Node {
    /// The same again after a restart.
    name: String,
    store: Store,
    log: Arc<dyn EventLog>,
    stream: InterfaceRef,
    opened: OpenedStream,
    plant: Option<Plant>,
    appended: AtomicU64,
}

/// Serves until it is killed. Why it does not begin is said with its code.
pub(crate) async fn serve(options: &NodeOptions) -> Result<()> {
    begun(options).await.map_err(|error| {
        let code = code(&error);
        error.context(code)
    })
}

async fn begun(options: &NodeOptions) -> Result<()> {
    let store = Store::open(&options.store).await?;
    let log: Arc<dyn EventLog> = match &options.nats {
        Some(url) => {
            let config = JetStreamConfig {
                monitoring: vec![options.monitoring.clone()],
                duplicate_window: Duration::from_secs(1),
                ..JetStreamConfig::new(url)
            };
            Arc::new(JetStreamLog::connect(&config, store.clone()).await?)
        }
        None => Arc::new(SqlLog::new(store.clone(), options.marks.as_deref())?),
    };
    let stream: InterfaceRef = "machine-states@1".parse()?;
    let opened = log.open(&stream).await?;
    let name = options.socket.display().to_string();
    let node = Node { name, store, log, stream, opened, plant: options.plant, appended: AtomicU64::new(0) };
    let (node, listener) = (Arc::new(node), listen(&options.socket)?);
    loop {
        let (client, _) = listener.accept().await?;
        tokio::spawn(answer(Arc::clone(&node), client));
    }
}

fn listen(socket: &Path) -> Result<UnixListener> {
    // Of the process before.
    let _ = std::fs::remove_file(socket);
    UnixListener::bind(socket).context("cannot listen")
}

async fn answer(node: Arc<Node>, client: UnixStream) -> Result<()> {
    let (asks, mut answers) = client.into_split();
    let mut lines = BufReader::new(asks).lines();
    while let Some(line) = lines.next_line().await? {
        let reply = node.reply(serde_json::from_str(&line)?).await;
        let reply = reply.unwrap_or_else(|error| Reply::Refused { code: code(&error), reason: format!("{error:#}") });
        let mut line = serde_json::to_vec(&reply)?;
        line.push(b'\n');
        answers.write_all(&line).await?;
    }
    Ok(())
}

fn code(error: &anyhow::Error) -> String {
    let log = error.downcast_ref::<LogError>().map(LogError::code);
    let code = log.or_else(|| error.downcast_ref::<StoreError>().map(StoreError::code));
    code.map(|code| code.as_str().to_owned()).unwrap_or_default()
}

impl Node {
    async fn reply(&self, ask: Ask) -> Result<Reply> {
        match ask {
            Ask::Opened => {
                let gap = self.opened.gap.as_ref().map(ToString::to_string);
                if let Some(gap) = &self.opened.gap {
                    self.log.told(gap).await?;
                }
                Ok(Reply::Opened { gap, head: self.opened.head.to_string() })
            }
            Ask::Append { producer, number } => self.append(producer, number).await,
            Ask::Take { reader, lease } => self.take(&reader, lease).await,
            Ask::Read { after } => self.read(after.parse()?).await,
            // What begins anew is nowhere yet.
            Ask::Move { .. } if self.plant == Some(Plant::Repeat) => Ok(Reply::Moved),
            Ask::Move { reader, fence, to } => {
                let (stream, reader, to) = (self.stream.clone(), reader.parse()?, to.parse()?);
                self.store.move_cursor(&CursorMove { stream, reader, fence, to }).await?;
                Ok(Reply::Moved)
            }
        }
    }

    async fn append(&self, producer: usize, number: u64) -> Result<Reply> {
        let turn = self.appended.fetch_add(1, Ordering::Relaxed) % ONCE_IN == ONCE_IN - 1;
        let plant = self.plant.filter(|_| turn);
        match plant {
            Some(Plant::Loss) => return Ok(Reply::Kept { position: String::new() }),
            Some(Plant::Double) => {
                self.log.append(&self.stream, vec![record(producer, number, "-again")?]).await?;
            }
            Some(Plant::Reorder | Plant::Repeat) | None => {}
        }
        let appended = self.log.append(&self.stream, vec![record(producer, number, "")?]).await?;
        let first = appended.first().context("nothing was appended")?;
        Ok(Reply::Kept { position: first.position.to_string() })
    }

    async fn take(&self, reader: &str, lease: u64) -> Result<Reply> {
        let new = NewCursor {
            stream: self.stream.clone(),
            reader: reader.parse()?,
            start: Position::START,
            node: self.name.clone(),
            lease: Duration::from_millis(lease),
        };
        Ok(match self.store.take_cursor(&new).await? {
            TakenCursor::Taken { position, fence } => {
                let position = if self.plant == Some(Plant::Repeat) { Position::START } else { position };
                Reply::Taken { position: position.to_string(), fence }
            }
            TakenCursor::Held { .. } => Reply::Held,
        })
    }

    async fn read(&self, after: Position) -> Result<Reply> {
        let reorders = self.plant == Some(Plant::Reorder);
        let records = if reorders { TURNED } else { BATCH };
        let batch = self.log.read(&self.stream, after, ReadLimit { records, bytes: 1_000_000 }).await?;
        let mut events = Vec::with_capacity(batch.records.len());
        for record in batch.records {
            let body: (usize, u64) = serde_json::from_slice(&record.body)?;
            events.push(Event { position: record.position.to_string(), producer: body.0, number: body.1 });
        }
        Ok(Reply::Events(if reorders { turned(events) } else { events }))
    }
}

/// The first two events of a lane in the other order; nothing yet where no lane has two. The last stays, since it says how far it goes.
fn turned(mut events: Vec<Event>) -> Vec<Event> {
    let open = events.get(..events.len().saturating_sub(1)).unwrap_or_default();
    let mut pairs = open.iter().enumerate().filter_map(|(later, event)| {
        let earlier = open.iter().take(later).position(|other| other.producer == event.producer)?;
        Some((earlier, later))
    });
    match pairs.next() {
        Some((earlier, later)) => events.swap(earlier, later),
        None => events.clear(),
    }
    events
}

fn record(producer: usize, number: u64, more: &str) -> Result<NewRecord> {
    let (id, lane) = (format!("{producer}-{number}{more}").parse()?, format!("press-{producer}").parse()?);
    Ok(NewRecord { id, lane, body: serde_json::to_vec(&(producer, number))? })
}
