//! Who is delivered to: eight paths of one address, one for each subscription. Everything that comes is noted before it is answered. Once
//! in a hundred times it is noted and refused, as where an answer is lost, so that its lane is set aside and drained.
//! Never checks a signature: `cargo xtask bench deliveries` and the suite do.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::super::checker::Observed;
use super::super::load::with;
use super::super::wire::Event;

/// The reader that forgets what it was given, where errors are planted.
pub(super) const LOSES: usize = 0;
/// The reader that is given events twice, under another id.
pub(super) const DOUBLES: usize = 1;
/// The reader that is given a lane out of order.
pub(super) const REORDERS: usize = 2;
/// The reader that is given everything again from its first position on.
pub(super) const REPEATS: usize = 3;
/// A planted error shows once in so many events.
const ONCE_IN: u64 = 8;
/// What was noted is refused once in so many times.
const UNSAID_ONCE_IN: u64 = 100;

/// The endpoint; it ends when it is dropped.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    taking: Arc<Taking>,
    _serving: JoinSet<()>,
}

struct Taking {
    seen: Arc<Mutex<Observed>>,
    is_planted: AtomicBool,
    turn: AtomicU64,
    holds: watch::Sender<bool>,
    held: AtomicUsize,
}

#[derive(Deserialize)]
struct Told {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    sequence: String,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
struct Data {
    producer: Option<usize>,
    number: Option<u64>,
}

impl Receiver {
    /// Notes what comes into `seen`.
    pub(super) async fn start(seen: Arc<Mutex<Observed>>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let taking = Arc::new(Taking {
            seen,
            is_planted: AtomicBool::new(false),
            turn: AtomicU64::new(0),
            holds: watch::Sender::new(false),
            held: AtomicUsize::new(0),
        });
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, Arc::clone(&taking)));
        Ok(Self { address, taking, _serving: serving })
    }

    /// A reader is given everything again that it was given so far.
    pub(super) fn repeat(&self) {
        with(&self.taking.seen, |seen| {
            let given = seen.delivered.entry(REPEATS).or_default();
            given.extend_from_within(..);
        });
    }

    /// Receives, and answers nothing before it is told to.
    pub(super) fn hold(&self, holds: bool) {
        self.taking.holds.send_replace(holds);
    }

    /// How many wait for an answer.
    pub(super) fn held(&self) -> usize {
        self.taking.held.load(Ordering::Relaxed)
    }

    /// Three readers break a promise from now on.
    pub(super) fn plant(&self) {
        self.taking.is_planted.store(true, Ordering::Relaxed);
    }
}

/// Serves until it is ended, and every connection of it ends then.
async fn serve(listener: TcpListener, taking: Arc<Taking>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let taking = Arc::clone(&taking);
        let service = service_fn(move |request| answer(request, Arc::clone(&taking)));
        connections.spawn(async move {
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(request: Request<Incoming>, taking: Arc<Taking>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let id = head.headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let reader = head.uri.path().rsplit('/').next().and_then(|number| number.parse().ok());
    let mut response = Response::new(Full::default());
    let _under_way = UnderWay::begin(&taking);
    // A message whose node was killed in the middle of it has not come.
    *response.status_mut() = match (reader, body.collect().await) {
        (Some(reader), Ok(body)) => taking.take(reader, &id, &body.to_bytes()),
        _ => StatusCode::BAD_REQUEST,
    };
    let _ = taking.holds.subscribe().wait_for(|holds| !holds).await;
    Ok(response)
}

/// A delivery that was not answered yet: it ends with its answer, or with its connection.
struct UnderWay<'a>(&'a Taking);

impl<'a> UnderWay<'a> {
    fn begin(taking: &'a Taking) -> Self {
        taking.held.fetch_add(1, Ordering::Relaxed);
        with(&taking.seen, |seen| seen.in_flight += 1);
        Self(taking)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::Relaxed);
        // What was seen is taken away between two loads.
        with(&self.0.seen, |seen| seen.in_flight = seen.in_flight.saturating_sub(1));
    }
}

impl Taking {
    fn take(&self, reader: usize, id: &str, body: &[u8]) -> StatusCode {
        let told = match serde_json::from_slice::<Told>(body) {
            Ok(told) if told.kind == "selvage.subscription.probed" => return StatusCode::OK,
            Ok(told) => told,
            Err(error) => return self.fault(format!("reader {reader}: no event: {error}")),
        };
        let Data { producer: Some(producer), number: Some(number) } = told.data else {
            return self.fault(format!("{id} has no data"));
        };
        // One id for what comes again, and one place in its lane.
        let event = Event { position: format!("{} {id}", told.sequence), producer, number };
        let is_planted = self.is_planted.load(Ordering::Relaxed) && (number + producer as u64) % ONCE_IN == 1;
        let unsaid = self.turn.fetch_add(1, Ordering::Relaxed) % UNSAID_ONCE_IN == UNSAID_ONCE_IN - 1;
        with(&self.seen, |seen| {
            note(seen.delivered.entry(reader).or_default(), event, is_planted.then_some(reader));
            seen.give(reader);
            *seen.again.entry(reader).or_default() += usize::from(unsaid);
        });
        if unsaid { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
    }

    fn fault(&self, fault: String) -> StatusCode {
        with(&self.seen, |seen| seen.faults.push(fault));
        StatusCode::OK
    }
}

/// Notes what came, as a reader that breaks a promise would where one is planted.
fn note(events: &mut Vec<Event>, event: Event, planted: Option<usize>) {
    let is_before = |other: &Event| other.producer == event.producer && other.number < event.number;
    match planted {
        Some(LOSES) => {}
        Some(DOUBLES) => {
            let again = Event { position: format!("{}-again", event.position), ..event.clone() };
            events.extend([event, again]);
        }
        Some(REORDERS) => {
            let before = events.iter().rposition(is_before).unwrap_or(events.len());
            events.insert(before, event);
        }
        _ => events.push(event),
    }
}
