//! Subscriptions that are alive: access state, as grants are. The store holds them, deliveries carry them out, and no release
//! revives one that ended.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::access::EndAction;
use crate::event::{EventError, Position, ReaderName};
use crate::manifest::system::SecretName;
use crate::name::{ConsumerName, InterfaceRef, SubscriptionName, SystemName};
use crate::scalar::Rate;

/// What a grant on an event interface must include, so that its consumer may be sent the events.
pub const SUBSCRIBE: &str = "subscribe";

/// A subscription, as the store holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveSubscription {
    /// Its id (`sub_…`).
    pub id: String,
    /// Who.
    pub consumer: ConsumerName,
    /// Its name among those of its consumer.
    pub name: SubscriptionName,
    /// What.
    pub interface: InterfaceRef,
    /// On which terms.
    pub terms: SubscriptionTerms,
    /// How it stands.
    pub state: SubscriptionState,
    /// Why it is suspended or has ended, or what its last probe met.
    pub because: Option<String>,
    /// It gets what stands after this.
    pub begins: Position,
    /// Since when it is asked for.
    pub requested: Timestamp,
    /// Since when it stands as it does.
    pub changed: Timestamp,
}

impl LiveSubscription {
    /// Who it is in logs and metrics: `consumer/name`.
    pub fn label(&self) -> String {
        format!("{}/{}", self.consumer, self.name)
    }

    /// Whether its time is over.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.terms.until.is_some_and(|until| until <= now)
    }

    /// Whether it ends by its time. INVARIANT: FAIL-SAFE: not on tier-1.
    pub fn ends_by_time(&self, now: Timestamp) -> bool {
        self.is_overdue(now) && self.terms.on_end != EndAction::Alarm
    }

    /// Whether events are sent for it: a person lets it be, and its endpoint has taken a probe.
    pub fn is_sent(&self) -> bool {
        matches!(self.state, SubscriptionState::Probed | SubscriptionState::Active)
    }

    /// How fast events are sent for it at most: what was asked for, and for a replay no more than all those of its interface may have.
    pub fn rate(&self) -> Option<Rate> {
        let asked = self.terms.deliver.as_ref().and_then(|deliver| deliver.rate);
        Rate::slower(asked, self.terms.replay.as_ref().and_then(|replay| replay.most))
    }

    /// The name by which its cursor is kept.
    ///
    /// # Errors
    /// None in practice: two names of 64 letters fit.
    pub fn reader(&self) -> Result<ReaderName, EventError> {
        format!("subscription/{}/{}", self.consumer, self.name).parse()
    }
}

/// How a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubscriptionState {
    /// Asked for; a person has to approve it.
    Requested,
    /// Approved; its endpoint has not answered a probe yet.
    Approved,
    /// Its endpoint took a probe; no node has begun.
    Probed,
    /// Events are delivered.
    Active,
    /// Nothing is sent, and nothing is skipped: it goes on where it was.
    Suspended,
    /// Over, for good.
    Ended,
}

impl SubscriptionState {
    const ALL: [Self; 6] = [Self::Requested, Self::Approved, Self::Probed, Self::Active, Self::Suspended, Self::Ended];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Probed => "probed",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Ended => "ended",
        }
    }
}

impl fmt::Display for SubscriptionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why nothing is sent for a subscription that stands so that it could be. Nothing is lost, and nothing is set aside for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// For what.
    pub what: WaitsFor,
    /// The same, for a person.
    pub because: String,
}

/// What a subscription waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WaitsFor {
    /// The rate of its grant is met.
    Rate,
    /// The quota of its grant is used up.
    Quota,
    /// A secret that signs is not there.
    Secret,
    /// There is nothing that it could be sent to, or it may not be.
    Endpoint,
    /// It is a replay, and the subscription that it repeats stands still.
    Original,
    /// The receiver asked to be left alone for a while.
    Receiver,
}

