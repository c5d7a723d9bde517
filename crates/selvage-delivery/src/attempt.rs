//! What came of one send. It says what was seen, and what may be done next; when that is, lanes decide.

use std::time::Duration;

use jiff::Timestamp;
use selvage_model::code;
use selvage_model::delivery::Cause;

/// One send, as it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// The answer's status, where there was an answer.
    pub status: Option<u16>,
    /// The beginning of the answer, without control characters: at most [`Attempt::MOST_EXCERPT`] bytes. INVARIANT: SECRET-FREE
    pub excerpt: Option<String>,
    /// What it means.
    pub sent: Sent,
}

impl Attempt {
    /// The most bytes of an answer that are kept.
    pub const MOST_EXCERPT: usize = 512;

    /// The grant does not cover it any more: nothing was sent, and nothing is to be.
    pub(crate) fn uncovered(at: Timestamp) -> Self {
        let because = "the grant does not cover it any more".to_owned();
        Self { at, took: Duration::ZERO, status: None, excerpt: None, sent: Sent::Withheld { because } }
    }

    /// The grant lets nothing through until then: nothing was sent.
    pub(crate) fn ungranted(at: Timestamp, until: Timestamp) -> Self {
        let because = "its grant lets nothing through at the moment".to_owned();
        let retry_after = Duration::try_from(until.duration_since(at)).unwrap_or_default();
        Self { at, took: Duration::ZERO, status: None, excerpt: None, sent: Sent::NotSent { because, retry_after } }
    }

    /// What is kept in the store is no event any more: nothing was sent.
    pub(crate) fn unreadable(at: Timestamp) -> Self {
        let because = "what is set aside is no event".to_owned();
        Self::unfit(at, Cause::Contract, because)
    }

    /// What is kept in the store is not what was set aside: nothing was sent. INVARIANT: PARKED-LANE
    pub(crate) fn damaged(at: Timestamp) -> Self {
        let because = format!("{}: what was set aside of it is damaged in the store", code::PARKED_DAMAGED);
        Self::unfit(at, Cause::Unknown, because)
    }

    /// It does not fit its contract: nothing was sent.
    pub(crate) fn unfit(at: Timestamp, cause: Cause, because: String) -> Self {
        let sent = Sent::Refused { cause, because };
        Self { at, took: Duration::ZERO, status: None, excerpt: None, sent }
    }
}

/// What a send means for its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The receiver has it: a 2xx.
    Delivered,
    /// Not yet, or nobody knows: the same message may be sent again.
    Again {
        /// Of which class.
        cause: Cause,
        /// What happened, for a person.
        because: String,
        /// Not before so long has passed: what the receiver asked for.
        retry_after: Option<Duration>,
    },
    /// Nothing was sent, so that it counts as no attempt: a limit of the endpoint or its breaker stands in the way.
    NotSent {
        /// What stands in the way, for a person.
        because: String,
        /// When it may be tried again.
        retry_after: Duration,
    },
    /// Nothing was sent, and nothing is to be: the grant does not cover it. The message is done, and did not arrive.
    Withheld {
        /// Why, for a person.
        because: String,
    },
    /// The receiver says that nothing is to be sent to this endpoint any more: 410.
    Gone,
    /// The receiver will never take this message.
    Refused {
        /// Of which class.
        cause: Cause,
        /// What happened, for a person.
        because: String,
    },
}
