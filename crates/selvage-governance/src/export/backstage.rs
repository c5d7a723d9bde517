//! Backstage entities: teams and boards as groups, domains, systems, applications as components, interfaces as APIs with their contracts,
//! objects as resources. Who uses what is in their relations.

use std::collections::{BTreeMap, BTreeSet};

use selvage_model::domain::domain_of;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::{Interface, InterfaceBody, Lifecycle};
use selvage_model::manifest::organisation::Domain;
use selvage_model::name::{DomainName, InterfaceRef};
use serde_json::{Map, Value, json};

use super::{Contract, contract, fitting, name_of};
use crate::catalogue::{Known, entry};

/// Every entity, in the order of reading: groups, domains, systems, components, APIs, resources. `server` is where consumers call.
pub fn entities(fabric: &Fabric, server: &str) -> Vec<Value> {
    let mut entities = groups(fabric);
    entities.extend(domains(fabric));
    entities.extend(systems(fabric));
    entities.extend(components(fabric));
    entities.extend(fabric.interfaces.iter().filter_map(|(reference, it)| api(fabric, reference, it, server)));
    entities.extend(resources(fabric));
    entities
}

fn entity(kind: &str, metadata: &Value, spec: &Value) -> Value {
    json!({"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec})
}

fn metadata(name: &str, title: &str, description: Option<&str>) -> Value {
    let mut metadata = json!({"name": fitting(name), "title": title});
    if let (Some(members), Some(description)) = (metadata.as_object_mut(), description) {
        members.insert("description".to_owned(), description.into());
    }
    metadata
}

fn group(name: &str) -> String {
    format!("group:default/{}", fitting(name))
}

/// A board beside the teams: no team may be called so, as a team's name has no dot.
fn board_name(domain: &DomainName) -> String {
    fitting(&format!("{domain}.board"))
}

fn groups(fabric: &Fabric) -> Vec<Value> {
    let people = |all: Vec<&String>| {
        let once: BTreeSet<String> = all.into_iter().map(|person| format!("user:default/{person}")).collect();
        once
    };
    let teams = fabric.teams.values().map(|team| {
        let members = people(team.roles.iter().flat_map(|(_, people)| people).collect());
        let spec = json!({"type": "team", "children": [], "members": members});
        entity("Group", &metadata(team.name.as_str(), team.name.as_str(), None), &spec)
    });
    let boards = governed(fabric).into_iter().map(|(name, domain)| {
        let seats = domain.into_iter().flat_map(|domain| &domain.board);
        let members = people(seats.flat_map(|(_, people)| people).collect());
        let title = format!("The board of {name}");
        let spec = json!({"type": "board", "children": [], "members": members});
        entity("Group", &metadata(&board_name(&name), &title, None), &spec)
    });
    teams.chain(boards).collect()
}

/// The domains that are declared, and those that govern something.
fn governed(fabric: &Fabric) -> BTreeMap<DomainName, Option<&Domain>> {
    let mut domains: BTreeMap<DomainName, Option<&Domain>> =
        fabric.interfaces.keys().filter_map(|it| fabric.governing(it)).map(|name| (name, None)).collect();
    domains.insert(DomainName::group(), None);
    domains.extend(fabric.domains.values().map(|domain| (domain.name.clone(), Some(domain))));
    domains
}

fn domains(fabric: &Fabric) -> Vec<Value> {
    let all = governed(fabric).into_keys();
    let one = |name: DomainName| {
        let spec = json!({"owner": group(&board_name(&name)), "type": "selvage-domain"});
        entity("Domain", &metadata(name.as_str(), name.as_str(), None), &spec)
    };
    all.map(one).collect()
}

fn systems(fabric: &Fabric) -> Vec<Value> {
    let one = |system: &selvage_model::manifest::system::System| {
        let domain = format!("domain:default/{}", fitting(domain_of(&system.place.file).as_str()));
        let spec = json!({"owner": group(system.owner.value.as_str()), "domain": domain, "type": "application"});
        entity("System", &metadata(system.name.as_str(), system.name.as_str(), None), &spec)
    };
    fabric.systems.values().map(one).collect()
}

/// Applications: systems with the interfaces that are theirs, consumers with those that they are granted. One that is both is one.
fn components(fabric: &Fabric) -> Vec<Value> {
    let mut provides: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut consumes: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let reference = |interface: &InterfaceRef| format!("api:default/{}", name_of(interface));
    for (name, interface) in &fabric.interfaces {
        if let Some(system) = interface.system() {
            provides.entry(system.as_str()).or_default().insert(reference(name));
        }
    }
    for grant in fabric.grants.iter().filter(|grant| fabric.interfaces.contains_key(&grant.interface.value)) {
        consumes.entry(grant.consumer.value.as_str()).or_default().insert(reference(&grant.interface.value));
    }
    let systems = fabric.systems.values().map(|system| (system.name.as_str(), system.owner.value.as_str(), true));
    let consumers = fabric.consumers.values().map(|it| (it.name.as_str(), it.owner.value.as_str(), false));
    let mut known: BTreeMap<&str, (&str, bool)> =
        consumers.map(|(name, owner, system)| (name, (owner, system))).collect();
    known.extend(systems.map(|(name, owner, system)| (name, (owner, system))));
    let one = |(name, (owner, is_system)): (&str, (&str, bool))| {
        let mut spec = json!({"type": "service", "lifecycle": "production", "owner": owner_of(fabric, owner)});
        if let Some(members) = spec.as_object_mut() {
            if is_system {
                members.insert("system".to_owned(), format!("system:default/{}", fitting(name)).into());
            }
            let all = [("providesApis", provides.get(name)), ("consumesApis", consumes.get(name))];
            members.extend(all.into_iter().filter_map(|(member, apis)| Some((member.to_owned(), json!(apis?)))));
        }
        entity("Component", &metadata(name, name, None), &spec)
    };
    known.into_iter().map(one).collect()
}

/// A consumer is owned by a team, or by a domain: then its board is who answers.
fn owner_of(fabric: &Fabric, owner: &str) -> String {
    let is_team = fabric.teams.keys().any(|team| team.as_str() == owner);
    match owner.parse::<DomainName>() {
        Ok(domain) if !is_team && governed(fabric).contains_key(&domain) => group(&board_name(&domain)),
        _ => group(owner),
    }
}

/// An interface; none where nobody owns it, since an API has an owner.
fn api(fabric: &Fabric, reference: &InterfaceRef, interface: &Interface, server: &str) -> Option<Value> {
    let owner = interface.owner.as_ref()?;
    let known = entry(fabric, reference, Known::default())?;
    let (kind, definition) = definition(fabric, reference, interface, server)?;
    let mut metadata = metadata(&name_of(reference), &reference.to_string(), interface.description.as_deref());
    let mut annotations = Map::new();
    let mut note = |word: &str, value: String| {
        annotations.insert(format!("selvage/{word}"), value.into());
    };
    note("interface", reference.to_string());
    note("version", known.version.clone());
    note("state", known.stands());
    note("domain", known.domain.to_string());
    known.classification.iter().for_each(|(word, value)| note(word, value.clone()));
    if let Some(members) = metadata.as_object_mut() {
        members.insert("annotations".to_owned(), annotations.into());
        members.insert("tags".to_owned(), tags(interface).into());
    }
    let mut spec = json!({
        "type": kind, "lifecycle": lifecycle(&interface.lifecycle), "owner": group(owner.value.as_str()), "definition": definition,
    });
    if let (Some(members), Some(system)) = (spec.as_object_mut(), interface.system()) {
        members.insert("system".to_owned(), format!("system:default/{}", fitting(system.as_str())).into());
    }
    Some(entity("API", &metadata, &spec))
}

fn tags(interface: &Interface) -> Vec<String> {
    let class = interface.classification.as_ref();
    let words = [
        Some(interface.body.type_word()),
        class.map(|class| class.criticality.as_str()),
        class.and_then(|class| class.latency).map(|latency| latency.as_str()),
        class.and_then(|class| class.data).map(|data| data.as_str()),
    ];
    words.into_iter().flatten().map(str::to_owned).collect()
}

/// The three words that Backstage knows.
fn lifecycle(lifecycle: &Lifecycle) -> &'static str {
    match lifecycle {
        Lifecycle::Draft => "experimental",
        Lifecycle::Active | Lifecycle::Blocked { .. } => "production",
        Lifecycle::Deprecated(_) | Lifecycle::Retired { .. } => "deprecated",
    }
}

/// The contract, and what it is written in.
fn definition(
    fabric: &Fabric,
    reference: &InterfaceRef,
    interface: &Interface,
    server: &str,
) -> Option<(&'static str, String)> {
    match &interface.body {
        InterfaceBody::File(_) | InterfaceBody::Flow => {
            Some((interface.body.type_word(), format!("{reference} is declared in {}", interface.place.file)))
        }
        _ => contract(fabric, reference, server).map(|Contract { kind, text }| (kind, text)),
    }
}

fn resources(fabric: &Fabric) -> Vec<Value> {
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (reference, interface) in fabric.interfaces.iter().filter(|(_, interface)| interface.owner.is_some()) {
        for object in interface.objects() {
            used.entry(object.to_string()).or_default().insert(format!("api:default/{}", name_of(reference)));
        }
    }
    // What ships and nobody uses is not of this catalogue.
    let known = fabric.objects.iter().filter_map(|(name, object)| Some((name, object, used.get(&name.to_string())?)));
    let one =
        |(name, object, used): (&selvage_model::name::ObjectRef, &selvage_model::manifest::object::Object, &_)| {
            let metadata =
                metadata(&format!("{}-v{}", name.name, name.major), &name.to_string(), object.description.as_deref());
            let spec =
                json!({"type": "business-object", "owner": group(object.owner.value.as_str()), "dependencyOf": used});
            entity("Resource", &metadata, &spec)
        };
    let schemas = schemas(fabric);
    known.map(one).chain(schemas).collect()
}

/// What events carry by a schema of their own, beside the objects.
fn schemas(fabric: &Fabric) -> Vec<Value> {
    let mut found = Vec::new();
    for (reference, interface) in &fabric.interfaces {
        let (Some(owner), InterfaceBody::Event(event)) = (&interface.owner, &interface.body) else { continue };
        for (event, file) in event.events.iter().filter_map(|it| Some((it, it.schema()?))) {
            let name = format!("{}.{}", name_of(reference), event.name.value);
            let about = format!("What events {} carry: the JSON Schema {}.", event.name.value, file.value);
            let used = [format!("api:default/{}", name_of(reference))];
            let spec = json!({"type": "event-schema", "owner": group(owner.value.as_str()), "dependencyOf": used});
            found.push(entity("Resource", &metadata(&name, &event.name.value, Some(&about)), &spec));
        }
    }
    found
}
