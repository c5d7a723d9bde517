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
    /// The rule is younger than what it is about may be: what was released before it says what it said then, and runs on.
    pub is_of_late: bool,
}

impl Finding {
    /// An error of this code at this place.
    pub fn error(code: Code, place: &Place, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            place: place.clone(),
            message: message.into(),
            fix: None,
            is_of_late: false,
        }
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

    /// The same by a rule that something may be older than, where it is.
    #[must_use]
    pub fn of_late(self, is_of_late: bool) -> Self {
        Self { is_of_late, ..self }
    }
}

/// What a user wrote, fit to be shown in backticks: no control characters, and not longer than one likes to read.
pub fn show(text: &str) -> String {
    const MOST: usize = 60;
    let visible = |c: char| if c.is_control() || is_invisible(c) { '\u{fffd}' } else { c };
    let mut shown: String = text.chars().take(MOST).map(visible).collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// Turns the direction of text or takes no room: what is shown would not be what was written.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
