//! Subscriptions, as manifests ask for them. They need a grant and end with it; what ended is never revived, by no release and no
//! rollback: only terms that the manifests did not have before make a new one.

pub(crate) mod ask;
pub(crate) mod replay;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use jiff::Timestamp;
use selvage_model::name::InterfaceRef;
use selvage_model::subscription::{LiveSubscription, ReplayTerms, SubscriptionState, SubscriptionTerms, Waiting};
use serde_json::json;

use super::grant;
use crate::Store;
use crate::access;
use crate::database::Transaction;
use crate::delivery::hold;
use crate::error::StoreError;
use crate::event::{cursor, read_position};
use crate::ledger;
use crate::statement::statements;
use crate::value::{Row, bind};

/// What becomes of messages that wait for a subscription that ends.
const GIVEN_UP: &str = "are given up";
/// Who ends what has no grant any more, in the ledger.
const BY_ITSELF: &str = "selvage";

statements! {
    ALL = "SELECT id, consumer, name, interface, terms, state, because, begins AS position, requested_at, changed_at \
           FROM subscription ORDER BY requested_at, id";
    MOVED = "SELECT subscription.id AS id, MAX(event_cursor.moved_at) AS moved_at FROM subscription \
             JOIN event_cursor ON event_cursor.reader = 'subscription/' || subscription.consumer || '/' || subscription.name \
             WHERE subscription.state <> 'ended' AND event_cursor.position > subscription.begins GROUP BY subscription.id";
    BY_ID = "SELECT id, consumer, name, interface, terms, state, because, begins AS position, requested_at, changed_at \
             FROM subscription WHERE id = $1";
    STATE = "UPDATE subscription SET state = $2, because = $3, changed_at = $4 WHERE id = $1 AND state = $5";
    TERMS = "UPDATE subscription SET terms = $2, changed_at = $3 WHERE id = $1";
    NOTE = "UPDATE subscription SET because = $2 WHERE id = $1 AND state = 'approved'";
    WAITS = "UPDATE subscription SET waits_for = $2, waits_because = $3 \
             WHERE id = $1 AND (COALESCE(waits_for, '') <> COALESCE($2, '') OR COALESCE(waits_because, '') <> COALESCE($3, ''))";
    WAITING = "SELECT id, waits_for, waits_because FROM subscription \
               WHERE waits_for IS NOT NULL AND state IN ('approved', 'probed', 'active')";
    LANES_GONE = "DELETE FROM parked_lane WHERE subscription = $1";
    MESSAGES_GONE = "DELETE FROM parked_message WHERE subscription = $1";
    LETTERS_GONE = "UPDATE dead_letter SET state = 'discarded', settled_at = $2, settled_by = $3, reason = $4 \
                    WHERE subscription = $1 AND state = 'open'";
}

/// What a person does to a subscription, or a node finds of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionStep {
    /// A person lets it be.
    Approve,
    /// Its endpoint took a probe.
    Probed,
    /// A node has begun to deliver.
    Begun,
    /// Nothing is sent until it is resumed.
    Suspend,
    /// It goes on where it was, once its endpoint has taken a probe again.
    Resume,
    /// It is over, for good; what waited for it is given up.
    End,
}

impl SubscriptionStep {
    fn word(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Probed => "probed",
            Self::Begun => "begun",
            Self::Suspend => "suspended",
            Self::Resume => "resumed",
            Self::End => "ended",
        }
    }

    /// What becomes of a subscription; none where the step cannot be taken. One that is pulled has nothing to probe: it is active as soon
    /// as it may be.
    fn to(self, it: &LiveSubscription) -> Option<SubscriptionState> {
        let to = self.from(it.state);
        match to {
            _ if it.terms.deliver.is_some() => to,
            Some(SubscriptionState::Approved) => Some(SubscriptionState::Active),
            None if self == Self::Begun && it.state == SubscriptionState::Approved => Some(SubscriptionState::Active),
            None if self == Self::Approve && it.state == SubscriptionState::Active => Some(SubscriptionState::Active),
            _ => to,
        }
    }

    /// What becomes of a state; none where the step cannot be taken. The same again is no change.
    fn from(self, state: SubscriptionState) -> Option<SubscriptionState> {
        use SubscriptionState::{Active, Approved, Ended, Probed, Requested, Suspended};
        match (self, state) {
            (Self::Approve, Requested | Approved) | (Self::Resume, Suspended | Approved) => Some(Approved),
            (Self::Probed, Approved | Probed) => Some(Probed),
            (Self::Begun, Probed | Active) => Some(Active),
            (Self::Suspend, Approved | Probed | Active | Suspended) => Some(Suspended),
            (Self::End, _) => Some(Ended),
            _ => None,
        }
    }
}

