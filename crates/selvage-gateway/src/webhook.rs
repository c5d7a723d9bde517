//! Calls of webhooks: proven to be their sender's, read, and handed to the engine, which answers once they are on stable storage. A
//! call that is not proven is told nothing that would help to prove the next.

mod encoded;
mod key;
mod proof;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode, header};
use hyper::body::Incoming;
use selvage_model::arrival::{Arrival, WebhookCall};
use selvage_model::code;
use selvage_model::event::MOST_BODY;
use selvage_model::problem::Problem;
use serde_json::{Value, json};

use crate::answer;
use crate::body::Reply;
use crate::burden::{Bearer, Held};
use crate::contract::Violation;
use crate::decide::CalledRef;
use crate::json;
use crate::live::Now;
use crate::mediate::{in_foreign_charset, is_json};
use crate::refusal::Refusal;
use crate::serve::{Asked, OneMore, longer, too_large};
use crate::tally::{Noted, SeriesName, Side, Verdict};
use crate::whole::{self, Read, Terms};
pub use key::{WebhookKey, WebhookKeyError, WebhookKeys};
pub(crate) use proof::Demand;
use proof::{Call, Proven, Unproven};

/// How long a sender waits where the interface does not say.
const PATIENCE: Duration = Duration::from_secs(10);
const JSON: &str = "application/json";

/// What a call came to.
enum Outcome<'a> {
    Arrived(Arrival),
    Refused(Box<Refusal<'a>>, Rest),
}

/// What became of the body of a refused call.
enum Rest {
    Read,
    /// Nobody read it.
    Unread(Incoming),
    /// Nobody reads what is left of it.
    Left,
}

/// Takes a call. `rest`: how many bytes of the path are behind the interface's own: they may be a secret.
pub(crate) async fn take<'a>(
    asked: Asked<'a>,
    called: CalledRef<'a>,
    rest: usize,
    parts: Parts,
    body: Incoming,
) -> Response<Reply> {
    let _in_hand = OneMore::begin(&asked.worker.in_hand);
    let served = called.served;
    let expects = parts.headers.contains_key(header::EXPECT);
    let (refusal, left) = match hear(asked, called, rest, &parts, body).await {
        Outcome::Arrived(Arrival::Refused(problem)) => {
            note(asked, called, unfit(&problem));
            (Box::new(Refusal::of(problem)), Rest::Read)
        }
        Outcome::Arrived(arrival) => return give(asked, called, &arrival),
        Outcome::Refused(refusal, left) => (refusal, left),
    };
    // Its path is not told to anybody: it may hold the secret. INVARIANT: SECRET-FREE
    let mut response = asked.refuse(&refusal.at(served, Some(0)), parts.method.as_str(), "");
    match left {
        Rest::Read => {}
        Rest::Unread(body) => return asked.decline(response, body, expects).await,
        Rest::Left => asked.end_connection(&mut response),
    }
    response
}

async fn hear<'a>(asked: Asked<'a>, called: CalledRef<'a>, rest: usize, parts: &Parts, body: Incoming) -> Outcome<'a> {
    let CalledRef { served, demand } = called;
    let nanos = || asked.worker.shared.books.nanos(Instant::now());
    let most = asked.most_of(served).min(MOST_BODY as u64);
    let shut = longer(parts, most).or_else(|| asked.unheard(nanos(), served.serves_for));
    if let Some(refusal) = shut.or_else(|| asked.no_room(served.criticality)) {
        return Outcome::Refused(Box::new(refusal), Rest::Unread(body));
    }
    let keys = asked.worker.shared.webhooks.load_full();
    let keys = keys.get(&served.reference).map(Vec::as_slice).unwrap_or_default();
    let Some(address) = asked.peer.address.to_str().ok().and_then(|text| text.parse::<IpAddr>().ok()) else {
        return Outcome::Refused(unproven(called, Unproven::Address), Rest::Unread(body));
    };
    let path = parts.uri.path();
    let rest = path.get(path.len().saturating_sub(rest)..).unwrap_or_default();
    let call = Call { rest, headers: &parts.headers, address, client: asked.peer.certificate.as_ref() };
    let begun = match demand.begin(call, keys, asked.now) {
        Ok(begun) => begun,
        Err(why) => return Outcome::Refused(unproven(called, why), Rest::Unread(body)),
    };
    let bytes = match read(asked, called, most, body).await {
        Ok(bytes) => bytes,
        Err(problem) => return Outcome::Refused(Box::new(Refusal::of(problem)), Rest::Left),
    };
    let Proven { time, signed } = match begun.finish(keys, &bytes) {
        Ok(proven) => proven,
        Err(why) => return Outcome::Refused(unproven(called, why), Rest::Read),
    };
    // Only now: whoever proves nothing takes nothing of what the sender may.
    let entered = asked.local.live.take_open(served, || Now { nanos: nanos(), wall: asked.now }).await;
    let _place = match entered {
        Ok(entered) => entered,
        Err(refusal) => return Outcome::Refused(refusal, Rest::Read),
    };
    let (body, held) = match understood(asked, called, parts, &bytes) {
        Ok(understood) => understood,
        Err(problem) => return Outcome::Refused(Box::new(Refusal::of(problem)), Rest::Read),
    };
    let Some(name) = demand.name(&parts.headers, &bytes, &body, signed) else {
        let detail = "the id by which a call is known is not where the interface says, or is no text of 1 to 256 bytes";
        return Outcome::Refused(Box::new(Refusal::of(Problem::new(422, code::WEBHOOK_ID, detail))), Rest::Read);
    };
    let correlation = asked.exchange.correlation().to_owned();
    let release = asked.snapshot().release().to_owned();
    let call = WebhookCall { interface: served.reference.clone(), name, time, body, release, correlation };
    let patience = served.timeout.unwrap_or(PATIENCE);
    match tokio::time::timeout(patience, asked.worker.shared.mediation.call(call, held)).await {
        Ok(arrival) => Outcome::Arrived(arrival),
        Err(_) => {
            let detail = "it is not known in time whether the call was kept; send it again with the same id";
            Outcome::Arrived(Arrival::Refused(Problem::new(503, code::OUTCOME_LATE, detail).retry_after(1)))
        }
    }
}

