//! A finding: one problem in what was declared, with its place and the way out. Findings are collected, never thrown.

use std::fmt;

use crate::code::Code;
use crate::source::Place;

/// How grave a finding is. Errors stop a release; warnings and advice do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Advice,
    /// Probably wrong.
    Warning,
    /// Cannot run.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Advice => "advice",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One problem: what, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its code, the name of a page in docs/errors.
    pub code: Code,
    /// How grave it is.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// What is wrong, user input in backticks.
    pub message: String,
    /// What to do, where that can be said.
    pub fix: Option<String>,
}

impl Finding {
    /// An error of this code at this place.
    pub fn error(code: Code, place: &Place, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, place: place.clone(), message: message.into(), fix: None }
    }

    /// A warning of this code at this place.
    pub fn warning(code: Code, place: &Place, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, place, message) }
    }

    /// The same with the way out.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}
