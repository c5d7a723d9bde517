//! One connection to an upstream, and what is said over it: a request's head and body out, an answer's head and body
//! in. It is polled by the task of the client whose request it carries, without a task or a channel of its own.
//! hyper serves the clients; its client, driven by a second task per connection, cost a quarter of the whole path.

mod chunk;
mod request;
mod response;

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use hyper::body::{Body, SizeHint};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::body::{Broken, Upload};
use crate::dial::Stream;
use chunk::{Chunked, Part};
pub(crate) use request::Ask;
use response::Framing;
pub(crate) use response::{Answer, BadAnswer};

const LEAST_ROOM: usize = 2 * 1024;
const ROOM: usize = 16 * 1024;
const MOST_ROOM: usize = 64 * 1024;

/// Why a talk ends before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TalkError {
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    #[error("the upstream closed the connection")]
    Closed,
    #[error("{0}")]
    Answer(#[from] BadAnswer),
    #[error("{0}")]
    Upload(#[source] Broken),
}

/// A connection with what is said over it.
pub(crate) struct Talk {
    stream: Stream,
    input: BytesMut,
    /// Where the headers of the answer stand while it is read.
    places: Vec<response::Place>,
    output: Vec<u8>,
    sent: usize,
    upload: Upload,
    /// Whether the upload goes out in chunks.
    in_chunks: bool,
    /// Whether the request is to become a WebSocket.
    websocket: bool,
    /// Whether anything of this request went out.
    wrote: bool,
    flushed: bool,
    left: Left,
    keeps: bool,
    /// How many interim answers came before the one that is waited for.
    interim: u8,
    /// In which round of what the node shows it was made.
    round: u32,
}

/// What is left of an answer's body.
#[derive(Clone, Copy, Debug)]
enum Left {
    Length(u64),
    Chunked(Chunked),
    Close,
}

impl Talk {
    pub(crate) fn new(stream: Stream, round: u32) -> Self {
        Self {
            stream,
            round,
            interim: 0,
            input: BytesMut::new(),
            places: Vec::new(),
            output: Vec::new(),
            sent: 0,
            upload: Upload::Nothing,
            in_chunks: false,
            websocket: false,
            wrote: false,
            flushed: true,
            left: Left::Length(0),
            keeps: true,
        }
    }

    /// In which round of what the node shows it was made.
    pub(crate) fn round(&self) -> u32 {
        self.round
    }

    /// Whether an idle connection has closed, or says something that nobody asked for.
    pub(crate) fn is_stale(&mut self) -> bool {
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(&mut self.stream).poll_read(&mut context, &mut buffer).is_ready()
    }

    /// Begins a request.
    pub(crate) fn begin(&mut self, ask: &Ask<'_>, upload: Upload) {
        self.output.clear();
        ask.write(&mut self.output);
        self.sent = 0;
        self.upload = upload;
        self.in_chunks = ask.chunked;
        self.websocket = ask.websocket;
        self.wrote = false;
        self.flushed = false;
        self.keeps = false;
        self.interim = 0;
    }

    /// The upload back, where nothing of the request went out.
    pub(crate) fn unsent(&mut self) -> Option<Upload> {
        (!self.wrote).then(|| std::mem::replace(&mut self.upload, Upload::Nothing))
    }

    /// Says the request and waits for the answer's head; fills `headers` then, and leaves them alone before.
    pub(crate) fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
        asked: &Method,
        headers: &mut HeaderMap,
    ) -> Poll<Result<Answer, TalkError>> {
        // An upstream may answer and close before it took all: what it said counts more than that it hung up.
        let said = match self.poll_say(cx) {
            Poll::Ready(Err(error @ TalkError::Upload(_))) => return Poll::Ready(Err(error)),
            Poll::Ready(Err(error)) => Some(error),
            Poll::Ready(Ok(())) | Poll::Pending => None,
        };
        loop {
            if !self.input.is_empty()
                && let Some(answer) = self.take_answer(asked, headers)?
            {
                self.keeps = answer.keeps && said.is_none();
                self.left = match answer.framing {
                    Framing::Length(length) => Left::Length(length),
                    Framing::Chunked => Left::Chunked(Chunked::default()),
                    Framing::Close => Left::Close,
                };
                return Poll::Ready(Ok(answer));
            }
            match (self.poll_hear(cx, LEAST_ROOM), said.is_some()) {
                (Poll::Ready(Ok(0)), false) => return Poll::Ready(Err(TalkError::Closed)),
                (Poll::Ready(Ok(1..)), _) => {}
                (Poll::Ready(Err(error)), false) => return Poll::Ready(Err(error.into())),
                (Poll::Pending, false) => return Poll::Pending,
                (_, true) => return Poll::Ready(Err(said.unwrap_or(TalkError::Closed))),
            }
        }
    }

    fn take_answer(&mut self, asked: &Method, headers: &mut HeaderMap) -> Result<Option<Answer>, BadAnswer> {
        let buffers = (&mut self.input, &mut self.places);
        response::take(buffers, asked, self.websocket, headers, &mut self.interim)
    }

    /// The next bytes of the answer's body; `None` at its end.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, TalkError>>> {
        if self.is_heard() {
            return Poll::Ready(None);
        }
        if let Poll::Ready(Err(error @ TalkError::Upload(_))) = self.poll_say(cx) {
            return Poll::Ready(Some(Err(error)));
        }
        loop {
            match self.take_data() {
                Ok(Part::Data(data)) => return Poll::Ready(Some(Ok(data))),
                Ok(Part::End) => return Poll::Ready(None),
                Ok(Part::More) => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
            let room = match self.left {
                Left::Length(length) => usize::try_from(length).unwrap_or(MOST_ROOM).clamp(LEAST_ROOM, MOST_ROOM),
                Left::Chunked(_) | Left::Close => ROOM,
            };
            match ready!(self.poll_hear(cx, room)) {
                Ok(0) if matches!(self.left, Left::Close) => {
                    self.left = Left::Length(0);
                    return Poll::Ready(None);
                }
                Ok(0) => return Poll::Ready(Some(Err(TalkError::Closed))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
    }

    /// The whole of the answer's body, where all of it has come.
    pub(crate) fn take_whole(&mut self) -> Option<Bytes> {
        let Left::Length(length) = self.left else { return None };
        let length = usize::try_from(length).ok().filter(|length| *length <= self.input.len())?;
        self.left = Left::Length(0);
        Some(self.input.split_to(length).freeze())
    }

    fn take_data(&mut self) -> Result<Part, BadAnswer> {
        match &mut self.left {
            Left::Length(0) => Ok(Part::End),
            Left::Chunked(chunked) => chunked.take(&mut self.input),
            Left::Length(_) | Left::Close if self.input.is_empty() => Ok(Part::More),
            Left::Length(length) => {
                let here = usize::try_from(*length).unwrap_or(usize::MAX).min(self.input.len());
                *length -= here as u64;
                Ok(Part::Data(self.input.split_to(here).freeze()))
            }
            Left::Close => Ok(Part::Data(self.input.split().freeze())),
        }
    }

    /// Whether the whole answer was heard.
    pub(crate) fn is_heard(&self) -> bool {
        match self.left {
            Left::Length(length) => length == 0,
            Left::Chunked(chunked) => chunked.is_done(),
            Left::Close => false,
        }
    }

    /// Whether the connection may serve another request: all was said and heard, and nothing more.
    pub(crate) fn is_reusable(&self) -> bool {
        let said = self.sent == self.output.len() && self.flushed && matches!(self.upload, Upload::Nothing);
        self.keeps && said && self.is_heard() && self.input.is_empty()
    }

    /// The connection itself, and what was heard on it beyond the answer.
    pub(crate) fn into_stream(self) -> (Stream, BytesMut) {
        (self.stream, self.input)
    }

    /// What is known of the length of the answer's body.
    pub(crate) fn size_hint(&self) -> SizeHint {
        match self.left {
            Left::Length(length) => SizeHint::with_exact(length),
            Left::Chunked(_) | Left::Close => SizeHint::default(),
        }
    }

    /// Says as much as the connection takes and the upload has.
    fn poll_say(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TalkError>> {
        loop {
            while let Some(rest) = self.output.get(self.sent..).filter(|rest| !rest.is_empty()) {
                match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                    0 => return Poll::Ready(Err(TalkError::Closed)),
                    more => self.sent += more,
                }
                self.wrote = true;
                self.flushed = false;
            }
            if matches!(self.upload, Upload::Nothing) {
                break;
            }
            ready!(self.poll_upload(cx))?;
        }
        if !self.flushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Takes the next of the upload to be said.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TalkError>> {
        let frame = match Pin::new(&mut self.upload).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                // While the caller has nothing more, the upstream gets what there is.
                if !self.flushed && Pin::new(&mut self.stream).poll_flush(cx)?.is_ready() {
                    self.flushed = true;
                }
                return Poll::Pending;
            }
        };
        self.output.clear();
        self.sent = 0;
        match frame {
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                if self.in_chunks && !data.is_empty() {
                    self.output.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
                }
                self.output.extend_from_slice(&data);
                if self.in_chunks && !data.is_empty() {
                    self.output.extend_from_slice(b"\r\n");
                }
            }
            Some(Err(error)) => return Poll::Ready(Err(TalkError::Upload(error))),
            None => {
                self.upload = Upload::Nothing;
                if self.in_chunks {
                    self.output.extend_from_slice(b"0\r\n\r\n");
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Hears what there is; 0 where the upstream closed.
    fn poll_hear(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<io::Result<usize>> {
        if self.input.capacity() - self.input.len() < room {
            self.input.reserve(room.max(ROOM));
        }
        pin!(self.stream.read_buf(&mut self.input)).poll(cx)
    }
}
