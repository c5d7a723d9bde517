//! A client's connection, watched: what it is doing and since when, so that one sweep per thread ends those that
//! send a head too slowly, idle too long or take no bytes, without a timer for each request.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::config::GatewayConfig;

/// Milliseconds since the thread started, as of its last sweep.
#[derive(Debug, Default)]
pub(crate) struct Clock(Cell<u64>);

impl Clock {
    pub(crate) fn set(&self, millis: u64) {
        self.0.set(millis);
    }

    fn now(&self) -> u64 {
        self.0.get()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No byte of the next request has come.
    Idle,
    /// Some bytes of a head have come.
    Head,
    /// A request is in hand; it has timeouts of its own.
    Busy,
}

/// What a connection is doing.
#[derive(Debug)]
pub(crate) struct Watch {
    clock: Rc<Clock>,
    phase: Cell<Phase>,
    since: Cell<u64>,
    /// Since when the client takes no bytes.
    blocked: Cell<Option<u64>>,
    closing: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Watch {
    pub(crate) fn new(clock: Rc<Clock>) -> Self {
        let since = Cell::new(clock.now());
        let waker = RefCell::new(None);
        Self { clock, phase: Cell::new(Phase::Idle), since, blocked: Cell::new(None), closing: Cell::new(false), waker }
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(self.clock.now());
    }

    /// A request is in hand.
    pub(crate) fn busy(&self) {
        self.enter(Phase::Busy);
    }

    /// Its answer is given.
    pub(crate) fn idle(&self) {
        self.enter(Phase::Idle);
    }

    /// Whether it is to be cut off.
    pub(crate) fn is_overdue(&self, config: &GatewayConfig) -> bool {
        let longer = |since: u64, limit: std::time::Duration| {
            u128::from(self.clock.now().saturating_sub(since)) > limit.as_millis()
        };
        let stalled = self.blocked.get().is_some_and(|since| longer(since, config.stall_timeout));
        stalled
            || match self.phase.get() {
                Phase::Idle => longer(self.since.get(), config.idle_timeout),
                Phase::Head => longer(self.since.get(), config.head_timeout),
                Phase::Busy => false,
            }
    }

    /// Asks the connection to close once its request is answered.
    pub(crate) fn close(&self) {
        self.closing.set(true);
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// Whether it is asked to close; otherwise its task is woken when it is.
    pub(crate) fn is_closing(&self, context: &Context<'_>) -> bool {
        if self.closing.get() {
            return true;
        }
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
        false
    }
}

/// The stream of a watched connection.
#[derive(Debug)]
pub(crate) struct Watched {
    stream: TcpStream,
    watch: Rc<Watch>,
}

impl Watched {
    pub(crate) fn new(stream: TcpStream, watch: Rc<Watch>) -> Self {
        Self { stream, watch }
    }

    fn wrote<T>(&self, poll: Poll<T>) -> Poll<T> {
        if poll.is_ready() {
            self.watch.blocked.set(None);
        } else if self.watch.blocked.get().is_none() {
            self.watch.blocked.set(Some(self.watch.clock.now()));
        }
        poll
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before && self.watch.phase.get() == Phase::Idle {
            self.watch.enter(Phase::Head);
        }
        poll
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.wrote(poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
