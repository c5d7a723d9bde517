//! One entry of the ledger, and the bytes that its hash is over.

use jiff::Timestamp;
use selvage_model::change::signature;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::error::StoreError;
use crate::person::People;
use crate::value::Row;

/// The member of an entry's detail that says that nobody proved to be who did it.
pub(crate) const UNPROVEN: &str = "unproven";

/// One administrative act.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerEntry {
    /// Its number, from 1, without gaps.
    pub seq: u64,
    /// When, by the store's clock.
    pub at: Timestamp,
    /// Who did it.
    pub actor: String,
    /// The same as it is entered: a pseudonym, where it is a person and the entry is not older than pseudonyms.
    pub entered_as: String,
    /// What was done: `key.issued`, `release.activated`, …
    pub action: String,
    /// To what: an id.
    pub subject: String,
    /// More about it, without secrets.
    pub detail: Value,
    /// The same as it is entered: with pseudonyms in the place of people.
    pub entered: Value,
    /// The hash of the entry before; zeros for the first.
    pub previous: [u8; 32],
    /// SHA-256 over all of the above.
    pub hash: [u8; 32],
}

impl LedgerEntry {
    pub(crate) fn from_row(row: &Row, people: &People) -> Result<Self, StoreError> {
        let (entered_as, entered): (String, Value) = (row.text("actor")?, row.json("detail")?);
        Ok(Self {
            seq: row.count("seq")?,
            at: row.time("entered_at")?,
            actor: people.name(entered_as.clone()),
            entered_as,
            action: row.text("action")?,
            subject: row.text("subject")?,
            detail: people.names(entered.clone()),
            entered,
            previous: row.hash("previous_hash")?,
            hash: row.hash("entry_hash")?,
        })
    }
}

impl LedgerEntry {
    /// Whether nobody proved to be who did it: a name that was said.
    pub fn is_unproven(&self) -> bool {
        self.entered.get(UNPROVEN).is_some_and(|unproven| unproven == &Value::Bool(true))
    }

    /// Who did it, and whether that was proven, where somebody signs with it.
    pub fn signed_by(&self) -> String {
        signature(&self.actor, self.is_unproven())
    }

    /// Whether its hash is over what it says and over the hash before: what can be told of an entry without the store.
    pub fn holds(&self) -> bool {
        let (seq, detail) = (i64::try_from(self.seq).unwrap_or(i64::MAX), self.entered.to_string());
        let (actor, action, subject) = (self.entered_as.as_str(), self.action.as_str(), self.subject.as_str());
        let at = self.at.as_microsecond();
        Draft { seq, at, actor, action, subject, detail: &detail, previous: self.previous }.hash() == self.hash
    }
}

/// An entry as it is stored, before its hash.
pub(crate) struct Draft<'a> {
    pub(crate) seq: i64,
    pub(crate) at: i64,
    pub(crate) actor: &'a str,
    pub(crate) action: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) detail: &'a str,
    pub(crate) previous: [u8; 32],
}

impl Draft<'_> {
    /// SHA-256 over a tag, the numbers in big-endian, each text behind its length, and the hash before: no two entries
    /// give the same bytes.
    pub(crate) fn hash(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(b"selvage-ledger-1");
        digest.update(self.seq.to_be_bytes());
        digest.update(self.at.to_be_bytes());
        for text in [self.actor, self.action, self.subject, self.detail] {
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text.as_bytes());
        }
        digest.update(self.previous);
        digest.finalize().into()
    }
}
