//! A small manufacturing execution system: it shows what it knows over HTTP, and works shifts through Selvage's own APIs.
//! It has no access to Odoo and keeps nothing on disk.

mod board;
mod client;
mod shift;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

pub use board::{Counts, Report};
pub use shift::{Shift, ShiftConfig};

use board::Board;

/// How to start the MES.
#[derive(Clone, Debug, Default)]
pub struct MesConfig {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
}

/// The MES from inside the process. Clones share one board.
#[derive(Clone, Debug)]
pub struct MesHandle {
    board: Arc<Mutex<Board>>,
}

impl MesHandle {
    pub(crate) fn new(_config: &MesConfig) -> Self {
        Self { board: Arc::default() }
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

/// A shift that panicked leaves a board that is still right: every change to it is one call.
fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}
