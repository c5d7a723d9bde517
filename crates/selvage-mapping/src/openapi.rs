//! The contract of a mediated interface as OpenAPI 3.1: its paths, parameters, bodies and answers, made of the manifests
//! alone and always in the same order. What the engine takes and gives is described here and enforced there.

mod answer;
pub(crate) mod attribute;
mod operation;
mod parameter;
pub(crate) mod schema;
mod verb;
mod yaml;

use std::collections::BTreeSet;

use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::{Api, Serves};
use selvage_model::manifest::consumer::{Grant, Identity};
use selvage_model::manifest::interface::{Interface, Lifecycle};
use selvage_model::manifest::mapping::Mapping;
use selvage_model::manifest::object::Object;
use selvage_model::name::{AttributeName, InterfaceRef, IssuerName, ObjectRef, SystemName};
use serde_json::{Map, Value, json};

use crate::mapping::CompiledMapping;
pub use parameter::LONGEST as LONGEST_SOUGHT;
pub use yaml::text as yaml;

/// Major versions of systems that a mapping may be for.
pub const MAJORS: std::ops::RangeInclusive<u32> = 10..=30;

/// Why there is no contract to be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoContract {
    /// The fabric has no such interface.
    #[error("the fabric declares no interface `{0}`")]
    Undeclared(InterfaceRef),
    /// It is no api, or a direct one, whose contract is its own.
    #[error("`{0}` is not mediated: the contract of a direct api is the file that it names")]
    NotMediated(InterfaceRef),
    /// It is neither an event interface nor a webhook.
    #[error("`{0}` has no events: `selvage openapi` writes the contract of a mediated api")]
    Synchronous(InterfaceRef),
    /// Its object is not declared.
    #[error("the object that `{0}` carries is not declared")]
    NoObject(InterfaceRef),
    /// The schema of its data is not there.
    #[error("a schema of what `{0}` carries is not there")]
    NoSchema(InterfaceRef),
}

/// What the contract is made of.
pub(crate) struct Subject<'f> {
    pub(crate) fabric: &'f Fabric,
    pub(crate) interface: &'f Interface,
    pub(crate) serves: &'f Serves,
    pub(crate) object: &'f Object,
    /// The mappings to the system, for every version that they are for.
    pub(crate) mappings: Vec<CompiledMapping>,
    grants: Vec<&'f Grant>,
}

impl<'f> Subject<'f> {
    fn new(fabric: &'f Fabric, reference: &InterfaceRef) -> Result<Self, NoContract> {
        let interface = fabric.interfaces.get(reference).ok_or_else(|| NoContract::Undeclared(reference.clone()))?;
        let Some(Api::Mediated(serves)) = interface.api() else {
            return Err(NoContract::NotMediated(reference.clone()));
        };
        let object = fabric.objects.get(&serves.object.value).ok_or_else(|| NoContract::NoObject(reference.clone()))?;
        let mappings = versions(fabric, &serves.object.value, &serves.system.value);
        let grants = fabric.grants.iter().filter(|grant| &grant.interface.value == reference).collect();
        Ok(Self { fabric, interface, serves, object, mappings, grants })
    }

    /// What the system calls its record.
    pub(crate) fn record(&self) -> &str {
        self.mappings.first().map_or("", CompiledMapping::record)
    }

    /// Whether somebody's grant leaves the attribute out, so that it may be missing in an answer.
    pub(crate) fn is_excepted(&self, attribute: &AttributeName) -> bool {
        self.grants.iter().any(|grant| grant.except.iter().any(|name| &name.value == attribute))
    }

    /// Whether somebody's grant fills it in, so that it may be missing in a create.
    pub(crate) fn is_filled(&self, attribute: &AttributeName) -> bool {
        self.grants
            .iter()
            .any(|grant| grant.rows.iter().any(|(name, values)| &name.value == attribute && values.len() == 1))
    }

    /// The word for the object in names of schemas: `ProductionOrder`.
    pub(crate) fn title(&self) -> String {
        pascal(self.object.name.as_str())
    }
}

/// The mappings of an object to a system, for every version of it that they are for.
pub(crate) fn versions(fabric: &Fabric, object: &ObjectRef, system: &SystemName) -> Vec<CompiledMapping> {
    let of_object = |mapping: &&Mapping| &mapping.object.value == object && &mapping.system.value == system;
    let versions = fabric.mappings.values().filter(of_object).flat_map(|mapping| {
        let majors = MAJORS.filter(|major| mapping.versions.contains(*major));
        majors.filter_map(|major| CompiledMapping::compile(mapping, fabric, major).ok())
    });
    versions.collect()
}

