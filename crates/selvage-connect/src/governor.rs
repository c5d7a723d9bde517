//! The governor of a database: how many calls are made of it at a time and in a second, whoever makes them, and whose turn
//! it is. It makes no calls and never looks at one; what cannot begin in time is turned away before anything was sent.

mod baseline;
mod bucket;
mod count;
mod limit;
mod outcome;
mod priority;
mod queue;
mod registry;
mod rest;
mod spare;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use selvage_model::manifest::system::{AccountLimits, Bounds};
use tokio::sync::Notify;
use tokio::time::Instant;

pub use self::count::{WAITS, Waits};
pub use self::outcome::Outcome;
pub use self::priority::Priority;
pub use self::registry::{Database, Governors};
pub use self::rest::Standing as RestStanding;

use self::queue::{Queue, Standing, Ticket, Turn};
use self::rest::Rest;
use self::spare::Spare;

/// The governor of one database. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct Governor {
    shared: Arc<Shared>,
}

struct Shared {
    origin: Instant,
    state: Mutex<State>,
}

struct State {
    queue: Queue,
    rest: Rest,
    spare: Spare,
    sleepers: HashMap<Ticket, Arc<Notify>>,
    /// Who sleeps until the rate lets it begin, and when that is.
    alarm: Option<(Ticket, Duration)>,
}

/// What is to be called, and how long its caller waits for it to begin.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The account that makes the call.
    pub account: &'a str,
    /// How urgent it is.
    pub priority: Priority,
    /// How long it may wait.
    pub patience: Duration,
}

/// A call was not begun: nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy {
    /// When it may be asked again with a chance, where that can be known.
    pub after: Option<Duration>,
    /// More urgent calls than can wait are waiting already.
    pub full: bool,
    /// Call after call found no answer, and the database is left alone for a while.
    pub rests: bool,
}

/// How a governor stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What is declared.
    pub bounds: Bounds,
    /// Calls at a time that were learnt to be borne.
    pub limit: usize,
    /// Each priority, the most urgent first.
    pub priorities: Vec<PriorityReport>,
    /// Calls that have ended, by how.
    pub outcomes: Vec<(Outcome, u64)>,
    /// Whether calls are made at all.
    pub rest: RestStanding,
    /// How often the database was left alone.
    pub rests: u64,
    /// Reads that were sent a second time.
    pub repeated: u64,
}

/// How one priority stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriorityReport {
    /// Which.
    pub priority: Priority,
    /// Calls that wait.
    pub waiting: usize,
    /// Calls under way.
    pub under_way: usize,
    /// Calls that were turned away.
    pub turned_away: u64,
    /// How long those that began had waited.
    pub waits: Waits,
}

impl Governor {
    /// A governor with nothing under way.
    pub fn new(bounds: Bounds) -> Self {
        let queue = Queue::new(bounds, Duration::ZERO);
        let state = State { queue, rest: Rest::new(), spare: Spare::new(), sleepers: HashMap::new(), alarm: None };
        Self { shared: Arc::new(Shared { origin: Instant::now(), state: Mutex::new(state) }) }
    }

    /// Other bounds from now on; what is under way goes on.
    pub fn declare(&self, bounds: Bounds) {
        self.shared.change(|queue, now| queue.declare(bounds, now));
    }

    /// What an account may from now on, within the bounds of all.
    pub fn declare_account(&self, account: &str, limits: AccountLimits) {
        self.shared.change(|queue, now| queue.declare_account(account, limits, now));
    }

    /// Waits until a call may be made. Dropped, it no longer waits.
    ///
    /// # Errors
    /// [`Busy`] where that cannot be in time.
    pub async fn begin(&self, wish: Wish<'_>) -> Result<Pass, Busy> {
        let Wish { account, priority, patience } = wish;
        if let Some(after) = self.shared.lock().rest.refuses(self.shared.now()) {
            return Err(Busy { after: Some(after), full: false, rests: true });
        }
        let entered = self.shared.change(|queue, now| (queue.enter(account, priority, patience, now), now));
        let (entered, since) = entered;
        let (ticket, shed) = entered?;
        if let Some(shed) = shed {
            self.shared.lock().wake(shed);
        }
        let place = Place { shared: &self.shared, ticket: Some(ticket) };
        let mut pass = place.wait(priority, since.saturating_add(patience)).await?;
        // While it waited, the database may have ceased to answer.
        let now = self.shared.now();
        pass.tries = self.shared.lock().rest.enter(now).map_err(|after| Busy {
            after: Some(after),
            full: false,
            rests: true,
        })?;
        self.shared.lock().spare.save();
        Ok(pass)
    }

    /// Whether a read that found no answer may be sent once more.
    pub fn may_repeat(&self) -> bool {
        let mut state = self.shared.lock();
        state.rest.refuses(self.shared.now()).is_none() && state.spare.take()
    }

