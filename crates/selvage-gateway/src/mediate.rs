//! A permitted request on its way to the engine: its body read, bounded and checked to be JSON; the engine's answer
//! turned into HTTP.

use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use hyper::body::{Body, Incoming};
use selvage_model::class;
use selvage_model::code;
use selvage_model::exchange::{MediatedAnswer, MediatedRequest};
use selvage_model::manifest::api::Operation;
use selvage_model::manifest::interface::Check;
use selvage_model::media;
use selvage_model::problem::Problem;
use serde_json::Value;

use crate::answer;
use crate::body::Reply;
use crate::burden::{Held, Scale};
use crate::cache::validator;
use crate::contract::Violation;
use crate::json;
use crate::path;
use crate::refusal::Refusal;
use crate::serve::{Admitted, Asked, too_large};
use crate::snapshot::Served;
use crate::tally::{Noted, Side, Verdict};
use crate::whole::{self, Read, Terms};

/// Where an answer holds `null` because its class of data is not shown.
pub(crate) static SELVAGE_MASKED: HeaderName = HeaderName::from_static(class::HEADER);
static IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The engine answers within the caller's patience; this is for the way back.
const GRACE: Duration = Duration::from_secs(2);
const JSON: &str = "application/json";
/// The longest body of which samples are taken.
const MOST_SAMPLED: usize = 64 * 1024;
/// What every list takes beside the attributes of its object.
const PARAMETERS: [&str; 3] = ["limit", "cursor", "updated_since"];

/// What is to be done.
pub(crate) struct Intent {
    pub(crate) verb: Operation,
    pub(crate) id: Option<String>,
    pub(crate) key: Option<String>,
}

/// Hands a request to the engine.
pub(crate) async fn mediate<'a>(
    asked: Asked<'a>,
    mut admitted: Box<Admitted<'a>>,
    intent: Intent,
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
    let heard = match hear(asked, &admitted, intent.verb, (&parts.headers, body), patience).await {
        Ok(heard) => heard,
        Err((problem, is_read)) => {
            let mut response = asked.fail(admitted, &problem);
            if !is_read {
                asked.end_connection(&mut response);
            }
            return response;
        }
    };
    let Some(query) = path::decode_query(parts.uri.query()) else {
        return asked.fail(admitted, &Refusal::malformed("the query is not percent-encoded UTF-8").problem);
    };
    asked.count_attributes(&permit, intent.verb, &query, heard.body.as_ref());
    let request = MediatedRequest {
        interface: permit.served.reference.clone(),
        operation: intent.verb,
        id: intent.id,
        consumer: permit.consumer.clone(),
        scope: permit.scope().clone(),
        query,
        body: heard.body,
        key: intent.key,
        if_match: condition(&parts.headers),
        correlation: asked.exchange.correlation().to_owned(),
        traceparent: asked.exchange.traceparent.to_str().ok().map(str::to_owned),
        patience,
    };
    match tokio::time::timeout(patience + GRACE, asked.worker.shared.mediation.execute(request, heard.held)).await {
        Ok(answer) => {
            if let Some(problem) = asked.too_late_to_tell(&permit, &parts.method) {
                return asked.fail(admitted, &problem);
            }
            asked.note(&admitted, &noted(answer.refused(), permit.served, heard.sent.as_deref()));
            if let Some(problem) = asked.held_to_object(&admitted, &answer, intent.verb) {
                return asked.fail(admitted, &problem);
            }
            give(asked, admitted, answer, (&parts, permit.masks(intent.verb)))
        }
        Err(_) => {
            let detail = "the answer was not ready in time; a write goes on: ask again with the same Idempotency-Key";
            asked.fail(admitted, &Problem::new(504, code::OUTCOME_LATE, detail).retry_after(1))
        }
    }
}

/// A body, and what it weighs until the work on it is done.
struct Heard {
    body: Option<Value>,
    held: Held,
    /// Its bytes, where they are few: what does not fit is shown by a sample.
    sent: Option<Bytes>,
}

