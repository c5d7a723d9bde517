//! What stands between a message and its endpoint: how many are under way, how fast they may follow each other, whether the endpoint
//! asked to be left alone, and whether it failed so often that it is. Time is given; nothing waits here.

use std::time::Duration;

use selvage_model::code;
use selvage_model::scalar::Rate;
use tokio::time::Instant;

use crate::EndpointLimits;

/// So many failures in a row, and it is left alone.
const FAILURES: u32 = 5;
const FIRST_REST: Duration = Duration::from_secs(5);
const LONGEST_REST: Duration = Duration::from_secs(60);
/// When it is worth asking again where all places are taken, or one message tries how the endpoint is.
pub(super) const SOON: Duration = Duration::from_millis(100);

/// Why nothing is sent now, and when it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotNow {
    pub(super) because: String,
    pub(super) retry_after: Duration,
}

/// What is sent while it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pass {
    /// It tries whether the endpoint is well again.
    tries: bool,
}

/// How a message went, as far as it tells about the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Went {
    Well,
    Failed,
    /// It asks to be left alone for so long.
    Later(Duration),
    /// Nothing that tells how the endpoint is.
    Nothing,
}

/// The state of one endpoint at this node.
#[derive(Debug)]
pub(super) struct Gate {
    limits: EndpointLimits,
    under_way: u32,
    /// When the next one is due by the rate, if messages came evenly.
    due: Option<Instant>,
    failures: u32,
    left_alone: Option<Rest>,
}

#[derive(Clone, Copy, Debug)]
struct Rest {
    until: Instant,
    /// How long it was left alone for its failures; zero where it asked for it.
    length: Duration,
    tried: bool,
}

impl Gate {
    pub(super) fn new(limits: EndpointLimits) -> Self {
        Self { limits, under_way: 0, due: None, failures: 0, left_alone: None }
    }

    /// Lets one message pass.
    pub(super) fn enter(&mut self, now: Instant) -> Result<Pass, NotNow> {
        let not_now = |because: &str, retry_after| Err(NotNow { because: because.to_owned(), retry_after });
        if let Some(rest) = self.left_alone {
            let why = if rest.length.is_zero() { "the endpoint asked for it" } else { "it failed too often" };
            if now < rest.until || rest.tried {
                let wait = rest.until.saturating_duration_since(now).max(SOON);
                return not_now(&format!("{}: the endpoint is left alone: {why}", code::ENDPOINT_RESTS), wait);
            }
        }
        if self.under_way >= self.limits.concurrency.max(1) {
            return not_now("as many messages as the endpoint takes at a time are under way", SOON);
        }
        if let Some(wait) = self.too_early(now) {
            return not_now("the endpoint was sent as many messages as its rate allows", wait);
        }
        self.under_way += 1;
        if let Some(rest) = &mut self.left_alone {
            rest.tried = true;
        }
        Ok(Pass { tries: self.left_alone.is_some() })
    }

    /// How long until the rate allows the next one. Counts it where that is now.
    fn too_early(&mut self, now: Instant) -> Option<Duration> {
        let rate = self.limits.rate?;
        let due = self.due.map_or(now, |due| due.max(now));
        let wait = due.saturating_duration_since(now + slack(rate));
        if !wait.is_zero() {
            return Some(wait);
        }
        self.due = Some(due + apart(rate));
        None
    }

    /// One that had passed was not sent: its place is free, and it counts for no rate.
    pub(super) fn unsent(&mut self, now: Instant, pass: Pass) {
        self.leave(now, pass, Went::Nothing);
        if let (Some(rate), Some(due)) = (self.limits.rate, self.due) {
            self.due = due.checked_sub(apart(rate));
        }
    }

    /// Takes in how one went that had passed.
    pub(super) fn leave(&mut self, now: Instant, pass: Pass, went: Went) {
        self.under_way = self.under_way.saturating_sub(1);
        let tried = self.left_alone.filter(|_| pass.tries);
        match went {
            Went::Well => {
                self.failures = 0;
                // One that was sent before it was left alone tells nothing of now.
                if pass.tries {
                    self.left_alone = None;
                }
            }
            Went::Failed => {
                self.failures = self.failures.saturating_add(1);
                if let Some(rest) = tried {
                    self.rest(now, (rest.length * 2).clamp(FIRST_REST, LONGEST_REST));
                } else if self.failures >= FAILURES && self.left_alone.is_none() {
                    self.rest(now, FIRST_REST);
                }
            }
            Went::Later(wait) => {
                let until = now + wait;
                if tried.is_some() || self.left_alone.is_none_or(|rest| rest.until < until) {
                    self.left_alone = Some(Rest { until, length: Duration::ZERO, tried: false });
                }
            }
            Went::Nothing => {
                if let Some(rest) = self.left_alone.as_mut().filter(|_| pass.tries) {
                    rest.tried = false;
                }
            }
        }
    }

