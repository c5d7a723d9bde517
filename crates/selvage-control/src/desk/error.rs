//! Why the desk did not do it: the store, or a refusal with its code, what it is about, and the way out.

use selvage_model::code::Code;
use selvage_model::finding::Finding;
use selvage_store::StoreError;

/// Why the desk did not do it.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The store's.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was asked for is refused.
    #[error("{message}")]
    Refused {
        /// Its code.
        code: Code,
        /// What is wrong.
        message: String,
        /// What to do.
        fix: String,
        /// What was found, where files are refused.
        findings: Vec<Finding>,
    },
}

impl DeskError {
    pub(crate) fn refused(code: Code, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Refused { code, message: message.into(), fix: fix.into(), findings: Vec::new() }
    }

    pub(super) fn found(
        code: Code,
        message: impl Into<String>,
        fix: impl Into<String>,
        findings: Vec<Finding>,
    ) -> Self {
        Self::Refused { code, message: message.into(), fix: fix.into(), findings }
    }

    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Refused { code, .. } => *code,
        }
    }
}
