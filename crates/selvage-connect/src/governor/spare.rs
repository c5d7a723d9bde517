//! How many reads may be sent a second time: a part of all calls, so that a server that falters is not asked twice as much for it.
//! Pure.

/// Each call saves up so much of one.
const PART: f64 = 0.1;
/// So many are saved up at most, and there at the start.
const MOST: f64 = 10.0;

/// What is saved up.
#[derive(Debug)]
pub(super) struct Spare {
    saved: f64,
    /// How many were sent again.
    pub(super) taken: u64,
}

impl Spare {
    pub(super) fn new() -> Self {
        Self { saved: MOST, taken: 0 }
    }

    /// A call was made.
    pub(super) fn save(&mut self) {
        self.saved = (self.saved + PART).min(MOST);
    }

    /// Takes one, where there is one.
    pub(super) fn take(&mut self) -> bool {
        let is_there = self.saved >= 1.0;
        if is_there {
            self.saved -= 1.0;
            self.taken += 1;
        }
        is_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_may_go_again() {
        let mut spare = Spare::new();
        let at_once = (0..100).filter(|_| spare.take()).count();
        assert_eq!(at_once, 10);
        let mut again = 0;
        for _ in 0..1_000 {
            spare.save();
            again += u64::from(spare.take());
        }
        assert!((99..=100).contains(&again), "{again}");
        assert_eq!(spare.taken, 10 + again);
    }
}
