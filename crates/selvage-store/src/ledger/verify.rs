//! Proves the ledger whole, or names what is wrong with it. Reads only, all of it at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::Store;
use crate::error::StoreError;
use crate::ledger::checkpoint::LedgerHead;
use crate::ledger::entry::Draft;
use crate::ledger::{ORIGIN, PAGE};
use crate::person::erase::ERASED;
use crate::person::{PREFIX, People};
use crate::statement::statements;
use crate::value::{Row, bind};

const PAGE_SIZE: i64 = 500;

statements! {
    HEAD = "SELECT entries, entry_hash FROM ledger_head WHERE id = 1";
}

/// What a check of the ledger found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerCheck {
    /// How many entries there are.
    pub entries: u64,
    /// The last entry's hash: noted elsewhere, it proves this much of the ledger later.
    pub head: [u8; 32],
    /// What is wrong, in order; empty when the ledger is whole.
    pub faults: Vec<LedgerFault>,
}

impl LedgerCheck {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }
}

/// One thing that is wrong with the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerFault {
    /// An entry's content is not what its hash was made over.
    Altered {
        /// Which.
        seq: u64,
    },
    /// An entry is not chained to the one before it: one of the two was replaced or put in.
    Unlinked {
        /// Which.
        seq: u64,
    },
    /// Entries are gone from the middle or the beginning.
    Missing {
        /// The first that is gone.
        from: u64,
        /// The last that is gone.
        to: u64,
    },
    /// Entries are gone from the end.
    CutOff {
        /// How many there were.
        expected: u64,
        /// How many are left.
        found: u64,
    },
    /// Entries were added past the head.
    Added {
        /// The first of them.
        from: u64,
    },
    /// A checkpoint was made at an entry and does not fit it: entries up to it were computed anew.
    Rewritten {
        /// The first that may have been: the one behind the last checkpoint that fits.
        from: u64,
        /// The entry of the checkpoint.
        to: u64,
    },
    /// A checkpoint was made at an entry that is not there any more.
    Gone {
        /// The entry of the checkpoint.
        entry: u64,
        /// The last entry that there is.
        last: u64,
    },
    /// An entry names somebody by a pseudonym of which nothing is known, and no entry says that they were erased.
    Nameless {
        /// The pseudonym.
        pseudonym: String,
    },
    /// The name that stands for a pseudonym is not the one that it was made of.
    Renamed {
        /// The pseudonym.
        pseudonym: String,
    },
    /// The head, which is kept apart, names another last entry, or is gone.
    Head,
}

impl fmt::Display for LedgerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Altered { seq } => write!(f, "entry {seq} was altered"),
            Self::Unlinked { seq } => write!(f, "entry {seq} does not follow from the one before it"),
            Self::Missing { from, to } if from == to => write!(f, "entry {from} is missing"),
            Self::Missing { from, to } => write!(f, "entries {from} to {to} are missing"),
            Self::CutOff { expected, found } => write!(f, "the ledger ends at entry {found}, not at {expected}"),
            Self::Added { from } => write!(f, "entries from {from} on were put in past the head"),
            Self::Rewritten { from, to } if from == to => {
                write!(f, "entry {to} was written anew: the checkpoint that was made of it does not fit")
            }
            Self::Rewritten { from, to } => {
                write!(f, "entries {from} to {to} were written anew: the checkpoint of entry {to} does not fit")
            }
            Self::Gone { entry, last } => {
                write!(f, "the ledger ends at entry {last}, and a checkpoint was made of entry {entry}")
            }
            Self::Nameless { pseudonym } => {
                write!(f, "nobody knows who `{pseudonym}` is, and no entry says that they were erased")
            }
            Self::Renamed { pseudonym } => write!(f, "the name of `{pseudonym}` was exchanged"),
            Self::Head => write!(f, "the head is missing or does not name the last entry"),
        }
    }
}

impl Store {
    /// Checks every entry, the chain and its head.
    ///
    /// # Errors
    /// Those of the database; what is wrong with the ledger is in the answer.
    pub async fn verify_ledger(&self) -> Result<LedgerCheck, StoreError> {
        self.verify_ledger_by(&[]).await
    }

    /// The same, and that each of these checkpoints, whose signatures the caller has verified, fits its entry.
    ///
    /// # Errors
    /// Those of the database; what is wrong with the ledger is in the answer.
    pub async fn verify_ledger_by(&self, checkpoints: &[LedgerHead]) -> Result<LedgerCheck, StoreError> {
        let mut transaction = self.database.read().await?;
        let head = transaction.first(HEAD, bind![]).await?;
        let mut walk = Walk { hash: ORIGIN, noted: noted(checkpoints), ..Walk::default() };
        loop {
            let page = transaction.all(PAGE, bind![walk.last.saturating_add(1), PAGE_SIZE]).await?;
            if page.is_empty() {
                break;
            }
            for row in &page {
                walk.step(row)?;
            }
        }
        walk.end(head.as_ref())?;
        walk.people(&People::read(&mut transaction).await?);
        Ok(LedgerCheck { entries: walk.entries, head: walk.hash, faults: walk.faults })
    }
}

