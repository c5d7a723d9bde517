//! The side of the log benchmark that is measured: sends events for some seconds, so many at once, and prints how many a second were
//! acknowledged. Every target gets the same events.
//!
//! A client of JetStream puts what waits into one write to its socket. One of HTTP does the same with CloudEvents' batches: whatever
//! waits goes in one request, and each event is in flight until the answer to it is there. With `--single` each has a request of its own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use selvage_log::{EventLog, SqlLog};
use selvage_model::event::{MOST_RECORDS, NewRecord};
use selvage_model::name::InterfaceRef;
use selvage_store::Store;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc, oneshot};

/// What an event weighs, about.
const BODY: usize = 1_024;
/// Over how many connections batches go.
const CONNECTIONS: usize = 2;

/// What is appended to, and how.
#[derive(Args)]
pub(crate) struct AppenderOptions {
    /// `http://host:port` for Selvage, `sqlite:<path>` for its log alone, `nats://…` for JetStream by its client.
    #[arg(long)]
    to: String,
    /// The key that Selvage is shown.
    #[arg(long, default_value = "")]
    key: String,
    /// How many appends are under way at once.
    #[arg(long)]
    in_flight: usize,
    /// For how long.
    #[arg(long)]
    seconds: u64,
    /// Each event in a request of its own, over HTTP.
    #[arg(long)]
    single: bool,
}

/// Where events go.
#[derive(Clone)]
enum Target {
    Selvage { address: String, key: String },
    Batches(mpsc::Sender<Waiting>),
    Log(Arc<dyn EventLog>, InterfaceRef),
    JetStream(async_nats::Client),
}

/// An event that waits for its place in a batch, and who waits for its acknowledgement.
struct Waiting {
    event: Vec<u8>,
    kept: oneshot::Sender<()>,
}

/// One way to a target, for one event after the other.
enum Way {
    Selvage(Speaker),
    Batches(mpsc::Sender<Waiting>),
    Log(Arc<dyn EventLog>, InterfaceRef),
    JetStream(async_nats::Client),
}

/// Appends and prints the rate.
pub(crate) async fn serve(options: &AppenderOptions) -> Result<()> {
    let target = open(options).await?;
    let mut ways = Vec::with_capacity(options.in_flight);
    for _ in 0..options.in_flight {
        ways.push(target.way().await?);
    }
    let (count, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let began = Instant::now();
    let tasks: Vec<_> = (0..)
        .zip(ways)
        .map(|(task, way)| tokio::spawn(append(way, task, Arc::clone(&count), Arc::clone(&over))))
        .collect();
    tokio::time::sleep(Duration::from_secs(options.seconds)).await;
    over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await??;
    }
    println!("{}", count.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64());
    Ok(())
}

async fn open(options: &AppenderOptions) -> Result<Target> {
    let to = &options.to;
    if let Some(address) = to.strip_prefix("http://") {
        if options.single {
            return Ok(Target::Selvage { address: address.to_owned(), key: options.key.clone() });
        }
        let (sender, waiting) = mpsc::channel(options.in_flight);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..CONNECTIONS {
            let speaker = Speaker::connect(address, &options.key).await?;
            tokio::spawn(batches(speaker, Arc::clone(&waiting)));
        }
        return Ok(Target::Batches(sender));
    }
    if to.starts_with("nats://") {
        let client = async_nats::connect(to).await?;
        let config = r#"{"name":"bench","subjects":["bench.>"],"storage":"file","retention":"limits","discard":"old"}"#;
        let answer = client.request("$JS.API.STREAM.CREATE.bench", config.into()).await?;
        ensure!(!answer.payload.windows(7).any(|window| window == b"\"error\""), "JetStream made no stream");
        return Ok(Target::JetStream(client));
    }
    let path = to.strip_prefix("sqlite:").context("not a place for a log")?;
    let marks = format!("{path}.marks");
    let log = SqlLog::new(Store::open(to).await?, Some(Path::new(&marks)))?;
    let stream: InterfaceRef = "bench@1".parse()?;
    log.open(&stream).await?;
    Ok(Target::Log(Arc::new(log), stream))
}

impl Target {
    async fn way(&self) -> Result<Way> {
        Ok(match self {
            Self::Selvage { address, key } => Way::Selvage(Speaker::connect(address, key).await?),
            Self::Batches(sender) => Way::Batches(sender.clone()),
            Self::Log(log, stream) => Way::Log(Arc::clone(log), stream.clone()),
            Self::JetStream(client) => Way::JetStream(client.clone()),
        })
    }
}

