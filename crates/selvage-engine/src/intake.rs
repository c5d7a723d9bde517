//! Events that somebody publishes: placed in a stream and a lane, held to the grant and to the contract of their type, and appended
//! to the log. INVARIANT: DURABLE-ACK: what is answered as kept is on stable storage. Never changes what an event says.

mod place;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use selvage_log::{EventLog, LogError};
use selvage_model::cloud_event::CloudEvent;
use selvage_model::code;
use selvage_model::delivery::Cause;
use selvage_model::event::{Appended, EventError, EventId, MOST_BODY, NewRecord};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::event::{EventInterface, EventType};
use selvage_model::manifest::interface::{Check, Interface, InterfaceBody};
use selvage_model::manifest::object::Object;
use selvage_model::name::InterfaceRef;
use selvage_model::problem::{FieldError, Problem};
use selvage_model::publication::{Kept, Publication, Published};
use serde_json::Value;

use self::place::Placed;
use crate::body::unfit;
use crate::fabric::Active;
use crate::scope;

/// Keeps the events of a publication, or says why not.
pub(crate) async fn publish(active: &Active, log: Option<&Arc<dyn EventLog>>, publication: Publication) -> Published {
    match take(active, log, publication).await {
        Ok(published) => published,
        Err(problem) => Published::Refused(problem),
    }
}

async fn take(
    active: &Active,
    log: Option<&Arc<dyn EventLog>>,
    publication: Publication,
) -> Result<Published, Problem> {
    let fabric = &*active.fabric;
    let interface = fabric.interfaces.get(&publication.interface);
    let (Some(interface), Some(log)) = (interface, log) else {
        let detail = "this node keeps no events of this interface yet";
        return Err(Problem::new(503, code::EVENTS_UNTAKEN, detail).retry_after(1));
    };
    let InterfaceBody::Event(declared) = &interface.body else {
        return Err(Problem::new(404, code::NOT_SERVED, format!("`{}` has no events", publication.interface)));
    };
    let placed = placed(fabric, declared, &publication)?;
    allowed(&publication)?;
    let found = checked(active, interface, &placed, &publication)?;
    let records = records(&placed, &publication)?;
    if records.is_empty() {
        return Ok(Published::Kept { events: Vec::new(), found });
    }
    let stream = &publication.interface;
    let appending = tokio::time::timeout(publication.patience, log.append(stream, records));
    let appended = match appending.await {
        Ok(appended) => appended.map_err(|error| untaken(&error))?,
        Err(_) => {
            let detail = "the log did not answer in time; the events may be kept: send them again, with the same ids";
            return Err(Problem::new(503, code::EVENTS_UNTAKEN, detail).retry_after(1));
        }
    };
    one_by_one(&**log, stream, (&publication, &placed), &appended).await?;
    let kept = publication.events.iter().zip(&appended);
    let events = kept.map(|(event, at)| Kept { id: event.id.clone(), position: at.position, known: at.known });
    Ok(Published::Kept { events: events.collect(), found })
}

/// Every event with its type and its lane. INVARIANT: DECLARED: what is of no type of the interface goes nowhere.
fn placed<'f>(
    fabric: &'f Fabric,
    declared: &'f EventInterface,
    publication: &Publication,
) -> Result<Vec<Placed<'f>>, Problem> {
    let (mut placed, mut errors) = (Vec::new(), Vec::new());
    let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (index, event) in publication.events.iter().enumerate() {
        if !seen.insert((&event.source, &event.id)) {
            errors.push(
                FieldError { pointer: "/id".to_owned(), detail: "the batch has it twice".to_owned() }
                    .below(publication, index),
            );
        }
        match Placed::of(fabric, declared, event) {
            Ok(one) => placed.push(one),
            Err(found) => errors.extend(found.into_iter().map(|error| error.below(publication, index))),
        }
    }
    if errors.is_empty() {
        return Ok(placed);
    }
    let detail = format!("`{}` does not know where this belongs", publication.interface);
    Err(Problem::new(422, code::EVENT_UNPLACED, detail).with_errors(errors))
}

/// Whether the grant covers what the events say.
fn allowed(publication: &Publication) -> Result<(), Problem> {
    let scope = &publication.scope;
    let of_each = |find: &dyn Fn(&Value) -> Vec<FieldError>| -> Vec<FieldError> {
        let found = publication.events.iter().enumerate().flat_map(|(index, event)| {
            let found = event.data.as_ref().map_or_else(|| find(&Value::Null), find);
            found.into_iter().map(move |error| error.of_data(publication, index))
        });
        found.collect()
    };
    let excepted = of_each(&|data| data.as_object().map(|members| scope::excepted(scope, members)).unwrap_or_default());
    if !excepted.is_empty() {
        let detail = "the grant leaves out attributes that the event gives";
        return Err(Problem::new(403, code::ATTRIBUTE_EXCEPTED, detail).with_errors(excepted));
    }
    let outside = of_each(&|data| scope::outside(scope, data));
    if !outside.is_empty() {
        let detail = "the grant does not cover what the event is about";
        return Err(Problem::new(403, code::OUTSIDE_ROWS, detail).with_errors(outside));
    }
    Ok(())
}

