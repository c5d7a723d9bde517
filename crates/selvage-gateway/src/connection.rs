//! A client's connection, watched: what it is doing, since when and until when, so that one sweep per thread ends
//! heads that come too slowly, idleness, clients that take no bytes and answers that are late, without a timer for
//! each request. Times are those of the last sweep: coarse, and free.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::config::GatewayConfig;

/// How often the thread sweeps, and how exact its times are.
pub(crate) const SWEEP: Duration = Duration::from_millis(50);
const NEVER: u64 = u64::MAX;

/// The time, as of the thread's last sweep.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    millis: Cell<u64>,
    wall: Cell<Timestamp>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), millis: Cell::new(0), wall: Cell::new(Timestamp::now()) }
    }

    /// Looks at the time.
    pub(crate) fn tick(&self) {
        self.millis.set(millis(self.started.elapsed()));
        self.wall.set(Timestamp::now());
    }

    /// Milliseconds since the thread started.
    pub(crate) fn millis(&self) -> u64 {
        self.millis.get()
    }

    /// The time of day.
    pub(crate) fn wall(&self) -> Timestamp {
        self.wall.get()
    }
}

/// A duration in whole milliseconds.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
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
    /// When the answer in hand is late.
    deadline: Cell<u64>,
    closing: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Watch {
    pub(crate) fn new(clock: Rc<Clock>) -> Self {
        Self {
            phase: Cell::new(Phase::Idle),
            since: Cell::new(clock.millis()),
            blocked: Cell::new(None),
            deadline: Cell::new(NEVER),
            closing: Cell::new(false),
            waker: RefCell::new(None),
            clock,
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(self.clock.millis());
    }

    /// A request is in hand.
    pub(crate) fn busy(&self) {
        self.enter(Phase::Busy);
    }

    /// Its answer is given.
    pub(crate) fn idle(&self) {
        self.enter(Phase::Idle);
    }

    /// Waits for an answer, but not longer than this: never shorter, and a few sweeps longer at most. One at a time.
    pub(crate) async fn within<F: Future>(&self, limit: Duration, answer: F) -> Option<F::Output> {
        let deadline = self.clock.millis().saturating_add(millis(limit + SWEEP));
        self.deadline.set(deadline);
        let mut answer = pin!(answer);
        let answer = poll_fn(|cx| match answer.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if self.clock.millis() >= deadline => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        let answer = answer.await;
        self.deadline.set(NEVER);
        answer
    }

    /// Wakes who waits for an answer that is late.
    pub(crate) fn look_at_deadline(&self) {
        if self.deadline.get() <= self.clock.millis() {
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// Whether it is to be cut off.
    pub(crate) fn is_overdue(&self, config: &GatewayConfig) -> bool {
        let longer = |since: u64, limit: Duration| self.clock.millis().saturating_sub(since) > millis(limit);
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
        self.wake();
    }

    /// Whether it is asked to close.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.get()
    }

    /// Remembers the connection's task, to be woken when it is asked to close or its answer is late.
    pub(crate) fn remember(&self, context: &Context<'_>) {
        *self.waker.borrow_mut() = Some(context.waker().clone());
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
            self.watch.blocked.set(Some(self.watch.clock.millis()));
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
