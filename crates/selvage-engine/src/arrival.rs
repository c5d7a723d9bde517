//! Calls of webhooks that were proven: each becomes one event, checked against the contract of its object, on stable storage before
//! its sender is answered. What does not fit is refused, and never kept; what the event causes is not waited for.

mod target;

use std::sync::Arc;

use jiff::Timestamp;
use selvage_log::{EventLog, LogError};
use selvage_model::arrival::{Arrival, CallName, Hint, WebhookCall};
use selvage_model::cloud_event::CloudEvent;
use selvage_model::code;
use selvage_model::event::{EventError, LaneKey, NewRecord};
use selvage_model::manifest::interface::Check;
use selvage_model::name::{InterfaceRef, SystemName};
use selvage_model::problem::{FieldError, Problem};
use selvage_store::Store;
use serde_json::Value;

use crate::fabric::Active;
use crate::ordered;
use target::Events;
pub(crate) use target::Target;

/// Takes a call: answered once it is an event on stable storage. INVARIANT: DURABLE-ACK
pub(crate) async fn take(
    active: &Active,
    store: &Store,
    log: Option<&Arc<dyn EventLog>>,
    call: WebhookCall,
) -> Arrival {
    let taken = match (active.target(&call.interface), log) {
        (Some(Target::Hints(system)), _) => hint(system, &call.body).map(Arrival::Hinted),
        (Some(Target::Events(events)), Some(log)) => {
            arrive((active, store), events, &**log, call, Timestamp::now()).await
        }
        (None, _) | (_, None) => Err(unplaced(&call.interface)),
    };
    taken.unwrap_or_else(Arrival::Refused)
}

async fn arrive(
    (active, store): (&Active, &Store),
    events: &Events,
    log: &dyn EventLog,
    call: WebhookCall,
    now: Timestamp,
) -> Result<Arrival, Problem> {
    let data = events.data(call.body)?;
    let found = match events.check {
        Check::Off => Vec::new(),
        Check::Report | Check::Enforce => active.event_data.errors(&active.fabric, &events.event, &data),
    };
    if !found.is_empty() && events.check == Check::Enforce {
        return Err(events.unfit(found));
    }
    let lane = ordered::lane(events.lane.as_deref(), events.object.as_ref(), Some(&data), None);
    let lane = lane.map_err(|error| events.unfit(vec![of_call(error)]))?;
    let id = id(store, &call.interface, call.name).await?;
    let told = CloudEvent {
        subject: events.object.as_ref().and_then(|object| ordered::key(object, &data)),
        time: Some(call.time.unwrap_or(now)),
        content_type: Some("application/json".to_owned()),
        lane: Some(lane.to_string()),
        correlation: Some(call.correlation),
        release: Some(call.release),
        data: Some(data),
        ..CloudEvent::new(id, events.source.clone(), events.kind.as_str())
    };
    let known = keep(log, &events.stream, lane, &told).await?;
    Ok(Arrival::Kept { event: told.id, known, found })
}

/// The id of the event that a call becomes: that of the call before it which said the same, where nothing that is proven tells them
/// apart.
async fn id(store: &Store, interface: &InterfaceRef, name: CallName) -> Result<String, Problem> {
    let (hash, own) = match name {
        CallName::Own(id) => return Ok(id),
        CallName::Unproven { id, signed } => (signed, Some(id)),
        CallName::Content(hash) => (hash, None),
    };
    let id = store.event_of_call(interface, hash, own.as_deref()).await.map_err(|error| {
        tracing::warn!(%interface, %error, "a call was not kept");
        let detail = "the call could not be kept; send it again with the same id";
        Problem::new(503, code::STORE_UNAVAILABLE, detail).retry_after(1)
    })?;
    if let Some(own) = own.filter(|own| *own != id) {
        tracing::info!(%interface, id, own, "a call said what another did before it, under an id that nothing proves");
    }
    Ok(id)
}

/// An error of the event as one of the call, whose body is the data.
fn of_call(error: FieldError) -> FieldError {
    match error.pointer.strip_prefix("/data") {
        Some(pointer) => FieldError { pointer: pointer.to_owned(), ..error },
        None => FieldError { pointer: String::new(), detail: "does not say what orders the event".to_owned() },
    }
}

/// Whether the log knew it before.
async fn keep(log: &dyn EventLog, stream: &InterfaceRef, lane: LaneKey, told: &CloudEvent) -> Result<bool, Problem> {
    let id = told.record_id().map_err(|error| unusable(&error))?;
    let record = NewRecord { id: id.clone(), lane, body: told.record() };
    let appended = log.append(stream, vec![record]).await.map_err(|error| lost(&error))?;
    let known = appended.first().is_some_and(|appended| appended.known);
    if known {
        let before = log.find(stream, &id).await.map_err(|error| lost(&error))?;
        let before = before.and_then(|record| CloudEvent::from_record(&record.body).ok());
        // INVARIANT: NOTHING-LOST: another call under the same id is not answered as if it had been kept.
        if before.is_some_and(|before| before.data != told.data || before.kind != told.kind) {
            let detail = "a call with this id was kept before, and said something else";
            return Err(Problem::new(409, code::CALL_ID_REUSED, detail));
        }
    }
    Ok(known)
}

/// The record that a hint names, as Odoo's automation rules do.
fn hint(system: &SystemName, body: &Value) -> Result<Hint, Problem> {
    let wrong = || {
        let detail = "a hint says which record changed: `_model`, a text, and `_id`, a whole number above zero";
        Problem::new(422, code::CALL_UNFIT, detail)
    };
    let record = body.get("_model").and_then(Value::as_str).filter(|record| !record.is_empty()).ok_or_else(wrong)?;
    let id = body.get("_id").and_then(Value::as_i64).filter(|id| *id > 0).ok_or_else(wrong)?;
    Ok(Hint { system: system.clone(), record: record.to_owned(), id })
}

fn unplaced(reference: &InterfaceRef) -> Problem {
    let detail = format!("the active release has no stream for the calls of `{reference}`");
    Problem::new(503, code::CALL_UNPLACED, detail).retry_after(60)
}

fn unusable(error: &EventError) -> Problem {
    Problem::new(422, code::CALL_UNFIT, error.to_string())
}

/// A call that may not have been kept: its sender sends it again, under the same id.
fn lost(error: &LogError) -> Problem {
    match error {
        LogError::Unfit(_) => Problem::new(413, error.code(), error.to_string()),
        LogError::Unopened { .. } | LogError::Unavailable { .. } | LogError::Full { .. } | LogError::Gap(_) => {
            tracing::warn!("{}: a call was not kept: {error}", error.code());
            Problem::new(503, error.code(), "the call could not be kept; send it again with the same id").retry_after(1)
        }
        other => {
            tracing::error!("{}: a call was not kept: {other}", other.code());
            Problem::new(503, other.code(), "the call could not be kept; send it again with the same id")
                .retry_after(60)
        }
    }
}
