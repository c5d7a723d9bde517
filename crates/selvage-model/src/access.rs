//! Access state: what is alive outside releases. The store holds it, the gateway compiles it into its snapshot.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::manifest::event::READ;
use crate::name::{AttributeName, ClassName, ConsumerName, EnvironmentName, InterfaceRef};
use crate::scalar::{Quota, Rate};
use crate::subscription::{LiveSubscription, SUBSCRIBE};

/// Everything alive, at one revision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccessState {
    /// Grows with every change.
    pub revision: u64,
    /// Keys that are valid or were.
    pub credentials: Vec<Credential>,
    /// Leases that are valid or were.
    pub grants: Vec<LiveGrant>,
    /// Blocks that stand.
    pub blocks: Vec<Block>,
    /// Subscriptions that are alive or were.
    pub subscriptions: Vec<LiveSubscription>,
}

impl AccessState {
    /// The leases that count in an environment, alive and ended.
    pub fn grants_in(&self, environment: &EnvironmentName) -> impl Iterator<Item = &LiveGrant> {
        self.grants.iter().filter(move |grant| grant.counts_in(environment))
    }
}

/// SHA-256 of a key. The key itself is shown once and kept nowhere. INVARIANT: SECRET-FREE
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

/// Whom a key stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// An application at the gateway.
    Consumer(ConsumerName),
    /// A person at the console and the control API.
    Operator(String),
}

/// One key.
#[derive(Clone, Debug, PartialEq)]
pub struct Credential {
    /// Its id, shown in lists (`key_…`); not secret.
    pub id: String,
    /// Whom it stands for.
    pub principal: Principal,
    /// What proves it.
    pub hash: KeyHash,
    /// Since when.
    pub issued: Timestamp,
    /// Until when, where it ends.
    pub expires: Option<Timestamp>,
    /// Taken back at this time.
    pub revoked: Option<Timestamp>,
}

/// A person cut something off, whatever release and grants say.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Its id (`blk_…`).
    pub id: String,
    /// What.
    pub what: Blocked,
    /// Who, where it is asked for and kept.
    pub by: Option<String>,
    /// Why.
    pub because: String,
    /// Since when.
    pub since: Timestamp,
}

/// What is cut off.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Blocked {
    /// Everything that a consumer asks for.
    Consumer(ConsumerName),
    /// Everything that an interface is asked for.
    Interface(InterfaceRef),
}

impl LiveGrant {
    /// Whether it counts in this environment. INVARIANT: DECLARED: what one environment's release asks for opens nothing in another.
    pub fn counts_in(&self, environment: &EnvironmentName) -> bool {
        self.environment.as_ref().is_none_or(|own| own == environment)
    }

    /// Whose it is, on what, and where, where it is of one environment alone.
    pub fn label(&self) -> String {
        let place = self.environment.as_ref().map_or_else(String::new, |environment| format!(" in {environment}"));
        format!("{} on {}{place}", self.consumer, self.interface)
    }

    /// Whether it lets its consumer be sent events at this time.
    pub fn is_subscription_right(&self, now: Timestamp) -> bool {
        self.opens(SUBSCRIBE, now)
    }

    /// Whether it lets its consumer pull events at this time.
    pub fn is_pull_right(&self, now: Timestamp) -> bool {
        self.opens(READ, now)
    }

    fn opens(&self, operation: &str, now: Timestamp) -> bool {
        let lasts = self.terms.until.is_none_or(|until| until > now) || self.terms.on_end == EndAction::Alarm;
        self.ended.is_none() && lasts && self.terms.operations.iter().any(|granted| granted == operation)
    }
}

impl Credential {
    /// When it ends, where keys of its kind last no longer than this.
    pub fn ends(&self, max_age: Option<Duration>) -> Option<Timestamp> {
        let oldest = max_age.and_then(|age| self.issued.checked_add(age).ok());
        self.expires.into_iter().chain(oldest).min()
    }
}

/// A lease that was granted.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveGrant {
    /// Its id (`grt_…`).
    pub id: String,
    /// Who.
    pub consumer: ConsumerName,
    /// What.
    pub interface: InterfaceRef,
    /// On which terms; shared by the states that it stands in unchanged.
    pub terms: Arc<GrantTerms>,
    /// Whose release asks for it; none where it counts in every environment of the store.
    pub environment: Option<EnvironmentName>,
    /// Ended at this time, for good.
    pub ended: Option<Timestamp>,
}

/// The terms of a lease.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrantTerms {
    /// Which operations.
    pub operations: Vec<String>,
    /// Which rows: each attribute has one of these values.
    pub rows: Vec<(AttributeName, Vec<Value>)>,
    /// Which attributes are left out.
    pub except: Vec<AttributeName>,
    /// Which classes of data are shown; what is of any other is masked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<ClassName>,
    /// What for.
    pub purpose: Option<String>,
    /// Until when.
    pub until: Option<Timestamp>,
    /// What its end does.
    pub on_end: EndAction,
    /// How fast.
    pub rate: Option<Rate>,
    /// Under which condition: CEL, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// In which time zone its times are: IANA. UTC where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// How much in each hour, day or month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
}

impl GrantTerms {
    /// Terms that open these operations: every row and attribute, for good, and as fast as may be.
    pub fn whole<Name: Into<String>>(operations: impl IntoIterator<Item = Name>) -> Self {
        Self {
            operations: operations.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
            except: Vec::new(),
            classes: Vec::new(),
            purpose: None,
            until: None,
            on_end: EndAction::End,
            rate: None,
            when: None,
            time_zone: None,
            quota: None,
        }
    }
}

/// What the end of a lease does. INVARIANT: FAIL-SAFE: time alone never stops tier-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndAction {
    /// Refuse from then on.
    End,
    /// Go on, and alarm.
    Alarm,
    /// Refuse from then on, on tier-1 too: a person opened it with a clock, and by nothing else would it have been open.
    Cut,
}
