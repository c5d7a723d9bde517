//! Events for a trial of deliveries: of every type of an interface, in several lanes, each with data that fits what the release says of
//! it. What none can be made of is told. Pure.

use std::collections::BTreeMap;

use selvage_governance::catalogue::carried;
use selvage_model::cloud_event::CloudEvent;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::event::{Carried, EventInterface, EventType};
use selvage_model::name::AttributeName;
use selvage_model::problem::FieldError;
use serde_json::{Value, json};

/// In how many lanes events are.
const LANES: usize = 3;
/// How many each has at least.
const IN_LANE: usize = 6;
/// The most types of an interface that are tried.
const MOST_TYPES: usize = 32;
/// Who tells these events.
const SOURCE: &str = "/selvage/trial";

/// The rows of a grant.
pub(super) type Rows = [(AttributeName, Vec<Value>)];

/// What does not fit the contract of an event.
pub(super) type Misfits<'a> = &'a dyn Fn(&CloudEvent) -> Vec<FieldError>;

/// Why there is no event of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unmade {
    /// The release says something that cannot hold.
    Failed(String),
    /// Nobody but its owner could make one.
    Skipped(String),
}

/// Events in the order in which they are published, and the types of which there are none.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) events: Vec<CloudEvent>,
    pub(super) not: BTreeMap<String, Unmade>,
}

/// Makes the events that these rows cover; `mark` keeps their ids apart from those of other rows.
pub(super) fn made(
    fabric: &Fabric,
    declared: &EventInterface,
    (rows, mark): (&Rows, usize),
    misfits: Misfits<'_>,
) -> Made {
    let mut made = Made::default();
    let mut bodies: Vec<(&EventType, CloudEvent)> = Vec::new();
    for kind in declared.events.iter().take(MOST_TYPES) {
        match body(fabric, kind, rows, misfits) {
            Ok(event) => bodies.push((kind, event)),
            Err(unmade) => drop(made.not.insert(kind.name.value.clone(), unmade)),
        }
    }
    let in_lane = if bodies.is_empty() { 0 } else { IN_LANE.max(bodies.len()) };
    for number in 0..in_lane {
        for lane in 1..=LANES {
            let Some((kind, event)) = bodies.get(number % bodies.len()) else { continue };
            let event = CloudEvent { id: format!("{mark}-{lane}-{number}"), ..event.clone() };
            made.events.push(ordered(fabric, (declared, kind), event, (lane, rows), misfits));
        }
    }
    made
}

/// An event of a type, with data that fits.
fn body(fabric: &Fabric, kind: &EventType, rows: &Rows, misfits: Misfits<'_>) -> Result<CloudEvent, Unmade> {
    let mut data = match &kind.carried {
        Carried::Object(object) => {
            let object = fabric.objects.get(&object.value);
            carried(fabric, object.ok_or_else(|| Unmade::Skipped(format!("no object of `{}` is known", kind.name)))?)
        }
        Carried::Schema(file) => {
            let examples = fabric.schemas.get(&file.value).and_then(|it| it.value.get("examples")?.as_array()?.first());
            let none = || format!("the schema of `{}` has no `examples`, and nobody else knows one", kind.name);
            examples.ok_or_else(|| Unmade::Skipped(none()))?.clone()
        }
    };
    let event =
        |data: &Value| CloudEvent { data: Some(data.clone()), ..CloudEvent::new("0", SOURCE, &kind.name.value) };
    if let Some(first) = misfits(&event(&data)).first() {
        let told = format!("`{}`: /data{} {}", kind.name, first.pointer, first.detail);
        return Err(match &kind.carried {
            Carried::Object(_) => Unmade::Skipped(format!("none could be made that fits {told}")),
            Carried::Schema(_) => Unmade::Failed(format!("the example of its own schema does not fit {told}")),
        });
    }
    if let Some(members) = data.as_object_mut() {
        let firsts = rows.iter().filter_map(|(name, values)| Some((name.to_string(), values.first()?.clone())));
        members.extend(firsts);
    }
    match misfits(&event(&data)).first() {
        None => Ok(event(&data)),
        Some(first) => {
            let told = format!("/data{} {}", first.pointer, first.detail);
            Err(Unmade::Failed(format!("no `{}` is in the rows of its grant: {told}", kind.name)))
        }
    }
}

/// The event in a lane of its own, where what orders the events of the interface can be chosen.
fn ordered(
    fabric: &Fabric,
    (declared, kind): (&EventInterface, &EventType),
    mut event: CloudEvent,
    (lane, rows): (usize, &Rows),
    misfits: Misfits<'_>,
) -> CloudEvent {
    let object = kind.object().and_then(|object| fabric.objects.get(&object.value));
    let has_id = object.is_none_or(|object| object.attributes.iter().any(|known| known.name.value.as_str() == "id"));
    let path = declared.lane.as_deref().and_then(|path| path.strip_prefix("data."));
    let Some(path) = path.filter(|path| *path != "id" || has_id) else {
        event.lane = Some(format!("lane-{lane}"));
        return event;
    };
    let top = path.split('.').next().unwrap_or(path);
    if rows.iter().any(|(attribute, _)| attribute.as_str() == top) {
        return event;
    }
    let varied = match value_at(&event, path) {
        Some(Value::String(text)) => vec![json!(format!("{text}-{lane}")), json!(lane.to_string())],
        Some(Value::Number(_)) => vec![json!(lane)],
        _ => vec![json!(format!("lane-{lane}")), json!(lane)],
    };
    let tried = varied.into_iter().filter_map(|value| with(&event, path, value));
    let fits = tried.into_iter().find(|event| misfits(event).is_empty());
    fits.unwrap_or(event)
}

fn pointer(path: &str) -> String {
    format!("/{}", path.replace('.', "/"))
}

fn value_at<'e>(event: &'e CloudEvent, path: &str) -> Option<&'e Value> {
    event.data.as_ref()?.pointer(&pointer(path))
}

/// The event with this value there; none where there is no place for it.
fn with(event: &CloudEvent, path: &str, value: Value) -> Option<CloudEvent> {
    let mut event = event.clone();
    let pointer = pointer(path);
    let (parent, name) = pointer.rsplit_once('/')?;
    let members = event.data.as_mut()?.pointer_mut(parent)?.as_object_mut()?;
    members.insert(name.to_owned(), value);
    Some(event)
}