impl fmt::Display for SubscriptionStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Store {
    /// Takes a step with a subscription; again is no change.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an id that no subscription has, [`StoreError::SubscriptionStands`] where it does not stand so
    /// that the step can be taken.
    pub async fn step_subscription(
        &self,
        id: &str,
        step: SubscriptionStep,
        by: &str,
        because: &str,
    ) -> Result<LiveSubscription, StoreError> {
        let mut transaction = self.database.write().await?;
        access::hold(&mut transaction).await?;
        let before = find(&mut transaction, id).await?;
        let stands = || StoreError::SubscriptionStands { id: id.to_owned(), state: before.state, step };
        let to = step.to(&before).ok_or_else(stands)?;
        if to == before.state {
            return Ok(before);
        }
        if to == SubscriptionState::Ended {
            end(&mut transaction, &before, by, because).await?;
        } else {
            set(&mut transaction, &before, to, Some(because)).await?;
            if step == SubscriptionStep::Resume {
                lift_holds(&mut transaction, id).await?;
            }
            let detail = json!({"subscription": before.label(), "because": because});
            ledger::append(&mut transaction, by, &format!("subscription.{step}"), id, &detail).await?;
        }
        access::raise(&mut transaction).await?;
        let after = find(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(after)
    }

    /// Notes what the last probe of an approved subscription met. Not in the ledger: nothing was decided.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_probe(&self, id: &str, met: &str) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        transaction.run(NOTE, bind![id, met]).await?;
        transaction.commit().await
    }

    /// Notes why nothing is sent for subscriptions, by their ids, or that nothing is in their way. Not in the ledger: nothing was decided.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_waiting(&self, all: &[(String, Option<Waiting>)]) -> Result<(), StoreError> {
        let mut transaction = self.database.write().await?;
        for (id, waiting) in all {
            let what = waiting.as_ref().map(|it| it.what.as_str().to_owned());
            let because = waiting.as_ref().map(|it| it.because.clone());
            transaction.run(WAITS, bind![id.as_str(), what, because]).await?;
        }
        transaction.commit().await
    }

    /// Every subscription that is alive or was, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn subscriptions(&self) -> Result<Vec<LiveSubscription>, StoreError> {
        all(&mut self.database.read().await?).await
    }

    /// When each subscription that is alive had an event last, by its id: those that have had none are not in it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn subscriptions_moved(&self) -> Result<BTreeMap<String, Timestamp>, StoreError> {
        let rows = self.database.read().await?.all(MOVED, bind![]).await?;
        rows.iter().map(|row| Ok((row.text("id")?, row.time("moved_at")?))).collect()
    }

    /// Ends subscriptions whose grant has ended, or whose own time is over, and gives their ids.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_overdue_subscriptions(&self) -> Result<Vec<String>, StoreError> {
        let mut transaction = self.database.write().await?;
        access::hold(&mut transaction).await?;
        let ended = end_overdue(&mut transaction).await?;
        if !ended.is_empty() {
            access::raise(&mut transaction).await?;
            transaction.commit().await?;
        }
        Ok(ended)
    }
}

/// Ends what has no right any more, in the transaction that took the right. INVARIANT: REVOKED-NOW
pub(crate) async fn end_overdue(transaction: &mut Transaction) -> Result<Vec<String>, StoreError> {
    let now = transaction.now().await?.timestamp()?;
    let grants = grant::all_of_events(transaction).await?;
    let mut over = Vec::new();
    for subscription in all(transaction).await? {
        if subscription.state == SubscriptionState::Ended {
            continue;
        }
        let granted = grants.iter().any(|grant| {
            grant.consumer == subscription.consumer
                && grant.interface == subscription.interface
                && grant.is_subscription_right(now)
        });
        let because = match subscription.terms.until {
            _ if !granted => "its grant has ended",
            Some(_) if subscription.ends_by_time(now) => "its time is over",
            _ => continue,
        };
        end(transaction, &subscription, BY_ITSELF, because).await?;
        over.push(subscription.id);
    }
    Ok(over)
}

/// Every subscription, oldest first.
pub(crate) async fn all(transaction: &mut Transaction) -> Result<Vec<LiveSubscription>, StoreError> {
    transaction.all(ALL, bind![]).await?.iter().map(live).collect()
}

/// Why nothing is sent for those that stand so that it could be, by their ids.
pub(crate) async fn waiting(transaction: &mut Transaction) -> Result<HashMap<String, Waiting>, StoreError> {
    let rows = transaction.all(WAITING, bind![]).await?;
    let one = |row: &Row| {
        let waiting = Waiting {
            what: row.parsed("waits_for")?,
            because: row.optional_text("waits_because")?.unwrap_or_default(),
        };
        Ok((row.text("id")?, waiting))
    };
    rows.iter().map(one).collect()
}

pub(crate) async fn find(transaction: &mut Transaction, id: &str) -> Result<LiveSubscription, StoreError> {
    let row = transaction.first(BY_ID, bind![id]).await?;
    live(&row.ok_or_else(|| StoreError::NotFound { what: "subscription", id: id.to_owned() })?)
}

fn live(row: &Row) -> Result<LiveSubscription, StoreError> {
    Ok(LiveSubscription {
        id: row.text("id")?,
        consumer: row.parsed("consumer")?,
        name: row.parsed("name")?,
        interface: row.parsed("interface")?,
        terms: row.json("terms")?,
        state: row.parsed("state")?,
        because: row.optional_text("because")?,
        begins: read_position(row)?,
        requested: row.time("requested_at")?,
        changed: row.time("changed_at")?,
    })
}

