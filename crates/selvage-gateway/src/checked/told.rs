//! What the headers of an answer tell to a grant that does not see all of its body. HTTP's own and the contract's pass; what else
//! an upstream says may hold anything. Addresses pass where they neither name what is masked nor repeat it.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::Value;

use super::named::named_in;
use crate::path;
use crate::snapshot::{DirectScope, Withheld};

/// Headers that say nothing of a record. Tags and times of an answer change with what is masked in it: they are not among them.
const KNOWN: [&str; 40] = [
    "accept-ranges",
    "age",
    "allow",
    "cache-control",
    "clear-site-data",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-range",
    "content-security-policy",
    "content-type",
    "correlation-id",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "date",
    "deprecation",
    "expires",
    "idempotency-replayed",
    "link",
    "location",
    "pragma",
    "preference-applied",
    "proxy-authenticate",
    "referrer-policy",
    "request-id",
    "retry-after",
    "server",
    "set-cookie",
    "strict-transport-security",
    "sunset",
    "trailer",
    "vary",
    "via",
    "www-authenticate",
    "x-content-type-options",
    "x-frame-options",
    "x-request-id",
];
/// How families of such headers begin.
const FAMILIES: [&str; 3] = ["access-control-", "ratelimit", "x-ratelimit-"];
/// Those that name a record.
static ADDRESSES: [HeaderName; 5] = [
    header::LOCATION,
    header::LINK,
    header::CONTENT_LOCATION,
    header::CONTENT_DISPOSITION,
    HeaderName::from_static("refresh"),
];
/// Shorter values stand everywhere by chance.
const SHORTEST: usize = 4;
/// Values that are looked for.
const MOST_VALUES: usize = 256;

/// Takes away what may tell of what is masked.
pub(super) fn mask(scope: &DirectScope, headers: &mut HeaderMap) {
    let tells = |name: &HeaderName| {
        let known = KNOWN.contains(&name.as_str()) || FAMILIES.iter().any(|family| name.as_str().starts_with(family));
        !(known || scope.declares_header(name.as_str())) || scope.masked_header(name.as_str()).is_some()
    };
    let names_masked = |value: &HeaderValue| {
        let address = decoded(value);
        matches!(named_in(scope, &address), Some(Withheld::Masked(_)))
    };
    forget(headers, |name, value| tells(name) || (ADDRESSES.contains(name) && names_masked(value)));
    headers.remove(header::ETAG);
    headers.remove(header::LAST_MODIFIED);
}

/// Takes away the addresses and the contract's headers that repeat one of these values.
pub(super) fn forget_repeating(scope: &DirectScope, headers: &mut HeaderMap, values: &[String]) {
    if values.is_empty() {
        return;
    }
    forget(headers, |name, value| {
        let may = ADDRESSES.contains(name) || scope.declares_header(name.as_str());
        may && *name != header::CONTENT_TYPE && {
            let said = decoded(value);
            values.iter().any(|masked| said.contains(masked.as_str()))
        }
    });
}

/// The texts and numbers in what is masked, in lower case; those that stand anywhere by chance are left out.
pub(super) fn values(masked: &Value, found: &mut Vec<String>) {
    match masked {
        Value::Object(members) => members.values().for_each(|member| values(member, found)),
        Value::Array(items) => items.iter().for_each(|item| values(item, found)),
        Value::String(_) | Value::Number(_) if found.len() < MOST_VALUES => {
            let text = masked.as_str().map_or_else(|| masked.to_string(), str::to_owned).to_lowercase();
            if text.len() >= SHORTEST && !found.contains(&text) {
                found.push(text);
            }
        }
        _ => {}
    }
}

fn forget(headers: &mut HeaderMap, goes: impl Fn(&HeaderName, &HeaderValue) -> bool) {
    let gone: Vec<HeaderName> =
        headers.iter().filter(|(name, value)| goes(name, value)).map(|(name, _)| name.clone()).collect();
    for name in gone {
        headers.remove(name);
    }
}

/// A header as its words are, in each way in which they may be escaped.
fn decoded(value: &HeaderValue) -> String {
    let ways = [false, true].map(|plus| path::decode(value.as_bytes(), plus).unwrap_or_default());
    let raw = String::from_utf8_lossy(value.as_bytes());
    let [plain, of_query] = ways.each_ref().map(|way| String::from_utf8_lossy(way));
    format!("{raw}\n{plain}\n{of_query}").to_lowercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn known_headers_are_told_apart_by_a_search() {
        assert!(KNOWN.is_sorted(), "so that one is found once");
    }

    #[test]
    fn values_that_are_looked_for() {
        let mut found = Vec::new();
        values(&json!({"a": ["Anna Maes", 32470, true, null, "ghe"], "b": "anna maes"}), &mut found);
        assert_eq!(found, ["anna maes", "32470"]);
    }

    #[test]
    fn a_value_is_found_in_any_spelling() {
        for (said, value) in [
            ("/people/anna%20maes", "anna maes"),
            ("/people?name=Anna+Maes", "anna maes"),
            ("<tel:+32470>", "+32470"),
            ("/%zz/anna maes", "anna maes"),
        ] {
            assert!(decoded(&HeaderValue::from_static(said)).contains(value), "{said}");
        }
    }
}
