//! What can go wrong with the log, in classes that callers act on.

use std::path::PathBuf;

use selvage_model::code::{self, Code};
use selvage_model::event::{EventError, Gap, Position};
use selvage_model::name::InterfaceRef;
use selvage_store::{ReadFault, StoreError};

/// Why the log did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The events are larger than the log takes, or too many at once.
    #[error(transparent)]
    Unfit(#[from] EventError),
    /// No answer in time, or nobody there. Trying again later may help; an append may have happened.
    #[error("the log cannot be reached or is overloaded: {reason}")]
    Unavailable {
        /// What happened, for the log.
        reason: String,
        /// The store's error, where it was the store.
        #[source]
        source: Option<StoreError>,
    },
    /// Nothing was appended, since there is no space left.
    #[error("the log has no space left; what it acknowledged is there, and nothing new is taken")]
    Full {
        /// The store's error, where it was the store.
        #[source]
        source: Option<StoreError>,
    },
    /// A record is not what was written. Who reads on after it loses it, and says so.
    #[error("the event at {position} of `{stream}` is damaged")]
    Damaged {
        /// Which stream.
        stream: InterfaceRef,
        /// Where.
        position: Position,
    },
    /// Records that were acknowledged are not there, and nothing says why.
    #[error("the events with offsets {from} to {to} of `{stream}` are missing")]
    Missing {
        /// Which stream.
        stream: InterfaceRef,
        /// The first offset.
        from: u64,
        /// The last offset.
        to: u64,
    },
    /// Retention took what the reader had not read.
    #[error("retention took the events with offsets {from} to {to} of `{stream}`, which this reader had not read")]
    Retired {
        /// Which stream.
        stream: InterfaceRef,
        /// The first offset.
        from: u64,
        /// The last offset.
        to: u64,
    },
    /// Nothing was ever appended there: the log is older than the reader, or of another installation.
    #[error("{after} is ahead of `{stream}`, which ends at {head}")]
    Ahead {
        /// Which stream.
        stream: InterfaceRef,
        /// From where was to be read.
        after: Position,
        /// The last position that there is.
        head: Position,
    },
    /// The stream was not opened here.
    #[error("the log has no stream `{stream}`")]
    Unopened {
        /// Which.
        stream: InterfaceRef,
    },
    /// The broker lost what it had acknowledged. Told once; a new epoch has begun, and the same append is taken in it.
    #[error("{0}")]
    Gap(Gap),
    /// The broker may lose what it acknowledges.
    #[error("the broker may lose what it acknowledges: {reason}")]
    BrokerUnsafe {
        /// Why that is so.
        reason: String,
    },
    /// The broker, or a stream of it, is not as it has to be.
    #[error("the broker cannot keep the log: {reason}")]
    BrokerUnfit {
        /// What is wrong.
        reason: String,
    },
    /// The file that keeps the marks apart from the log cannot be read or written.
    #[error("the log's mark `{}` cannot be used: {reason}", path.display())]
    Mark {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The store's, for everything else.
    #[error(transparent)]
    Store(StoreError),
}

impl LogError {
    /// Its code in the catalogue.
    pub fn code(&self) -> Code {
        match self {
            Self::Unfit(_) => code::EVENT_UNFIT,
            Self::Unavailable { .. } => code::LOG_UNAVAILABLE,
            Self::Full { .. } => code::LOG_FULL,
            Self::Damaged { .. } => code::EVENT_DAMAGED,
            Self::Missing { .. } => code::EVENTS_MISSING,
            Self::Retired { .. } => code::EVENTS_RETIRED,
            Self::Ahead { .. } => code::POSITION_AHEAD,
            Self::Unopened { .. } => code::STREAM_UNOPENED,
            Self::Gap(_) => code::LOG_GAP,
            Self::BrokerUnsafe { .. } => code::BROKER_UNSAFE,
            Self::BrokerUnfit { .. } => code::BROKER_UNFIT,
            Self::Mark { .. } => code::MARK_UNUSABLE,
            Self::Store(error) => error.code(),
        }
    }

    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Full { .. } | Self::Gap(_))
    }

    /// One that goes away by itself.
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable { reason: reason.into(), source: None }
    }

    /// One error told to each of those who waited for the same commit.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Full { .. } => Self::Full { source: None },
            Self::Gap(gap) => Self::Gap(gap.clone()),
            Self::BrokerUnsafe { reason } => Self::BrokerUnsafe { reason: reason.clone() },
            Self::BrokerUnfit { reason } => Self::BrokerUnfit { reason: reason.clone() },
            Self::Unopened { stream } => Self::Unopened { stream: stream.clone() },
            other => Self::unavailable(other.to_string()),
        }
    }
}

impl From<StoreError> for LogError {
    fn from(error: StoreError) -> Self {
        match error {
            error if error.is_full() => Self::Full { source: Some(error) },
            error if error.is_transient() => Self::Unavailable { reason: error.to_string(), source: Some(error) },
            StoreError::NotFound { what: "event stream", id } => match id.parse() {
                Ok(stream) => Self::Unopened { stream },
                Err(_) => Self::Store(StoreError::NotFound { what: "event stream", id }),
            },
            error => Self::Store(error),
        }
    }
}

/// What a reader is told of a fault.
pub(crate) fn fault_error(fault: &ReadFault, stream: &InterfaceRef, after: Position) -> LogError {
    let stream = stream.clone();
    match *fault {
        ReadFault::Damaged { position } => LogError::Damaged { stream, position },
        ReadFault::Missing { from, to } => LogError::Missing { stream, from, to },
        ReadFault::Retired { from, to } => LogError::Retired { stream, from, to },
        ReadFault::Ahead { head } => LogError::Ahead { stream, after, head },
    }
}
