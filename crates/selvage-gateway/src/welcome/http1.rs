//! HTTP/1.1 with a client: hyper reads and writes, the watch says when it is enough.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::linger;
use crate::connection::{Watch, Watched};
use crate::peer::Peer;
use crate::serve;
use crate::worker::Worker;

const HYPER_MAX_HEADERS: usize = 100;
const LEAST_HEAD: usize = 8 * 1024;

/// Serves a connection until it ends or is to close.
pub(super) async fn serve<S>(worker: Rc<Worker>, stream: Watched<S>, peer: Rc<Peer>, watch: Rc<Watch>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let config = worker.config();
    let mut builder = Builder::new();
    // hyper's own timer would be armed for each request; the sweep watches heads instead.
    let most = config.max_head.max(LEAST_HEAD);
    builder.max_header_size(most).max_buf_size(most).header_read_timeout(None);
    // Asked for hyper's own default, hyper would fill an array for each request that it leaves alone otherwise.
    if config.max_headers != HYPER_MAX_HEADERS {
        builder.max_headers(config.max_headers);
    }
    let service = service_fn(|request| {
        serve::handle(Rc::clone(&worker), Rc::clone(&watch), Rc::clone(&peer), watch.take_in_hand(), request)
    });
    let mut connection = builder.serve_connection(TokioIo::new(stream.over_http1()), service);
    poll_fn(|cx| {
        watch.remember(cx);
        Poll::Ready(())
    })
    .await;
    let mut told = false;
    let served = poll_fn(|cx| {
        if !told && watch.is_closing() {
            told = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        Pin::new(&mut connection).poll(cx)
    });
    let served = served.await;
    if let Err(error) = &served {
        tracing::debug!(%error, "a client connection ended");
    }
    if let Some(tunnel) = watch.take_tunnel() {
        let parts = connection.into_parts();
        let mut stream = parts.io.into_inner();
        stream.follow_no_more();
        // Rare, and its future large.
        return Box::pin(tunnel.run(stream, &parts.read_buf)).await;
    }
    // Only where there is an answer that the end could take away.
    if watch.has_left_unread() || served.is_err_and(|error| error.is_parse()) {
        linger(&mut connection.into_parts().io.into_inner()).await;
    }
}
