//! A client's connection, watched: what it is doing, since when and until when, so that one sweep per thread ends
//! heads that come too slowly, idleness, clients that take no bytes and answers that are late, without a timer for
//! each request. Times are those of the last sweep: coarse, and free.

mod clock;
mod frames;
mod framing;
mod watched;

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::config::GatewayConfig;
use crate::snapshot::Snapshot;
use crate::tls::ClientsMark;
use crate::tunnel::{Right, Tunnel};
pub(crate) use clock::Clock;
use frames::Frames;
pub(crate) use framing::Doubt;
pub(crate) use watched::Watched;

/// How often the thread sweeps, and how exact its times are.
pub(crate) const SWEEP: Duration = Duration::from_millis(50);
/// How often it is looked at whether a tunnel may go on.
const RIGHTS: Duration = Duration::from_millis(250);
/// How long an answer in hand may go on for a client that is trusted no more.
const IN_HAND: Duration = Duration::from_secs(1);
const NEVER: u64 = u64::MAX;

/// A duration in whole milliseconds.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Since when something does not go on.
fn note(since: &Cell<Option<u64>>, goes_on: bool, now: u64) {
    if goes_on {
        since.set(None);
    } else if since.get().is_none() {
        since.set(Some(now));
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
    /// It is a tunnel, through which a byte went last since then.
    Tunnel,
}

/// What a connection is doing, or one stream of an HTTP/2 connection.
#[derive(Debug)]
pub(crate) struct Watch {
    clock: Rc<Clock>,
    phase: Cell<Phase>,
    since: Cell<u64>,
    /// Since when the client takes no bytes.
    blocked: Cell<Option<u64>>,
    /// Since when a body is waited for of which nothing comes.
    starved: Cell<Option<u64>>,
    /// Which head is under way and since when, where others are in hand beside it.
    heading: Cell<Option<(u64, u64)>>,
    /// When the answer in hand is late.
    deadline: Cell<u64>,
    /// Whether an answer was given that is not all written yet.
    owes: Cell<bool>,
    /// Whether some of a request is left unread when the connection ends.
    unread: Cell<bool>,
    closing: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    /// The connection that it is a stream of.
    connection: Option<Rc<Watch>>,
    /// How many streams it has in hand.
    streams: Cell<u32>,
    /// What it becomes when its answer is given.
    tunnel: RefCell<Option<Box<Tunnel>>>,
    /// By which right it may be a tunnel, and when that was looked at.
    right: RefCell<Option<Box<Right>>>,
    looked: Cell<u64>,
    /// By whose word the client's certificate was taken, where it showed one.
    trusted: RefCell<Option<ClientsMark>>,
    /// Since when it is taken by that no more.
    distrusted: Cell<Option<u64>>,
    /// Whether it has streams: then what comes is not the head of one request.
    multiplexed: Cell<bool>,
    /// Requests that were taken in hand.
    taken: Cell<u64>,
    /// The first request that could be read in two ways, by its number, and why.
    doubt: Cell<Option<(u64, Doubt)>>,
}

/// A request in hand; dropped, it is over.
#[derive(Debug)]
pub(crate) struct InHand(Rc<Watch>);

impl InHand {
    /// Takes note whether a stream's client takes its answer: a connection's own writes tell that only of all together.
    pub(crate) fn takes(&self, takes: bool) {
        if self.0.is_stream() {
            self.0.takes(takes);
        }
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.over();
    }
}

impl Watch {
    pub(crate) fn new(clock: Rc<Clock>) -> Self {
        Self {
            phase: Cell::new(Phase::Idle),
            since: Cell::new(clock.millis()),
            blocked: Cell::new(None),
            starved: Cell::new(None),
            heading: Cell::new(None),
            deadline: Cell::new(NEVER),
            owes: Cell::new(false),
            unread: Cell::new(false),
            closing: Cell::new(false),
            waker: RefCell::new(None),
            connection: None,
            streams: Cell::new(0),
            tunnel: RefCell::new(None),
            right: RefCell::new(None),
            looked: Cell::new(0),
            trusted: RefCell::new(None),
            distrusted: Cell::new(None),
            multiplexed: Cell::new(false),
            taken: Cell::new(0),
            doubt: Cell::new(None),
            clock,
        }
    }

    /// Of a stream of this connection.
    pub(crate) fn stream(connection: &Rc<Self>) -> Self {
        Self { connection: Some(Rc::clone(connection)), ..Self::new(Rc::clone(&connection.clock)) }
    }

    /// Whether it is one stream among others.
    pub(crate) fn is_stream(&self) -> bool {
        self.connection.is_some()
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(self.clock.millis());
    }

    /// From now on it has streams.
    pub(crate) fn multiplex(&self) {
        self.multiplexed.set(true);
        self.enter(Phase::Idle);
    }

    /// How it is followed, where it has streams.
    fn frames(&self) -> Frames {
        Frames::new(self.clock.millis())
    }

    /// Takes note of what has come, where it has streams.
    fn follows(&self, frames: &mut Frames, bytes: &[u8]) -> io::Result<()> {
        let now = self.clock.millis();
        let followed = frames.follow(bytes, now);
        let head = frames.head_under_way();
        let since = self.heading.get().filter(|(before, _)| Some(*before) == head);
        self.heading.set(since.or(head.map(|head| (head, now))));
        followed
    }

    /// Something of the next request has come, or something through the tunnel.
    pub(crate) fn hears(&self) {
        match self.phase.get() {
            Phase::Idle if !self.multiplexed.get() => self.enter(Phase::Head),
            Phase::Tunnel => self.enter(Phase::Tunnel),
            _ => {}
        }
    }

    /// Becomes this when its answer is given.
    pub(crate) fn becomes(&self, tunnel: Tunnel, right: Box<Right>) {
        *self.tunnel.borrow_mut() = Some(Box::new(tunnel));
        *self.right.borrow_mut() = Some(right);
    }

    /// Whether it is a tunnel that may be one no longer; looked at now and then.
    pub(crate) fn has_lost_its_right(&self, snapshot: &Snapshot, deaf: u64) -> bool {
        let now = self.clock.millis();
        if self.phase.get() != Phase::Tunnel || now.saturating_sub(self.looked.get()) < millis(RIGHTS) {
            return false;
        }
        self.looked.set(now);
        self.right.borrow().as_ref().is_some_and(|right| !right.holds(snapshot, self.clock.wall(), deaf))
    }

    /// What it became, where it did.
    pub(crate) fn take_tunnel(&self) -> Option<Box<Tunnel>> {
        let tunnel = self.tunnel.take()?;
        self.enter(Phase::Tunnel);
        Some(tunnel)
    }

    /// Takes a request in hand.
    pub(crate) fn take_in_hand(self: &Rc<Self>) -> InHand {
        if let Some(connection) = &self.connection {
            connection.streams.set(connection.streams.get() + 1);
            connection.enter(Phase::Busy);
        }
        self.taken.set(self.taken.get() + 1);
        self.enter(Phase::Busy);
        InHand(Rc::clone(self))
    }

    /// The request with this number, from 0, could be read in two ways.
    pub(crate) fn doubts(&self, request: u64, doubt: Doubt) {
        self.doubt.set(Some((request, doubt)));
    }

    /// Why the request in hand could be read in two ways, where it could, or one before it.
    pub(crate) fn doubt(&self) -> Option<Doubt> {
        self.doubt.get().filter(|(request, _)| *request < self.taken.get()).map(|(_, doubt)| doubt)
    }

    fn over(&self) {
        self.owes.set(true);
        self.enter(Phase::Idle);
        let Some(connection) = &self.connection else { return };
        let left = connection.streams.get().saturating_sub(1);
        connection.streams.set(left);
        if left == 0 {
            connection.enter(Phase::Idle);
        }
    }

    /// Whether what is written now is no part of an answer that was asked of this program.
    pub(crate) fn owes_nothing(&self) -> bool {
        matches!(self.phase.get(), Phase::Idle | Phase::Head) && !self.owes.get()
    }

    /// What was given is written.
    pub(crate) fn paid(&self) {
        self.owes.set(false);
    }

    /// Some of the request in hand will not be read.
    pub(crate) fn leave_unread(&self) {
        self.unread.set(true);
    }

    /// Whether the client may still be sending what nobody reads.
    pub(crate) fn has_left_unread(&self) -> bool {
        self.unread.get()
    }

    /// Takes note whether the client takes what it is given.
    pub(crate) fn takes(&self, takes: bool) {
        note(&self.blocked, takes, self.clock.millis());
        if takes && self.phase.get() == Phase::Tunnel {
            self.enter(Phase::Tunnel);
        }
    }

    /// Takes note whether a body that is waited for comes.
    pub(crate) fn comes(&self, comes: bool) {
        note(&self.starved, comes, self.clock.millis());
    }

    /// Waits for an answer, but not longer than this: never shorter, and a few sweeps longer at most. One at a time.
    pub(crate) async fn within<F: Future>(&self, limit: Duration, answer: F) -> Option<F::Output> {
        self.deadline.set(self.clock.millis().saturating_add(millis(limit + SWEEP)));
        let mut answer = pin!(answer);
        let mut remembered = !self.is_stream();
        let answer = poll_fn(|cx| match answer.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if self.clock.millis() >= self.deadline.get() => Poll::Ready(None),
            Poll::Pending => {
                // A connection's task is remembered once; each stream has a task of its own.
                if !remembered {
                    self.remember(cx);
                    remembered = true;
                }
                Poll::Pending
            }
        });
        let answer = answer.await;
        self.deadline.set(NEVER);
        answer
    }

    /// Wakes who waits for an answer that is late, or whose body has stopped coming.
    pub(crate) fn look_at_deadline(&self, config: &GatewayConfig) {
        let waits = self.deadline.get() != NEVER;
        if waits && !self.clock.is_after_pause() && self.longer(self.starved.get(), config.stall_timeout) {
            self.deadline.set(0);
        }
        if self.deadline.get() <= self.clock.millis() {
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    fn longer(&self, since: Option<u64>, limit: Duration) -> bool {
        since.is_some_and(|since| self.clock.millis().saturating_sub(since) > millis(limit))
    }

    /// Whether it is to be cut off.
    pub(crate) fn is_overdue(&self, config: &GatewayConfig) -> bool {
        if self.clock.is_after_pause() {
            return false;
        }
        let since = Some(self.since.get());
        // Who waits for an answer is told that its body does not come; later only the end is left.
        let starved = self.deadline.get() == NEVER && self.longer(self.starved.get(), config.stall_timeout);
        self.longer(self.blocked.get(), config.stall_timeout)
            || self.longer(self.heading.get().map(|(_, since)| since), config.head_timeout)
            || starved
            || match self.phase.get() {
                Phase::Idle => self.longer(since, config.idle_timeout),
                Phase::Head => self.longer(since, config.head_timeout),
                Phase::Tunnel => self.longer(since, config.tunnel_idle),
                Phase::Busy => false,
            }
    }

    /// Its client's certificate was taken by these authorities' word.
    pub(crate) fn was_trusted(&self, by: ClientsMark) {
        *self.trusted.borrow_mut() = Some(by);
    }

    /// Asks it to close where one of those by whose word its client's certificate was taken is trusted no more: it may
    /// connect again, and is judged anew. Who is trusted besides them ends nothing. Whether it has gone on for too long
    /// after that. INVARIANT: REVOKED-NOW
    pub(crate) fn outlives_its_trust(&self, now: &ClientsMark) -> bool {
        let is_trusted = |by: &ClientsMark| Arc::ptr_eq(by, now) || by.is_subset(now);
        if self.trusted.borrow().as_ref().is_none_or(is_trusted) {
            return false;
        }
        if self.distrusted.get().is_none() {
            self.distrusted.set(Some(self.clock.millis()));
            self.close();
        }
        self.longer(self.distrusted.get(), IN_HAND)
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

    /// Waits until it is asked to close.
    pub(crate) async fn asked_to_close(&self) {
        poll_fn(|cx| {
            self.remember(cx);
            if self.is_closing() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Remembers the connection's task, to be woken when it is asked to close or its answer is late.
    pub(crate) fn remember(&self, context: &Context<'_>) {
        *self.waker.borrow_mut() = Some(context.waker().clone());
    }
}
