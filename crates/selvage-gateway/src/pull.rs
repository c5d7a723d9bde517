//! Events that a consumer pulls: a page after a position, waited for where there are none; the same as a stream; and the turns of
//! groups. What is in the log, and what of it is shown, is found out behind the port.

mod asked;
mod stream;

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use hyper::body::{Body, Incoming};
use selvage_model::code;
use selvage_model::event::Gap;
use selvage_model::exchange::Scope;
use selvage_model::problem::Problem;
use selvage_model::pull::{EndedGroup, Events, Page, Pull, PullAsk, Pulled};
use serde_json::{Value, json};

use crate::answer;
use crate::body::Reply;
use crate::gate::Place;
use crate::held::{self, Held};
use crate::json;
use crate::mediate::{SELVAGE_MASKED, collect};
use crate::path;
use crate::refusal::Refusal;
use crate::serve::{Admitted, Asked};
use crate::whole::Terms;
pub(crate) use stream::EventStream;

/// For the way back, above what was waited for.
const GRACE: Duration = Duration::from_secs(5);
/// How often a stream says that it is alive. Shorter than what a node takes to end.
const ALIVE: Duration = Duration::from_secs(8);
/// The most bytes of a request about a group.
const MOST_BODY: u64 = 16 * 1024;
const JSON: &str = "application/json";

/// Answers a request for events, or about a group.
pub(crate) async fn pull<'a>(
    asked: Asked<'a>,
    mut admitted: Box<Admitted<'a>>,
    group: Option<String>,
    parts: Parts,
    body: Incoming,
) -> Response<Reply> {
    if let Err(problem) = asked.queue(&mut admitted).await {
        return refused(asked, admitted, &problem, body.is_end_stream());
    }
    let place = admitted.taken.entered.place.take();
    let Some(query) = path::decode_query(parts.uri.query()) else {
        let problem = Refusal::malformed("the query is not percent-encoded UTF-8").problem;
        return refused(asked, admitted, &problem, body.is_end_stream());
    };
    let ask = match group {
        None => asked::events(&query, &parts.headers).map(PullAsk::Events).map_err(|it| (it, body.is_end_stream())),
        Some(group) => about(asked, &admitted, (&group, &parts), body).await,
    };
    let ask = match ask {
        Ok(ask) => ask,
        Err((problem, is_read)) => return refused(asked, admitted, &problem, is_read),
    };
    let permit = &admitted.permit;
    if matches!(ask, PullAsk::Events(_)) {
        asked.count_whole(permit);
    }
    let pull = Pull {
        interface: permit.served.reference.clone(),
        consumer: permit.consumer.clone(),
        scope: permit.scope().clone(),
        ask,
    };
    let held = asked.held(permit, &parts.method, &parts.uri);
    match &pull.ask {
        PullAsk::Events(events) if asked::streams(&parts.headers) => {
            let events = events.clone();
            let pull = Pull { ask: PullAsk::Events(Events { wait: ALIVE, ..events }), ..pull };
            streamed(asked, admitted, pull, (held, place))
        }
        _ => {
            let answer = once(asked, admitted, pull, (&parts, &query), &held).await;
            drop(place);
            answer
        }
    }
}

/// Says no; a body that is not read ends its connection.
fn refused<'a>(asked: Asked<'a>, admitted: Box<Admitted<'a>>, problem: &Problem, is_read: bool) -> Response<Reply> {
    let mut response = asked.fail(admitted, problem);
    if !is_read {
        asked.end_connection(&mut response);
    }
    response
}

/// What a request asks of a group; why not otherwise, and whether its body was read.
async fn about<'a>(
    asked: Asked<'a>,
    admitted: &Admitted<'a>,
    (group, parts): (&str, &Parts),
    body: Incoming,
) -> Result<PullAsk, (Problem, bool)> {
    let group = path::decode_segment(group).unwrap_or_default();
    let group = asked::group(&group).map_err(|problem| (problem, body.is_end_stream()))?;
    let terms = Terms { limit: asked.worker.config().request_timeout, bearer: asked.bearer(&admitted.permit) };
    let most = asked.most_of(admitted.permit.served).min(MOST_BODY);
    let bytes = collect(body, most, terms).await.map_err(|problem| (problem, false))?;
    let body = match bytes.is_empty() {
        true => Value::Object(serde_json::Map::new()),
        false => json::read(&bytes).map_err(|error| (Problem::new(400, code::BODY_NOT_JSON, error), true))?,
    };
    asked::of_group(group, &parts.method, parts.uri.path(), body).map_err(|problem| (problem, true))
}

fn streamed<'a>(
    asked: Asked<'a>,
    admitted: Box<Admitted<'a>>,
    pull: Pull,
    (held, place): (Held, Option<Place>),
) -> Response<Reply> {
    let mediation = Arc::clone(&asked.worker.shared.mediation);
    let correlation = asked.exchange.correlation().to_owned();
    let masks = masks(&pull.scope, "");
    let stream = EventStream::new(mediation, pull, Rc::new(held), correlation);
    let mut response = Response::new(Reply::events(stream, place));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.extend(masks.map(|masks| (SELVAGE_MASKED.clone(), masks)));
    asked.finish(admitted, response)
}

