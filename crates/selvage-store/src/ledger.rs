//! The ledger: an append-only record of every administrative act, each entry chained to the one before by its hash.
//! One chain, however many write; entries go in with what they record, in its transaction.

pub(crate) mod checkpoint;
pub(crate) mod entry;
pub(crate) mod token;
pub(crate) mod verify;
pub(crate) mod walk;

use serde_json::{Value, json};

use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::person::{self, People};
use crate::statement::statements;
use crate::value::{Micros, bind};
use entry::{Draft, LedgerEntry};

/// What the first entry is chained to.
pub(crate) const ORIGIN: [u8; 32] = [0; 32];
/// What the first entry says was done.
pub(crate) const BEGUN: &str = "store.created";

statements! {
    BEGIN = "INSERT INTO ledger_head (id, entries, entry_hash) VALUES (1, 0, $1)";
    HOLD = "UPDATE ledger_head SET entries = entries WHERE id = 1 RETURNING entries, entry_hash";
    APPEND = "INSERT INTO ledger (seq, entered_at, actor, action, subject, detail, previous_hash, entry_hash) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    ADVANCE = "UPDATE ledger_head SET entries = $1, entry_hash = $2 WHERE id = 1";
    PAGE = "SELECT seq, entered_at, actor, action, subject, detail, previous_hash, entry_hash FROM ledger \
            WHERE seq >= $1 ORDER BY seq LIMIT $2";
}

impl Store {
    /// Up to `limit` entries from this number on; the first is 1.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn ledger(&self, from: u64, limit: u32) -> Result<Vec<LedgerEntry>, StoreError> {
        let mut transaction = self.database.read().await?;
        let from = i64::try_from(from).unwrap_or(i64::MAX);
        let rows = transaction.all(PAGE, bind![from, i64::from(limit)]).await?;
        let people = People::read(&mut transaction).await?;
        rows.iter().map(|row| LedgerEntry::from_row(row, &people)).collect()
    }
}

/// Begins the chain of a new store.
pub(crate) async fn begin(transaction: &mut Transaction) -> Result<(), StoreError> {
    transaction.run(BEGIN, bind![ORIGIN]).await?;
    append(transaction, "selvage", BEGUN, "store", &json!({})).await
}

/// Appends an entry about what a person did, who is named by a pseudonym, and says so where it is not proven who that is. The head's row stays locked until the transaction ends, so that
/// entries follow one another. INVARIANT: SECRET-FREE: `detail` holds ids, terms and reasons, never a key or its hash.
pub(crate) async fn append(
    transaction: &mut Transaction,
    actor: &str,
    action: &str,
    subject: &str,
    detail: &Value,
) -> Result<(), StoreError> {
    let actor = person::pseudonym(transaction, actor).await?;
    let mut detail = detail.clone();
    if let (false, Some(members)) = (transaction.is_proven(), detail.as_object_mut())
        && actor.starts_with(person::PREFIX)
    {
        members.insert(entry::UNPROVEN.to_owned(), Value::Bool(true));
    }
    append_by(transaction, &actor, action, subject, &detail).await
}

/// The same about what a consumer did, or under a pseudonym.
pub(crate) async fn append_by(
    transaction: &mut Transaction,
    actor: &str,
    action: &str,
    subject: &str,
    detail: &Value,
) -> Result<(), StoreError> {
    let (entries, previous) = hold(transaction).await?;
    let at: Micros = transaction.now().await?;
    let draft = Draft { seq: entries + 1, at: at.0, actor, action, subject, detail: &detail.to_string(), previous };
    let hash = draft.hash();
    let entry = bind![draft.seq, draft.at, actor, action, subject, draft.detail, previous, hash];
    transaction.run(APPEND, entry).await?;
    transaction.run(ADVANCE, bind![draft.seq, hash]).await?;
    Ok(())
}

/// Holds the ledger's head until the transaction ends: how many entries there are, and the last one's hash.
pub(crate) async fn hold(transaction: &mut Transaction) -> Result<(i64, [u8; 32]), StoreError> {
    let head = transaction.only(HOLD, bind![]).await?;
    Ok((head.integer("entries")?, head.hash("entry_hash")?))
}
