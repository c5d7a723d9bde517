//! Connections to one upstream, owned by one thread: the one used last is taken first. A request that an idle connection turned out
//! too old for may be sent once more on a new one: what went out of it tells whether that is free.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::TlsConnector;

use crate::body::Upload;
use crate::connection::{Clock, millis};
use crate::dial::{Destination, DialError, Dialer, Trust};
use crate::talk::{Answer, Ask, Talk, TalkError};

/// Whose connections: a scheme, a host and a port, and how it is known there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    pub(crate) secure: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// How it is known over TLS and what it is shown, where not as everywhere.
    pub(crate) trust: Option<Arc<Trust>>,
}

/// How connections are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolConfig {
    pub(crate) most_idle: usize,
    /// Coarse: by the thread's clock.
    pub(crate) idle_timeout: Duration,
    pub(crate) connect_timeout: Duration,
}

/// The idle connections to one upstream.
pub(crate) struct Pool {
    address: Arc<Address>,
    config: PoolConfig,
    dialer: Rc<Dialer>,
    /// TLS where it is known there by more than everywhere.
    tls: OnceCell<TlsConnector>,
    clock: Rc<Clock>,
    idle: RefCell<Vec<Idle>>,
    /// What was saved up for sending again, in thousandths of a request.
    retries: Cell<u32>,
    /// The same, for the age of connections alone.
    replacements: Cell<u32>,
}

/// Takes what one request costs, where so much was saved up.
fn take_one(saved: &Cell<u32>) -> bool {
    let left = saved.get().checked_sub(ONE);
    saved.set(left.unwrap_or(saved.get()));
    left.is_some()
}

/// One request to be sent again, and how many may be saved up for.
const ONE: u32 = 1_000;
const MOST_SAVED: u32 = 10 * ONE;
/// So many thousandths of the reads may be sent again for the age of their connection: that it is closed as something goes out on it is
/// rare, and what breaks more often is not of age.
const OF_AGE: u32 = 20;

struct Idle {
    talk: Box<Talk>,
    since: u64,
}

/// A connection on loan for one request. Dropped, it closes; given back, it may serve again.
pub(crate) struct Loan {
    pub(crate) talk: Box<Talk>,
    pool: Weak<Pool>,
}

/// A request without an answer.
pub(crate) struct Failed {
    pub(crate) error: SendError,
    /// Whether it may be sent again: it did not go out, or it asks for nothing to change.
    pub(crate) again: bool,
    /// Whether that costs the upstream nothing: an idle connection had closed before anything went out on it.
    pub(crate) free: bool,
    /// Whether the connection was used before: then it may have been closed for its age, at the moment of sending.
    pub(crate) reused: bool,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// Nobody is there.
    #[error("no connection: {0}")]
    Unreachable(#[source] DialError),
    /// The connection broke before an answer.
    #[error(transparent)]
    Broken(TalkError),
}

impl Pool {
    pub(crate) fn new(address: Arc<Address>, config: PoolConfig, dialer: Rc<Dialer>, clock: Rc<Clock>) -> Rc<Self> {
        let (tls, idle, retries) = (OnceCell::new(), RefCell::default(), Cell::new(ONE));
        Rc::new(Self { address, config, dialer, tls, clock, idle, retries, replacements: Cell::new(0) })
    }

    /// Sends a request and waits for the head of its answer, whose headers take the place of the request's. What of the
    /// upload did not go out is left where it was.
    pub(crate) async fn send(
        self: &Rc<Self>,
        ask: &mut Ask<'_>,
        upload: &mut Upload,
        connect: Option<Duration>,
    ) -> Result<(Answer, Loan), Failed> {
        // Connecting is rare and its future large: it lives on the heap, so that the common one stays small.
        let Some(talk) = self.take_idle() else { return Box::pin(self.send_anew(ask, upload, connect)).await };
        self.say(talk, ask, upload).await.map_err(|failed| Failed { reused: true, ..failed })
    }

