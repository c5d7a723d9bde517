//! What came of a request that went to an upstream, in classes: for the counters, and for the breaker, which must not
//! learn from what callers did wrong.

use crate::body::Progress;
use crate::breaker::Verdict;
use crate::pool::{Failed, Loan, SendError};
use crate::talk::Answer;

/// The classes, as metrics name them.
pub(crate) const OUTCOMES: [&str; 6] = ["answered", "unavailable", "timeout", "unreachable", "broken", "caller"];

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// An answer, whatever it says.
    Answered,
    /// The answer 502, 503 or 504: the upstream itself says that it cannot.
    Unavailable,
    /// None in time.
    Timeout,
    /// Nobody took the connection.
    Unreachable,
    /// The connection broke, or what came was no answer.
    Broken,
    /// The caller broke off, was too slow or sent too much.
    Caller,
}

impl Outcome {
    /// Of what sending came to; `None` where it took too long.
    pub(crate) fn of(sent: Option<&Result<(Answer, Loan), Failed>>, progress: Progress) -> Self {
        match sent {
            Some(Ok((answer, _))) if matches!(answer.status.as_u16(), 502..=504) => Self::Unavailable,
            Some(Ok(_)) => Self::Answered,
            Some(Err(_)) if matches!(progress, Progress::TooLarge | Progress::Broken | Progress::Revoked) => {
                Self::Caller
            }
            Some(Err(Failed { error: SendError::Unreachable(_), .. })) => Self::Unreachable,
            Some(Err(_)) => Self::Broken,
            None if progress == Progress::Coming => Self::Caller,
            None => Self::Timeout,
        }
    }

    /// What it says about the upstream.
    pub(crate) fn verdict(self) -> Verdict {
        match self {
            Self::Answered => Verdict::Well,
            Self::Unavailable | Self::Timeout | Self::Unreachable | Self::Broken => Verdict::Failed,
            Self::Caller => Verdict::Nothing,
        }
    }

    /// Its place among the classes.
    pub(crate) fn place(self) -> usize {
        match self {
            Self::Answered => 0,
            Self::Unavailable => 1,
            Self::Timeout => 2,
            Self::Unreachable => 3,
            Self::Broken => 4,
            Self::Caller => 5,
        }
    }
}
