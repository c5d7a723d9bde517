//! The load client of the benchmarks: one thread, keep-alive connections, every answer read to its end and checked.
//! Never counts an answer that is not 200; any other ends the run as an error.

mod closed;
mod open;

use std::net::SocketAddr;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::process;

pub(crate) use closed::closed;
pub(crate) use open::{open, open_counting};

/// How many different items are asked for.
const ITEMS: usize = 1000;

/// Whom to ask for what.
#[derive(Clone)]
pub(crate) struct Target {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What stands before the item's number in the path.
    pub(crate) path: String,
    /// What the consumer shows of itself: a key, or tokens that take turns.
    pub(crate) keys: Keys,
    /// How it is spoken to.
    pub(crate) speech: Speech,
}

/// One key, or tokens of which each request takes the next.
#[derive(Clone)]
pub(crate) struct Keys(Arc<[String]>);

impl From<String> for Keys {
    fn from(key: String) -> Self {
        Self(Arc::new([key]))
    }
}

impl From<&str> for Keys {
    fn from(key: &str) -> Self {
        Self::from(key.to_owned())
    }
}

impl From<Vec<String>> for Keys {
    fn from(tokens: Vec<String>) -> Self {
        Self(tokens.into())
    }
}

impl Keys {
    /// What the request of this number shows.
    pub(crate) fn of(&self, number: usize) -> &str {
        self.0.get(number % self.0.len().max(1)).map_or("", String::as_str)
    }
}

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speech {
    Http1,
    /// With prior knowledge, on plain TCP.
    Http2,
    /// HTTP/1.1 over TLS.
    Tls,
}

/// A connection to whom is asked.
enum Sender {
    Http1(http1::SendRequest<Empty<Bytes>>),
    Http2(http2::SendRequest<Empty<Bytes>>),
}

impl Sender {
    async fn send(&mut self, request: Request<Empty<Bytes>>) -> Result<Response<Incoming>> {
        Ok(match self {
            Self::Http1(sender) => {
                sender.ready().await.context("the connection was closed")?;
                sender.send_request(request).await?
            }
            Self::Http2(sender) => {
                sender.ready().await.context("the connection was closed")?;
                sender.send_request(request).await?
            }
        })
    }
}

/// Whom the certificate of servers that are measured names.
pub(crate) const SERVER: &str = "gateway.test";

/// A file of the certificates that servers which are measured prove themselves by.
pub(crate) fn certificate(name: &str) -> PathBuf {
    process::workspace().join("crates/selvage-gateway/tests/gateway/data/tls/clients").join(name)
}

/// What shakes hands with servers that are measured, and offers these protocols.
pub(crate) fn connector(protocols: &[&str]) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate("authority.pem"))?)?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Runs a client on a thread and a runtime of its own, so that nothing else of this process shares them.
async fn alone<T, F>(client: impl FnOnce() -> F + Send + 'static) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>>,
{
    tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, client())
    })
    .await?
}

impl Target {
    async fn connect(&self) -> Result<Sender> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        match self.speech {
            Speech::Http1 => {
                let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
                tokio::task::spawn_local(connection);
                Ok(Sender::Http1(sender))
            }
            Speech::Tls => {
                let stream = connector(&[])?.connect(ServerName::try_from(SERVER)?, stream).await?;
                let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
                tokio::task::spawn_local(connection);
                Ok(Sender::Http1(sender))
            }
            Speech::Http2 => {
                let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
                tokio::task::spawn_local(connection);
                Ok(Sender::Http2(sender))
            }
        }
    }

    async fn ask(&self, sender: &mut Sender, number: usize) -> Result<()> {
        let answered = self.ask_once(sender, number).await?;
        answered.map_err(|problem| anyhow!("answered {problem}"))
    }

    /// What was answered where it was not 200.
    async fn ask_once(&self, sender: &mut Sender, number: usize) -> Result<Result<(), String>> {
        let path = format!("{}{}", self.path, number % ITEMS);
        let request = match self.speech {
            Speech::Http2 => Request::get(format!("http://bench.local{path}")),
            Speech::Http1 | Speech::Tls => Request::get(path).header("host", "bench.local"),
        };
        let request = request.header("authorization", format!("Bearer {}", self.keys.of(number))).body(Empty::new())?;
        let response = sender.send(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if status != 200 {
            return Ok(Err(format!("{status}: {}", String::from_utf8_lossy(&body))));
        }
        ensure!(!body.is_empty(), "answered nothing");
        Ok(Ok(()))
    }
}
