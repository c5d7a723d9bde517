//! What can be told of a backup by itself: whether it is whole, whether this binary can restore it, whether its ledger is the chain that
//! it says, and what releases it has. A file whose hash was computed anew over another ledger is whole, and false. It changes nothing.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use selvage_model::access::{Credential, KeyHash, Principal};
use serde_json::Value;

use super::BackupSummary;
use super::file::{End, Head, Line, Lines, Table};
use crate::error::StoreError;
use crate::ledger::verify::LedgerFault;
use crate::ledger::walk::{Step, Walk};
use crate::migration;
use crate::person::{People, Person};
use crate::release::signed::{ReleaseKey, SignedRelease};

/// A backup that is whole, and what its ledger comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedBackup {
    /// What it holds.
    pub summary: BackupSummary,
    /// What is wrong with its ledger; empty where nothing was found.
    pub faults: Vec<LedgerFault>,
    /// The keys by which its releases are verified.
    pub keys: Vec<ReleaseKey>,
    /// The keys of operators, of then.
    pub operators: Vec<Credential>,
}

/// Reads a backup to its end, walks its ledger, and says what it holds.
///
/// # Errors
/// [`StoreError::BackupDamaged`] where it is not whole, [`StoreError::Newer`] where a newer binary made it, and
/// [`StoreError::BackupFile`] where it cannot be read.
pub fn check_backup(path: &Path) -> Result<CheckedBackup, StoreError> {
    let mut lines = Lines::open(path)?;
    let Line::Head(head) = lines.next()? else { return Err(lines.damaged("it does not begin as a backup")) };
    let (found, known) = (head.version, migration::known());
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    let mut seen = End::default();
    let (mut table, mut ledger) = (Table { name: String::new(), columns: Vec::new() }, OfLedger::begin());
    let end = loop {
        match lines.next()? {
            Line::Head(_) => return Err(lines.damaged("it begins twice")),
            Line::Table(next) => {
                seen.tables += 1;
                table = next;
            }
            Line::Row(cells) => {
                seen.rows += 1;
                ledger
                    .take(Named { table: &table, cells: &cells })
                    .ok_or_else(|| lines.damaged("the row is not of its table"))?;
            }
            Line::End(end) => break end,
        }
    };
    lines.finish()?;
    if (end.tables, end.rows) != (seen.tables, seen.rows) {
        return Err(lines.damaged("it has not as many rows as it says"));
    }
    let operators = std::mem::take(&mut ledger.operators);
    let (faults, keys) = ledger.end(&head);
    let Head { version, taken, entries, .. } = head;
    let summary = BackupSummary { taken, version, tables: end.tables, rows: end.rows, entries, sha256: end.sha256 };
    Ok(CheckedBackup { summary, faults, keys, operators })
}

/// Hands each release of a domain that a backup has to somebody who can verify it, one at a time.
///
/// # Errors
/// [`StoreError::BackupDamaged`] and [`StoreError::BackupFile`].
pub fn releases_of_backup(path: &Path, each: &mut dyn FnMut(SignedRelease)) -> Result<(), StoreError> {
    let mut lines = Lines::open(path)?;
    let mut table = Table { name: String::new(), columns: Vec::new() };
    loop {
        match lines.next()? {
            Line::Head(_) => {}
            Line::Table(next) => table = next,
            Line::Row(cells) if table.name == RELEASES => {
                let row = Named { table: &table, cells: &cells };
                // A directory that was served is none of a domain's, and nobody signed it.
                if row.text("domain").is_some() {
                    each(release(row).ok_or_else(|| lines.damaged("this is no release"))?);
                }
            }
            Line::Row(_) => {}
            Line::End(_) => return Ok(()),
        }
    }
}

const RELEASES: &str = "fabric_release";

fn release(row: Named<'_>) -> Option<SignedRelease> {
    Some(SignedRelease {
        id: row.text("id")?.to_owned(),
        domain: row.text("domain")?.parse().ok()?,
        change: row.text("change_id")?.to_owned(),
        content: serde_json::from_str(row.text("content")?).ok()?,
        key: row.text("signed_with")?.to_owned(),
        signature: row.bytes("signature")?,
        recorded: jiff::Timestamp::from_microsecond(row.integer("recorded_at")?).ok()?,
        by: row.text("recorded_by")?.to_owned(),
        unproven: false,
    })
}

