//! Campaigns in which somebody answers for each lease: kept, narrowed or ended. What nobody answered for by the deadline ends,
//! except where that could stop a plant. INVARIANT: FAIL-SAFE

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use selvage_model::access::{GrantTerms, LiveGrant};
use selvage_model::name::InterfaceRef;
use serde_json::json;
use uuid::Uuid;

use super::lease;
use super::{access_hold_and_now, grant};
use crate::Store;
use crate::access;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::ledger;
use crate::statement::statements;
use crate::value::{Micros, Row, bind};

/// Who acts when a deadline has passed, in the ledger.
const BY_ITSELF: &str = "selvage";
/// The tier that time alone never stops.
const TIER_1: &str = "tier-1";

/// A campaign.
#[derive(Clone, Debug, PartialEq)]
pub struct Recertification {
    /// Its id (`rct_…`).
    pub id: String,
    /// Which leases: `all`, `domain group`, `interface orders@1`.
    pub scope: String,
    /// Until when they are to be answered for.
    pub until: Timestamp,
    /// Since when.
    pub started: Timestamp,
    /// Who started it.
    pub by: String,
    /// When the last of them was settled.
    pub closed: Option<Timestamp>,
}

/// A lease that is to be answered for.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRecertificationItem {
    /// The lease's id.
    pub lease: String,
    /// How critical its interface is: `tier-1`, …
    pub tier: String,
    /// How much of it is used, in words.
    pub breadth: String,
    /// When it was used last.
    pub last_used: Option<Timestamp>,
}

/// A lease in a campaign, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct RecertificationItem {
    /// Its id (`rci_…`).
    pub id: String,
    /// The campaign.
    pub campaign: String,
    /// What was known when the campaign began.
    pub item: NewRecertificationItem,
    /// The lease as it is now.
    pub grant: LiveGrant,
    /// What came of it.
    pub state: ItemState,
    /// When it was settled, by whom, and why.
    pub settled: Option<(Timestamp, String, String)>,
}

macro_rules! item_states {
    ($($state:ident = $word:literal, $doc:literal;)*) => {
        /// What came of a lease in a campaign.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ItemState {
            $(#[doc = $doc] $state,)*
        }

        impl ItemState {
            /// Its word.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$state => $word,)* }
            }
        }

        impl FromStr for ItemState {
            type Err = ();

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word { $($word => Ok(Self::$state),)* _ => Err(()) }
            }
        }
    };
}

item_states! {
    Open = "open", "Nobody has answered.";
    Escalated = "escalated", "Nobody answered in time, and it goes on, since a plant depends on it: the board has to.";
    Kept = "kept", "It goes on as it is.";
    Narrowed = "narrowed", "It goes on with less.";
    Ended = "ended", "Somebody ended it.";
    Lapsed = "lapsed", "Nobody answered in time, and it ended.";
    Gone = "gone", "It had ended before anybody answered.";
}

impl ItemState {
    /// Whether somebody still has to answer.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Escalated)
    }
}

impl fmt::Display for ItemState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What somebody answers for a lease.
pub enum Answer<N> {
    /// It goes on.
    Keep,
    /// It goes on with less: how the terms become narrower, or why they do not.
    Narrow(N),
    /// It ends.
    End,
}

statements! {
    START = "INSERT INTO recertification (id, scope, until_at, started_at, started_by) VALUES ($1, $2, $3, $4, $5)";
    ADD = "INSERT INTO recertification_item (id, campaign, lease, tier, breadth, last_used_at, state) \
           VALUES ($1, $2, $3, $4, $5, $6, 'open')";
    ALL = "SELECT id, scope, until_at, started_at, started_by, closed_at FROM recertification ORDER BY started_at, id";
    BY_ID = "SELECT id, scope, until_at, started_at, started_by, closed_at FROM recertification WHERE id = $1";
    ITEMS = "SELECT recertification_item.id AS item, campaign, lease, tier, breadth, last_used_at, state, settled_at, settled_by, \
             because, lease.id AS id, consumer, interface, terms, environment, ended_at FROM recertification_item \
             JOIN lease ON lease.id = recertification_item.lease ORDER BY campaign, consumer, interface, recertification_item.id";
    ITEM = "SELECT recertification_item.id AS item, campaign, lease, tier, breadth, last_used_at, state, settled_at, settled_by, \
            because, lease.id AS id, consumer, interface, terms, environment, ended_at FROM recertification_item \
            JOIN lease ON lease.id = recertification_item.lease WHERE recertification_item.id = $1";
    DUE = "SELECT recertification_item.id AS item FROM recertification_item \
           JOIN recertification ON recertification.id = recertification_item.campaign \
           WHERE state = 'open' AND until_at <= $1 ORDER BY recertification_item.id";
    SETTLE = "UPDATE recertification_item SET state = $2, settled_at = $3, settled_by = $4, because = $5 \
              WHERE id = $1 AND state IN ('open', 'escalated')";
    ASKED = "SELECT DISTINCT asked_by FROM access_request WHERE lease = $1 ORDER BY asked_by";
    CLOSE = "UPDATE recertification SET closed_at = $2 WHERE id = $1 AND closed_at IS NULL AND NOT EXISTS \
             (SELECT 1 FROM recertification_item WHERE campaign = recertification.id AND state IN ('open', 'escalated'))";
}

