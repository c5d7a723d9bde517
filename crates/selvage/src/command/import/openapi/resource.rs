//! What the paths of a contract are about: a collection and its items are a resource, which an object may stand for. Told by how paths
//! are built and what is answered; a path that is neither is left to people.

use std::collections::BTreeMap;

use selvage_model::manifest::api;
use serde_json::Value;

use super::contract::Operation;
use super::naming;
use super::note::Notes;
use super::pointer;
use super::schema::{self, Form, Member, View};

/// Members of an answer that hold its elements, or the one thing that it is about.
const ELEMENTS: &[&str] =
    &["items", "data", "results", "value", "records", "rows", "entries", "content", "item", "result"];
const STATUSES: &[&str] = &["200", "201", "2XX", "2xx", "default"];
/// Names of what identifies a thing, the likeliest first.
const IDENTITIES: &[&str] = &["code", "number", "sku", "id", "key", "uuid"];
/// Resources of one import.
const MOST_RESOURCES: usize = 500;
/// References that are followed one after another.
const MOST_HOPS: usize = 32;

/// A resource.
pub(super) struct Resource {
    /// The object's name.
    pub(super) name: String,
    /// Where its schema stands.
    pub(super) pointer: String,
    /// The path of the collection.
    pub(super) collection: String,
    /// The parameter that names one of them.
    pub(super) key: Option<String>,
    /// What can be done, in words of interfaces.
    pub(super) operations: Vec<api::Operation>,
    /// What looks like a verb: its word, and the operation.
    pub(super) verbs: Vec<(api::Operation, String)>,
    /// The operations that it is told by: their ids, and where they stand.
    pub(super) sources: Vec<(String, String)>,
    /// Where the schemas of what is written stand.
    pub(super) bodies: Vec<String>,
}

/// What a path was seen to answer.
struct Seen {
    pointer: String,
    component: Option<String>,
    key: Option<String>,
    is_item: bool,
}

/// Finds the resources. What belongs to none is noted where `all_count` says that it is lost.
pub(super) fn find(document: &Value, operations: &[Operation], notes: &mut Notes, all_count: bool) -> Vec<Resource> {
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    for operation in operations.iter().filter(|operation| operation.method == "get") {
        let Some((collection, what)) = answered(document, operation) else { continue };
        match seen.get(&collection) {
            Some(known) if known.is_item || !what.is_item => {}
            _ => drop(seen.insert(collection, what)),
        }
    }
    let mut resources: Vec<Resource> = Vec::new();
    // The shortest way to a thing is its own.
    let mut ways: Vec<(String, Seen)> = seen.into_iter().collect();
    ways.sort_by_key(|(collection, _)| (collection.matches('{').count(), collection.len()));
    for (collection, what) in ways {
        if let Some(known) = resources.iter().find(|known| known.pointer == what.pointer) {
            notes.hint(format!("another way to `{}`", known.name), pointer::join("/paths", &collection));
            continue;
        }
        if resources.len() >= MOST_RESOURCES {
            notes.left_out(format!("more than {MOST_RESOURCES} resources"), what.pointer);
            continue;
        }
        let Some(name) = name(&collection, &what, &resources) else {
            notes.left_out("a resource that has no name of its own", what.pointer);
            continue;
        };
        let Seen { pointer, key, .. } = what;
        let (operations, verbs, sources, bodies) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        resources.push(Resource { name, pointer, collection, key, operations, verbs, sources, bodies });
    }
    for operation in operations {
        if !assign(document, operation, &mut resources) && all_count {
            let text = "an operation that is no list, get, create, update or archive of an object";
            notes.left_out(text, operation.pointer.clone());
        }
    }
    resources.sort_by(|a, b| a.name.cmp(&b.name));
    resources
}

