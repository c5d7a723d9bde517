//! The bytes of a watched connection, either way: each tells the watch what goes on, and where hyper refuses a request
//! that it cannot read with an empty answer, a problem is written in its place. What comes as HTTP/1 is followed from head to
//! head, as HTTP/2 from frame to frame, where a flood is told that it is one. Never changes any other byte.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Watch;
use super::frames::{self, Frames};
use super::framing::Framing;
use crate::unread;
use crate::worker::Worker;

/// Bytes of an answer that are put together before they are written.
const SHORT: usize = 1024;

/// The stream of a watched connection.
pub(crate) struct Watched<S> {
    stream: S,
    watch: Rc<Watch>,
    worker: Rc<Worker>,
    /// What was read before anyone knew which protocol it is.
    before: Bytes,
    /// Where it is HTTP/1, and no tunnel.
    framing: Option<Framing>,
    /// Where it is HTTP/2.
    frames: Option<Frames>,
    /// What was to be written last went out in part only, so that what is written now stands within a frame.
    in_part: bool,
    instead: Option<Instead>,
}

/// What is written in the place of an answer of hyper's own.
struct Instead {
    bytes: Vec<u8>,
    written: usize,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, before: Bytes, watch: Rc<Watch>, worker: Rc<Worker>) -> Self {
        Self { stream, watch, worker, before, framing: None, frames: None, in_part: false, instead: None }
    }

    /// The same, as HTTP/1.
    pub(crate) fn over_http1(mut self) -> Self {
        self.framing = Some(Framing::new());
        self
    }

    /// The same, as HTTP/2.
    pub(crate) fn over_http2(mut self) -> Self {
        self.frames = Some(self.watch.frames());
        self
    }

    /// What comes from now on is no HTTP.
    pub(crate) fn follow_no_more(&mut self) {
        self.framing = None;
    }

    /// Tells the watch what has come.
    fn came(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.watch.hears();
        if let Some((request, doubt)) = self.framing.as_mut().and_then(|framing| framing.follow(bytes)) {
            self.watch.doubts(request, doubt);
        }
        self.frames.as_mut().map_or(Ok(()), |frames| self.watch.follows(frames, bytes))
    }

    fn wrote(&mut self, poll: Poll<io::Result<usize>>, of: usize) -> Poll<io::Result<usize>> {
        self.watch.takes(poll.is_ready());
        if let (Some(frames), Poll::Ready(Ok(bytes))) = (&mut self.frames, &poll) {
            frames.took(*bytes);
            self.in_part = *bytes < of;
        }
        poll
    }

    /// Whether these bytes are an answer of hyper's own, to be replaced.
    fn replaces(&mut self, bytes: &[u8]) -> bool {
        if self.instead.is_none() && self.watch.owes_nothing() {
            let status = unread::status_of(bytes);
            self.instead = status.map(|status| Instead { bytes: unread::answer(&self.worker, status), written: 0 });
        }
        self.instead.is_some()
    }
}

impl<S: AsyncWrite + Unpin> Watched<S> {
    /// Writes a head and what of its body is there; where both are short, as one piece, which the kernel takes faster.
    fn poll_write_together(
        &mut self,
        cx: &mut Context<'_>,
        (parts, length): (&[IoSlice<'_>], usize),
    ) -> Poll<io::Result<usize>> {
        if length > SHORT {
            return Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        }
        let (mut piece, mut length) = ([0; SHORT], 0);
        for part in parts {
            if let Some(place) = piece.get_mut(length..length + part.len()) {
                place.copy_from_slice(part);
                length += part.len();
            }
        }
        Pin::new(&mut self.stream).poll_write(cx, piece.get(..length).unwrap_or_default())
    }

    /// Tells a client whose connection ends for a flood of frames why, where it takes that at once.
    fn say_enough(&mut self, cx: &mut Context<'_>) {
        if !self.in_part && Pin::new(&mut self.stream).poll_write(cx, &frames::ENOUGH).is_ready() {
            let _ = Pin::new(&mut self.stream).poll_flush(cx);
        }
    }

    /// Writes what stands in the place of so many bytes.
    fn poll_instead(&mut self, cx: &mut Context<'_>, length: usize) -> Poll<io::Result<usize>> {
        while let Some(instead) = &mut self.instead {
            let rest = instead.bytes.get(instead.written..).unwrap_or_default();
            if rest.is_empty() {
                self.instead = None;
                break;
            }
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                more => instead.written += more,
            }
        }
        Poll::Ready(Ok(length))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let poll = if self.before.is_empty() {
            Pin::new(&mut self.stream).poll_read(cx, buffer)
        } else {
            let here = self.before.len().min(buffer.remaining());
            buffer.put_slice(&self.before.split_to(here));
            Poll::Ready(Ok(()))
        };
        let came = self.came(buffer.filled().get(before..).unwrap_or_default());
        if came.is_err() {
            self.say_enough(cx);
        }
        came?;
        poll
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let poll = if self.replaces(bytes) {
            self.poll_instead(cx, bytes.len())
        } else {
            Pin::new(&mut self.stream).poll_write(cx, bytes)
        };
        self.wrote(poll, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = parts.iter().map(|part| part.len()).sum();
        let only = parts.first().filter(|_| parts.iter().skip(1).all(|part| part.is_empty()));
        let poll = match only {
            Some(only) if self.replaces(only) => self.poll_instead(cx, only.len()),
            _ => self.poll_write_together(cx, (parts, length)),
        };
        self.wrote(poll, length)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when it has written all it had.
        self.watch.paid();
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
