//! Quotas: so many requests in each hour, day or month of UTC, exact over all threads of a node on one atomic. Where a
//! store keeps them, a node passes only what it has in hand of them (see `budget`). A clock that goes back opens no
//! window again.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use selvage_model::scalar::{Quota, Window};

/// The lower bits of a state hold a count, the upper ones which window it belongs to.
const BITS: u32 = 40;
const COUNT: u64 = (1 << BITS) - 1;
/// From the number of a window to that of the next one of its kind.
const STEP: u64 = 4;
/// How long a window has been over before it is forgotten.
const OVER: SignedDuration = SignedDuration::from_hours(1);
/// How soon to try again where a node's part is used up and more may come.
const SOON: u64 = 1;

/// A window that contains a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Its number: grows by [`STEP`] from window to window; what is left over says hours, days or months.
    number: u64,
    /// Seconds since 1970.
    pub(crate) begins: i64,
    /// Seconds since 1970; not part of it.
    pub(crate) ends: i64,
}

impl Span {
    /// The one behind it.
    pub(crate) fn next(self, window: Window) -> Self {
        Timestamp::from_second(self.ends).map_or(self, |begins| Self::at(window, begins))
    }

    /// The window that contains this moment.
    pub(crate) fn at(window: Window, now: Timestamp) -> Self {
        let (begins, ends) = window.span(now);
        let (number, kind) = match window {
            Window::Hour => (begins / 3_600, 0),
            Window::Day => (begins / 86_400, 1),
            Window::Month => (months(now), 2),
        };
        Self { number: number.unsigned_abs() * STEP + kind, begins, ends }
    }

    /// The number to count in, where this one was seen last: a clock that goes back a little opens no window again. Another
    /// kind of window begins anew, and so does a window that is far ahead: a clock was wrong then.
    fn after(self, seen: u64) -> u64 {
        if seen == self.number + STEP { seen } else { self.number }
    }

    /// Whole seconds until it ends.
    fn left(self, now: Timestamp) -> u64 {
        u64::try_from(self.ends - now.as_second()).unwrap_or(0).max(1)
    }
}

/// How many months have passed since 1970.
fn months(now: Timestamp) -> i64 {
    let day = Offset::UTC.to_datetime(now).date();
    (i64::from(day.year()) - 1970) * 12 + i64::from(day.month()) - 1
}

/// What a quota said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Passed; so many are left, until the window ends in so many seconds.
    Passed { left: u64, seconds: u64, counts_in: CountsIn },
    /// Not before that many seconds have passed.
    Over { seconds: u64 },
}

/// The window in which a request was counted, by which it is given back there and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CountsIn(u64);

/// The state of one quota on this node.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    /// Window and how many passed here.
    used: AtomicU64,
    /// Window and how many may have passed here at most.
    allowed: AtomicU64,
    /// Window and how many passed elsewhere, as last heard.
    elsewhere: AtomicU64,
    /// A window that was still to come and how many may pass in it before it is settled there.
    reserved: AtomicU64,
}

fn pack(number: u64, count: u64) -> u64 {
    (number << BITS) | count.min(COUNT)
}

fn of_window(state: u64, number: u64) -> Option<u64> {
    (state >> BITS == number).then_some(state & COUNT)
}

/// Takes note of what is settled of a window, where nothing is of the next one: a clock may have gone back.
fn settle(state: &AtomicU64, span: Span, count: u64) {
    let put = |state: u64| (state >> BITS != span.number + STEP).then(|| pack(span.number, count));
    let _ = state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, put);
}

