//! A token bucket, exact: in no span are more calls begun than its burst and its rate times the span. It counts in whole
//! numbers, so that nothing drifts, and holds no clock: time is an argument.

use std::time::Duration;

/// A whole token, in the unit in which levels are kept: a rate of `n` a second adds `n` of them each nanosecond.
const TOKEN: u128 = 1_000_000_000;

/// Tokens that come back at a rate, up to a burst.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    per_second: u128,
    burst: u128,
    level: u128,
    at: Duration,
}

impl Bucket {
    /// Full.
    pub(super) fn new(per_second: u32, burst: u32, now: Duration) -> Self {
        let burst = u128::from(burst.max(1)) * TOKEN;
        Self { per_second: u128::from(per_second.max(1)), burst, level: burst, at: now }
    }

    /// The same, from now on with this rate and burst. What was saved up stays, as far as it fits.
    pub(super) fn declare(&mut self, per_second: u32, burst: u32, now: Duration) {
        self.refill(now);
        self.per_second = u128::from(per_second.max(1));
        self.burst = u128::from(burst.max(1)) * TOKEN;
        self.level = self.level.min(self.burst);
    }

    /// How many tokens it holds at most.
    pub(super) fn burst(&self) -> u32 {
        u32::try_from(self.burst / TOKEN).unwrap_or(u32::MAX)
    }

    /// How long it is until it has given this many tokens more; zero where it holds them now.
    pub(super) fn wait(&mut self, tokens: u32, now: Duration) -> Duration {
        self.refill(now);
        let missing = (u128::from(tokens) * TOKEN).saturating_sub(self.level);
        nanos(missing.div_ceil(self.per_second))
    }

    /// Takes one token; false, and nothing taken, where there is none.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        self.refill(now);
        let left = self.level.checked_sub(TOKEN);
        if let Some(left) = left {
            self.level = left;
        }
        left.is_some()
    }

    fn refill(&mut self, now: Duration) {
        // A moment before the last one adds nothing and moves nothing back.
        let passed = now.saturating_sub(self.at);
        self.level = self.burst.min(self.level + passed.as_nanos() * self.per_second);
        self.at = self.at.max(now);
    }
}

fn nanos(nanos: u128) -> Duration {
    u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn tokens_come_back_to_the_nanosecond() {
        let mut bucket = Bucket::new(3, 1, Duration::ZERO);
        assert!(bucket.take(Duration::ZERO));
        assert_eq!(bucket.wait(1, Duration::ZERO), Duration::from_nanos(333_333_334));
        assert!(!bucket.take(Duration::from_nanos(333_333_333)));
        assert!(bucket.take(Duration::from_nanos(333_333_334)));
        // What comes on top of the burst is not saved up, not even a part of a token.
        assert!(!bucket.take(Duration::from_nanos(666_666_667)));
        assert!(bucket.take(Duration::from_nanos(666_666_668)));
        assert_eq!(bucket.wait(2, Duration::from_nanos(666_666_668)), Duration::from_nanos(666_666_667));
    }

    #[test]
    fn a_burst_is_all_that_is_saved_up() {
        let mut bucket = Bucket::new(10, 4, Duration::ZERO);
        let later = SECOND * 3600;
        assert_eq!((0..10).filter(|_| bucket.take(later)).count(), 4);
        bucket.declare(2, 1, later);
        assert_eq!(bucket.wait(1, later), SECOND / 2);
        assert!(bucket.take(later + SECOND / 2));
        assert!(!bucket.take(later), "time does not go back");
    }

    proptest! {
        #[test]
        fn no_span_holds_more_than_burst_and_rate(
            per_second in 1_u32..50,
            burst in 1_u32..10,
            steps in proptest::collection::vec(0_u64..400_000_000, 1..200),
        ) {
            let mut bucket = Bucket::new(per_second, burst, Duration::ZERO);
            let mut now = Duration::ZERO;
            let mut begun: Vec<Duration> = Vec::new();
            for step in steps {
                now += Duration::from_nanos(step);
                let wait = bucket.wait(1, now);
                let took = bucket.take(now);
                prop_assert_eq!(took, wait.is_zero());
                if took {
                    begun.push(now);
                }
            }
            for (first, since) in begun.iter().enumerate() {
                for (last, until) in begun.iter().enumerate().skip(first) {
                    let count = (last - first + 1) as u128 * TOKEN;
                    let allowed = u128::from(burst) * TOKEN + (*until - *since).as_nanos() * u128::from(per_second);
                    prop_assert!(count <= allowed);
                }
            }
        }

        #[test]
        fn what_is_waited_for_is_there_then_and_not_before(per_second in 1_u32..1000, burst in 1_u32..5, drain in 0_u32..5) {
            let mut bucket = Bucket::new(per_second, burst, Duration::ZERO);
            for _ in 0..drain {
                bucket.take(Duration::ZERO);
            }
            let wait = bucket.wait(1, Duration::ZERO);
            let mut early = bucket.clone();
            prop_assert!(bucket.take(wait));
            if let Some(before) = wait.checked_sub(Duration::from_nanos(1)) {
                prop_assert!(!early.take(before));
            }
        }
    }
}