#[derive(Default)]
struct Walk {
    last: i64,
    entries: u64,
    hash: [u8; 32],
    faults: Vec<LedgerFault>,
    /// The entry of the last checkpoint that fits.
    fits: u64,
    /// Hashes by entry, of checkpoints that are not reached yet.
    noted: BTreeMap<u64, Vec<[u8; 32]>>,
    /// Pseudonyms of those who did something.
    actors: BTreeSet<String>,
    /// Pseudonyms of those who were erased, by the entries that say so.
    erased: BTreeSet<String>,
}

fn noted(checkpoints: &[LedgerHead]) -> BTreeMap<u64, Vec<[u8; 32]>> {
    let mut noted: BTreeMap<u64, Vec<[u8; 32]>> = BTreeMap::new();
    for LedgerHead { entries, hash, .. } in checkpoints.iter().filter(|it| it.entries > 0) {
        noted.entry(*entries).or_default().push(*hash);
    }
    noted
}

impl Walk {
    fn step(&mut self, row: &Row) -> Result<(), StoreError> {
        let seq = row.integer("seq")?;
        let (actor, action, subject) = (row.text("actor")?, row.text("action")?, row.text("subject")?);
        let draft = Draft {
            seq,
            at: row.integer("entered_at")?,
            actor: &actor,
            action: &action,
            subject: &subject,
            detail: &row.text("detail")?,
            previous: row.hash("previous_hash")?,
        };
        let kept = row.hash("entry_hash")?;
        if draft.hash() != kept {
            self.faults.push(LedgerFault::Altered { seq: seq.unsigned_abs() });
        }
        let follows = self.last + 1 == seq;
        if !follows {
            let (from, to) = ((self.last + 1).unsigned_abs(), (seq - 1).unsigned_abs());
            self.faults.push(LedgerFault::Missing { from, to });
        }
        if follows && draft.previous != self.hash {
            self.faults.push(LedgerFault::Unlinked { seq: seq.unsigned_abs() });
        }
        if let Some(hashes) = self.noted.remove(&seq.unsigned_abs()) {
            match hashes.iter().all(|hash| *hash == kept) {
                true => self.fits = seq.unsigned_abs(),
                false => self.faults.push(LedgerFault::Rewritten { from: self.fits + 1, to: seq.unsigned_abs() }),
            }
        }
        if action == ERASED {
            self.erased.insert(subject);
        }
        if actor.starts_with(PREFIX) {
            self.actors.insert(actor);
        }
        self.last = seq;
        self.entries += 1;
        self.hash = kept;
        Ok(())
    }

    /// Names are kept apart from the entries, and are what the pseudonyms in them were made of, or were erased by an entry that says so.
    fn people(&mut self, people: &People) {
        for person in people.0.values().filter(|person| !person.holds()) {
            self.faults.push(LedgerFault::Renamed { pseudonym: person.pseudonym.clone() });
        }
        let is_named = |pseudonym: &&String| people.0.get(*pseudonym).is_some_and(|person| person.name.is_some());
        for pseudonym in self.actors.iter().filter(|it| !is_named(it) && !self.erased.contains(*it)) {
            self.faults.push(LedgerFault::Nameless { pseudonym: pseudonym.clone() });
        }
    }

    /// INVARIANT: NOTHING-LOST: a tail that was cut off would be a whole chain; the head knows better.
    fn end(&mut self, head: Option<&Row>) -> Result<(), StoreError> {
        // INVARIANT: NOTHING-LOST: whoever cuts the tail can set the head back as well; what was signed stays.
        if let Some(entry) = self.noted.keys().next_back().copied().filter(|entry| *entry > self.last.unsigned_abs()) {
            self.faults.push(LedgerFault::Gone { entry, last: self.last.unsigned_abs() });
        }
        let Some(head) = head else {
            self.faults.push(LedgerFault::Head);
            return Ok(());
        };
        let (expected, found) = (head.count("entries")?, self.last.unsigned_abs());
        if expected > found {
            self.faults.push(LedgerFault::CutOff { expected, found });
        } else if expected < found {
            self.faults.push(LedgerFault::Added { from: expected + 1 });
        } else if head.hash("entry_hash")? != self.hash {
            self.faults.push(LedgerFault::Head);
        }
        Ok(())
    }
}
