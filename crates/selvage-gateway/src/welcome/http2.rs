//! HTTP/2 with a client: every stream is a task with a watch of its own, so that one that stalls ends alone. What a
//! connection may have open, reset or send ahead is bounded, and with it what it can cost.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use hyper::rt::Executor;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::connection::{Watch, Watched};
use crate::peer::Peer;
use crate::serve;
use crate::worker::Worker;

/// Bytes of a body that may come before they are asked for: of one stream, of all together.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Bytes of an answer that wait to be sent, of each stream.
const SEND_BUFFER: usize = 64 * 1024;
/// Streams that a client reset before they were looked at, and streams that were reset for its mistakes; with more of
/// either the connection ends (rapid reset, CVE-2023-44487 and what followed).
const RESETS_UNSEEN: usize = 20;
const RESETS_OF_OURS: usize = 200;

/// Runs streams, each with the watch that was made for it last.
#[derive(Clone)]
struct Streams {
    worker: Rc<Worker>,
    newest: Rc<RefCell<Option<Rc<Watch>>>>,
}

impl<F: Future + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let task = tokio::task::spawn_local(async move {
            stream.await;
        });
        if let Some(watch) = self.newest.take() {
            self.worker.watch_stream(task.abort_handle(), watch);
        }
    }
}

/// Serves a connection until it ends or is to close.
pub(super) async fn serve<S>(worker: Rc<Worker>, stream: Watched<S>, peer: Rc<Peer>, watch: Rc<Watch>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    watch.multiplex();
    let config = worker.config();
    let newest = Rc::new(RefCell::new(None));
    let streams = Streams { worker: Rc::clone(&worker), newest: Rc::clone(&newest) };
    let mut builder = Builder::new(streams);
    // A head that is somewhat too large is read, so that its refusal can say why; beyond that h2 answers for itself.
    let most = u32::try_from(config.max_head.saturating_mul(2)).unwrap_or(u32::MAX);
    builder
        .max_concurrent_streams(config.max_streams)
        .max_header_list_size(most)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(RESETS_UNSEEN)
        .max_local_error_reset_streams(RESETS_OF_OURS);
    let service = service_fn(|request| {
        let stream = Rc::new(Watch::stream(&watch));
        *newest.borrow_mut() = Some(Rc::clone(&stream));
        let in_hand = stream.take_in_hand();
        serve::handle(Rc::clone(&worker), stream, Rc::clone(&peer), in_hand, request)
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream.over_http2()), service));
    poll_fn(|cx| {
        watch.remember(cx);
        Poll::Ready(())
    })
    .await;
    let mut told = false;
    let served = poll_fn(|cx| {
        if !told && watch.is_closing() {
            told = true;
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(cx)
    });
    if let Err(error) = served.await {
        tracing::debug!(%error, "a client connection over HTTP/2 ended");
    }
}
