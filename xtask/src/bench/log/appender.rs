//! The side of the log benchmark that is measured: sends events for some seconds, so many at once, and prints how many a second were
//! acknowledged. Every target gets the same events.

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
use selvage_model::event::NewRecord;
use selvage_model::name::InterfaceRef;
use selvage_store::Store;
use serde_json::json;
use tokio::net::TcpStream;

/// What an event weighs, about.
const BODY: usize = 1_024;

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
}

/// Where events go.
#[derive(Clone)]
enum Target {
    Selvage { address: String, key: String },
    Log(Arc<dyn EventLog>, InterfaceRef),
    JetStream(async_nats::Client),
}

/// One way to a target, for one event after the other.
enum Way {
    Selvage { connection: SendRequest<Full<Bytes>>, key: String },
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
        return Ok(Target::Selvage { address: address.to_owned(), key: options.key.clone() });
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
            Self::Selvage { address, key } => {
                let socket = TcpStream::connect(address).await?;
                socket.set_nodelay(true)?;
                let (connection, driving) = handshake(TokioIo::new(socket)).await?;
                tokio::spawn(driving);
                Way::Selvage { connection, key: format!("Bearer {key}") }
            }
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
            Self::Selvage { connection, key } => {
                let request = Request::post("/bench/v1/events").header("host", "bench").header("authorization", &*key);
                let request = request.header("content-type", "application/cloudevents+json");
                connection.ready().await?;
                let answer = connection.send_request(request.body(Full::from(event))?).await?;
                let status = answer.status();
                let told = answer.into_body().collect().await?.to_bytes();
                ensure!(status == 202, "Selvage answers {status}: {}", String::from_utf8_lossy(&told));
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
