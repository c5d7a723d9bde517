//! A permitted request on its way through a direct interface: headers cleaned and marked, bodies streamed both ways,
//! every way in which an upstream can fail turned into an answer.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bytes::BufMut;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, Version, header};
use hyper::body::{Body, Incoming};
use selvage_model::code;
use selvage_model::problem::Problem;

use crate::body::{Progress, Reply, Upload};
use crate::connection::Watch;
use crate::decide::UpstreamRef;
use crate::dial::DialError;
use crate::exchange::Marks;
use crate::head::X_API_KEY;
use crate::hop;
use crate::pool::{Pool, SendError};
use crate::serve::{Admitted, Asked, too_large};

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Where a request goes: the upstream's base, what the contract declares below it, and the query as sent.
pub(crate) fn target(base: &str, rest: &str, query: Option<&str>, marks: &Marks) -> Option<Uri> {
    let longest = base.len() + rest.len() + query.map_or(0, str::len) + 2;
    let text = marks.text(longest, |text| {
        text.put_slice(base.as_bytes());
        text.put_slice(rest.as_bytes());
        if base.is_empty() && rest.is_empty() {
            text.put_u8(b'/');
        }
        if let Some(query) = query {
            text.put_u8(b'?');
            text.put_slice(query.as_bytes());
        }
    });
    PathAndQuery::from_maybe_shared(text).ok().map(Uri::from)
}

/// A request that is ready to be sent.
pub(crate) struct Forward<'a> {
    admitted: Admitted<'a>,
    pool: &'a Rc<Pool>,
    request: Request<Upload>,
    /// How its upload goes, where it has one.
    progress: Option<Rc<Cell<Progress>>>,
}

/// Makes a request ready to be sent.
pub(crate) fn prepare<'a>(
    asked: Asked<'a>,
    admitted: Admitted<'a>,
    upstream: UpstreamRef<'a>,
    target: Option<Uri>,
    peer: HeaderValue,
    parts: Parts,
    body: Incoming,
) -> Result<Forward<'a>, Box<Response<Reply>>> {
    let config = asked.worker.config();
    let (Some(target), Some(pool)) = (target, asked.local.pool(upstream.index)) else {
        let problem = Problem::new(400, code::MALFORMED, "the path and query cannot be passed on");
        return Err(Box::new(asked.fail(admitted, &problem)));
    };
    let mut progress = None;
    let upload = if body.is_end_stream() {
        Upload::Nothing
    } else {
        let progress = progress.insert(Rc::new(Cell::new(Progress::Coming)));
        Upload::Stream { incoming: body, left: config.max_body, progress: Rc::clone(progress) }
    };
    let mut request = Request::new(upload);
    *request.method_mut() = parts.method;
    *request.uri_mut() = target;
    *request.headers_mut() = parts.headers;
    address(request.headers_mut(), &upstream.upstream.authority, peer, config.trust_forwarded);
    asked.exchange.mark(request.headers_mut());
    Ok(Forward { admitted, pool, request, progress })
}

/// Sends a request to its upstream and gives the answer back.
pub(crate) async fn forward<'a>(asked: Asked<'a>, forward: Forward<'a>, watch: &Watch) -> Response<Reply> {
    let Forward { mut admitted, pool, request, progress } = forward;
    let config = asked.worker.config();
    let limit = admitted.permit.served.timeout.unwrap_or(config.request_timeout);
    let answer = watch.within(limit, pool.send(request)).await;
    let progress = progress.map_or(Progress::Complete, |progress| progress.get());
    match answer {
        Some(Ok((response, loan))) => {
            let place = admitted.taken.place.take();
            let response = pass_back(response, |incoming| Reply::upstream(incoming, loan, place, config.stall_timeout));
            asked.finish(admitted, response)
        }
        Some(Err(error)) => {
            let problem = broken(&error, progress, config.max_body);
            tracing::debug!(correlation = asked.exchange.correlation(), code = %problem.code, %error, "no answer");
            asked.fail(admitted, &problem)
        }
        None => asked.fail(admitted, &late(progress, limit)),
    }
}

/// Makes the caller's headers the gateway's own.
fn address(headers: &mut HeaderMap, authority: &HeaderValue, peer: HeaderValue, trust_forwarded: bool) {
    hop::strip(headers);
    // INVARIANT: SECRET-FREE: a key proves something to Selvage, to nobody behind it.
    let ours = [&header::AUTHORIZATION, &X_API_KEY, &header::EXPECT, &header::FORWARDED];
    for name in ours {
        headers.remove(name);
    }
    let host = headers.insert(header::HOST, authority.clone());
    if !trust_forwarded {
        headers.insert(X_FORWARDED_FOR.clone(), peer);
        headers.insert(X_FORWARDED_PROTO.clone(), HeaderValue::from_static("http"));
        match host {
            Some(host) => headers.insert(X_FORWARDED_HOST.clone(), host),
            None => headers.remove(&X_FORWARDED_HOST),
        };
        return;
    }
    headers.append(X_FORWARDED_FOR.clone(), peer);
    if !headers.contains_key(&X_FORWARDED_PROTO) {
        headers.insert(X_FORWARDED_PROTO.clone(), HeaderValue::from_static("http"));
    }
    if let (Some(host), false) = (host, headers.contains_key(&X_FORWARDED_HOST)) {
        headers.insert(X_FORWARDED_HOST.clone(), host);
    }
}

fn pass_back(response: Response<Incoming>, reply: impl FnOnce(Incoming) -> Reply) -> Response<Reply> {
    let mut response = response.map(reply);
    *response.version_mut() = Version::HTTP_11;
    hop::strip(response.headers_mut());
    response
}

fn broken(error: &SendError, progress: Progress, max_body: u64) -> Problem {
    match (progress, error) {
        (Progress::TooLarge, _) => too_large(max_body).problem,
        (Progress::Broken, _) => Problem::new(400, code::MALFORMED, "the body ended before its end"),
        (_, SendError::Unreachable(DialError::Late)) => {
            Problem::new(504, code::UPSTREAM_UNREACHABLE, "connecting to the upstream system took too long")
        }
        (_, SendError::Unreachable(_)) => {
            Problem::new(502, code::UPSTREAM_UNREACHABLE, "the upstream system does not take connections")
        }
        (_, SendError::Broken(_)) => {
            Problem::new(502, code::UPSTREAM_BROKE, "the upstream system broke the connection before its answer")
        }
    }
}

fn late(progress: Progress, limit: Duration) -> Problem {
    let limit = limit.as_millis();
    if progress == Progress::Coming {
        let status = StatusCode::REQUEST_TIMEOUT.as_u16();
        return Problem::new(status, code::BODY_TOO_SLOW, format!("the body did not arrive within {limit} ms"));
    }
    Problem::new(504, code::UPSTREAM_TIMEOUT, format!("the upstream system did not answer within {limit} ms"))
}
