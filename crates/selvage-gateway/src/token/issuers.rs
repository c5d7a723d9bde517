//! The issuers of an environment, compiled: by what their tokens say of themselves, with their keys and with the consumers
//! that they know.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use selvage_model::fabric::Fabric;
use selvage_model::manifest::issuer::{IssuerEnvironment, TokenAlgorithm};
use selvage_model::name::{ConsumerName, EnvironmentName, IssuerName};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::key::{IssuerKeys, KeysOfIssuers};

/// One issuer.
#[derive(Debug)]
pub(crate) struct Issuer {
    pub(crate) name: IssuerName,
    pub(crate) url: String,
    pub(crate) audiences: Vec<String>,
    pub(crate) algorithms: Vec<TokenAlgorithm>,
    /// Seconds by which clocks may differ.
    pub(crate) leeway: i64,
    /// The claim that names the consumer.
    pub(crate) subject: String,
    /// None where they could not be had yet.
    pub(crate) keys: Option<Arc<IssuerKeys>>,
    consumers: HashMap<Box<str>, u32>,
}

impl Issuer {
    /// The consumer whom its tokens name so.
    pub(crate) fn consumer(&self, subject: &str) -> Option<u32> {
        self.consumers.get(subject).copied()
    }
}

/// All issuers.
#[derive(Debug, Default)]
pub(crate) struct Issuers {
    all: Vec<Issuer>,
    by_url: HashMap<Box<str>, u32>,
    /// Selvage itself, and how long its tokens last.
    own: Option<(u32, Duration)>,
    mark: [u8; 32],
}

impl Issuers {
    /// Those of this environment; `index` gives a consumer its index in the snapshot.
    pub(crate) fn compile(
        fabric: &Fabric,
        environment: &EnvironmentName,
        keys: &KeysOfIssuers,
        mut index: impl FnMut(&ConsumerName) -> u32,
    ) -> Self {
        let mut issuers = Self::default();
        let mut mark = Sha256::new();
        for declared in fabric.issuers.values() {
            let Some(here) = declared.environment(environment) else { continue };
            let keys = keys.get(&here.url.value);
            mark.update(format!("{:?}{:?}", declared.name, settings(here)));
            mark.update(keys.map_or(&[0; 32], |keys| keys.mark()));
            let place = u32::try_from(issuers.all.len()).unwrap_or(u32::MAX);
            if let Some(signing) = &here.signing {
                issuers.own.get_or_insert((place, signing.lifetime));
            }
            issuers.by_url.insert(Box::from(here.url.value.as_str()), place);
            issuers.all.push(Issuer {
                name: declared.name.clone(),
                url: here.url.value.clone(),
                audiences: here.audiences.clone(),
                algorithms: here.algorithms.clone(),
                leeway: i64::try_from(here.leeway.as_secs()).unwrap_or(i64::MAX / 4),
                subject: here.subject.clone(),
                keys: keys.cloned(),
                consumers: HashMap::new(),
            });
        }
        for consumer in fabric.consumers.values() {
            let Some((name, subject)) = consumer.token_subject() else { continue };
            let Some(issuer) = issuers.all.iter_mut().find(|issuer| issuer.name == name.value) else { continue };
            issuer.consumers.insert(Box::from(subject), index(&consumer.name));
        }
        issuers.mark = mark.finalize().into();
        issuers
    }

    /// The issuer of this address, with or without the slash at its end.
    pub(crate) fn by_url(&self, url: &str) -> Option<(u32, &Issuer)> {
        let place = *self.by_url.get(url.strip_suffix('/').unwrap_or(url))?;
        Some((place, self.get(place)?))
    }

    /// Selvage as an issuer, and how long its tokens last.
    pub(crate) fn own(&self) -> Option<(Duration, &Issuer)> {
        let (place, lifetime) = self.own?;
        Some((lifetime, self.get(place)?))
    }

    /// Whether this place is Selvage's own.
    pub(crate) fn is_own(&self, place: u32) -> bool {
        self.own.is_some_and(|(own, _)| own == place)
    }

    /// What Selvage says of itself as an issuer (RFC 8414), and its keys.
    pub(crate) fn document(&self, document: Document) -> Option<Value> {
        let (_, issuer) = self.own()?;
        match document {
            Document::Keys => Some(issuer.keys.as_ref()?.set()),
            Document::Metadata => Some(json!({
                "issuer": issuer.url,
                "token_endpoint": format!("{}/oauth/token", issuer.url),
                "jwks_uri": format!("{}/.well-known/jwks.json", issuer.url),
                "grant_types_supported": ["client_credentials"],
                "response_types_supported": [],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            })),
        }
    }

    pub(crate) fn get(&self, place: u32) -> Option<&Issuer> {
        self.all.get(place as usize)
    }

    /// Whether there are none, so that no token needs to be looked at.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What tells these issuers and keys from others: a token that was found good by others is looked at again.
    pub(crate) fn mark(&self) -> &[u8; 32] {
        &self.mark
    }
}

/// What Selvage shows of itself as an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// Its metadata.
    Metadata,
    /// Its public keys.
    Keys,
}

/// What decides about a token, beside the keys.
fn settings(here: &IssuerEnvironment) -> impl std::fmt::Debug + '_ {
    (&here.url.value, &here.audiences, &here.algorithms, here.leeway, &here.subject)
}
