//! What a status means, how long a receiver asks to be left alone, and how much of an answer is kept.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use super::failure::Failure;
use crate::Attempt;

/// The longest that a receiver is left alone because it says so; what it asks beyond is asked again then.
const MOST_PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);
static DATE: DateTimeParser = DateTimeParser::new();

/// What an answer says.
#[derive(Debug)]
pub(super) enum Said {
    Taken,
    Gone,
    Failed(Failure),
}

/// What this status says. Standard Webhooks count everything but 2xx as a failure that is tried again, except 410; so it is here, but
/// for what is said of the message itself: too large (413), of a media type that is not taken (415), or of a content that cannot be
/// worked on (422). It is the same each time. Every other 4xx may come of a receiver that is being set up, and ends when it is.
pub(super) fn said(status: StatusCode, headers: &HeaderMap) -> Said {
    match status.as_u16() {
        200..=299 => Said::Taken,
        410 => Said::Gone,
        300..=399 => Said::Failed(Failure::Redirected(target(headers))),
        status @ (413 | 415 | 422) => Said::Failed(Failure::Never(status)),
        status => Said::Failed(Failure::Status(status)),
    }
}

/// Where an answer points, without path and query: a secret may stand there. INVARIANT: SECRET-FREE
fn target(headers: &HeaderMap) -> String {
    let uri = headers.get(header::LOCATION).and_then(|value| value.to_str().ok()?.parse::<http::Uri>().ok());
    match uri.as_ref().map(|uri| (uri.scheme_str(), uri.host())) {
        Some((Some(scheme), Some(host))) => format!("`{scheme}://{host}`"),
        Some(_) => "another path".to_owned(),
        None => "somewhere else".to_owned(),
    }
}

/// How long the receiver asks to be left alone: seconds, or until a time.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let asked = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = DATE.parse_timestamp(value).ok()?;
            Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO)
        }
    };
    Some(asked.min(MOST_PATIENCE))
}

/// The beginning of a body as text, without control characters and without what stands in `secret`; none of an empty one.
pub(super) fn excerpt<'a>(bytes: &[u8], secret: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    for value in secret.filter(|value| value.len() >= 6) {
        text = text.replace(value, "…");
    }
    let plain =
        text.split(|letter: char| letter.is_control() || letter.is_whitespace()).filter(|word| !word.is_empty());
    let mut text = plain.collect::<Vec<_>>().join(" ");
    text.truncate(text.floor_char_boundary(Attempt::MOST_EXCERPT));
    if text.is_empty() { None } else { Some(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_a_receiver_is_left_alone() {
        let now: Timestamp = "2026-11-27T12:00:00Z".parse().unwrap();
        let table = [
            ("0", Some(0)),
            ("120", Some(120)),
            ("Fri, 27 Nov 2026 12:00:30 GMT", Some(30)),
            ("Fri, 27 Nov 2026 11:00:00 GMT", Some(0)),
            ("99999999999", Some(86_400)),
            ("Mon, 27 Nov 2090 12:00:00 GMT", Some(86_400)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ];
        for (value, seconds) in table {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]);
            assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs), "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn what_a_redirect_tells_is_only_its_host() {
        let table = [
            (Some("https://login.example/path?token=hunter2"), "`https://login.example`"),
            (Some("/elsewhere?token=hunter2"), "another path"),
            (Some("::"), "somewhere else"),
            (None, "somewhere else"),
        ];
        for (location, told) in table {
            let location = location.map(|it| (header::LOCATION, it.parse().unwrap()));
            assert_eq!(target(&HeaderMap::from_iter(location)), told);
        }
    }

    #[test]
    fn an_excerpt_is_short_and_plain_and_echoes_no_secret() {
        let blank = || [].into_iter();
        assert_eq!(excerpt(b"", blank()), None);
        assert_eq!(excerpt(b"\r\n\t ", blank()), None);
        assert_eq!(excerpt(b"a\x1b[31m\nb \xff", blank()).as_deref(), Some("a [31m b \u{fffd}"));
        assert_eq!(excerpt(b"you sent hunter2x", ["hunter2x", "a"].into_iter()).as_deref(), Some("you sent …"));
        let long = excerpt("ü".repeat(600).as_bytes(), blank()).unwrap();
        assert!(long.len() <= Attempt::MOST_EXCERPT && long.len() > Attempt::MOST_EXCERPT - 2);
    }
}
