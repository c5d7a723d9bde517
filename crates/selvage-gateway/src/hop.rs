//! Headers that belong to one connection and are not passed on (RFC 9110 §7.6.1), either way.

use http::{HeaderMap, HeaderName, header};

static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Removes what belongs to the connection, with all that its `Connection` headers name.
pub(crate) fn strip(headers: &mut HeaderMap) {
    // Most have none: looking through few names is cheaper than asking for each.
    if !headers.keys().any(belongs_to_connection) {
        return;
    }
    if headers.contains_key(header::CONNECTION) {
        for name in named(headers) {
            headers.remove(name);
        }
    }
    for name in fixed() {
        headers.remove(name);
    }
}

fn fixed() -> [&'static HeaderName; 9] {
    [
        &header::CONNECTION,
        &KEEP_ALIVE,
        &PROXY_CONNECTION,
        &header::PROXY_AUTHENTICATE,
        &header::PROXY_AUTHORIZATION,
        &header::TE,
        &header::TRAILER,
        &header::TRANSFER_ENCODING,
        &header::UPGRADE,
    ]
}

fn belongs_to_connection(name: &HeaderName) -> bool {
    let name = name.as_str();
    match name.as_bytes().first() {
        Some(b'c' | b'k' | b'p' | b't' | b'u') => fixed().iter().any(|fixed| fixed.as_str() == name),
        _ => false,
    }
}

fn named(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let words = values.flat_map(|value| value.split(',')).map(str::trim);
    let plain = |word: &&str| word.eq_ignore_ascii_case("close") || word.eq_ignore_ascii_case("keep-alive");
    let names = words.filter(|word| !plain(word)).filter_map(|word| HeaderName::try_from(word).ok());
    // The length of a body is not the connection's to take away: without it the next request could begin in this one.
    names.filter(|name| *name != header::CONTENT_LENGTH && *name != header::HOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn what_belongs_to_the_connection_is_removed() {
        let mut headers = HeaderMap::new();
        let all = [
            ("connection", "X-Private, close, Content-Length"),
            ("connection", "x-also"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("upgrade", "websocket"),
            ("x-private", "1"),
            ("x-also", "2"),
            ("x-kept", "3"),
            ("content-length", "4"),
        ];
        for (name, value) in all {
            headers.append(name, HeaderValue::from_static(value));
        }
        strip(&mut headers);
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["x-kept", "content-length"]);
    }
}
