//! The load client of the benchmarks: one thread, keep-alive connections, every answer read to its end and checked.
//! Never counts an answer that is not 200; any other ends the run as an error.

mod closed;
mod open;

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::LocalSet;

pub(crate) use closed::closed;
pub(crate) use open::open;

/// How many different items are asked for.
const ITEMS: usize = 1000;

/// Whom to ask for what.
#[derive(Clone)]
pub(crate) struct Target {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// What stands before the item's number in the path.
    pub(crate) path: String,
    /// The consumer's key.
    pub(crate) key: String,
}

type Sender = SendRequest<Empty<Bytes>>;

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
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::task::spawn_local(connection);
        Ok(sender)
    }

    async fn ask(&self, sender: &mut Sender, number: usize) -> Result<()> {
        let request = Request::get(format!("{}{}", self.path, number % ITEMS))
            .header("host", "bench.local")
            .header("authorization", format!("Bearer {}", self.key))
            .body(Empty::new())?;
        sender.ready().await.context("the connection was closed")?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        ensure!(status == 200, "answered {status}: {}", String::from_utf8_lossy(&body));
        ensure!(!body.is_empty(), "answered nothing");
        Ok(())
    }
}
