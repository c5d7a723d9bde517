//! Conditional requests (RFC 9110 §13): whether a caller has a kept answer already, and how an upstream is asked whether
//! what is kept is still right. Pure.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::Answer;
use super::freshness::{elements, time};

/// What describes a body, which a confirmation does not change.
static OF_THE_BODY: [HeaderName; 7] = [
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
];

/// Whether a request's condition says that its caller has this answer: nothing but a 304 is due.
pub(crate) fn is_unmodified(asked: &HeaderMap, status: StatusCode, kept: &HeaderMap) -> bool {
    if !status.is_success() {
        return false;
    }
    let mut tags = asked.get_all(header::IF_NONE_MATCH).iter().peekable();
    if tags.peek().is_some() {
        let tag = kept.get(header::ETAG).and_then(|tag| tag.to_str().ok());
        let lists = tags.filter_map(|tags| tags.to_str().ok());
        return lists
            .flat_map(elements)
            .any(|known| known == "*" || tag.is_some_and(|tag| weak(known) == weak(tag.trim())));
    }
    match (time(asked, &header::IF_MODIFIED_SINCE), time(kept, &header::LAST_MODIFIED)) {
        (Some(since), Some(modified)) => modified <= since,
        _ => false,
    }
}

/// Whether a request wants an answer only where it has none like it.
pub(super) fn is_conditional(asked: &HeaderMap) -> bool {
    asked.contains_key(header::IF_NONE_MATCH) || asked.contains_key(header::IF_MODIFIED_SINCE)
}

