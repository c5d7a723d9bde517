//! Events as the event log keeps them: positions, ids, lanes, records. What an event says is opaque here.
//! Knows no database and no broker.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::{ConsumerName, InterfaceRef};

/// The largest event in bytes, so that it fits a broker's message with its headers.
pub const MOST_BODY: usize = 1_000_000;
/// The most events that one append takes.
pub const MOST_RECORDS: usize = 500;
/// The most bytes of events that one append takes.
pub const MOST_BYTES: usize = 8_000_000;

const MOST_TEXT: usize = 256;
const OFFSETS: u64 = 1_000_000_000_000_000;
const MOST_EPOCH: u64 = 9_222;

/// Why a text, or an event, cannot be taken into the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Empty, too long, or with a control character.
    #[error("the {what} of an event has 1 to 256 bytes and no control character")]
    Text {
        /// Which text: `id`, `lane`, `reader`.
        what: &'static str,
    },
    /// Not `epoch-offset`.
    #[error("`{0}` is not a position: write `1-42`, epoch and offset")]
    Position(String),
    /// The event is larger than the log takes.
    #[error("event `{id}` has {bytes} bytes; the log takes up to {MOST_BODY}")]
    Body {
        /// Which event.
        id: EventId,
        /// Its size.
        bytes: usize,
    },
    /// Too many events at once, or too many bytes.
    #[error("one append takes up to {MOST_RECORDS} events with {MOST_BYTES} bytes in all")]
    Append,
}

/// Where an event is in its stream. A later event has a larger position: the epoch rises where the log was found behind what it
/// had acknowledged, and offsets count within.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Position {
    epoch: u32,
    offset: u64,
}

impl Position {
    /// Before the first event.
    pub const START: Self = Self { epoch: 0, offset: 0 };

    /// A position; `None` where epoch (up to 9222) or offset (up to 10¹⁵) are out of bounds.
    pub fn new(epoch: u32, offset: u64) -> Option<Self> {
        (u64::from(epoch) <= MOST_EPOCH && offset < OFFSETS).then_some(Self { epoch, offset })
    }

    /// How often the log was found behind, plus one; 0 only in [`Self::START`].
    pub fn epoch(self) -> u32 {
        self.epoch
    }

    /// The number within the stream, from 1.
    pub fn offset(self) -> u64 {
        self.offset
    }

    /// What a reader has read who reads on with this position; none before the first.
    pub fn before(self) -> Option<Self> {
        Self::new(self.epoch, self.offset.checked_sub(1)?)
    }

    /// The position as one number that grows with it.
    pub fn sequence(self) -> Sequence {
        Sequence(u64::from(self.epoch) * OFFSETS + self.offset)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.offset)
    }
}

impl From<Position> for String {
    fn from(position: Position) -> Self {
        position.to_string()
    }
}

impl TryFrom<String> for Position {
    type Error = EventError;
    fn try_from(text: String) -> Result<Self, EventError> {
        text.parse()
    }
}

impl FromStr for Position {
    type Err = EventError;
    fn from_str(text: &str) -> Result<Self, EventError> {
        let wrong = || EventError::Position(text.to_owned());
        let (epoch, offset) = text.split_once('-').ok_or_else(wrong)?;
        let epoch = crate::scalar::integer(epoch).ok_or_else(wrong)?;
        let offset = offset.parse().ok().filter(|_| offset.bytes().all(|byte| byte.is_ascii_digit()));
        Self::new(epoch, offset.ok_or_else(wrong)?).ok_or_else(wrong)
    }
}

/// The CloudEvents extension `sequence`: a position as 19 digits, so that it grows as a text and as a number, within a lane and
/// over every epoch, without a counter for each lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(u64);

impl Sequence {
    /// The number.
    pub fn as_u64(self) -> u64 {
        self.0
    }

    /// The position that it was made of; `None` where the number is of none.
    pub fn position(number: u64) -> Option<Position> {
        Position::new(u32::try_from(number / OFFSETS).ok()?, number % OFFSETS)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:019}", self.0)
    }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident is $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = EventError;
            fn from_str(text: &str) -> Result<Self, EventError> {
                let fits = (1..=MOST_TEXT).contains(&text.len()) && !text.chars().any(char::is_control);
                if fits { Ok(Self(Arc::from(text))) } else { Err(EventError::Text { what: $what }) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    )*};
}