impl Way {
    /// Returns once the event is acknowledged.
    async fn send(&mut self, task: usize, number: u64) -> Result<()> {
        let event = event(task, number);
        match self {
            Self::Selvage(speaker) => {
                speaker.post("application/cloudevents+json", event).await?;
            }
            Self::Batches(sender) => {
                let (kept, is_kept) = oneshot::channel();
                sender.send(Waiting { event, kept }).await.map_err(|_| anyhow!("no batch is sent any more"))?;
                is_kept.await.context("the batch was not kept")?;
            }
            Self::Log(log, stream) => {
                let (id, lane) = (format!("{task}-{number}").parse()?, format!("lane-{task}").parse()?);
                log.append(stream, vec![NewRecord { id, lane, body: event }]).await?;
            }
            Self::JetStream(client) => {
                let answer = client.request(format!("bench.{task}"), event.into()).await?;
                ensure!(answer.payload.starts_with(br#"{"stream""#), anyhow!("JetStream refused an event"));
            }
        }
        Ok(())
    }
}

/// A connection to Selvage.
struct Speaker {
    connection: SendRequest<Full<Bytes>>,
    key: String,
}

impl Speaker {
    async fn connect(address: &str, key: &str) -> Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let (connection, driving) = handshake(TokioIo::new(socket)).await?;
        tokio::spawn(driving);
        Ok(Self { connection, key: format!("Bearer {key}") })
    }

    /// Posts events, and returns the answer once they are acknowledged.
    async fn post(&mut self, content_type: &str, body: Vec<u8>) -> Result<Bytes> {
        let request = Request::post("/bench/v1/events").header("host", "bench").header("authorization", &*self.key);
        let request = request.header("content-type", content_type);
        self.connection.ready().await?;
        let answer = self.connection.send_request(request.body(Full::from(body))?).await?;
        let status = answer.status();
        let told = answer.into_body().collect().await?.to_bytes();
        ensure!(status == 202, "Selvage answers {status}: {}", String::from_utf8_lossy(&told));
        Ok(told)
    }
}

/// Sends what waits, batch by batch, as long as somebody may wait.
async fn batches(mut speaker: Speaker, waiting: Arc<Mutex<mpsc::Receiver<Waiting>>>) -> Result<()> {
    let mut batch = Vec::new();
    loop {
        waiting.lock().await.recv_many(&mut batch, MOST_RECORDS).await;
        if batch.is_empty() {
            return Ok(());
        }
        let mut body = Vec::with_capacity(batch.len() * (BODY + 100));
        for it in &batch {
            body.push(if body.is_empty() { b'[' } else { b',' });
            body.extend_from_slice(&it.event);
        }
        body.push(b']');
        let told = speaker.post("application/cloudevents-batch+json", body).await;
        let told = told.inspect_err(|error| eprintln!("{error:#}"))?;
        let told: Told = serde_json::from_slice(&told)?;
        ensure!(told.events.len() == batch.len(), "Selvage answers for {} of {}", told.events.len(), batch.len());
        for it in batch.drain(..) {
            let _ = it.kept.send(());
        }
    }
}

/// What is said of a batch: of each event that it is kept, and where.
#[derive(Deserialize)]
struct Told {
    events: Vec<IgnoredAny>,
}

/// The event, the same for every target.
fn event(task: usize, number: u64) -> Vec<u8> {
    // Another one for each process, so that no event was there before.
    let source = format!("/bench/{}", std::process::id());
    let event = json!({
        "specversion": "1.0", "id": format!("{task}-{number}"), "source": source, "type": "bench.machine.stopped",
        "datacontenttype": "application/json",
        "data": {"machine": format!("lane-{task}"), "note": "x".repeat(BODY - 200)},
    });
    event.to_string().into_bytes()
}

async fn append(mut way: Way, task: usize, count: Arc<AtomicU64>, over: Arc<AtomicBool>) -> Result<()> {
    let mut number = 0;
    loop {
        way.send(task, number).await?;
        count.fetch_add(1, Ordering::Relaxed);
        if over.load(Ordering::Relaxed) {
            return Ok(());
        }
        number += 1;
    }
}
