//! Headers that belong to one connection and are not passed on (RFC 9110 §7.6.1), either way.

use http::{HeaderMap, HeaderName, header};

/// Whether a header always belongs to the connection. Names are in lower case, as `http` keeps them.
pub(crate) fn is_fixed(name: &str) -> bool {
    match name.as_bytes().first() {
        Some(b'c') => name == "connection",
        Some(b'k') => name == "keep-alive",
        Some(b'p') => matches!(name, "proxy-connection" | "proxy-authenticate" | "proxy-authorization"),
        Some(b't') => matches!(name, "te" | "trailer" | "transfer-encoding"),
        Some(b'u') => name == "upgrade",
        _ => false,
    }
}

/// The headers that the `Connection` headers name besides.
pub(crate) fn named(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(named_in).collect()
}

/// The headers that one `Connection` header names.
pub(crate) fn named_in(value: &str) -> impl Iterator<Item = HeaderName> {
    let words = value.split(',').map(str::trim);
    let plain = |word: &&str| word.eq_ignore_ascii_case("close") || word.eq_ignore_ascii_case("keep-alive");
    let names = words.filter(move |word| !plain(word)).filter_map(|word| HeaderName::try_from(word).ok());
    // The length of a body is not the connection's to take away: without it the next message could begin in this one.
    names.filter(|name| *name != header::CONTENT_LENGTH && *name != header::HOST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn what_connections_name_is_theirs_but_for_the_length() {
        let mut headers = HeaderMap::new();
        headers.append(header::CONNECTION, HeaderValue::from_static("X-Private, close, Content-Length, , bad name"));
        headers.append(header::CONNECTION, HeaderValue::from_static("x-also,Keep-Alive"));
        assert_eq!(named(&headers), ["x-private", "x-also"]);
    }

    #[test]
    fn what_is_always_the_connections() {
        let fixed = ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];
        assert!(fixed.into_iter().all(is_fixed));
        assert!(!["cookie", "content-length", "x-te", "tracestate", "user-agent", "pragma"].into_iter().any(is_fixed));
    }
}
