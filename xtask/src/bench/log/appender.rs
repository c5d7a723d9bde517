//! The side of the log benchmark that is measured: appends for some seconds, so many at once, and prints how many a second were
//! acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use selvage_log::{EventLog, SqlLog};
use selvage_model::event::NewRecord;
use selvage_model::name::InterfaceRef;
use selvage_store::Store;

const BODY: usize = 1_024;

/// What is appended to, and how.
#[derive(Args)]
pub(crate) struct AppenderOptions {
    /// `sqlite:<path>` for the log, `nats://…` for JetStream by its client.
    #[arg(long)]
    to: String,
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
    Log(Arc<dyn EventLog>, InterfaceRef),
    JetStream(async_nats::Client),
}

/// Appends and prints the rate.
pub(crate) async fn serve(options: &AppenderOptions) -> Result<()> {
    let target = open(&options.to).await?;
    let (count, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let began = Instant::now();
    let tasks: Vec<_> = (0..options.in_flight)
        .map(|task| tokio::spawn(append(target.clone(), task, Arc::clone(&count), Arc::clone(&over))))
        .collect();
    tokio::time::sleep(Duration::from_secs(options.seconds)).await;
    over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await??;
    }
    println!("{}", count.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64());
    Ok(())
}

async fn open(to: &str) -> Result<Target> {
    if to.starts_with("nats://") {
        let client = async_nats::connect(to).await?;
        let config = r#"{"name":"bench","subjects":["bench.>"],"storage":"file","retention":"limits","discard":"old"}"#;
        let answer = client.request("$JS.API.STREAM.CREATE.bench", config.into()).await?;
        ensure!(!answer.payload.windows(7).any(|window| window == b"\"error\""), "JetStream made no stream");
        return Ok(Target::JetStream(client));
    }
    let marks = to.strip_prefix("sqlite:").map(|path| format!("{path}.marks")).context("not a place for a log")?;
    let log = SqlLog::new(Store::open(to).await?, Some(marks.as_ref()))?;
    let stream: InterfaceRef = "bench@1".parse()?;
    log.open(&stream).await?;
    Ok(Target::Log(Arc::new(log), stream))
}

async fn append(target: Target, task: usize, count: Arc<AtomicU64>, over: Arc<AtomicBool>) -> Result<()> {
    let body = vec![b'x'; BODY];
    for number in 0_u64.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        match &target {
            Target::Log(log, stream) => {
                let (id, lane) = (format!("{task}-{number}").parse()?, format!("lane-{task}").parse()?);
                log.append(stream, vec![NewRecord { id, lane, body: body.clone() }]).await?;
            }
            Target::JetStream(client) => {
                let answer = client.request(format!("bench.{task}"), body.clone().into()).await?;
                ensure!(answer.payload.starts_with(br#"{"stream""#), anyhow!("JetStream refused an event"));
            }
        }
        count.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