    /// The same over a new connection.
    pub(crate) async fn send_anew(
        self: &Rc<Self>,
        ask: &mut Ask<'_>,
        upload: &mut Upload,
        connect: Option<Duration>,
    ) -> Result<(Answer, Loan), Failed> {
        let unreachable =
            |error| Failed { error: SendError::Unreachable(error), again: true, free: false, reused: false };
        let talk = self.connect(connect).await.map_err(unreachable)?;
        let unanswered = |failed| Failed { free: false, ..failed };
        self.say(talk, ask, upload).await.map_err(unanswered)
    }

    async fn say(
        self: &Rc<Self>,
        mut talk: Box<Talk>,
        ask: &mut Ask<'_>,
        upload: &mut Upload,
    ) -> Result<(Answer, Loan), Failed> {
        let bodiless = matches!(upload, Upload::Nothing);
        talk.begin(ask, std::mem::replace(upload, Upload::Nothing));
        let error = match talk_over(&mut talk, ask).await {
            Ok(answer) => return Ok((answer, self.loan(talk))),
            Err(error) => error,
        };
        let broke = !matches!(error, TalkError::Upload(_) | TalkError::Answer(_));
        // Nothing of it went out, or it asks for nothing to change. INVARIANT: ONE-EFFECT
        let unsent = if broke { talk.unsent() } else { None };
        let again = unsent.is_some() || (broke && bodiless && ask.is_safe());
        let free = unsent.is_some();
        if let Some(unsent) = unsent {
            *upload = unsent;
        }
        Err(Failed { error: SendError::Broken(error), again, free, reused: false })
    }

    /// Takes in that a request goes out, of which so many thousandths may be sent a second time.
    pub(crate) fn earn(&self, thousandths: u32) {
        if thousandths > 0 {
            self.retries.set((self.retries.get() + thousandths).min(MOST_SAVED));
        }
        self.replacements.set((self.replacements.get() + OF_AGE).min(MOST_SAVED));
    }

    /// Whether one more may be sent a second time.
    pub(crate) fn may_send_again(&self) -> bool {
        take_one(&self.retries)
    }

    /// Whether one more may be sent a second time for the age of its connection alone, where nothing else may be.
    pub(crate) fn may_replace(&self) -> bool {
        take_one(&self.replacements)
    }

    fn loan(self: &Rc<Self>, talk: Box<Talk>) -> Loan {
        Loan { talk, pool: Rc::downgrade(self) }
    }

    async fn connect(&self, within: Option<Duration>) -> Result<Box<Talk>, DialError> {
        let Address { secure, host, port, trust } = &*self.address;
        let (round, trust) = (self.round(), trust.as_deref());
        let dialing = self.dialer.dial(Destination { secure: *secure, host, port: *port, trust, tls: &self.tls });
        let stream = tokio::time::timeout(within.unwrap_or(self.config.connect_timeout), dialing).await;
        Ok(Box::new(Talk::new(stream.map_err(|_| DialError::Late)??, round)))
    }

    fn round(&self) -> u32 {
        self.dialer.round(self.address.trust.as_deref())
    }

    fn take_idle(&self) -> Option<Box<Talk>> {
        let mut idle = self.idle.borrow_mut();
        while let Some(mut candidate) = idle.pop() {
            if self.is_fresh(&candidate) && !candidate.talk.is_stale() {
                return Some(candidate.talk);
            }
        }
        None
    }

    /// Closes what was idle for too long.
    pub(crate) fn sweep(&self) {
        self.idle.borrow_mut().retain(|idle| self.is_fresh(idle));
    }

    fn is_fresh(&self, idle: &Idle) -> bool {
        idle.talk.round() == self.round()
            && self.clock.millis().saturating_sub(idle.since) < millis(self.config.idle_timeout)
    }
}

async fn talk_over(talk: &mut Talk, ask: &mut Ask<'_>) -> Result<Answer, TalkError> {
    let parts = &mut ask.parts;
    poll_fn(|cx| talk.poll_answer(cx, &parts.method, &mut parts.headers)).await
}

impl Loan {
    /// Back to the pool, where the connection may serve another request.
    pub(crate) fn give_back(self) {
        let Some(pool) = self.pool.upgrade() else { return };
        let mut idle = pool.idle.borrow_mut();
        if self.talk.is_reusable() && idle.len() < pool.config.most_idle {
            idle.push(Idle { talk: self.talk, since: pool.clock.millis() });
        }
    }
}
