//! Budgets: how much of each shared limit was spent and what every node has in hand of it, as expiring leases.
//! It never gives out more than a limit; what a node held that ended without a word counts as spent.

use std::time::Duration;

use selvage_model::budget::{BudgetAsk, BudgetShare, BudgetSlice};

use crate::Store;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::statement::statements;
use crate::value::{Micros, bind};

statements! {
    SPEND = "INSERT INTO budget (name, begins, ends_at, spent) VALUES ($1, $2, $3, $4) ON CONFLICT (name, begins) \
             DO UPDATE SET spent = budget.spent + excluded.spent, ends_at = excluded.ends_at";
    SPENT = "SELECT spent FROM budget WHERE name = $1 AND begins = $2";
    SLICES = "SELECT held, demand, until_at FROM budget_slice WHERE name = $1 AND begins = $2 AND node <> $3";
    LOSE = "DELETE FROM budget_slice WHERE name = $1 AND begins = $2 AND node <> $3 AND until_at <= $4";
    HOLD = "INSERT INTO budget_slice (name, begins, node, held, demand, until_at) VALUES ($1, $2, $3, $4, $5, $6) \
            ON CONFLICT (name, begins, node) \
            DO UPDATE SET held = excluded.held, demand = excluded.demand, until_at = excluded.until_at";
    GIVE_BACK = "DELETE FROM budget_slice WHERE name = $1 AND begins = $2 AND node = $3";
    FORGET = "DELETE FROM budget WHERE ends_at <= $1";
}

/// How many limits are settled in one transaction: their rows are held until it ends.
const AT_ONCE: usize = 100;

impl Store {
    /// Whether nodes on several machines may share this store.
    pub fn is_shared(&self) -> bool {
        !self.database.is_file()
    }

    /// Takes what a node spent, and gives it what it may have for as long as the lease; the shares in the order of the
    /// asks. Asked for nothing, it only shows that the store is there.
    ///
    /// # Errors
    /// Those of the database. After [`StoreError::Unavailable`] what was told as spent may be counted already; told
    /// again it counts twice, so that never too much passes.
    pub async fn settle_budgets(
        &self,
        node: &str,
        lease: Duration,
        asks: &[BudgetAsk],
    ) -> Result<Vec<BudgetShare>, StoreError> {
        if asks.is_empty() {
            self.database.read().await?.now().await?;
        }
        let mut shares = vec![BudgetShare::default(); asks.len()];
        let mut order: Vec<(usize, &BudgetAsk)> = asks.iter().enumerate().collect();
        // Whoever holds rows and waits for others takes them in one order.
        order.sort_by(|(_, left), (_, right)| (&left.name, left.begins).cmp(&(&right.name, right.begins)));
        for some in order.chunks(AT_ONCE) {
            let mut transaction = self.database.write().await?;
            let now = transaction.now().await?;
            for (place, ask) in some {
                let share = settle(&mut transaction, node, (now, now.after(lease)), ask).await?;
                if let Some(place) = shares.get_mut(*place) {
                    *place = share;
                }
            }
            transaction.commit().await?;
        }
        Ok(shares)
    }

    /// Forgets windows that are over.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn forget_budgets(&self) -> Result<u64, StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        let forgotten = transaction.run(FORGET, bind![now]).await?;
        transaction.commit().await?;
        Ok(forgotten)
    }
}

/// Settles one limit; its row is this transaction's alone once it was touched.
async fn settle(
    transaction: &mut Transaction,
    node: &str,
    (now, until): (Micros, Micros),
    ask: &BudgetAsk,
) -> Result<BudgetShare, StoreError> {
    let (name, begins) = (ask.name.as_str(), ask.begins);
    let ends = Micros(ask.ends.saturating_mul(1_000_000));
    transaction.run(SPEND, bind![name, begins, ends, stored(ask.spent)]).await?;
    let (mut others, mut lost) = (Vec::new(), 0);
    for row in transaction.all(SLICES, bind![name, begins, node]).await? {
        let slice = BudgetSlice { held: row.count("held")?, demand: row.count("demand")? };
        if row.integer("until_at")? <= now.0 {
            lost += slice.held;
        } else {
            others.push(slice);
        }
    }
    if lost > 0 {
        transaction.run(LOSE, bind![name, begins, node, now]).await?;
        // A rate's share comes back with its time; what was held of a window may have passed.
        lost = if ask.is_rate() { 0 } else { lost };
        transaction.run(SPEND, bind![name, begins, ends, stored(lost)]).await?;
    }
    let spent = transaction.only(SPENT, bind![name, begins]).await?.count("spent")?;
    let held = ask.held(spent, &others);
    if ask.want == 0 {
        transaction.run(GIVE_BACK, bind![name, begins, node]).await?;
    } else {
        let demand = stored(ask.demand);
        transaction.run(HOLD, bind![name, begins, node, stored(held), demand, until]).await?;
    }
    Ok(BudgetShare { held, spent, lost })
}

/// Databases have no larger numbers; no limit is as large.
fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