/// Waits for one answer, for as long as the right to it lasts.
async fn once<'a>(
    asked: Asked<'a>,
    admitted: Box<Admitted<'a>>,
    pull: Pull,
    (parts, query): (&Parts, &[(String, String)]),
    held: &Held,
) -> Response<Reply> {
    let wait = match &pull.ask {
        PullAsk::Events(events) => events.wait,
        _ => asked.worker.config().request_timeout,
    };
    let masks = masks(&pull.scope, "/items/*");
    let mut pulling = asked.worker.shared.mediation.pull(pull);
    let pulled = tokio::time::timeout(
        wait + GRACE,
        poll_fn(|cx| {
            if let Poll::Ready(pulled) = pulling.as_mut().poll(cx) {
                return Poll::Ready(Ok(pulled));
            }
            if held.has_ended() {
                return Poll::Ready(Err(held::ended()));
            }
            if let Some(problem) = held.pauses() {
                return Poll::Ready(Err(problem));
            }
            held.wait(cx);
            Poll::Pending
        }),
    );
    let pulled = match pulled.await {
        Ok(Ok(pulled)) => pulled,
        Ok(Err(problem)) => return asked.fail(admitted, &problem),
        Err(_) => {
            let detail = "the log did not answer in time; ask again";
            return asked.fail(admitted, &Problem::new(504, code::OUTCOME_LATE, detail).retry_after(1));
        }
    };
    if let Some(problem) = asked.too_late_to_tell(&admitted.permit, &parts.method) {
        return asked.fail(admitted, &problem);
    }
    let path = parts.uri.path();
    let mut response = match pulled {
        Pulled::Page(page) => {
            let link = format!("<{path}?{}>; rel=\"next\"", asked::next(query, page.next));
            let mut response = answer::json(StatusCode::OK, &body(page), JSON);
            response.headers_mut().extend(HeaderValue::try_from(link).ok().map(|link| (header::LINK, link)));
            response.headers_mut().extend(masks.map(|masks| (SELVAGE_MASKED.clone(), masks)));
            asked.finish(admitted, response)
        }
        leased @ Pulled::Leased { .. } => asked.finish(admitted, answer::json(StatusCode::OK, &turn(&leased), JSON)),
        Pulled::Done => asked.finish(admitted, answer::empty(StatusCode::NO_CONTENT)),
        Pulled::Refused { problem, next } => {
            let mut response = asked.fail(admitted, &problem);
            let link = next.map(|next| format!("<{path}?{}>; rel=\"next\"", asked::next(query, next)));
            let link = link.and_then(|link| HeaderValue::try_from(link).ok());
            response.headers_mut().extend(link.map(|link| (header::LINK, link)));
            response
        }
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What a member is told whose turn it is. A group that ended is not revived in silence.
fn turn(leased: &Pulled) -> Value {
    let Pulled::Leased { position, fence, lease, head, ended } = leased else { return Value::Null };
    let lease = format!("{}ms", lease.as_millis());
    let mut told = json!({"position": position.to_string(), "fence": fence, "lease": lease, "head": head.to_string()});
    if let (Some(EndedGroup { position, at, because }), Some(members)) = (ended, told.as_object_mut()) {
        let ended = json!({"position": position.to_string(), "at": at.to_string(), "because": because});
        members.insert("ended".to_owned(), ended);
    }
    told
}

fn body(page: Page) -> Value {
    let (next, head) = (page.next.to_string(), page.head.to_string());
    let lost: Vec<Value> = page.lost.iter().map(lost).collect();
    let items: Vec<Value> = page.events.into_iter().map(|(_, event)| event).collect();
    let mut told = json!({"items": items, "next": next, "head": head});
    if let (false, Some(members)) = (lost.is_empty(), told.as_object_mut()) {
        members.insert("lost".to_owned(), Value::from(lost));
    }
    told
}

/// What is told of events that the log has lost. INVARIANT: NOTHING-LOST: nobody goes past them without a word.
fn lost(gap: &Gap) -> Value {
    let Gap { after, until, epoch, .. } = gap;
    json!({"code": code::LOG_GAP.to_string(), "after": after.to_string(), "until": until, "epoch": epoch, "detail": gap.to_string()})
}

/// What an answer says of what is masked in it, where something is.
fn masks(scope: &Scope, above: &str) -> Option<HeaderValue> {
    if scope.masked.is_empty() {
        return None;
    }
    let places: Vec<String> = scope.masked.iter().map(|masked| format!("{above}/data{}", masked.pointer)).collect();
    Some(HeaderValue::try_from(places.join(", ")).unwrap_or(HeaderValue::from_static("*")))
}
