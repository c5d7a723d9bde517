//! Where a published event belongs: its type, its id in the log, and the lane that it is ordered by. Pure.

use selvage_model::cloud_event::CloudEvent;
use selvage_model::event::{EventId, LaneKey};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::event::{EventInterface, EventType};
use selvage_model::manifest::interface::InterfaceBody;
use selvage_model::name::InterfaceRef;
use selvage_model::problem::FieldError;

use crate::ordered;

/// An event's place.
#[derive(Debug)]
pub(super) struct Placed<'f> {
    pub(super) kind: &'f EventType,
    pub(super) id: EventId,
    pub(super) lane: LaneKey,
}

impl<'f> Placed<'f> {
    /// Finds it; everything that is in the way otherwise.
    pub(super) fn of(
        fabric: &'f Fabric,
        declared: &'f EventInterface,
        event: &CloudEvent,
    ) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let kind = declared.events.iter().find(|kind| kind.name.value == event.kind);
        if kind.is_none() {
            let known: Vec<&str> = declared.events.iter().map(|kind| kind.name.value.as_str()).collect();
            errors.push(error("/type", format!("is none of {}", known.join(", "))));
        }
        if let Some(whose) = teller(fabric, declared, &event.source) {
            errors.push(error("/source", format!("is where {whose} tells from: give one of your own")));
        }
        let id = event.record_id().map_err(|found| errors.push(error("/id", found.to_string()))).ok();
        // What orders an event of no known type nobody can tell.
        let lane = kind.and_then(|kind| {
            let object = kind.object().and_then(|object| fabric.objects.get(&object.value));
            let lane = ordered::lane(declared.lane.as_deref(), object, event.data.as_ref(), event.lane.as_deref());
            lane.map_err(|found| errors.push(found)).ok()
        });
        match (kind, id, lane) {
            (Some(kind), Some(id), Some(lane)) if errors.is_empty() => Ok(Self { kind, id, lane }),
            _ => Err(errors),
        }
    }
}

/// Whose events come from this source, where they are Selvage's own to tell: those of a webhook, and those that are captured. Somebody else
/// who took one of their ids would have the event refused that the system tells.
fn teller(fabric: &Fabric, declared: &EventInterface, source: &str) -> Option<String> {
    let is_below = |path: &str| source.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if let (Some(capture), Some(system)) = (&declared.capture, &declared.produced_by)
        && is_below(&format!("/{}/{}", system.value, capture.record))
    {
        return Some(format!("the capture of `{}`", system.value));
    }
    let mut segments = source.strip_prefix('/')?.split('/');
    let (name, major) = (segments.next()?, segments.next()?.strip_prefix('v')?);
    let webhook: InterfaceRef = format!("{name}@{major}").parse().ok()?;
    let interface = fabric.interfaces.get(&webhook)?;
    matches!(interface.body, InterfaceBody::Webhook(_)).then(|| format!("`{webhook}`"))
}

fn error(pointer: &str, detail: String) -> FieldError {
    FieldError { pointer: pointer.to_owned(), detail }
}
