//! How events are pulled: pages that wait for what comes, and streams of server-sent events. The same address, and another `Accept`.

use serde_json::{Value, json};

use super::channel::operation;
use super::{Described, Parts, message};

/// The schema of a page of an interface, and the message that it is.
pub(super) fn page(described: Described<'_>, told: &[String], parts: &mut Parts) -> String {
    let key = format!("{}.page", described.key());
    let payloads = told.iter().filter_map(|name| parts.messages.get(name)?.pointer("/payload/schema").cloned());
    let payloads: Vec<Value> = payloads.collect();
    let position = |about: &str| json!({"type": "string", "pattern": "^[0-9]+-[0-9]+$", "description": about});
    let payload = json!({
        "type": "object",
        "required": ["items", "next", "head"],
        "properties": {
            "items": {"type": "array", "maxItems": 500, "items": {"oneOf": payloads}},
            "next": position("After which to ask next: past what was not asked for, too."),
            "head": position("The last position of the stream."),
            "lost": {
                "type": "array",
                "description": "Where the page goes past events that the log had acknowledged and lost: which, as far as is known.",
                "items": lost(&position("The last event before them.")),
            },
        },
    });
    let message = json!({
        "name": "page",
        "title": "A page of events",
        "summary": "Events after a position, in order.",
        "contentType": "application/json",
        "payload": message::formatted(&payload),
        "bindings": {"http": {"headers": page_headers(), "statusCode": 200, "bindingVersion": "0.3.0"}},
    });
    parts.messages.insert(key.clone(), message);
    key
}

fn lost(after: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["code", "after", "until", "epoch", "detail"],
        "properties": {
            "code": {"const": "FAB7012"},
            "after": after,
            "until": {"type": "integer", "description": "The last offset that is known to be lost; more may be."},
            "epoch": {"type": "integer", "description": "The epoch of what comes behind them."},
            "detail": {"type": "string"},
        },
    })
}

fn page_headers() -> Value {
    let link = json!({"type": "string", "description": "`rel=\"next\"`: the same query after the last position."});
    json!({"type": "object", "properties": {"Link": link}})
}

/// Adds the operations by which events are pulled.
pub(super) fn add(described: Described<'_>, (page, told): (&str, &[String]), security: &[Value], parts: &mut Parts) {
    let key = described.key();
    let about = "What comes after a position, in order, page by page. Where there is nothing yet, the answer waits as long as `wait` says: \
                 ask again with `after` as `next` says. Consumers that keep no position of their own let a group do it: \
                 `POST …/groups/{group}/lease` and `/commit`.";
    let mut read = operation("send", &key, "Pull events page by page", about, ("GET", &[page.to_owned()]), security);
    queried(&mut read, &["after", "limit", "wait", "types"]);
    parts.operations.insert(format!("{key}.read"), read);
    let about = "The same as a stream of server-sent events, for who asks with `Accept: text/event-stream`: `id` is the position and `data` the \
                 event. Who was disconnected sends `Last-Event-ID` and goes on behind it. An event `problem` says why a stream ends, and an event `lost` which \
                 events before the next one the log had acknowledged and has no more.";
    let mut stream = operation("send", &key, "Pull events as a stream", about, ("GET", told), security);
    queried(&mut stream, &["after", "types"]);
    parts.operations.insert(format!("{key}.stream"), stream);
}

/// Says what an operation may ask.
fn queried(operation: &mut Value, names: &[&str]) {
    let mut properties = parameters();
    if let Some(properties) = properties.as_object_mut() {
        properties.retain(|name, _| names.contains(&name.as_str()));
    }
    if let Some(binding) = operation.pointer_mut("/bindings/http").and_then(Value::as_object_mut) {
        binding.insert("query".to_owned(), json!({"type": "object", "properties": properties}));
    }
}

fn parameters() -> Value {
    json!({
        "after": {"type": "string", "description": "A position, or the `sequence` of an event; from the oldest that is kept where absent."},
        "limit": {"type": "integer", "minimum": 1, "maximum": 500, "default": 100, "description": "The most events of a page."},
        "wait": {"type": "string", "description": "How long the answer waits where there is nothing yet, up to `60s`; not at all where absent."},
        "types": {"type": "string", "description": "Event types, with commas between; all where absent."},
    })
}
