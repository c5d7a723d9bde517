//! The head of a request as decisions see it: borrowed, nothing copied.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};

use crate::certificate::ClientCertificate;

/// `X-Api-Key`, the other way to present a key.
pub(crate) static X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// `Idempotency-Key`, by which a write is known.
pub(crate) static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The head of a request.
#[derive(Clone, Copy, Debug)]
pub struct Head<'h> {
    /// Its method.
    pub method: &'h Method,
    /// The host that its target names, where it does (HTTP/2, absolute form).
    pub authority: Option<&'h str>,
    /// Its path as sent, percent-encoded.
    pub path: &'h str,
    /// Its query as sent, without the `?`.
    pub query: Option<&'h str>,
    /// Its protocol version.
    pub version: Version,
    /// Its headers.
    pub headers: &'h HeaderMap,
    /// The certificate that its connection's client proved to hold, where it showed one.
    pub client: Option<&'h ClientCertificate>,
}

impl<'h> Head<'h> {
    /// The key that the caller presents: `Authorization: Bearer …`, else `X-Api-Key: …`.
    pub(crate) fn presented_key(&self) -> Option<&'h [u8]> {
        let bearer = self.headers.get(header::AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
        bearer.or_else(|| self.headers.get(&X_API_KEY).map(|value| value.as_bytes().trim_ascii()))
    }

    /// Whether it presents more than one key or token: which of them counts, two readers could see differently.
    pub(crate) fn proves_twice(&self) -> bool {
        let mut all = self.headers.get_all(header::AUTHORIZATION).iter();
        let (first, second) = (all.next(), all.next());
        let mut keys = self.headers.get_all(&X_API_KEY).iter();
        let (key, another) = (keys.next(), keys.next());
        let differ = |(first, key): (&HeaderValue, &HeaderValue)| {
            bearer(first.as_bytes()).is_some_and(|bearer| bearer != key.as_bytes().trim_ascii())
        };
        second.is_some() || another.is_some() || first.zip(key).is_some_and(differ)
    }

    /// Whether the head breaks HTTP in a way that two servers could read differently.
    pub(crate) fn is_ambiguous(&self) -> Option<&'static str> {
        // Each header is looked at once: there are few.
        let (mut host, mut hosts, mut types, mut codings, mut lengths, mut coded) = (None, 0, 0, 0, 0, false);
        for (name, value) in self.headers {
            if *name == header::HOST {
                host = Some(value.as_bytes());
                hosts += 1;
            } else if *name == header::CONTENT_TYPE {
                types += 1;
            } else if *name == header::CONTENT_ENCODING {
                codings += 1;
            } else if *name == header::CONTENT_LENGTH {
                lengths += 1;
            } else if *name == header::TRANSFER_ENCODING {
                coded = true;
            }
        }
        match host {
            None if self.version == Version::HTTP_11 => return Some("a request needs a `Host` header"),
            Some(_) if hosts > 1 => return Some("a request has one `Host` header"),
            Some(host) if !is_host(host) => return Some("the `Host` header is no host"),
            Some(host) if !self.goes_to(host) => {
                return Some("the `Host` header and the target of the request name different hosts");
            }
            _ => {}
        }
        if types > 1 || codings > 1 {
            return Some("a request says once what its body is");
        }
        // Over HTTP/1.1 lengths that differ end the connection before; over HTTP/2 the frames count, and what is passed on
        // would be read by one length or the other.
        if self.version == Version::HTTP_2 && lengths > 1 {
            return Some("a request says once how long its body is");
        }
        if coded && !is_plainly_chunked(self.headers) {
            return Some("`Transfer-Encoding` may only be `chunked`");
        }
        (coded && lengths > 0).then_some("a request has `Transfer-Encoding` or `Content-Length`, not both")
    }

    /// Whether the target names no other host than this.
    fn goes_to(&self, host: &[u8]) -> bool {
        self.authority.is_none_or(|authority| authority.as_bytes().eq_ignore_ascii_case(host))
    }
}

/// Whether a `Host` header holds nothing but a name or address and a port: what else stands there, servers cut off in
/// different places.
fn is_host(host: &[u8]) -> bool {
    host.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']' | b'~' | b'%'))
}

fn is_plainly_chunked(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let chunked = codings.next().is_some_and(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"));
    chunked && codings.next().is_none()
}

/// What stands behind `Bearer`.
pub(crate) fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii())
}
