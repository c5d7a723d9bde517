//! What a stream flows by: the grant and the key that opened it. Bodies and tunnels may go on for hours; they are asked about
//! again when another snapshot comes, or none can be heard of, and end where their right has ended or was narrowed.
//! INVARIANT: REVOKED-NOW

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use http::{Method, Uri};
use jiff::Timestamp;
use selvage_model::code;
use selvage_model::problem::Problem;

use crate::connection::Clock;
use crate::decide::{Permit, refuses_until};
use crate::refusal::Refusal;
use crate::serve::Asked;
use crate::snapshot::{Ends, HeldBy, earlier};
use crate::timed::Timed;
use crate::worker::{Local, Worker};

/// The right by which one stream flows.
pub(crate) struct Held {
    worker: Rc<Worker>,
    /// The snapshot that it was last found good by.
    found_good: RefCell<Rc<Local>>,
    right: HeldBy,
    /// When it ends by itself.
    ends: Cell<Ends>,
    /// The condition that it stands under, where that looks at the time.
    timed: Option<Box<Timed>>,
    /// The brownout of its interface that is on, or comes next.
    brownout: Cell<Option<(Timestamp, Timestamp)>>,
    /// How long it flows while the access state is not heard, in nanoseconds.
    serves_for: u64,
    /// Since when, in milliseconds of the thread's clock.
    since: u64,
    waker: Waiting,
    waits: Cell<bool>,
}

/// What began so short a time ago is an answer in hand, which is given; what is older is a stream, which is cut.
const IN_HAND: u64 = 1_000;

/// Whom to wake when another snapshot comes.
type Waiting = Rc<RefCell<Option<Waker>>>;

/// Streams that wait for their next byte, on one thread.
#[derive(Default)]
pub(crate) struct Waiters {
    all: RefCell<Vec<Weak<RefCell<Option<Waker>>>>>,
    /// Until when they look again whether they may still flow.
    look_until: Cell<u64>,
    /// When the right of one of them ends, or has to be judged again, the first that does.
    ends: Cell<Ends>,
}

impl Waiters {
    /// Another snapshot came: has each look whether it may still flow, until every one is old enough to be cut.
    pub(crate) fn look(&self, now: u64) {
        self.look_until.set(now + 2 * IN_HAND);
        self.wake();
    }

    fn wake(&self) {
        for waiting in self.all.borrow().iter().filter_map(Weak::upgrade) {
            if let Some(waker) = waiting.borrow().as_ref() {
                waker.wake_by_ref();
            }
        }
    }

    /// Forgets streams that have ended.
    pub(crate) fn sweep(&self, clock: &Clock, is_deaf: bool) {
        self.all.borrow_mut().retain(|waiting| waiting.strong_count() > 0);
        let one_ends = self.ends.get().is_some_and(|ends| ends <= clock.wall());
        if one_ends {
            // Whoever still waits says anew when it ends.
            self.ends.set(None);
        }
        if clock.millis() < self.look_until.get() || is_deaf || one_ends {
            self.wake();
        }
    }
}

impl<'a> Asked<'a> {
    /// The refusal where changes of the access state may have been missed for longer than is declared.
    /// INVARIANT: REVOKED-NOW: by a clock that goes on while the process is stopped.
    pub(crate) fn unheard(self, now: u64, serves_for: u64) -> Option<Refusal<'a>> {
        let deaf = self.worker.shared.books.deaf(now);
        (deaf > serves_for).then(|| Refusal::unheard(deaf))
    }

    /// Why a request that was waited for does not go on: its right ended while its body came.
    pub(crate) fn ended_meanwhile(self, permit: &Permit<'_>) -> Option<Problem> {
        let nanos = self.worker.shared.books.nanos(Instant::now());
        if let Some(refusal) = self.unheard(nanos, permit.served.serves_for) {
            return Some(refusal.problem);
        }
        let now = self.worker.local();
        let ends = match Arc::ptr_eq(&now.live, &self.local.live) {
            true => Some(permit.ends),
            false => now.live.snapshot.still_opens(&self.held_by(permit)),
        };
        if ends.is_some_and(|ends| ends.is_none_or(|ends| ends > self.worker.clock.wall())) {
            return None;
        }
        Some(ended())
    }

    /// Why an answer that was long in coming is not given: the right to it ended meanwhile, or the process stood still and cannot
    /// know. What a write did is told all the same.
    pub(crate) fn too_late_to_tell(self, permit: &Permit<'_>, method: &Method) -> Option<Problem> {
        let is_in_hand = self.started.elapsed() < Duration::from_millis(IN_HAND);
        if is_in_hand || !method.is_safe() { None } else { self.ended_meanwhile(permit) }
    }

    /// The right by which a permitted request streams; it asked by this method for this.
    pub(crate) fn held(self, permit: &Permit<'_>, method: &Method, uri: &Uri) -> Held {
        Held::new(self, permit, Timed::of(permit, method, uri, self.now))
    }

    fn held_by(self, permit: &Permit<'_>) -> HeldBy {
        HeldBy {
            opened: Arc::clone(&permit.lease.opened),
            operation: permit.operation,
            key: permit.key,
            proof_ends: permit.proof_ends,
        }
    }
}