async fn set(
    transaction: &mut Transaction,
    subscription: &LiveSubscription,
    to: SubscriptionState,
    because: Option<&str>,
) -> Result<(), StoreError> {
    let now = transaction.now().await?;
    let (id, from) = (subscription.id.as_str(), subscription.state.as_str());
    transaction.run(STATE, bind![id, to.as_str(), because.map(str::to_owned), now, from]).await.map(drop)
}

/// Makes its cursor, so that what it has not had stays in the log from now on, whoever approves it when. Who pulls has cursors of
/// their own. INVARIANT: NOTHING-LOST
pub(crate) async fn hold_events(
    transaction: &mut Transaction,
    subscription: &LiveSubscription,
) -> Result<(), StoreError> {
    if subscription.state == SubscriptionState::Ended || subscription.terms.deliver.is_none() {
        return Ok(());
    }
    let reader = subscription.reader().map_err(|error| StoreError::damaged(error.to_string()))?;
    cursor::begin(transaction, &subscription.interface, &reader, subscription.begins).await
}

/// Makes the cursors of those who wait for a stream that there was not, or asked before cursors were made with the asking.
pub(crate) async fn hold_all(transaction: &mut Transaction, stream: &InterfaceRef) -> Result<(), StoreError> {
    for subscription in all(transaction).await?.iter().filter(|subscription| subscription.interface == *stream) {
        hold_events(transaction, subscription).await?;
    }
    Ok(())
}

/// Ends it with its cursor and everything that waited for it.
pub(crate) async fn end(
    transaction: &mut Transaction,
    subscription: &LiveSubscription,
    by: &str,
    because: &str,
) -> Result<(), StoreError> {
    let now = transaction.now().await?;
    let id = subscription.id.as_str();
    transaction.run(LANES_GONE, bind![id]).await?;
    let messages = transaction.run(MESSAGES_GONE, bind![id]).await?;
    let told = match messages {
        0 => because.to_owned(),
        some => format!("{because}; {some} messages that waited for it {GIVEN_UP}"),
    };
    set(transaction, subscription, SubscriptionState::Ended, Some(&told)).await?;
    transaction.run(LETTERS_GONE, bind![id, now, by, "the subscription has ended"]).await?;
    let reader = subscription.reader().map_err(|error| StoreError::damaged(error.to_string()))?;
    let reached = cursor::forget(transaction, &subscription.interface, &reader).await?;
    if let Some(replay) = &subscription.terms.replay {
        let replay = Some(ReplayTerms { reached, ..replay.clone() });
        let terms = SubscriptionTerms { replay, ..subscription.terms.clone() };
        transaction.run(TERMS, bind![id, json!(terms).to_string(), now]).await?;
    }
    let detail = json!({
        "subscription": subscription.label(), "because": because, "messages_given_up": messages,
    });
    ledger::append(transaction, by, "subscription.ended", id, &detail).await
}

/// Nobody waits any more for what the receiver asked for, neither it nor what repeats it: they are sent to the same.
async fn lift_holds(transaction: &mut Transaction, id: &str) -> Result<(), StoreError> {
    hold::lift(transaction, id).await?;
    let repeats = |it: &LiveSubscription| it.terms.replay.as_ref().is_some_and(|replay| replay.sent_as() == id);
    for replay in all(transaction).await?.into_iter().filter(repeats) {
        hold::lift(transaction, &replay.id).await?;
    }
    Ok(())
}

/// Gives it other terms. Another endpoint has to take a probe before anything else.
pub(crate) async fn change(
    transaction: &mut Transaction,
    subscription: &LiveSubscription,
    terms: &SubscriptionTerms,
    by: &str,
) -> Result<(), StoreError> {
    let now = transaction.now().await?;
    let id = subscription.id.as_str();
    transaction.run(TERMS, bind![id, json!(terms).to_string(), now]).await?;
    let may_be = matches!(
        subscription.state,
        SubscriptionState::Approved | SubscriptionState::Probed | SubscriptionState::Active
    );
    if may_be && terms.deliver != subscription.terms.deliver {
        let to = if terms.deliver.is_some() { SubscriptionState::Approved } else { SubscriptionState::Active };
        set(transaction, subscription, to, None).await?;
        lift_holds(transaction, id).await?;
    }
    match &terms.deliver {
        Some(_) => {
            let changed = find(transaction, id).await?;
            hold_events(transaction, &changed).await?;
        }
        None => {
            let reader = subscription.reader().map_err(|error| StoreError::damaged(error.to_string()))?;
            cursor::forget(transaction, &subscription.interface, &reader).await?;
        }
    }
    let detail = json!({"subscription": subscription.label(), "before": subscription.terms, "terms": terms});
    ledger::append(transaction, by, "subscription.changed", id, &detail).await
}

/// When it ended, as far as is known.
pub(crate) fn ended_at(subscription: &LiveSubscription) -> Option<Timestamp> {
    (subscription.state == SubscriptionState::Ended).then_some(subscription.changed)
}
