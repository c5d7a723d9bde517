//! The time of a thread, looked at once a sweep: coarse, and free. A pause of the whole thread is noticed by it, and held against nobody.

use std::cell::Cell;
use std::time::Instant;

use jiff::Timestamp;

use super::millis;

/// In milliseconds: a sweep that comes so late comes after a pause of the whole thread, and for how long after it nobody is slow, so that
/// what has come meanwhile is read before it is missed.
const PAUSE: u64 = 1_000;
const AFTER_PAUSE: u64 = 250;

/// The time, as of the thread's last sweep.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    millis: Cell<u64>,
    wall: Cell<Timestamp>,
    /// Until when a pause that was is not held against anybody.
    lenient: Cell<u64>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let wall = Cell::new(Timestamp::now());
        Self { started: Instant::now(), millis: Cell::new(0), wall, lenient: Cell::new(0) }
    }

    /// Looks at the time.
    pub(crate) fn tick(&self) {
        self.is(millis(self.started.elapsed()));
        self.wall.set(Timestamp::now());
    }

    fn is(&self, now: u64) {
        if now.saturating_sub(self.millis.replace(now)) > PAUSE {
            self.lenient.set(now.saturating_add(AFTER_PAUSE));
        }
    }

    /// Whether the thread goes on after a pause just now.
    pub(super) fn is_after_pause(&self) -> bool {
        self.millis() < self.lenient.get()
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

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::super::{SWEEP, Watch};
    use super::*;
    use crate::config::GatewayConfig;

    /// A head, a body and a client that takes nothing: each of them may have moved on while nobody looked.
    #[test]
    fn a_pause_of_the_thread_makes_nobody_slow() {
        let config = GatewayConfig::default();
        let limit = millis(config.head_timeout.max(config.stall_timeout));
        for what in ["head", "body", "answer"] {
            let clock = Rc::new(Clock::new());
            let watch = Watch::new(Rc::clone(&clock));
            match what {
                "head" => watch.hears(),
                "body" => watch.comes(false),
                _ => watch.takes(false),
            }
            clock.is(PAUSE);
            let after = PAUSE + limit + 2 * PAUSE;
            // Missed sweeps are made up for at once.
            for now in [after, after + 1, after + 2] {
                clock.is(now);
                assert!(!watch.is_overdue(&config), "{what}: it went on meanwhile, perhaps");
            }
            clock.is(after + AFTER_PAUSE);
            assert!(watch.is_overdue(&config), "{what}: it did not");
        }
        let clock = Rc::new(Clock::new());
        let watch = Watch::new(Rc::clone(&clock));
        watch.hears();
        let sweeps = 1..=millis(config.head_timeout) / millis(SWEEP) + 2;
        let overdue = sweeps.filter(|sweep| {
            clock.is(sweep * millis(SWEEP));
            watch.is_overdue(&config)
        });
        assert!(overdue.count() > 0, "nor does it help anybody without a pause");
    }
}
