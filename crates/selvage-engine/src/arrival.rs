//! Calls of webhooks that were proven: each becomes one event, checked against the contract of its object, on stable storage before
//! its sender is answered. What does not fit is refused, and never kept; what the event causes is not waited for.

mod event;
mod lane;

use std::sync::Arc;

use jiff::Timestamp;
use selvage_log::{EventLog, LogError};
use selvage_mapping::{CompiledMapping, Links, check_event};
use selvage_model::arrival::{Arrival, Hint, WebhookCall};
use selvage_model::cloud_event::CloudEvent;
use selvage_model::code;
use selvage_model::event::{EventError, LaneKey, NewRecord};
use selvage_model::fabric::Fabric;
use selvage_model::manifest::event::EventType;
use selvage_model::manifest::interface::{Check, Interface, InterfaceBody};
use selvage_model::manifest::mapping::Mapping;
use selvage_model::manifest::webhook::WebhookInterface;
use selvage_model::name::{InterfaceRef, SystemName};
use selvage_model::problem::{FieldError, Problem};
use serde_json::Value;

use event::Target;

/// Takes a call: answered once it is an event on stable storage. INVARIANT: DURABLE-ACK
pub(crate) async fn take(fabric: &Fabric, log: Option<&Arc<dyn EventLog>>, call: WebhookCall) -> Arrival {
    let Some(log) = log else {
        return Arrival::Refused(unplaced(&call.interface));
    };
    match (Arrivals { fabric, log: &**log }).arrive(call, Timestamp::now()).await {
        Ok(arrival) => arrival,
        Err(problem) => Arrival::Refused(problem),
    }
}

/// Where calls arrive.
#[derive(Clone, Copy)]
struct Arrivals<'a> {
    fabric: &'a Fabric,
    log: &'a dyn EventLog,
}

impl Arrivals<'_> {
    async fn arrive(&self, call: WebhookCall, now: Timestamp) -> Result<Arrival, Problem> {
        let (interface, webhook) = self.called(&call.interface)?;
        if webhook.hints {
            return hint(webhook, &call.body).map(Arrival::Hinted);
        }
        let target = Target::of(self.fabric, webhook).ok_or_else(|| unplaced(&call.interface))?;
        let object = self.fabric.objects.get(&target.event.object.value).ok_or_else(|| unplaced(&call.interface))?;
        let data = self.data(webhook, target.event, call.body)?;
        if interface.validation.request == Check::Enforce {
            let errors = check_event(object, self.fabric, &data);
            if !errors.is_empty() {
                return Err(unfit(&target.event.object.value.to_string(), errors));
            }
        }
        let lane = lane::of(webhook, target.lane, object, &data).map_err(|error| unusable(&error))?;
        let told = CloudEvent {
            subject: lane::key(object, &data),
            time: Some(call.time.unwrap_or(now)),
            content_type: Some("application/json".to_owned()),
            lane: Some(lane.to_string()),
            correlation: Some(call.correlation),
            release: Some(call.release),
            data: Some(data),
            ..CloudEvent::new(call.id, source(interface), target.event.name.value.as_str())
        };
        self.keep(target.stream, lane, &told).await
    }

    fn called(&self, reference: &InterfaceRef) -> Result<(&Interface, &WebhookInterface), Problem> {
        let interface = self.fabric.interfaces.get(reference).ok_or_else(|| unplaced(reference))?;
        match &interface.body {
            InterfaceBody::Webhook(webhook) => Ok((interface, webhook)),
            _ => Err(unplaced(reference)),
        }
    }

    /// What the event carries: what the call says, or what the mapping of its record makes of it.
    fn data(&self, webhook: &WebhookInterface, event: &EventType, body: Value) -> Result<Value, Problem> {
        let (Some(record), Some(system)) = (&webhook.record, &webhook.source) else { return Ok(body) };
        let wanted = &event.object.value;
        let of = |mapping: &&Mapping| {
            &mapping.object.value == wanted && mapping.system.value == system.value && mapping.record == record.value
        };
        let unmapped = || {
            let detail = format!("no mapping makes `{wanted}` of `{}`", record.value);
            Problem::new(503, code::CALL_UNPLACED, detail).retry_after(60)
        };
        let mapping = self.fabric.mappings.values().find(of).ok_or_else(unmapped)?;
        // Systems that call have no version of their own here: the newest that the mapping is for.
        let newest = MAJORS.rev().find(|major| mapping.versions.contains(*major)).ok_or_else(unmapped)?;
        let mapping = CompiledMapping::compile(mapping, self.fabric, newest).map_err(|_| unmapped())?;
        mapping.get(&body, &Links::new()).map_err(|error| {
            unfit(&wanted.to_string(), vec![FieldError { pointer: error.pointer, detail: error.message }])
        })
    }

    async fn keep(&self, stream: &InterfaceRef, lane: LaneKey, told: &CloudEvent) -> Result<Arrival, Problem> {
        let id = told.record_id().map_err(|error| unusable(&error))?;
        let record = NewRecord { id: id.clone(), lane, body: told.record() };
        let appended = self.log.append(stream, vec![record]).await.map_err(|error| lost(&error))?;
        let known = appended.first().is_some_and(|appended| appended.known);
        if known {
            let before = self.log.find(stream, &id).await.map_err(|error| lost(&error))?;
            let before = before.and_then(|record| CloudEvent::from_record(&record.body).ok());
            // INVARIANT: NOTHING-LOST: another call under the same id is not answered as if it had been kept.
            if before.is_some_and(|before| before.data != told.data || before.kind != told.kind) {
                let detail = "a call with this id was kept before, and said something else";
                return Err(Problem::new(409, code::CALL_ID_REUSED, detail));
            }
        }
        Ok(Arrival::Kept { event: told.id.clone(), known })
    }
}

/// Major versions of systems that a mapping may be for.
const MAJORS: std::ops::RangeInclusive<u32> = 10..=30;

/// Who tells the events of a webhook.
fn source(interface: &Interface) -> String {
    format!("/{}/v{}", interface.name, interface.version.major)
}

/// The record that a hint names, as Odoo's automation rules do.
fn hint(webhook: &WebhookInterface, body: &Value) -> Result<Hint, Problem> {
    let wrong = || {
        let detail = "a hint says which record changed: `_model`, a text, and `_id`, a whole number above zero";
        Problem::new(422, code::CALL_UNFIT, detail)
    };
    let system: SystemName = webhook.source.as_ref().map(|source| source.value.clone()).ok_or_else(wrong)?;
    let record = body.get("_model").and_then(Value::as_str).filter(|record| !record.is_empty()).ok_or_else(wrong)?;
    let id = body.get("_id").and_then(Value::as_i64).filter(|id| *id > 0).ok_or_else(wrong)?;
    Ok(Hint { system, record: record.to_owned(), id })
}

fn unplaced(reference: &InterfaceRef) -> Problem {
    let detail = format!("the active release has no stream for the calls of `{reference}`");
    Problem::new(503, code::CALL_UNPLACED, detail).retry_after(60)
}

fn unfit(object: &str, errors: Vec<FieldError>) -> Problem {
    Problem::new(422, code::CALL_UNFIT, format!("what the call says is no `{object}`")).with_errors(errors)
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
