//! Which protocol a client speaks that did not say it by TLS: HTTP/2 with prior knowledge begins with a preface that is
//! no request of HTTP/1.1 (RFC 9113 §3.4).

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::connection::Watch;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What is read at once: most heads come whole.
const ROOM: usize = 1024;

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// Reads until it is known what the client speaks; gives back what was read. A client that has said nothing yet when the
/// connection is asked to close says nothing any more: many connect ahead of need, and nobody waits for them.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin), watch: &Watch) -> io::Result<(Protocol, Bytes)> {
    let mut read = BytesMut::with_capacity(ROOM);
    loop {
        let is_silent = read.is_empty();
        let more = tokio::select! {
            biased;
            more = stream.read_buf(&mut read) => more?,
            () = watch.asked_to_close(), if is_silent => 0,
        };
        if more == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        watch.hears();
        if let Some(protocol) = told_by(&read) {
            return Ok((protocol, read.freeze()));
        }
    }
}

/// What these first bytes tell, where they are enough.
fn told_by(read: &[u8]) -> Option<Protocol> {
    let here = read.len().min(PREFACE.len());
    match read.get(..here) == PREFACE.get(..here) {
        false => Some(Protocol::Http1),
        true => (here == PREFACE.len()).then_some(Protocol::Http2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell() {
        let whole = [PREFACE, b"\x00\x00"].concat();
        for (read, told) in [
            (&b"GET / HTTP/1.1"[..], Some(Protocol::Http1)),
            (b"POST / HTTP/1.1", Some(Protocol::Http1)),
            (b"P", None),
            (b"PRI * HTTP/2.0\r\n\r\n", None),
            (b"PRI * HTTP/2.0\r\n\r\nXX", Some(Protocol::Http1)),
            (b"PRI * HTTP/1.1\r\n\r\n", Some(Protocol::Http1)),
            (PREFACE, Some(Protocol::Http2)),
            (&whole, Some(Protocol::Http2)),
        ] {
            assert_eq!(told_by(read), told, "{}", String::from_utf8_lossy(read));
        }
    }
}