/// A tag as weak comparison sees it.
fn weak(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// Asks whether this answer is still right, in the place of what the caller wants to know; whether that can be asked.
pub(crate) fn ask_whether(asked: &mut HeaderMap, kept: &Answer) -> bool {
    let tag = kept.headers.get(header::ETAG).map(|tag| (header::IF_NONE_MATCH, tag));
    let since = || kept.headers.get(header::LAST_MODIFIED).map(|since| (header::IF_MODIFIED_SINCE, since));
    let Some((name, value)) = tag.or_else(since).filter(|_| kept.status == StatusCode::OK) else { return false };
    asked.remove(header::IF_NONE_MATCH);
    asked.remove(header::IF_MODIFIED_SINCE);
    asked.insert(name, value.clone());
    true
}

/// Whether an answer without a body tells of another one than this.
pub(crate) fn is_another(kept: &HeaderMap, told: &HeaderMap) -> bool {
    [header::ETAG, header::LAST_MODIFIED].iter().any(|name| told.contains_key(name) && told.get(name) != kept.get(name))
}

/// The headers of a kept answer that was confirmed by these; `None` where they confirm another one.
pub(crate) fn confirmed(kept: &HeaderMap, by: &HeaderMap) -> Option<HeaderMap> {
    if let Some(tag) = by.get(header::ETAG) {
        let text = |tag: &HeaderValue| tag.to_str().ok().map(|tag| weak(tag.trim()).to_owned());
        if kept.get(header::ETAG).and_then(text) != text(tag) {
            return None;
        }
    } else if let Some(modified) = by.get(header::LAST_MODIFIED)
        && kept.get(header::LAST_MODIFIED) != Some(modified)
    {
        return None;
    }
    let mut merged = kept.clone();
    // They told of the moment when it came.
    merged.remove(header::AGE);
    merged.remove(header::DATE);
    for name in by.keys().filter(|name| !OF_THE_BODY.contains(*name)) {
        merged.remove(name);
        for value in by.get_all(name) {
            merged.append(name.clone(), value.clone());
        }
    }
    Some(merged)
}

/// Leaves out what describes a body that is not sent.
pub(crate) fn without_body(headers: &mut HeaderMap) {
    for name in &OF_THE_BODY {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Lines = [(&'static str, &'static str)];

    fn headers(lines: &Lines) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn who_has_it_already() {
        let kept = headers(&[("etag", "W/\"b,c\""), ("last-modified", "Thu, 26 Nov 2026 11:00:00 GMT")]);
        let table: &[(&Lines, bool)] = &[
            (&[], false),
            (&[("if-none-match", "\"b,c\"")], true),
            (&[("if-none-match", "\"a\", W/\"b,c\"")], true),
            (&[("if-none-match", "\"a\""), ("if-none-match", "\"b,c\"")], true),
            (&[("if-none-match", "*")], true),
            (&[("if-none-match", "\"b\"")], false),
            (&[("if-none-match", "b,c")], false),
            (&[("if-none-match", "W/W/\"b,c\"")], false),
            // The tag counts where both are given.
            (&[("if-none-match", "\"a\""), ("if-modified-since", "Thu, 26 Nov 2026 12:00:00 GMT")], false),
            (&[("if-modified-since", "Thu, 26 Nov 2026 11:00:00 GMT")], true),
            (&[("if-modified-since", "Thu, 26 Nov 2026 10:00:00 GMT")], false),
            (&[("if-modified-since", "yesterday")], false),
        ];
        for (lines, expected) in table {
            assert_eq!(is_unmodified(&headers(lines), StatusCode::OK, &kept), *expected, "{lines:?}");
            assert!(!is_unmodified(&headers(lines), StatusCode::NOT_FOUND, &kept), "{lines:?}");
        }
        assert!(!is_unmodified(&headers(&[("if-none-match", "\"b\"")]), StatusCode::OK, &HeaderMap::new()));
    }

    #[test]
    fn an_upstream_confirms_what_is_kept_and_nothing_else() {
        let kept = headers(&[("etag", "\"a\""), ("age", "9"), ("content-type", "text/plain"), ("x-a", "1")]);
        let by = headers(&[("etag", "W/\"a\""), ("content-type", "text/html"), ("x-a", "2"), ("x-a", "3")]);
        let merged = confirmed(&kept, &by).unwrap();
        assert_eq!(merged, headers(&[("etag", "W/\"a\""), ("content-type", "text/plain"), ("x-a", "2"), ("x-a", "3")]));
        assert_eq!(confirmed(&kept, &headers(&[("etag", "\"b\"")])), None);
        assert!(confirmed(&kept, &HeaderMap::new()).is_some());
        assert_eq!(confirmed(&HeaderMap::new(), &headers(&[("etag", "\"b\"")])), None);
    }

    #[test]
    fn the_callers_condition_gives_way_to_ours() {
        let mut asked = headers(&[("if-none-match", "\"x\""), ("if-modified-since", "then"), ("accept", "*/*")]);
        let kept = |status, lines: &Lines| crate::cache::tests::kept(status, lines);
        assert!(!ask_whether(&mut asked, &kept(StatusCode::OK, &[])));
        assert!(!ask_whether(&mut asked, &kept(StatusCode::NOT_FOUND, &[("etag", "\"a\"")])));
        assert_eq!(asked.len(), 3, "what cannot be asked changes nothing");
        assert!(ask_whether(&mut asked, &kept(StatusCode::OK, &[("etag", "\"a\""), ("last-modified", "now")])));
        assert_eq!(asked, headers(&[("accept", "*/*"), ("if-none-match", "\"a\"")]));
        assert!(ask_whether(&mut asked, &kept(StatusCode::OK, &[("last-modified", "now")])));
        assert_eq!(asked, headers(&[("accept", "*/*"), ("if-modified-since", "now")]));
    }

    #[test]
    fn what_a_head_tells_of() {
        let kept = headers(&[("etag", "\"a\"")]);
        assert!(!is_another(&kept, &HeaderMap::new()) && !is_another(&kept, &kept));
        assert!(is_another(&kept, &headers(&[("etag", "\"b\"")])));
        assert!(is_another(&kept, &headers(&[("last-modified", "now")])));
    }
}