/// The contract as an OpenAPI 3.1 document, to be called at this address: `/`, or `https://api.example.com`.
///
/// # Errors
/// When the interface is none that is mediated.
pub fn document(fabric: &Fabric, interface: &InterfaceRef, server: &str) -> Result<Value, NoContract> {
    let subject = Subject::new(fabric, interface)?;
    let (schemes, requirements) = security(&subject);
    let name = subject.object.name.as_str();
    let about = subject.object.description.clone().unwrap_or_else(|| format!("The object {name}."));
    let mut document = json!({
        "openapi": "3.1.0",
        "info": info(&subject),
        "servers": [{"url": server}],
        "security": requirements,
        "tags": [
            {"name": name, "description": about},
            {"name": "operations", "description": "Writes whose outcome was not known in time."},
        ],
        "paths": operation::paths(&subject),
        "components": {
            "securitySchemes": schemes,
            "parameters": parameter::components(),
            "headers": answer::headers(),
            "responses": answer::responses(),
            "schemas": schema::components(&subject),
        },
    });
    if !subject.serves.operations.iter().any(|operation| operation.value.writes())
        && let Some(Value::Array(tags)) = document.get_mut("tags")
    {
        tags.truncate(1);
    }
    drop_unused(&mut document);
    Ok(document)
}

fn info(subject: &Subject<'_>) -> Value {
    let interface = subject.interface;
    let mut about = interface.description.clone().unwrap_or_else(|| format!("The interface {}.", interface.name));
    if let Lifecycle::Deprecated(end) = &interface.lifecycle {
        about.push_str(&format!("\n\nDeprecated since {}", end.since));
        let sunset = end.sunset.map(|sunset| format!("; it ends on {sunset}"));
        about.push_str(&sunset.unwrap_or_default());
        let successor = end.successor.as_ref().map(|successor| format!("; use {successor} instead"));
        about.push_str(&successor.unwrap_or_default());
        about.push('.');
    }
    about.push_str(
        "\n\nEvery write carries an `Idempotency-Key`; the same key never does the same thing twice. A write whose outcome is not \
         known in time answers 202 and says where to look. Absent values are `null`.",
    );
    let owner = interface.owner.as_ref().map(|owner| owner.value.as_str().to_owned());
    let mut info = json!({
        "title": interface.name.as_str(),
        "version": interface.version.to_string(),
        "summary": format!("{} through {}", subject.object.name, interface.name),
        "description": about,
        "license": {"name": "By grant", "identifier": "LicenseRef-By-Grant"},
    });
    if let (Some(owner), Some(members)) = (owner, info.as_object_mut()) {
        members.insert("contact".to_owned(), json!({"name": owner}));
    }
    info
}

/// How the consumers who have a grant prove who they are; by a key where there is none yet.
fn security(subject: &Subject<'_>) -> (Value, Value) {
    let mut schemes = Map::new();
    let consumers: BTreeSet<_> = subject.grants.iter().map(|grant| &grant.consumer.value).collect();
    let identities = consumers.into_iter().filter_map(|name| subject.fabric.consumers.get(name));
    let mut identities: Vec<&Identity> = identities.map(|consumer| &consumer.identity).collect();
    if identities.is_empty() {
        identities.push(&Identity::ApiKey { max_age: None });
    }
    for identity in identities {
        match identity {
            Identity::ApiKey { .. } => {
                let about = "A key that Selvage issued.";
                schemes.insert("key".into(), json!({"type": "http", "scheme": "bearer", "description": about}));
                let header =
                    json!({"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "The same key."});
                schemes.insert("key_header".into(), header);
            }
            Identity::OAuth { issuer, .. } | Identity::Oidc { issuer, .. } => {
                schemes.insert(format!("token_{}", issuer.value), token(subject.fabric, &issuer.value));
            }
            Identity::Mtls { .. } => {
                let about = "A client certificate with the declared subject.";
                schemes.insert("certificate".into(), json!({"type": "mutualTLS", "description": about}));
            }
        }
    }
    schemes.sort_keys();
    let requirements = schemes.keys().map(|name| json!({name: []})).collect();
    (Value::Object(schemes), requirements)
}

/// A token of this issuer: by client credentials where Selvage signs, otherwise as its own metadata says.
fn token(fabric: &Fabric, name: &IssuerName) -> Value {
    let environments = fabric.issuers.get(name).map(|issuer| issuer.environments.as_slice()).unwrap_or_default();
    let about = format!("A token of the issuer {name}.");
    if environments.iter().any(|environment| environment.signing.is_some()) {
        let flow = json!({"tokenUrl": "/oauth/token", "scopes": {}});
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

/// Takes away the components that nothing refers to.
pub(crate) fn drop_unused(document: &mut Value) {
    loop {
        let mut used = BTreeSet::new();
        references(document, &mut used);
        let mut dropped = false;
        let Some(Value::Object(components)) = document.get_mut("components") else { return };
        for (section, members) in components.iter_mut().filter(|(section, _)| *section != "securitySchemes") {
            let Value::Object(members) = members else { continue };
            let before = members.len();
            members.retain(|name, _| used.contains(&format!("#/components/{section}/{name}")));
            dropped |= members.len() != before;
        }
        components.retain(|_, members| members.as_object().is_some_and(|members| !members.is_empty()));
        if !dropped {
            return;
        }
    }
}

fn references(value: &Value, used: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(target) if name == "$ref" => drop(used.insert(target.clone())),
                    other => references(other, used),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, used)),
        _ => {}
    }
}

/// `production-order` as `ProductionOrder`.
pub(crate) fn pascal(name: &str) -> String {
    let mut word = String::with_capacity(name.len());
    for part in name.split(['-', '_']) {
        let mut characters = part.chars();
        word.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        word.push_str(characters.as_str());
    }
    word
}