texts! {
    /// An event's id, by which a stream knows it again.
    EventId is "id";
    /// What orders an event: the key of its lane.
    LaneKey is "lane";
    /// Who reads a stream and keeps a cursor in it: a subscription, a copy, a parked lane.
    ReaderName is "reader";
}

impl ReaderName {
    /// Whose group it is, where it is one: `group/<consumer>/<group>`.
    pub fn of_group(&self) -> Option<ConsumerName> {
        let (consumer, group) = self.as_str().strip_prefix("group/")?.split_once('/')?;
        (!group.is_empty()).then(|| consumer.parse().ok())?
    }
}

/// An event to be appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// Its id.
    pub id: EventId,
    /// Its lane.
    pub lane: LaneKey,
    /// What it is, as it will be read again.
    pub body: Vec<u8>,
}

/// An event that the log holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where.
    pub position: Position,
    /// Its id.
    pub id: EventId,
    /// Its lane.
    pub lane: LaneKey,
    /// When it was appended, by the log's clock.
    pub appended_at: Timestamp,
    /// What it is, as it came.
    pub body: Vec<u8>,
}

/// What came of appending one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Where it is: for an id that the stream knows, where it was first.
    pub position: Position,
    /// The stream had this id already, and nothing was appended.
    pub known: bool,
}

/// What a stream lost of what it had acknowledged: found when the log was opened behind its mark. An alarm names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Which stream.
    pub stream: InterfaceRef,
    /// The last event before the gap.
    pub after: Position,
    /// The last offset that is known to have been acknowledged; more may have been.
    pub until: u64,
    /// The epoch of everything appended from now on.
    pub epoch: u32,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, after, until, epoch } = self;
        if *until <= after.offset() {
            return write!(f, "`{stream}` may have lost events after {after}; epoch {epoch} begins");
        }
        write!(f, "`{stream}` lost the events after {after}, at least up to offset {until}; epoch {epoch} begins")
    }
}

/// Whether the log takes these together.
///
/// # Errors
/// [`EventError::Body`] names the first that is too large; [`EventError::Append`] where they are too many.
pub fn fits(records: &[NewRecord]) -> Result<(), EventError> {
    if let Some(large) = records.iter().find(|record| record.body.len() > MOST_BODY) {
        return Err(EventError::Body { id: large.id.clone(), bytes: large.body.len() });
    }
    let bytes: usize = records.iter().map(|record| record.body.len()).sum();
    if records.len() > MOST_RECORDS || bytes > MOST_BYTES {
        return Err(EventError::Append);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_a_sequence_that_grows_as_text() {
        let positions = [(0, 0), (1, 1), (1, 9), (1, 10), (1, OFFSETS - 1), (2, 0), (9_222, 1)];
        let positions = positions.map(|(epoch, offset)| Position::new(epoch, offset).unwrap());
        for pair in positions.windows(2) {
            assert!(pair[0] < pair[1] && pair[0].sequence() < pair[1].sequence(), "{pair:?}");
            assert!(pair[0].sequence().to_string() < pair[1].sequence().to_string(), "{pair:?}");
        }
        for position in positions {
            assert_eq!(Sequence::position(position.sequence().as_u64()), Some(position));
            assert_eq!(position.to_string().parse(), Ok(position));
        }
    }

    #[test]
    fn what_is_no_position_is_refused() {
        for text in ["", "1", "1-", "-1", "x-1", "9223-1", "1-1000000000000000", "1-2-3"] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
    }

    #[test]
    fn texts_of_events() {
        let long = "x".repeat(257);
        for (text, fits) in [("", false), ("a", true), ("WO/001 ü", true), ("a\nb", false), (&long, false)] {
            assert_eq!(text.parse::<EventId>().is_ok(), fits, "{text}");
        }
    }

    #[test]
    fn what_is_too_large_is_named() {
        let record = |bytes| NewRecord { id: "a".parse().unwrap(), lane: "l".parse().unwrap(), body: vec![0; bytes] };
        assert_eq!(fits(&[record(MOST_BODY)]), Ok(()));
        assert_eq!(
            fits(&[record(MOST_BODY + 1)]).unwrap_err().to_string(),
            "event `a` has 1000001 bytes; the log takes up to 1000000"
        );
        assert_eq!(fits(&vec![record(0); MOST_RECORDS + 1]), Err(EventError::Append));
        assert_eq!(fits(&vec![record(MOST_BODY); 9]), Err(EventError::Append));
    }
}
