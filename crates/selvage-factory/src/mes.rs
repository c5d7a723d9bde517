//! A small manufacturing execution system: it shows what it knows over HTTP, and works shifts through Selvage's own APIs.
//! It has no access to Odoo and keeps nothing on disk.

mod board;
mod client;
mod shift;
mod told;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::{Value, json};

pub use board::{Counts, Report};
pub use shift::{Shift, ShiftConfig};
pub use told::Told;

use board::Board;
use told::{Envelope, Inbox};

/// How to start the MES.
#[derive(Clone, Debug, Default)]
pub struct MesConfig {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The secret (`whsec_…`) by which what it is told has to be signed; everything is taken where there is none.
    pub secret: Option<String>,
}

/// The MES from inside the process. Clones share one board.
#[derive(Clone, Debug)]
pub struct MesHandle {
    board: Arc<Mutex<Board>>,
    inbox: Arc<Mutex<Inbox>>,
}

impl MesHandle {
    pub(crate) fn new(config: &MesConfig) -> Self {
        Self { board: Arc::default(), inbox: Arc::new(Mutex::new(Inbox::new(config.secret.as_deref()))) }
    }

    /// Takes no messages any more, or takes them again.
    pub fn stop(&self, stopped: bool) {
        lock(&self.inbox).stop(stopped);
    }

    /// The last thousand messages that it was told, oldest first.
    pub fn told(&self) -> Vec<Told> {
        lock(&self.inbox).messages()
    }

    /// Starts a shift: it works until it is stopped, or its handle is dropped.
    ///
    /// # Errors
    /// The HTTP client cannot be made.
    pub fn start_shift(&self, config: ShiftConfig) -> Result<Shift, reqwest::Error> {
        Shift::start(config, Arc::clone(&self.board))
    }

    /// What came of the requests of all shifts so far.
    pub fn counts(&self) -> Counts {
        lock(&self.board).counts()
    }

    /// The last thousand reports, oldest first.
    pub fn reports(&self) -> Vec<Report> {
        lock(&self.board).reports()
    }

    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/api/health", get(health))
            .route("/api/orders", get(orders))
            .route("/api/reports", get(reports))
            .route("/api/events", get(events).put(stop))
            .route("/hooks/events", post(tell))
            .with_state(self.clone())
    }
}

async fn health(State(mes): State<MesHandle>) -> Json<Value> {
    Json(json!({ "status": "ok", "shifts": lock(&mes.board).shifts() }))
}

async fn orders(State(mes): State<MesHandle>) -> Json<Value> {
    Json(json!({ "items": lock(&mes.board).orders() }))
}

async fn reports(State(mes): State<MesHandle>) -> Json<Value> {
    let board = lock(&mes.board);
    let items: Vec<Value> = board.reports().iter().map(Report::write).collect();
    Json(json!({ "items": items, "counts": board.counts().write() }))
}

async fn tell(State(mes): State<MesHandle>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (id, timestamp, signature) = (text("webhook-id"), text("webhook-timestamp"), text("webhook-signature"));
    let status = lock(&mes.inbox).take(&Envelope { id, timestamp, signature }, &body, Timestamp::now());
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

async fn events(State(mes): State<MesHandle>) -> Json<Value> {
    Json(lock(&mes.inbox).write())
}

/// `{"stopped": true}`, or false.
async fn stop(State(mes): State<MesHandle>, Json(wanted): Json<Value>) -> StatusCode {
    match wanted.get("stopped").and_then(Value::as_bool) {
        Some(stopped) => {
            mes.stop(stopped);
            StatusCode::NO_CONTENT
        }
        None => StatusCode::BAD_REQUEST,
    }
}

/// What panicked leaves things that are still right: every change is one call.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
