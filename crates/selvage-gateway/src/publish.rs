//! Events that somebody publishes: read from CloudEvents' HTTP binding in its three modes, handed to the engine, and answered once
//! they are on stable storage. What an event says is the engine's to check.

mod binding;

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use hyper::body::{Body, Incoming};
use selvage_model::cloud_event::CloudEvent;
use selvage_model::code;
use selvage_model::problem::Problem;
use selvage_model::publication::{Kept, Publication, Published};
use serde_json::{Value, json};

use self::binding::Events;
use crate::answer;
use crate::body::Reply;
use crate::burden::Held;
use crate::contract::Violation;
use crate::decide::Permit;
use crate::mediate::{collect, sampled};
use crate::serve::{Admitted, Asked};
use crate::snapshot::Served;
use crate::tally::{Noted, Side, Verdict};
use crate::whole::Terms;

/// The engine answers within the caller's patience; this is for the way back.
const GRACE: Duration = Duration::from_secs(2);
const JSON: &str = "application/json";

/// Hands the events of a request to the engine.
pub(crate) async fn publish<'a>(
    asked: Asked<'a>,
    mut admitted: Box<Admitted<'a>>,
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
    let heard = match hear(asked, &admitted, (&parts, body), patience).await {
        Ok(heard) => heard,
        Err((problem, is_read)) => {
            let mut response = asked.fail(admitted, &problem);
            if !is_read {
                asked.end_connection(&mut response);
            }
            return response;
        }
    };
    let Heard { events, held, seen, sent, below } = heard;
    let samples = |found| Violation::with_samples(found, sent.as_deref(), (below, permit.served.shows_values));
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
            asked.note(&admitted, &Noted::new(Side::Request, Verdict::Fits, samples(found)));
            asked.count_sent(&permit, seen.sent);
            asked.finish(admitted, kept(&events))
        }
        Ok(Published::Refused(problem)) => {
            asked.note(&admitted, &Noted::new(Side::Request, Verdict::Fits, samples(refused(&problem))));
            if problem.code == code::EVENT_UNPLACED {
                asked.stray(&permit, &seen.undeclared);
            }
            asked.fail(admitted, &problem)
        }
        Err(_) => {
            let detail = "the log did not answer in time; the events may be kept: send them again, with the same ids";
            asked.fail(admitted, &Problem::new(504, code::OUTCOME_LATE, detail).retry_after(1))
        }
    }
}

/// The events of a request, what they weigh until the work on them is done, and what is counted of them then.
struct Heard {
    events: Events,
    held: Held,
    seen: Seen,
    /// The bytes of the body, where they are few: what does not fit is shown by a sample.
    sent: Option<Bytes>,
    /// Below what of an event the body begins.
    below: &'static str,
}

/// What is counted of events once it is known what became of them.
#[derive(Default)]
struct Seen {
    /// What their objects have of what they carry, by the places of attributes.
    sent: BTreeSet<usize>,
    /// Types that the interface does not declare.
    undeclared: BTreeSet<String>,
}

impl Seen {
    fn of(events: &[CloudEvent], served: &Served) -> Self {
        let mut seen = Self::default();
        for event in events {
            let Some(places) = served.types.get(event.kind.as_str()) else {
                seen.undeclared.insert(event.kind.clone());
                continue;
            };
            let Some(data) = event.data.as_ref().and_then(Value::as_object) else { continue };
            let is_given =
                |place: &&usize| served.attributes.get(**place).is_some_and(|name| data.contains_key(&**name));
            seen.sent.extend(places.iter().filter(is_given));
        }
        seen
    }
}

impl Asked<'_> {
    /// Counts events of types that nobody declares where they were sent to.
    fn stray(self, permit: &Permit<'_>, undeclared: &BTreeSet<String>) {
        for kind in undeclared {
            self.worker.shard.stray(&permit.served.reference, kind, self.now.as_second());
        }
    }
}

/// Reads the events of a request, where its right lasts as long; why not otherwise, and whether all of it was read.
async fn hear<'a>(
    asked: Asked<'a>,
    admitted: &Admitted<'a>,
    (parts, body): (&Parts, Incoming),
    limit: Duration,
) -> Result<Heard, (Problem, bool)> {
    let permit = &admitted.permit;
    let mode = binding::mode(&parts.headers).map_err(|problem| (problem, false))?;
    let bearer = asked.bearer(permit);
    let bytes = collect(body, asked.most_of(permit.served), Terms { limit, bearer }).await;
    let bytes = bytes.and_then(|bytes| asked.ended_meanwhile(permit).map_or(Ok(bytes), Err));
    let bytes = bytes.map_err(|problem| (problem, false))?;
    let mut scale = bearer.scale(bytes.len());
    let events = binding::read(mode, &parts.headers, &bytes, &mut scale).map_err(|problem| {
        if !scale.is_full() {
            let below = mode.below();
            let found = Violation::with_samples(refused(&problem), Some(&bytes), (below, permit.served.shows_values));
            asked.note(admitted, &Noted::new(Side::Request, Verdict::Fits, found));
        }
        (problem, true)
    })?;
    let sent = sampled(bytes);
    let load = scale.whole().map_err(|problem| (problem, true))?;
    let seen = Seen::of(&events.events, permit.served);
    Ok(Heard { events, held: load.held(), seen, sent, below: mode.below() })
}

/// What was found in events that were refused for what they are.
fn refused(problem: &Problem) -> Vec<Violation> {
    let rule = match problem.code {
        code::EVENT_FORM | code::EVENT_UNPLACED => Some("envelope"),
        code::EVENT_OFF_CONTRACT => Some("object"),
        code::BODY_NOT_JSON => Some("json"),
        code::EVENT_MODE | code::BODY_CHARSET => Some("content"),
        _ => None,
    };
    rule.map(|rule| Violation::of_problem(problem, rule, |_| false)).unwrap_or_default()
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
