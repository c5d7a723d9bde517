//! What people see of subscriptions and their lanes: how far each is, what waits and why.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use selvage_model::delivery::Cause;
use selvage_model::event::{LaneKey, Position, ReaderName};
use selvage_model::name::InterfaceRef;
use selvage_model::subscription::{LiveSubscription, SubscriptionState, Waiting};

use super::choice::{LaneChoice, MOST_CHOSEN};
use super::passed::Passed;
use super::{number, passed, withheld};
use crate::Store;
use crate::access::subscription;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::event::Stream;
use crate::event::cursor::{self, Cursor};
use crate::statement::statements;
use crate::value::{Row, bind};

statements! {
    LANES = "SELECT subscription, consumer, name, interface, lane, parked_lane.state AS state, cause, parked_lane.because AS because, \
             attempts, since, failed_at, due_at, \
             (SELECT COUNT(*) FROM parked_message WHERE parked_message.subscription = parked_lane.subscription \
              AND parked_message.lane = parked_lane.lane) AS waiting, \
             (SELECT MIN(id) FROM dead_letter WHERE dead_letter.subscription = parked_lane.subscription \
              AND dead_letter.lane = parked_lane.lane AND dead_letter.state = 'open') AS letter \
             FROM parked_lane JOIN subscription ON subscription.id = parked_lane.subscription \
             WHERE (CAST($1 AS TEXT) IS NULL OR interface = $1) AND (CAST($2 AS TEXT) IS NULL OR consumer || '/' || name = $2) \
             AND (CAST($3 AS TEXT) IS NULL OR lane = $3) AND (CAST($4 AS TEXT) IS NULL OR cause = $4) \
             AND ($5 < 0 OR (since, subscription, lane) > ($5, $6, $7)) \
             AND (CAST($9 AS TEXT) IS NULL OR parked_lane.state = $9) \
             ORDER BY since, subscription, lane LIMIT $8";
    HOW_MANY = "SELECT subscription, parked_lane.state AS state, COUNT(*) AS lanes FROM parked_lane \
                JOIN subscription ON subscription.id = parked_lane.subscription GROUP BY subscription, parked_lane.state";
    WAITING = "SELECT COUNT(*) AS messages FROM parked_message";
    HELD = "SELECT id, held_until FROM subscription WHERE held_until IS NOT NULL";
    OLDEST = "SELECT MIN(appended_at) AS appended_at FROM parked_message WHERE subscription = $1";
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

/// How many lanes are set aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneCounts {
    /// Those that wait for a person, by the subscription's id.
    pub parked: HashMap<String, u64>,
    /// Those that are tried again by themselves, by the subscription's id.
    pub retrying: HashMap<String, u64>,
    /// How many messages wait in all of them.
    pub waiting: u64,
}

/// Where a page of lanes ends: as a text, what the next one is asked for behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanePlace {
    since: i64,
    subscription: String,
    lane: String,
}

impl LanePlace {
    fn of(row: &Row) -> Result<Self, StoreError> {
        let (subscription, lane) = (row.text("subscription")?, row.text("lane")?);
        Ok(Self { since: row.integer("since")?, subscription, lane })
    }
}

impl fmt::Display for LanePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-", self.since, self.subscription)?;
        // A lane's key may have any letters, and a place none that an address would have to quote.
        self.lane.bytes().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Not where a page ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not where a page ends: take what the page before says as `next`")]
pub struct NotAPlace(pub(crate) String);

impl FromStr for LanePlace {
    type Err = NotAPlace;
    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let read = || {
            let mut parts = text.splitn(3, '-');
            let since: i64 = parts.next()?.parse().ok().filter(|since| *since >= 0)?;
            let (subscription, key) = (parts.next()?.to_owned(), parts.next()?);
            let is_pair = |pair: &&[u8]| pair.len() == 2 && pair.iter().all(u8::is_ascii_hexdigit);
            let pair =
                |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(Some(pair).filter(is_pair)?).ok()?, 16).ok();
            let bytes: Vec<u8> = key.as_bytes().chunks(2).map(pair).collect::<Option<_>>()?;
            // What no lane can be called is a place all the same; databases take no text with a zero in it.
            let lane = String::from_utf8_lossy(&bytes).replace('\0', "");
            (!subscription.contains('\0')).then_some(Self { since, subscription, lane })
        };
        read().ok_or_else(|| NotAPlace(text.to_owned()))
    }
}

