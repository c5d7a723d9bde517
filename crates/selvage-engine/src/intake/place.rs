//! Where a published event belongs: its type, its id in the log, and the lane that it is ordered by. Pure.

use selvage_model::cloud_event::CloudEvent;
use selvage_model::event::{EventId, LaneKey};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::event::EventInterface;
use selvage_model::manifest::object::Object;
use selvage_model::problem::FieldError;
use serde_json::Value;

/// An event's place.
#[derive(Debug)]
pub(super) struct Placed<'f> {
    pub(super) object: &'f Object,
    pub(super) id: EventId,
    pub(super) lane: LaneKey,
}

impl<'f> Placed<'f> {
    /// Finds it; everything that is in the way otherwise.
    pub(super) fn of(
        fabric: &'f Fabric,
        declared: &EventInterface,
        event: &CloudEvent,
    ) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let kind = declared.events.iter().find(|kind| kind.name.value == event.kind);
        let object = kind.and_then(|kind| fabric.objects.get(&kind.object.value));
        if object.is_none() {
            let known: Vec<&str> = declared.events.iter().map(|kind| kind.name.value.as_str()).collect();
            errors.push(error("/type", format!("is none of {}", known.join(", "))));
        }
        let id = event.record_id().map_err(|found| errors.push(error("/id", found.to_string()))).ok();
        let lane = lane(declared, object, event).map_err(|found| errors.push(found)).ok();
        match (object, id, lane) {
            (Some(object), Some(id), Some(lane)) if errors.is_empty() => Ok(Self { object, id, lane }),
            _ => Err(errors),
        }
    }
}

/// The declared path's value; where none is declared, or `data.id` of an object without one, what the producer says, or the object's
/// identity. INVARIANT: LANE-ORDER
fn lane(declared: &EventInterface, object: Option<&Object>, event: &CloudEvent) -> Result<LaneKey, FieldError> {
    if let Some(path) = declared.lane.as_ref().filter(|path| !is_identity(path, object)) {
        let pointer = format!("/{}", path.replace('.', "/"));
        let within = path.strip_prefix("data.").unwrap_or(path);
        let found = event.data.as_ref();
        let found = found.and_then(|data| within.split('.').try_fold(data, |value, member| value.get(member)));
        let text = found.and_then(scalar);
        let text = text.ok_or_else(|| {
            error(&pointer, "is what orders the events of this interface, and is not there".to_owned())
        })?;
        if event.lane.as_ref().is_some_and(|lane| *lane != text) {
            let detail = format!("the lane of this event is `{text}`, by `{path}`");
            return Err(error("/partitionkey", detail));
        }
        return text.parse().map_err(|found| error(&pointer, format!("{found}")));
    }
    if let Some(lane) = &event.lane {
        return lane.parse().map_err(|found| error("/partitionkey", format!("{found}")));
    }
    let data = event.data.as_ref();
    let identity = object.into_iter().flat_map(|object| &object.identity);
    let parts: Option<Vec<String>> = identity.map(|name| data?.get(name.value.as_str()).and_then(scalar)).collect();
    match parts.filter(|parts| !parts.is_empty()) {
        Some(parts) => parts.join("/").parse().map_err(|found| error("/data", format!("its identity: {found}"))),
        None => Err(error("/partitionkey", "is missing: nothing else says what orders this event".to_owned())),
    }
}

/// Whether a path means which record it is, and not an attribute: `data.id` of an object that declares none.
fn is_identity(path: &str, object: Option<&Object>) -> bool {
    let declares = |object: &Object| object.attributes.iter().any(|attribute| attribute.name.value.as_str() == "id");
    path == "data.id" && !object.is_some_and(declares)
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
