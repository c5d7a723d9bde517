//! One walk over the entries of a ledger, in order, wherever they stand: in a store or in a backup of one. It collects what is wrong and
//! reads nothing itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::error::StoreError;
use crate::ledger::checkpoint::LedgerHead;
use crate::ledger::entry::Draft;
use crate::ledger::verify::{LedgerCheck, LedgerFault};
use crate::ledger::{BEGUN, ORIGIN};
use crate::person::erase::ERASED;
use crate::person::{People, is_pseudonym};
use crate::value::Row;

/// An entry as it is kept.
pub(crate) struct Step {
    pub(crate) seq: i64,
    pub(crate) at: i64,
    pub(crate) actor: String,
    pub(crate) action: String,
    pub(crate) subject: String,
    pub(crate) detail: String,
    pub(crate) previous: [u8; 32],
    pub(crate) kept: [u8; 32],
}

impl Step {
    pub(crate) fn of_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            seq: row.integer("seq")?,
            at: row.integer("entered_at")?,
            actor: row.text("actor")?,
            action: row.text("action")?,
            subject: row.text("subject")?,
            detail: row.text("detail")?,
            previous: row.hash("previous_hash")?,
            kept: row.hash("entry_hash")?,
        })
    }

    fn hash(&self) -> [u8; 32] {
        let Self { seq, at, actor, action, subject, detail, previous, .. } = self;
        Draft { seq: *seq, at: *at, actor, action, subject, detail, previous: *previous }.hash()
    }
}

/// What was seen so far.
pub(crate) struct Walk {
    last: i64,
    entries: u64,
    hash: [u8; 32],
    faults: Vec<LedgerFault>,
    /// The entry of the last checkpoint that fits.
    fits: u64,
    /// Hashes by entry, of checkpoints that are not reached yet.
    noted: BTreeMap<u64, Vec<[u8; 32]>>,
    /// Pseudonyms of those who did something, or to whom it was done.
    named: BTreeSet<String>,
    /// Pseudonyms of those who were erased, by the entries that say so.
    erased: BTreeSet<String>,
}

impl Walk {
    /// Before the first entry, with checkpoints that it has to fit.
    pub(crate) fn begin(checkpoints: &[LedgerHead]) -> Self {
        let mut noted: BTreeMap<u64, Vec<[u8; 32]>> = BTreeMap::new();
        for LedgerHead { entries, hash, .. } in checkpoints.iter().filter(|it| it.entries > 0) {
            noted.entry(*entries).or_default().push(*hash);
        }
        let (named, erased) = (BTreeSet::new(), BTreeSet::new());
        Self { last: 0, entries: 0, hash: ORIGIN, faults: Vec::new(), fits: 0, noted, named, erased }
    }

    /// The entry that is to come next.
    pub(crate) fn next(&self) -> i64 {
        self.last.saturating_add(1)
    }

    pub(crate) fn step(&mut self, step: Step) {
        let seq = step.seq.unsigned_abs();
        if step.hash() != step.kept {
            self.faults.push(LedgerFault::Altered { seq });
        }
        let follows = self.last.saturating_add(1) == step.seq;
        if !follows {
            let (from, to) = (self.last.saturating_add(1).unsigned_abs(), step.seq.saturating_sub(1).unsigned_abs());
            self.faults.push(LedgerFault::Missing { from, to });
        }
        if follows && step.previous != self.hash {
            self.faults.push(LedgerFault::Unlinked { seq });
        }
        if seq == 1 && step.action != BEGUN {
            self.faults.push(LedgerFault::Unbegun);
        }
        if let Some(hashes) = self.noted.remove(&seq) {
            match hashes.iter().all(|hash| *hash == step.kept) {
                true => self.fits = seq,
                false => self.faults.push(LedgerFault::Rewritten { from: self.fits + 1, to: seq }),
            }
        }
        (self.last, self.hash) = (step.seq, step.kept);
        self.entries += 1;
        self.note(step);
    }

    /// Whom an entry names: who did it, and anybody in what it says of it, as to whom a seat was lent.
    fn note(&mut self, step: Step) {
        // Most details name nobody: they are not read twice for it.
        if step.detail.contains(crate::person::PREFIX)
            && let Ok(detail) = serde_json::from_str::<Value>(&step.detail)
        {
            self.note_all(detail);
        }
        if step.action == ERASED {
            self.erased.insert(step.subject);
        }
        if is_pseudonym(&step.actor) {
            self.named.insert(step.actor);
        }
    }

    fn note_all(&mut self, value: Value) {
        match value {
            Value::String(text) if is_pseudonym(&text) => {
                self.named.insert(text);
            }
            Value::Array(values) => values.into_iter().for_each(|value| self.note_all(value)),
            Value::Object(members) => members.into_iter().for_each(|(_, value)| self.note_all(value)),
            _ => {}
        }
    }

    /// Names are kept apart from the entries, and are what the pseudonyms in them were made of, or were erased by an entry that says so.
    pub(crate) fn people(&mut self, people: &People) {
        for person in people.0.values().filter(|person| !person.holds()) {
            self.faults.push(LedgerFault::Renamed { pseudonym: person.pseudonym.clone() });
        }
        let is_known = |pseudonym: &&String| people.0.get(*pseudonym).is_some_and(|person| person.name.is_some());
        for pseudonym in self.named.iter().filter(|it| !is_known(it) && !self.erased.contains(*it)) {
            self.faults.push(LedgerFault::Nameless { pseudonym: pseudonym.clone() });
        }
    }

    /// Behind the last entry, with what is kept apart of how many there are and what the last one's hash is. INVARIANT: NOTHING-LOST: a
    /// tail that was cut off would be a whole chain; the head knows better.
    pub(crate) fn end(&mut self, head: Option<(u64, [u8; 32])>) {
        let found = self.last.unsigned_abs();
        if self.entries == 0 {
            self.faults.push(LedgerFault::Unbegun);
        }
        // INVARIANT: NOTHING-LOST: whoever cuts the tail can set the head back as well; what was signed stays.
        if let Some(entry) = self.noted.keys().next_back().copied().filter(|entry| *entry > found) {
            self.faults.push(LedgerFault::Gone { entry, last: found });
        }
        match head {
            None => self.faults.push(LedgerFault::Head),
            Some((expected, _)) if expected > found => self.faults.push(LedgerFault::CutOff { expected, found }),
            Some((expected, _)) if expected < found => self.faults.push(LedgerFault::Added { from: expected + 1 }),
            Some((_, hash)) if hash != self.hash => self.faults.push(LedgerFault::Head),
            Some(_) => {}
        }
    }

    pub(crate) fn told(self) -> LedgerCheck {
        LedgerCheck { entries: self.entries, head: self.hash, faults: self.faults }
    }
}
