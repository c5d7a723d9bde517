//! A plain HTTP/1.1 client for crash runs: one request, one connection, the whole answer.
//! It hides no failure: a refused, reset or silent connection is an error.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::handshake;
use hyper::header::{HeaderMap, HeaderName};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("not JSON: {}", String::from_utf8_lossy(&self.body)))
    }
}

/// Asks for a path.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Result<Answer> {
    let request = Request::get(path).body(Full::default())?;
    send(address, request, Duration::from_secs(5)).await
}

/// Asks for a path with a consumer's key; waits so long for the whole answer.
pub(crate) async fn get_with_key(address: SocketAddr, path: &str, key: &str, within: Duration) -> Result<Answer> {
    let request = Request::get(path).header("authorization", format!("Bearer {key}")).body(Full::default())?;
    send(address, request, within).await
}

/// Posts JSON to a path, with more headers; waits so long for the whole answer.
pub(crate) async fn post(
    address: SocketAddr,
    path: &str,
    headers: &[(HeaderName, String)],
    body: &Value,
    within: Duration,
) -> Result<Answer> {
    let mut request = Request::builder().method(Method::POST).uri(path);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.header("content-type", "application/json").body(Full::from(body.to_string()))?;
    send(address, request, within).await
}

/// Sends a request on a connection of its own; waits so long for the whole answer.
pub(crate) async fn send(address: SocketAddr, mut request: Request<Full<Bytes>>, within: Duration) -> Result<Answer> {
    request.headers_mut().insert("host", address.to_string().parse()?);
    let exchange = async {
        let stream = TcpStream::connect(address).await?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(connection);
        let response = sender.send_request(request).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        driver.abort();
        anyhow::Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    };
    timeout(within, exchange).await.context("no answer in time")?
}
