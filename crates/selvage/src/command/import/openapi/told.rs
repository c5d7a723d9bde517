//! What of a contract is for people: how callers prove who they are, where it is served, what the check will say once the interface is
//! active. Nothing here decides anything.

use std::sync::Arc;

use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::show;
use selvage_model::openapi::Contract;
use selvage_model::read::{self, Sources};
use selvage_model::scalar;
use serde_json::Value;

use super::Refusal;
use super::contract::Operation;
use super::note::Notes;
use super::{naming, pointer, resource};

/// How the contract's callers prove who they are, in words of consumers.
pub(super) fn security(document: &Value, notes: &mut Notes) {
    let schemes = document.pointer("/components/securitySchemes").and_then(Value::as_object);
    for (name, scheme) in schemes.into_iter().flatten() {
        let text = |field: &str| scheme.get(field).and_then(Value::as_str).unwrap_or_default();
        let hint = match (text("type"), text("scheme").to_lowercase().as_str(), text("in")) {
            ("apiKey", _, "header") | ("http", "bearer", _) => {
                "callers have a key or a token: consumers have `identity: api_key`, or `oidc` with a `kind: Issuer`"
            }
            ("apiKey", ..) => {
                "callers write a key into the address or a cookie: consumers of Selvage send theirs in a header"
            }
            ("http", "basic", _) => "callers send a password: consumers of Selvage have keys, tokens or certificates",
            ("oauth2", ..) => "callers get tokens by OAuth 2: consumers have `identity: oauth`, by a `kind: Issuer`",
            ("openIdConnect", ..) => {
                "callers have tokens of an OpenID provider: declare it as `kind: Issuer`, consumers as `oidc`"
            }
            ("mutualTLS", ..) => "callers have certificates: consumers have `identity: {mtls: {subject: …}}`",
            _ => "a security scheme that is not known here",
        };
        notes.hint(hint, pointer::join("/components/securitySchemes", name));
    }
}

/// What else stands in the document and goes into no draft.
pub(super) fn beside_paths(document: &Value, operations: &[Operation], notes: &mut Notes) {
    let webhooks = document.get("webhooks").and_then(Value::as_object);
    for (name, _) in webhooks.into_iter().flatten() {
        let text = "a webhook: `selvage new event-interface NAME` begins an interface of events";
        notes.left_out(text, pointer::join("/webhooks", name));
    }
    for operation in operations {
        let at = document.pointer(&operation.pointer);
        if at.and_then(|it| it.get("callbacks")).is_some() {
            notes.left_out(
                "callbacks: what the system calls back is another interface",
                format!("{}/callbacks", operation.pointer),
            );
        }
        let item = operation.pointer.rsplit_once('/').map_or("", |(item, _)| item);
        let servers =
            [operation.pointer.as_str(), item].map(|at| document.pointer(at).and_then(|it| it.get("servers")));
        if servers.iter().any(Option::is_some) {
            notes.left_out("servers of its own: all operations go to one upstream", operation.pointer.clone());
        }
    }
}

/// Where the contract is served.
#[derive(Default)]
pub(super) struct Server {
    /// The fabric's system at that address.
    pub(super) system: Option<String>,
    /// The path there.
    pub(super) path: String,
}

/// Where the first of the contract's servers is, as far as it can be said in a manifest.
pub(super) fn server(document: &Value, fabric: &Fabric, notes: &mut Notes) -> Server {
    let servers = document.get("servers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let Some(first) = servers.first() else {
        notes.hint("no server is named: `upstream.path` says below which path of the system its paths are", "/servers");
        return Server { system: None, path: "/".to_owned() };
    };
    if servers.len() > 1 {
        notes.hint("other servers than the first: environments of the system say where each is", "/servers");
    }
    let url = substituted(first);
    let (authority, path) = match url.split_once("://") {
        Some((_, rest)) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", url.as_str()),
    };
    let (system, below) = known_system(fabric, authority, path).unwrap_or_default();
    let path = if system.is_some() { below } else { path.to_owned() };
    let path = path.trim_end_matches('/');
    let is_plain = path.is_empty()
        || (path.starts_with('/') && scalar::url(&format!("http://host{path}")).is_some() && !path.contains("/.."));
    if !is_plain {
        notes.left_out("the path of a server that is none of a manifest", "/servers/0/url");
    }
    let path = if path.is_empty() || !is_plain { "/".to_owned() } else { path.to_owned() };
    Server { system, path }
}

