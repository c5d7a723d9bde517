//! `kind: Consumer`, `kind: Grant` and `kind: Subscription`, as declared. Alive they are access state.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::access::{EndAction, GrantTerms};
use crate::fabric::Fabric;
use crate::manifest::interface::Criticality;
use crate::manifest::system::SecretName;
use crate::name::{AttributeName, ClassName, ConsumerName, InterfaceRef, IssuerName, SubscriptionName, SystemName};
use crate::scalar::{Quota, Rate};
use crate::source::{Place, Spanned};
use crate::subscription::{Beginning, DeliveryTerms, SubscriptionTerms};

/// How many deliveries are under way at a time, where a subscription does not say.
const MAX_IN_FLIGHT: u32 = 8;
/// How long one send may take, where a subscription does not say.
const TIMEOUT: Duration = Duration::from_secs(15);

/// An application identity.
#[derive(Clone, Debug, PartialEq)]
pub struct Consumer {
    /// Where it is declared.
    pub place: Place,
    /// Its name.
    pub name: ConsumerName,
    /// Who answers for it: a team or a domain.
    pub owner: Spanned<String>,
    /// How it proves who it is.
    pub identity: Identity,
}

/// How a consumer proves who it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Identity {
    /// A key that Selvage issues.
    ApiKey {
        /// How long a key lasts at most, whatever it was issued for.
        max_age: Option<Duration>,
    },
    /// Tokens by client credentials.
    OAuth {
        /// Who issues them.
        issuer: Spanned<IssuerName>,
        /// Whom they name, where that is not the consumer's own name.
        client: Option<String>,
    },
    /// A client certificate.
    Mtls {
        /// Its subject: a distinguished name, or one of its alternative names.
        subject: Spanned<String>,
    },
    /// Tokens of an OpenID provider.
    Oidc {
        /// Who issues them.
        issuer: Spanned<IssuerName>,
        /// Whom they name.
        subject: String,
    },
}

impl Identity {
    /// Its word in manifests.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::ApiKey { .. } => "api_key",
            Self::OAuth { .. } => "oauth",
            Self::Mtls { .. } => "mtls",
            Self::Oidc { .. } => "oidc",
        }
    }
}

impl Consumer {
    /// The issuer whose tokens it shows, and whom they name; none where it proves itself in another way.
    pub fn token_subject(&self) -> Option<(&Spanned<IssuerName>, &str)> {
        match &self.identity {
            Identity::OAuth { issuer, client } => Some((issuer, client.as_deref().unwrap_or(self.name.as_str()))),
            Identity::Oidc { issuer, subject } => Some((issuer, subject)),
            Identity::ApiKey { .. } | Identity::Mtls { .. } => None,
        }
    }
}

/// A lease on an interface, as declared.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// Where it is declared.
    pub place: Place,
    /// Who.
    pub consumer: Spanned<ConsumerName>,
    /// What.
    pub interface: Spanned<InterfaceRef>,
    /// Which operations: words of a mediated api, operation ids of a direct one.
    pub operations: Vec<Spanned<String>>,
    /// Which rows: each attribute has one of these values.
    pub rows: Vec<(Spanned<AttributeName>, Vec<Value>)>,
    /// Which attributes are left out.
    pub except: Vec<Spanned<AttributeName>>,
    /// Which classes of data are shown.
    pub classes: Vec<Spanned<ClassName>>,
    /// What for.
    pub purpose: Option<String>,
    /// Until when.
    pub until: Option<Spanned<Timestamp>>,
    /// What its end does.
    pub on_end: EndAction,
    /// How fast.
    pub rate: Option<Rate>,
    /// Under which condition: CEL, as written.
    pub when: Option<Spanned<String>>,
    /// In which time zone its times are: IANA. UTC where absent.
    pub time_zone: Option<String>,
    /// How much in each hour, day or month.
    pub quota: Option<Quota>,
}

