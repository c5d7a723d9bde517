//! Clients that go on whatever they are answered, and what all of them were answered: over HTTP/1.1 and HTTP/2, plainly and by TLS.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::ServerName;

use super::system::System;
use crate::load::{self, Target};

/// How many ask the shaky system.
pub(super) const SHAKY_CLIENTS: usize = 12;
const SHAKY_PAUSE: Duration = Duration::from_millis(60);
/// More than any limit of the fabric: who waits longer is stuck.
const PATIENCE: Duration = Duration::from_secs(10);

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    /// An answer, whole.
    Status(u16),
    /// An answer began and broke off.
    BrokenOff,
    /// No answer began.
    Nothing,
}

/// What clients were answered.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) answered: AtomicU64,
    /// What the gateway says of a system that misbehaves: 502, 504, and answers that broke off.
    bad: AtomicU64,
    late: AtomicU64,
    broken_off: AtomicU64,
    /// 503 and 429.
    refused: AtomicU64,
    /// What no system's misbehaviour explains.
    strange: AtomicU64,
    /// Of tier-3 in the flood.
    pub(super) flood_refused: AtomicU64,
    unanswered: AtomicU64,
    /// Writes and mediated reads.
    pub(super) writes: AtomicU64,
    pub(super) reads: AtomicU64,
    pub(super) mediated_failed: AtomicU64,
    /// Writes whose outcome was looked for before they were answered.
    pub(super) looked_up: AtomicU64,
    /// The origins of the orders that writes were told are made.
    pub(super) confirmed: Mutex<Vec<String>>,
}

impl Counts {
    /// Counts what was heard; whether it was a refusal.
    fn count(&self, heard: Heard) -> bool {
        let counter = match heard {
            Heard::Status(200) => &self.answered,
            Heard::Status(429 | 503) => &self.refused,
            Heard::Status(502) => &self.bad,
            Heard::Status(504) => &self.late,
            Heard::BrokenOff => &self.broken_off,
            Heard::Status(_) | Heard::Nothing => &self.strange,
        };
        if std::ptr::eq(counter, &self.strange) && counter.load(Ordering::Relaxed) == 0 {
            eprintln!("no system's fault: {heard:?}");
        }
        counter.fetch_add(1, Ordering::Relaxed);
        matches!(heard, Heard::Status(429 | 503))
    }

    /// How a figure is named and how often it was so: what the systems' misbehaviour came to for clients.
    pub(super) fn faults(&self) -> [(&'static str, f64); 3] {
        [("answers_502", &self.bad), ("answers_504", &self.late), ("answers_broken_off", &self.broken_off)]
            .map(|(name, counter)| (name, of(counter)))
    }

    pub(super) fn unanswered(&self) -> f64 {
        of(&self.unanswered)
    }

    pub(super) fn strange(&self) -> f64 {
        of(&self.strange)
    }

    /// The origins of the orders that writes were told are made.
    pub(super) fn confirmed(&self) -> Vec<String> {
        self.confirmed.lock().map(|confirmed| confirmed.clone()).unwrap_or_default()
    }

    pub(super) fn print(&self) {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        eprintln!(
            "direct: {} answered, {} times 502, {} times 504, {} broken off, {} refused, {} of the flood refused, {} strange, \
             {} without an answer",
            of(&self.answered),
            of(&self.bad),
            of(&self.late),
            of(&self.broken_off),
            of(&self.refused),
            of(&self.flood_refused),
            of(&self.strange),
            of(&self.unanswered)
        );
        eprintln!(
            "mediated: {} writes, {} of them looked for, {} reads, {} other answers",
            of(&self.writes),
            of(&self.looked_up),
            of(&self.reads),
            of(&self.mediated_failed)
        );
    }
}

/// A count as a figure.
#[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
pub(super) fn of(counter: &AtomicU64) -> f64 {
    counter.load(Ordering::Relaxed) as f64
}

/// How a client speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Speech {
    pub(super) http2: bool,
    pub(super) tls: bool,
}

impl Speech {
    /// All there are: clients take turns.
    pub(super) const ALL: [Self; 4] = [
        Self { http2: false, tls: false },
        Self { http2: true, tls: false },
        Self { http2: false, tls: true },
        Self { http2: true, tls: true },
    ];
}

/// A connection; of HTTP/2 many clients may have the same.
#[derive(Clone)]
pub(super) struct Line(Arc<tokio::sync::Mutex<Option<http2::SendRequest<Empty<Bytes>>>>>);

impl Line {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }
}

enum Sender {
    Http1(http1::SendRequest<Empty<Bytes>>),
    Http2(http2::SendRequest<Empty<Bytes>>),
}

impl Sender {
    fn is_closed(&self) -> bool {
        match self {
            Self::Http1(sender) => sender.is_closed(),
            Self::Http2(sender) => sender.is_closed(),
        }
    }

    async fn send(&mut self, request: Request<Empty<Bytes>>) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::Http1(sender) => sender.send_request(request).await,
            Self::Http2(sender) => sender.send_request(request).await,
        }
    }
}

