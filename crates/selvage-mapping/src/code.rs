//! A code set as one system speaks it: its words for our codes, both ways.
//! An unmatched word is the steward's, unless the set lets it pass.

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::RandomState;
use selvage_model::manifest::object::{CodeSet, OnUnmatched};
use selvage_model::name::{CodeSetName, SystemName};

use crate::quantity::Unit;
use crate::shape::clipped;

/// A code set, for one system.
#[derive(Clone, Debug)]
pub(crate) struct Codes {
    set: CodeSetName,
    system: SystemName,
    /// Their word → our code.
    read: HashMap<String, String, RandomState>,
    /// Our code → their words in the order written.
    write: HashMap<String, Vec<String>, RandomState>,
    passes: bool,
    /// Our codes as units, where they are.
    units: HashMap<String, Unit, RandomState>,
}

impl Codes {
    /// A system without words of its own speaks the set's codes.
    pub(crate) fn new(set: &CodeSet, system: &SystemName) -> Self {
        let own = set.systems.iter().find(|(name, _)| &name.value == system);
        let pairs: Vec<(String, String)> = match own {
            Some((_, words)) => words.iter().map(|(word, code)| (word.value.clone(), code.value.clone())).collect(),
            None => set.codes.iter().map(|entry| (entry.code.value.clone(), entry.code.value.clone())).collect(),
        };
        let mut write: HashMap<String, Vec<String>, RandomState> = HashMap::default();
        for (word, code) in &pairs {
            write.entry(code.clone()).or_default().push(word.clone());
        }
        let unit = |code: &str| Some((code.to_owned(), code.parse().ok()?));
        Self {
            units: set.codes.iter().filter_map(|entry| unit(&entry.code.value)).collect(),
            set: set.name.clone(),
            system: system.clone(),
            read: pairs.into_iter().collect(),
            write,
            passes: set.on_unmatched == OnUnmatched::Pass,
        }
    }

    /// Our code for their word; the error is a sentence.
    pub(crate) fn code<'a>(&'a self, word: &'a str) -> Result<&'a str, String> {
        match self.read.get(word) {
            Some(code) => Ok(code),
            None if self.passes => Ok(word),
            None => {
                Err(format!("`{}` of {} is in the code set {} no code's word", clipped(word), self.system, self.set))
            }
        }
    }

    /// Their word for our code: the first that is written; the error is a sentence.
    pub(crate) fn word<'a>(&'a self, code: &'a str) -> Result<&'a str, String> {
        match self.write.get(code).and_then(|words| words.first()) {
            Some(word) => Ok(word),
            // A passing code that is also another code's word would come back as that code.
            None if self.passes && !self.read.contains_key(code) => Ok(code),
            None => Err(format!("{} has no word for `{}` in the code set {}", self.system, clipped(code), self.set)),
        }
    }

    /// The unit of this code of the set.
    pub(crate) fn unit(&self, code: &str) -> Option<&Unit> {
        self.units.get(code)
    }

    /// All their words for our code.
    pub(crate) fn words(&self, code: &str) -> Vec<&str> {
        match self.write.get(code) {
            Some(words) => words.iter().map(String::as_str).collect(),
            None => Vec::new(),
        }
    }

    /// Whether unmatched words pass.
    pub(crate) fn passes(&self) -> bool {
        self.passes
    }

    /// Every word of theirs, for making trial records.
    pub(crate) fn all_words(&self) -> BTreeSet<&str> {
        self.read.keys().map(String::as_str).collect()
    }
}