/// The address with its variables as they are by default.
fn substituted(server: &Value) -> String {
    let mut url = server.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
    let variables = server.get("variables").and_then(Value::as_object);
    for (name, variable) in variables.into_iter().flatten() {
        let default = variable.get("default").and_then(Value::as_str).unwrap_or_default();
        url = url.replace(&format!("{{{name}}}"), default);
    }
    url
}

/// The one system of the fabric that is at this address, and the path below its own.
fn known_system(fabric: &Fabric, authority: &str, path: &str) -> Option<(Option<String>, String)> {
    let below = |url: &str| {
        let (_, rest) = url.split_once("://")?;
        let (host, own) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let rest = path.strip_prefix(own.trim_end_matches('/')).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        if host.is_empty() || host != authority { None } else { rest.map(str::to_owned) }
    };
    let mut found = fabric.systems.values().filter_map(|system| {
        let urls = system.environments.iter().filter_map(|environment| environment.url.as_ref());
        Some((system.name.to_string(), urls.filter_map(|url| below(&url.value)).next()?))
    });
    let (name, rest) = found.next()?;
    if found.next().is_some() { None } else { Some((Some(name), rest)) }
}

/// Whether the gateway can use the contract as it was written.
///
/// # Errors
/// Why it cannot.
pub(super) fn usable(text: &str, file: &str) -> Result<(), Refusal> {
    match Contract::read(text, file).1.first() {
        None => Ok(()),
        Some(finding) => {
            let message = format!("the contract cannot be used: {}: {}", finding.place, finding.message);
            let fix = finding.fix.clone().unwrap_or_else(|| "correct it".to_owned());
            Err(Refusal::new(code::IMPORT_UNREADABLE, message, fix))
        }
    }
}

/// What `selvage check` will say of the contract once the interface is active: lists without pages, writes that may be done twice, …
/// Schemas are not compiled for it: where thousands refer to each other that takes more than a draft is worth.
pub(super) fn once_active(interface: &str, contract: &str, file: &str, notes: &mut Notes) {
    let mut sources = Sources::of("interface.yaml", interface);
    sources.insert(file, contract);
    let fabric = read::read(&sources).fabric;
    let findings = selvage_governance::lint(&fabric, jiff::Zoned::now().date());
    let name: Arc<str> = Arc::from(file);
    for finding in findings.into_iter().filter(|finding| finding.place.file == name) {
        notes.hint(format!("{}: {}", finding.code, finding.message), format!("{file}:{}", finding.place.line));
    }
}

/// By which parameters lists are paged and writes are known again.
pub(super) fn conventions(document: &Value, operations: &[Operation], notes: &mut Notes) {
    const PAGERS: &[&str] = &[
        "limit",
        "cursor",
        "offset",
        "page",
        "pagesize",
        "perpage",
        "pagetoken",
        "skip",
        "top",
        "startingafter",
        "maxresults",
    ];
    const KEYS: &[&str] = &["idempotencykey", "xidempotencykey", "requestid", "xrequestid"];
    for operation in operations {
        let item = operation.pointer.rsplit_once('/').map_or("", |(item, _)| item);
        let mut pagers = Vec::new();
        for at in [operation.pointer.as_str(), item] {
            let list = document.pointer(at).and_then(|it| it.get("parameters")).and_then(Value::as_array);
            for (index, parameter) in list.into_iter().flatten().enumerate() {
                let place = format!("{at}/parameters/{index}");
                let Some((parameter, _)) = resource::followed(document, parameter, place) else { continue };
                let text = |field: &str| parameter.get(field).and_then(Value::as_str).unwrap_or_default();
                let plain = naming::words(text("name")).concat();
                if text("in") == "query" && operation.method == "get" && PAGERS.contains(&plain.as_str()) {
                    pagers.push(show(text("name")));
                }
                if text("in") == "header" && KEYS.contains(&plain.as_str()) {
                    let hint = format!("a request sent again is known by {}", show(text("name")));
                    notes.hint(hint, operation.pointer.clone());
                }
            }
        }
        if !pagers.is_empty() {
            notes.hint(format!("a list with pages: {}", pagers.join(", ")), operation.pointer.clone());
        }
    }
}
