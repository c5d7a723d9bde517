//! Many lanes that wait for their next attempt: the log is read on behind them, for those of others. Only where nothing arrives any
//! more, whichever lane is tried, it is read in steps with pauses between: then the lanes are not what fails.

use std::time::Duration;

use jiff::Timestamp;

/// So many lanes are many.
pub(super) const MANY: usize = 1_000;
/// So many lanes were set aside one after the other, and nothing arrived between.
const MOST_IN_VAIN: usize = 1_000;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(super) struct Crowd {
    /// Lanes that were set aside since something arrived.
    in_vain: usize,
    pauses: u32,
    /// The log is read next at this time.
    read_at: Option<Timestamp>,
}

impl Crowd {
    pub(super) fn set_aside(&mut self) {
        self.in_vain += 1;
    }

    pub(super) fn arrived(&mut self) {
        *self = Self::default();
    }

    /// Whether the log is read in steps, with so many lanes that wait.
    pub(super) fn steps(&self, waiting: usize) -> bool {
        waiting >= MANY && self.in_vain >= MOST_IN_VAIN
    }

    pub(super) fn may_read(&self, waiting: usize, now: Timestamp) -> bool {
        !self.steps(waiting) || self.read_at.is_none_or(|at| at <= now)
    }

    /// A step was read.
    pub(super) fn has_read(&mut self, waiting: usize, now: Timestamp) {
        if self.steps(waiting) {
            let pause = FIRST_PAUSE.saturating_mul(1 << self.pauses.min(10)).min(LAST_PAUSE);
            self.pauses = self.pauses.saturating_add(1);
            self.read_at = now.checked_add(pause).ok();
        }
    }

    /// When the next step is, where it is still to come.
    pub(super) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        self.read_at.filter(|at| *at > now)
    }
}
