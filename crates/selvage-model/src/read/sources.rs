//! The files of a fabric's directory, as bytes: whoever may do IO fills this, reading needs nothing else.

use std::collections::BTreeMap;

use crate::yaml::Limits;

/// A file as it was found.
#[derive(Clone, Debug)]
pub enum Source {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// It has so many bytes that it was not read.
    Oversized(u64),
    /// It could not be read, and why.
    Unreadable(String),
}

/// Files by path, relative to the fabric's directory, with `/` between the parts.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: BTreeMap<String, Source>,
}

impl Sources {
    /// Files with more bytes need not be read: insert them as [`Source::Oversized`]. 4 MiB.
    pub const MOST_BYTES: u64 = Limits::CONTRACT.bytes as u64;

    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// One file, for tests and tools.
    pub fn of(path: &str, text: &str) -> Self {
        let mut sources = Self::new();
        sources.insert(path, text);
        sources
    }

    /// Adds a file by its bytes.
    pub fn insert(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.files.insert(path.into(), Source::Bytes(bytes.into()));
    }

    /// Adds a file that is too large to be read.
    pub fn oversized(&mut self, path: impl Into<String>, bytes: u64) {
        self.files.insert(path.into(), Source::Oversized(bytes));
    }

    /// Adds a file or a directory that could not be read.
    pub fn unreadable(&mut self, path: impl Into<String>, because: impl Into<String>) {
        self.files.insert(path.into(), Source::Unreadable(because.into()));
    }

    /// The file of this path.
    pub fn get(&self, path: &str) -> Option<&Source> {
        self.files.get(path)
    }

    /// All files by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.files.iter().map(|(path, source)| (path.as_str(), source))
    }

    /// Whether a file of this path may hold manifests.
    pub fn is_manifest(path: &str) -> bool {
        path.ends_with(".yaml") || path.ends_with(".yml")
    }
}
