//! Bodies on their way: a caller's upload, counted and bounded while it streams, and an answer, either whole or
//! streamed from an upstream whose connection goes back to its pool at the end. Nothing is collected here.

use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use crate::connection::{InHand, Watch};
use crate::gate::Place;
use crate::held::Held;
use crate::pool::Loan;
use crate::pull::EventStream;
use crate::talk::TalkError;

/// Bytes of a body that was read already which are passed on at once.
const PIECE: usize = 64 * 1024;

/// Why a body ends before its end.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The client broke off.
    Client(hyper::Error),
    /// The upstream broke off.
    Upstream(Box<TalkError>),
    /// It is larger than allowed.
    TooLarge,
    /// No byte came for too long.
    Stalled,
    /// It was not whole in the time that its interface gives it.
    Late,
    /// The key or the grant that opened it was taken back.
    Revoked,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client(_) => "the client broke off its body",
            Self::Upstream(_) => "the upstream broke off its body",
            Self::TooLarge => "the body is too large",
            Self::Stalled => "the body stalled",
            Self::Late => "the body was not whole in time",
            Self::Revoked => "the right by which the body came was taken back",
        })
    }
}

impl std::error::Error for Broken {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Client(error) => Some(error),
            Self::Upstream(error) => Some(error),
            Self::TooLarge | Self::Stalled | Self::Late | Self::Revoked => None,
        }
    }
}

/// How an upload goes, for whoever waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Still coming.
    Coming,
    /// All of it was taken.
    Complete,
    /// It is larger than allowed.
    TooLarge,
    /// The client broke off.
    Broken,
    /// Its right ended while it came.
    Revoked,
}

/// A caller's body on its way to an upstream.
#[derive(Debug)]
pub(crate) enum Upload {
    /// None.
    Nothing,
    /// Passed on as it comes.
    Stream {
        /// The caller's body.
        incoming: Incoming,
        /// Bytes that may still come.
        left: u64,
        /// How it goes.
        progress: Rc<Cell<Progress>>,
        /// Whom to tell whether it comes.
        watch: Rc<Watch>,
        /// By which right it flows, once that is known.
        held: Option<Rc<Held>>,
    },
    /// What was read of it already, and the rest.
    Ahead {
        /// What was read.
        read: Bytes,
        /// The rest.
        rest: Box<Upload>,
    },
}

impl Upload {
    /// A body that was read to its end.
    pub(crate) fn whole(read: Bytes) -> Self {
        Self::Nothing.after(read)
    }

    /// Says by which right it flows.
    pub(crate) fn flows_by(&mut self, right: &Rc<Held>) {
        match self {
            Self::Nothing => {}
            Self::Stream { held, .. } => *held = Some(Rc::clone(right)),
            Self::Ahead { rest, .. } => rest.flows_by(right),
        }
    }

    /// The same after what was read of it already.
    pub(crate) fn after(self, read: Bytes) -> Self {
        Self::Ahead { read, rest: Box::new(self) }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let (incoming, left, progress, watch, held) = match self.get_mut() {
            Self::Nothing => return Poll::Ready(None),
            Self::Ahead { read, rest } if read.is_empty() => return Pin::new(&mut **rest).poll_frame(cx),
            Self::Ahead { read, .. } => {
                // In pieces: each is copied to where it is sent from.
                let piece = read.split_to(read.len().min(PIECE));
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            Self::Stream { incoming, left, progress, watch, held } => (incoming, left, progress, watch, held),
        };
        if held.as_ref().is_some_and(|held| held.has_ended()) {
            progress.set(Progress::Revoked);
            return Poll::Ready(Some(Err(Broken::Revoked)));
        }
        let poll = Pin::new(incoming).poll_frame(cx);
        watch.comes(poll.is_ready());
        if let (true, Some(held)) = (poll.is_pending(), held) {
            held.wait(cx);
        }
        let frame = match std::task::ready!(poll) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                progress.set(Progress::Broken);
                return Poll::Ready(Some(Err(Broken::Client(error))));
            }
            None => {
                progress.set(Progress::Complete);
                return Poll::Ready(None);
            }
        };
        let Some(data) = frame.data_ref() else {
            // Trailers are not passed on: the upstream never agreed to any.
            progress.set(Progress::Complete);
            return Poll::Ready(None);
        };
        let Some(rest) = left.checked_sub(data.remaining() as u64) else {
            progress.set(Progress::TooLarge);
            return Poll::Ready(Some(Err(Broken::TooLarge)));
        };
        *left = rest;
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Stream { incoming, .. } => incoming.is_end_stream(),
            Self::Ahead { read, rest } => read.is_empty() && rest.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Nothing => SizeHint::with_exact(0),
            Self::Stream { incoming, .. } => incoming.size_hint(),
            Self::Ahead { read, rest } => more(read, rest.size_hint()),
        }
    }
}

/// The size of a body after what was read of it already.
fn more(read: &Bytes, rest: SizeHint) -> SizeHint {
    let read = read.len() as u64;
    let mut hint = SizeHint::new();
    hint.set_lower(rest.lower() + read);
    if let Some(upper) = rest.upper() {
        hint.set_upper(upper + read);
    }
    hint
}

/// An answer's body on its way to the caller.
pub(crate) struct Reply {
    /// What was read of it already.
    ahead: Option<Bytes>,
    source: Source,
    /// The interface's place, held until the answer is given.
    _place: Option<Place>,
    in_hand: Option<InHand>,
    /// When it must be whole, where its interface says.
    end: Option<Pin<Box<Sleep>>>,
}