impl Grant {
    /// The terms without places, as access state keeps them.
    pub fn terms(&self) -> GrantTerms {
        GrantTerms {
            operations: self.operations.iter().map(|operation| operation.value.clone()).collect(),
            rows: self.rows.iter().map(|(attribute, values)| (attribute.value.clone(), values.clone())).collect(),
            except: self.except.iter().map(|attribute| attribute.value.clone()).collect(),
            classes: self.classes.iter().map(|class| class.value.clone()).collect(),
            purpose: self.purpose.clone(),
            until: self.until.as_ref().map(|until| until.value),
            on_end: self.on_end,
            rate: self.rate,
            when: self.when.as_ref().map(|when| when.value.clone()),
            time_zone: self.time_zone.clone(),
            quota: self.quota,
        }
    }
}

/// Who is told of which events, as declared.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    /// Where it is declared.
    pub place: Place,
    /// Its name among those of its consumer, where that is not the interface's own.
    pub name: Option<Spanned<SubscriptionName>>,
    /// Who.
    pub consumer: Spanned<ConsumerName>,
    /// What.
    pub interface: Spanned<InterfaceRef>,
    /// Which event types.
    pub events: Vec<Spanned<String>>,
    /// Where it begins.
    pub from: Beginning,
    /// Until when.
    pub until: Option<Spanned<Timestamp>>,
    /// How old what has not arrived may be before it is an alarm.
    pub lag: Option<Duration>,
    /// Where to; pulled where absent.
    pub deliver: Option<Deliver>,
}

impl Subscription {
    /// Its name: `work-order-events-v1` where it says none.
    pub fn known_as(&self) -> Option<SubscriptionName> {
        let interface = &self.interface.value;
        let derived = || format!("{}-v{}", interface.name, interface.major).parse().ok();
        self.name.as_ref().map(|name| name.value.clone()).or_else(derived)
    }

    /// What it is called among all: `line-board/work-order-events-v1`.
    pub fn label(&self) -> Option<String> {
        self.known_as().map(|name| format!("{}/{name}", self.consumer))
    }

    /// The terms without places, as access state keeps them. INVARIANT: FAIL-SAFE: on tier-1 their end alarms.
    pub fn terms(&self, fabric: &Fabric) -> SubscriptionTerms {
        let interface = fabric.interfaces.get(&self.interface.value);
        let tier = interface.and_then(|interface| interface.classification.as_ref()).map(|it| it.criticality);
        SubscriptionTerms {
            on_end: if tier == Some(Criticality::Tier1) { EndAction::Alarm } else { EndAction::End },
            events: self.events.iter().map(|event| event.value.clone()).collect(),
            from: self.from,
            until: self.until.as_ref().map(|until| until.value),
            lag: self.lag,
            deliver: self.deliver.as_ref().map(Deliver::terms),
            replay: None,
        }
    }
}

/// Where a subscription's events are sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Deliver {
    /// The system.
    pub system: Spanned<SystemName>,
    /// The path there.
    pub path: String,
    /// How it is signed.
    pub signing: Option<Spanned<String>>,
    /// The secret that signs, and the one that takes its place: while both are named, both sign.
    pub secrets: Vec<Spanned<SecretName>>,
    /// In order per lane, or as they come.
    pub in_lanes: bool,
    /// How many at a time.
    pub max_in_flight: Option<u32>,
    /// How fast.
    pub rate: Option<Rate>,
    /// How long one send may take.
    pub timeout: Option<Duration>,
    /// Whether the same event twice does no harm there.
    pub idempotent: bool,
}

impl Deliver {
    /// The terms without places.
    pub fn terms(&self) -> DeliveryTerms {
        DeliveryTerms {
            system: self.system.value.clone(),
            path: self.path.clone(),
            secrets: self.secrets.iter().rev().map(|secret| secret.value.clone()).collect(),
            in_lanes: self.in_lanes,
            max_in_flight: self.max_in_flight.unwrap_or(MAX_IN_FLIGHT),
            rate: self.rate,
            timeout: self.timeout.unwrap_or(TIMEOUT),
            idempotent: self.idempotent,
        }
    }
}
