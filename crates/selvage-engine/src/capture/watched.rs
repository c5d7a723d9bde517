//! A capture as the active fabric declares it, compiled: which record of which system, by which mapping, into which facts.

use std::sync::Arc;
use std::time::Duration;

use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::api::Serves;
use selvage_model::manifest::event::{Capture, EventInterface, EventType};
use selvage_model::manifest::interface::Interface;
use selvage_model::manifest::system::{Connector, System};
use selvage_model::name::{InterfaceRef, ObjectRef, SystemName};
use selvage_model::source::Spanned;

use super::fact::Fact;
use crate::fabric::Served;

/// How often a system is asked where nothing is said.
const POLL: Duration = Duration::from_secs(60);
/// The least between two questions.
const LEAST_POLL: Duration = Duration::from_millis(200);

/// What is captured for one interface.
pub(crate) struct Watched {
    pub(crate) interface: InterfaceRef,
    /// What the system calls its record.
    pub(crate) record: String,
    pub(crate) facts: Vec<Fact>,
    /// The members that lead to what makes the lane; `None` for the record itself.
    pub(crate) lane: Option<Vec<String>>,
    pub(crate) declared: Capture,
    /// Whether a copy is read from it.
    pub(crate) copy: bool,
    /// How often the system is asked.
    pub(crate) poll: Duration,
    /// How far back transactions may begin: at least as long as the system says that they run.
    pub(crate) overlap: Duration,
    /// The way to the system.
    pub(crate) served: Arc<Served>,
    /// The release that declares it, where it is one.
    pub(crate) release: Option<Arc<str>>,
}

impl Watched {
    /// The system.
    pub(crate) fn system(&self) -> &str {
        self.served.connection.system().as_str()
    }
}

/// What an interface captures, ready for a connection.
pub(crate) struct Draft<'a> {
    pub(crate) capture: &'a Capture,
    pub(crate) event: &'a EventInterface,
    /// The way to the system, as a mediated interface would declare it.
    pub(crate) serves: Serves,
    system: &'a System,
}

/// What of an interface is captured; `None` where nothing is, or from a system that is not asked for changes.
///
/// # Errors
/// Where no mapping leads from the captured record.
pub(crate) fn draft<'a>(fabric: &'a Fabric, event: &'a EventInterface) -> Result<Option<Draft<'a>>, Finding> {
    let (Some(capture), Some(produced_by)) = (&event.capture, &event.produced_by) else { return Ok(None) };
    let system = fabric.systems.get(&produced_by.value);
    let Some(system) = system.filter(|system| system.connector == Connector::Odoo) else { return Ok(None) };
    let object =
        event.events.iter().filter_map(EventType::object).find(|object| is_of(fabric, object, &system.name, capture));
    let Some(object) = object else {
        let message =
            format!("no mapping leads from `{}` of `{}` to an object of these events", capture.record, system.name);
        return Err(Finding::error(code::MAPPING_ABSENT, &produced_by.place, message));
    };
    let serves = Serves {
        object: object.clone(),
        system: produced_by.clone(),
        operations: Vec::new(),
        account: None,
        reads: None,
    };
    Ok(Some(Draft { capture, event, serves, system }))
}

fn is_of(fabric: &Fabric, object: &Spanned<ObjectRef>, system: &SystemName, capture: &Capture) -> bool {
    let mut mappings = fabric.mappings.values();
    mappings.any(|mapping| {
        mapping.object.value == object.value && &mapping.system.value == system && mapping.record == capture.record
    })
}

/// Compiles it.
///
/// # Errors
/// Where a condition cannot be read.
pub(crate) fn compile(
    interface: &Interface,
    draft: &Draft<'_>,
    (served, release): (Arc<Served>, Option<Arc<str>>),
) -> Result<Watched, Finding> {
    let Draft { capture, event, serves, system } = draft;
    let of_object =
        event.events.iter().filter(|declared| declared.object().is_some_and(|it| it.value == serves.object.value));
    let facts = of_object.map(|declared| {
        let attributes = served.object.attributes.iter().map(|attribute| &attribute.name.value);
        Fact::compile(declared, attributes).map_err(|wrong| {
            let place = declared.when.as_ref().map_or(&declared.name.place, |when| &when.place);
            Finding::error(code::EVENT_WHEN_UNFIT, place, wrong)
        })
    });
    // `data.id` is which record it is, also where the object declares no id.
    let declares_id = served.object.attributes.iter().any(|attribute| attribute.name.value.as_str() == "id");
    let lane = event.lane.as_deref().filter(|lane| declares_id || *lane != "data.id");
    let lane = lane.map(|lane| lane.strip_prefix("data.").unwrap_or(lane));
    Ok(Watched {
        interface: interface.reference(),
        record: capture.record.clone(),
        facts: facts.collect::<Result<_, _>>()?,
        lane: lane.map(|lane| lane.split('.').map(str::to_owned).collect()),
        declared: (*capture).clone(),
        copy: event.copy_max_age.is_some(),
        poll: capture.poll.unwrap_or(POLL).max(LEAST_POLL),
        overlap: capture.overlap.unwrap_or_default().max(system.limits.longest_transaction),
        served,
        release,
    })
}
