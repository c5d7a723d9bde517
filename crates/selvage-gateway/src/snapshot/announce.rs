//! The headers that an interface announces its life and its limits with, made once per snapshot.

use http::{HeaderName, HeaderValue, header};
use selvage_model::announce;
use selvage_model::manifest::interface::Deprecation;
use selvage_model::scalar::Quota;

/// The headers of every answer of a deprecated interface; with the path of its successor, where it has one.
pub(super) fn deprecation(deprecation: &Deprecation, successor: Option<&str>) -> Vec<(HeaderName, HeaderValue)> {
    let made = announce::headers(deprecation, successor).into_iter();
    made.filter_map(|(name, text)| Some((HeaderName::from_static(name), HeaderValue::try_from(text).ok()?))).collect()
}

/// The headers of the answer of a retired interface; with the path of its successor, where it has one.
pub(super) fn retirement(successor: Option<&str>) -> Vec<(HeaderName, HeaderValue)> {
    let link = successor.map(announce::successor_link).and_then(|link| HeaderValue::try_from(link).ok());
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
