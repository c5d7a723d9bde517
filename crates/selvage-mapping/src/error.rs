//! Why a record or an object cannot be translated, in words for whoever sent it and for the steward who resolves it.
//! Never carries more of the record than the one value at fault.

use selvage_model::code::{self, Code};
use selvage_model::delivery::Cause;

/// One value that cannot be translated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at `{pointer}`)")]
pub struct MapError {
    /// The code of the cause.
    pub code: Code,
    /// JSON Pointer (RFC 6901) into the canonical object.
    pub pointer: String,
    /// What is wrong, user input in backticks.
    pub message: String,
    /// What kind of problem it is.
    pub cause: MapCause,
}

/// What kind of problem a value has; it decides who can resolve it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MapCause {
    /// A word that the code set or the enumeration does not have: a steward's.
    Code,
    /// A link that leads nowhere, or nobody looked it up: a steward's, or the sender's.
    Reference,
    /// A unit that is unknown, measures something else, or does not convert exactly.
    Unit,
    /// The value has not the shape that the attribute needs.
    Shape,
    /// The attribute is given to read only.
    NotWritable,
    /// The attribute cannot be searched by.
    NotFilterable,
}

impl MapCause {
    /// The code that stands for this cause.
    pub fn code(self) -> Code {
        match self {
            Self::Code => code::CODE_UNMATCHED,
            Self::Reference => code::REFERENCE_UNRESOLVED,
            Self::Unit => code::UNIT_MISMATCH,
            Self::Shape => code::VALUE_SHAPE,
            Self::NotWritable => code::NOT_WRITABLE,
            Self::NotFilterable => code::NOT_FILTERABLE,
        }
    }

    /// Its class, where the value stands in the way of a record.
    pub fn class(self) -> Cause {
        match self {
            Self::Code => Cause::Code,
            Self::Reference => Cause::Reference,
            Self::Unit => Cause::Unit,
            Self::Shape | Self::NotWritable | Self::NotFilterable => Cause::Mapping,
        }
    }
}

impl MapError {
    /// A problem of this cause at this place of the object.
    pub fn new(cause: MapCause, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: cause.code(), pointer: pointer.into(), message: message.into(), cause }
    }
}
