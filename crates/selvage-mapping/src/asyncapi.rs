//! The contract of event interfaces and webhooks as AsyncAPI 3.0: where events come in and go out, what they look like, what orders
//! them and how long they are kept. Made of the manifests alone and always in the same order; it says nothing of who subscribes.

mod channel;
mod data;
mod message;
mod pull;
mod security;
mod webhook;

use std::fmt;
use std::str::FromStr;

use selvage_model::fabric::Fabric;
use selvage_model::manifest::interface::{Interface, InterfaceBody, Lifecycle};
use selvage_model::name::InterfaceRef;
use serde_json::{Map, Value, json};

use crate::openapi::schema;
use crate::openapi::{NoContract, attribute, drop_unused};

/// Where the contract's paths are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    protocol: &'static str,
    host: String,
    base: String,
}

impl FromStr for Server {
    type Err = String;
    fn from_str(url: &str) -> Result<Self, String> {
        let schemes = [("https://", "https"), ("http://", "http")];
        let found = schemes.into_iter().find_map(|(prefix, protocol)| Some((url.strip_prefix(prefix)?, protocol)));
        let wrong = || format!("`{url}` is no address: write `https://api.example.com`");
        let (rest, protocol) = found.ok_or_else(wrong)?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if host.is_empty() || url.contains(['?', '#', '@', ' ', '{']) {
            return Err(wrong());
        }
        let base = path.trim_end_matches('/');
        let base = if base.is_empty() { String::new() } else { format!("/{base}") };
        Ok(Self { protocol, host: host.to_owned(), base })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.protocol, self.host, self.base)
    }
}

/// What the contract is made of while it is made.
#[derive(Debug, Default)]
struct Parts {
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
    schemas: Map<String, Value>,
    schemes: Map<String, Value>,
}

/// One interface of the contract.
#[derive(Clone, Copy)]
struct Described<'f> {
    fabric: &'f Fabric,
    interface: &'f Interface,
}

impl Described<'_> {
    /// `work-order-events.v1`: begins the names of all that is the interface's.
    fn key(self) -> String {
        format!("{}.v{}", self.interface.name, self.interface.version.major)
    }

    /// `/work-order-events/v1`.
    fn path(self) -> String {
        format!("/{}/v{}", self.interface.name, self.interface.version.major)
    }

    /// What it is, and where it is in its life.
    fn about(self) -> String {
        let interface = self.interface;
        let about = interface.description.clone().unwrap_or_else(|| format!("The interface {}.", interface.name));
        format!("{about}{}", life(&interface.lifecycle))
    }

    /// What governs it, for tools that look.
    fn governed(self) -> Map<String, Value> {
        let interface = self.interface;
        let mut members = Map::new();
        members.insert("interface".to_owned(), interface.reference().to_string().into());
        members.insert("version".to_owned(), interface.version.to_string().into());
        if let Some(owner) = &interface.owner {
            members.insert("owner".to_owned(), owner.value.as_str().into());
        }
        members.insert("lifecycle".to_owned(), interface.lifecycle.as_str().into());
        if let Some(classification) = &interface.classification {
            members.insert("criticality".to_owned(), classification.criticality.as_str().into());
            if let Some(data) = classification.data {
                members.insert("data".to_owned(), data.as_str().into());
            }
        }
        members
    }
}

/// The sentence about where an interface is in its life; nothing where it is active.
fn life(lifecycle: &Lifecycle) -> String {
    let instead =
        |successor: Option<String>| successor.map_or_else(String::new, |name| format!("; use {name} instead"));
    match lifecycle {
        Lifecycle::Active => String::new(),
        Lifecycle::Draft => "\n\nA draft: it is not served.".to_owned(),
        Lifecycle::Deprecated(end) => {
            let sunset = end.sunset.map_or_else(String::new, |sunset| format!("; it ends on {sunset}"));
            let successor = end.successor.as_ref().map(ToString::to_string);
            format!("\n\nDeprecated since {}{sunset}{}.", end.since, instead(successor))
        }
        Lifecycle::Retired { successor } => {
            format!("\n\nRetired{}.", instead(successor.as_ref().map(ToString::to_string)))
        }
        Lifecycle::Blocked { .. } => "\n\nBlocked.".to_owned(),
    }
}

