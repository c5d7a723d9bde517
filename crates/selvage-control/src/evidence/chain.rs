//! The part of the ledger that a package cites, with what ties it to what was signed: from each entry that is cited the chain goes on to
//! the next signed checkpoint, or to the head where none comes. It is checked without the store. INVARIANT: NOTHING-LOST

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use selvage_store::{Checkpoint, LedgerEntry, LedgerHead, Person, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ledger::Ledger;
use crate::desk::{checkpoint_line, hex, is_signed, key_of, read_checkpoint, read_public_key, unhex};

/// Entries that are read at once.
const PAGE: u32 = 1_000;

/// The part of the ledger that a package cites.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Excerpt {
    /// How many entries the ledger had.
    pub entries: u64,
    /// The hash of the last.
    pub head: String,
    /// When.
    pub at: Timestamp,
    /// What was wrong with the ledger as a whole when the package was made; empty where it was whole.
    pub faults: Vec<String>,
    /// The public key of the checkpoints, where it was known.
    pub key: Option<String>,
    /// How many checkpoints were signed with it.
    pub signed_checkpoints: u64,
    /// How many were not.
    pub other_checkpoints: u64,
    /// The newest of them.
    pub latest: Option<Value>,
    /// Who the pseudonyms in the entries are.
    #[serde(default)]
    pub people: Vec<Named>,
    /// What is cited, and what ties it to the checkpoints.
    pub spans: Vec<Span>,
}

/// Somebody whom entries name by a pseudonym.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The pseudonym.
    pub pseudonym: String,
    /// Their name, or what is shown of somebody who was erased.
    pub name: String,
    /// What the pseudonym is made of beside the name; none of somebody who was erased.
    pub salt: Option<String>,
}

/// Entries that follow one another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// The entries, from the first one that is cited.
    pub entries: Vec<Value>,
    /// The checkpoint that was made of the last; none where the last is the head.
    pub checkpoint: Option<Value>,
}

/// Reads what ties these entries to the checkpoints.
pub(super) async fn excerpt(store: &Store, ledger: &Ledger, cited: &BTreeSet<u64>) -> Result<Excerpt, StoreError> {
    let mut groups: BTreeMap<u64, (u64, Option<&Checkpoint>)> = BTreeMap::new();
    for seq in cited {
        let checkpoint = ledger.signed.iter().find(|it| it.head.entries >= *seq);
        let end = checkpoint.map_or(ledger.head.entries, |it| it.head.entries);
        groups.entry(end).or_insert((*seq, checkpoint));
    }
    let (mut spans, mut actors) = (Vec::new(), BTreeSet::new());
    for (end, (first, checkpoint)) in groups {
        let entries = read(store, first, end).await?;
        actors.extend(entries.iter().map(|entry| entry.entered_as.clone()));
        let entries = entries.iter().map(told).collect();
        spans.push(Span { entries, checkpoint: checkpoint.map(checkpoint_line) });
    }
    let LedgerHead { entries, hash, at } = &ledger.head;
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Ok(Excerpt {
        entries: *entries,
        head: hex(hash),
        at: *at,
        faults: ledger.faults(),
        key: ledger.key.as_ref().map(crate::desk::public_key_text),
        signed_checkpoints: count(ledger.signed.len()),
        other_checkpoints: count(ledger.others),
        latest: ledger.signed.last().map(checkpoint_line),
        people: named(store, &actors).await?,
        spans,
    })
}

/// Those of the people who did something here.
async fn named(store: &Store, actors: &BTreeSet<String>) -> Result<Vec<Named>, StoreError> {
    let people = store.people().await?.into_iter().filter(|it| actors.contains(&it.pseudonym));
    let named = |it: Person| Named { name: it.shown(), salt: it.name.map(|(_, salt)| salt), pseudonym: it.pseudonym };
    Ok(people.map(named).collect())
}

async fn read(store: &Store, first: u64, last: u64) -> Result<Vec<LedgerEntry>, StoreError> {
    let mut entries: Vec<LedgerEntry> = Vec::new();
    let mut from = first;
    while from <= last {
        let page = store.ledger(from, PAGE).await?;
        let Some(end) = page.last().map(|entry| entry.seq) else { break };
        entries.extend(page.into_iter().filter(|entry| entry.seq <= last));
        from = end + 1;
    }
    Ok(entries)
}

