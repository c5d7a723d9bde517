//! Connections to one upstream, owned by one thread: the one used last is taken first, and a request that an idle
//! connection turned out too old for is sent once more on a new one, where that is safe.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use http::{HeaderMap, Method, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;

use crate::body::Upload;
use crate::connection::{Clock, millis};
use crate::dial::{DialError, Dialer};
use crate::snapshot::Upstream;

/// Whose connections: a scheme, a host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    secure: bool,
    host: String,
    port: u16,
}

impl Address {
    pub(crate) fn of(upstream: &Upstream) -> Self {
        Self { secure: upstream.secure, host: upstream.host.clone(), port: upstream.port }
    }
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
    address: Address,
    config: PoolConfig,
    dialer: Rc<Dialer>,
    clock: Rc<Clock>,
    idle: RefCell<Vec<Idle>>,
}

struct Idle {
    sender: SendRequest<Upload>,
    since: u64,
}

/// A connection on loan for one request. Dropped, it closes; given back, it serves again.
pub(crate) struct Loan {
    sender: SendRequest<Upload>,
    pool: Weak<Pool>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// Nobody is there.
    #[error("no connection: {0}")]
    Unreachable(#[source] DialError),
    /// The connection broke before an answer.
    #[error("the connection broke before an answer: {0}")]
    Broken(#[source] hyper::Error),
}

impl Pool {
    pub(crate) fn new(address: Address, config: PoolConfig, dialer: Rc<Dialer>, clock: Rc<Clock>) -> Rc<Self> {
        Rc::new(Self { address, config, dialer, clock, idle: RefCell::default() })
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn send(
        self: &Rc<Self>,
        request: Request<Upload>,
    ) -> Result<(Response<Incoming>, Loan), SendError> {
        // Connecting is rare and its future large: it lives on the heap, so that the common one stays small.
        let Some(mut sender) = self.take_idle() else { return Box::pin(self.send_new(request)).await };
        let again = Again::of(&request);
        match sender.try_send_request(request).await {
            Ok(answer) => Ok((answer, self.loan(sender))),
            Err(mut error) => {
                // Given back: nothing of it was sent. Otherwise only what may be done twice is sent again.
                let request = error.take_message().or_else(|| again.and_then(Again::request));
                match request {
                    Some(request) => Box::pin(self.send_new(request)).await,
                    None => Err(SendError::Broken(error.into_error())),
                }
            }
        }
    }

    async fn send_new(self: &Rc<Self>, request: Request<Upload>) -> Result<(Response<Incoming>, Loan), SendError> {
        let mut sender = self.connect().await.map_err(SendError::Unreachable)?;
        let answer = sender.send_request(request).await.map_err(SendError::Broken)?;
        Ok((answer, self.loan(sender)))
    }

    fn loan(self: &Rc<Self>, sender: SendRequest<Upload>) -> Loan {
        Loan { sender, pool: Rc::downgrade(self) }
    }

    async fn connect(&self) -> Result<SendRequest<Upload>, DialError> {
        let Address { secure, host, port } = &self.address;
        let dialing = self.dialer.dial(*secure, host, *port);
        let stream = tokio::time::timeout(self.config.connect_timeout, dialing).await;
        let stream = stream.map_err(|_| DialError::Late)??;
        let handshake = Builder::new().handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(DialError::Handshake)?;
        tokio::task::spawn_local(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an upstream connection ended");
            }
        });
        sender.ready().await.map_err(DialError::Handshake)?;
        Ok(sender)
    }

    fn take_idle(&self) -> Option<SendRequest<Upload>> {
        let mut idle = self.idle.borrow_mut();
        while let Some(candidate) = idle.pop() {
            if candidate.sender.is_ready() && self.is_fresh(&candidate) {
                return Some(candidate.sender);
            }
        }
        None
    }

    fn keep(&self, sender: SendRequest<Upload>) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < self.config.most_idle {
            idle.push(Idle { sender, since: self.clock.millis() });
        }
    }

    /// Closes what was idle for too long.
    pub(crate) fn sweep(&self) {
        self.idle.borrow_mut().retain(|idle| !idle.sender.is_closed() && self.is_fresh(idle));
    }

    fn is_fresh(&self, idle: &Idle) -> bool {
        self.clock.millis().saturating_sub(idle.since) < millis(self.config.idle_timeout)
    }
}

impl Loan {
    /// Back to the pool, once the connection is ready for another request.
    pub(crate) fn give_back(mut self) {
        let Some(pool) = self.pool.upgrade() else { return };
        if self.sender.is_ready() {
            pool.keep(self.sender);
        } else if !self.sender.is_closed() {
            tokio::task::spawn_local(async move {
                if self.sender.ready().await.is_ok() {
                    pool.keep(self.sender);
                }
            });
        }
    }
}

/// A request that may be sent again after it went out: without a body, and asking for nothing to change.
struct Again {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl Again {
    fn of(request: &Request<Upload>) -> Option<Self> {
        let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        let bare = matches!(request.body(), Upload::Nothing);
        (safe && bare).then(|| Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
        })
    }

    fn request(self) -> Option<Request<Upload>> {
        let mut request = Request::new(Upload::Nothing);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        Some(request)
    }
}
