//! How fast messages are sent: a rate, with as much at once as it has in a second.

use std::time::Duration;

use jiff::Timestamp;
use selvage_model::scalar::Rate;

#[derive(Debug)]
pub(crate) struct Pace {
    /// Between two messages, where there is a rate.
    interval: Option<Duration>,
    /// How far ahead of its time a message may be.
    ahead: Duration,
    /// When the next message would have its own time.
    at: Option<Timestamp>,
}

impl Pace {
    pub(crate) fn new(rate: Option<Rate>) -> Self {
        let interval = rate.map(|rate| rate.per.div_f64(rate.count.max(1) as f64));
        let ahead = interval.map_or(Duration::ZERO, |interval| Duration::from_secs(1).saturating_sub(interval));
        Self { interval, ahead, at: None }
    }

    /// The same messages at another rate.
    pub(crate) fn at_rate(&self, rate: Rate) -> Self {
        Self { at: self.at, ..Self::new(Some(rate)) }
    }

    pub(crate) fn allows(&self, now: Timestamp) -> bool {
        self.next().is_none_or(|at| at <= now)
    }

    /// When the next message may go; none where at any time.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.at.map(|at| at.checked_sub(self.ahead).unwrap_or(at))
    }

    /// One that was spent was not sent.
    pub(crate) fn give_back(&mut self) {
        if let (Some(interval), Some(at)) = (self.interval, self.at) {
            self.at = at.checked_sub(interval).ok();
        }
    }

    pub(crate) fn spend(&mut self, now: Timestamp) {
        if let Some(interval) = self.interval {
            self.at = self.at.map_or(now, |at| at.max(now)).checked_add(interval).ok();
        }
    }
}
