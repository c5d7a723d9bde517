//! Requests that hyper cannot read: it answers them by itself, with a status and nothing else. Here its answer is
//! recognised and one made in its place that says what was wrong, with a correlation id. INVARIANT: TRACED

use http::{HeaderMap, StatusCode};
use selvage_model::code;
use selvage_model::problem::Problem;

use crate::exchange::CORRELATION_ID;
use crate::tally::NOWHERE;
use crate::worker::Worker;

/// hyper's own answers are shorter.
const LONGEST: usize = 200;

/// The status of an answer that hyper made by itself: a head without a body and without the mark that all answers of
/// this program bear.
pub(crate) fn status_of(bytes: &[u8]) -> Option<StatusCode> {
    if bytes.len() > LONGEST || !bytes.starts_with(b"HTTP/1.") {
        return None;
    }
    let (line, rest) = std::str::from_utf8(bytes).ok()?.split_once("\r\n")?;
    let status: StatusCode = line.split(' ').nth(1)?.parse().ok()?;
    let (headers, body) = rest.split_once("\r\n\r\n")?;
    let marked = headers.split("\r\n").any(|line| line.starts_with(CORRELATION_ID.as_str()));
    (status.is_client_error() && body.is_empty() && !marked).then_some(status)
}

/// What is said instead; the connection ends after it.
pub(crate) fn answer(worker: &Worker, status: StatusCode) -> Vec<u8> {
    let (code, detail) = match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE | StatusCode::URI_TOO_LONG => {
            (code::HEAD_TOO_LARGE, too_large(worker.config().max_head, worker.config().max_headers))
        }
        _ => (code::MALFORMED, "this is not an HTTP request that can be read in one way".to_owned()),
    };
    let problem = Problem::new(status.as_u16(), code, detail);
    worker.shard.refused(NOWHERE, code, problem.status);
    // Nothing of the request was understood, so there is no mark of its own to go on with.
    let exchange = worker.marks.exchange(&HeaderMap::new());
    let body = problem.body(exchange.correlation()).to_string();
    let reason = status.canonical_reason().unwrap_or_default();
    format!(
        "HTTP/1.1 {} {reason}\r\nconnection: close\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\
         {CORRELATION_ID}: {}\r\n\r\n{body}",
        status.as_u16(),
        body.len(),
        exchange.correlation()
    )
    .into_bytes()
}

/// Why a head is refused.
pub(crate) fn too_large(bytes: usize, lines: usize) -> String {
    format!("the head of a request has at most {bytes} bytes and {lines} header lines")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hypers_own_answers_are_taken_for_them() {
        let own = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: now\r\n\r\n";
        assert_eq!(status_of(own.as_bytes()), Some(StatusCode::BAD_REQUEST));
        for other in [
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ncorrelation-id: 1\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 1\r\n\r\nx",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n",
            "{\"a\": \"HTTP/1.1 400 Bad Request\r\n\r\n\"}",
            "",
        ] {
            assert_eq!(status_of(other.as_bytes()), None, "{other}");
        }
    }
}