enum Source {
    Nothing,
    Whole(Bytes),
    Upstream { loan: Loan, stall: Duration, sleep: Option<Pin<Box<Sleep>>>, held: Rc<Held> },
    Events(Box<EventStream>),
}

impl Reply {
    /// No body.
    pub(crate) fn nothing() -> Self {
        Self { ahead: None, source: Source::Nothing, _place: None, in_hand: None, end: None }
    }

    /// This body.
    pub(crate) fn whole(body: impl Into<Bytes>) -> Self {
        Self { source: Source::Whole(body.into()), ..Self::nothing() }
    }

    /// What an upstream sends; its connection goes back to the pool at the end.
    pub(crate) fn upstream(
        mut loan: Loan,
        place: Option<Place>,
        stall: Duration,
        held: impl FnOnce() -> Rc<Held>,
    ) -> Self {
        // Short ones mostly came with their heads: then nothing is waited for, and nothing is to be held to a right.
        if let Some(whole) = loan.talk.take_whole() {
            loan.give_back();
            return Self { source: Source::Whole(whole), _place: place, ..Self::nothing() };
        }
        if loan.talk.is_heard() {
            loan.give_back();
            return Self { _place: place, ..Self::nothing() };
        }
        let source = Source::Upstream { loan, stall, sleep: None, held: held() };
        Self { source, _place: place, ..Self::nothing() }
    }

    /// Events as they come.
    pub(crate) fn events(stream: EventStream, place: Option<Place>) -> Self {
        Self { source: Source::Events(Box::new(stream)), _place: place, ..Self::nothing() }
    }

    /// Holds this as the whole body, whatever there was.
    pub(crate) fn hold(&mut self, body: Bytes) {
        self.ahead = None;
        self.source = Source::Whole(body);
    }

    /// Takes back what was read of the body; the rest comes after it.
    pub(crate) fn put_back(&mut self, read: Bytes) {
        self.ahead = Some(read);
    }

    /// The same, which must be whole by then.
    pub(crate) fn by(mut self, end: Instant) -> Self {
        if matches!(self.source, Source::Upstream { .. }) {
            self.end = Some(Box::pin(sleep_until(end)));
        }
        self
    }

    /// The same, with the request that is in hand until it is given.
    pub(crate) fn held(mut self, in_hand: InHand) -> Self {
        self.in_hand = Some(in_hand);
        self
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = self.get_mut();
        if let Some(end) = &mut this.end
            && end.as_mut().poll(cx).is_ready()
        {
            this.source = Source::Nothing;
            return Poll::Ready(Some(Err(Broken::Late)));
        }
        this.takes(true);
        let poll = this.poll_source(cx);
        if matches!(poll, Poll::Ready(Some(Ok(_)))) {
            this.takes(false);
        }
        poll
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_none()
            && match &self.source {
                Source::Nothing => true,
                Source::Whole(bytes) => bytes.is_empty(),
                Source::Upstream { loan, .. } => loan.talk.is_heard(),
                Source::Events(_) => false,
            }
    }

    fn size_hint(&self) -> SizeHint {
        let rest = match &self.source {
            Source::Nothing => SizeHint::with_exact(0),
            Source::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Upstream { loan, .. } => loan.talk.size_hint(),
            Source::Events(_) => SizeHint::new(),
        };
        match &self.ahead {
            Some(read) => more(read, rest),
            None => rest,
        }
    }
}

impl Reply {
    fn takes(&self, takes: bool) {
        if let Some(in_hand) = &self.in_hand {
            in_hand.takes(takes);
        }
    }

    /// The next of it from where it comes.
    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Some(read) = self.ahead.take() {
            return Poll::Ready(Some(Ok(Frame::data(read))));
        }
        match &mut self.source {
            Source::Nothing => Poll::Ready(None),
            Source::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                self.source = Source::Nothing;
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Source::Events(stream) => {
                let next = std::task::ready!(stream.poll_next(cx));
                if !matches!(next, Some(Ok(_))) {
                    self.source = Source::Nothing;
                }
                Poll::Ready(next.map(|next| next.map(Frame::data)))
            }
            Source::Upstream { held, .. } if held.is_cut() => {
                self.source = Source::Nothing;
                Poll::Ready(Some(Err(Broken::Revoked)))
            }
            Source::Upstream { loan, stall, sleep: timer, held } => match loan.talk.poll_data(cx) {
                Poll::Pending => {
                    held.wait(cx);
                    let timer = timer.get_or_insert_with(|| Box::pin(sleep(*stall)));
                    std::task::ready!(timer.as_mut().poll(cx));
                    self.source = Source::Nothing;
                    Poll::Ready(Some(Err(Broken::Stalled)))
                }
                Poll::Ready(Some(Ok(data))) => {
                    if let Some(timer) = timer {
                        timer.as_mut().reset(Instant::now() + *stall);
                    }
                    if loan.talk.is_heard() {
                        self.end();
                    }
                    Poll::Ready(Some(Ok(Frame::data(data))))
                }
                Poll::Ready(Some(Err(error))) => {
                    self.source = Source::Nothing;
                    Poll::Ready(Some(Err(Broken::Upstream(Box::new(error)))))
                }
                Poll::Ready(None) => {
                    self.end();
                    Poll::Ready(None)
                }
            },
        }
    }

    /// The upstream has said all: its connection may serve another request.
    fn end(&mut self) {
        if let Source::Upstream { loan, .. } = std::mem::replace(&mut self.source, Source::Nothing) {
            loan.give_back();
        }
    }
}
