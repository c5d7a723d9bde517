//! Where a stream was at a moment, found by halving: a long stream is not read through. It goes by when the log took each event, which is
//! no time that a producer says.

use std::str::FromStr;

use jiff::Timestamp;
use selvage_model::event::{Position, Record};
use selvage_model::name::InterfaceRef;
use selvage_model::scalar;

use crate::{EventLog, LogError, ReadLimit};

/// One record is enough to say when it came.
const ONE: ReadLimit = ReadLimit { records: 1, bytes: 1 };

/// Where a range of events begins or ends, as people say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// With the oldest event that is kept.
    Oldest,
    /// With this event.
    At(Position),
    /// At this moment.
    Moment(Timestamp),
}

/// Neither a position nor a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no position and no time: write `1-42`, `2027-03-31T18:00Z` or `oldest`")]
pub struct NotAnEdge(String);

impl FromStr for Edge {
    type Err = NotAnEdge;
    fn from_str(text: &str) -> Result<Self, NotAnEdge> {
        if text == "oldest" {
            return Ok(Self::Oldest);
        }
        let position = text.parse::<Position>().ok().filter(|position| position.offset() > 0).map(Self::At);
        let found = position.or_else(|| scalar::timestamp(text).map(Self::Moment));
        found.ok_or_else(|| NotAnEdge(text.to_owned()))
    }
}

impl Edge {
    /// After which position a range begins here.
    ///
    /// # Errors
    /// Those of [`last_before`].
    pub async fn begins_after(self, log: &dyn EventLog, stream: &InterfaceRef) -> Result<Position, LogError> {
        match self {
            Self::Oldest => Ok(Position::START),
            Self::At(first) => Ok(first.before().unwrap_or(Position::START)),
            Self::Moment(moment) => last_before(log, stream, moment).await,
        }
    }

    /// With which position a range ends here; of a moment with the last event before it.
    ///
    /// # Errors
    /// Those of [`last_before`].
    pub async fn ends_with(self, log: &dyn EventLog, stream: &InterfaceRef) -> Result<Position, LogError> {
        match self {
            Self::Oldest => Ok(Position::START),
            Self::At(last) => Ok(last),
            Self::Moment(moment) => last_before(log, stream, moment).await,
        }
    }
}

/// The position of the last event that the log took before a moment; [`Position::START`] where it took all that it keeps since.
///
/// # Errors
/// Those of reading, where it came upon what is damaged or missing.
pub async fn last_before(log: &dyn EventLog, stream: &InterfaceRef, moment: Timestamp) -> Result<Position, LogError> {
    let oldest = log.read(stream, Position::START, ONE).await?;
    let is_before = |record: &&Record| record.appended_at < moment;
    let Some(mut last) = oldest.records.first().filter(is_before).map(|record| record.position) else {
        return Ok(Position::START);
    };
    // From here on nothing came before the moment.
    let mut since = oldest.head.offset().saturating_add(1);
    while since > last.offset().saturating_add(1) {
        let middle = last.offset() + (since - last.offset()) / 2;
        let Some(after) = Position::new(oldest.head.epoch(), middle - 1) else { break };
        let read = log.read(stream, after, ONE).await?;
        // Offsets that were lost are passed over: what is read may stand behind the middle.
        match read.records.first().filter(is_before) {
            Some(record) => last = record.position,
            None => since = middle,
        }
    }
    Ok(last)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn edges_are_positions_times_or_the_oldest() {
        let moment = Timestamp::from_second(1_800_000_000).unwrap();
        for (text, expected) in [
            ("oldest", Some(Edge::Oldest)),
            ("1-42", Some(Edge::At(Position::new(1, 42).unwrap()))),
            ("2027-01-15T08:00:00Z", Some(Edge::Moment(moment))),
            ("2027-01-15T09:00+01:00", Some(Edge::Moment(moment))),
            ("1-0", None),
            ("2027-01-15", None),
            ("yesterday", None),
        ] {
            assert_eq!(text.parse().ok(), expected, "{text}");
        }
    }
}
