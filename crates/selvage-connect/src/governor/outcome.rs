//! How a call ended, as far as the governor is concerned. It never carries what was asked or answered.

use std::time::Duration;

use super::limit::Sign;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// With an answer.
    Answered,
    /// With a no.
    Refused,
    /// Rolled back, because another transaction was in the way.
    Conflict,
    /// The server asks to slow down.
    SlowDown,
    /// Without an answer.
    Lost,
    /// The server was not reached.
    Unreachable,
    /// With something that is not the system's.
    Strange,
    /// Nobody waited for its end.
    Dropped,
}

impl Outcome {
    /// Its word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Conflict => "conflict",
            Self::SlowDown => "slow-down",
            Self::Lost => "lost",
            Self::Unreachable => "unreachable",
            Self::Strange => "strange",
            Self::Dropped => "dropped",
        }
    }

    /// What it says of the server's load.
    pub(super) fn sign(self, took: Duration) -> Sign {
        match self {
            Self::Answered | Self::Refused => Sign::Took(took),
            Self::Conflict => Sign::Conflict,
            Self::SlowDown | Self::Lost => Sign::Overload,
            Self::Unreachable | Self::Strange | Self::Dropped => Sign::Nothing,
        }
    }
}
