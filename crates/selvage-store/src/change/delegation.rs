//! Seats of boards that somebody else fills for a time. An entry ends by its time or by a person; it is never edited.

use std::collections::BTreeSet;

use jiff::Timestamp;
use selvage_model::change::Delegation;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::ledger;
use crate::ledger::entry::UNPROVEN;
use crate::person;
use crate::statement::statements;
use crate::value::{Micros, Row, bind};

statements! {
    GIVEN = "SELECT subject, detail FROM ledger WHERE action = 'board.delegated'";
    GIVE = "INSERT INTO board_delegation (id, domain, discipline, given_by, given_to, until_at, given_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    END = "UPDATE board_delegation SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL";
    ALIVE = "SELECT id, domain, discipline, given_by, given_to, until_at FROM board_delegation WHERE ended_at IS NULL AND until_at > $1 \
             ORDER BY given_at, id";
}

impl Store {
    /// Lets somebody else fill a seat beside who sits on it, until then. The id that the delegation has is not looked at.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn delegate(&self, new: &Delegation) -> Result<Delegation, StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        let id = format!("dlg_{}", Uuid::new_v4().simple());
        let parameters = bind![
            id.as_str(),
            new.domain.as_str(),
            new.discipline.as_str(),
            new.from.as_str(),
            new.to.as_str(),
            Micros::from(new.until),
            now,
        ];
        transaction.run(GIVE, parameters).await?;
        let to = person::pseudonym(&mut transaction, &new.to).await?;
        let detail = json!({
            "domain": new.domain.as_str(), "discipline": new.discipline, "to": to, "until": new.until.to_string(),
        });
        ledger::append(&mut transaction, &new.from, "board.delegated", &id, &detail).await?;
        let unproven = !transaction.is_proven();
        transaction.commit().await?;
        Ok(Delegation { id, unproven, ..new.clone() })
    }

    /// Ends a delegation before its time; again is no change.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_delegation(&self, id: &str, by: &str) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        if transaction.run(END, bind![id, now]).await? == 1 {
            ledger::append(&mut transaction, by, "board.delegation-ended", id, &json!({})).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Delegations that are alive, oldest first, and the store's time.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn delegations(&self) -> Result<(Timestamp, Vec<Delegation>), StoreError> {
        let mut transaction = self.database.read().await?;
        let now = transaction.now().await?;
        let rows = transaction.all(ALIVE, bind![now]).await?;
        let mut alive: Vec<Delegation> = rows.iter().map(delegation).collect::<Result<_, _>>()?;
        if !alive.is_empty() {
            let proven = proven(&mut transaction).await?;
            alive.iter_mut().for_each(|it| it.unproven = !proven.contains(&it.id));
        }
        Ok((now.timestamp()?, alive))
    }
}

/// Seats that were lent by somebody who proved who they are, by the ledger: the table does not know, and whoever writes it alone proves
/// nothing.
async fn proven(transaction: &mut Transaction) -> Result<BTreeSet<String>, StoreError> {
    let mut proven = BTreeSet::new();
    for row in transaction.all(GIVEN, bind![]).await? {
        let detail: Value = serde_json::from_str(&row.text("detail")?).unwrap_or_default();
        if detail.is_object() && detail.get(UNPROVEN) != Some(&Value::Bool(true)) {
            proven.insert(row.text("subject")?);
        }
    }
    Ok(proven)
}

fn delegation(row: &Row) -> Result<Delegation, StoreError> {
    Ok(Delegation {
        id: row.text("id")?,
        domain: row.parsed("domain")?,
        discipline: row.text("discipline")?,
        from: row.text("given_by")?,
        to: row.text("given_to")?,
        until: row.time("until_at")?,
        unproven: false,
    })
}
