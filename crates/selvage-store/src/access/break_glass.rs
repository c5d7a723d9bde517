//! Leases that were opened in an emergency, without approval: bounded by a clock, and reviewed by somebody else within a day. What
//! nobody ratified in time is a breach, and stays one.

use std::time::Duration;

use jiff::Timestamp;
use selvage_model::access::{EndAction, GrantTerms, LiveGrant};
use selvage_model::name::{ConsumerName, InterfaceRef};
use serde_json::json;

use super::lease::{self, LeaseOrigin, LeaseRecord};
use super::{access_hold_and_now, grant};
use crate::Store;
use crate::access;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::ledger;
use crate::statement::statements;
use crate::value::{Row, bind};

/// Who ends what is over, in the ledger.
const BY_ITSELF: &str = "selvage";
/// No clock runs longer.
pub(crate) const MOST: Duration = Duration::from_secs(4 * 3600);
/// It is to be reviewed within so long.
const REVIEW_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// A lease that was opened without approval.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakGlass {
    /// The lease.
    pub grant: LiveGrant,
    /// Who opened it.
    pub by: String,
    /// Why.
    pub because: String,
    /// When.
    pub opened: Timestamp,
    /// When its clock runs out.
    pub ends: Timestamp,
    /// Until when somebody has to have said whether it was right.
    pub review_by: Timestamp,
    /// What somebody said.
    pub review: Option<Review>,
}

/// What somebody said about a lease that was opened without approval.
#[derive(Clone, Debug, PartialEq)]
pub struct Review {
    /// Whether it was right.
    pub ratified: bool,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Why.
    pub because: String,
}

impl BreakGlass {
    /// Whether it is a breach: disowned, or not ratified in time.
    pub fn is_breach(&self, now: Timestamp) -> bool {
        match &self.review {
            Some(review) => !review.ratified || review.at > self.review_by,
            None => now > self.review_by,
        }
    }
}

statements! {
    OPEN = "INSERT INTO break_glass (lease, opened_by, because, opened_at, ends_at, review_by) VALUES ($1, $2, $3, $4, $5, $6)";
    ALL = "SELECT id, consumer, interface, terms, environment, ended_at, opened_by, because, opened_at, ends_at, review_by, verdict, reviewed_at, \
           reviewed_by, review FROM break_glass JOIN lease ON lease.id = break_glass.lease ORDER BY opened_at, id";
    PENDING = "SELECT id, consumer, interface, terms, environment, ended_at, opened_by, because, opened_at, ends_at, review_by, verdict, \
               reviewed_at, reviewed_by, review FROM break_glass JOIN lease ON lease.id = break_glass.lease \
               WHERE verdict IS NULL OR ended_at IS NULL ORDER BY opened_at, id";
    BY_ID = "SELECT id, consumer, interface, terms, environment, ended_at, opened_by, because, opened_at, ends_at, review_by, verdict, \
             reviewed_at, reviewed_by, review FROM break_glass JOIN lease ON lease.id = break_glass.lease WHERE lease = $1";
    REVIEW = "UPDATE break_glass SET verdict = $2, reviewed_at = $3, reviewed_by = $4, review = $5 \
              WHERE lease = $1 AND verdict IS NULL";
    LAST = "SELECT id, opened_by, verdict FROM break_glass JOIN lease ON lease.id = break_glass.lease \
            WHERE consumer = $1 AND interface = $2 ORDER BY opened_at DESC, id DESC LIMIT 1";
    OVER = "SELECT lease FROM break_glass JOIN lease ON lease.id = break_glass.lease \
            WHERE ended_at IS NULL AND ends_at <= $1 ORDER BY ends_at, lease";
}

impl Store {
    /// Opens a lease at once, without approval, for so long. The clock is the store's.
    ///
    /// # Errors
    /// [`StoreError::BreakGlassLong`] for more than four hours, [`StoreError::BreakGlassStands`] where nobody has answered for the last
    /// one of that consumer and interface, or who opens it was told that it was not right.
    pub async fn break_glass(
        &self,
        (consumer, interface): (&ConsumerName, &InterfaceRef),
        terms: &GrantTerms,
        lasts: Duration,
        (by, because): (&str, &str),
    ) -> Result<BreakGlass, StoreError> {
        if lasts > MOST {
            return Err(StoreError::BreakGlassLong { most: MOST });
        }
        let mut transaction = self.database.write().await?;
        let now = access_hold_and_now(&mut transaction).await?;
        answered_for(&mut transaction, (consumer, interface), by).await?;
        let (ends, review_by) = (now.after(lasts), now.after(REVIEW_WITHIN));
        // Its end is a person's, whatever depends on the interface.
        let terms = GrantTerms { until: Some(ends.timestamp()?), on_end: EndAction::Cut, ..terms.clone() };
        let id = lease::insert(&mut transaction, LeaseOrigin::BreakGlass, (consumer, interface), &terms).await?;
        transaction.run(OPEN, bind![id.as_str(), by, because, now, ends, review_by]).await?;
        let detail = json!({
            "consumer": consumer.as_str(), "interface": interface.to_string(), "terms": terms, "because": because,
        });
        ledger::append(&mut transaction, by, "break-glass.opened", &id, &detail).await?;
        access::raise(&mut transaction).await?;
        let opened = find(&mut transaction, &id).await?;
        transaction.commit().await?;
        Ok(opened)
    }