    /// How it stands.
    pub fn report(&self) -> Report {
        let state = self.shared.lock();
        let queue = &state.queue;
        let report = |priority| {
            let (waiting, under_way) = queue.load(priority);
            PriorityReport {
                priority,
                waiting,
                under_way,
                turned_away: queue.counts.turned_away.get(&priority).copied().unwrap_or(0),
                waits: queue.counts.waits.get(&priority).copied().unwrap_or_default(),
            }
        };
        Report {
            bounds: queue.bounds(),
            limit: queue.limit(),
            priorities: Priority::ALL.into_iter().map(report).collect(),
            outcomes: queue.counts.outcomes.iter().map(|(outcome, count)| (*outcome, *count)).collect(),
            rest: state.rest.standing(self.shared.now()),
            rests: state.rest.times,
            repeated: state.spare.taken,
        }
    }
}

impl Shared {
    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and lets those begin who may after that.
    fn change<T>(&self, change: impl FnOnce(&mut Queue, Duration) -> T) -> T {
        let now = self.now();
        let mut state = self.lock();
        let made = change(&mut state.queue, now);
        state.pump(now);
        made
    }
}

impl State {
    fn pump(&mut self, now: Duration) {
        loop {
            match self.queue.turn(now) {
                Turn::Begun(ticket) => self.wake(ticket),
                Turn::At(ticket, at) => {
                    // Whoever is next sleeps until then itself.
                    if self.alarm.replace((ticket, at)) != Some((ticket, at)) {
                        self.wake(ticket);
                    }
                    return;
                }
                Turn::Nobody => {
                    self.alarm = None;
                    return;
                }
            }
        }
    }

    fn wake(&self, ticket: Ticket) {
        if let Some(sleeper) = self.sleepers.get(&ticket) {
            sleeper.notify_one();
        }
    }
}

/// A place in the queue. Dropped, it is given up.
struct Place<'a> {
    shared: &'a Arc<Shared>,
    ticket: Option<Ticket>,
}

/// What a waiting call does next.
enum Next {
    Begin,
    Sleep(Arc<Notify>, Duration),
    Busy(Busy),
}

impl Place<'_> {
    async fn wait(mut self, priority: Priority, deadline: Duration) -> Result<Pass, Busy> {
        let Some(ticket) = self.ticket else {
            return Err(Busy { after: None, full: false, rests: false });
        };
        loop {
            match self.next(ticket, priority, deadline) {
                Next::Begin => {
                    self.ticket = None;
                    return Ok(Pass { shared: Arc::clone(self.shared), ticket: Some(ticket), tries: false });
                }
                Next::Busy(busy) => return Err(busy),
                Next::Sleep(notify, until) => {
                    tokio::select! {
                        () = notify.notified() => {}
                        () = tokio::time::sleep_until(self.shared.origin + until) => {}
                    }
                }
            }
        }
    }

    fn next(&self, ticket: Ticket, priority: Priority, deadline: Duration) -> Next {
        let now = self.shared.now();
        let mut state = self.shared.lock();
        state.pump(now);
        match state.queue.standing(ticket) {
            Standing::Begun => {
                state.sleepers.remove(&ticket);
                Next::Begin
            }
            Standing::TurnedAway => Next::Busy(state.queue.busy(priority, now, true)),
            Standing::Waiting if now >= deadline => Next::Busy(state.queue.give_up(ticket, priority, now)),
            Standing::Waiting => {
                let alarm = state.alarm.filter(|(next, _)| *next == ticket).map_or(deadline, |(_, at)| at);
                let notify = Arc::clone(state.sleepers.entry(ticket).or_default());
                Next::Sleep(notify, alarm.min(deadline))
            }
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.shared.change(|queue, now| queue.leave(ticket, now));
            self.shared.lock().sleepers.remove(&ticket);
        }
    }
}

/// The right to make one call. Dropped without having been ended, the call counts as abandoned.
pub struct Pass {
    shared: Arc<Shared>,
    ticket: Option<Ticket>,
    /// Whether it is the call that tries a database which was left alone.
    tries: bool,
}

impl Pass {
    /// The call has ended like this. Calls of one kind, as `product.product.read`, are compared with each other.
    pub fn end(mut self, kind: &str, outcome: Outcome) {
        self.leave(kind, outcome);
    }

    fn leave(&mut self, kind: &str, outcome: Outcome) {
        if let Some(ticket) = self.ticket.take() {
            let now = self.shared.now();
            if self.shared.lock().rest.heard(outcome, self.tries, now) {
                tracing::warn!("a system does not answer, call after call, and is left alone for a while");
            }
            self.shared.change(|queue, now| queue.end(ticket, kind, outcome, now));
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.leave("", Outcome::Dropped);
    }
}

#[cfg(test)]
mod tests;
