//! What people see of subscriptions and their lanes: how far each is, what waits and why.

use jiff::Timestamp;
use selvage_model::delivery::Cause;
use selvage_model::event::{LaneKey, Position};
use selvage_model::name::InterfaceRef;
use selvage_model::subscription::LiveSubscription;

use super::number;
use crate::Store;
use crate::access::subscription;
use crate::error::StoreError;
use crate::event::{Stream, cursor};
use crate::statement::statements;
use crate::value::{Row, bind};

statements! {
    LANES = "SELECT subscription, consumer, name, interface, lane, parked_lane.state AS state, cause, parked_lane.because AS because, \
             attempts, since, failed_at, due_at, \
             (SELECT COUNT(*) FROM parked_message WHERE parked_message.subscription = parked_lane.subscription \
              AND parked_message.lane = parked_lane.lane) AS waiting, \
             (SELECT MIN(id) FROM dead_letter WHERE dead_letter.subscription = parked_lane.subscription \
              AND dead_letter.lane = parked_lane.lane AND dead_letter.state = 'open') AS letter \
             FROM parked_lane JOIN subscription ON subscription.id = parked_lane.subscription ORDER BY since, lane LIMIT 10000";
}

/// A lane that is set aside, as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneView {
    /// Its subscription: `consumer/name`.
    pub label: String,
    /// Whose events.
    pub interface: InterfaceRef,
    /// Which lane.
    pub lane: LaneKey,
    /// How many messages wait in it, the head counted.
    pub waiting: u64,
    /// Why its head did not arrive.
    pub cause: Cause,
    /// The same, for a person.
    pub because: String,
    /// How often its head was sent.
    pub attempts: u32,
    /// Since when it is set aside.
    pub since: Timestamp,
    /// When its head failed last.
    pub failed: Timestamp,
    /// When its head is tried next; none where the lane is parked.
    pub due: Option<Timestamp>,
    /// The dead letter that it is parked behind.
    pub letter: Option<String>,
}

/// A subscription, and how far it is.
#[derive(Clone, Debug, PartialEq)]
pub struct SubscriptionView {
    /// What it is.
    pub subscription: LiveSubscription,
    /// Everything up to here was delivered or set aside; none where nobody has begun.
    pub position: Option<Position>,
    /// The last event of its stream.
    pub head: Option<Position>,
    /// The node that delivers, or did last.
    pub node: Option<String>,
}

impl Store {
    /// Every lane that is set aside, the oldest trouble first; at most 10,000.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lanes_aside(&self) -> Result<Vec<LaneView>, StoreError> {
        let rows = self.database.read().await?.all(LANES, bind![]).await?;
        rows.iter().map(lane).collect()
    }

    /// Every subscription that is alive or was, and how far it is.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn subscription_views(&self) -> Result<Vec<SubscriptionView>, StoreError> {
        let mut transaction = self.database.read().await?;
        let mut views = Vec::new();
        for subscription in subscription::all(&mut transaction).await? {
            let (mut position, mut head, mut node) = (None, None, None);
            match Stream::find(&mut transaction, &subscription.interface).await {
                Ok(stream) => {
                    head = Some(stream.head()?);
                    let reader = subscription.reader().map_err(|error| StoreError::damaged(error.to_string()))?;
                    let cursors = cursor::of_stream(&mut transaction, &stream).await?;
                    if let Some(cursor) = cursors.into_iter().find(|cursor| cursor.reader == reader) {
                        position = Some(cursor.position);
                        node = Some(cursor.node).filter(|node| !node.is_empty());
                    }
                }
                Err(StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
            views.push(SubscriptionView { subscription, position, head, node });
        }
        Ok(views)
    }
}

fn lane(row: &Row) -> Result<LaneView, StoreError> {
    Ok(LaneView {
        label: format!("{}/{}", row.text("consumer")?, row.text("name")?),
        interface: row.parsed("interface")?,
        lane: row.parsed("lane")?,
        waiting: row.count("waiting")?,
        cause: row.parsed("cause")?,
        because: row.text("because")?,
        attempts: number(row, "attempts")?,
        since: row.time("since")?,
        failed: row.time("failed_at")?,
        due: row.optional_time("due_at")?,
        letter: row.optional_text("letter")?,
    })
}
