//! The event of a captured change, as the log keeps it. Pure. `data` is the object as it is now, or as it was last where it is gone;
//! which attributes changed stands in the extension `changed`.

use aws_lc_rs::hmac;
use jiff::Timestamp;
use selvage_model::cloud_event::CloudEvent;
use selvage_model::code::{self, Code};
use selvage_model::delivery::Cause;
use selvage_model::event::{LaneKey, MOST_BODY, NewRecord};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::watched::Watched;
use crate::payload;

/// A change that is told.
pub(crate) struct Change<'a> {
    /// The system's id.
    pub(crate) record: i64,
    /// Its id: a keyed hash.
    pub(crate) id: &'a str,
    /// The object as it was.
    pub(crate) before: Option<&'a Value>,
    /// The object as it is.
    pub(crate) after: Option<&'a Value>,
    /// The attributes that changed.
    pub(crate) changed: &'a [String],
    /// When it was written.
    pub(crate) time: Timestamp,
    /// The operation by which Selvage wrote it.
    pub(crate) cause: Option<&'a str>,
}

/// Why a change makes no event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Untold {
    pub(crate) code: Code,
    pub(crate) cause: Cause,
    pub(crate) reason: String,
}

/// The id of a change: a hash of system, record, content and the change before, so that whoever finds it makes the same, and
/// two states within one second are two. It is keyed: whoever is not shown a value cannot try which value gives the id.
pub(crate) fn change_id(
    watched: &Watched,
    key: &[u8; 32],
    record: i64,
    after: Option<&Value>,
    previous: &str,
) -> String {
    let content = after.map_or_else(|| "null".to_owned(), payload::canonical);
    keyed(key, &json!([watched.system(), watched.record, record, content, previous]))
}

fn keyed(key: &[u8; 32], parts: &Value) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hex(hmac::sign(&key, parts.to_string().as_bytes()).as_ref())
}

/// The hash by which what Selvage wrote is known again, but for attributes that only say when that was.
pub(crate) fn content_hash(content: &Value, stamps: &[String]) -> [u8; 32] {
    let mut content = content.clone();
    if let Some(members) = content.as_object_mut() {
        members.retain(|name, _| !stamps.contains(name));
    }
    Sha256::digest(payload::canonical(&content).as_bytes()).into()
}

/// The events that a change is: one for each fact that it is, in the order declared.
///
/// # Errors
/// Where a condition cannot be judged, or an event cannot be made.
pub(crate) fn events(watched: &Watched, change: &Change<'_>) -> Result<Vec<NewRecord>, Untold> {
    let mut events = Vec::new();
    for fact in &watched.facts {
        let unjudged = |reason| {
            let reason = format!("whether it is `{}` cannot be judged: {reason}", fact.name);
            Untold { code: code::CAPTURE_UNJUDGED, cause: Cause::Mapping, reason }
        };
        if fact.holds(change.before, change.after).map_err(unjudged)? {
            let nth = events.len();
            events.push(event(watched, change, &fact.name, nth)?);
        }
    }
    Ok(events)
}

fn event(watched: &Watched, change: &Change<'_>, name: &str, nth: usize) -> Result<NewRecord, Untold> {
    let untold = |reason: String| Untold { code: code::CAPTURE_UNTOLD, cause: Cause::Contract, reason };
    let data = change.after.or(change.before).unwrap_or(&Value::Null);
    let lane: LaneKey = lane(watched, change.record, data).map_err(untold)?;
    // The first fact of a change has the id of the change, and each further one its number behind it.
    let id = if nth == 0 { change.id.to_owned() } else { format!("{}.{nth}", change.id) };
    let mut event = CloudEvent::new(id, format!("/{}/{}", watched.system(), watched.record), name);
    event.subject = Some(format!("{}-{}", watched.system(), change.record));
    event.time = Some(change.time);
    event.content_type = Some("application/json".to_owned());
    event.lane = Some(lane.to_string());
    event.correlation = Some(change.cause.unwrap_or(change.id).to_owned());
    event.release = watched.release.as_deref().map(str::to_owned);
    event.causation = change.cause.map(str::to_owned);
    event.extensions.insert("changed".to_owned(), Value::from(change.changed.join(",")));
    event.data = Some(data.clone());
    let body = event.record();
    if body.len() > MOST_BODY {
        return Err(untold(format!("its event has {} bytes, and the log takes {MOST_BODY}", body.len())));
    }
    let id = event.record_id().map_err(|error| untold(error.to_string()))?;
    Ok(NewRecord { id, lane, body })
}

/// The lane: the value at the declared path, or the record.
fn lane(watched: &Watched, record: i64, data: &Value) -> Result<LaneKey, String> {
    let text = match &watched.lane {
        None => format!("{}-{record}", watched.system()),
        Some(path) => {
            let found = path.iter().try_fold(data, |value, member| value.get(member));
            match found {
                Some(Value::String(text)) if !text.is_empty() => text.clone(),
                Some(Value::Number(number)) => number.to_string(),
                _ => return Err(format!("`{}`, which makes its lane, is empty", path.join("."))),
            }
        }
    };
    text.parse().map_err(|error| format!("`{text}` makes no lane: {error}"))
}

/// Bytes as text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_same_for_every_node_and_nobodys_guess() {
        let parts = json!(["odoo", "hr.employee", 7, r#"{"pay":"4100.00"}"#, ""]);
        let id = keyed(&[7; 32], &parts);
        assert_eq!((id.len(), &id), (64, &keyed(&[7; 32], &parts)));
        // Whoever guesses what was hashed does not have the key.
        assert_ne!(id, keyed(&[8; 32], &parts));
        assert_ne!(id, hex(&Sha256::digest(parts.to_string().as_bytes())));
    }
}