/// The object's name: its schema's, or else its path's; a name that is not taken.
fn name(collection: &str, what: &Seen, resources: &[Resource]) -> Option<String> {
    let of_schema = what.component.as_deref().and_then(naming::object);
    let last = collection.split('/').rfind(|segment| !segment.is_empty() && !segment.starts_with('{'));
    let of_path = last.and_then(|last| {
        let mut words = naming::words(last);
        if let Some(last) = words.last_mut() {
            *last = naming::singular(last);
        }
        naming::thing(&words)
    });
    let is_free = |name: &String| !resources.iter().any(|resource| resource.name == *name);
    [of_schema, of_path].into_iter().flatten().find(is_free)
}

/// What a `GET` answers: the collection it belongs to, and the schema of one.
fn answered(document: &Value, operation: &Operation) -> Option<(String, Seen)> {
    let (schema, at) = answer(document, &operation.pointer)?;
    let view = schema::view(document, schema, &at).ok()?;
    let segments = operation.segments();
    let key = segments.last().and_then(|last| last.strip_prefix('{')?.strip_suffix('}'));
    let last = segments.iter().rfind(|segment| !segment.starts_with('{')).copied().unwrap_or_default();
    if let Some(key) = key {
        let collection = operation.path.rsplit_once('/').map_or("", |(collection, _)| collection);
        let one = unwrapped(document, view, last);
        let seen = is_object(document, &one).then(|| of_view(one, Some(key), true))?;
        return Some((trimmed(collection), seen));
    }
    let element = element(document, &view, last)?;
    is_object(document, &element).then(|| (trimmed(&operation.path), of_view(element, None, false)))
}

fn of_view(view: View<'_>, key: Option<&str>, is_item: bool) -> Seen {
    Seen { pointer: view.place, component: view.component, key: key.map(str::to_owned), is_item }
}

fn trimmed(path: &str) -> String {
    let path = path.trim_end_matches('/');
    if path.is_empty() { "/".to_owned() } else { path.to_owned() }
}

fn is_object(document: &Value, view: &View<'_>) -> bool {
    view.form() == Form::Object && !schema::members(document, view).list.is_empty()
}

/// The elements of a list, be it the answer itself or a member of it.
fn element<'d>(document: &'d Value, view: &View<'d>, last: &str) -> Option<View<'d>> {
    if view.form() == Form::Array {
        return items(document, view);
    }
    let members = schema::members(document, view).list;
    let own = naming::words(last);
    let holds = |name: &str| ELEMENTS.contains(&name) || (!own.is_empty() && naming::words(name) == own);
    members.iter().filter(|member| holds(member.name)).find_map(|member| {
        let inner = schema::view(document, member.schema, &member.pointer).ok()?;
        if inner.form() == Form::Array { items(document, &inner) } else { None }
    })
}

fn items<'d>(document: &'d Value, list: &View<'d>) -> Option<View<'d>> {
    schema::view(document, list.schema.get("items")?, &pointer::join(&list.pointer, "items")).ok()
}

/// The one thing inside an answer that only wraps it.
fn unwrapped<'d>(document: &'d Value, view: View<'d>, last: &str) -> View<'d> {
    let members = schema::members(document, &view).list;
    let own = naming::singular(&last.to_lowercase());
    let holds = |name: &str| ELEMENTS.contains(&name) || name.to_lowercase() == own;
    let inner = members.iter().filter(|member| holds(member.name) && members.len() <= 3).find_map(|member| {
        let inner = schema::view(document, member.schema, &member.pointer).ok()?;
        is_object(document, &inner).then_some(inner)
    });
    inner.unwrap_or(view)
}

/// The schema of a good answer in JSON.
fn answer<'d>(document: &'d Value, operation: &str) -> Option<(&'d Value, String)> {
    let responses = document.pointer(operation)?.get("responses")?;
    let status = STATUSES.iter().find(|status| responses.get(**status).is_some())?;
    let at = format!("{operation}/responses/{status}");
    let (response, at) = followed(document, responses.get(*status)?, at)?;
    json_schema(response, &at)
}

/// The schema of a request's body in JSON.
fn body<'d>(document: &'d Value, operation: &str) -> Option<(&'d Value, String)> {
    let body = document.pointer(operation)?.get("requestBody")?;
    let (body, at) = followed(document, body, format!("{operation}/requestBody"))?;
    json_schema(body, &at)
}

