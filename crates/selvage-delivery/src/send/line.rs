//! What this node has of one endpoint as one subscription sends to it: its gate, and the connections that are kept open to it; and its part
//! of what all share who send to the same address. Two addresses share nothing, so that neither waits for the other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::address::{Addresses, Berth, Member};
use super::dial::Connection;
use super::gate::{Gate, NotNow, Pass, Went};
use crate::Endpoint;

/// Below what servers commonly allow, so that few are found closed.
const IDLE_FOR: Duration = Duration::from_secs(4);
/// So that a name that leads elsewhere, a certificate or a grant that was taken back is noticed soon.
const MADE_WITHIN: Duration = Duration::from_secs(60);

/// One endpoint.
pub(super) struct Line {
    pub(super) endpoint: Arc<Endpoint>,
    gate: Mutex<Gate>,
    member: Member,
    idle: Mutex<Vec<Connection>>,
}

impl Line {
    pub(super) fn new(endpoint: Arc<Endpoint>, addresses: &Addresses) -> Self {
        let gate = Mutex::new(Gate::new(endpoint.limits));
        let member = addresses.join(&endpoint.url, endpoint.limits);
        Self { endpoint, gate, member, idle: Mutex::default() }
    }

    /// The turn of one message: at the subscription's own gate first, so that no more of it wait at the address than it sends at a time.
    pub(super) async fn enter(self: &Arc<Self>) -> Result<Turn, NotNow> {
        let pass = held(&self.gate).enter(Instant::now())?;
        let mut turn = Turn { line: Arc::clone(self), pass, berth: None, went: None };
        turn.berth = Some(self.member.enter().await?);
        turn.went = Some(Went::Nothing);
        Ok(turn)
    }

    /// A connection that was kept, where there is one that is still of use.
    pub(super) fn kept(&self) -> Option<Connection> {
        let now = Instant::now();
        let mut idle = held(&self.idle);
        idle.retain(|kept| is_fresh(kept, now));
        idle.pop()
    }

    /// Keeps a connection whose answer was read to its end.
    pub(super) fn keep(&self, mut connection: Connection) {
        let now = Instant::now();
        connection.used = now;
        let most = usize::try_from(self.endpoint.limits.concurrency).unwrap_or(usize::MAX).max(1);
        let mut idle = held(&self.idle);
        if idle.len() < most && is_fresh(&connection, now) {
            idle.push(connection);
        }
    }
}

fn is_fresh(connection: &Connection, now: Instant) -> bool {
    let fresh = now.duration_since(connection.used) < IDLE_FOR && now.duration_since(connection.made) < MADE_WITHIN;
    fresh && !connection.sender.is_closed()
}

/// One message at an endpoint. However it ends, its place is free again.
pub(super) struct Turn {
    pub(super) line: Arc<Line>,
    pass: Pass,
    berth: Option<Berth>,
    /// None until it has its place at the address: then it was not sent.
    went: Option<Went>,
}

impl Turn {
    /// How it went, as far as it tells about the endpoint.
    pub(super) fn ends(mut self, went: Went) {
        self.went = Some(went);
        if let Some(berth) = self.berth.take() {
            berth.ends(went);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let (mut gate, now) = (held(&self.line.gate), Instant::now());
        match self.went {
            Some(went) => gate.leave(now, self.pass, went),
            None => gate.unsent(now, self.pass),
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