impl Store {
    /// Begins a campaign about these leases.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn start_recertification(
        &self,
        (scope, until): (&str, Timestamp),
        items: &[NewRecertificationItem],
        by: &str,
    ) -> Result<Recertification, StoreError> {
        let mut transaction = self.database.write().await?;
        let now = transaction.now().await?;
        let id = format!("rct_{:032x}", Uuid::new_v4().as_u128());
        transaction.run(START, bind![id.as_str(), scope, Micros::from(until), now, by]).await?;
        for item in items {
            let number = format!("rci_{:032x}", Uuid::new_v4().as_u128());
            let used = item.last_used.map(Micros::from);
            let (lease, tier, breadth) = (item.lease.as_str(), item.tier.as_str(), item.breadth.as_str());
            transaction.run(ADD, bind![number, id.as_str(), lease, tier, breadth, used]).await?;
        }
        let detail = json!({"scope": scope, "until": until.to_string(), "grants": items.len()});
        ledger::append(&mut transaction, by, "recertification.started", &id, &detail).await?;
        close(&mut transaction, &id).await?;
        let row = transaction.only(BY_ID, bind![id.as_str()]).await?;
        let campaign = campaign(&row)?;
        transaction.commit().await?;
        Ok(campaign)
    }

    /// Every campaign, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn recertifications(&self) -> Result<Vec<Recertification>, StoreError> {
        self.database.read().await?.all(ALL, bind![]).await?.iter().map(campaign).collect()
    }

    /// The leases of every campaign.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn recertification_items(&self) -> Result<Vec<RecertificationItem>, StoreError> {
        self.database.read().await?.all(ITEMS, bind![]).await?.iter().map(item).collect()
    }

    /// Who asked for a lease; nobody, where it came of a manifest.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn asked_for(&self, lease: &str) -> Result<Vec<String>, StoreError> {
        askers(&self.database.read().await?.all(ASKED, bind![lease]).await?)
    }

    /// Answers for a lease, and gives it as it is then. Who asked for it may give it back, and not keep it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an id that no item has, [`StoreError::AccessStands`] for one that is settled or whose lease has
    /// ended, [`StoreError::OwnAccess`] for who asked for it and would keep it, [`StoreError::Unnarrowed`] where the terms would not be
    /// narrower.
    pub async fn recertify<N>(
        &self,
        id: &str,
        answer: Answer<N>,
        by: &str,
        because: &str,
    ) -> Result<RecertificationItem, StoreError>
    where
        N: FnOnce(&GrantTerms) -> Result<GrantTerms, String>,
    {
        let mut transaction = self.database.write().await?;
        access_hold_and_now(&mut transaction).await?;
        let before = find(&mut transaction, id).await?;
        let stands = |state| StoreError::AccessStands { what: "recertification item", id: id.to_owned(), state };
        if !before.state.is_open() {
            return Err(stands(before.state.as_str()));
        }
        if before.grant.ended.is_some() {
            settle(&mut transaction, &before, ItemState::Gone, (BY_ITSELF, "the grant had ended")).await?;
            transaction.commit().await?;
            return Err(stands(ItemState::Gone.as_str()));
        }
        let state = match answer {
            Answer::Keep => {
                let lease = before.grant.id.as_str();
                let asked = askers(&transaction.all(ASKED, bind![lease]).await?)?;
                if asked.iter().any(|asker| asker == by) {
                    return Err(StoreError::OwnAccess { what: "grant", id: lease.to_owned(), by: by.to_owned() });
                }
                ItemState::Kept
            }
            Answer::End => {
                grant::end(&mut transaction, &before.grant, by, because).await?;
                access::end_overdue(&mut transaction).await?;
                ItemState::Ended
            }
            Answer::Narrow(narrow) => {
                let lease = lease::find(&mut transaction, &before.grant.id).await?;
                let refused = |because| StoreError::Unnarrowed { id: lease.grant.id.clone(), because };
                let terms = narrow(&lease.grant.terms).map_err(refused)?;
                lease::narrow_to(&mut transaction, &lease, terms, (by, because)).await?;
                ItemState::Narrowed
            }
        };
        if state != ItemState::Kept {
            access::raise(&mut transaction).await?;
        }
        settle(&mut transaction, &before, state, (by, because)).await?;
        let after = find(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(after)
    }

    /// Acts on deadlines that have passed: what nobody answered for ends, except on tier-1, where it is escalated and goes on. What
    /// is tier-1 now counts as what was when the campaign began. Any node may do it, any number of times.
    /// INVARIANT: FAIL-SAFE
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lapse_recertifications(
        &self,
        is_tier_1: impl Fn(&InterfaceRef) -> bool,
    ) -> Result<Vec<RecertificationItem>, StoreError> {
        let mut transaction = self.database.write().await?;
        let now = access_hold_and_now(&mut transaction).await?;
        let mut settled = Vec::new();
        let mut ends = false;
        for row in transaction.all(DUE, bind![now]).await? {
            let due = find(&mut transaction, &row.text("item")?).await?;
            let (state, because) = if due.grant.ended.is_some() {
                (ItemState::Gone, "the grant had ended")
            } else if due.item.tier == TIER_1 || is_tier_1(&due.grant.interface) {
                (ItemState::Escalated, "nobody answered in time; it goes on, and the board has to answer")
            } else {
                grant::end(&mut transaction, &due.grant, BY_ITSELF, "nobody answered for it in time").await?;
                ends = true;
                (ItemState::Lapsed, "nobody answered in time")
            };
            settle(&mut transaction, &due, state, (BY_ITSELF, because)).await?;
            settled.push(RecertificationItem { state, ..due });
        }
        if ends {
            access::end_overdue(&mut transaction).await?;
            access::raise(&mut transaction).await?;
        }
        if !settled.is_empty() {
            transaction.commit().await?;
        }
        Ok(settled)
    }
}

