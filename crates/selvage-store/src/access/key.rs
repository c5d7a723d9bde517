//! Keys, by their hash. The key itself never comes here.

use std::collections::BTreeSet;

use jiff::Timestamp;
use selvage_model::access::{Credential, KeyHash, Principal};
use serde_json::json;
use uuid::Uuid;

use crate::Store;
use crate::access;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::ledger;
use crate::ledger::entry::LedgerEntry;
use crate::person::{self, People};
use crate::statement::statements;
use crate::value::{Micros, Row, bind};

/// A key to be issued. INVARIANT: SECRET-FREE: only its hash.
#[derive(Clone, Debug, PartialEq)]
pub struct NewKey {
    /// Whom it stands for.
    pub principal: Principal,
    /// SHA-256 of the key.
    pub hash: KeyHash,
    /// Until when, where it ends.
    pub expires: Option<Timestamp>,
}

/// A key and the one whose place it takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotated {
    /// The new one.
    pub next: Credential,
    /// The old one, with its end.
    pub old: Credential,
    /// Others of the same that counted beside it and end at once: two count at a time.
    pub ended: Vec<String>,
}

/// What the ledger calls a key that somebody got without anybody's key.
pub const LET_IN: &str = "operator.let-in";
/// The member of such an entry that names those whose keys counted and who could have done it.
pub const COULD_SIGN: &str = "could_sign";

statements! {
    ISSUE = "INSERT INTO credential (id, principal_kind, principal, key_hash, issued_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6)";
    REVOKE = "UPDATE credential SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
    END_AT = "UPDATE credential SET expires_at = $2 WHERE id = $1 AND revoked_at IS NULL \
              AND (expires_at IS NULL OR expires_at > $2)";
    BY_ID = "SELECT id, principal_kind, principal, key_hash, issued_at, expires_at, revoked_at FROM credential \
             WHERE id = $1";
    ALL = "SELECT id, principal_kind, principal, key_hash, issued_at, expires_at, revoked_at FROM credential \
           ORDER BY issued_at, id";
    LET_INS = "SELECT seq, entered_at, actor, action, subject, detail, previous_hash, entry_hash FROM ledger \
               WHERE action = 'operator.let-in' AND entered_at >= $1 ORDER BY seq DESC";
    OPERATORS = "SELECT id, principal_kind, principal, key_hash, issued_at, expires_at, revoked_at FROM credential \
                 WHERE principal_kind = 'operator' ORDER BY issued_at, id";
}

impl Store {
    /// Issues a key.
    ///
    /// # Errors
    /// Those of the database; it refuses a hash that it has.
    pub async fn issue_key(&self, key: NewKey, by: &str) -> Result<Credential, StoreError> {
        self.issue(key, by, None).await
    }

    /// Lets somebody in whom nobody can let in any more: takes back the keys that they had, and issues one. That has an entry of its own kind
    /// in the ledger, with the reason, and with those whose keys count and who could have done it: nobody, where all keys are lost and
    /// were taken back.
    ///
    /// # Errors
    /// Those of the database; it refuses a hash that it has.
    pub async fn let_in(
        &self,
        key: NewKey,
        by: &str,
        (because, could): (&str, &BTreeSet<String>),
    ) -> Result<Credential, StoreError> {
        self.issue(key, by, Some((because, could))).await
    }

