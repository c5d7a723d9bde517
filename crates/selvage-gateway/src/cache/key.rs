//! What kept answers are found by: all of a request that its upstream gets and could answer by, and what its grant shows.
//! Whatever is left out of that is named here, so that no header of one request decides what another one is given.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::path;
use crate::snapshot::Lease;
use crate::talk::Ask;

/// What one answer is found by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// The path, as [`place_of`] writes it.
    pub(crate) place: Arc<str>,
    /// The rest, exactly.
    pub(crate) request: Arc<[u8]>,
}

/// What the answers are found by that a request may be given.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// Of its own grant.
    pub(crate) own: Key,
    /// Of all whose grants show as much, where the interface says so.
    pub(crate) shared: Option<Key>,
}

/// Headers that make no other key: what they say is done here, or they mark one request among others. An answer that names
/// one of them in `Vary` is for those who say the same.
const UNKEYED: [&str; 9] = [
    "cache-control",
    "if-modified-since",
    "if-none-match",
    "pragma",
    "request-id",
    "tracestate",
    "user-agent",
    "x-correlation-id",
    "x-request-id",
];

/// Whether a header marks one request: it is not kept with an answer.
pub(super) fn is_mark(name: &str) -> bool {
    matches!(name, "correlation-id" | "request-id" | "traceresponse" | "x-correlation-id" | "x-request-id")
}

/// Headers that say how the answer may be used, or that are no part of what is asked for: with them a request passes by.
const UNKEPT: [HeaderName; 7] = [
    header::COOKIE,
    header::IF_MATCH,
    header::IF_RANGE,
    header::IF_UNMODIFIED_SINCE,
    header::RANGE,
    header::UPGRADE,
    header::TRANSFER_ENCODING,
];

/// Whether answers to a request with these headers are neither kept nor given from what is kept.
pub(crate) fn passes_by(headers: &HeaderMap) -> bool {
    // Requests have few headers: each is looked at once.
    headers.keys().any(|name| UNKEPT.contains(name))
}

/// Takes out of a request whose answer others may get what its caller may choose and no key holds: what the upstream does
/// not hear of cannot make an answer for everyone.
pub(crate) fn leave_out_unkeyed(headers: &mut HeaderMap) {
    for name in ["request-id", "tracestate", "user-agent", "x-correlation-id", "x-forwarded-for", "x-request-id"] {
        headers.remove(name);
    }
}

/// The same of what a caller says about kept answers: that is answered here.
pub(crate) fn leave_out_wishes(headers: &mut HeaderMap) {
    for name in [header::CACHE_CONTROL, header::PRAGMA, header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE] {
        headers.remove(name);
    }
}

impl Keys {
    /// The keys of a request.
    pub(crate) fn of(ask: &Ask<'_>, lease: &Lease, same_for_all: bool) -> Self {
        let (uri, headers) = (&ask.parts.uri, &ask.parts.headers);
        let below = uri.path().get(ask.prefix..).unwrap_or_default();
        let place = place_of(below);
        let mut request = Vec::with_capacity(512);
        let mut line = |parts: &[&[u8]]| {
            parts.iter().for_each(|part| request.extend_from_slice(part));
            request.push(b'\n');
        };
        line(&[below.as_bytes(), b"?", uri.query().unwrap_or("\n").as_bytes()]);
        // The upstream is told of both.
        let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
        let host = host.or_else(|| uri.authority().map(|authority| authority.as_str().as_bytes()));
        line(&[ask.peer.scheme().as_bytes(), b"://", &host.unwrap_or_default().to_ascii_lowercase()]);
        let shows = lease.shows.as_ref().map_or(&[][..], |shows| &shows.0);
        line(&[shows]);
        let keyed = |name: &HeaderName| ask.passes(name.as_str()) && !UNKEYED.contains(&name.as_str());
        let mut said: Vec<(&HeaderName, &HeaderValue)> = headers.iter().filter(|(name, _)| keyed(name)).collect();
        // The order of lines with one name tells something, that of names nothing.
        said.sort_by_key(|(name, _)| name.as_str());
        for (name, value) in said {
            line(&[name.as_str().as_bytes(), b": ", value.as_bytes()]);
        }
        let own = [lease.id().as_bytes(), b"\n", &request].concat();
        let shared = same_for_all.then(|| [b"\n", request.as_slice()].concat());
        let key = |request: Vec<u8>| Key { place: Arc::clone(&place), request: request.into() };
        Self { own: key(own), shared: shared.map(key) }
    }