    fn rest(&mut self, now: Instant, length: Duration) {
        self.left_alone = Some(Rest { until: now + length, length, tried: false });
    }
}

/// Between two messages that come evenly.
pub(super) fn apart(rate: Rate) -> Duration {
    rate.per / u32::try_from(rate.count).unwrap_or(u32::MAX).max(1)
}

/// How far ahead of its time a message may be: as many go at once as a second has.
pub(super) fn slack(rate: Rate) -> Duration {
    rate.per.min(Duration::from_secs(1)).saturating_sub(apart(rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(concurrency: u32, rate: Option<&str>) -> Gate {
        let rate = rate.map(|rate| rate.parse().unwrap());
        Gate::new(EndpointLimits { rate, concurrency, timeout: Duration::from_secs(1) })
    }

    fn wait(gate: &mut Gate, now: Instant) -> u128 {
        gate.enter(now).unwrap_err().retry_after.as_millis()
    }

    #[test]
    fn no_more_than_its_places() {
        let (mut gate, now) = (gate(2, None), Instant::now());
        let first = gate.enter(now).unwrap();
        gate.enter(now).unwrap();
        assert_eq!(wait(&mut gate, now), 100);
        gate.leave(now, first, Went::Nothing);
        assert!(gate.enter(now).is_ok());
    }

    #[test]
    fn no_faster_than_its_rate() {
        let now = Instant::now();
        let at = |ms| now + Duration::from_millis(ms);
        let mut quick = gate(100, Some("4/s"));
        for _ in 0..4 {
            quick.enter(now).unwrap();
        }
        assert_eq!(wait(&mut quick, now), 250);
        assert!(quick.enter(at(250)).is_ok());
        assert_eq!(wait(&mut quick, at(250)), 250);
        let mut slow = gate(100, Some("2/m"));
        let pass = slow.enter(now).unwrap();
        assert_eq!(wait(&mut slow, now), 30_000);
        slow.unsent(now, pass);
        assert!(slow.enter(now).is_ok(), "what was not sent counts for no rate");
    }

    #[test]
    fn one_that_fails_is_left_alone_and_tried_by_one() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let mut gate = gate(10, None);
        for _ in 0..FAILURES {
            let pass = gate.enter(now).unwrap();
            gate.leave(now, pass, Went::Failed);
        }
        assert_eq!(wait(&mut gate, at(1)), 4_000);
        let tries = gate.enter(at(5)).unwrap();
        assert_eq!(wait(&mut gate, at(5)), 100, "one tries, the others wait");
        gate.leave(at(5), tries, Went::Failed);
        assert_eq!(wait(&mut gate, at(6)), 9_000, "twice as long");
        let tries = gate.enter(at(15)).unwrap();
        gate.leave(at(15), tries, Went::Nothing);
        let tries = gate.enter(at(15)).unwrap();
        gate.leave(at(15), tries, Went::Well);
        gate.enter(at(15)).unwrap();
        assert!(gate.enter(at(15)).is_ok());
    }

    #[test]
    fn failures_between_successes_open_nothing() {
        let (mut gate, now) = (gate(10, None), Instant::now());
        for round in 0..20 {
            let pass = gate.enter(now).unwrap();
            gate.leave(now, pass, if round % 4 == 3 { Went::Well } else { Went::Failed });
        }
    }

    #[test]
    fn one_that_asks_for_it_is_left_alone_by_all() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let mut gate = gate(10, None);
        let (one, other) = (gate.enter(now).unwrap(), gate.enter(now).unwrap());
        gate.leave(now, one, Went::Later(Duration::from_secs(30)));
        gate.leave(now, other, Went::Well);
        assert_eq!(wait(&mut gate, at(1)), 29_000, "an older answer does not end it");
        let tries = gate.enter(at(30)).unwrap();
        gate.leave(at(30), tries, Went::Well);
        assert!(gate.enter(at(30)).is_ok());
    }
}