    /// Who was let in without anybody's key since then, the newest first, as the ledger has it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn let_ins(&self, since: Timestamp) -> Result<Vec<LedgerEntry>, StoreError> {
        let mut transaction = self.database.read().await?;
        let rows = transaction.all(LET_INS, bind![Micros::from(since)]).await?;
        let people = People::read(&mut transaction).await?;
        rows.iter().map(|row| LedgerEntry::from_row(row, &people)).collect()
    }

    async fn issue(
        &self,
        key: NewKey,
        by: &str,
        locked_out: Option<(&str, &BTreeSet<String>)>,
    ) -> Result<Credential, StoreError> {
        let mut transaction = self.database.write().await?;
        access::hold(&mut transaction).await?;
        let now = transaction.now().await?;
        let id = format!("key_{:032x}", Uuid::new_v4().as_u128());
        let (kind, principal) = words(&key.principal);
        let expires = key.expires.map(Micros::from);
        if let Some((because, _)) = locked_out {
            take_back_all(&mut transaction, &key.principal, (by, because)).await?;
        }
        transaction.run(ISSUE, bind![id.as_str(), kind, principal, key.hash.0, now, expires]).await?;
        access::raise(&mut transaction).await?;
        let who = called(&mut transaction, &key.principal).await?;
        let mut detail = json!({kind: who, "expires": key.expires.map(|time| time.to_string())});
        let action = match (locked_out, detail.as_object_mut()) {
            (Some((because, could)), Some(members)) => {
                let mut names = Vec::new();
                for name in could {
                    names.push(person::pseudonym(&mut transaction, name).await?);
                }
                members.insert("because".to_owned(), because.into());
                members.insert(COULD_SIGN.to_owned(), names.into());
                LET_IN
            }
            _ => "key.issued",
        };
        ledger::append(&mut transaction, by, action, &id, &detail).await?;
        let issued = read(&mut transaction, &id).await?;
        transaction.commit().await?;
        Ok(issued)
    }

    /// Issues the key that takes another's place, and lets the other end at a time, or sooner where it does anyway. Both count
    /// until then, and none beside them: what else counts of the same, such as the key that the rotated one had replaced, ends now.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an id that no key has, or one that was revoked; it refuses a hash that it has.
    pub async fn rotate_key(&self, old: &str, next: NewKey, ends: Timestamp, by: &str) -> Result<Rotated, StoreError> {
        let mut transaction = self.database.write().await?;
        access::hold(&mut transaction).await?;
        let now = transaction.now().await?;
        let before = read(&mut transaction, old).await?;
        if before.revoked.is_some() {
            // Whoever was told that nothing opens by it any more must not find a successor: its place is nobody's to take.
            return Err(StoreError::NotFound { what: "key", id: old.to_owned() });
        }
        let id = format!("key_{:032x}", Uuid::new_v4().as_u128());
        let (kind, principal) = words(&before.principal);
        let expires = next.expires.map(Micros::from);
        transaction.run(ISSUE, bind![id.as_str(), kind, principal, next.hash.0, now, expires]).await?;
        transaction.run(END_AT, bind![old, Micros::from(ends)]).await?;
        let ended = end_all_but(&mut transaction, &before.principal, [old, id.as_str()]).await?;
        access::raise(&mut transaction).await?;
        let who = called(&mut transaction, &before.principal).await?;
        let mut detail = json!({
            kind: who, "expires": next.expires.map(|time| time.to_string()), "replaces": old, "which_ends": ends.to_string(),
        });
        if let Some(members) = detail.as_object_mut().filter(|_| !ended.is_empty()) {
            members.insert("ended".to_owned(), json!(ended));
        }
        ledger::append(&mut transaction, by, "key.rotated", &id, &detail).await?;
        let next = read(&mut transaction, &id).await?;
        let rotated = Rotated { next, old: read(&mut transaction, old).await?, ended };
        transaction.commit().await?;
        Ok(rotated)
    }

    /// Every key that an operator was ever given, oldest first, also what was taken back and whose time is over: where there is one, names
    /// are proven, and stay so.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn operator_keys(&self) -> Result<Vec<Credential>, StoreError> {
        let mut transaction = self.database.read().await?;
        transaction.all(OPERATORS, bind![]).await?.iter().map(credential).collect()
    }

    /// Takes a key back, for good; again is no change.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an id that no key has.
    pub async fn revoke_key(&self, id: &str, by: &str, because: &str) -> Result<Credential, StoreError> {
        let mut transaction = self.database.write().await?;
        access::hold(&mut transaction).await?;
        if take_back(&mut transaction, id, (by, because)).await? {
            access::raise(&mut transaction).await?;
            let credential = read(&mut transaction, id).await?;
            transaction.commit().await?;
            return Ok(credential);
        }
        read(&mut transaction, id).await
    }
}

/// Takes a key back with what was begun by it; whether that is a change.
async fn take_back(transaction: &mut Transaction, id: &str, word: (&str, &str)) -> Result<bool, StoreError> {
    let now = transaction.now().await?;
    let changed = transaction.run(REVOKE, bind![id, now]).await? == 1;
    let credential = read(transaction, id).await?;
    if changed {
        access::session::end_of(transaction, id).await?;
        let who = called(transaction, &credential.principal).await?;
        let detail = json!({words(&credential.principal).0: who, "because": word.1});
        ledger::append(transaction, word.0, "key.revoked", id, &detail).await?;
    }
    Ok(changed)
}

/// Takes back every key of somebody.
async fn take_back_all(transaction: &mut Transaction, of: &Principal, word: (&str, &str)) -> Result<(), StoreError> {
    let keys = all(transaction).await?;
    for key in keys.iter().filter(|key| &key.principal == of && key.revoked.is_none()) {
        take_back(transaction, &key.id, word).await?;
    }
    Ok(())
}

/// Ends what counts of somebody's keys beside these two; which that were.
async fn end_all_but(
    transaction: &mut Transaction,
    of: &Principal,
    kept: [&str; 2],
) -> Result<Vec<String>, StoreError> {
    let now = transaction.now().await?;
    let mut ended = Vec::new();
    for key in all(transaction).await? {
        let is_other = &key.principal == of && !kept.contains(&key.id.as_str());
        if is_other && transaction.run(END_AT, bind![key.id.as_str(), now]).await? == 1 {
            ended.push(key.id);
        }
    }
    Ok(ended)
}

/// Every key, oldest first.
pub(crate) async fn all(transaction: &mut Transaction) -> Result<Vec<Credential>, StoreError> {
    transaction.all(ALL, bind![]).await?.iter().map(credential).collect()
}

async fn read(transaction: &mut Transaction, id: &str) -> Result<Credential, StoreError> {
    let row = transaction.first(BY_ID, bind![id]).await?;
    credential(&row.ok_or_else(|| StoreError::NotFound { what: "key", id: id.to_owned() })?)
}

pub(super) fn credential(row: &Row) -> Result<Credential, StoreError> {
    let principal = match row.text("principal_kind")?.as_str() {
        "operator" => Principal::Operator(row.text("principal")?),
        _ => Principal::Consumer(row.parsed("principal")?),
    };
    Ok(Credential {
        id: row.text("id")?,
        principal,
        hash: KeyHash(row.hash("key_hash")?),
        issued: row.time("issued_at")?,
        expires: row.optional_time("expires_at")?,
        revoked: row.optional_time("revoked_at")?,
    })
}

/// How the ledger names whom a key stands for: a person by their pseudonym.
async fn called(transaction: &mut Transaction, principal: &Principal) -> Result<String, StoreError> {
    match principal {
        Principal::Consumer(name) => Ok(name.to_string()),
        Principal::Operator(name) => person::pseudonym(transaction, name).await,
    }
}

fn words(principal: &Principal) -> (&'static str, &str) {
    match principal {
        Principal::Consumer(name) => ("consumer", name.as_str()),
        Principal::Operator(name) => ("operator", name.as_str()),
    }
}
