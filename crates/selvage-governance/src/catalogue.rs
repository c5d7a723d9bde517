//! The catalogue: what there is to know of each interface by whoever wants to use it, made of what is declared, who has access, and what
//! was last used. Pure; nothing is kept, so nothing is out of date.

mod depends;
mod example;
mod sample;
mod search;
mod shown;
#[cfg(test)]
mod tests;
mod told;

use std::collections::BTreeMap;

use jiff::Timestamp;
use selvage_model::access::LiveGrant;
use selvage_model::domain::domain_of;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::{Api, Operation};
use selvage_model::manifest::event::EVENT_OPERATIONS;
use selvage_model::manifest::interface::{Interface, InterfaceBody, Lifecycle, Objective, Slo};
use selvage_model::name::{ConsumerName, DomainName, InterfaceRef, TeamName};
use selvage_model::scalar::spell;
use selvage_model::usage::Used;

pub use depends::{Dependency, dependencies};
pub use example::{Example, examples};
pub use sample::{carried, sample};
pub use search::{page, search};
pub use shown::shown;
pub use told::{Member, Told};

/// What is known beside the fabric.
#[derive(Clone, Copy, Default)]
pub struct Known<'a> {
    /// The leases that are or were alive; those that the manifests ask for where nobody looked.
    pub grants: Option<&'a [LiveGrant]>,
    /// When grants were used last.
    pub last_used: Option<&'a BTreeMap<Used, Timestamp>>,
}

/// One interface in the catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Which.
    pub interface: InterfaceRef,
    /// Its version with the minor number.
    pub version: String,
    /// Its type's word.
    pub kind: &'static str,
    /// What it is, for people.
    pub description: Option<String>,
    /// The team that owns it.
    pub owner: Option<TeamName>,
    /// People of the team by role.
    pub people: Vec<(String, Vec<String>)>,
    /// The domain that governs it.
    pub domain: DomainName,
    /// Where it is in its life.
    pub lifecycle: Lifecycle,
    /// Its classification, as words with their values.
    pub classification: Vec<(&'static str, String)>,
    /// Classes of data that its messages carry.
    pub classes: Vec<String>,
    /// What it promises, in words.
    pub slos: Vec<String>,
    /// What can be done.
    pub operations: Vec<Offered>,
    /// What it tells, where it has events.
    pub events: Vec<Told>,
    /// Where its contract comes from.
    pub contract: String,
    /// Who uses it.
    pub consumers: Vec<Consumes>,
    /// What it stands on and what stands on it.
    pub dependencies: Vec<Dependency>,
}

/// An operation that an interface offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// As grants name it.
    pub name: String,
    /// The HTTP method; empty where it is none.
    pub method: String,
    /// The path at the gateway.
    pub path: String,
}

/// A consumer of an interface.
#[derive(Clone, Debug, PartialEq)]
pub struct Consumes {
    /// Who.
    pub consumer: ConsumerName,
    /// Who answers for it.
    pub owner: Option<String>,
    /// By which lease; none where only the manifest is known.
    pub grant: Option<String>,
    /// Which operations.
    pub operations: Vec<String>,
    /// What for.
    pub purpose: Option<String>,
    /// Until when.
    pub until: Option<Timestamp>,
    /// When it was used last, where that is known.
    pub last_used: Option<Timestamp>,
}

impl Entry {
    /// Its state's word.
    pub fn state(&self) -> &'static str {
        self.lifecycle.as_str()
    }

    /// What is used in its place, where that is said.
    pub fn successor(&self) -> Option<&InterfaceRef> {
        match &self.lifecycle {
            Lifecycle::Deprecated(end) => end.successor.as_ref(),
            Lifecycle::Retired { successor } => successor.as_ref(),
            _ => None,
        }
        .map(|successor| &successor.value)
    }

    /// Its state in words: since when, until when, and what is used in its place.
    pub fn stands(&self) -> String {
        let next = self.successor().map_or_else(String::new, |next| format!("; use {next} instead"));
        match &self.lifecycle {
            Lifecycle::Deprecated(end) => {
                let sunset = end.sunset.map_or_else(String::new, |sunset| format!(", ends on {sunset}"));
                format!("deprecated since {}{sunset}{next}", end.since)
            }
            Lifecycle::Blocked { because: Some(because) } => format!("blocked: {because}"),
            other => format!("{}{next}", other.as_str()),
        }
    }

    /// Who is called when it fails.
    pub fn on_call(&self) -> &[String] {
        self.role("on_call")
    }

    /// The people of its team that have this role.
    pub fn role(&self, role: &str) -> &[String] {
        self.people.iter().find(|(name, _)| name == role).map(|(_, people)| people.as_slice()).unwrap_or_default()
    }
}

/// The whole catalogue, by name and version.
pub fn entries(fabric: &Fabric, known: Known<'_>) -> Vec<Entry> {
    fabric.interfaces.keys().filter_map(|reference| entry(fabric, reference, known)).collect()
}

/// What there is to know of one interface.
pub fn entry(fabric: &Fabric, reference: &InterfaceRef, known: Known<'_>) -> Option<Entry> {
    let interface = fabric.interfaces.get(reference)?;
    let owner = interface.owner.as_ref().map(|owner| owner.value.clone());
    let team = owner.as_ref().and_then(|owner| fabric.teams.get(owner));
    let roles = team.into_iter().flat_map(|team| &team.roles);
    Some(Entry {
        interface: reference.clone(),
        version: interface.version.to_string(),
        kind: interface.body.type_word(),
        description: interface.description.clone(),
        owner,
        people: roles.map(|(role, people)| (role.value.clone(), people.clone())).collect(),
        domain: fabric.governing(reference).unwrap_or_else(|| domain_of(&interface.place.file)),
        lifecycle: interface.lifecycle.clone(),
        classification: classification(interface),
        classes: fabric.classes_of(interface),
        slos: interface.slo.iter().map(promise).collect(),
        operations: offered(fabric, interface),
        events: told::told(fabric, interface),
        contract: contract(interface),
        consumers: consumers(fabric, reference, known),
        dependencies: dependencies(fabric, reference),
    })
}

