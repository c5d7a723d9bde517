//! The console's connections, bounded in number and in silence: whoever holds many of them open, or sends nothing, takes
//! nothing from the data path, which lives in the same process and has the same file descriptors. INVARIANT: SHIELDED-PATH

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::Next;
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use futures_util::future::ready;
use futures_util::{StreamExt as _, stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

const MOST_CONNECTIONS: usize = 256;
const SILENCE: Duration = Duration::from_secs(30);
/// However busy: a browser opens a new one and notices nothing.
const LONGEST: Duration = Duration::from_secs(300);

/// Whether an answer is being worked on, on a connection: its silence does not count meanwhile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Working(Arc<AtomicUsize>);

impl Working {
    /// Until what is returned is dropped, an answer is worked on.
    pub(crate) fn begin(&self) -> Work {
        self.0.fetch_add(1, Ordering::Relaxed);
        Work(Arc::clone(&self.0))
    }
}

/// An answer that is worked on.
pub(crate) struct Work(Arc<AtomicUsize>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An answer is worked on from when its request was read: a body that does not come is silence.
pub(crate) async fn at_work(request: Request, next: Next) -> Response {
    let Some(ConnectInfo(working)) = request.extensions().get::<ConnectInfo<Working>>().cloned() else {
        return next.run(request).await;
    };
    if request.body().is_end_stream() {
        let _work = working.begin();
        return next.run(request).await;
    }
    let work = Arc::new(OnceLock::new());
    let of_body = Arc::clone(&work);
    let heard = |body: Body| {
        let is_read = async move {
            of_body.get_or_init(|| working.begin());
            None
        };
        Body::from_stream(body.into_data_stream().chain(stream::once(is_read).filter_map(ready)))
    };
    let response = next.run(request.map(heard)).await;
    drop(work);
    response
}

impl Connected<IncomingStream<'_, Bounded>> for Working {
    fn connect_info(stream: IncomingStream<'_, Bounded>) -> Self {
        stream.io().working.clone()
    }
}

/// A listener that holds so many connections, and lets more wait in the kernel's queue.
pub(crate) struct Bounded {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Bounded {
    /// Bounds this listener.
    pub(crate) fn new(listener: TcpListener) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(MOST_CONNECTIONS)) }
    }
}

impl Listener for Bounded {
    type Io = Held;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Held, SocketAddr) {
        // The semaphore is never closed.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let ends = Instant::now() + LONGEST;
        let (silence, working) = (Box::pin(sleep(SILENCE)), Working::default());
        (Held { stream, silence, ends, working, _place: place }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection in its place.
pub(crate) struct Held {
    stream: TcpStream,
    silence: Pin<Box<Sleep>>,
    ends: Instant,
    working: Working,
    _place: Option<OwnedSemaphorePermit>,
}

impl AsyncRead for Held {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(cx, buffer) {
            this.silence.as_mut().reset((Instant::now() + SILENCE).min(this.ends));
            return Poll::Ready(read);
        }
        while this.silence.as_mut().poll(cx).is_ready() {
            if this.working.0.load(Ordering::Relaxed) == 0 {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            this.silence.as_mut().reset(Instant::now() + SILENCE);
        }
        Poll::Pending
    }
}

impl AsyncWrite for Held {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn no_more_are_held_than_there_are_places() {
        let mut bounded = Bounded::new(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap());
        let address = bounded.local_addr().unwrap();
        let mut held = Vec::new();
        for _ in 0..MOST_CONNECTIONS {
            held.push((TcpStream::connect(address).await.unwrap(), bounded.accept().await));
        }
        let _one_more = TcpStream::connect(address).await.unwrap();
        let patience = Duration::from_millis(50);
        assert!(tokio::time::timeout(patience, bounded.accept()).await.is_err());
        held.pop();
        assert!(tokio::time::timeout(Duration::from_secs(10), bounded.accept()).await.is_ok());
    }

    #[tokio::test(flavor = "current_thread")]
    async fn who_sends_nothing_is_let_go() {
        let mut bounded = Bounded::new(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap());
        let _client = TcpStream::connect(bounded.local_addr().unwrap()).await.unwrap();
        let (mut held, _) = bounded.accept().await;
        held.silence = Box::pin(sleep(Duration::from_millis(10)));
        let read = tokio::time::timeout(Duration::from_secs(10), held.read_u8()).await.unwrap();
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn who_waits_for_an_answer_is_held() {
        let mut bounded = Bounded::new(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap());
        let mut client = TcpStream::connect(bounded.local_addr().unwrap()).await.unwrap();
        let (mut held, _) = bounded.accept().await;
        let work = held.working.begin();
        held.silence = Box::pin(sleep(Duration::from_millis(1)));
        assert!(tokio::time::timeout(Duration::from_millis(50), held.read_u8()).await.is_err(), "it waits on");
        client.write_all(b"a").await.unwrap();
        assert_eq!(held.read_u8().await.unwrap(), b'a');
        drop(work);
        held.silence = Box::pin(sleep(Duration::from_millis(1)));
        assert_eq!(held.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn an_answer_is_worked_on_from_when_its_request_was_read() {
        let bounded = Bounded::new(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap());
        let address = bounded.local_addr().unwrap();
        let count = |working: Working| working.0.load(Ordering::Relaxed);
        let asked = move |ConnectInfo(working): ConnectInfo<Working>, request: Request| async move {
            let before = count(working.clone());
            axum::body::to_bytes(request.into_body(), 100).await.unwrap();
            format!("{before} {}", count(working))
        };
        let after = move |ConnectInfo(working): ConnectInfo<Working>| async move { count(working).to_string() };
        let routes = axum::Router::new()
            .route("/", axum::routing::any(asked))
            .layer(axum::middleware::from_fn(at_work))
            .route("/after", axum::routing::get(after))
            .into_make_service_with_connect_info::<Working>();
        tokio::spawn(axum::serve(bounded, routes).into_future());
        let client = reqwest::Client::new();
        let text = |request: reqwest::RequestBuilder| async { request.send().await.unwrap().text().await.unwrap() };
        let url = format!("http://{address}/");
        assert_eq!(text(client.get(&url)).await, "1 1");
        assert_eq!(text(client.post(&url).body("a body")).await, "0 1");
        assert_eq!(text(client.get(format!("{url}after"))).await, "0", "the same connection");
    }
}