/// What does not fit the contract: refused, counted or not looked for, as the interface says.
fn checked(
    active: &Active,
    interface: &Interface,
    placed: &[Placed<'_>],
    publication: &Publication,
) -> Result<Vec<FieldError>, Problem> {
    if interface.validation.request == Check::Off {
        return Ok(Vec::new());
    }
    let of_event = |(index, (placed, event)): (usize, (&Placed<'_>, &CloudEvent))| {
        let data = event.data.as_ref().unwrap_or(&Value::Null);
        let errors = active.event_data.errors(&active.fabric, placed.kind, data);
        errors.into_iter().map(move |error| error.of_data(publication, index)).collect::<Vec<_>>()
    };
    let found: Vec<FieldError> = placed.iter().zip(&publication.events).enumerate().flat_map(of_event).collect();
    if found.is_empty() || interface.validation.request == Check::Report {
        return Ok(found);
    }
    Err(Problem { code: code::EVENT_OFF_CONTRACT, ..unfit(found, "the event") })
}

/// What of an event that the log has does not fit its type. Who is told may not see what carries a class.
pub(crate) fn off_contract(active: &Active, kind: &EventType, event: &CloudEvent) -> (Vec<FieldError>, Cause) {
    const CLASSED: &str = "does not fit; what is wrong is not told: it carries a class of data";
    let data = event.data.as_ref().unwrap_or(&Value::Null);
    let mut errors = active.event_data.errors(&active.fabric, kind, data);
    if errors.is_empty() {
        return (errors, Cause::Contract);
    }
    let cause = active.event_data.cause(&active.fabric, kind, data);
    let object = kind.object().and_then(|object| active.fabric.objects.get(&object.value));
    let classed = object.map(Object::classed).unwrap_or_default();
    let is_classed = |error: &&mut FieldError| classed.iter().any(|masked| masked.concerns(&error.pointer));
    errors.iter_mut().filter(is_classed).for_each(|error| CLASSED.clone_into(&mut error.detail));
    (errors, cause)
}

/// What the log is to hold.
fn records(placed: &[Placed<'_>], publication: &Publication) -> Result<Vec<NewRecord>, Problem> {
    let now = Timestamp::now();
    let mut records = Vec::with_capacity(placed.len());
    for (index, (placed, event)) in placed.iter().zip(&publication.events).enumerate() {
        let body = completed(event, placed, publication, now).record_of(event.data.as_ref());
        if body.len() > MOST_BODY {
            let at = publication.pointer(index);
            let detail = format!("an event has up to {MOST_BODY} bytes, and this one has {}", body.len());
            let error = FieldError { pointer: at, detail: detail.clone() };
            return Err(Problem::new(413, code::EVENT_UNFIT, detail).with_errors(vec![error]));
        }
        records.push(NewRecord { id: placed.id.clone(), lane: placed.lane.clone(), body });
    }
    selvage_model::event::fits(&records)
        .map_err(|error: EventError| Problem::new(413, code::EVENT_UNFIT, error.to_string()))?;
    Ok(records)
}

/// An event with what its producer left to Selvage, but for its data.
fn completed(event: &CloudEvent, placed: &Placed<'_>, publication: &Publication, now: Timestamp) -> CloudEvent {
    let mut event = event.without_data();
    event.time.get_or_insert(now);
    event.content_type.get_or_insert_with(|| "application/json".to_owned());
    event.lane = Some(placed.lane.as_str().to_owned());
    event.correlation.get_or_insert_with(|| publication.correlation.clone());
    event.release = Some(publication.release.clone());
    event
}

/// INVARIANT: NOTHING-LOST: an id that the log knows is the same event, or its producer is told that it is another.
async fn one_by_one(
    log: &dyn EventLog,
    stream: &InterfaceRef,
    (publication, placed): (&Publication, &[Placed<'_>]),
    appended: &[Appended],
) -> Result<(), Problem> {
    let mut others = Vec::new();
    for (index, ((event, placed), at)) in publication.events.iter().zip(placed).zip(appended).enumerate() {
        if at.known && !is_kept(log, stream, &placed.id, event).await? {
            let detail = format!("an event with another type or other data has this id since {}", at.position);
            others.push(FieldError { pointer: "/id".to_owned(), detail }.below(publication, index));
        }
    }
    if others.is_empty() {
        return Ok(());
    }
    let detail = "source and id name one event for ever; what else the request has is kept";
    Err(Problem::new(409, code::EVENT_ID_TAKEN, detail).with_errors(others))
}

/// Whether the log has this very event. What it cannot show any more counts as the same: its producer repeats it.
async fn is_kept(log: &dyn EventLog, stream: &InterfaceRef, id: &EventId, event: &CloudEvent) -> Result<bool, Problem> {
    let found = log.find(stream, id).await.map_err(|error| untaken(&error))?;
    let known = found.and_then(|record| CloudEvent::from_record(&record.body).ok());
    let same =
        |known: &CloudEvent| (&known.kind, &known.subject, &known.data) == (&event.kind, &event.subject, &event.data);
    Ok(known.as_ref().is_none_or(same))
}

/// What a producer is told where the log does not take it.
fn untaken(error: &LogError) -> Problem {
    match error {
        LogError::Unfit(unfit) => Problem::new(413, code::EVENT_UNFIT, unfit.to_string()),
        LogError::Gap(_) => {
            Problem::new(503, code::EVENTS_UNTAKEN, "the log has just begun a new epoch").retry_after(1)
        }
        error => {
            tracing::warn!(code = %error.code(), "events are not taken: {error}");
            let detail = "the log cannot take events at the moment; send them again, with the same ids";
            Problem::new(503, code::EVENTS_UNTAKEN, detail).retry_after(1)
        }
    }
}

/// An error of one event, as one of the request's body.
trait OfEvent {
    fn below(self, publication: &Publication, index: usize) -> Self;
    fn of_data(self, publication: &Publication, index: usize) -> Self;
}

impl OfEvent for FieldError {
    fn below(self, publication: &Publication, index: usize) -> Self {
        Self { pointer: format!("{}{}", publication.pointer(index), self.pointer), ..self }
    }

    fn of_data(self, publication: &Publication, index: usize) -> Self {
        Self { pointer: format!("/data{}", self.pointer), ..self }.below(publication, index)
    }
}
