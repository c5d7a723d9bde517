//! The head of a request as an upstream gets it: the caller's headers without what belongs to their connection or
//! proves something to Selvage, with the marks of the exchange.

use http::request::Parts;
use http::{HeaderValue, Method, Version, header};

use crate::exchange::Exchange;
use crate::hop;
use crate::peer::Peer;
use crate::snapshot::Upstream;

/// A request on its way to an upstream.
pub(crate) struct Ask<'a> {
    /// The caller's head.
    pub(crate) parts: Parts,
    /// How much of its path stands before what the contract declares.
    pub(crate) prefix: usize,
    /// Where it goes.
    pub(crate) upstream: &'a Upstream,
    /// The caller.
    pub(crate) peer: &'a Peer,
    /// Its marks.
    pub(crate) exchange: &'a Exchange,
    /// Whether the caller's `X-Forwarded-…` are kept and extended.
    pub(crate) trust_forwarded: bool,
    /// Whether its body is sent in chunks.
    pub(crate) chunked: bool,
    /// Whether it is to become a WebSocket.
    pub(crate) websocket: bool,
}

impl Ask<'_> {
    /// Writes the head.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let Parts { method, uri, headers, .. } = &self.parts;
        let rest = uri.path().get(self.prefix..).unwrap_or_default();
        let base = self.upstream.base.as_str();
        let root = if base.is_empty() && rest.is_empty() { "/" } else { "" };
        put(out, &[method.as_str(), " ", base, rest, root]);
        if let Some(query) = uri.query() {
            put(out, &["?", query]);
        }
        put(out, &[" HTTP/1.1"]);
        line(out, "host", self.upstream.authority.as_bytes());
        let named = if headers.contains_key(header::CONNECTION) { hop::named(headers) } else { Vec::new() };
        // HTTP/2 cuts cookies into lines of their own; here they are one (RFC 9113 §8.2.3).
        let crumbs = self.parts.version == Version::HTTP_2 && headers.contains_key(header::COOKIE);
        for (name, value) in headers {
            if self.passes(name.as_str()) && !named.contains(name) && !(crumbs && *name == header::COOKIE) {
                line(out, name.as_str(), value.as_bytes());
            }
        }
        if crumbs {
            self.write_cookies(out);
        }
        line(out, "correlation-id", self.exchange.correlation.as_bytes());
        line(out, "traceparent", self.exchange.traceparent.as_bytes());
        self.write_forwarded(out);
        if self.chunked {
            line(out, "transfer-encoding", b"chunked");
        }
        if self.websocket {
            line(out, "connection", b"upgrade");
            line(out, "upgrade", b"websocket");
        }
        put(out, &["\r\n\r\n"]);
    }

    fn write_cookies(&self, out: &mut Vec<u8>) {
        line(out, "cookie", b"");
        for (place, crumb) in self.parts.headers.get_all(header::COOKIE).iter().enumerate() {
            if place > 0 {
                out.extend_from_slice(b"; ");
            }
            out.extend_from_slice(crumb.as_bytes());
        }
    }

    fn write_forwarded(&self, out: &mut Vec<u8>) {
        let headers = &self.parts.headers;
        let kept = |name: &str| self.trust_forwarded && headers.contains_key(name);
        line(out, "x-forwarded-for", b"");
        if self.trust_forwarded {
            for before in headers.get_all("x-forwarded-for") {
                out.extend_from_slice(before.as_bytes());
                out.extend_from_slice(b", ");
            }
        }
        out.extend_from_slice(self.peer.address.as_bytes());
        if !kept("x-forwarded-proto") {
            line(out, "x-forwarded-proto", self.peer.scheme().as_bytes());
        }
        let authority = || self.parts.uri.authority().map(|authority| authority.as_str().as_bytes());
        let host = headers.get(header::HOST).map(HeaderValue::as_bytes).or_else(authority);
        if let (Some(host), false) = (host, kept("x-forwarded-host")) {
            line(out, "x-forwarded-host", host);
        }
    }

    /// Whether a caller's header is passed on as it is.
    pub(crate) fn passes(&self, name: &str) -> bool {
        // Some servers read `_` as `-`: what may not pass in the one spelling does not in the other.
        if name.as_bytes().contains(&b'_') {
            let spelled = name.replace('_', "-");
            let of_body = matches!(spelled.as_str(), "content-length" | "content-type" | "content-encoding");
            return !of_body && self.passes(&spelled);
        }
        match name.as_bytes().first() {
            // INVARIANT: SECRET-FREE: a key proves something to Selvage, to nobody behind it.
            Some(b'a') => name != "authorization",
            Some(b'c') => name != "correlation-id" && !hop::is_fixed(name),
            Some(b'e') => name != "expect",
            Some(b'f') => name != "forwarded",
            Some(b'h') => name != "host",
            // INVARIANT: SECRET-FREE: it holds an operator's key.
            Some(b's') => name != "selvage-explain",
            Some(b't') => match name {
                "traceparent" => false,
                "tracestate" => self.exchange.continues,
                _ => !hop::is_fixed(name),
            },
            Some(b'x') => match name {
                "x-api-key" | "x-forwarded-for" => false,
                // INVARIANT: DECLARED: they would make another operation of the one that was decided about.
                "x-http-method-override"
                | "x-http-method"
                | "x-method-override"
                | "x-original-url"
                | "x-rewrite-url" => false,
                "x-real-ip" => self.trust_forwarded,
                _ => self.trust_forwarded || !name.starts_with("x-forwarded-"),
            },
            _ => !hop::is_fixed(name),
        }
    }

    /// Whether it may be sent again after it went out: it asks for nothing to change.
    pub(crate) fn is_safe(&self) -> bool {
        matches!(self.parts.method, Method::GET | Method::HEAD | Method::OPTIONS)
    }
}

/// The next line of a head; the one before it is ended first.
fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
}

fn put(out: &mut Vec<u8>, texts: &[&str]) {
    for text in texts {
        out.extend_from_slice(text.as_bytes());
    }
}
