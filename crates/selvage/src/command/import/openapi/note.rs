//! What is told beside the drafts: what was left out and why, what is other than in the contract, what is worth knowing. Each with the
//! place in the contract, so that nothing is dropped in silence.

use std::collections::{BTreeMap, BTreeSet};

/// Notes of one import.
#[derive(Default)]
pub(super) struct Notes {
    /// What the drafts do not carry.
    pub(super) left_out: Vec<Note>,
    /// What the drafts say otherwise than the contract.
    pub(super) changed: Vec<Note>,
    /// What a person may want to know.
    pub(super) hints: Vec<Note>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// What is to be said.
    pub(super) text: String,
    /// A JSON pointer into the contract, or a file.
    pub(super) at: String,
}

impl Notes {
    /// Something is not carried.
    pub(super) fn left_out(&mut self, text: impl Into<String>, at: impl Into<String>) {
        self.left_out.push(Note { text: text.into(), at: at.into() });
    }

    /// Something is said otherwise.
    pub(super) fn changed(&mut self, text: impl Into<String>, at: impl Into<String>) {
        self.changed.push(Note { text: text.into(), at: at.into() });
    }

    /// Something is worth knowing.
    pub(super) fn hint(&mut self, text: impl Into<String>, at: impl Into<String>) {
        self.hints.push(Note { text: text.into(), at: at.into() });
    }
}

/// Notes that say the same, with all their places, each once.
pub(super) fn grouped(notes: &[Note]) -> Vec<(&str, Vec<&str>)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for note in notes.iter().filter(|note| seen.insert((&note.text, &note.at))) {
        let at = *known.entry(&note.text).or_insert(groups.len());
        match groups.get_mut(at) {
            Some((_, places)) => places.push(&note.at),
            None => groups.push((&note.text, vec![&note.at])),
        }
    }
    groups
}