impl WaitsFor {
    const ALL: [Self; 6] = [Self::Rate, Self::Quota, Self::Secret, Self::Endpoint, Self::Original, Self::Receiver];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Quota => "quota",
            Self::Secret => "secret",
            Self::Endpoint => "endpoint",
            Self::Original => "original",
            Self::Receiver => "receiver",
        }
    }

    /// How a subscription stands that waits for it.
    pub fn says(self) -> &'static str {
        match self {
            Self::Rate => "waiting: rate met",
            Self::Quota => "waiting: quota used up",
            Self::Secret => "waiting: secret missing",
            Self::Endpoint => "waiting: no endpoint",
            Self::Original => "waiting: what it repeats stands still",
            Self::Receiver => "waiting: receiver asked for it",
        }
    }
}

impl FromStr for WaitsFor {
    type Err = NotAState;
    fn from_str(text: &str) -> Result<Self, NotAState> {
        Self::ALL.into_iter().find(|it| it.as_str() == text).ok_or_else(|| NotAState(text.to_owned()))
    }
}

/// Not one of the words of [`SubscriptionState`] or [`WaitsFor`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a state of a subscription")]
pub struct NotAState(String);

impl FromStr for SubscriptionState {
    type Err = NotAState;
    fn from_str(text: &str) -> Result<Self, NotAState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| NotAState(text.to_owned()))
    }
}

/// The terms of a subscription.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubscriptionTerms {
    /// Which event types.
    pub events: Vec<String>,
    /// Where it begins.
    pub from: Beginning,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What that end does: on tier-1 time alone ends nothing.
    #[serde(default = "ends", skip_serializing_if = "is_end")]
    pub on_end: EndAction,
    /// How old what has not arrived may be before it is an alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<Duration>,
    /// Where to; pulled where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliver: Option<DeliveryTerms>,
    /// What it repeats of another subscription, where it is a replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<ReplayTerms>,
}

fn ends() -> EndAction {
    EndAction::End
}

fn is_end(on_end: &EndAction) -> bool {
    *on_end == EndAction::End
}

/// A replay: events that a subscription had are sent again to its endpoint, marked, and beside what it is sent now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayTerms {
    /// The id of the subscription that had them.
    pub of: String,
    /// The id of the subscription to whose endpoint they are sent, where that is another one of the same consumer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The last event that is sent again; the first stands behind where the replay begins.
    pub through: Position,
    /// Only of these lanes; of all where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lanes: Vec<String>,
    /// Who asked for it.
    pub by: String,
    /// Why, as it was said; replays of before this was kept lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How fast all replays of its interface may go together, as the release said that a node goes by; none where it said nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<Rate>,
    /// Up to where it had sent when it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<Position>,
}

impl ReplayTerms {
    /// The id of the subscription to whose endpoint they are sent: it says how, and whether.
    pub fn sent_as(&self) -> &str {
        self.target.as_deref().unwrap_or(&self.of)
    }
}

/// The header of a message that is sent again, with the id of the replay.
pub const REPLAY_HEADER: &str = "selvage-replay";

/// Where a subscription begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Beginning {
    /// With what is appended after it was asked for.
    #[default]
    Newest,
    /// With the oldest event that is kept.
    Oldest,
}

/// Where a subscription's events are sent, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveryTerms {
    /// The system.
    pub system: SystemName,
    /// The path there.
    pub path: String,
    /// The names of the secrets that sign, the newest first; none where it is not signed. INVARIANT: SECRET-FREE
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretName>,
    /// In order per lane, or as they come.
    pub in_lanes: bool,
    /// How many at a time.
    pub max_in_flight: u32,
    /// How fast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// How long one send may take.
    pub timeout: Duration,
    /// Whether the same event twice does no harm there: only then it may be sent again by a replay.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idempotent: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_is_read_as_it_is_written() {
        for state in SubscriptionState::ALL {
            assert_eq!(state.to_string().parse(), Ok(state));
        }
        for what in WaitsFor::ALL {
            assert_eq!(what.as_str().parse(), Ok(what));
        }
        assert!("paused".parse::<SubscriptionState>().is_err());
    }
}
