//! A client connection from its first byte to its last: TLS where the listener speaks it, then HTTP/2 or HTTP/1.1, and
//! an end that does not take the last answer away. It decides about no request.

mod http1;
mod http2;
mod preface;

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::connection::{Watch, Watched};
use crate::peer::Peer;
use crate::worker::Worker;
use preface::Protocol;

/// How long, and how many bytes, a client that is still sending is listened to after its last answer: many send all of a body before
/// they read anything.
const LINGER: Duration = Duration::from_secs(10);
const LINGER_BYTES: usize = 64 * 1024 * 1024;
/// One that sends nothing for so long has sent all that it sends.
const LINGER_SILENCE: Duration = Duration::from_secs(1);

/// Counts a connection while it lasts.
struct Counted(Rc<Worker>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.shard.disconnected();
    }
}

/// Serves a connection to its end.
pub(crate) async fn serve(worker: Rc<Worker>, stream: TcpStream, peer: SocketAddr, watch: Rc<Watch>) {
    worker.shard.connected();
    let _counted = Counted(Rc::clone(&worker));
    let address = HeaderValue::try_from(peer.ip().to_canonical().to_string());
    let (Ok(address), Ok(())) = (address, stream.set_nodelay(true)) else { return };
    let Some(tls) = &worker.shared.tls else {
        let peer = Rc::new(Peer { address, secure: false, certificate: None });
        return serve_plain(worker, stream, peer, watch).await;
    };
    let tls = tls.load_full();
    let shaking = tls.shake_hands(stream);
    let shaken = tokio::select! {
        biased;
        shaken = tokio::time::timeout(worker.config().head_timeout, Box::pin(shaking)) => shaken,
        () = watch.asked_to_close() => return,
    };
    match shaken {
        Ok(Ok((stream, shown))) => {
            if shown.certificate.is_some() {
                watch.was_trusted(Arc::clone(&tls.clients));
            }
            drop(tls);
            let peer = Rc::new(Peer { address, secure: true, certificate: shown.certificate });
            let protocol = if shown.http2 { Protocol::Http2 } else { Protocol::Http1 };
            serve_as(protocol, Bytes::new(), worker, stream, peer, watch).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "a client did not get through the TLS handshake"),
        Err(_) => tracing::debug!("a client took too long for the TLS handshake"),
    }
}

async fn serve_plain(worker: Rc<Worker>, mut stream: TcpStream, peer: Rc<Peer>, watch: Rc<Watch>) {
    let Ok((protocol, before)) = preface::read(&mut stream, &watch).await else { return };
    serve_as(protocol, before, worker, stream, peer, watch).await;
}

async fn serve_as<S>(protocol: Protocol, before: Bytes, worker: Rc<Worker>, stream: S, peer: Rc<Peer>, watch: Rc<Watch>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let stream = Watched::new(stream, before, Rc::clone(&watch), Rc::clone(&worker));
    match protocol {
        Protocol::Http1 => http1::serve(worker, stream, peer, watch).await,
        // Rare beside the other, and its future large.
        Protocol::Http2 => Box::pin(http2::serve(worker, stream, peer, watch)).await,
    }
}

/// Lets a client that is still sending read its answer: a connection that is closed over unread bytes is reset, and the
/// answer with it.
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    let listening = async {
        stream.shutdown().await?;
        let mut buffer = vec![0; 16 * 1024];
        let mut left = LINGER_BYTES;
        while let Ok(read) = tokio::time::timeout(LINGER_SILENCE, stream.read(&mut buffer)).await {
            let more = read?;
            match left.checked_sub(more) {
                Some(rest) if more > 0 => left = rest,
                _ => break,
            }
        }
        Ok::<_, std::io::Error>(())
    };
    let _ = tokio::time::timeout(LINGER, listening).await;
}
