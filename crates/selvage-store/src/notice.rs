//! What consumers' owners are to be told of interfaces that end, each once, and what came of it. Never decides who is told what.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use selvage_model::name::{ConsumerName, EnvironmentName, InterfaceRef};
use selvage_model::notice::NoticeWay;
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
/// Who says that the recipient is nobody, or takes none of it, is asked again after so long, and after so many attempts not any more.
const REFUSED_PAUSE: Duration = Duration::from_secs(24 * 3600);
const MOST_REFUSED: u64 = 3;

/// What somebody is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotice {
    /// What ends.
    pub interface: InterfaceRef,
    /// Whom it concerns.
    pub consumer: ConsumerName,
    /// Which of the things that there are to tell.
    pub stage: String,
    /// By which way.
    pub way: NoticeWay,
    /// Where to: an address of mail, or the system and path of a webhook; why there is no way, where there is none.
    pub recipient: String,
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
    NOTE = "INSERT INTO lifecycle_notice (environment, interface, consumer, stage, way, recipient, says, noted_at, due_at, attempts, because) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10) ON CONFLICT (environment, interface, consumer, stage, way) DO NOTHING";
    ANEW = "UPDATE lifecycle_notice SET recipient = $6, due_at = $7, attempts = 0, because = $8 \
            WHERE environment = $1 AND interface = $2 AND consumer = $3 AND stage = $4 AND way = $5 AND told_at IS NULL AND recipient <> $6";
    UNTOLD = "SELECT environment, interface, consumer, stage, way, recipient, says, noted_at, due_at, attempts, told_at, because \
              FROM lifecycle_notice WHERE environment = $1 AND told_at IS NULL";
    WITHDRAW = "DELETE FROM lifecycle_notice \
                WHERE environment = $1 AND interface = $2 AND consumer = $3 AND stage = $4 AND way = $5 AND told_at IS NULL";
    ALL = "SELECT environment, interface, consumer, stage, way, recipient, says, noted_at, due_at, attempts, told_at, because \
           FROM lifecycle_notice ORDER BY noted_at, environment, interface, consumer, stage, way";
    DUE = skip_locked "SELECT environment, interface, consumer, stage, way, recipient, says, noted_at, due_at, attempts, told_at, because \
           FROM lifecycle_notice WHERE environment = $1 AND due_at <= $2 AND way IN ('webhook', $3) ORDER BY due_at LIMIT 3";
    HOLD = "UPDATE lifecycle_notice SET due_at = $6, attempts = attempts + 1 \
            WHERE environment = $1 AND interface = $2 AND consumer = $3 AND stage = $4 AND way = $5";
    TOLD = "UPDATE lifecycle_notice SET due_at = NULL, told_at = $6, because = NULL \
            WHERE environment = $1 AND interface = $2 AND consumer = $3 AND stage = $4 AND way = $5 AND recipient = $7 AND told_at IS NULL";
    AGAIN = "UPDATE lifecycle_notice SET due_at = $6, because = $7 \
             WHERE environment = $1 AND interface = $2 AND consumer = $3 AND stage = $4 AND way = $5 AND recipient = $8 AND told_at IS NULL";
}

impl Store {
    /// Notes what is to be told in an environment. What was noted before stays as it is, unless it goes elsewhere now; what nobody took
    /// and is no longer to be told is forgotten, so that nobody hears of what is not so.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_notices(&self, environment: &EnvironmentName, notices: &[NewNotice]) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        let key = |it: &NewNotice| (it.interface.to_string(), it.consumer.clone(), it.stage.clone(), it.way);
        let standing: BTreeSet<_> = notices.iter().map(key).collect();
        let mut changed = 0;
        for row in transaction.all(UNTOLD, bind![environment.as_str()]).await? {
            let it = notice(&row)?.notice;
            if !standing.contains(&key(&it)) {
                changed += transaction.run(WITHDRAW, key_of(environment, &it, [])).await?;
            }
        }
        for it in notices {
            let (due, because) = match it.way {
                NoticeWay::Nowhere => (None, Some(it.recipient.clone())),
                NoticeWay::Webhook | NoticeWay::Mail => (Some(now), None),
            };
            let values = bind![it.recipient.as_str(), it.says.as_str(), now, due, because.clone()];
            let noted = transaction.run(NOTE, key_of(environment, it, values)).await?;
            changed += noted;
            if noted == 0 {
                let values = bind![it.recipient.as_str(), due, because];
                changed += transaction.run(ANEW, key_of(environment, it, values)).await?;
            }
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

    /// A few of an environment that are due to be told, by mail only to who sends mail: nobody else is given them for some minutes.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn take_due_notices(
        &self,
        environment: &EnvironmentName,
        mails: bool,
    ) -> Result<Vec<LifecycleNotice>, StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        let also = if mails { NoticeWay::Mail } else { NoticeWay::Webhook };
        let due = transaction.all(DUE, bind![environment.as_str(), now, also.as_str()]).await?;
        let due = due.iter().map(notice).collect::<Result<Vec<_>, _>>()?;
        for it in &due {
            transaction.run(HOLD, key_of(environment, &it.notice, bind![now.after(HELD)])).await?;
        }
        if !due.is_empty() {
            transaction.commit().await?;
        }
        Ok(due)
    }

    /// Says that somebody took a notice. The ledger is told `to` whom: a team, and never an address of mail, which is no part of it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn notice_told(&self, it: &LifecycleNotice, to: &str) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        let (environment, NewNotice { interface, consumer, stage, way, recipient, .. }) = (&it.environment, &it.notice);
        if transaction.run(TOLD, key_of(environment, &it.notice, bind![now, recipient.as_str()])).await? == 1 {
            let detail = json!({
                "environment": environment.as_str(), "consumer": consumer.as_str(), "stage": stage, "way": way.as_str(), "to": to,
            });
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
        let tried = it.attempts.saturating_add(1);
        let pause = Duration::from_secs((30_u64 << tried.min(10)).min(LONGEST_PAUSE));
        self.put_off(it, (tried < MOST_ATTEMPTS).then_some(pause), because).await
    }

    /// Says why its recipient is none; it is tried again on another day, in case that is mended, and soon given up.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn notice_refused(&self, it: &LifecycleNotice, because: &str) -> Result<(), StoreError> {
        let again = it.attempts.saturating_add(1) < MOST_REFUSED;
        self.put_off(it, again.then_some(REFUSED_PAUSE), because).await
    }

    async fn put_off(&self, it: &LifecycleNotice, pause: Option<Duration>, because: &str) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        let values = bind![pause.map(|pause| now.after(pause)), because, it.notice.recipient.as_str()];
        transaction.run(AGAIN, key_of(&it.environment, &it.notice, values)).await?;
        transaction.commit().await
    }
}

/// The key of a notice as the first parameters, and what else a statement is given.
fn key_of<const N: usize>(environment: &EnvironmentName, it: &NewNotice, more: [Parameter; N]) -> Vec<Parameter> {
    let (interface, way) = (it.interface.to_string(), it.way.as_str());
    let key = bind![environment.as_str(), interface, it.consumer.as_str(), it.stage.as_str(), way];
    key.into_iter().chain(more).collect()
}

fn notice(row: &Row) -> Result<LifecycleNotice, StoreError> {
    let notice = NewNotice {
        interface: row.parsed("interface")?,
        consumer: row.parsed("consumer")?,
        stage: row.text("stage")?,
        way: row.parsed("way")?,
        recipient: row.text("recipient")?,
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
