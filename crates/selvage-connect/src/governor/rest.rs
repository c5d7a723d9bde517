//! When a database is left alone because call after call finds no answer, and how it is tried again: by one call. Pure; the time is
//! an argument. What a caller did wrong never counts, only what came of reaching the server.

use std::time::Duration;

use super::outcome::Outcome;

/// So many calls in a row without an answer, and it is left alone.
const MOST_FAILURES: u32 = 8;
/// How long it is left alone at first; doubled each time that a try fails.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(15);
/// When to come again while one call tries.
const SOON: Duration = Duration::from_secs(1);

/// Whether calls are made of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All are.
    Asked,
    /// One is, to see whether it answers again.
    Tried,
    /// None is.
    LeftAlone,
}

/// What is known of whether the database answers.
#[derive(Debug)]
pub(super) struct Rest {
    /// Calls in a row without an answer.
    failures: u32,
    /// Until when it is left alone; none while all calls are made.
    until: Option<Duration>,
    /// How long it is left alone the next time.
    span: Duration,
    /// Whether a call tries it.
    tried: bool,
    /// How often that began.
    pub(super) times: u64,
}

impl Rest {
    pub(super) fn new() -> Self {
        Self { failures: 0, until: None, span: FIRST, tried: false, times: 0 }
    }

    /// When a call may come again that cannot be made now.
    pub(super) fn refuses(&self, now: Duration) -> Option<Duration> {
        match self.until? {
            until if now < until => Some(until.saturating_sub(now)),
            _ => self.tried.then_some(SOON),
        }
    }

    /// Lets a call be made, saying whether it is the one that tries; or says when to come again.
    pub(super) fn enter(&mut self, now: Duration) -> Result<bool, Duration> {
        if let Some(after) = self.refuses(now) {
            return Err(after);
        }
        self.tried = self.until.is_some();
        Ok(self.tried)
    }

    /// Takes in how a call ended; whether the database is left alone from now on.
    pub(super) fn heard(&mut self, outcome: Outcome, tries: bool, now: Duration) -> bool {
        let answers = answers(outcome);
        if tries {
            self.tried = false;
            return match answers {
                Some(true) => {
                    *self = Self { times: self.times, ..Self::new() };
                    false
                }
                Some(false) => self.leave_alone(now),
                // Nobody waited for it: another one tries.
                None => false,
            };
        }
        // What was sent before says nothing about now.
        if self.until.is_some() {
            return false;
        }
        match answers {
            Some(true) => self.failures = 0,
            Some(false) => self.failures += 1,
            None => {}
        }
        self.failures >= MOST_FAILURES && self.leave_alone(now)
    }

    fn leave_alone(&mut self, now: Duration) -> bool {
        self.until = Some(now.saturating_add(self.span));
        self.span = (self.span * 2).min(LONGEST);
        self.times += 1;
        true
    }

    pub(super) fn standing(&self, now: Duration) -> Standing {
        match self.until {
            None => Standing::Asked,
            Some(until) if now < until => Standing::LeftAlone,
            Some(_) => Standing::Tried,
        }
    }
}

/// Whether the server answers, as far as this tells.
fn answers(outcome: Outcome) -> Option<bool> {
    match outcome {
        Outcome::Answered | Outcome::Refused | Outcome::Conflict | Outcome::SlowDown => Some(true),
        Outcome::Lost | Outcome::Unreachable | Outcome::Strange => Some(false),
        Outcome::Dropped => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// One that is left alone since the start of time.
    fn left_alone() -> Rest {
        let mut rest = Rest::new();
        for _ in 1..MOST_FAILURES {
            assert!(!rest.heard(Outcome::Lost, false, at(0)));
        }
        assert!(rest.heard(Outcome::Unreachable, false, at(0)));
        rest
    }

    #[test]
    fn only_failures_in_a_row_count() {
        for answered in [Outcome::Answered, Outcome::Refused, Outcome::Conflict, Outcome::SlowDown] {
            let mut rest = Rest::new();
            for _ in 0..5 {
                for _ in 1..MOST_FAILURES {
                    assert!(!rest.heard(Outcome::Lost, false, at(0)));
                }
                rest.heard(answered, false, at(0));
            }
            assert_eq!(rest.standing(at(0)), Standing::Asked, "{answered:?}");
        }
        let mut rest = Rest::new();
        (0..100).for_each(|_| assert!(!rest.heard(Outcome::Dropped, false, at(0))));
    }

    #[test]
    fn one_call_tries_and_decides() {
        let mut rest = left_alone();
        assert_eq!((rest.enter(at(400)), rest.standing(at(400))), (Err(at(600)), Standing::LeftAlone));
        assert_eq!((rest.enter(at(1_000)), rest.standing(at(1_000))), (Ok(true), Standing::Tried));
        assert_eq!(rest.enter(at(1_000)), Err(SOON), "one is enough");
        rest.heard(Outcome::Dropped, true, at(1_100));
        assert_eq!(rest.enter(at(1_100)), Ok(true), "it went away: another tries");
        assert!(rest.heard(Outcome::Lost, true, at(1_200)));
        assert_eq!(rest.enter(at(1_200)), Err(at(2_000)), "twice as long");
        assert_eq!(rest.enter(at(3_200)), Ok(true));
        assert!(!rest.heard(Outcome::Answered, false, at(3_300)), "what was sent before says nothing");
        assert_eq!(rest.standing(at(3_300)), Standing::Tried);
        rest.heard(Outcome::Refused, true, at(3_400));
        assert_eq!((rest.enter(at(3_400)), rest.standing(at(3_400)), rest.times), (Ok(false), Standing::Asked, 2));
        // It begins anew.
        assert!(!rest.heard(Outcome::Lost, false, at(3_500)));
    }

    #[test]
    fn it_is_never_left_alone_for_long() {
        let (mut rest, mut now) = (left_alone(), at(0));
        for _ in 0..10 {
            now += rest.refuses(now).unwrap();
            assert_eq!(rest.enter(now), Ok(true));
            rest.heard(Outcome::Unreachable, true, now);
        }
        assert_eq!(rest.refuses(now), Some(LONGEST));
    }
}
