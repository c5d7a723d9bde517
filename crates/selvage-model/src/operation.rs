//! An operation: a write by its key, from claim to answer. The same key always leads to the same operation.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde_json::Value;

/// The id of an operation: `op_` and 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationId(String);

impl OperationId {
    /// From 128 random bits.
    pub fn from_random(bits: u128) -> Self {
        Self(format!("op_{bits:032x}"))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OperationId {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.strip_prefix("op_").ok_or(())?;
        let wellformed = digits.len() == 32 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if wellformed { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an operation has come to.
#[derive(Clone, Debug, PartialEq)]
pub enum OperationState {
    /// Claimed; being worked on.
    Pending,
    /// Sent, and nobody knows: it is looked up after `probe_at`, never resent before.
    Unknown {
        /// When the system's longest transaction will have passed.
        probe_at: Timestamp,
        /// How often it was looked up.
        probes: u32,
    },
    /// Confirmed by reading back.
    Done(StoredAnswer),
    /// The system or a rule refused it; nothing was changed.
    Refused(StoredAnswer),
    /// Looked up often enough: a person decides.
    Stuck {
        /// What is known.
        because: String,
    },
}

impl OperationState {
    /// Its word in the store and the API.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Unknown { .. } => "unknown",
            Self::Done(_) => "done",
            Self::Refused(_) => "refused",
            Self::Stuck { .. } => "stuck",
        }
    }
}

/// The answer that a key got, kept to be given again.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredAnswer {
    /// HTTP status.
    pub status: u16,
    /// The body: the object, or an RFC 9457 problem.
    pub body: Value,
    /// Path of what was created.
    pub location: Option<String>,
}
