//! Whether an endpoint takes anything at all. One that does not is asked by one message at a time, until it takes one; the log is
//! hardly read for it meanwhile, so that a dead endpoint does not fill the store.

use std::time::Duration;

use jiff::Timestamp;
use selvage_model::delivery::Cause;

/// So many sends in a row without an answer, and the endpoint counts as down.
const MOST_FAILURES: u32 = 16;
const FIRST_PROBE: Duration = Duration::from_secs(1);
const LAST_PROBE: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(super) struct Health {
    failures: u32,
    /// When it may be asked again, while it is down.
    probe_at: Option<Timestamp>,
    /// Something may be read since the last probe.
    may_read: bool,
}

impl Health {
    pub(super) fn may_read(&self) -> bool {
        self.may_read
    }

    pub(super) fn has_read(&mut self) {
        self.may_read = false;
    }

    pub(super) fn is_down(&self) -> bool {
        self.failures >= MOST_FAILURES
    }

    pub(super) fn probe_at(&self) -> Option<Timestamp> {
        self.probe_at
    }

    pub(super) fn may_probe(&self, now: Timestamp) -> bool {
        self.probe_at.is_none_or(|at| at <= now)
    }

    /// It took or refused something; says whether it was down.
    pub(super) fn answered(&mut self) -> bool {
        let down = self.is_down();
        *self = Self::default();
        down
    }

    /// It did not take something; says whether it counts as down from now on.
    pub(super) fn failed(&mut self, cause: Cause, now: Timestamp) -> bool {
        if cause != Cause::Timeout {
            return false;
        }
        let before = self.is_down();
        self.failures = self.failures.saturating_add(1);
        if self.is_down() {
            let tries = (self.failures - MOST_FAILURES).min(10);
            let pause = FIRST_PROBE.saturating_mul(1 << tries).min(LAST_PROBE);
            self.probe_at = now.checked_add(pause).ok();
            self.may_read = true;
        }
        !before && self.is_down()
    }
}
