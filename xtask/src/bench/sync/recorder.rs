//! A proxy before an Odoo that keeps what was asked of it. Never part of what is measured.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request as it was made.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub(super) path: String,
    pub(super) body: Bytes,
}

/// The proxy. Ended when dropped.
pub(super) struct Recorder {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<Recorded>>>,
    serving: JoinHandle<()>,
}

impl Recorder {
    /// Listens, and passes everything on.
    pub(super) async fn start(upstream: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let seen: Arc<Mutex<Vec<Recorded>>> = Arc::default();
        let kept = Arc::clone(&seen);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                let service = service_fn(move |request| pass(upstream, Arc::clone(&kept), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok(Self { address, seen, serving })
    }

    /// What was asked since the last time.
    pub(super) fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass(
    upstream: SocketAddr,
    seen: Arc<Mutex<Vec<Recorded>>>,
    request: Request<Incoming>,
) -> Result<Response<Incoming>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let path = head.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    let recorded = Recorded { path, body: body.clone() };
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(recorded);
    let (mut sender, connection) = handshake(TokioIo::new(TcpStream::connect(upstream).await?)).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(Request::from_parts(head, Full::new(body))).await?)
}
