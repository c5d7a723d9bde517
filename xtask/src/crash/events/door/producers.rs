//! Producers that publish CloudEvents over HTTP, each event until it is acknowledged, over every restart of the node. They wait while too
//! much is not delivered yet, so that a run ends.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::super::checker::Observed;
use super::super::load::{AGAIN, ENDED_WITHIN, PRODUCERS, READERS, with};

/// So many deliveries may be missing before producers wait: of each subscription about what it has in memory.
const BEHIND: usize = 4_000;
/// An answer may take so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where events are published, and as whom.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) key: String,
}

/// Everybody who publishes.
pub(super) struct Producers {
    producing: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Producers {
    /// They begin, with events from the number `first` on.
    pub(super) fn start(target: &Target, first: u64, seen: &Arc<Mutex<Observed>>) -> Self {
        let (producing, mut tasks) = (Arc::new(AtomicBool::new(true)), JoinSet::new());
        for producer in 0..PRODUCERS {
            let (producing, seen) = (Arc::clone(&producing), Arc::clone(seen));
            let mut one = Producer { target: target.clone(), producer, line: None };
            tasks.spawn(async move { one.produce(first, &producing, &seen).await });
        }
        Self { producing, tasks }
    }

    /// Returns once each was answered for its last event; the node has to run.
    pub(super) async fn finish(mut self) -> Result<()> {
        self.producing.store(false, Ordering::Relaxed);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        ensure!(tokio::time::timeout(ENDED_WITHIN, ended).await.is_ok(), "producers are not answered");
        Ok(())
    }
}

struct Producer {
    target: Target,
    producer: usize,
    line: Option<SendRequest<Full<Bytes>>>,
}

impl Producer {
    async fn produce(&mut self, first: u64, producing: &AtomicBool, seen: &Mutex<Observed>) {
        let mut number = first;
        while producing.load(Ordering::Relaxed) {
            if with(seen, |seen| is_behind(seen)) {
                tokio::time::sleep(AGAIN).await;
                continue;
            }
            let event = (self.producer, number);
            with(seen, |seen| seen.in_flight += 1);
            let answer = self.publish(number).await;
            with(seen, |seen| seen.in_flight -= 1);
            match answer {
                Ok(200 | 202) => {
                    with(seen, |seen| seen.acknowledge(event));
                    number += 1;
                }
                // Nothing listens, or what would keep it is away.
                Err(_) | Ok(429 | 502 | 503 | 504) => {
                    self.line = None;
                    tokio::time::sleep(AGAIN * 5).await;
                }
                Ok(status) => {
                    with(seen, |seen| seen.faults.push(format!("producer {} is answered {status}", self.producer)));
                    tokio::time::sleep(AGAIN * 50).await;
                }
            }
        }
    }

    /// How the node answers.
    async fn publish(&mut self, number: u64) -> Result<u16> {
        let request = Request::post("/machine-states/v1/events")
            .header("host", "crash")
            .header("authorization", format!("Bearer {}", self.target.key))
            .header("content-type", "application/cloudevents+json")
            .body(Full::from(event(self.producer, number)))?;
        let published = tokio::time::timeout(PATIENCE, self.sent(request)).await;
        let published = published.context("no answer in time").flatten();
        if published.is_err() {
            self.line = None;
        }
        published
    }

    async fn sent(&mut self, request: Request<Full<Bytes>>) -> Result<u16> {
        if self.line.is_none() {
            let socket = TcpStream::connect(self.target.address).await?;
            socket.set_nodelay(true)?;
            let (line, driving) = handshake(TokioIo::new(socket)).await?;
            tokio::spawn(driving);
            self.line = Some(line);
        }
        let line = self.line.as_mut().context("no connection")?;
        line.ready().await?;
        let answer = line.send_request(request).await?;
        let status = answer.status().as_u16();
        answer.into_body().collect().await?;
        Ok(status)
    }
}

fn is_behind(seen: &Observed) -> bool {
    let delivered: usize = seen.delivered.values().map(Vec::len).sum();
    seen.acknowledged.len() * READERS > delivered + BEHIND
}

fn event(producer: usize, number: u64) -> String {
    json!({
        "specversion": "1.0", "id": format!("{producer}-{number}"), "source": format!("/crash/line-{producer}"),
        "type": "crash.machine.stopped",
        "data": {"machine": format!("press-{producer}"), "producer": producer, "number": number},
    })
    .to_string()
}
