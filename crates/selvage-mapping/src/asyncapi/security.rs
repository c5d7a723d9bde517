//! How those who publish and read prove who they are, in the words of AsyncAPI: as the consumers do that have a grant.

use std::collections::BTreeSet;

use selvage_model::fabric::Fabric;
use selvage_model::manifest::consumer::Identity;
use selvage_model::name::IssuerName;
use serde_json::{Map, Value, json};

use super::Described;

/// The schemes of the consumers that have a grant; by a key where there is none yet.
pub(super) fn of_grants(described: Described<'_>) -> Map<String, Value> {
    let Described { fabric, interface } = described;
    let reference = interface.reference();
    let granted = fabric.grants.iter().filter(|grant| grant.interface.value == reference);
    let consumers: BTreeSet<_> = granted.map(|grant| &grant.consumer.value).collect();
    let identities = consumers.into_iter().filter_map(|name| fabric.consumers.get(name));
    let mut identities: Vec<&Identity> = identities.map(|consumer| &consumer.identity).collect();
    if identities.is_empty() {
        identities.push(&Identity::ApiKey { max_age: None });
    }
    let mut schemes = Map::new();
    for identity in identities {
        match identity {
            Identity::ApiKey { .. } => {
                let about = "A key that Selvage issued.";
                schemes.insert("key".into(), json!({"type": "http", "scheme": "bearer", "description": about}));
                let header =
                    json!({"type": "httpApiKey", "in": "header", "name": "X-Api-Key", "description": "The same key."});
                schemes.insert("key_header".into(), header);
            }
            Identity::OAuth { issuer, .. } | Identity::Oidc { issuer, .. } => {
                schemes.insert(format!("token_{}", issuer.value), token(fabric, &issuer.value));
            }
            Identity::Mtls { .. } => {
                let about = "A client certificate with the declared subject.";
                schemes.insert("certificate".into(), json!({"type": "X509", "description": about}));
            }
        }
    }
    schemes.sort_keys();
    schemes
}

/// References to schemes: any one of them will do.
pub(super) fn references(schemes: &Map<String, Value>) -> Vec<Value> {
    schemes.keys().map(|name| json!({"$ref": format!("#/components/securitySchemes/{name}")})).collect()
}

/// A token of this issuer: by client credentials where Selvage signs, otherwise as its own metadata says.
fn token(fabric: &Fabric, name: &IssuerName) -> Value {
    let environments = fabric.issuers.get(name).map(|issuer| issuer.environments.as_slice()).unwrap_or_default();
    let about = format!("A token of the issuer {name}.");
    if let Some(own) = environments.iter().find(|environment| environment.signing.is_some()) {
        let url = format!("{}/oauth/token", own.url.value.trim_end_matches('/'));
        let flow = json!({"tokenUrl": url, "availableScopes": {}});
        return json!({"type": "oauth2", "flows": {"clientCredentials": flow}, "description": about});
    }
    match environments.first() {
        Some(environment) => {
            let url = format!("{}/.well-known/openid-configuration", environment.url.value.trim_end_matches('/'));
            json!({"type": "openIdConnect", "openIdConnectUrl": url, "description": about})
        }
        None => json!({"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": about}),
    }
}
