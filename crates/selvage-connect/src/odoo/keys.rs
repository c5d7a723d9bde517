//! Which key of an account is used: the first, until the server refuses it, then the one that takes its place. Where both are
//! refused nothing is sent for a while: a wrong key must never become a storm of logins, which locks the account.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Odoo;
use super::config::{OdooConfig, Secret};
use super::failure::Failure;

/// How long nothing is sent after every key was refused; twice as long each time, up to the longest.
const FIRST_REST: Duration = Duration::from_secs(10);
const LONGEST_REST: Duration = Duration::from_secs(300);

/// What is known of the keys of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyState {
    /// The first is used.
    #[default]
    First,
    /// The first is not accepted any more; the next is used.
    Next,
    /// None is accepted.
    None,
}

/// Which key is used; shared by all handles of an account.
#[derive(Debug, Default)]
pub(super) struct Keys {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    on_next: bool,
    rest: Option<Rest>,
}

/// Every key was refused.
#[derive(Clone, Copy, Debug)]
struct Rest {
    /// How often in a row.
    times: u32,
    /// Nothing is sent before.
    until: Instant,
}

/// Which key was taken, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    is_next: bool,
    /// How often every key had been refused when it was taken: of the calls that were under way together, one counts.
    round: u32,
}

/// A key as it is used.
#[derive(Clone, Copy)]
pub(super) struct Key<'c> {
    pub(super) mark: Mark,
    pub(super) secret: &'c Secret,
}

impl Keys {
    /// The key to send now.
    ///
    /// # Errors
    /// `Unauthenticated`, without anything being sent, while every key rests.
    pub(super) fn current<'c>(&self, config: &'c OdooConfig, now: Instant) -> Result<Key<'c>, Failure> {
        let mut inner = self.lock();
        let round = match &mut inner.rest {
            None => 0,
            Some(rest) if now < rest.until => return Err(Failure::Unauthenticated),
            Some(rest) => {
                // One asks again; the others go on resting until it has learnt more.
                rest.until = now + length(rest.times);
                rest.times
            }
        };
        Ok(match &config.next {
            Some(next) if inner.on_next && round == 0 => Key { mark: Mark { is_next: true, round }, secret: next },
            _ => Key { mark: Mark { is_next: false, round }, secret: &config.secret },
        })
    }

    /// The server refused this key. Gives the one to try at once, if there is another.
    pub(super) fn refused<'c>(&self, key: Key<'_>, config: &'c OdooConfig, now: Instant) -> Option<Key<'c>> {
        let mut inner = self.lock();
        if let (false, Some(next)) = (key.mark.is_next, &config.next) {
            inner.on_next = true;
            return Some(Key { mark: Mark { is_next: true, ..key.mark }, secret: next });
        }
        let round = inner.rest.map_or(0, |rest| rest.times);
        if key.mark.round == round {
            let times = round + 1;
            inner.rest = Some(Rest { times, until: now + length(times) });
        }
        None
    }

    /// Whether a key that was taken a while ago may still be sent: others may have learnt since that it is refused.
    pub(super) fn still(&self, mark: Mark) -> bool {
        let inner = self.lock();
        mark.round == inner.rest.map_or(0, |rest| rest.times) && (mark.is_next || !inner.on_next || mark.round > 0)
    }

    /// The server accepted this key.
    pub(super) fn accepted(&self, key: Key<'_>) {
        *self.lock() = Inner { on_next: key.mark.is_next, rest: None };
    }

    /// What is known.
    pub(super) fn state(&self) -> KeyState {
        let inner = self.lock();
        match (inner.rest, inner.on_next) {
            (Some(_), _) => KeyState::None,
            (None, true) => KeyState::Next,
            (None, false) => KeyState::First,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn length(times: u32) -> Duration {
    (FIRST_REST * 2_u32.saturating_pow(times.saturating_sub(1))).min(LONGEST_REST)
}

impl Odoo {
    /// What is known of the account's keys.
    pub fn key_state(&self) -> KeyState {
        self.inner.keys.state()
    }

    /// The key to send now; see [`Keys::current`].
    pub(super) fn key(&self) -> Result<Key<'_>, Failure> {
        self.inner.keys.current(self.config(), Instant::now())
    }

    /// Remembers what an answer says of the key that was sent, and gives the key to send instead, at once: a refused key
    /// means that nothing was done.
    pub(super) fn key_instead<'c, T>(&'c self, key: Key<'c>, answer: &Result<T, Failure>) -> Option<Key<'c>> {
        match answer {
            Err(Failure::Unauthenticated) => {
                let next = self.inner.keys.refused(key, self.config(), Instant::now());
                let (system, login) = (&self.config().system, &self.config().login);
                match next {
                    Some(_) => tracing::warn!(system, login, "the first key is not accepted any more; trying the next"),
                    None => tracing::warn!(system, login, "no key is accepted; nothing is sent for a while"),
                }
                next
            }
            Ok(_) | Err(Failure::Refused { .. }) => {
                self.inner.keys.accepted(key);
                None
            }
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::odoo::config::tests::config;

    fn two() -> OdooConfig {
        OdooConfig { next: Some(Secret::new("second")), ..config("https://erp.example.com", "first") }
    }

    #[test]
    fn the_next_key_is_tried_when_the_first_is_refused_and_is_remembered() {
        let (keys, config, now) = (Keys::default(), two(), Instant::now());
        let first = keys.current(&config, now).unwrap();
        assert_eq!((first.secret.reveal(), keys.state()), ("first", KeyState::First));
        let next = keys.refused(first, &config, now).unwrap();
        keys.accepted(next);
        assert_eq!((next.secret.reveal(), keys.state()), ("second", KeyState::Next));
        assert_eq!(keys.current(&config, now).unwrap().secret.reveal(), "second");
    }

    #[test]
    fn where_every_key_is_refused_one_asks_again_later_and_later() {
        for config in [two(), OdooConfig { next: None, ..two() }] {
            let (keys, mut now) = (Keys::default(), Instant::now());
            let refuse_all = |now: Instant| {
                let mut key = keys.current(&config, now).unwrap();
                assert_eq!(key.secret.reveal(), "first");
                while let Some(next) = keys.refused(key, &config, now) {
                    key = next;
                }
                key
            };
            let same_time = keys.current(&config, now).unwrap();
            let last = refuse_all(now);
            // Others of the same round do not lengthen the rest.
            keys.refused(last, &config, now);
            keys.refused(same_time, &config, now).map(|key| keys.refused(key, &config, now));
            assert_eq!(keys.state(), KeyState::None);
            for seconds in [10, 20, 40, 80, 160, 300, 300] {
                assert!(keys.current(&config, now + Duration::from_secs(seconds - 1)).is_err(), "{seconds}");
                now += Duration::from_secs(seconds);
                refuse_all(now);
                assert!(keys.current(&config, now).is_err());
            }
            now += LONGEST_REST;
            let key = keys.current(&config, now).unwrap();
            assert!(keys.current(&config, now).is_err(), "only one asks");
            keys.accepted(key);
            assert_eq!(keys.state(), KeyState::First);
            assert!(keys.current(&config, now).is_ok());
        }
    }
}