/// The event interfaces and webhooks that traffic meets.
pub fn served(fabric: &Fabric) -> Vec<InterfaceRef> {
    let is_served = |interface: &&Interface| {
        matches!(interface.body, InterfaceBody::Event(_) | InterfaceBody::Webhook(_))
            && matches!(interface.lifecycle, Lifecycle::Active | Lifecycle::Deprecated(_))
    };
    fabric.interfaces.values().filter(is_served).map(Interface::reference).collect()
}

/// The contract of these interfaces as an AsyncAPI 3.0 document, to be called at this address, where one is known.
///
/// # Errors
/// When one of them is neither an event interface nor a webhook, or an object that it carries is not declared.
pub fn document(fabric: &Fabric, interfaces: &[InterfaceRef], server: Option<&Server>) -> Result<Value, NoContract> {
    let mut parts = Parts::default();
    for reference in interfaces {
        let interface = fabric.interfaces.get(reference).ok_or_else(|| NoContract::Undeclared(reference.clone()))?;
        let described = Described { fabric, interface };
        match &interface.body {
            InterfaceBody::Event(event) => channel::describe(described, event, &mut parts)?,
            InterfaceBody::Webhook(hook) => webhook::describe(described, hook, &mut parts)?,
            _ => return Err(NoContract::Synchronous(reference.clone())),
        }
    }
    parts.schemas.extend(message::envelopes());
    parts.schemas.extend(attribute::code_sets(fabric));
    parts.schemas.extend(schema::fixed().into_iter().map(|(name, schema)| (name.to_owned(), schema)));
    parts.schemes.sort_keys();
    let mut document = json!({
        "asyncapi": "3.0.0",
        "info": info(fabric, interfaces),
        "defaultContentType": message::STRUCTURED,
        "servers": servers(server),
        "channels": parts.channels,
        "operations": parts.operations,
        "components": {
            "securitySchemes": parts.schemes,
            "messages": parts.messages,
            "schemas": parts.schemas,
        },
    });
    if let (None, Some(members)) = (server, document.as_object_mut()) {
        members.shift_remove("servers");
    }
    drop_unused(&mut document);
    Ok(document)
}

fn info(fabric: &Fabric, interfaces: &[InterfaceRef]) -> Value {
    let one = match interfaces {
        [one] => fabric.interfaces.get(one),
        _ => None,
    };
    let license = json!({"name": "By grant"});
    if let Some(interface) = one {
        let described = Described { fabric, interface };
        let mut info = json!({
            "title": interface.name.as_str(),
            "version": interface.version.to_string(),
            "description": described.about(),
            "license": license,
        });
        if let (Some(owner), Some(members)) = (&interface.owner, info.as_object_mut()) {
            members.insert("contact".to_owned(), json!({"name": owner.value.as_str()}));
        }
        return info;
    }
    let name = fabric.settings.as_ref().map_or("fabric", |settings| settings.name.as_str());
    json!({
        "title": name,
        "version": "1.0",
        "description": format!("The event interfaces and webhooks of {name}, each in its own version."),
        "license": license,
    })
}

fn servers(server: Option<&Server>) -> Value {
    let Some(Server { protocol, host, base }) = server else { return Value::Null };
    let mut node = json!({"host": host, "protocol": protocol, "description": "The gateway."});
    if let (false, Some(members)) = (base.is_empty(), node.as_object_mut()) {
        members.insert("pathname".to_owned(), base.as_str().into());
    }
    json!({"gateway": node})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_servers() {
        for (url, expected) in [
            ("https://api.example.com", Some(("https", "api.example.com", ""))),
            ("http://127.0.0.1:8080/", Some(("http", "127.0.0.1:8080", ""))),
            ("https://example.com/edge/a/", Some(("https", "example.com", "/edge/a"))),
            ("api.example.com", None),
            ("https://", None),
            ("https://user@example.com", None),
            ("https://example.com/?a=b", None),
        ] {
            let read = url.parse::<Server>().ok();
            let read = read.as_ref().map(|server| (server.protocol, server.host.as_str(), server.base.as_str()));
            assert_eq!(read, expected, "{url}");
        }
    }
}
