//! What orders an event within its stream: its lane. The same for events that are published and for calls of webhooks. Pure.

use selvage_model::event::LaneKey;
use selvage_model::manifest::object::Object;
use selvage_model::problem::FieldError;
use serde_json::Value;

/// The declared path's value; where none is declared, or `data.id` of an object without one, what `said` says, or the object's identity.
/// Data that is no object has no identity. What orders an event has to be there, by whichever way it comes. INVARIANT: LANE-ORDER
pub(crate) fn lane(
    declared: Option<&str>,
    object: Option<&Object>,
    data: Option<&Value>,
    said: Option<&str>,
) -> Result<LaneKey, FieldError> {
    if let Some(path) = declared.filter(|path| !is_identity(path, object)) {
        let pointer = format!("/{}", path.replace('.', "/"));
        let within = path.strip_prefix("data.").unwrap_or(path);
        let found = data.and_then(|data| within.split('.').try_fold(data, |value, member| value.get(member)));
        let text = found.and_then(scalar);
        let text = text.ok_or_else(|| {
            error(&pointer, "is what orders the events of this interface, and is not there".to_owned())
        })?;
        if said.is_some_and(|lane| *lane != text) {
            let detail = format!("the lane of this event is `{text}`, by `{path}`");
            return Err(error("/partitionkey", detail));
        }
        return text.parse().map_err(|found| error(&pointer, format!("{found}")));
    }
    if let Some(lane) = said {
        return lane.parse().map_err(|found| error("/partitionkey", format!("{found}")));
    }
    match object.zip(data).and_then(|(object, data)| key(object, data)) {
        Some(key) => key.parse().map_err(|found| error("/data", format!("its identity: {found}"))),
        None => Err(error("/partitionkey", "is missing: nothing else says what orders this event".to_owned())),
    }
}

/// The object's business key, its parts with a `/` between.
pub(crate) fn key(object: &Object, data: &Value) -> Option<String> {
    let parts: Option<Vec<String>> =
        object.identity.iter().map(|name| data.get(name.value.as_str()).and_then(scalar)).collect();
    parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join("/"))
}

/// Whether a path means which record it is, and not an attribute: `data.id` of an object that declares none.
fn is_identity(path: &str, object: Option<&Object>) -> bool {
    let declares = |object: &Object| object.attributes.iter().any(|attribute| attribute.name.value.as_str() == "id");
    path == "data.id" && object.is_some_and(|object| !declares(object))
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn error(pointer: &str, detail: String) -> FieldError {
    FieldError { pointer: pointer.to_owned(), detail }
}
