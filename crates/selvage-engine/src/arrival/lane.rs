//! The lane of a call's event: what it says, by the webhook, the stream or the object's business key. Where it says nothing of it, the
//! event is in a lane with the others of which that is so, so that no order is lost that somebody may have counted on.

use selvage_model::event::{EventError, LaneKey};
use selvage_model::manifest::object::Object;
use selvage_model::manifest::webhook::WebhookInterface;
use serde_json::Value;

/// Where no lane is known.
const NOWHERE: &str = "-";
/// Bytes of a lane.
const LONGEST: usize = 256;

/// The lane of an event with this data.
pub(super) fn of(
    webhook: &WebhookInterface,
    lane: Option<&str>,
    object: &Object,
    data: &Value,
) -> Result<LaneKey, EventError> {
    let own = webhook.into.as_ref().and_then(|into| into.lane.as_ref());
    let found = match (own, lane.and_then(|lane| lane.strip_prefix("data."))) {
        (Some(attribute), _) => data.get(attribute.value.as_str()).and_then(text),
        (None, Some(path)) => path.split('.').try_fold(data, |value, step| value.get(step)).and_then(text),
        (None, None) => key(object, data),
    };
    let lane = found.unwrap_or_else(|| NOWHERE.to_owned());
    // What is too long or odd for a lane is cut: those that share what is left share a lane, which keeps their order.
    let plain: String = lane.chars().filter(|character| !character.is_control()).collect();
    let plain = cut(&plain);
    if plain.is_empty() { NOWHERE.parse() } else { plain.parse() }
}

fn cut(text: &str) -> &str {
    let end = (0..=text.len().min(LONGEST)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// The object's business key, its parts with a `/` between.
pub(super) fn key(object: &Object, data: &Value) -> Option<String> {
    let parts: Option<Vec<String>> =
        object.identity.iter().map(|attribute| data.get(attribute.value.as_str()).and_then(text)).collect();
    parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join("/"))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
