//! How far back a look goes. A transaction's records carry the second in which it began and appear when it is committed, behind
//! everything that was seen. Most are short, so looks go back by doubling steps: each by a little, every second twice as far, and
//! so on; and once in a while as far as a transaction may run, from where the last such look stood. Pure.
//!
//! INVARIANT: NOTHING-LOST rests on the deep look alone: what was not committed when one began had begun at most the overlap
//! before the newest record that was there then, and the next deep look begins there.

use std::time::Duration;

/// What every look goes back: a second holds many records, and the newest may not be complete.
const LEAST: i64 = 2;

/// When to look how far back.
#[derive(Clone, Debug)]
pub(crate) struct Lookback {
    poll: i64,
    overlap: i64,
    looks: u32,
}

/// A look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// So many seconds before the front.
    Shallow(i64),
    /// So many seconds before the front as it was at the last deep look.
    Deep(i64),
}

impl Lookback {
    /// For looks of this rhythm. The first is deep.
    pub(crate) fn new(poll: Duration, overlap: Duration) -> Self {
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX / 4).max(1);
        Self { poll: seconds(poll), overlap: seconds(overlap).saturating_add(LEAST), looks: 0 }
    }

    /// The next look.
    pub(crate) fn next(&self) -> Look {
        let steps = self.looks.trailing_zeros();
        let back = self.poll.checked_shl(steps).unwrap_or(i64::MAX).saturating_mul(2);
        if self.looks == 0 || back >= self.overlap { Look::Deep(self.overlap) } else { Look::Shallow(back.max(LEAST)) }
    }

    /// It was made, to its end.
    pub(crate) fn made(&mut self, look: Look) {
        self.looks = if matches!(look, Look::Deep(_)) { 1 } else { self.looks.saturating_add(1) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_go_back_by_doubling_steps_and_then_all_the_way() {
        let mut lookback = Lookback::new(Duration::from_secs(30), Duration::from_secs(300));
        let mut looks = Vec::new();
        for _ in 0..10 {
            let look = lookback.next();
            lookback.made(look);
            looks.push(look);
        }
        let shallow = Look::Shallow;
        let expected = [
            Look::Deep(302),
            shallow(60),
            shallow(120),
            shallow(60),
            shallow(240),
            shallow(60),
            shallow(120),
            shallow(60),
            Look::Deep(302),
            shallow(60),
        ];
        assert_eq!(looks, expected);
    }

    #[test]
    fn a_look_that_failed_is_made_again() {
        let lookback = Lookback::new(Duration::from_millis(200), Duration::ZERO);
        assert_eq!(lookback.next(), Look::Deep(3));
        assert_eq!(lookback.next(), Look::Deep(3));
    }
}
