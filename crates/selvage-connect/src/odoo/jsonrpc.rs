//! The JSON-RPC dialect: everything is posted to `/jsonrpc` with database, user and secret inside the body.
//! Failures come with HTTP 200; a method that returns None answers without a result.

use serde_json::{Value, json};

use super::Map;
use super::call::{Call, CallClass};
use super::classify;
use super::config::OdooConfig;
use super::failure::{Failure, Refusal};
use super::wire::{Reply, Request};

/// Arguments that these methods are recorded to take by position, after the ids. `create` takes nothing else; the others are
/// sent as clients of this protocol always have.
const POSITIONAL: &[(&str, &[&str])] = &[
    ("create", &["vals_list"]),
    ("write", &["vals"]),
    ("read", &["fields"]),
    ("search", &["domain"]),
    ("search_read", &["domain"]),
    ("search_count", &["domain"]),
    ("load", &["fields", "data"]),
    ("has_access", &["ids", "operation"]),
];

/// `execute_kw` of a call.
pub(super) fn execute(config: &OdooConfig, lang: &str, user: i64, call: &Call) -> Result<Request, Failure> {
    let mut named = call.args.clone();
    let mut positional = Vec::new();
    if !call.ids.is_empty() {
        positional.push(json!(call.ids));
    }
    let order = POSITIONAL.iter().find(|(method, _)| *method == call.method).map_or(&[][..], |(_, names)| names);
    for name in order {
        let Some(value) = named.shift_remove(*name) else { break };
        positional.push(value);
    }
    named.insert("context".to_owned(), call.full_context(lang));
    let Some(database) = &config.database else {
        let message = "this server speaks JSON-RPC, which needs the name of its database";
        return Err(Failure::field(Refusal::Unsendable, "database", message));
    };
    let args = json!([database, user, config.secret.reveal(), call.model, call.method, positional, named]);
    Ok(service("object", "execute_kw", &args))
}

/// `common.version`.
pub(super) fn version() -> Request {
    service("common", "version", &json!([]))
}

/// `common.authenticate`.
pub(super) fn authenticate(config: &OdooConfig) -> Result<Request, Failure> {
    let Some(database) = &config.database else {
        let message = "this server speaks JSON-RPC, which needs the name of its database";
        return Err(Failure::field(Refusal::Unsendable, "database", message));
    };
    let args = json!([database, config.login, config.secret.reveal(), {}]);
    Ok(service("common", "authenticate", &args))
}

fn service(service: &str, method: &str, args: &Value) -> Request {
    let params = json!({"service": service, "method": method, "args": args});
    let body = json!({"jsonrpc": "2.0", "method": "call", "id": 1, "params": params});
    Request { path: "/jsonrpc".to_owned(), body: Some(body.to_string()), bearer: false }
}

/// What the reply means.
pub(super) fn result(reply: &Reply, class: CallClass) -> Result<Value, Failure> {
    let Some(mut envelope) = envelope(reply) else {
        return Err(classify::status(reply.status, class));
    };
    if let Some(error) = envelope.get("error") {
        let part = |name: &str| error.pointer(&format!("/data/{name}")).and_then(Value::as_str);
        let name = part("name").unwrap_or_default();
        let message = part("message").or_else(|| error.get("message").and_then(Value::as_str)).unwrap_or_default();
        return Err(classify::raised(name, message, class));
    }
    Ok(envelope.shift_remove("result").unwrap_or(Value::Null))
}

fn envelope(reply: &Reply) -> Option<Map> {
    if reply.status != 200 {
        return None;
    }
    let Ok(Value::Object(envelope)) = serde_json::from_slice(&reply.body) else { return None };
    envelope.contains_key("jsonrpc").then_some(envelope)
}