fn json_schema<'d>(holder: &'d Value, at: &str) -> Option<(&'d Value, String)> {
    let content = holder.get("content")?.as_object()?;
    let is_json = |media: &str| {
        let media = media.split(';').next().unwrap_or_default().trim();
        media == "application/json" || media.ends_with("+json") || media == "*/*"
    };
    let (media, value) = content.iter().find(|(media, value)| is_json(media) && value.get("schema").is_some())?;
    let at = pointer::join(&pointer::join(at, "content"), media);
    Some((value.get("schema")?, format!("{at}/schema")))
}

/// What a reference that is no schema's leads to.
pub(super) fn followed<'d>(document: &'d Value, value: &'d Value, at: String) -> Option<(&'d Value, String)> {
    let (mut value, mut at) = (value, at);
    for _ in 0..MOST_HOPS {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return Some((value, at)) };
        at = pointer::decoded(reference.strip_prefix('#')?);
        value = document.pointer(&at)?;
    }
    None
}

/// Where the schema of what an operation writes stands, without what only wraps it.
fn written(document: &Value, operation: &Operation, collection: &str) -> Option<String> {
    let (schema, at) = body(document, &operation.pointer)?;
    let view = schema::view(document, schema, &at).ok()?;
    let last = collection.rsplit('/').next().unwrap_or_default();
    Some(unwrapped(document, view, last).place)
}

/// Gives the operation to the resource that it is of.
fn assign(document: &Value, operation: &Operation, resources: &mut [Resource]) -> bool {
    let path = trimmed(&operation.path);
    let method = operation.method.as_str();
    for resource in resources {
        let rest = match resource.collection.as_str() {
            "/" => path.strip_prefix('/'),
            collection if path == collection => Some(""),
            collection => path.strip_prefix(collection).and_then(|rest| rest.strip_prefix('/')),
        };
        let Some(rest) = rest else { continue };
        let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
        let is_key = |part: &str| part.starts_with('{');
        let (word, verb) = match (method, parts.as_slice()) {
            ("get", []) => (Some(api::Operation::List), None),
            ("post", []) => (Some(api::Operation::Create), None),
            ("get", [key]) if is_key(key) => (Some(api::Operation::Get), None),
            ("put" | "patch", [key]) if is_key(key) => (Some(api::Operation::Update), None),
            ("delete", [key]) if is_key(key) => (Some(api::Operation::Archive), None),
            ("post" | "put", [key, verb]) if is_key(key) => (None, verb.parse::<api::Operation>().ok()),
            _ => (None, None),
        };
        if word.is_some() || verb.is_some() {
            resource.sources.push((operation.id.clone(), operation.pointer.clone()));
        }
        if let Some(word) = word {
            if !resource.operations.contains(&word) {
                resource.operations.push(word);
            }
            if matches!(word, api::Operation::Create | api::Operation::Update) {
                resource.bodies.extend(written(document, operation, &resource.collection));
            }
            resource.operations.sort();
            return true;
        }
        if let Some(verb) = verb {
            resource.verbs.push((verb, operation.words()));
            return true;
        }
    }
    false
}

/// The member by which one of a resource is known: the one that its path names, or one with a usual name.
pub(super) fn identity<'d>(resource: &Resource, members: &[Member<'d>]) -> Option<&'d str> {
    let plain = |text: &str| naming::words(text).concat();
    let own = resource.name.replace('-', "");
    let find = |wanted: &str| members.iter().find(|it| plain(it.name) == wanted).map(|it| it.name);
    let key = resource.key.as_deref().map(plain);
    let by_path = key.as_deref().and_then(|key| find(key).or_else(|| find(key.strip_prefix(&own)?)));
    let usual = IDENTITIES.iter().find_map(|name| find(name).or_else(|| find(&format!("{own}{name}"))));
    by_path.or(usual)
}