fn classification(interface: &Interface) -> Vec<(&'static str, String)> {
    let Some(class) = &interface.classification else { return Vec::new() };
    let words = [
        ("criticality", Some(class.criticality.as_str().to_owned())),
        ("latency", class.latency.map(|latency| latency.as_str().to_owned())),
        ("rpo", class.recovery_point.map(spell)),
        ("rto", class.recovery_time.map(spell)),
        ("data", class.data.map(|data| data.as_str().to_owned())),
    ];
    words.into_iter().filter_map(|(word, value)| Some((word, value?))).collect()
}

/// A promise in words.
pub(crate) fn promise(slo: &Slo) -> String {
    let window = spell(slo.window);
    match &slo.objective {
        Objective::Availability(percent) => {
            format!("{}% of requests are answered, over {window}", percent.0.normalize())
        }
        Objective::Latency { quantile, under } => {
            let share = (quantile * rust_decimal::Decimal::ONE_HUNDRED).normalize();
            format!("{share}% of answers come within {}, over {window}", spell(*under))
        }
    }
}

/// Where an interface is reached at the gateway.
pub(crate) fn base(interface: &Interface) -> String {
    format!("/{}/v{}", interface.name, interface.version.major)
}

/// The operations of an interface, as grants name them.
pub(crate) fn offered(fabric: &Fabric, interface: &Interface) -> Vec<Offered> {
    let base = base(interface);
    let one =
        |name: &str, method: &str, path: String| Offered { name: name.to_owned(), method: method.to_owned(), path };
    match &interface.body {
        InterfaceBody::Api(Api::Mediated(serves)) => {
            let all = format!("{base}/{}", serves.object.value.name.plural());
            let operations = serves.operations.iter().map(|operation| match operation.value {
                Operation::List => one("list", "GET", all.clone()),
                Operation::Create => one("create", "POST", all.clone()),
                Operation::Get => one("get", "GET", format!("{all}/{{id}}")),
                Operation::Update => one("update", "PATCH", format!("{all}/{{id}}")),
                verb => one(verb.as_str(), "POST", format!("{all}/{{id}}/{verb}")),
            });
            operations.collect()
        }
        InterfaceBody::Api(Api::Direct { openapi, .. }) => {
            let contract = fabric.contracts.get(&openapi.value);
            let operations = contract.into_iter().flat_map(|contract| &contract.operations);
            operations.map(|it| one(&it.id, &it.method, format!("{base}{}", it.path))).collect()
        }
        InterfaceBody::Event(_) => {
            let [publish, read, subscribe] = EVENT_OPERATIONS;
            let events = format!("{base}/events");
            vec![one(publish, "POST", events.clone()), one(read, "GET", events), one(subscribe, "", String::new())]
        }
        InterfaceBody::Webhook(_) => vec![one("call", "POST", base)],
        InterfaceBody::File(_) | InterfaceBody::Flow => Vec::new(),
    }
}

fn contract(interface: &Interface) -> String {
    let name = interface.reference();
    match &interface.body {
        InterfaceBody::Api(Api::Mediated(_)) => format!("selvage openapi {name}"),
        InterfaceBody::Api(Api::Direct { openapi, .. }) => openapi.value.clone(),
        InterfaceBody::Event(_) | InterfaceBody::Webhook(_) => format!("selvage asyncapi {name}"),
        InterfaceBody::File(_) | InterfaceBody::Flow => "its manifest".to_owned(),
    }
}

fn consumers(fabric: &Fabric, reference: &InterfaceRef, known: Known<'_>) -> Vec<Consumes> {
    let owner = |consumer: &ConsumerName| fabric.consumers.get(consumer).map(|it| it.owner.value.clone());
    let Some(live) = known.grants else {
        let asked = fabric.grants.iter().filter(|grant| &grant.interface.value == reference);
        let consumes = asked.map(|grant| Consumes {
            consumer: grant.consumer.value.clone(),
            owner: owner(&grant.consumer.value),
            grant: None,
            operations: grant.operations.iter().map(|operation| operation.value.clone()).collect(),
            purpose: grant.purpose.clone(),
            until: grant.until.as_ref().map(|until| until.value),
            last_used: None,
        });
        return consumes.collect();
    };
    let alive = live.iter().filter(|grant| &grant.interface == reference && grant.ended.is_none());
    let last = |grant: &LiveGrant| known.last_used?.get(&Used::Grant(grant.id.clone())).copied();
    let consumes = alive.map(|grant| Consumes {
        consumer: grant.consumer.clone(),
        owner: owner(&grant.consumer),
        grant: Some(grant.id.clone()),
        operations: grant.terms.operations.clone(),
        purpose: grant.terms.purpose.clone(),
        until: grant.terms.until,
        last_used: last(grant),
    });
    let mut consumes: Vec<Consumes> = consumes.collect();
    consumes.sort_by(|a, b| (&a.consumer, &a.grant).cmp(&(&b.consumer, &b.grant)));
    consumes
}