    /// Every lease that was opened without approval, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn break_glasses(&self) -> Result<Vec<BreakGlass>, StoreError> {
        self.database.read().await?.all(ALL, bind![]).await?.iter().map(opened).collect()
    }

    /// Those that are still open or that nobody has reviewed, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn pending_break_glasses(&self) -> Result<Vec<BreakGlass>, StoreError> {
        self.database.read().await?.all(PENDING, bind![]).await?.iter().map(opened).collect()
    }

    /// Says whether it was right to open one. Who opened it never does.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an id that no such lease has, [`StoreError::AccessStands`] where somebody has said it, and
    /// [`StoreError::OwnAccess`].
    pub async fn review_break_glass(
        &self,
        id: &str,
        ratified: bool,
        by: &str,
        because: &str,
    ) -> Result<BreakGlass, StoreError> {
        let mut transaction = self.database.write().await?;
        let now = access_hold_and_now(&mut transaction).await?;
        let before = find(&mut transaction, id).await?;
        if before.by == by {
            return Err(StoreError::OwnAccess { what: "grant", id: id.to_owned(), by: by.to_owned() });
        }
        let verdict = if ratified { "ratified" } else { "disowned" };
        if transaction.run(REVIEW, bind![id, verdict, now, by, because]).await? == 0 {
            return Err(StoreError::AccessStands { what: "grant", id: id.to_owned(), state: "reviewed" });
        }
        if !ratified && before.grant.ended.is_none() {
            grant::end(&mut transaction, &before.grant, by, because).await?;
            access::end_overdue(&mut transaction).await?;
            access::raise(&mut transaction).await?;
        }
        let detail = json!({"because": because, "late": now > before.review_by.into()});
        ledger::append(&mut transaction, by, &format!("break-glass.{verdict}"), id, &detail).await?;
        let after = find(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(after)
    }

    /// Ends the leases whose clock has run out, and gives them. Any node may do it, any number of times.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_overdue_break_glass(&self) -> Result<Vec<LiveGrant>, StoreError> {
        let mut transaction = self.database.write().await?;
        let now = access_hold_and_now(&mut transaction).await?;
        let mut over = Vec::new();
        for row in transaction.all(OVER, bind![now]).await? {
            let LeaseRecord { grant, .. } = lease::find(&mut transaction, &row.text("lease")?).await?;
            grant::end(&mut transaction, &grant, BY_ITSELF, "the clock of its break-glass ran out").await?;
            over.push(grant);
        }
        if !over.is_empty() {
            access::end_overdue(&mut transaction).await?;
            access::raise(&mut transaction).await?;
            transaction.commit().await?;
        }
        Ok(over)
    }
}

/// That somebody has said of the last one that it was right; where they said that it was not, somebody else may open the next.
async fn answered_for(
    transaction: &mut Transaction,
    (consumer, interface): (&ConsumerName, &InterfaceRef),
    by: &str,
) -> Result<(), StoreError> {
    let last = transaction.first(LAST, bind![consumer.as_str(), interface.to_string()]).await?;
    let Some(last) = last else { return Ok(()) };
    let (id, opened_by) = (last.text("id")?, last.text("opened_by")?);
    let because = match last.optional_text("verdict")?.as_deref() {
        None => "nobody has answered for it",
        Some("disowned") if opened_by == by => "who opens this one opened it, and was told that it was not right",
        Some(_) => return Ok(()),
    };
    Err(StoreError::BreakGlassStands { id, because })
}

async fn find(transaction: &mut Transaction, id: &str) -> Result<BreakGlass, StoreError> {
    let row = transaction.first(BY_ID, bind![id]).await?;
    opened(&row.ok_or_else(|| StoreError::NotFound { what: "break-glass grant", id: id.to_owned() })?)
}

pub(crate) fn opened(row: &Row) -> Result<BreakGlass, StoreError> {
    let review = match row.optional_text("verdict")? {
        Some(verdict) => Some(Review {
            ratified: verdict == "ratified",
            at: row.time("reviewed_at")?,
            by: row.text("reviewed_by")?,
            because: row.text("review")?,
        }),
        None => None,
    };
    Ok(BreakGlass {
        grant: grant::live(row)?,
        by: row.text("opened_by")?,
        because: row.text("because")?,
        opened: row.time("opened_at")?,
        ends: row.time("ends_at")?,
        review_by: row.time("review_by")?,
        review,
    })
}
