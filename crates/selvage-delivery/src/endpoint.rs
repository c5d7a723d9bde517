//! Where messages go, and on which terms. Compiled from a subscription and its system; secrets are named and not held here.

use std::time::Duration;

use ipnet::IpNet;
use selvage_model::manifest::system::SecretName;
use selvage_model::scalar::Rate;

/// Where the messages of one subscription are sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Whose it is, in logs and metrics: `consumer/name`.
    pub name: String,
    /// The absolute address, `https` or `http`.
    pub url: String,
    /// Headers beyond those of the message.
    pub headers: Vec<(String, String)>,
    /// How messages are signed.
    pub signing: Signing,
    /// Which addresses its name may lead to.
    pub addresses: AddressPolicy,
    /// How much it is sent.
    pub limits: EndpointLimits,
}

/// How messages are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signing {
    /// Not at all.
    None,
    /// As Standard Webhooks say, by each of these secrets: the newest first, and the one before while it is in rotation. The
    /// secret's own prefix says whether it is symmetric (v1) or a key pair (v1a). INVARIANT: SECRET-FREE: by name.
    StandardWebhooks(Vec<SecretName>),
}

/// Which addresses an endpoint's name may lead to. What the internet routes is always allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    /// Networks that are not public and are allowed all the same, since the system's zone grants them.
    pub granted: Vec<IpNet>,
}

/// How much an endpoint is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EndpointLimits {
    /// Messages in a span, where bounded.
    pub rate: Option<Rate>,
    /// Messages at a time; at least 1.
    pub concurrency: u32,
    /// How long one send may take, the answer included.
    pub timeout: Duration,
}