impl Counter {
    /// Takes one. `alone`: no store keeps the quota.
    pub(crate) fn take(&self, now: Timestamp, quota: Quota, alone: bool) -> Counted {
        let span = Span::at(quota.window, now);
        let mut seen = self.used.load(Ordering::SeqCst);
        loop {
            let number = self.number(span, seen);
            let used = of_window(seen, number).unwrap_or(0);
            let elsewhere = of_window(self.elsewhere.load(Ordering::Relaxed), number).unwrap_or(0);
            let allowed = || if alone { quota.count } else { self.allowed(number, elsewhere, quota) };
            if used >= allowed() {
                let spent = elsewhere.saturating_add(used) >= quota.count;
                return Counted::Over { seconds: if spent { span.left(now) } else { SOON } };
            }
            let next = pack(number, used + 1);
            match self.used.compare_exchange_weak(seen, next, Ordering::SeqCst, Ordering::SeqCst) {
                // What was in hand is being given back at this moment: either that sees this request, or this request sees that.
                Ok(_) if used >= allowed() => {
                    self.give_back(CountsIn(number));
                    return Counted::Over { seconds: SOON };
                }
                Ok(_) => {
                    let left = quota.count.saturating_sub(elsewhere).saturating_sub(used + 1);
                    return Counted::Passed { left, seconds: span.left(now), counts_in: CountsIn(number) };
                }
                Err(other) => seen = other,
            }
        }
    }

    /// The window to count in: the one that the request is of, or the next one where that has begun here, be it that another request
    /// was counted in it or that it was settled with the store. Requests look at a clock that is some milliseconds behind: without
    /// that they would find nothing settled of theirs, and pass unheard.
    fn number(&self, span: Span, seen: u64) -> u64 {
        span.after(seen >> BITS).max(span.after(self.allowed.load(Ordering::SeqCst) >> BITS))
    }

