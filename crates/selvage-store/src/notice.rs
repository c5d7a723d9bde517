//! What consumers' owners are to be told of interfaces that end, each once, and what came of it. Never decides who is told what.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::name::{ConsumerName, EnvironmentName, InterfaceRef};
use serde_json::json;

use crate::Store;
use crate::error::StoreError;
use crate::ledger;
use crate::statement::statements;
use crate::value::{Parameter, Row, bind};

/// Who tells, in the ledger.
const BY_ITSELF: &str = "selvage";
/// Whoever tries notices, a few at a time, has them for so long; a send may take a minute.
const HELD: Duration = Duration::from_secs(600);
/// The longest pause between two attempts.
const LONGEST_PAUSE: u64 = 6 * 3600;
/// After so many attempts, about five days, it is given up.
const MOST_ATTEMPTS: u64 = 30;

/// What somebody is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotice {
    /// What ends.
    pub interface: InterfaceRef,
    /// Whom it concerns.
    pub consumer: ConsumerName,
    /// Which of the things that there are to tell.
    pub stage: String,
    /// What is told.
    pub says: String,
}

/// A notice, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct LifecycleNotice {
    /// Where it ends.
    pub environment: EnvironmentName,
    /// What is told, and of what.
    pub notice: NewNotice,
    /// Since when it is to be told.
    pub noted: Timestamp,
    /// When it is tried next; none once it was told or given up.
    pub due: Option<Timestamp>,
    /// How often it was tried.
    pub attempts: u64,
    /// When it was told.
    pub told: Option<Timestamp>,
    /// Why it was not, the last time.
    pub because: Option<String>,
}

statements! {
    NOTE = "INSERT INTO lifecycle_notice (environment, interface, consumer, stage, says, noted_at, due_at, attempts) \
            VALUES ($1, $2, $3, $4, $5, $6, $6, 0) ON CONFLICT (environment, interface, consumer, stage) DO NOTHING";
    UNTOLD = "SELECT environment, interface, consumer, stage, says, noted_at, due_at, attempts, told_at, because FROM lifecycle_notice \
              WHERE environment = $1 AND told_at IS NULL";
    WITHDRAW = "DELETE FROM lifecycle_notice \
                WHERE environment = $1 AND interface = $2 AND consumer = $3 AND stage = $4 AND told_at IS NULL";
    ALL = "SELECT environment, interface, consumer, stage, says, noted_at, due_at, attempts, told_at, because FROM lifecycle_notice \
           ORDER BY noted_at, environment, interface, consumer, stage";
    DUE = skip_locked "SELECT environment, interface, consumer, stage, says, noted_at, due_at, attempts, told_at, because FROM lifecycle_notice \
           WHERE environment = $1 AND due_at <= $2 ORDER BY due_at LIMIT 3";
    HOLD = "UPDATE lifecycle_notice SET due_at = $5, attempts = attempts + 1 \
            WHERE environment = $1 AND interface = $2 AND consumer = $3 AND stage = $4";
    TOLD = "UPDATE lifecycle_notice SET due_at = NULL, told_at = $5, because = NULL \
            WHERE environment = $1 AND interface = $2 AND consumer = $3 AND stage = $4 AND told_at IS NULL";
    AGAIN = "UPDATE lifecycle_notice SET due_at = $5, because = $6 \
             WHERE environment = $1 AND interface = $2 AND consumer = $3 AND stage = $4 AND told_at IS NULL";
}

impl Store {
    /// Notes what is to be told in an environment. What was noted before stays as it is; what nobody took and is no longer to be told is
    /// forgotten, so that nobody hears of what is not so.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_notices(&self, environment: &EnvironmentName, notices: &[NewNotice]) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        let key = |it: &NewNotice| (it.interface.to_string(), it.consumer.clone(), it.stage.clone());
        let standing: BTreeSet<_> = notices.iter().map(key).collect();
        let mut changed = 0;
        for row in transaction.all(UNTOLD, bind![environment.as_str()]).await? {
            let it = notice(&row)?.notice;
            if !standing.contains(&key(&it)) {
                changed += transaction.run(WITHDRAW, key_of(environment, &it, [])).await?;
            }
        }
        for it in notices {
            let values = bind![
                environment.as_str(),
                it.interface.to_string(),
                it.consumer.as_str(),
                it.stage.as_str(),
                it.says.as_str(),
                now
            ];
            changed += transaction.run(NOTE, values).await?;
        }
        if changed > 0 {
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Everything that was to be told, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lifecycle_notices(&self) -> Result<Vec<LifecycleNotice>, StoreError> {
        self.database.read().await?.all(ALL, bind![]).await?.iter().map(notice).collect()
    }

    /// A few of an environment that are due to be told: nobody else is given them for some minutes.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn take_due_notices(&self, environment: &EnvironmentName) -> Result<Vec<LifecycleNotice>, StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        let due = transaction.all(DUE, bind![environment.as_str(), now]).await?;
        let due = due.iter().map(notice).collect::<Result<Vec<_>, _>>()?;
        for it in &due {
            transaction.run(HOLD, key_of(environment, &it.notice, bind![now.after(HELD)])).await?;
        }
        if !due.is_empty() {
            transaction.commit().await?;
        }
        Ok(due)
    }

    /// Says that somebody took a notice.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn notice_told(&self, it: &LifecycleNotice, to: &str) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        let (environment, NewNotice { interface, consumer, stage, .. }) = (&it.environment, &it.notice);
        if transaction.run(TOLD, key_of(environment, &it.notice, bind![now])).await? == 1 {
            let detail =
                json!({"environment": environment.as_str(), "consumer": consumer.as_str(), "stage": stage, "to": to});
            ledger::append(&mut transaction, BY_ITSELF, "lifecycle.told", &interface.to_string(), &detail).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Says why nobody took it; it is tried again after a pause that grows, or given up.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn notice_untold(&self, it: &LifecycleNotice, because: &str) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        let tried = it.attempts.saturating_add(1);
        let pause = Duration::from_secs((30_u64 << tried.min(10)).min(LONGEST_PAUSE));
        let due = (tried < MOST_ATTEMPTS).then(|| now.after(pause));
        transaction.run(AGAIN, key_of(&it.environment, &it.notice, bind![due, because])).await?;
        transaction.commit().await
    }
}

/// The key of a notice as the first parameters, and what else a statement is given.
fn key_of<const N: usize>(environment: &EnvironmentName, it: &NewNotice, more: [Parameter; N]) -> Vec<Parameter> {
    let key = bind![environment.as_str(), it.interface.to_string(), it.consumer.as_str(), it.stage.as_str()];
    key.into_iter().chain(more).collect()
}

fn notice(row: &Row) -> Result<LifecycleNotice, StoreError> {
    let notice = NewNotice {
        interface: row.parsed("interface")?,
        consumer: row.parsed("consumer")?,
        stage: row.text("stage")?,
        says: row.text("says")?,
    };
    Ok(LifecycleNotice {
        environment: row.parsed("environment")?,
        notice,
        noted: row.time("noted_at")?,
        due: row.optional_time("due_at")?,
        attempts: row.count("attempts")?,
        told: row.optional_time("told_at")?,
        because: row.optional_text("because")?,
    })
}
