//! Answers that Selvage gives itself: problems (RFC 9457), JSON, and the headers that announce limits and life.

use bytes::{BufMut, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use selvage_model::problem::Problem;
use serde_json::Value;

use crate::body::Reply;
use crate::exchange::Marks;
use crate::live::Left;
use crate::refusal::Refusal;
use crate::snapshot::Served;

static RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
static RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Headers that are another one in each answer.
static NEVER_TWICE: [HeaderName; 8] = [
    HeaderName::from_static("correlation-id"),
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("request-id"),
    HeaderName::from_static("selvage-explain"),
    HeaderName::from_static("traceresponse"),
    HeaderName::from_static("x-correlation-id"),
    HeaderName::from_static("x-ratelimit-remaining"),
    HeaderName::from_static("x-request-id"),
];

/// Has HTTP/2 keep none of what is said only once: each such value would push another out of the connection's table of headers, and
/// none is ever found there again.
pub(crate) fn say_once(headers: &mut HeaderMap) {
    for name in &NEVER_TWICE {
        if let Some(value) = headers.get_mut(name) {
            value.set_sensitive(true);
        }
    }
}

/// An answer with no body.
pub(crate) fn empty(status: StatusCode) -> Response<Reply> {
    let mut response = Response::new(Reply::nothing());
    *response.status_mut() = status;
    response
}

/// The media type of plain text.
pub(crate) const PLAIN: &str = "text/plain; charset=utf-8";

/// Text of this media type.
pub(crate) fn text(status: StatusCode, body: &'static str, media_type: &'static str) -> Response<Reply> {
    let mut response = Response::new(Reply::whole(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// A body of JSON.
pub(crate) fn json(status: StatusCode, body: &Value, media_type: &'static str) -> Response<Reply> {
    let mut response = Response::new(Reply::whole(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// A problem.
pub(crate) fn problem(problem: &Problem, correlation: &str) -> Response<Reply> {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, &problem.body(correlation), "application/problem+json");
    if let Some(seconds) = problem.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A refusal with what its headers say.
pub(crate) fn refusal(refusal: &Refusal<'_>, correlation: &str) -> Response<Reply> {
    let mut response = problem(&refusal.problem, correlation);
    let headers = response.headers_mut();
    if let Some(allow) = &refusal.allow {
        headers.insert(header::ALLOW, allow.clone());
    }
    if let Some(challenge) = refusal.challenge {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if let Some(served) = refusal.served {
        announce(served, headers);
    }
    response
}

/// Announces an interface's life: `Deprecation`, `Sunset`, `Link`. INVARIANT: LIVE-LIFECYCLE
pub(crate) fn announce(served: &Served, headers: &mut HeaderMap) {
    for (name, value) in &served.announces {
        if *name == header::LINK {
            headers.append(name.clone(), value.clone());
        } else {
            headers.insert(name.clone(), value.clone());
        }
    }
}

/// Says what is left of a limit: `RateLimit` and `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers.
pub(crate) fn say_left(left: &Left, marks: &Marks, headers: &mut HeaderMap) {
    let value = marks.header(80, |text| {
        text.put_u8(b'"');
        text.put_slice(left.name.as_bytes());
        text.put_slice(b"\";r=");
        put_decimal(text, left.requests);
        text.put_slice(b";t=");
        put_decimal(text, left.seconds);
    });
    headers.insert(RATELIMIT.clone(), value);
    if let Some(policy) = &left.policy {
        headers.insert(RATELIMIT_POLICY.clone(), policy.clone());
    }
}

/// Says that the connection ends after this answer: what is left of the request's body is not read.
pub(crate) fn end_connection(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
}

fn put_decimal(text: &mut impl BufMut, mut number: u64) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit += u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        first = place;
        if number == 0 {
            break;
        }
    }
    text.put_slice(digits.get(first..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_another_each_time_is_kept_in_no_table() {
        let names = ["correlation-id", "ratelimit", "ratelimit-policy", "content-type"];
        let mut headers: HeaderMap =
            names.into_iter().map(|name| (HeaderName::from_static(name), HeaderValue::from_static("a"))).collect();
        say_once(&mut headers);
        assert_eq!(names.map(|name| headers[name].is_sensitive()), [true, true, false, false]);
    }

    #[test]
    fn numbers_are_written_whole() {
        for number in [0, 7, 10, 99, 100, 1_000_000, u64::MAX] {
            let mut text = Vec::new();
            put_decimal(&mut text, number);
            assert_eq!(text, number.to_string().as_bytes());
        }
    }
}