/// A subscription, and how far it is.
#[derive(Clone, Debug, PartialEq)]
pub struct SubscriptionView {
    /// What it is.
    pub subscription: LiveSubscription,
    /// Everything up to here was delivered or set aside, or was there before it was asked for; of one that is pulled, was committed by all
    /// groups of its consumer. None where there is no cursor.
    pub position: Option<Position>,
    /// The last event of its stream.
    pub head: Option<Position>,
    /// The node that delivers, or did last.
    pub node: Option<String>,
    /// Until when its receiver asked to be left alone; that may be over.
    pub held_until: Option<Timestamp>,
    /// How many messages were not sent since its grant does not cover them any more.
    pub withheld: u64,
    /// What it has not had since the log does not have it.
    pub passed: Option<Passed>,
    /// Why nothing is sent although it stands so that it could be.
    pub waits: Option<Waiting>,
}

impl SubscriptionView {
    /// How it stands, in words: what it waits for where it waits.
    pub fn stands(&self) -> &'static str {
        self.waits.as_ref().map_or(self.subscription.state.as_str(), |waiting| waiting.what.says())
    }

    /// Up to where a replay has sent, and how much of its range that is, in hundredths; none for what is no replay.
    pub fn progress(&self) -> Option<(Position, u64)> {
        let (it, replay) = (&self.subscription, self.subscription.terms.replay.as_ref()?);
        let through = replay.through;
        let at = self.position.or(replay.reached).unwrap_or(it.begins).min(through);
        let all = through.offset().saturating_sub(it.begins.offset()).max(1);
        let done = at.offset().saturating_sub(it.begins.offset()).min(all);
        Some((at, done * 100 / all))
    }

    /// How many replays share the rate of its interface with it now, itself counted where it is among them; 0 where nothing is shared.
    pub fn shared_by(&self, all: &[Self]) -> usize {
        let shares = |view: &&Self| {
            let it = &view.subscription;
            let limited = it.terms.replay.as_ref().is_some_and(|replay| replay.most.is_some());
            limited && it.is_sent() && view.waits.is_none() && it.interface == self.subscription.interface
        };
        let limited = self.subscription.terms.replay.as_ref().is_some_and(|replay| replay.most.is_some());
        if limited { all.iter().filter(shares).count() } else { 0 }
    }

    /// Why it stands so.
    pub fn because(&self) -> Option<&str> {
        let waits = self.waits.as_ref().map(|waiting| waiting.because.as_str());
        waits.or(self.subscription.because.as_deref())
    }
}

