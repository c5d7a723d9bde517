//! Blocks: a consumer or an interface cut off by a person, until a person lifts it. No release and no grant opens it again.

use selvage_model::access::{Block, Blocked};
use serde_json::json;
use uuid::Uuid;

use crate::Store;
use crate::access;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::ledger;
use crate::statement::statements;
use crate::value::{Row, bind};

statements! {
    BLOCK = "INSERT INTO access_block (id, kind, subject, because, blocked_at, blocked_by) \
             VALUES ($1, $2, $3, $4, $5, $6)";
    LIFT = "UPDATE access_block SET lifted_at = $2 WHERE id = $1 AND lifted_at IS NULL";
    BY_ID = "SELECT id, kind, subject, because, blocked_at, blocked_by FROM access_block WHERE id = $1";
    STANDING = "SELECT id, kind, subject, because, blocked_at FROM access_block WHERE lifted_at IS NULL \
                ORDER BY blocked_at, id";
    SIGNED = "SELECT id, kind, subject, because, blocked_at, blocked_by FROM access_block WHERE lifted_at IS NULL \
              ORDER BY blocked_at, id";
}

impl Store {
    /// Every block that stands, oldest first, with who cut it off.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn blocks(&self) -> Result<Vec<Block>, StoreError> {
        self.database.read().await?.all(SIGNED, bind![]).await?.iter().map(signed).collect()
    }

    /// Cuts a consumer or an interface off; a block that stands already is given back as it is.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn block(&self, what: &Blocked, by: &str, because: &str) -> Result<Block, StoreError> {
        let mut transaction = self.database.write().await?;
        access::hold(&mut transaction).await?;
        for row in transaction.all(SIGNED, bind![]).await? {
            let stands = signed(&row)?;
            if &stands.what == what {
                return Ok(stands);
            }
        }
        let now = transaction.now().await?;
        let id = format!("blk_{:032x}", Uuid::new_v4().as_u128());
        let (kind, subject) = words(what);
        transaction.run(BLOCK, bind![id.as_str(), kind, subject.as_str(), because, now, by]).await?;
        access::raise(&mut transaction).await?;
        let detail = json!({"id": id, "because": because});
        ledger::append(&mut transaction, by, &format!("{kind}.blocked"), &subject, &detail).await?;
        let block = read(&mut transaction, &id).await?;
        transaction.commit().await?;
        Ok(block)
    }

    /// Lifts a block; again is no change.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an id that no block has.
    pub async fn lift_block(&self, id: &str, by: &str, because: &str) -> Result<Block, StoreError> {
        let mut transaction = self.database.write().await?;
        access::hold(&mut transaction).await?;
        let now = transaction.now().await?;
        let changed = transaction.run(LIFT, bind![id, now]).await? == 1;
        let block = read(&mut transaction, id).await?;
        if changed {
            access::raise(&mut transaction).await?;
            let (kind, subject) = words(&block.what);
            let detail = json!({"id": id, "because": because});
            ledger::append(&mut transaction, by, &format!("{kind}.unblocked"), &subject, &detail).await?;
            transaction.commit().await?;
        }
        Ok(block)
    }
}

/// Every block that stands, oldest first; who cut it off is not what access is decided by, and stores of before do not have it.
pub(crate) async fn all(transaction: &mut Transaction) -> Result<Vec<Block>, StoreError> {
    transaction.all(STANDING, bind![]).await?.iter().map(block).collect()
}

async fn read(transaction: &mut Transaction, id: &str) -> Result<Block, StoreError> {
    let row = transaction.first(BY_ID, bind![id]).await?;
    signed(&row.ok_or_else(|| StoreError::NotFound { what: "block", id: id.to_owned() })?)
}

pub(super) fn block(row: &Row) -> Result<Block, StoreError> {
    let what = match row.text("kind")?.as_str() {
        "interface" => Blocked::Interface(row.parsed("subject")?),
        _ => Blocked::Consumer(row.parsed("subject")?),
    };
    Ok(Block { id: row.text("id")?, what, by: None, because: row.text("because")?, since: row.time("blocked_at")? })
}

fn signed(row: &Row) -> Result<Block, StoreError> {
    Ok(Block { by: row.optional_text("blocked_by")?, ..block(row)? })
}

fn words(what: &Blocked) -> (&'static str, String) {
    match what {
        Blocked::Consumer(name) => ("consumer", name.to_string()),
        Blocked::Interface(interface) => ("interface", interface.to_string()),
    }
}
