//! The headers that an interface announces its life and its limits with, made once per snapshot.

use http::{HeaderName, HeaderValue, header};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use selvage_model::manifest::interface::Deprecation;
use selvage_model::scalar::Quota;

/// `Deprecation`, RFC 9745.
pub(crate) static DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
/// `Sunset`, RFC 8594.
pub(crate) static SUNSET: HeaderName = HeaderName::from_static("sunset");

/// The headers of every answer of a deprecated interface; with the path of its successor, where it has one.
pub(super) fn deprecation(deprecation: &Deprecation, successor: Option<&str>) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    let since = midnight(deprecation.since).map(|since| format!("@{}", since.as_second()));
    let sunset = deprecation.sunset.and_then(midnight).and_then(http_date);
    let link = successor.map(successor_link);
    for (name, text) in [(&DEPRECATION, since), (&SUNSET, sunset), (&header::LINK, link)] {
        headers.extend(text.and_then(|text| HeaderValue::try_from(text).ok()).map(|value| (name.clone(), value)));
    }
    headers
}

/// The headers of the answer of a retired interface; with the path of its successor, where it has one.
pub(super) fn retirement(successor: Option<&str>) -> Vec<(HeaderName, HeaderValue)> {
    let link = successor.map(successor_link).and_then(|link| HeaderValue::try_from(link).ok());
    link.into_iter().map(|value| (header::LINK, value)).collect()
}

/// `"grant";q=20;w=1, "quota";q=1000000;w=86400`: draft-ietf-httpapi-ratelimit-headers. Of each limit its name, and how
/// many requests in how many seconds.
pub(super) fn policy(limits: &[(&str, Option<(u64, u64)>)]) -> Option<HeaderValue> {
    let items: Vec<String> = limits
        .iter()
        .filter_map(|(name, limit)| limit.map(|(count, seconds)| format!("\"{name}\";q={count};w={seconds}")))
        .collect();
    (!items.is_empty()).then(|| HeaderValue::try_from(items.join(", ")).ok()).flatten()
}

/// How many requests in how many seconds; a month has at least so many.
pub(super) fn quota(quota: Quota) -> (u64, u64) {
    (quota.count, quota.window.shortest().as_secs())
}

fn successor_link(path: &str) -> String {
    format!("<{path}>; rel=\"successor-version\"")
}

fn midnight(date: Date) -> Option<Timestamp> {
    date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// IMF-fixdate, RFC 9110.
fn http_date(at: Timestamp) -> Option<String> {
    rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_announced_as_its_beginning_in_utc() {
        let declared = Deprecation {
            since: jiff::civil::date(2026, 9, 1),
            sunset: Some(jiff::civil::date(2027, 3, 1)),
            successor: None,
            brownouts: Vec::new(),
        };
        let headers = deprecation(&declared, None);
        let texts: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(texts, [("deprecation", "@1788220800"), ("sunset", "Mon, 01 Mar 2027 00:00:00 GMT")]);
    }
}
