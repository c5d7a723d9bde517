//! The journal of committed calls, so that a test can count what was done how often.
//! Calls that only read, and calls that were refused, are not in it.

use std::collections::VecDeque;

use serde_json::{Value as Json, json};

/// How many entries are kept; older ones go first.
const KEPT: usize = 100_000;

/// One committed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// Counts from 1, without gaps.
    pub sequence: u64,
    /// When it was committed, `2026-11-23 06:32:49.123456` UTC.
    pub at: String,
    /// The login of the account.
    pub login: String,
    /// The model.
    pub model: String,
    /// The method.
    pub method: String,
    /// The records it was called on, or that it made.
    pub ids: Vec<i64>,
    /// Whether any record changed.
    pub changed: bool,
}

impl JournalEntry {
    pub(crate) fn write(&self) -> Json {
        json!({
            "sequence": self.sequence, "at": self.at, "login": self.login, "model": self.model, "method": self.method,
            "ids": self.ids, "changed": self.changed,
        })
    }
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: VecDeque<JournalEntry>,
    last: u64,
}

impl Journal {
    pub(crate) fn append(&mut self, mut entry: JournalEntry) {
        self.last += 1;
        entry.sequence = self.last;
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    pub(crate) fn entries(&self) -> Vec<JournalEntry> {
        self.entries.iter().cloned().collect()
    }

    pub(crate) fn count(&self) -> u64 {
        self.last
    }
}
