//! Deliveries as data: why a message is not where it should be. Sends nothing and knows no store.

use std::fmt;
use std::str::FromStr;

/// Why a message could not be handed over, in classes that tell who can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// It does not fit its contract: the producer's.
    Contract,
    /// A mapping could not translate it: the integration's.
    Mapping,
    /// A code has no counterpart in a code set: a steward's.
    Code,
    /// Something that it refers to is not there: a steward's.
    Reference,
    /// A unit could not be converted: a steward's.
    Unit,
    /// The receiver answered that it does not take it: the receiver's.
    Refused,
    /// No answer in time, no connection, or an answer that says "later": the receiver's, or the network's.
    Timeout,
    /// None of the others.
    Unknown,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Contract,
        Self::Mapping,
        Self::Code,
        Self::Reference,
        Self::Unit,
        Self::Refused,
        Self::Timeout,
        Self::Unknown,
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contract => "contract",
            Self::Mapping => "mapping",
            Self::Code => "code",
            Self::Reference => "reference",
            Self::Unit => "unit",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not one of the words of [`Cause`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a cause: contract, mapping, code, reference, unit, refused, timeout, unknown")]
pub struct NotACause(String);

impl FromStr for Cause {
    type Err = NotACause;
    fn from_str(text: &str) -> Result<Self, NotACause> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == text).ok_or_else(|| NotACause(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_read_as_it_is_written() {
        for cause in Cause::ALL {
            assert_eq!(cause.to_string().parse(), Ok(cause));
        }
        assert!("poison".parse::<Cause>().is_err());
    }
}
