//! The period that evidence is about, as people write it: times, or days in UTC from their beginning to their end.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use selvage_model::name::EnvironmentName;

use super::{About, Asked, MOST_ENTRIES};

/// A period as somebody wrote it.
pub(crate) struct Period {
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
}

impl Period {
    /// What is asked for of it, to be handed out in somebody's name.
    pub(crate) fn asked(self, about: About, environment: Option<EnvironmentName>, by: String) -> Result<Asked, String> {
        let from = self.from.map(|text| begin(text.trim())).transpose()?;
        let to = self.to.map(|text| end(text.trim())).transpose()?;
        let (from, to) = period(from, to, Timestamp::now())?;
        Ok(Asked { about, from, to, environment, by: Some(by), keep_until: None, most: Some(MOST_ENTRIES) })
    }
}

/// How far back a period begins where nobody says.
const PERIOD: SignedDuration = SignedDuration::from_hours(24 * 90);

/// From when until when; the 90 days before its end, and until now, where nobody says.
///
/// # Errors
/// In words, for one that ends before it begins, or is not over.
pub fn period(
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), String> {
    let to = to.unwrap_or(now);
    let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    if day(to) > day(now) {
        return Err(format!("the period ends at {to:.0}, and nobody knows yet what is until then"));
    }
    // Today is until now.
    let to = to.min(now);
    let from = from.unwrap_or_else(|| to.checked_sub(PERIOD).unwrap_or(Timestamp::UNIX_EPOCH));
    if from < to {
        return Ok((from, to));
    }
    Err(format!("the period ends at {to:.0}, before it begins at {from:.0}"))
}

/// A time, or the beginning of a day.
///
/// # Errors
/// In words, for what is neither.
pub fn begin(text: &str) -> Result<Timestamp, String> {
    moment(text, Some)
}

/// A time, or the end of a day.
///
/// # Errors
/// In words, for what is neither.
pub fn end(text: &str) -> Result<Timestamp, String> {
    let last = SignedDuration::from_micros(1);
    moment(text, |day| day.tomorrow().ok()).map(|at| match text.parse::<Date>() {
        Ok(_) => at.checked_sub(last).unwrap_or(at),
        Err(_) => at,
    })
}

fn moment(text: &str, day: impl Fn(Date) -> Option<Date>) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let day = text.parse::<Date>().ok().and_then(day).and_then(|day| day.to_zoned(TimeZone::UTC).ok());
    day.map(|day| day.timestamp())
        .ok_or_else(|| format!("`{text}` is no time: write `2027-03-31` or `2027-03-31T18:00:00+02:00`"))
}
