//! When a message that did not arrive is tried again, and when it is given up. Its clock stands still while the receiving system is
//! in maintenance. Pure: time and randomness are arguments.

use std::time::Duration;

use jiff::Timestamp;

/// A message is given up when its clock has run for so long: three days.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3 * 86_400);
/// The first pause.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause that is ours.
const LONGEST: Duration = Duration::from_secs(3_600);
/// The longest pause that a receiver may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(86_400);

/// A pause between two spans of standing still that is none.
const SAME_SPAN: Duration = Duration::from_secs(10);
/// So many spans of standing still are known at most, the last.
const MOST_SPANS: usize = 1_000;

/// When the receiving system stands still: spans that do not overlap, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar(Vec<(Timestamp, Timestamp)>);

impl Calendar {
    /// Spans from a beginning to an end, which is not part of them, in any order.
    pub fn new(mut spans: Vec<(Timestamp, Timestamp)>) -> Self {
        spans.retain(|(from, to)| from < to);
        spans.sort();
        let mut joined: Vec<(Timestamp, Timestamp)> = Vec::with_capacity(spans.len());
        for (from, to) in spans {
            match joined.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => joined.push((from, to)),
            }
        }
        Self(joined)
    }

    /// It stands still between these times, too.
    pub(crate) fn stand_still(&mut self, from: Timestamp, to: Timestamp) {
        let mut spans = std::mem::take(&mut self.0);
        // What goes on after a look is one span.
        let before = spans.iter().map(|(_, end)| *end).filter(|end| *end <= from).max();
        let is_next = |end: &Timestamp| Duration::try_from(from.duration_since(*end)).is_ok_and(|gap| gap <= SAME_SPAN);
        spans.push((before.filter(is_next).unwrap_or(from), to));
        *self = Self::new(spans);
        let beyond = self.0.len().saturating_sub(MOST_SPANS);
        self.0.drain(..beyond);
    }

    /// This time, or the end of the maintenance that it falls into.
    pub fn open(&self, at: Timestamp) -> Timestamp {
        self.0.iter().find(|(from, to)| (*from..*to).contains(&at)).map_or(at, |(_, to)| *to)
    }

    /// How long the clock runs from one time to another.
    pub fn running(&self, from: Timestamp, to: Timestamp) -> Duration {
        let length = |from: Timestamp, to: Timestamp| Duration::try_from(to.duration_since(from)).unwrap_or_default();
        let stood: Duration = self.0.iter().map(|(begin, end)| length(from.max(*begin), to.min(*end))).sum();
        length(from, to).saturating_sub(stood)
    }
}

/// When a message is sent again after so many attempts. `chance` is from 0 to 1: what fails together does not come back together.
pub(crate) fn next(
    attempts: u32,
    asked: Option<Duration>,
    now: Timestamp,
    chance: f64,
    calendar: &Calendar,
) -> Timestamp {
    let doubled = FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(20)).min(LONGEST);
    let own = doubled.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0);
    let pause = own.max(asked.unwrap_or_default().min(LONGEST_ASKED));
    calendar.open(now.checked_add(pause).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn pauses_double_up_to_an_hour_and_heed_what_is_asked() {
        let (now, none) = (at("2027-03-01T08:00:00Z"), Calendar::default());
        let table = [
            (1, None, 1),
            (2, None, 2),
            (5, None, 16),
            (13, None, 3_600),
            (400, None, 3_600),
            (1, Some(120), 120),
            (13, Some(120), 3_600),
            (1, Some(10_000_000), 86_400),
        ];
        for (attempts, asked, seconds) in table {
            let due = next(attempts, asked.map(Duration::from_secs), now, 1.0, &none);
            assert_eq!(due.as_second() - now.as_second(), seconds, "{attempts} {asked:?}");
        }
        let early = next(13, None, now, 0.0, &none);
        assert_eq!(early.as_second() - now.as_second(), 1_800);
    }

    #[test]
    fn the_clock_stands_still_in_maintenance() {
        let spans = vec![
            (at("2027-07-20T00:00:00Z"), at("2027-08-01T00:00:00Z")),
            (at("2027-07-19T00:00:00Z"), at("2027-07-21T00:00:00Z")),
            (at("2027-09-02T00:00:00Z"), at("2027-09-01T00:00:00Z")),
        ];
        let calendar = Calendar::new(spans);
        assert_eq!(calendar.open(at("2027-07-25T10:00:00Z")), at("2027-08-01T00:00:00Z"));
        assert_eq!(calendar.open(at("2027-08-01T00:00:00Z")), at("2027-08-01T00:00:00Z"));
        let hours = |from, to| calendar.running(at(from), at(to)).as_secs() / 3_600;
        assert_eq!(hours("2027-07-18T00:00:00Z", "2027-07-20T00:00:00Z"), 24);
        assert_eq!(hours("2027-07-18T12:00:00Z", "2027-08-01T12:00:00Z"), 24);
        assert_eq!(hours("2027-07-20T00:00:00Z", "2027-07-21T00:00:00Z"), 0);
        assert_eq!(hours("2027-08-02T00:00:00Z", "2027-08-01T00:00:00Z"), 0);
        let mut longer = calendar.clone();
        longer.stand_still(at("2027-07-31T00:00:00Z"), at("2027-08-03T00:00:00Z"));
        assert_eq!(longer.open(at("2027-07-25T10:00:00Z")), at("2027-08-03T00:00:00Z"));
        assert_eq!(longer.running(at("2027-07-18T00:00:00Z"), at("2027-08-04T00:00:00Z")).as_secs(), 2 * 86_400);
        let due = next(1, None, at("2027-07-20T00:00:00Z"), 0.5, &calendar);
        assert_eq!(due, at("2027-08-01T00:00:00Z"));
    }
}