impl Store {
    /// Every lane that is set aside, the oldest trouble first; at most 10,000.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lanes_aside(&self) -> Result<Vec<LaneView>, StoreError> {
        self.chosen_lanes(&LaneChoice::default()).await
    }

    /// Those of them that are chosen; at most 10,000.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn chosen_lanes(&self, which: &LaneChoice) -> Result<Vec<LaneView>, StoreError> {
        Ok(self.lanes_page(which, None, MOST_CHOSEN).await?.0)
    }

    /// A page of them, behind this place; and where the next one begins, where there is more.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lanes_page(
        &self,
        which: &LaneChoice,
        after: Option<&LanePlace>,
        limit: u32,
    ) -> Result<(Vec<LaneView>, Option<LanePlace>), StoreError> {
        let (since, subscription, key) =
            after.map_or((-1, "", ""), |after| (after.since, after.subscription.as_str(), after.lane.as_str()));
        let state = which.is_parked.map(|is_parked| if is_parked { "parked" } else { "retrying" }.to_owned());
        let page = bind![since, subscription, key, i64::from(limit) + 1, state];
        let rows = self.database.read().await?.all(LANES, which.parameters().into_iter().chain(page)).await?;
        let shown = rows.get(..usize::try_from(limit).unwrap_or(usize::MAX));
        let last = shown.filter(|shown| shown.len() < rows.len()).and_then(<[Row]>::last);
        let next = last.map(LanePlace::of).transpose()?;
        let lanes = shown.unwrap_or(&rows).iter().map(lane).collect::<Result<_, _>>()?;
        Ok((lanes, next))
    }

    /// How many lanes are set aside, of each subscription.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lane_counts(&self) -> Result<LaneCounts, StoreError> {
        let mut transaction = self.database.read().await?;
        let waiting = transaction.only(WAITING, bind![]).await?.count("messages")?;
        let mut counts = LaneCounts { waiting, ..LaneCounts::default() };
        for row in transaction.all(HOW_MANY, bind![]).await? {
            let of = if row.text("state")? == "parked" { &mut counts.parked } else { &mut counts.retrying };
            of.insert(row.text("subscription")?, row.count("lanes")?);
        }
        Ok(counts)
    }

    /// When the oldest message was appended that is set aside for a subscription, whether its lane is tried again or parked.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn oldest_aside(&self, subscription: &str) -> Result<Option<Timestamp>, StoreError> {
        self.database.read().await?.only(OLDEST, bind![subscription]).await?.optional_time("appended_at")
    }

    /// A subscription as people call it: by its id or, of those that are alive, by `consumer/name`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where none is called so.
    pub async fn subscription_called(&self, said: &str) -> Result<LiveSubscription, StoreError> {
        let all = self.subscriptions().await?;
        let alive = |it: &&LiveSubscription| it.state != SubscriptionState::Ended && it.label() == said;
        let found = all.iter().find(|it| it.id == said).or_else(|| all.iter().find(alive));
        found.cloned().ok_or_else(|| StoreError::NotFound { what: "subscription", id: said.to_owned() })
    }

    /// Every subscription that is alive or was, and how far it is.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn subscription_views(&self) -> Result<Vec<SubscriptionView>, StoreError> {
        let mut transaction = self.database.read().await?;
        let mut held: HashMap<String, Option<Timestamp>> = HashMap::new();
        for row in transaction.all(HELD, bind![]).await? {
            held.insert(row.text("id")?, row.optional_time("held_until")?);
        }
        let withheld = withheld::counts(&mut transaction).await?;
        let mut passed = passed::all(&mut transaction).await?;
        let mut streams: HashMap<InterfaceRef, Option<Standing>> = HashMap::new();
        let (mut views, mut waiting) = (Vec::new(), subscription::waiting(&mut transaction).await?);
        for subscription in subscription::all(&mut transaction).await? {
            let stream = subscription.interface.clone();
            if !streams.contains_key(&stream) {
                let standing = Standing::of(&mut transaction, &stream).await?;
                streams.insert(stream.clone(), standing);
            }
            let standing = streams.get(&stream).and_then(Option::as_ref);
            let reader = subscription.reader().map_err(|error| StoreError::damaged(error.to_string()))?;
            let cursor = standing.and_then(|standing| match &subscription.terms.deliver {
                Some(_) => standing.cursors.get(&reader),
                None => standing.last_group(&subscription),
            });
            views.push(SubscriptionView {
                head: standing.map(|standing| standing.head),
                position: cursor.map(|cursor| cursor.position),
                node: cursor.map(|cursor| cursor.node.clone()).filter(|node| !node.is_empty()),
                held_until: held.get(&subscription.id).copied().flatten(),
                withheld: withheld.get(&subscription.id).copied().unwrap_or_default(),
                passed: passed.remove(&subscription.id),
                waits: waiting.remove(&subscription.id),
                subscription,
            });
        }
        Ok(views)
    }
}

/// A stream and how far its readers are.
struct Standing {
    head: Position,
    cursors: HashMap<ReaderName, Cursor>,
}

impl Standing {
    /// The group of a consumer that is furthest behind.
    fn last_group(&self, subscription: &LiveSubscription) -> Option<&Cursor> {
        let own = format!("group/{}/", subscription.consumer);
        let groups = self.cursors.values().filter(|cursor| cursor.reader.as_str().starts_with(&own));
        groups.min_by_key(|cursor| cursor.position)
    }

    /// Of a stream; none where it was never opened.
    async fn of(transaction: &mut Transaction, stream: &InterfaceRef) -> Result<Option<Self>, StoreError> {
        let stream = match Stream::find(transaction, stream).await {
            Ok(stream) => stream,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let cursors = cursor::of_stream(transaction, &stream).await?;
        let cursors = cursors.into_iter().map(|cursor| (cursor.reader.clone(), cursor)).collect();
        Ok(Some(Self { head: stream.head()?, cursors }))
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        for lane in ["wo-1", "a b/ü%", "-"] {
            let place = LanePlace { since: 17, subscription: "sub_1".to_owned(), lane: lane.to_owned() };
            let text = place.to_string();
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'), "{text}");
            assert_eq!(text.parse(), Ok(place), "{text}");
        }
        for text in ["", "17", "17-sub_1", "-1-sub_1-61", "17-sub_1-6", "17-sub_1-zz"] {
            assert!(text.parse::<LanePlace>().is_err(), "{text}");
        }
    }
}