/// What a caller is told whose right ended while the request was in hand.
pub(crate) fn ended() -> Problem {
    let detail = "what proved the caller or the grant ended, the grant was narrowed, or the interface was blocked, while \
                  the request was in hand";
    Problem::new(403, code::GRANT_ENDED, detail)
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("right", &self.right).finish_non_exhaustive()
    }
}

impl Held {
    fn new(asked: Asked<'_>, permit: &Permit<'_>, timed: Option<Box<Timed>>) -> Self {
        Self {
            worker: Rc::clone(asked.worker),
            found_good: RefCell::new(Rc::clone(asked.local)),
            right: asked.held_by(permit),
            ends: Cell::new(permit.ends),
            timed,
            brownout: Cell::new(permit.served.next_brownout(asked.now)),
            serves_for: permit.served.serves_for,
            since: asked.worker.clock.millis(),
            waker: Waiting::default(),
            waits: Cell::new(false),
        }
    }

    /// Whether it has ended. Cheap while no other snapshot came.
    pub(crate) fn has_ended(&self) -> bool {
        if self.worker.deaf.get() > self.serves_for {
            return self.is_stream();
        }
        let now = self.worker.local();
        if !Arc::ptr_eq(&now.live, &self.found_good.borrow().live) {
            let Some(ends) = now.live.snapshot.still_opens(&self.right) else { return self.is_stream() };
            self.ends.set(ends);
            self.brownout.set(now.live.snapshot.next_brownout(&self.right, self.worker.clock.wall()));
            *self.found_good.borrow_mut() = now;
        }
        let wall = self.worker.clock.wall();
        let is_over = self.ends.get().is_some_and(|ends| ends <= wall);
        (is_over || self.timed.as_ref().is_some_and(|timed| self.is_untimely(timed, wall))) && self.is_stream()
    }

    /// Why nothing is told for a while, where that is so: a declared brownout has begun.
    /// INVARIANT: LIVE-LIFECYCLE
    pub(crate) fn pauses(&self) -> Option<Problem> {
        let (from, ends) = self.brownout.get()?;
        let wall = self.worker.clock.wall();
        (from <= wall && wall < ends).then(|| refuses_until(ends, wall))
    }

    /// Whether an answer that streams is cut: the right to it ended, or a declared brownout began.
    pub(crate) fn is_cut(&self) -> bool {
        self.has_ended() || (self.is_stream() && self.pauses().is_some())
    }

    fn is_stream(&self) -> bool {
        self.worker.clock.millis().saturating_sub(self.since) >= IN_HAND
    }

    /// Whether the condition holds no longer, and no other grant opens as much whatever the time is.
    fn is_untimely(&self, timed: &Timed, wall: Timestamp) -> bool {
        !timed.holds(wall) && !self.worker.local().live.snapshot.opens_at_any_time(&self.right)
    }

    /// Whether the node ends.
    pub(crate) fn is_draining(&self) -> bool {
        self.worker.is_draining()
    }

    /// Wakes this task when another snapshot comes.
    pub(crate) fn wait(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        let waiters = &self.worker.waiters;
        let look = earlier(self.ends.get(), self.timed.as_ref().and_then(|timed| timed.next()));
        // What flows on in a brownout is not woken for it again and again.
        let begins = self.brownout.get().map(|(from, _)| from).filter(|from| *from > self.worker.clock.wall());
        let look = earlier(look, begins);
        waiters.ends.set(earlier(waiters.ends.get(), look));
        if !self.waits.replace(true) {
            waiters.all.borrow_mut().push(Rc::downgrade(&self.waker));
        }
    }
}