/// Reads a request's body, where its right lasts as long; why not otherwise, and whether all of it was read.
async fn hear<'a>(
    asked: Asked<'a>,
    admitted: &Admitted<'a>,
    verb: Operation,
    (headers, body): (&HeaderMap, Incoming),
    limit: Duration,
) -> Result<Heard, (Problem, bool)> {
    let permit = &admitted.permit;
    let bearer = asked.bearer(permit);
    let bytes = collect(body, asked.most_of(permit.served), Terms { limit, bearer }).await;
    let bytes = bytes.and_then(|bytes| asked.ended_meanwhile(permit).map_or(Ok(bytes), Err));
    let bytes = bytes.map_err(|problem| (problem, false))?;
    let mut scale = bearer.scale(bytes.len());
    let body = read(verb, headers, &bytes, &mut scale).map_err(|problem| {
        if !scale.is_full() {
            asked.note(admitted, &noted(Some(&problem), admitted.permit.served, None));
        }
        (problem, true)
    })?;
    let sent = sampled(bytes);
    let load = scale.whole().map_err(|problem| (problem, true))?;
    Ok(Heard { body, held: load.held(), sent })
}

fn read(verb: Operation, headers: &HeaderMap, bytes: &[u8], scale: &mut Scale<'_>) -> Result<Option<Value>, Problem> {
    if !verb.writes() || bytes.is_empty() {
        return Ok(None);
    }
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !media_type.is_some_and(is_json) {
        return Err(Problem::new(415, code::BODY_TYPE, "send the body as `Content-Type: application/json`"));
    }
    if let Some(problem) = media_type.and_then(in_foreign_charset) {
        return Err(problem);
    }
    json::read_weighed(bytes, scale).map(Some).map_err(|error| match scale.is_full() {
        true => scale.no_room(),
        false => Problem::new(400, code::BODY_NOT_JSON, error),
    })
}

/// A body of which samples can be taken once somebody says what does not fit. It is borne for as long.
pub(crate) fn sampled(bytes: Bytes) -> Option<Bytes> {
    (1..=MOST_SAMPLED).contains(&bytes.len()).then_some(bytes)
}

/// What was found when a request was checked against its object: the engine checks and refuses, here it is counted.
fn noted(refused: Option<&Problem>, served: &Served, sent: Option<&[u8]>) -> Noted {
    let declares =
        |name: &str| PARAMETERS.contains(&name) || served.attributes.iter().any(|known| known.as_ref() == name);
    let rule = refused.and_then(|problem| match problem.code {
        code::BODY_UNFIT => Some("object"),
        code::QUERY_UNUSABLE => Some("query"),
        code::BODY_NOT_JSON => Some("json"),
        code::BODY_TYPE => Some("content"),
        _ => None,
    });
    let found = refused.zip(rule).map(|(problem, rule)| Violation::of_problem(problem, rule, declares));
    let found = Violation::with_samples(found.unwrap_or_default(), sent, ("", served.shows_values));
    Noted::new(Side::Request, Verdict::Fits, found)
}

impl Asked<'_> {
    /// Counts what of an answer does not fit its object, and says what the caller is told instead where that is enforced.
    fn held_to_object(self, admitted: &Admitted<'_>, answer: &MediatedAnswer, verb: Operation) -> Option<Problem> {
        let MediatedAnswer::Done { body, found: Some(found), .. } = answer else { return None };
        let checks = admitted.permit.served.checks.as_deref()?;
        let violations = found.iter().map(|error| Violation::of_answer(error, "object", (body, checks.shows_values)));
        self.note(admitted, &Noted::new(Side::Response, Verdict::Fits, violations.collect()));
        if found.is_empty() || checks.validation.response != Check::Enforce {
            return None;
        }
        let done = if verb.writes() { "; what was asked for is done" } else { "" };
        let detail = format!("the answer does not fit its object; the interface's owners see where{done}");
        Some(Problem::new(502, code::RESPONSE_UNFIT, detail))
    }
}

/// The condition on the record's tag. One that cannot be read holds for no record.
fn condition(headers: &HeaderMap) -> Option<String> {
    let mut all = headers.get_all(header::IF_MATCH).iter().map(|value| value.to_str().unwrap_or_default()).peekable();
    all.peek()?;
    Some(all.collect::<Vec<_>>().join(", "))
}

