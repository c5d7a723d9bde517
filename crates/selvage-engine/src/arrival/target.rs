//! What the calls of a webhook become, compiled with the fabric: the stream and type of their events, what makes the object of them,
//! and what orders them. Nothing of it is looked for when a call comes.

use selvage_mapping::{CompiledMapping, Links};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::event::EventType;
use selvage_model::manifest::interface::{Check, Interface, InterfaceBody, Lifecycle};
use selvage_model::manifest::mapping::Mapping;
use selvage_model::manifest::object::Object;
use selvage_model::manifest::webhook::WebhookInterface;
use selvage_model::name::{InterfaceRef, ObjectRef, SystemName};
use selvage_model::problem::{FieldError, Problem};
use serde_json::Value;

/// Major versions of systems that a mapping may be for.
const MAJORS: std::ops::RangeInclusive<u32> = 10..=30;

/// What becomes of the calls of a webhook.
pub(crate) enum Target {
    /// The captures of this system are told which record changed.
    Hints(SystemName),
    /// They are events.
    Events(Box<Events>),
}

/// The events that calls become.
pub(crate) struct Events {
    pub(super) stream: InterfaceRef,
    pub(super) kind: String,
    pub(super) source: String,
    /// Their type, with what their data is.
    pub(super) event: EventType,
    /// The object that it is, where it is one.
    pub(super) object: Option<Object>,
    pub(super) check: Check,
    /// What orders them, as `data.machine`.
    pub(super) lane: Option<String>,
    made: Made,
}

/// How the object is made.
enum Made {
    /// It is what the call says.
    AsSaid,
    /// By a mapping of the record that the call is.
    Mapped(Box<CompiledMapping>),
    /// By a mapping that there is not.
    Unmapped { object: ObjectRef, record: String },
}

impl Target {
    /// What becomes of the calls of an interface; none where nothing can.
    pub(crate) fn compile(fabric: &Fabric, interface: &Interface) -> Option<Self> {
        let InterfaceBody::Webhook(webhook) = &interface.body else { return None };
        if webhook.hints {
            return webhook.source.as_ref().map(|source| Self::Hints(source.value.clone()));
        }
        let (stream, event, lane) = stream(fabric, webhook)?;
        let object = match event.object() {
            Some(object) => Some(fabric.objects.get(&object.value)?.clone()),
            None => None,
        };
        let own = webhook.into.as_ref().and_then(|into| into.lane.as_ref());
        Some(Self::Events(Box::new(Events {
            stream: stream.clone(),
            kind: event.name.value.clone(),
            source: format!("/{}/v{}", interface.name, interface.version.major),
            event: event.clone(),
            object,
            check: interface.validation.request,
            lane: own.map(|attribute| format!("data.{}", attribute.value)).or_else(|| lane.map(str::to_owned)),
            made: made(fabric, webhook, event),
        })))
    }
}

impl Events {
    /// What the event carries: what the call says, or what the mapping of its record makes of it.
    pub(super) fn data(&self, body: Value) -> Result<Value, Problem> {
        match &self.made {
            Made::AsSaid => Ok(body),
            Made::Mapped(mapping) => mapping
                .get(&body, &Links::new())
                .map_err(|error| self.unfit(vec![FieldError { pointer: error.pointer, detail: error.message }])),
            Made::Unmapped { object, record } => {
                let detail = format!("no mapping makes `{object}` of `{record}`");
                Err(Problem::new(503, code::CALL_UNPLACED, detail).retry_after(60))
            }
        }
    }

    /// What a sender is told of what does not fit.
    pub(super) fn unfit(&self, errors: Vec<FieldError>) -> Problem {
        let detail = match self.event.object() {
            Some(object) => format!("what the call says is no `{object}`"),
            None => format!("what the call says does not fit the schema of `{}`", self.kind),
        };
        Problem::new(422, code::CALL_UNFIT, detail).with_errors(errors)
    }
}

/// The newest served interface that has the type, and what orders its events.
fn stream<'f>(
    fabric: &'f Fabric,
    webhook: &WebhookInterface,
) -> Option<(&'f InterfaceRef, &'f EventType, Option<&'f str>)> {
    let wanted = &webhook.into.as_ref()?.event.value;
    fabric.interfaces.iter().rev().find_map(|(stream, interface)| {
        let InterfaceBody::Event(body) = &interface.body else { return None };
        if !matches!(interface.lifecycle, Lifecycle::Active | Lifecycle::Deprecated(_)) {
            return None;
        }
        let event = body.events.iter().find(|event| &event.name.value == wanted)?;
        Some((stream, event, body.lane.as_deref()))
    })
}

fn made(fabric: &Fabric, webhook: &WebhookInterface, event: &EventType) -> Made {
    let (Some(record), Some(system)) = (&webhook.record, &webhook.source) else { return Made::AsSaid };
    // That a record is mapped to data that is no object is refused when the fabric is checked.
    let Some(wanted) = event.object().map(|object| &object.value) else { return Made::AsSaid };
    let of = |mapping: &&Mapping| {
        &mapping.object.value == wanted && mapping.system.value == system.value && mapping.record == record.value
    };
    let compiled = fabric.mappings.values().find(of).and_then(|mapping| {
        // Systems that call have no version of their own here: the newest that the mapping is for.
        let newest = MAJORS.rev().find(|major| mapping.versions.contains(*major))?;
        CompiledMapping::compile(mapping, fabric, newest).ok()
    });
    match compiled {
        Some(mapping) => Made::Mapped(Box::new(mapping)),
        None => Made::Unmapped { object: wanted.clone(), record: record.value.clone() },
    }
}
