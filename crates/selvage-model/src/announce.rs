//! What a deprecated interface announces with everything that it sends or answers, and when it sends and answers nothing. Pure: the time is
//! given.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

use crate::manifest::interface::{Brownout, Criticality, Deprecation, Interface, Lifecycle};

/// `Deprecation`, RFC 9745.
pub const DEPRECATION: &str = "deprecation";
/// `Sunset`, RFC 8594.
pub const SUNSET: &str = "sunset";
/// `Link`, RFC 8288.
pub const LINK: &str = "link";

/// The headers of everything of a deprecated interface, by lower-case name; with the path of its successor, where it has one.
pub fn headers(deprecation: &Deprecation, successor: Option<&str>) -> Vec<(&'static str, String)> {
    let since = midnight(deprecation.since).map(|since| format!("@{}", since.as_second()));
    let sunset = deprecation.sunset.and_then(midnight).and_then(http_date);
    let link = successor.map(successor_link);
    let all = [(DEPRECATION, since), (SUNSET, sunset), (LINK, link)].into_iter();
    all.filter_map(|(name, value)| Some((name, value?))).collect()
}

/// What leads to a successor.
pub fn successor_link(path: &str) -> String {
    format!("<{path}>; rel=\"successor-version\"")
}

/// The windows in which a deprecated interface refuses everything. INVARIANT: FAIL-SAFE: never one on which a plant depends.
pub fn brownouts(interface: &Interface) -> &[Brownout] {
    let tier = interface.classification.as_ref().map(|classification| classification.criticality);
    match &interface.lifecycle {
        Lifecycle::Deprecated(deprecation) if tier != Some(Criticality::Tier1) => &deprecation.brownouts,
        _ => &[],
    }
}

/// Until when it refuses everything now, if it does.
pub fn brownout(interface: &Interface, now: Timestamp) -> Option<Timestamp> {
    brownouts(interface).iter().find(|window| window.from <= now && now < window.to).map(|window| window.to)
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
        let expected = [("deprecation", "@1788220800"), ("sunset", "Mon, 01 Mar 2027 00:00:00 GMT")];
        assert_eq!(headers(&declared, None), expected.map(|(name, value)| (name, value.to_owned())));
        let link = headers(&declared, Some("/stock/v2")).pop().unwrap();
        assert_eq!(link, (LINK, "</stock/v2>; rel=\"successor-version\"".to_owned()));
    }
}
