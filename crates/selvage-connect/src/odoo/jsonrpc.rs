//! The JSON-RPC dialect: everything is posted to `/jsonrpc` with database, user and secret inside the body.
//! Failures come with HTTP 200; a method that returns None answers without a result.

use serde_json::{Value, json};

use super::Map;
use super::call::CallClass;
use super::classify;
use super::dialect::Dialect;
use super::failure::Failure;
use super::wire::{Reply, Request};

/// A method of a service, as `execute_kw` of `object`.
pub(super) fn request(service: &str, method: &str, args: &[Value]) -> Request {
    let params = json!({"service": service, "method": method, "args": args});
    let body = json!({"jsonrpc": "2.0", "method": "call", "id": 1, "params": params});
    Request {
        path: "/jsonrpc".to_owned(),
        body: Some(body.to_string()),
        dialect: Dialect::JsonRpc,
        bearer: None,
        sent_by: None,
    }
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