    /// Gives one back that was taken for a request which another limit refused. Where another window has begun meanwhile, there is
    /// nothing to give back: it would be another's.
    pub(crate) fn give_back(&self, counts_in: CountsIn) {
        let fewer = |state: u64| (of_window(state, counts_in.0)? > 0).then(|| state - 1);
        let _ = self.used.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer);
    }

    /// What the store gave may be of a quota that was larger, or of a time in which it was not heard what passed elsewhere.
    fn allowed(&self, number: u64, elsewhere: u64, quota: Quota) -> u64 {
        let here = |state: &AtomicU64| of_window(state.load(Ordering::SeqCst), number);
        let allowed = here(&self.allowed).or_else(|| here(&self.reserved));
        allowed.unwrap_or_else(|| Self::ahead(quota)).min(quota.count.saturating_sub(elsewhere))
    }

    /// How many may pass before the store was heard.
    pub(crate) fn ahead(quota: Quota) -> u64 {
        crate::limit::ahead(quota.count)
    }

    /// How many passed here in this window.
    pub(crate) fn used(&self, span: Span) -> u64 {
        of_window(self.used.load(Ordering::SeqCst), span.number).unwrap_or(0)
    }

    /// How many may still pass here in this window without hearing more, where so many have passed. Only one look at what has
    /// passed: one that is given back between two would be in hand twice.
    pub(crate) fn in_hand(&self, span: Span, used: u64, quota: Quota) -> u64 {
        let elsewhere = of_window(self.elsewhere.load(Ordering::Relaxed), span.number).unwrap_or(0);
        self.allowed(span.number, elsewhere, quota).saturating_sub(used)
    }

    /// From now on so many may have passed here in this window.
    pub(crate) fn allow(&self, span: Span, count: u64) {
        settle(&self.allowed, span, count);
    }

    /// So many may pass in this window, which has not begun, before it is settled there.
    pub(crate) fn reserve(&self, span: Span, count: u64) {
        self.reserved.store(pack(span.number, count), Ordering::SeqCst);
    }

    /// Whether something was reserved of this window that nothing was settled of since.
    pub(crate) fn has_reserved(&self, span: Span) -> bool {
        of_window(self.reserved.load(Ordering::SeqCst), span.number).is_some_and(|count| count > 0)
    }

    /// So many passed elsewhere in this window.
    pub(crate) fn heard(&self, span: Span, elsewhere: u64) {
        settle(&self.elsewhere, span, elsewhere);
    }

    /// Whether it holds nothing that still counts: none has passed, or their window is over, and has been for so long that a clock
    /// which goes back does not open it again.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        let number = self.used.load(Ordering::Relaxed) >> BITS;
        if self.used.load(Ordering::Relaxed) & COUNT == 0 {
            return true;
        }
        let window = match number % STEP {
            0 => Window::Hour,
            1 => Window::Day,
            _ => Window::Month,
        };
        Span::at(window, now - OVER).number > number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn quota(count: u64, window: Window) -> Quota {
        Quota { count, window }
    }

    /// How many are left, and for how many seconds.
    fn left(counted: Counted) -> Option<(u64, u64)> {
        match counted {
            Counted::Passed { left, seconds, .. } => Some((left, seconds)),
            Counted::Over { .. } => None,
        }
    }

    #[test]
    fn what_is_given_back_of_a_window_that_is_over_opens_no_place_in_the_next() {
        let (counter, quota) = (Counter::default(), quota(5, Window::Hour));
        let (before, after) = (at("2026-11-26T16:59:59.9Z"), at("2026-11-26T17:00:00Z"));
        let Counted::Passed { counts_in, .. } = counter.take(before, quota, true) else { panic!("it passes") };
        let passes = || matches!(counter.take(after, quota, true), Counted::Passed { .. });
        assert!(passes());
        // It waited for its place over the edge and got none.
        counter.give_back(counts_in);
        assert_eq!((0..10).filter(|_| passes()).count(), 4, "five in the window, with the one before");
    }

    #[test]
    fn a_request_that_is_late_to_its_window_passes_by_what_is_settled_of_the_next() {
        let (counter, quota) = (Counter::default(), quota(5, Window::Hour));
        let (before, after) = (at("2026-11-26T16:59:59.98Z"), at("2026-11-26T17:00:00Z"));
        let spans = [before, after].map(|now| Span::at(Window::Hour, now));
        // All of it passed on another node, which has ended.
        counter.allow(spans[0], 0);
        counter.heard(spans[0], 5);
        let passes = || matches!(counter.take(before, quota, false), Counted::Passed { .. });
        assert!(!passes());
        counter.heard(spans[1], 0);
        counter.allow(spans[1], 2);
        assert_eq!(((0..9).filter(|_| passes()).count(), counter.used(spans[0]), counter.used(spans[1])), (2, 0, 2));
        // The clock goes back: what is settled of the window before is no word about the one that has begun.
        counter.allow(spans[0], 5);
        assert!(!passes());
    }

    #[test]
    fn a_quota_that_becomes_smaller_holds_at_once_and_knows_what_passed_elsewhere() {
        let (counter, now) = (Counter::default(), at("2026-11-26T12:00:00Z"));
        let span = Span::at(Window::Day, now);
        let pass = |count: u64| {
            let quota = quota(count, Window::Day);
            (0..100).take_while(|_| matches!(counter.take(now, quota, false), Counted::Passed { .. })).count()
        };
        counter.allow(span, 20);
        assert_eq!(pass(3), 3);
        assert_eq!(pass(5), 2);
        counter.heard(span, 4);
        assert_eq!(pass(12), 3, "four elsewhere, five here");
    }

    #[test]
    fn windows_begin_in_utc() {
        let table = [
            (Window::Hour, "2026-11-26T16:30:47Z", "2026-11-26T16:00:00Z", "2026-11-26T17:00:00Z"),
            (Window::Day, "2026-11-26T16:30:47Z", "2026-11-26T00:00:00Z", "2026-11-27T00:00:00Z"),
            (Window::Day, "2026-11-26T23:59:59.999Z", "2026-11-26T00:00:00Z", "2026-11-27T00:00:00Z"),
            (Window::Month, "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
            (Window::Month, "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ];
        for (window, now, begins, ends) in table {
            let span = Span::at(window, at(now));
            assert_eq!((span.begins, span.ends), (at(begins).as_second(), at(ends).as_second()), "{now}");
        }
        let number = |now: &str| Span::at(Window::Month, at(now)).number;
        assert_eq!(number("2027-01-01T00:00:00Z"), number("2026-12-31T23:59:59Z") + STEP);
    }

    #[test]
    fn another_kind_of_window_begins_anew_and_so_does_one_after_a_wrong_clock() {
        let now = at("2026-11-26T16:30:00Z");
        for (before, after) in
            [(Window::Hour, Window::Day), (Window::Day, Window::Month), (Window::Month, Window::Hour)]
        {
            let counter = Counter::default();
            assert!(matches!(counter.take(now, quota(1, before), true), Counted::Passed { .. }));
            assert!(matches!(counter.take(now, quota(1, before), true), Counted::Over { .. }));
            assert!(matches!(counter.take(now, quota(2, after), true), Counted::Passed { left: 1, .. }), "{after:?}");
            assert_eq!(counter.used(Span::at(after, now)), 1);
        }
        let counter = Counter::default();
        let wrong = at("2031-01-01T00:00:00Z");
        assert!(matches!(counter.take(wrong, quota(1, Window::Day), true), Counted::Passed { .. }));
        assert!(matches!(counter.take(now, quota(1, Window::Day), true), Counted::Passed { .. }));
    }

    #[test]
    fn what_was_used_in_a_window_that_is_over_does_not_count() {
        let used = at("2026-11-26T16:30:00Z");
        for (window, counts, over) in [
            (Window::Hour, "2026-11-26T17:59:00Z", "2026-11-26T18:00:00Z"),
            (Window::Day, "2026-11-27T00:59:00Z", "2026-11-27T01:00:00Z"),
            (Window::Month, "2026-12-01T00:59:00Z", "2026-12-01T01:00:00Z"),
        ] {
            let counter = Counter::default();
            assert!(counter.is_over(used), "nothing was used");
            assert!(matches!(counter.take(used, quota(1, window), true), Counted::Passed { .. }));
            assert!(!counter.is_over(used) && !counter.is_over(at(counts)), "{window:?}");
            assert!(counter.is_over(at(over)), "{window:?}");
        }
    }

    #[test]
    fn a_window_passes_its_count_and_the_next_begins_anew() {
        let (counter, quota) = (Counter::default(), quota(2, Window::Day));
        let evening = at("2026-11-26T23:59:50Z");
        assert_eq!(left(counter.take(evening, quota, true)), Some((1, 10)));
        assert_eq!(left(counter.take(evening, quota, true)), Some((0, 10)));
        assert_eq!(counter.take(evening, quota, true), Counted::Over { seconds: 10 });
        counter.give_back(CountsIn(Span::at(Window::Day, evening).number));
        assert_eq!(left(counter.take(evening, quota, true)), Some((0, 10)));
        let morning = at("2026-11-27T00:00:00Z");
        assert_eq!(left(counter.take(morning, quota, true)), Some((1, 86_400)));
        // The clock goes back: the window that was open stays open.
        assert!(matches!(counter.take(evening, quota, true), Counted::Passed { left: 0, .. }));
        assert!(matches!(counter.take(evening, quota, true), Counted::Over { .. }));
    }

    #[test]
    fn what_a_store_keeps_passes_as_far_as_it_is_in_hand() {
        let (counter, quota, now) = (Counter::default(), quota(100, Window::Day), at("2026-11-26T12:00:00Z"));
        let span = Span::at(Window::Day, now);
        let pass = |most: usize| {
            (0..most).take_while(|_| matches!(counter.take(now, quota, false), Counted::Passed { .. })).count()
        };
        assert_eq!(pass(100), 10, "before the store is heard");
        counter.allow(span, 13);
        counter.heard(span, 20);
        assert_eq!((pass(100), counter.used(span), counter.in_hand(span, 13, quota)), (3, 13, 0));
        assert_eq!(counter.take(now, quota, false), Counted::Over { seconds: SOON });
        counter.heard(span, 87);
        assert_eq!(counter.take(now, quota, false), Counted::Over { seconds: 12 * 3_600 });
    }

    #[test]
    fn threads_take_no_more_than_there_is() {
        let (counter, quota, now) = (Counter::default(), quota(1_000, Window::Month), at("2026-11-26T12:00:00Z"));
        let passed: usize = std::thread::scope(|scope| {
            let takers: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let take = |_: &usize| matches!(counter.take(now, quota, true), Counted::Passed { .. });
                        (0..500).filter(take).count()
                    })
                })
                .collect();
            takers.into_iter().map(|taker| taker.join().unwrap()).sum()
        });
        assert_eq!(passed, 1_000);
    }
}
