//! Proves the ledger whole, or names what is wrong with it. Reads only, all of it at one moment.

use std::fmt;

use crate::Store;
use crate::error::StoreError;
use crate::ledger::PAGE;
use crate::ledger::checkpoint::LedgerHead;
use crate::ledger::walk::{Step, Walk};
use crate::person::People;
use crate::statement::statements;
use crate::value::bind;

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
    /// There is no entry at all, or the first does not say that the store was made: every store's ledger begins with that.
    Unbegun,
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
            Self::Unbegun => write!(f, "the ledger does not begin with the entry that made the store"),
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
        let mut walk = Walk::begin(checkpoints);
        loop {
            let page = transaction.all(PAGE, bind![walk.next(), PAGE_SIZE]).await?;
            if page.is_empty() {
                break;
            }
            for row in &page {
                walk.step(Step::of_row(row)?);
            }
        }
        let head =
            head.map(|head| Ok::<_, StoreError>((head.count("entries")?, head.hash("entry_hash")?))).transpose()?;
        walk.end(head);
        walk.people(&People::read(&mut transaction).await?);
        Ok(walk.told())
    }
}