pub(crate) async fn collect(body: Incoming, most: u64, terms: Terms<'_>) -> Result<Bytes, Problem> {
    match whole::read(body, most, terms).await {
        Read::Whole(bytes) => Ok(bytes),
        Read::Part(..) => Err(too_large(most).problem),
        Read::NoRoom(ahead, _) => Err(terms.bearer.no_room(ahead.len())),
        Read::Failed(problem) => Err(problem),
    }
}

/// The refusal of a body that says that it is in another charset than bodies are read in.
pub(crate) fn in_foreign_charset(media_type: &str) -> Option<Problem> {
    let charset = media::foreign_charset(media_type)?;
    Some(Problem::new(415, code::BODY_CHARSET, media::in_foreign_charset(charset)))
}

/// Whether this is a media type of JSON.
pub(crate) fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let (kind, subtype) = essence.split_once('/').unwrap_or_default();
    let subtype = subtype.to_ascii_lowercase();
    kind.eq_ignore_ascii_case("application") && (subtype == "json" || subtype.ends_with("+json"))
}

fn give<'a>(
    asked: Asked<'a>,
    admitted: Box<Admitted<'a>>,
    answer: MediatedAnswer,
    (parts, masks): (&Parts, Option<&HeaderValue>),
) -> Response<Reply> {
    let path = parts.uri.path();
    match answer {
        MediatedAnswer::Done { status, body, location, etag, next, age, replayed, found: _ } => {
            let mut response = answer::json(StatusCode::from_u16(status).unwrap_or(StatusCode::OK), &body, JSON);
            let headers = response.headers_mut();
            put(headers, header::LOCATION, location);
            put(headers, header::ETAG, etag);
            put(headers, header::LINK, next.map(|next| format!("<{path}?{next}>; rel=\"next\"")));
            put(headers, header::AGE, age.map(|age| age.to_string()));
            mark_replayed(headers, replayed);
            if let Some(masks) = masks {
                headers.insert(SELVAGE_MASKED.clone(), masks.clone());
            }
            asked.finish(admitted, if has_it(parts, &response) { unmodified(response) } else { response })
        }
        MediatedAnswer::Accepted { operation } => {
            let body = serde_json::json!({"operation": operation.as_str(), "state": "unknown"});
            let mut response = answer::json(StatusCode::ACCEPTED, &body, JSON);
            let headers = response.headers_mut();
            put(headers, header::LOCATION, Some(format!("/operations/{operation}")));
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            asked.finish(admitted, response)
        }
        MediatedAnswer::Refused { problem, replayed } => {
            let mut response = asked.fail(admitted, &problem);
            mark_replayed(response.headers_mut(), replayed);
            response
        }
    }
}

/// Whether who reads has this record as it is: by its tag, which lists have not.
fn has_it(parts: &Parts, response: &Response<Reply>) -> bool {
    let reads = matches!(parts.method, Method::GET | Method::HEAD) && response.status() == StatusCode::OK;
    let is_tagged = response.headers().contains_key(header::ETAG);
    reads && is_tagged && validator::is_unmodified(&parts.headers, response.status(), response.headers())
}

fn unmodified(response: Response<Reply>) -> Response<Reply> {
    let mut bare = answer::empty(StatusCode::NOT_MODIFIED);
    *bare.headers_mut() = response.into_parts().0.headers;
    validator::without_body(bare.headers_mut());
    bare
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: Option<String>) {
    if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
        headers.insert(name, value);
    }
}

fn mark_replayed(headers: &mut HeaderMap, replayed: bool) {
    if replayed {
        headers.insert(IDEMPOTENCY_REPLAYED.clone(), HeaderValue::from_static("true"));
    }
}

#[cfg(test)]
mod tests {
    use super::is_json;

    #[test]
    fn media_types_of_json() {
        for json in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
            assert!(is_json(json), "{json}");
        }
        for other in ["", "json", "text/json", "application/xml", "application/jsonp", "multipart/form-data"] {
            assert!(!is_json(other), "{other}");
        }
    }
}