fn told(entry: &LedgerEntry) -> Value {
    json!({
        "seq": entry.seq, "at": entry.at.to_string(), "actor": entry.entered_as, "action": entry.action,
        "subject": entry.subject, "detail": entry.entered, "previous": hex(&entry.previous), "hash": hex(&entry.hash),
    })
}

fn read_back(told: &Value) -> Option<LedgerEntry> {
    let text = |name: &str| told.get(name).and_then(Value::as_str);
    let (actor, detail) = (text("actor")?.to_owned(), told.get("detail")?.clone());
    Some(LedgerEntry {
        seq: told.get("seq")?.as_u64()?,
        at: text("at")?.parse().ok()?,
        entered_as: actor.clone(),
        actor,
        action: text("action")?.to_owned(),
        subject: text("subject")?.to_owned(),
        entered: detail.clone(),
        detail,
        previous: unhex(text("previous")?)?,
        hash: unhex(text("hash")?)?,
    })
}

/// What a check of an excerpt comes to.
#[derive(Default)]
pub(super) struct Checked {
    /// Entries that stand in it and are whole.
    pub(super) seen: BTreeSet<u64>,
    /// How many of them stand below a checkpoint that is signed with the key.
    pub(super) signed: usize,
    /// What is wrong.
    pub(super) faults: Vec<String>,
}

impl Excerpt {
    /// Checks it by itself, against this key, or the one that it names.
    pub(super) fn check(&self, key: Option<[u8; 32]>) -> Checked {
        let key = key.or_else(|| self.key.as_deref().and_then(read_public_key));
        let mut checked = Checked::default();
        for it in &self.people {
            let name = it.salt.clone().map(|salt| (it.name.clone(), salt));
            if !(Person { pseudonym: it.pseudonym.clone(), name, erased: None }).holds() {
                checked.faults.push(format!("`{}` is not the name that {} was made of", it.name, it.pseudonym));
            }
        }
        for span in &self.spans {
            self.check_span(span, key, &mut checked);
        }
        checked
    }

    fn check_span(&self, span: &Span, key: Option<[u8; 32]>, checked: &mut Checked) {
        let mut before: Option<LedgerEntry> = None;
        let mut seen = BTreeSet::new();
        for told in &span.entries {
            let Some(entry) = read_back(told) else {
                checked.faults.push("an entry of the ledger cannot be read".to_owned());
                return;
            };
            if !entry.holds() {
                checked.faults.push(format!("entry {} is not what its hash was made over", entry.seq));
            }
            if before.as_ref().is_some_and(|it| it.seq + 1 != entry.seq || it.hash != entry.previous) {
                checked.faults.push(format!("entry {} does not follow from the one before it", entry.seq));
            }
            seen.insert(entry.seq);
            before = Some(entry);
        }
        let Some(last) = before else { return };
        match &span.checkpoint {
            Some(line) => match by_checkpoint(line, &last, key) {
                None => checked.signed += seen.len(),
                Some(fault) => checked.faults.push(fault),
            },
            None if last.seq == self.entries && hex(&last.hash) == self.head => {}
            None => checked.faults.push(format!("entry {} is not the head of the ledger", last.seq)),
        }
        checked.seen.extend(seen);
    }
}

/// What is wrong with a checkpoint of this entry.
fn by_checkpoint(line: &Value, last: &LedgerEntry, key: Option<[u8; 32]>) -> Option<String> {
    let of = format!("the checkpoint of entry {}", last.seq);
    let Some(checkpoint) = read_checkpoint(&line.to_string()) else { return Some(format!("{of} cannot be read")) };
    let Some(key) = key else { return Some(format!("{of} is signed, and nobody says with which key")) };
    if !is_signed(&checkpoint, &key) {
        return Some(format!("{of} is not signed with the key {}", key_of(key).id));
    }
    let fits = checkpoint.head.entries == last.seq && checkpoint.head.hash == last.hash;
    (!fits).then(|| format!("{of} is of another entry"))
}