/// A row with the names of its columns.
#[derive(Clone, Copy)]
struct Named<'a> {
    table: &'a Table,
    cells: &'a [Value],
}

impl<'a> Named<'a> {
    fn cell(self, name: &str) -> Option<&'a Value> {
        self.cells.get(self.table.columns.iter().position(|column| column.name == name)?)
    }

    fn text(self, name: &str) -> Option<&'a str> {
        self.cell(name)?.as_str()
    }

    fn integer(self, name: &str) -> Option<i64> {
        self.cell(name)?.as_i64()
    }

    fn bytes(self, name: &str) -> Option<Vec<u8>> {
        STANDARD.decode(self.text(name)?).ok()
    }

    fn hash(self, name: &str) -> Option<[u8; 32]> {
        self.bytes(name)?.try_into().ok()
    }
}

/// What the rows of the ledger, and of what belongs to it, come to. Databases give rows in an order of their own, nearly always that in
/// which they were put in: an entry whose turn has not come waits.
struct OfLedger {
    walk: Walk,
    waiting: BTreeMap<i64, Step>,
    head: Option<(u64, [u8; 32])>,
    people: BTreeMap<String, Person>,
    keys: Vec<ReleaseKey>,
    operators: Vec<Credential>,
}

impl OfLedger {
    fn begin() -> Self {
        let (waiting, people) = (BTreeMap::new(), BTreeMap::new());
        Self { walk: Walk::begin(&[]), waiting, head: None, people, keys: Vec::new(), operators: Vec::new() }
    }

    /// `None` where a row is not of its table.
    fn take(&mut self, row: Named<'_>) -> Option<()> {
        match row.table.name.as_str() {
            "ledger" => {
                let step = step(row)?;
                self.waiting.insert(step.seq, step);
                while let Some(step) = self.waiting.remove(&self.walk.next()) {
                    self.walk.step(step);
                }
            }
            "ledger_head" => self.head = Some((u64::try_from(row.integer("entries")?).ok()?, row.hash("entry_hash")?)),
            "person" => {
                let pseudonym = row.text("pseudonym")?.to_owned();
                let name = row.text("name").zip(row.text("salt"));
                let name = name.map(|(name, salt)| (name.to_owned(), salt.to_owned()));
                self.people.insert(pseudonym.clone(), Person { pseudonym, name, erased: None });
            }
            "release_key" => {
                self.keys.push(ReleaseKey { id: row.text("id")?.to_owned(), public: row.hash("public_key")? });
            }
            "credential" if row.text("principal_kind")? == "operator" => self.operators.push(operator(row)?),
            _ => {}
        }
        Some(())
    }

    fn end(self, told: &Head) -> (Vec<LedgerFault>, Vec<ReleaseKey>) {
        let mut walk = self.walk;
        self.waiting.into_values().for_each(|step| walk.step(step));
        walk.end(self.head);
        walk.people(&People(self.people));
        let mut check = walk.told();
        // Its first line says it, too.
        if (check.entries, check.head) != (told.entries, told.head) && !check.faults.contains(&LedgerFault::Head) {
            check.faults.push(LedgerFault::Head);
        }
        (check.faults, self.keys)
    }
}

fn operator(row: Named<'_>) -> Option<Credential> {
    let time = |name: &str| row.integer(name).map(jiff::Timestamp::from_microsecond);
    Some(Credential {
        id: row.text("id")?.to_owned(),
        principal: Principal::Operator(row.text("principal")?.to_owned()),
        hash: KeyHash(row.hash("key_hash")?),
        issued: time("issued_at")?.ok()?,
        expires: time("expires_at").transpose().ok()?,
        revoked: time("revoked_at").transpose().ok()?,
    })
}

fn step(row: Named<'_>) -> Option<Step> {
    Some(Step {
        seq: row.integer("seq")?,
        at: row.integer("entered_at")?,
        actor: row.text("actor")?.to_owned(),
        action: row.text("action")?.to_owned(),
        subject: row.text("subject")?.to_owned(),
        detail: row.text("detail")?.to_owned(),
        previous: row.hash("previous_hash")?,
        kept: row.hash("entry_hash")?,
    })
}