/// One answer for all that is not proven. Why it is not is for operators.
fn unproven<'a>(called: CalledRef<'a>, why: Unproven) -> Box<Refusal<'a>> {
    tracing::debug!(interface = %called.served.reference, why = why.as_str(), "a call is not proven");
    let refusal =
        Refusal::new(StatusCode::UNAUTHORIZED, code::WEBHOOK_UNPROVEN, "the call is not proven to be its sender's");
    Box::new(refusal)
}

async fn read(asked: Asked<'_>, called: CalledRef<'_>, most: u64, body: Incoming) -> Result<Bytes, Problem> {
    let served = called.served;
    let bearer = Bearer::new(&asked.worker.shared.burden, served.criticality);
    let limit = served.timeout.unwrap_or(asked.worker.config().request_timeout);
    match whole::read(body, most, Terms { limit, bearer }).await {
        Read::Whole(bytes) => Ok(bytes),
        Read::Part(..) => Err(too_large(most).problem),
        Read::NoRoom(ahead, _) => Err(bearer.no_room(ahead.len())),
        Read::Failed(problem) => Err(problem),
    }
}

/// What a call says: JSON, also where its sender does not say what it is.
fn understood(asked: Asked<'_>, called: CalledRef<'_>, parts: &Parts, bytes: &[u8]) -> Result<(Value, Held), Problem> {
    let media_type = parts.headers.get(header::CONTENT_TYPE);
    if media_type.is_some_and(|value| !value.to_str().is_ok_and(is_json)) {
        return Err(Problem::new(415, code::BODY_TYPE, "send the body as `Content-Type: application/json`"));
    }
    if let Some(problem) = media_type.and_then(|value| value.to_str().ok()).and_then(in_foreign_charset) {
        return Err(problem);
    }
    let encoded =
        parts.headers.get(header::CONTENT_ENCODING).is_some_and(|it| !it.as_bytes().eq_ignore_ascii_case(b"identity"));
    if encoded {
        return Err(Problem::new(
            415,
            code::BODY_TYPE,
            "send the body without `Content-Encoding`: nothing is unpacked here",
        ));
    }
    let bearer = Bearer::new(&asked.worker.shared.burden, called.served.criticality);
    let mut scale = bearer.scale(bytes.len());
    let body = json::read_weighed(bytes, &mut scale).map_err(|error| match scale.is_full() {
        true => scale.no_room(),
        false => Problem::new(400, code::BODY_NOT_JSON, error),
    })?;
    Ok((body, scale.whole()?.held()))
}

fn give(asked: Asked<'_>, called: CalledRef<'_>, arrival: &Arrival) -> Response<Reply> {
    let (status, body) = match arrival {
        Arrival::Kept { event, known, found } => {
            note(asked, called, Some(found.iter().map(|error| Violation::of_field(error, "object")).collect()));
            (if *known { StatusCode::OK } else { StatusCode::ACCEPTED }, json!({"event": event}))
        }
        Arrival::Hinted(_) | Arrival::Refused(_) => (StatusCode::ACCEPTED, json!({})),
    };
    let mut response = answer::json(status, &body, JSON);
    let served = called.served;
    let shard = &asked.worker.shard;
    shard.in_minute(asked.local.live.interface(served), asked.minute());
    shard.answered(series(asked, called), status);
    shard.took(asked.local.live.first_operation(served), asked.started.elapsed());
    answer::announce(served, response.headers_mut());
    response
}

/// What of a refusal is about the contract of the call; none where it was for something else.
fn unfit(problem: &Problem) -> Option<Vec<Violation>> {
    (problem.code == code::CALL_UNFIT).then(|| Violation::of_problem(problem, "object", |_| false))
}

/// Counts what was found in a call, as nobody's but its interface's.
fn note(asked: Asked<'_>, called: CalledRef<'_>, found: Option<Vec<Violation>>) {
    let Some(found) = found else { return };
    let noted = Noted::new(Side::Request, Verdict::Fits, found);
    asked.worker.shard.noted(series(asked, called), &noted, asked.now.as_second());
}

fn series(asked: Asked<'_>, called: CalledRef<'_>) -> u32 {
    let served = called.served;
    let operation = served.operation(0).map(|operation| operation.name.clone()).unwrap_or_default();
    let name = SeriesName { interface: served.reference.clone(), consumer: None, operation };
    asked.worker.shared.books.names.series(name)
}
