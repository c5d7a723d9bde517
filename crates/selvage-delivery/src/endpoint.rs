//! Where messages go, and on which terms. Compiled from a subscription and its system; secrets are named and not held here.

use std::sync::Arc;
use std::time::Duration;

use selvage_model::fabric::Fabric;
use selvage_model::manifest::system::{SecretName, System, SystemTls};
use selvage_model::network::Network;
use selvage_model::scalar::Rate;
use selvage_model::source::Spanned;

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
    /// How it is known over TLS and what it is shown, where that is not as everywhere.
    pub tls: EndpointTls,
    /// How much it is sent.
    pub limits: EndpointLimits,
}

/// How an endpoint is known over TLS, and what it is shown: as its system's manifest says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointTls {
    /// The authorities that may have signed its certificate, PEM; those of the machine where there are none.
    pub authorities: Option<Arc<str>>,
    /// The name that its certificate bears, where not its host's.
    pub server_name: Option<String>,
    /// The secrets with the certificate that it is shown and with its key. INVARIANT: SECRET-FREE: by name.
    pub client: Option<(SecretName, SecretName)>,
}

impl EndpointTls {
    /// As a system declares it; the files are the fabric's.
    pub fn of(declared: &SystemTls, fabric: &Fabric) -> Self {
        let text = |path: &Spanned<String>| fabric.files.get(&path.value).cloned().unwrap_or_default();
        Self {
            authorities: declared.authorities.as_ref().map(text),
            server_name: declared.server_name.as_ref().map(|name| name.value.clone()),
            client: declared.client.as_ref().map(|it| (it.certificate.value.clone(), it.key.value.clone())),
        }
    }
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
    pub granted: Vec<Network>,
}

impl AddressPolicy {
    /// What the zone of a system grants.
    pub fn of(system: &System, fabric: &Fabric) -> Self {
        Self { granted: fabric.networks_of(system).iter().map(|network| network.value).collect() }
    }
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