/// One client of the gateway, whose connection is made anew when it broke.
pub(super) struct Client {
    target: Target,
    speech: Speech,
    line: Line,
    patience: Duration,
    /// The system that is asked for, where its answers may break off.
    system: Option<System>,
    sender: Option<Sender>,
}

impl Client {
    pub(super) fn new(target: Target) -> Self {
        let (speech, line) = (Speech::default(), Line::new());
        Self { target, speech, line, patience: PATIENCE, system: None, sender: None }
    }

    /// The same that speaks so, over this line where it is HTTP/2.
    pub(super) fn speaking(self, speech: Speech, line: &Line) -> Self {
        Self { speech, line: line.clone(), ..self }
    }

    /// The same with less patience.
    pub(super) fn waiting(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The same, of a system that goes through bad times.
    pub(super) fn of_shaky(self, system: System) -> Self {
        Self { system: Some(system), ..self }
    }

    /// Asks for an item and counts the answer; whether it was refused.
    pub(super) async fn ask(&mut self, number: usize, counts: &Counts) -> bool {
        let before = self.breaks_off();
        if let Ok(heard) = tokio::time::timeout(self.patience, self.hear(number)).await {
            // What breaks off at once does so before its beginning has gone out.
            let is_its_fault = heard == Heard::Nothing && (before || self.breaks_off());
            return counts.count(if is_its_fault { Heard::BrokenOff } else { heard });
        }
        counts.unanswered.fetch_add(1, Ordering::Relaxed);
        self.sender = None;
        false
    }

    fn breaks_off(&self) -> bool {
        self.system.as_ref().is_some_and(System::breaks_off)
    }

    async fn hear(&mut self, number: usize) -> Heard {
        let was_open = self.sender.as_ref().is_some_and(|sender| !sender.is_closed());
        match self.try_hear(number).await {
            // A connection that was kept may be closed just when it is used again.
            Ok(Heard::Nothing) | Err(_) if was_open => self.try_hear(number).await.unwrap_or(Heard::Nothing),
            heard => heard.unwrap_or(Heard::Nothing),
        }
    }

    async fn try_hear(&mut self, number: usize) -> Result<Heard> {
        let mut sender = match self.sender.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => self.connect().await?,
        };
        let path = format!("{}{number}", self.target.path);
        let request = match self.speech {
            Speech { http2: true, tls } => {
                Request::get(format!("{}://soak.local{path}", if tls { "https" } else { "http" }))
            }
            Speech { http2: false, .. } => Request::get(path).header("host", "soak.local"),
        };
        let proof = format!("Bearer {}", self.target.keys.of(0));
        let request = request.header("authorization", proof).body(Empty::new())?;
        let Ok(response) = sender.send(request).await else { return Ok(Heard::Nothing) };
        let status = response.status().as_u16();
        if response.into_body().collect().await.is_err() {
            return Ok(Heard::BrokenOff);
        }
        self.sender = Some(sender);
        Ok(Heard::Status(status))
    }

    async fn connect(&self) -> Result<Sender> {
        if !self.speech.http2 {
            return self.open().await;
        }
        // Whoever comes first connects, for all who share the line.
        let mut line = self.line.0.lock().await;
        if let Some(sender) = line.as_ref().filter(|sender| !sender.is_closed()) {
            return Ok(Sender::Http2(sender.clone()));
        }
        let sender = self.open().await?;
        if let Sender::Http2(sender) = &sender {
            *line = Some(sender.clone());
        }
        Ok(sender)
    }

    async fn open(&self) -> Result<Sender> {
        let stream = TcpStream::connect(self.target.address).await?;
        stream.set_nodelay(true)?;
        if !self.speech.tls {
            return self.over(stream).await;
        }
        let protocols: &[&str] = if self.speech.http2 { &["h2"] } else { &["http/1.1"] };
        let stream = load::connector(protocols)?.connect(ServerName::try_from(load::SERVER)?, stream).await?;
        self.over(stream).await
    }

    async fn over(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Sender> {
        if self.speech.http2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            return Ok(Sender::Http2(sender));
        }
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Sender::Http1(sender))
    }
}

/// Asks the shaky system until it is over.
pub(super) async fn ask_shaky(mut client: Client, number: usize, counts: Arc<Counts>, over: Arc<AtomicBool>) {
    while !over.load(Ordering::SeqCst) {
        client.ask(number, &counts).await;
        tokio::time::sleep(SHAKY_PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_system_may_cause_counts_as_its_fault() {
        let counts = Counts::default();
        let heard = [502, 504, 504, 200, 503, 429, 401, 403, 404, 500].map(Heard::Status);
        let refusals = heard.into_iter().chain([Heard::BrokenOff, Heard::Nothing]).filter(|heard| counts.count(*heard));
        assert_eq!(refusals.count(), 2);
        assert_eq!(counts.faults().map(|(_, count)| count), [1.0, 2.0, 1.0]);
        assert!((counts.strange() - 5.0).abs() < 1e-9, "four statuses, and one that heard nothing");
    }
}
