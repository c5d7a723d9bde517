//! The side of the log benchmark that is measured: has so many events under way at once for some seconds, and prints how many a second
//! were acknowledged. Every target gets the same events. As JetStream's client puts what waits into one write, so does the producer
//! here put what waits into one request, of a batch by CloudEvents; `--one-by-one` sends each by itself.

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
use selvage_model::event::MOST_RECORDS;
use selvage_model::event::NewRecord;
use selvage_model::name::InterfaceRef;
use selvage_store::Store;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc, oneshot};

/// What an event weighs, about.
const BODY: usize = 1_024;

/// How many requests a producer has on the wire at most, each with its part of what is under way: while one is on its way, the next
/// is gathered.
const REQUESTS: usize = 4;

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
    /// Sends Selvage each event in a request of its own, each sender on a connection of its own.
    #[arg(long)]
    one_by_one: bool,
}

/// Where events go.
enum Target {
    OneByOne { address: String, authorization: String },
    Producer(mpsc::Sender<Waiting>),
    Log(Arc<dyn EventLog>, InterfaceRef),
    JetStream(async_nats::Client),
}

/// One way to a target, for one event after the other.
enum Way {
    OneByOne(Connection),
    Producer(mpsc::Sender<Waiting>),
    Log(Arc<dyn EventLog>, InterfaceRef),
    JetStream(async_nats::Client),
}

/// An event that waits for its acknowledgement.
struct Waiting {
    event: Vec<u8>,
    acknowledged: oneshot::Sender<()>,
}

/// A connection to Selvage, for one request after the other.
struct Connection {
    connection: SendRequest<Full<Bytes>>,
    authorization: String,
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
        let authorization = format!("Bearer {}", options.key);
        return match options.one_by_one {
            true => Ok(Target::OneByOne { address: address.to_owned(), authorization }),
            false => Ok(Target::Producer(producer(address, &authorization, options.in_flight).await?)),
        };
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

/// Puts what waits into requests, each on one of a few connections.
async fn producer(address: &str, authorization: &str, in_flight: usize) -> Result<mpsc::Sender<Waiting>> {
    let most = in_flight.div_ceil(REQUESTS).min(MOST_RECORDS);
    let (waits, waiting) = mpsc::channel(in_flight);
    let waiting = Arc::new(Mutex::new(waiting));
    for _ in 0..REQUESTS {
        let connection = Connection::open(address, authorization).await?;
        tokio::spawn(produce(connection, Arc::clone(&waiting), most));
    }
    Ok(waits)
}

/// Who waits behind a request that failed is never told, which ends the run.
async fn produce(mut connection: Connection, waiting: Arc<Mutex<mpsc::Receiver<Waiting>>>, most: usize) -> Result<()> {
    let mut gathered = Vec::new();
    while gather(&mut *waiting.lock().await, &mut gathered, most).await {
        let events: Vec<&[u8]> = gathered.iter().map(|waiting| waiting.event.as_slice()).collect();
        connection.send(&events).await.inspect_err(|error| eprintln!("{error:#}"))?;
        for waiting in gathered.drain(..) {
            let _ = waiting.acknowledged.send(());
        }
    }
    Ok(())
}

/// Takes what waits, and what comes while the others who were just answered have their turn, up to so much; `false` where nothing comes
/// any more.
async fn gather(waiting: &mut mpsc::Receiver<Waiting>, gathered: &mut Vec<Waiting>, most: usize) -> bool {
    let mut taken = waiting.recv_many(gathered, most).await;
    while taken > 0 && gathered.len() < most {
        tokio::task::yield_now().await;
        let room = most - gathered.len();
        taken = waiting.recv_many(gathered, room.min(waiting.len())).await;
    }
    !gathered.is_empty()
}

impl Connection {
    async fn open(address: &str, authorization: &str) -> Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let (connection, driving) = handshake(TokioIo::new(socket)).await?;
        tokio::spawn(driving);
        Ok(Self { connection, authorization: authorization.to_owned() })
    }

    /// Returns once every event is acknowledged.
    async fn send(&mut self, events: &[&[u8]]) -> Result<()> {
        let (media_type, body) = match events {
            [event] => ("application/cloudevents+json", event.to_vec()),
            events => {
                let list = [b"[".as_slice(), &events.join(b",".as_slice()), b"]"].concat();
                ("application/cloudevents-batch+json", list)
            }
        };
        let request = Request::post("/bench/v1/events").header("host", "bench");
        let request = request.header("authorization", &self.authorization).header("content-type", media_type);
        self.connection.ready().await?;
        let answer = self.connection.send_request(request.body(Full::from(body))?).await?;
        let status = answer.status();
        let told = answer.into_body().collect().await?.to_bytes();
        let told = String::from_utf8_lossy(&told);
        ensure!(status == 202, "Selvage answers {status}: {told}");
        let new = told.matches(r#""known":false"#).count();
        ensure!(new == events.len(), "Selvage kept {new} of {} events: {told}", events.len());
        Ok(())
    }
}

impl Target {
    async fn way(&self) -> Result<Way> {
        Ok(match self {
            Self::OneByOne { address, authorization } => Way::OneByOne(Connection::open(address, authorization).await?),
            Self::Producer(waits) => Way::Producer(waits.clone()),
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
            Self::OneByOne(connection) => connection.send(&[&event]).await?,
            Self::Producer(waits) => {
                let (acknowledged, answer) = oneshot::channel();
                let handed = waits.send(Waiting { event, acknowledged }).await;
                handed.map_err(|_| anyhow!("the producer has ended"))?;
                answer.await.context("an event was not acknowledged")?;
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
