//! Events that somebody publishes: read from CloudEvents' HTTP binding in its three modes, handed to the engine, and answered once
//! they are on stable storage. What an event says is the engine's to check.

mod binding;

use std::time::Duration;

use http::request::Parts;
use http::{Response, StatusCode};
use hyper::body::{Body, Incoming};
use selvage_model::code;
use selvage_model::problem::Problem;
use selvage_model::publication::{Kept, Publication, Published};
use serde_json::{Value, json};

use self::binding::Events;
use crate::answer;
use crate::body::Reply;
use crate::burden::Held;
use crate::contract::Violation;
use crate::mediate::collect;
use crate::serve::{Admitted, Asked};
use crate::tally::{Noted, Side, Verdict};
use crate::whole::Terms;

/// The engine answers within the caller's patience; this is for the way back.
const GRACE: Duration = Duration::from_secs(2);
const JSON: &str = "application/json";

/// Hands the events of a request to the engine.
pub(crate) async fn publish<'a>(
    asked: Asked<'a>,
    mut admitted: Admitted<'a>,
    parts: Parts,
    body: Incoming,
) -> Response<Reply> {
    let permit = admitted.permit;
    let patience = permit.served.timeout.unwrap_or(asked.worker.config().request_timeout);
    if let Err(problem) = asked.queue(&mut admitted).await {
        let mut response = asked.fail(admitted, &problem);
        if !body.is_end_stream() {
            asked.end_connection(&mut response);
        }
        return response;
    }
    let _place = admitted.taken.entered.place.take();
    let (events, held) = match hear(asked, &admitted, (&parts, body), patience).await {
        Ok(heard) => heard,
        Err((problem, is_read)) => {
            let mut response = asked.fail(admitted, &problem);
            if !is_read {
                asked.end_connection(&mut response);
            }
            return response;
        }
    };
    let publication = Publication {
        interface: permit.served.reference.clone(),
        consumer: permit.consumer.clone(),
        scope: permit.scope().clone(),
        events: events.events,
        is_batch: events.is_batch,
        release: asked.snapshot().release().to_owned(),
        correlation: asked.exchange.correlation().to_owned(),
        patience,
    };
    match tokio::time::timeout(patience + GRACE, asked.worker.shared.mediation.publish(publication, held)).await {
        Ok(Published::Kept { events, found }) => {
            let found = found.iter().map(|error| Violation::of_field(error, "object")).collect();
            asked.note(&admitted, &Noted::new(Side::Request, Verdict::Fits, found));
            asked.finish(admitted, kept(&events))
        }
        Ok(Published::Refused(problem)) => {
            asked.note(&admitted, &refused(&problem));
            asked.fail(admitted, &problem)
        }
        Err(_) => {
            let detail = "the log did not answer in time; the events may be kept: send them again, with the same ids";
            asked.fail(admitted, &Problem::new(504, code::OUTCOME_LATE, detail).retry_after(1))
        }
    }
}

/// Reads the events of a request, where its right lasts as long; why not otherwise, and whether all of it was read.
async fn hear<'a>(
    asked: Asked<'a>,
    admitted: &Admitted<'a>,
    (parts, body): (&Parts, Incoming),
    limit: Duration,
) -> Result<(Events, Held), (Problem, bool)> {
    let permit = &admitted.permit;
    let mode = binding::mode(&parts.headers).map_err(|problem| (problem, false))?;
    let bearer = asked.bearer(permit);
    let bytes = collect(body, asked.most_of(permit.served), Terms { limit, bearer }).await;
    let bytes = bytes.and_then(|bytes| asked.ended_meanwhile(permit).map_or(Ok(bytes), Err));
    let bytes = bytes.map_err(|problem| (problem, false))?;
    let mut scale = bearer.scale(bytes.len());
    let events = binding::read(mode, &parts.headers, &bytes, &mut scale).map_err(|problem| {
        if !scale.is_full() {
            asked.note(admitted, &refused(&problem));
        }
        (problem, true)
    })?;
    drop(bytes);
    let load = scale.whole().map_err(|problem| (problem, true))?;
    Ok((events, load.held()))
}

/// What was found in events that were refused for what they are.
fn refused(problem: &Problem) -> Noted {
    let rule = match problem.code {
        code::EVENT_FORM | code::EVENT_UNPLACED => Some("envelope"),
        code::EVENT_OFF_CONTRACT => Some("object"),
        code::BODY_NOT_JSON => Some("json"),
        code::EVENT_MODE | code::BODY_CHARSET => Some("content"),
        _ => None,
    };
    let found = rule.map(|rule| Violation::of_problem(problem, rule, |_| false));
    Noted::new(Side::Request, Verdict::Fits, found.unwrap_or_default())
}

/// 202 where the log has something that it had not, 200 where all was known.
fn kept(events: &[Kept]) -> Response<Reply> {
    let is_new = events.iter().any(|event| !event.known);
    let status = if is_new { StatusCode::ACCEPTED } else { StatusCode::OK };
    let events = events.iter().map(|event| {
        json!({
            "id": event.id,
            "position": event.position.to_string(),
            "sequence": event.position.sequence().to_string(),
            "known": event.known,
        })
    });
    answer::json(status, &json!({"events": events.collect::<Vec<Value>>()}), JSON)
}
