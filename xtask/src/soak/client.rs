//! Clients that go on whatever they are answered, and what all of them were answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::load::Target;

/// How many ask the shaky system.
pub(super) const SHAKY_CLIENTS: usize = 12;
const SHAKY_PAUSE: Duration = Duration::from_millis(60);
/// More than any limit of the fabric: who waits longer is stuck.
const PATIENCE: Duration = Duration::from_secs(10);

/// What clients were answered.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) answered: AtomicU64,
    /// 502 and 504 of the gateway, and answers that broke off.
    faults: AtomicU64,
    /// 503 and 429.
    refused: AtomicU64,
    /// Of tier-3 in the flood.
    pub(super) flood_refused: AtomicU64,
    unanswered: AtomicU64,
    /// Writes and mediated reads.
    pub(super) writes: AtomicU64,
    pub(super) reads: AtomicU64,
    pub(super) mediated_failed: AtomicU64,
}

impl Counts {
    /// Counts an answer; whether it was a refusal.
    fn count(&self, answer: &Result<u16>) -> bool {
        let counter = match answer {
            Ok(200) => &self.answered,
            Ok(429 | 503) => &self.refused,
            Ok(_) | Err(_) => &self.faults,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        matches!(answer, Ok(429 | 503))
    }

    pub(super) fn unanswered(&self) -> u64 {
        self.unanswered.load(Ordering::Relaxed)
    }

    #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    pub(super) fn faults_met(&self) -> f64 {
        self.faults.load(Ordering::Relaxed) as f64
    }

    #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    pub(super) fn refused(&self) -> f64 {
        self.flood_refused.load(Ordering::Relaxed) as f64
    }

    pub(super) fn print(&self) {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        eprintln!(
            "direct: {} answered, {} faults of systems, {} refused, {} of the flood refused, {} without an answer",
            of(&self.answered),
            of(&self.faults),
            of(&self.refused),
            of(&self.flood_refused),
            of(&self.unanswered)
        );
        let (writes, reads) = (of(&self.writes), of(&self.reads));
        eprintln!("mediated: {writes} writes, {reads} reads, {} other answers", of(&self.mediated_failed));
    }
}

/// One connection to the gateway, made anew when it broke.
pub(super) struct Client {
    target: Target,
    sender: Option<SendRequest<Empty<Bytes>>>,
}

impl Client {
    pub(super) fn new(target: Target) -> Self {
        Self { target, sender: None }
    }

    /// Asks for an item and counts the answer; whether it was refused.
    pub(super) async fn ask(&mut self, number: usize, counts: &Counts) -> bool {
        match tokio::time::timeout(PATIENCE, self.try_ask(number)).await {
            Ok(answer) => {
                if answer.is_err() {
                    self.sender = None;
                }
                counts.count(&answer)
            }
            Err(_) => {
                counts.unanswered.fetch_add(1, Ordering::Relaxed);
                self.sender = None;
                false
            }
        }
    }

    async fn try_ask(&mut self, number: usize) -> Result<u16> {
        let mut sender = match self.sender.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => {
                let stream = TcpStream::connect(self.target.address).await?;
                stream.set_nodelay(true)?;
                let (sender, connection) = handshake(TokioIo::new(stream)).await?;
                tokio::spawn(connection);
                sender
            }
        };
        let request = Request::get(format!("{}{number}", self.target.path))
            .header("host", "soak.local")
            .header("authorization", format!("Bearer {}", self.target.keys.of(0)))
            .body(Empty::new())?;
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        response.into_body().collect().await?;
        self.sender = Some(sender);
        Ok(status)
    }
}

/// Asks the shaky system until it is over.
pub(super) async fn ask_shaky(target: Target, number: usize, counts: Arc<Counts>, over: Arc<AtomicBool>) {
    let mut client = Client::new(target);
    while !over.load(Ordering::SeqCst) {
        client.ask(number, &counts).await;
        tokio::time::sleep(SHAKY_PAUSE).await;
    }
}
