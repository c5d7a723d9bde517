//! The endpoints of the deliveries benchmark: those that are well share one address, those that die have two more: one that refuses
//! connections then, and one that takes them and never answers. What comes is verified, and counted per endpoint and lane.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// The endpoints of one node; they end when it is dropped.
pub(super) struct Receivers {
    pub(super) well: SocketAddr,
    pub(super) refusing: SocketAddr,
    pub(super) silent: SocketAddr,
    seen: Arc<Seen>,
    serving: JoinSet<()>,
    refuses: JoinHandle<()>,
}

/// What came, and how it is answered.
struct Seen {
    key: hmac::Key,
    endpoints: Vec<Mutex<Endpoint>>,
    took: Mutex<Vec<Duration>>,
    is_silent: AtomicBool,
}

/// What came to one endpoint.
#[derive(Clone, Default)]
struct Endpoint {
    /// Events that came, the repeated ones once.
    events: usize,
    lanes: HashMap<String, u64>,
    wrong: Vec<String>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Data,
}

#[derive(Deserialize, Default)]
struct Data {
    #[serde(default)]
    machine: String,
    #[serde(default)]
    number: u64,
    #[serde(default)]
    at: u64,
}

impl Receivers {
    /// So many endpoints, all of them well; their secret is `whsec_` and these bytes.
    pub(super) async fn start(count: usize, secret: &[u8]) -> Result<Self> {
        let seen = Arc::new(Seen {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
            endpoints: (0..count).map(|_| Mutex::default()).collect(),
            took: Mutex::default(),
            is_silent: AtomicBool::new(false),
        });
        let mut serving = JoinSet::new();
        let (well, listener) = listen().await?;
        serving.spawn(serve(listener, Arc::clone(&seen), false));
        let (silent, listener) = listen().await?;
        serving.spawn(serve(listener, Arc::clone(&seen), true));
        let (refusing, listener) = listen().await?;
        let refuses = tokio::spawn(serve(listener, Arc::clone(&seen), false));
        Ok(Self { well, refusing, silent, seen, serving, refuses })
    }

    /// From now on one address refuses connections, and another answers nothing.
    pub(super) fn die(&self) {
        self.seen.is_silent.store(true, Ordering::SeqCst);
        self.refuses.abort();
    }

    /// The fewest events that came to one of these endpoints.
    pub(super) fn least(&self, of: impl Fn(usize) -> bool) -> usize {
        let endpoints = self.seen.endpoints.iter().enumerate().filter(|(number, _)| of(*number));
        endpoints.map(|(_, endpoint)| held(endpoint).events).min().unwrap_or(0)
    }

    /// How long each event took since the last look, from before it was published until it was here.
    pub(super) fn take_times(&self) -> Vec<Duration> {
        std::mem::take(&mut *held(&self.seen.took))
    }

    /// What came that may not: unsigned, out of order.
    pub(super) fn wrong(&self) -> Vec<String> {
        self.seen.endpoints.iter().flat_map(|endpoint| held(endpoint).wrong.clone()).collect()
    }
}

impl Drop for Receivers {
    fn drop(&mut self) {
        self.refuses.abort();
        self.serving.abort_all();
    }
}

async fn listen() -> Result<(SocketAddr, TcpListener)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    Ok((listener.local_addr()?, listener))
}

/// Serves until it is ended, and every connection of it ends then.
async fn serve(listener: TcpListener, seen: Arc<Seen>, may_be_silent: bool) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let seen = Arc::clone(&seen);
        let service = service_fn(move |request| answer(request, Arc::clone(&seen), may_be_silent));
        connections.spawn(async move {
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    seen: Arc<Seen>,
    may_be_silent: bool,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if may_be_silent && seen.is_silent.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    let (head, body) = request.into_parts();
    let mut response = Response::new(Full::default());
    let number = head.uri.path().rsplit('/').next().and_then(|number| number.parse::<usize>().ok());
    let endpoint = number.and_then(|number| seen.endpoints.get(number));
    match (endpoint, body.collect().await) {
        (Some(endpoint), Ok(body)) => seen.take(endpoint, &head.headers, &body.to_bytes(), !may_be_silent),
        _ => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    Ok(response)
}

impl Seen {
    fn take(&self, endpoint: &Mutex<Endpoint>, headers: &HeaderMap, body: &[u8], counts: bool) {
        let read = serde_json::from_slice::<Event>(body);
        let mut endpoint = held(endpoint);
        let event = match read {
            Ok(_) if !self.is_signed(headers, body) => return endpoint.wrong.push("an unsigned message".to_owned()),
            Ok(event) => event,
            Err(error) => return endpoint.wrong.push(format!("no event: {error}")),
        };
        if event.kind == "selvage.subscription.probed" {
            return;
        }
        let Data { machine, number, at } = event.data;
        match endpoint.lanes.insert(machine.clone(), number) {
            Some(last) if last == number => return,
            Some(last) if last > number => endpoint.wrong.push(format!("{number} of {machine} behind {last}")),
            _ => endpoint.events += 1,
        }
        if counts {
            held(&self.took).push(Duration::from_micros(now().saturating_sub(at)));
        }
    }

    fn is_signed(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let signed = || {
            let (id, time) = (text("webhook-id")?, text("webhook-timestamp")?);
            let tag = STANDARD.decode(text("webhook-signature")?.strip_prefix("v1,")?).ok()?;
            let message = [id.as_bytes(), b".", time.as_bytes(), b".", body].concat();
            hmac::verify(&self.key, &message, &tag).ok()
        };
        signed().is_some()
    }
}

/// Microseconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The secret that endpoints share, as bytes and as it is written.
pub(super) fn secret() -> Result<(Vec<u8>, String)> {
    let mut bytes = vec![0; 32];
    aws_lc_rs::rand::fill(&mut bytes).ok().context("no chance")?;
    let text = format!("whsec_{}", STANDARD.encode(&bytes));
    Ok((bytes, text))
}