async fn settle(
    transaction: &mut Transaction,
    item: &RecertificationItem,
    state: ItemState,
    (by, because): (&str, &str),
) -> Result<(), StoreError> {
    let now = transaction.now().await?;
    transaction.run(SETTLE, bind![item.id.as_str(), state.as_str(), now, by, because]).await?;
    let detail = json!({"campaign": item.campaign, "grant": item.grant.id, "because": because});
    ledger::append(transaction, by, &format!("recertification.{state}"), &item.id, &detail).await?;
    close(transaction, &item.campaign).await
}

/// Closes a campaign in which nobody has to answer any more.
pub(crate) async fn close(transaction: &mut Transaction, campaign: &str) -> Result<(), StoreError> {
    let now = transaction.now().await?;
    if transaction.run(CLOSE, bind![campaign, now]).await? == 1 {
        ledger::append(transaction, BY_ITSELF, "recertification.closed", campaign, &json!({})).await?;
    }
    Ok(())
}

fn askers(rows: &[Row]) -> Result<Vec<String>, StoreError> {
    rows.iter().map(|row| row.text("asked_by")).collect()
}

async fn find(transaction: &mut Transaction, id: &str) -> Result<RecertificationItem, StoreError> {
    let row = transaction.first(ITEM, bind![id]).await?;
    item(&row.ok_or_else(|| StoreError::NotFound { what: "recertification item", id: id.to_owned() })?)
}

fn campaign(row: &Row) -> Result<Recertification, StoreError> {
    Ok(Recertification {
        id: row.text("id")?,
        scope: row.text("scope")?,
        until: row.time("until_at")?,
        started: row.time("started_at")?,
        by: row.text("started_by")?,
        closed: row.optional_time("closed_at")?,
    })
}

pub(crate) fn item(row: &Row) -> Result<RecertificationItem, StoreError> {
    let settled = match row.optional_time("settled_at")? {
        Some(at) => Some((at, row.text("settled_by")?, row.text("because")?)),
        None => None,
    };
    Ok(RecertificationItem {
        id: row.text("item")?,
        campaign: row.text("campaign")?,
        item: NewRecertificationItem {
            lease: row.text("lease")?,
            tier: row.text("tier")?,
            breadth: row.text("breadth")?,
            last_used: row.optional_time("last_used_at")?,
        },
        grant: grant::live(row)?,
        state: row.parsed("state")?,
        settled,
    })
}