    /// All of them, the ones that more use first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Key> {
        self.shared.iter().chain([&self.own])
    }
}

/// A path as a place that is changed and read, in whatever spelling a server takes for the same: decoded, in lower case,
/// without parameters and empty segments.
pub(crate) fn place_of(path: &str) -> Arc<str> {
    let mut place = String::with_capacity(path.len());
    for segment in path.split('/') {
        let decoded = path::decode_segment(segment);
        let plain = decoded.as_deref().unwrap_or(segment).split(';').next().unwrap_or_default();
        if !plain.is_empty() {
            place.push('/');
            place.push_str(&plain.to_lowercase());
        }
    }
    place.into()
}

/// One of the places that [`related`] names, where there is any.
pub(super) fn first_related<V>(map: &BTreeMap<Arc<str>, V>, place: &str) -> Option<Arc<str>> {
    let parts = parts_of(place);
    let mut parts = map.range::<str, _>((Bound::Included(parts.0.as_str()), Bound::Excluded(parts.1.as_str())));
    let known = |place: &str| map.get_key_value(place).map(|(place, _)| Arc::clone(place));
    parts.next().map(|(place, _)| Arc::clone(place)).or_else(|| at_and_above(place).find_map(known))
}

/// Where the parts of a place begin, and where they end: `0` comes after `/`.
fn parts_of(place: &str) -> (String, String) {
    (format!("{place}/"), format!("{place}0"))
}

/// A place, and what it is a part of.
fn at_and_above(place: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(place), |place| place.rfind('/').and_then(|end| place.get(..end)))
}

/// The places of a map that a change of this one may change, too: itself, what it is a part of, and its parts.
pub(super) fn related<V>(map: &BTreeMap<Arc<str>, V>, place: &str) -> Vec<Arc<str>> {
    let (first, past) = parts_of(place);
    let parts = map.range::<str, _>((Bound::Included(first.as_str()), Bound::Excluded(past.as_str())));
    let mut all: Vec<Arc<str>> = parts.map(|(place, _)| Arc::clone(place)).collect();
    all.extend(at_and_above(place).filter_map(|place| map.get_key_value(place)).map(|(place, _)| Arc::clone(place)));
    all
}

/// Whether a place is this one or a part of it.
pub(super) fn is_part(place: &str, of: &str) -> bool {
    place.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What a request says in those headers that an answer depends on and that are in no key.
pub(super) fn unkeyed(vary: Vec<HeaderName>, asked: &HeaderMap) -> Vec<(HeaderName, Vec<HeaderValue>)> {
    let names = vary.into_iter().filter(|name| UNKEYED.contains(&name.as_str()));
    let own = |value: &HeaderValue| HeaderValue::from_bytes(value.as_bytes()).ok();
    names
        .map(|name| {
            let values = asked.get_all(&name).iter().filter_map(own).collect();
            (name, values)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_path_are_one_place() {
        for path in ["/items/a b", "/items/A%20b", "/items//a%20b/", "/Items/a b;v=1", "/%69tems/a b"] {
            assert_eq!(&*place_of(path), "/items/a b", "{path}");
        }
        assert_eq!((&*place_of(""), &*place_of("/")), ("", ""));
    }

    #[test]
    fn a_change_touches_what_is_above_and_below() {
        let places = ["", "/items", "/items/1", "/items/1/picture", "/items/10", "/items-old", "/orders", "/items/2"];
        let map: BTreeMap<Arc<str>, ()> = places.iter().map(|place| (Arc::from(*place), ())).collect();
        let touched = |place: &str| {
            let mut all: Vec<String> = related(&map, place).iter().map(ToString::to_string).collect();
            all.sort();
            all
        };
        assert_eq!(touched("/items/1"), ["", "/items", "/items/1", "/items/1/picture"]);
        assert_eq!(touched("/items"), ["", "/items", "/items/1", "/items/1/picture", "/items/10", "/items/2"]);
        assert_eq!(touched("/items/3/cancel"), ["", "/items"]);
        assert_eq!(touched("").len(), places.len());
        let mut left = map.clone();
        while let Some(place) = first_related(&left, "/items") {
            left.remove(&place);
        }
        let left: Vec<&str> = left.keys().map(|place| &**place).collect();
        assert_eq!(left, ["/items-old", "/orders"], "one after the other, all are found");
    }
}
